// The loss over one or two entries of the parameters: contours, and the run's way over them.

import { contours } from "d3-contour";
import { html, svgElement } from "../dom.js";
import { numberText } from "../number.js";
import { unpacked } from "./columns.js";
import { wayOf } from "./parameters.js";
import { extent, pieces, scale } from "./scale.js";

/** @typedef {import("./data.js").RunData} RunData */
/** @typedef {{names: string[], x: any, y: any, loss: any, sentence: string}} Told */

const [WIDTH, HEIGHT] = [420, 320];
const MARGIN = { left: 58, right: 12, top: 10, bottom: 40 };
const LEVELS = 12;
const POINTS = 600;

/**
 * @param {RunData} run
 * @param {{ask?: (first: string, second: string) => void}} on
 */
export function makeSurface(run, on) {
  const svg = svgElement("svg", { class: "gt-chart gt-surface", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  const ground = svgElement("g");
  const way = svgElement("path", { class: "gt-way-line" });
  const steps = svgElement("g");
  const dot = svgElement("circle", { class: "gt-here", r: 6 });
  const axes = svgElement("g");
  svg.append(ground, axes, way, steps, dot);
  const words = html("p", { class: "gt-words" });
  const choice = html("div", { class: "gt-pair" });
  const element = html("section", { class: "gt-panel gt-over" }, html("header", {}, html("h3", {}, "The loss surface"), choice), svg, words);
  /** @type {Told | null} */
  let told = null;
  let x = scale([0, 1], [0, 1]);
  let y = x;
  /** @type {[number[], number[]]} */
  let path = [[], []];
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

  /** The way of one axis: an entry's values, found by its name. @param {string} name */
  const valuesOf = (name) => {
    for (const parameter of run.parameters) {
      const column = parameter.entries.findIndex(([, place]) => parameter.name + place === name);
      if (column >= 0) return wayOf(parameter, column);
    }
    return [];
  };

  function drawWay() {
    if (!told) return;
    const across = valuesOf(told.names[0]);
    path = [across, told.y ? valuesOf(told.names[1]) : across.map((_, k) => (k < run.length ? run.loss(k) : NaN))];
    const places = path[0].map((value) => x(value));
    const [from, to] = [MARGIN.left, WIDTH - MARGIN.right];
    const inside = places.map((place, k) => (place >= from - 1 && place <= to + 1 ? y(path[1][k]) : NaN));
    const there = places.map((_, k) => k).filter((k) => !Number.isNaN(path[0][k]) && !Number.isNaN(path[1][k])); // it took part
    const every = Math.max(1, Math.ceil(there.length / POINTS));
    const few = there.filter((_, at) => at % every === 0 || at === there.length - 1);
    const lines = pieces(few.map((k) => k), few.map((k) => inside[k]), Infinity);
    way.setAttribute("d", lines.map((piece) => `M${piece.map(([k, b]) => `${places[k].toFixed(1)} ${b.toFixed(1)}`).join("L")}`).join(""));
    steps.replaceChildren(
      ...(there.length <= 60 ? few : []).filter((k) => Number.isFinite(inside[k])).map((k) => svgElement("circle", { class: "gt-step", cx: places[k], cy: inside[k], r: 2.2 })),
    );
  }

  return {
    element,
    /** @param {Told | null} given */
    take(given) {
      told = given;
      element.hidden = !told;
      if (!told) return;
      const [xs, ys] = [unpacked(told.x), told.y ? unpacked(told.y) : null];
      const loss = unpacked(told.loss);
      const [low, high] = extent(loss);
      x = scale([xs[0], xs[xs.length - 1]], [MARGIN.left, WIDTH - MARGIN.right], { count: 5 });
      y = scale(ys ? [ys[0], ys[ys.length - 1]] : [low, high], [HEIGHT - MARGIN.bottom, MARGIN.top], { count: 5 });
      if (ys) ground.replaceChildren(...bands(Array.from(loss, (value) => (Number.isFinite(value) ? value : high)), xs, ys, low, high, x, y));
      else {
        const line = pieces(Array.from(xs), Array.from(loss), Infinity);
        const d = line.map((piece) => `M${piece.map(([a, b]) => `${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("L")}`).join("");
        ground.replaceChildren(svgElement("path", { class: "gt-line gt-c0", d }));
      }
      drawAxes(axes, x, y, told.names[0], ys ? told.names[1] : "loss");
      words.textContent = told.sentence;
      [first.value, second.value] = [told.names[0], told.names[1] ?? told.names[0]];
      const what = ys ? `The loss over ${told.names[0]} and ${told.names[1]}, as contours` : `The loss over ${told.names[0]}`;
      svg.setAttribute("aria-label", `${what}, from ${numberText(low)} to ${numberText(high)}, and the way of the run`);
      drawWay();
    },
    drawWay,
    /** Which entries are looked at. */
    pair: () => (told ? { first: told.names[0], second: told.names[1] } : {}),
    /** @param {number} k */
    move(k) {
      const [a, b] = [x(path[0][k] ?? NaN), y(path[1][k] ?? NaN)];
      const seen = Number.isFinite(a) && Number.isFinite(b) && a >= MARGIN.left - 1 && a <= WIDTH - MARGIN.right + 1 && b >= MARGIN.top - 1 && b <= HEIGHT - MARGIN.bottom + 1;
      dot.toggleAttribute("hidden", !seen);
      if (!seen) return;
      dot.setAttribute("cx", String(a));
      dot.setAttribute("cy", String(b));
    },
  };
}

/**
 * Bands of the same loss: each is drawn over the one below, so the surface darkens as it rises. They are closer together near
 * the minimum, where the surface is flat.
 * @param {number[]} loss @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys @param {number} low @param {number} high
 * @param {import("./scale.js").Scale} x @param {import("./scale.js").Scale} y
 */
function bands(loss, xs, ys, low, high, x, y) {
  const levels = Array.from({ length: LEVELS }, (_, i) => low + (high - low) * ((i + 0.25) / LEVELS) ** 2);
  // Contours come in cells of the grid, whose first centre is at 0.5.
  const place = (/** @type {ArrayLike<number>} */ at, /** @type {number} */ cell) => at[0] + ((cell - 0.5) / Math.max(at.length - 1, 1)) * (at[at.length - 1] - at[0]);
  const clamped = (/** @type {number} */ value, /** @type {number} */ a, /** @type {number} */ b) => Math.max(Math.min(a, b), Math.min(Math.max(a, b), value));
  return contours().size([xs.length, ys.length]).thresholds(levels)(loss).map(({ coordinates, value }) => {
    const d = coordinates.flat().map((ring) => `M${ring.map(([a, b]) => {
      const px = clamped(x(place(xs, a)), MARGIN.left, WIDTH - MARGIN.right);
      const py = clamped(y(place(ys, b)), MARGIN.top, HEIGHT - MARGIN.bottom);
      return `${px.toFixed(1)} ${py.toFixed(1)}`;
    }).join("L")}Z`).join("");
    const title = svgElement("title");
    title.textContent = `loss ${numberText(value, 3)}`;
    return svgElement("path", { class: "gt-band", d }, title);
  });
}

/** @param {SVGGElement} axes @param {import("./scale.js").Scale} x @param {import("./scale.js").Scale} y @param {string} across @param {string} up */
export function drawAxes(axes, x, y, across, up, [width, height] = [WIDTH, HEIGHT]) {
  const [left, bottom] = [MARGIN.left, height - MARGIN.bottom];
  const text = (/** @type {string} */ words, /** @type {Record<string, string | number>} */ at) => {
    const made = svgElement("text", { class: "gt-tick", ...at });
    made.textContent = words;
    return made;
  };
  axes.replaceChildren(
    svgElement("rect", { class: "gt-frame", x: left, y: MARGIN.top, width: width - MARGIN.right - left, height: bottom - MARGIN.top }),
    ...x.ticks.map((tick) => text(numberText(tick), { x: x(tick), y: bottom + 15, "text-anchor": "middle" })),
    ...y.ticks.map((tick) => text(numberText(tick), { x: left - 6, y: y(tick) + 4, "text-anchor": "end" })),
    text(across, { x: (left + width - MARGIN.right) / 2, y: height - 6, "text-anchor": "middle", class: "gt-name" }),
    text(up, { x: 12, y: (MARGIN.top + bottom) / 2, "text-anchor": "middle", class: "gt-name", transform: `rotate(-90 12 ${(MARGIN.top + bottom) / 2})` }),
  );
}

export const FRAME = { WIDTH, HEIGHT, MARGIN };
