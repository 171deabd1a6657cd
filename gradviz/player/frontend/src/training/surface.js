// The loss over one or two entries of the parameters: contours, and the run's way over them.

import { html, svgElement } from "../dom.js";
import { numberText } from "../number.js";
import { MARKED, SURFACE, path, scale, way, withRoom } from "./geometry.js";
import { makePoints } from "./onward/points.js";
import { wayOf } from "./parameters.js";
import { phrase } from "../words.js";

/** @typedef {import("./data.js").RunData} RunData */
/**
 * What Python has worked out: from where to where the axes go, and what lies on the ground, as paths in the box of `SURFACE`.
 * @typedef {[number, number]} Ends
 * @typedef {{names: string[], x: Ends, y: Ends | null, loss: Ends, ground: {d: string, loss: number | null}[], sentence: string, why: string}} Told
 */

const { width: WIDTH, height: HEIGHT, left: LEFT, top: TOP, right: RIGHT, bottom: BOTTOM } = SURFACE;

/**
 * @param {RunData} run
 * @param {{ask?: (first: string, second: string) => void, branch?(): import("./onward/branch.js").Branch | null, start?(values: [number, number, number][]): Promise<void>}} on
 *   `start`: sets entries of parameters at the step that is shown
 */
export function makeSurface(run, on) {
  const svg = svgElement("svg", { class: "gt-chart gt-surface", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  const ground = svgElement("g");
  const line = svgElement("path", { class: "gt-way-line" });
  const steps = svgElement("g");
  const dot = svgElement("circle", { class: "gt-here", r: 6 });
  const axes = svgElement("g");
  // A way that leaves the frame is cut off there: an svg in an svg shows nothing beyond its own rectangle.
  const frame = { x: LEFT, y: TOP, width: RIGHT - LEFT, height: BOTTOM - TOP };
  const inside = svgElement("svg", { ...frame, viewBox: Object.values(frame).join(" ") }, line, steps);
  const ghost = svgElement("path", { class: "gt-ghost" });
  inside.prepend(ghost);
  svg.append(ground, axes, inside, dot);
  readable(svg);
  const words = html("p", { class: "gt-words" });
  const gone = html("p", { class: "gt-words gt-bad-words", hidden: "" });
  const choice = html("div", { class: "gt-pair" });
  const element = html("section", { class: "gt-panel gt-over" }, html("header", {}, html("h3", {}, phrase("training surface: loss surface")), choice), svg, saidBelow(gone, words));
  /** @type {Told | null} */
  let told = null;
  let x = scale([0, 1], [0, 1]);
  let y = x;
  /** @type {[number[], number[]]} */
  let values = [[], []];
  const [first, second] = [0, 1].map(() => html("select"));
  const names = run.parameters.flatMap(({ name, entries }) => entries.map(([, place]) => name + place));
  if (on.ask && names.length > 1) {
    const both = /** @type {const} */ ([[first, "Across"], [second, "Up"]]);
    for (const [select, label] of both) {
      select.setAttribute("aria-label", label);
      select.append(...names.map((name) => html("option", { value: name }, name)));
      select.addEventListener("change", () => on.ask?.(first.value, second.value));
      choice.append(select);
    }
  }

  /** The way of one axis: an entry's values, found by its name. @param {string} name @param {import("./data.js").Parameter[]} [parameters] */
  const valuesOf = (name, parameters = run.parameters) => {
    for (const parameter of parameters) {
      const column = parameter.entries.findIndex(([, place]) => parameter.name + place === name);
      if (column >= 0) return wayOf(parameter, column);
    }
    return [];
  };

  function drawWay() {
    if (!told) return;
    const across = valuesOf(told.names[0]);
    values = [across, told.y ? valuesOf(told.names[1]) : across.map((_, k) => (k < run.length ? run.loss(k) : NaN))];
    const branch = on.branch?.();
    if (branch && told.y) ghost.setAttribute("d", path(way(valuesOf(told.names[0], branch.recorded.parameters), valuesOf(told.names[1], branch.recorded.parameters), x, y)));
    else ghost.setAttribute("d", "");
    const points = way(...values, x, y);
    line.setAttribute("d", path(points));
    steps.replaceChildren(...(points.length <= MARKED ? points : []).map(([cx, cy]) => svgElement("circle", { class: "gt-step", cx, cy, r: 2.2 })));
  }

  /** Which entry of which parameter an axis is. @param {string} name @returns {[number, number]} */
  function entryOf(name) {
    const parameter = run.parameters.findIndex((one) => one.entries.some(([, place]) => one.name + place === name));
    return [parameter, parameter < 0 ? -1 : run.parameters[parameter].entries.findIndex(([, place]) => run.parameters[parameter].name + place === name)];
  }
  if (on.start) {
    // The dot is taken hold of: another start.
    makePoints(svg, {
      count: () => Number(told !== null && told.y !== null && !dot.hasAttribute("hidden")),
      place: () => [Number(dot.getAttribute("cx")), Number(dot.getAttribute("cy"))],
      say: () => [x.invert(Number(dot.getAttribute("cx"))), y.invert(Number(dot.getAttribute("cy")))],
      async move(_, across, up) {
        const { names } = /** @type {Told} */ (told);
        const [one, other] = names.map(entryOf);
        if (one[1] < 0 || other[1] < 0) return;
        await on.start?.([[...one, x.invert(Math.max(LEFT, Math.min(RIGHT, across)))], [...other, y.invert(Math.max(TOP, Math.min(BOTTOM, up)))]]);
      },
    }).show();
  }

  return {
    element,
    /** @param {Told | null} given */
    take(given) {
      told = given;
      element.hidden = !told;
      if (!told) return;
      const [low, high] = told.loss;
      x = scale(told.x, [LEFT, RIGHT]);
      y = scale(told.y ?? withRoom(low, high), [BOTTOM, TOP]);
      ground.replaceChildren(...told.ground.map((part) => {
        if (part.loss === null) return svgElement("path", { class: "gt-line gt-c0", d: part.d });
        const title = svgElement("title");
        title.textContent = `loss ${numberText(part.loss, 3)}`;
        return svgElement("path", { class: "gt-band", "fill-rule": "evenodd", d: part.d }, title);
      }));
      drawAxes(axes, x, y, told.names[0], told.y ? told.names[1] : "loss");
      words.textContent = told.sentence;
      [first.value, second.value] = [told.names[0], told.names[1] ?? told.names[0]];
      const what = told.y ? phrase("training surface: loss over and as contours", { names: told.names[0], names2: told.names[1] }) : phrase("training surface: loss over", { names: told.names[0] });
      svg.setAttribute("aria-label", phrase("training surface: from and way run", { what, low: numberText(low), high: numberText(high) }));
      drawWay();
    },
    drawWay,
    /** Whether there is anything to show. */
    get some() {
      return told !== null;
    },
    /** Which entries are looked at. */
    pair: () => (told ? { first: told.names[0], second: told.names[1] } : {}),
    /** @param {number} k */
    move(k) {
      if (!told) return;
      const [one, other] = [values[0][k] ?? NaN, values[1][k] ?? NaN];
      const [a, b] = [x(one), y(other)];
      const known = Number.isFinite(a) && Number.isFinite(b);
      const [across, up] = known ? [Math.max(LEFT, Math.min(RIGHT, a)), Math.max(TOP, Math.min(BOTTOM, b))] : lastSeen(k);
      const outside = !known || Math.abs(across - a) > 1 || Math.abs(up - b) > 1;
      dot.toggleAttribute("hidden", !Number.isFinite(across));
      dot.classList.toggle("gt-gone", outside);
      if (Number.isFinite(across)) {
        dot.setAttribute("cx", String(across));
        dot.setAttribute("cy", String(up));
      }
      const where = told.y ? `${told.names[0]} = ${numberText(one, 4)}, ${told.names[1]} = ${numberText(other, 4)}` : `${told.names[0]} = ${numberText(one, 4)}`;
      const text = outside ? `${phrase("training surface: outside", { where })} ${told.why}`.trim() : "";
      gone.textContent = text;
      gone.hidden = !text;
    },
  };

  /** Where the way left the picture, of a step that has no place any more. @param {number} k @returns {[number, number]} */
  function lastSeen(k) {
    for (let at = k; at >= 0; at -= 1) {
      const [a, b] = [x(values[0][at] ?? NaN), y(values[1][at] ?? NaN)];
      if (Number.isFinite(a) && Number.isFinite(b)) return [Math.max(LEFT, Math.min(RIGHT, a)), Math.max(TOP, Math.min(BOTTOM, b))];
    }
    return [NaN, NaN];
  }
}

const LARGEST = 1.5; // times the usual size: there is no more room beside the axes

/** Keeps the words at the axes of a picture that is drawn small as large as they are elsewhere, as far as there is room. @param {SVGSVGElement} svg */
export function readable(svg) {
  new ResizeObserver(() => {
    const scale = Math.min(svg.clientWidth / WIDTH, svg.clientHeight / HEIGHT);
    if (scale > 0) svg.style.setProperty("--unit", String(Math.max(1, Math.min(LARGEST, 1 / scale))));
  }).observe(svg);
}

/** What is said below a picture, which has its room first. @param {...HTMLElement} words */
export const saidBelow = (...words) => html("div", { class: "gt-said", tabindex: 0, role: "group", "aria-label": phrase("training surface: said") }, ...words);

/** @param {SVGGElement} axes @param {import("./geometry.js").Scale} x @param {import("./geometry.js").Scale} y @param {string} across @param {string} up */
export function drawAxes(axes, x, y, across, up) {
  const text = (/** @type {string} */ words, /** @type {Record<string, string | number>} */ at) => {
    const made = svgElement("text", { class: "gt-tick", ...at });
    made.textContent = words;
    return made;
  };
  axes.replaceChildren(
    svgElement("rect", { class: "gt-frame", x: LEFT, y: TOP, width: RIGHT - LEFT, height: BOTTOM - TOP }),
    ...x.ticks.map((tick) => text(numberText(tick), { x: x(tick), y: BOTTOM + 15, "text-anchor": "middle" })),
    ...y.ticks.map((tick) => text(numberText(tick), { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" })),
    text(across, { x: (LEFT + RIGHT) / 2, y: HEIGHT - 6, "text-anchor": "middle", class: "gt-name" }),
    text(up, { x: 12, y: (TOP + BOTTOM) / 2, "text-anchor": "middle", class: "gt-name", transform: `rotate(-90 12 ${(TOP + BOTTOM) / 2})` }),
  );
}
