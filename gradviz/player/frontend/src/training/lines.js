// A chart of one or more lines over the steps of a run, with a cursor at the step that is shown.

import { html, setText, svgElement } from "../dom.js";
import { numberText } from "../number.js";
import { colourOf, dashOf, extent, fixed, plot, wantsLog } from "./geometry.js";
import { phrase } from "../words.js";

/** @typedef {{name: string, xs: number[], ys: number[]}} Line */

const [LEAST, USUAL] = [72, 210]; // pixels
const MARGIN = { left: 54, right: 14, top: 12, bottom: 34 };

/**
 * @param {{title: string, across: string, unit: string, go(x: number): void, log?: boolean}} look
 */
export function makeLines(look) {
  let log = Boolean(look.log);
  /** @type {Line[]} */
  let lines = [];
  let cursorAt = NaN;
  let width = 0;
  let height = USUAL;
  let chosen = log; // whether the reader, or the data, has chosen the scale
  const svg = svgElement("svg", { class: "gt-chart", role: "img" });
  const said = html("p", { class: "gt-reading" });
  const logarithmic = html("input", { type: "checkbox" });
  const toggle = html("label", { class: "gt-toggle" }, logarithmic, "logarithmic");
  const legend = html("div", { class: "gt-legend" });
  const room = html("div", { class: "gt-drawn" }, svg);
  const element = html("section", { class: "gt-panel gt-lines" }, html("header", {}, html("h3", {}, look.title), said, toggle), room, legend);
  logarithmic.addEventListener("change", () => {
    log = logarithmic.checked;
    chosen = true;
    draw();
  });
  const cursor = svgElement("line", { class: "gt-cursor" });
  const dots = svgElement("g");
  // A line that leaves the picture is cut off there: an svg in an svg shows nothing beyond its own rectangle.
  const inside = svgElement("svg");
  let drawn = plot([], box(300, USUAL), log);

  function draw() {
    if (!width) return;
    const { left, top, right, bottom } = box(width, height);
    drawn = plot(lines, box(width, height), log);
    const { x, y } = drawn;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("width", String(width));
    svg.setAttribute("height", String(height));
    const parts = [];
    for (const tick of y.ticks) {
      parts.push(svgElement("line", { class: "gt-grid", x1: left, x2: right, y1: y(tick), y2: y(tick) }));
      parts.push(label(numberText(tick), left - 7, y(tick) + 4, "end"));
    }
    for (const tick of x.ticks) parts.push(label(numberText(tick), x(tick), bottom + 17, "middle"));
    parts.push(svgElement("line", { class: "gt-axis", x1: left, x2: right, y1: bottom, y2: bottom }));
    parts.push(label(look.across, right, height - 3, "end", "gt-name"));
    const frame = { x: left, y: top - 4, width: right - left + 4, height: bottom - top + 4 };
    for (const [name, value] of Object.entries({ ...frame, viewBox: Object.values(frame).join(" ") })) inside.setAttribute(name, String(value));
    inside.replaceChildren(...drawn.paths.map((d, number) => svgElement("path", { class: `gt-line gt-c${colourOf(number)}`, "stroke-dasharray": dashOf(number), d })));
    parts.push(inside);
    drawn.leaving.forEach(([number, at], place) => {
      parts.push(svgElement("path", { class: `gt-line gt-c${colourOf(number)}`, d: `M${fixed(at - 5)} ${top + 1}l5 -7 5 7` }));
      const [, most] = extent(lines[number].ys);
      const after = at < (left + right) / 2;
      parts.push(label(phrase("training lines: leaves", { number: numberText(most, 3) }), at + (after ? 9 : -9), top + 6 + 15 * place, after ? "start" : "end", "gt-bad"));
    });
    if (drawn.lost) {
      const [k, at] = drawn.lost;
      parts.push(svgElement("line", { class: "gt-lost", x1: at, x2: at, y1: top, y2: bottom }));
      const after = at < (left + right) / 2; // on the side where there is more room
      parts.push(label(phrase("training lines: from here", { lines: numberText(lines[0].ys[k]) }), at + (after ? 5 : -5), bottom - 8, after ? "start" : "end", "gt-bad"));
    }
    cursor.setAttribute("y1", String(top));
    cursor.setAttribute("y2", String(bottom));
    svg.replaceChildren(...parts, cursor, dots);
    move();
  }

  /** @type {SVGCircleElement[]} by line, where it is at the step that is shown */
  let spots = [];
  /** @type {HTMLElement[]} by line, its number there; of a single line the head says it */
  let told = [];
  /** Makes what is moved from step to step. */
  function prepare() {
    spots = lines.map((_, number) => svgElement("circle", { class: `gt-dot gt-c${colourOf(number)}`, r: 4 }));
    dots.replaceChildren(...spots);
    told = lines.length > 1 ? lines.map(() => html("b", {})) : [];
    legend.replaceChildren(
      ...told.map((value, number) => {
        const sample = svgElement("svg", { width: 26, height: 10, "aria-hidden": "true" }, svgElement("path", { class: `gt-line gt-c${colourOf(number)}`, d: "M1 5H25", "stroke-dasharray": dashOf(number) }));
        return html("span", {}, sample, `${lines[number].name} `, value);
      }),
    );
  }

  function move() {
    const there = Number.isFinite(cursorAt);
    const { x, y } = drawn;
    cursor.toggleAttribute("hidden", !there);
    const readings = lines.map(({ xs, ys }) => {
      const k = nearest(xs, cursorAt);
      return { x: xs[k], y: ys[k] };
    });
    if (there && width) {
      cursor.setAttribute("transform", `translate(${x(cursorAt)} 0)`);
      readings.forEach((reading, number) => place(spots[number], x(reading.x), log && reading.y <= 0 ? NaN : y(reading.y)));
    }
    const text = lines.length === 1 ? `${look.unit} ${numberText(readings[0]?.y ?? NaN)}` : "";
    setText(said, there ? text : "");
    said.hidden = !text;
    told.forEach((value, number) => setText(value, numberText(readings[number].y, 3)));
  }

  /** Puts a dot on its line; where that has left the chart, a mark at the edge that it has left it by. @param {SVGCircleElement} spot @param {number} across @param {number} up */
  function place(spot, across, up) {
    const { top, bottom } = box(width, height);
    const known = !Number.isNaN(up);
    const outside = known && (up < top - 4 || up > bottom + 4);
    spot.toggleAttribute("hidden", !known);
    spot.classList.toggle("gt-gone", outside);
    if (known) spot.setAttribute("transform", `translate(${across} ${Math.max(top, Math.min(bottom, up))})`);
  }

  /** @param {PointerEvent} event */
  const point = (event) => {
    const { left, width: shown } = svg.getBoundingClientRect();
    look.go(drawn.x.invert(((event.clientX - left) / shown) * width));
  };
  svg.addEventListener("pointerdown", (event) => {
    svg.setPointerCapture(event.pointerId);
    point(event);
  });
  svg.addEventListener("pointermove", (event) => {
    if (svg.hasPointerCapture(event.pointerId)) point(event);
  });
  const watcher = new ResizeObserver(() => {
    const [across, up] = [Math.floor(room.clientWidth), Math.max(LEAST, Math.floor(room.clientHeight))];
    if (across > 0 && (across !== width || up !== height)) {
      [width, height] = [across, up];
      draw();
    }
  });
  watcher.observe(room);

  return {
    element,
    /** @param {Line[]} given */
    show(given) {
      lines = given;
      if (!chosen) log = wantsLog(lines);
      logarithmic.checked = log;
      svg.setAttribute("aria-label", describe(look, lines));
      prepare();
      draw();
    },
    /** @param {number} at */
    cursor(at) {
      cursorAt = at;
      move();
    },
    stop: () => watcher.disconnect(),
  };
}

/** Where lines are drawn, in a picture so wide and high. @param {number} width @param {number} height */
const box = (width, height) => ({ left: MARGIN.left, top: MARGIN.top, right: width - MARGIN.right, bottom: height - MARGIN.bottom });

/** @param {string} text @param {number} x @param {number} y @param {string} anchor */
function label(text, x, y, anchor, kind = "gt-tick") {
  const made = svgElement("text", { class: kind, x, y, "text-anchor": anchor });
  made.textContent = text;
  return made;
}

/** @param {{title: string, across: string}} look @param {Line[]} lines */
function describe({ title, across }, lines) {
  const told = lines.map(({ name, ys }) => `${name} from ${numberText(ys[0] ?? NaN)} to ${numberText(ys.at(-1) ?? NaN)}`);
  return phrase("training lines: over s", { title, across, part: told.join("; ") });
}

/** The place of the number nearest to one, in numbers that rise. @param {number[]} xs @param {number} wanted */
function nearest(xs, wanted) {
  let low = 0;
  let high = xs.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low > 0 && wanted - xs[low - 1] < xs[low] - wanted ? low - 1 : low;
}
