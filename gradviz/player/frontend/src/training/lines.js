// A chart of one or more lines over the steps of a run, with a cursor at the step that is shown.

import { html, svgElement } from "../dom.js";
import { numberText } from "../number.js";
import { extent, pieces, scale } from "./scale.js";

/** @typedef {{name: string, xs: number[], ys: number[]}} Line */

const HEIGHT = 210;
const MARGIN = { left: 54, right: 14, top: 12, bottom: 34 };
const GAP_BELOW = 0.08; // of the height of the lines
const DASHES = ["", "7 4", "2 3", "9 3 2 3"];

/**
 * @param {{title: string, across: string, unit: string, go(x: number): void, log?: boolean}} look
 */
export function makeLines(look) {
  let log = Boolean(look.log);
  /** @type {Line[]} */
  let lines = [];
  let cursorAt = NaN;
  let width = 0;
  let chosen = log; // whether the reader, or the data, has chosen the scale
  const svg = svgElement("svg", { class: "gt-chart", role: "img", height: HEIGHT });
  const said = html("p", { class: "gt-reading" });
  const logarithmic = html("input", { type: "checkbox" });
  const toggle = html("label", { class: "gt-toggle" }, logarithmic, "logarithmic");
  const legend = html("div", { class: "gt-legend" });
  const element = html("section", { class: "gt-panel" }, html("header", {}, html("h3", {}, look.title), toggle), svg, legend, said);
  logarithmic.addEventListener("change", () => {
    log = logarithmic.checked;
    chosen = true;
    draw();
  });
  const cursor = svgElement("line", { class: "gt-cursor" });
  const dots = svgElement("g");
  /** @type {import("./scale.js").Scale} */
  let x = scale([0, 1], [0, 1]);
  /** @type {import("./scale.js").Scale} */
  let y = x;

  function draw() {
    if (!width) return;
    const all = lines.flatMap(({ ys }) => ys);
    const [low, high] = extent(all, log);
    const right = width - MARGIN.right;
    const bottom = HEIGHT - MARGIN.bottom;
    x = scale(extent(lines.flatMap(({ xs }) => [xs[0] ?? 0, xs.at(-1) ?? 0])), [MARGIN.left, right], { count: Math.floor(width / 90), whole: true });
    y = scale([floorOf(low, high, log), high], [bottom, MARGIN.top], { log, count: 4 });
    svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    svg.setAttribute("width", String(width));
    const parts = [];
    for (const tick of y.ticks) {
      parts.push(svgElement("line", { class: "gt-grid", x1: MARGIN.left, x2: right, y1: y(tick), y2: y(tick) }));
      parts.push(label(numberText(tick), MARGIN.left - 7, y(tick) + 4, "end"));
    }
    for (const tick of x.ticks) parts.push(label(numberText(tick), x(tick), bottom + 17, "middle"));
    parts.push(svgElement("line", { class: "gt-axis", x1: MARGIN.left, x2: right, y1: bottom, y2: bottom }));
    parts.push(label(look.across, right, HEIGHT - 3, "end", "gt-name"));
    lines.forEach(({ xs, ys }, number) => {
      const style = { class: `gt-line gt-c${number % 6}`, "stroke-dasharray": DASHES[Math.floor(number / 6 + number) % DASHES.length] };
      const drawable = log ? ys.map((value) => (value > 0 ? value : NaN)) : ys;
      const d = pieces(xs, drawable, width).map((piece) => `M${piece.map(([a, b]) => `${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("L")}${piece.length === 1 ? "h.01" : ""}`);
      parts.push(svgElement("path", { ...style, d: d.join("") }));
      const lost = ys.findIndex((value) => !Number.isFinite(value));
      if (lost >= 0 && lines.length === 1) {
        parts.push(svgElement("line", { class: "gt-lost", x1: x(xs[lost]), x2: x(xs[lost]), y1: MARGIN.top, y2: bottom }));
        parts.push(label(`${numberText(ys[lost])} from here`, x(xs[lost]) - 5, bottom - 8, "end", "gt-bad"));
      }
    });
    svg.replaceChildren(...parts, cursor, dots);
    move();
  }

  function move() {
    const inside = Number.isFinite(cursorAt);
    cursor.toggleAttribute("hidden", !inside);
    const readings = lines.map(({ name, xs, ys }) => {
      const k = nearest(xs, cursorAt);
      return { name, x: xs[k], y: ys[k] };
    });
    if (inside && width) {
      const at = x(cursorAt);
      for (const [name, value] of Object.entries({ x1: at, x2: at, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom })) cursor.setAttribute(name, String(value));
      dots.replaceChildren(
        ...readings.flatMap((reading, number) =>
          Number.isFinite(reading.y) && !(log && reading.y <= 0)
            ? [svgElement("circle", { class: `gt-dot gt-c${number % 6}`, cx: x(reading.x), cy: y(reading.y), r: 4 })]
            : [],
        ),
      );
    }
    const text = lines.length === 1 ? `${look.unit} ${numberText(readings[0]?.y ?? NaN)}` : "";
    said.textContent = inside ? text : "";
    said.hidden = !text;
    if (lines.length > 1) {
      legend.replaceChildren(
        ...readings.map(({ name, y: value }, number) => {
          const sample = svgElement("svg", { width: 26, height: 10, "aria-hidden": "true" }, svgElement("path", { class: `gt-line gt-c${number % 6}`, d: "M1 5H25", "stroke-dasharray": DASHES[Math.floor(number / 6 + number) % DASHES.length] }));
          return html("span", {}, sample, `${name} `, html("b", {}, numberText(value, 3)));
        }),
      );
    }
  }

  /** @param {PointerEvent} event */
  const point = (event) => {
    const { left, width: shown } = svg.getBoundingClientRect();
    look.go(x.invert(((event.clientX - left) / shown) * width));
  };
  svg.addEventListener("pointerdown", (event) => {
    svg.setPointerCapture(event.pointerId);
    point(event);
  });
  svg.addEventListener("pointermove", (event) => {
    if (svg.hasPointerCapture(event.pointerId)) point(event);
  });
  const watcher = new ResizeObserver(() => {
    const now = Math.floor(element.clientWidth) - 24;
    if (now > 0 && now !== width) {
      width = now;
      draw();
    }
  });
  watcher.observe(element);

  return {
    element,
    /** @param {Line[]} given */
    show(given) {
      lines = given;
      const [low, high] = extent(lines.flatMap(({ ys }) => ys), true);
      if (!chosen) log = high / low >= 100;
      logarithmic.checked = log;
      svg.setAttribute("aria-label", describe(look, lines));
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

/**
 * Where the vertical axis begins: at 0 where that is near, else a little below the lines. A line that lay on the horizontal
 * axis would look as if it had come down to 0.
 * @param {number} low @param {number} high @param {boolean} log
 */
export function floorOf(low, high, log) {
  if (log) return low / (high / low) ** GAP_BELOW;
  return low >= 0 && low < 0.5 * high ? 0 : low - GAP_BELOW * (high - low);
}

/** @param {string} text @param {number} x @param {number} y @param {string} anchor */
function label(text, x, y, anchor, kind = "gt-tick") {
  const made = svgElement("text", { class: kind, x, y, "text-anchor": anchor });
  made.textContent = text;
  return made;
}

/** @param {{title: string, across: string}} look @param {Line[]} lines */
function describe({ title, across }, lines) {
  const told = lines.map(({ name, ys }) => `${name} from ${numberText(ys[0] ?? NaN)} to ${numberText(ys.at(-1) ?? NaN)}`);
  return `${title}, over the ${across}s: ${told.join("; ")}`;
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
