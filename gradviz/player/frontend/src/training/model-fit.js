// The data, and what the model makes of it in the step that is shown: a curve, or regions of classes.

import { phrase } from "../words.js";
import { html, svgElement } from "../dom.js";
import { unpacked } from "./columns.js";
import { SURFACE, colourOf, extent, path, pieces, scale, withRoom } from "./geometry.js";
import { drawAxes } from "./surface.js";

const { left: LEFT, top: TOP, right: RIGHT, bottom: BOTTOM } = SURFACE;
const FAR = 1e6; // pixels: browsers give up on places much farther out

/** Marks of examples, one for each class: told apart by shape and by colour. @type {((x: number, y: number) => string)[]} */
const MARKS = [
  (x, y) => `M${x - 4} ${y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0`,
  (x, y) => `M${x - 4} ${y - 4}h8v8h-8z`,
  (x, y) => `M${x} ${y - 5}l5 9h-10z`,
  (x, y) => `M${x - 4} ${y - 4}l8 8M${x - 4} ${y + 4}l8 -8`,
  (x, y) => `M${x} ${y - 5}v10M${x - 5} ${y}h10`,
  (x, y) => `M${x} ${y - 5}l5 5l-5 5l-5 -5z`,
];

/**
 * `rows`: predictions for the grid, by the index of the step.
 * @typedef {{kind: "curve" | "classes", classes: number, x: any, y: any, grid: any, names: string[], sentence: string, rows: Record<string, any>}} Told
 */

/** @param {{ask?: (index: number) => void, name(index: number): string}} on */
export function makeFit(on) {
  const svg = svgElement("svg", { class: "gt-chart gt-surface", viewBox: `0 0 ${SURFACE.width} ${SURFACE.height}`, role: "img" });
  const ground = svgElement("g");
  const axes = svgElement("g");
  const line = svgElement("path", { class: "gt-fitted" });
  // A curve that leaves the frame is cut off there: an svg in an svg shows nothing beyond its own rectangle.
  const frame = { x: LEFT, y: TOP, width: RIGHT - LEFT, height: BOTTOM - TOP };
  const inside = svgElement("svg", { ...frame, viewBox: Object.values(frame).join(" ") }, line);
  const examples = svgElement("g");
  svg.append(ground, axes, examples, inside);
  const words = html("p", { class: "gt-words" });
  const title = html("h3", {}, phrase("training model-fit: fit"));
  const element = html("section", { class: "gt-panel gt-fit", hidden: "" }, html("header", {}, title), svg, words);
  /** @type {Told | null} */
  let told = null;
  /** @type {Map<number, ArrayLike<number>>} */
  let rows = new Map();
  /** @type {SVGRectElement[]} */
  let cells = [];
  let x = scale([0, 1], [0, 1]);
  let y = x;
  /** @type {number[]} */
  let grid = [];
  let asked = -1;
  let shown = -1;

  /** Draws what does not change from step to step. */
  function drawData() {
    if (!told) return;
    const [xs, ys] = [unpacked(told.x), unpacked(told.y)];
    grid = Array.from(unpacked(told.grid));
    if (told.kind === "curve") {
      const [low, high] = extent([...ys, ...[...rows.values()].slice(-1).flatMap((row) => Array.from(row))]);
      x = scale([grid[0], grid[grid.length - 1]], [LEFT, RIGHT]);
      y = scale(withRoom(low, high), [BOTTOM, TOP]);
      ground.replaceChildren();
      cells = [];
      drawAxes(axes, x, y, told.names[0], told.names[1]);
      const marks = Array.from(xs, (value, i) => MARKS[0](x(value), y(ys[i]))).join("");
      examples.replaceChildren(svgElement("path", { class: "gt-example gt-c0", d: marks }));
      return;
    }
    const side = Math.round(Math.sqrt(grid.length / 2));
    const across = extent(grid.filter((_, i) => i % 2 === 0));
    const up = extent(grid.filter((_, i) => i % 2 === 1));
    x = scale(across, [LEFT, RIGHT]);
    y = scale(up, [BOTTOM, TOP]);
    const [wide, high] = [(RIGHT - LEFT) / side, (BOTTOM - TOP) / side];
    cells = Array.from({ length: side * side }, (_, i) =>
      svgElement("rect", { x: LEFT + (i % side) * wide, y: BOTTOM - (Math.floor(i / side) + 1) * high, width: wide, height: high }),
    );
    ground.replaceChildren(...cells);
    line.setAttribute("d", "");
    drawAxes(axes, x, y, told.names[0], told.names[1]);
    const { classes } = told;
    examples.replaceChildren(
      ...Array.from({ length: classes }, (_, one) => {
        const marks = Array.from(ys, (label, i) => (Math.round(label) === one ? MARKS[one % MARKS.length](x(xs[2 * i]), y(xs[2 * i + 1])) : ""));
        return svgElement("path", { class: `gt-example gt-c${colourOf(one)}`, d: marks.join("") });
      }),
    );
  }

  return {
    element,
    /** Predictions are to be asked for anew: the model has been trained on. */
    forget() {
      if (on.ask) rows = new Map();
    },
    /** @param {Told | null} given */
    take(given) {
      asked = -1;
      if (!given) {
        element.hidden = true;
        return;
      }
      const first = told === null;
      told = given;
      for (const [index, row] of Object.entries(given.rows)) rows.set(Number(index), unpacked(row));
      if (first || on.ask) drawData();
      element.hidden = false;
      title.textContent = told.kind === "curve" ? phrase("training model-fit: curve") : phrase("training model-fit: classes");
      shown = -1;
    },
    /** @param {number} index of the step */
    show(index) {
      if (!told) return;
      if (!rows.has(index) && on.ask && asked < 0) on.ask((asked = index));
      let near = -1;
      for (const known of rows.keys()) if (near < 0 || Math.abs(known - index) < Math.abs(near - index)) near = known;
      words.textContent = near === index || near < 0 || on.ask ? told.sentence : phrase("training model-fit: nearest", { sentence: told.sentence, name: on.name(near) });
      const row = rows.get(near);
      if (!row || near === shown) return;
      shown = near;
      svg.setAttribute("aria-label", `${title.textContent}: ${told.sentence}`);
      if (told.kind === "curve") {
        const places = Array.from(row, (value) => Math.max(-FAR, Math.min(FAR, y(value))));
        line.setAttribute("d", pieces(places, places.length).map((piece) => path(piece.map((k) => [x(grid[k]), places[k]]))).join(""));
        return;
      }
      cells.forEach((cell, i) => {
        // Of two classes the regions fade into each other, as the probability does; of more, the likeliest has its colour.
        const value = row[i];
        const two = told?.classes === 2;
        cell.setAttribute("class", `gt-region gt-c${two ? Number(value >= 0.5) : colourOf(Math.round(value))}`);
        cell.setAttribute("fill-opacity", String(Number.isFinite(value) ? (two ? 0.06 + 0.44 * Math.abs(2 * value - 1) : 0.3) : 0));
      });
    },
  };
}
