// The picture of a graph, as gradviz.drawing writes it: the same cards, discs and lines, by the same names, so that the player plays it.

import { layout } from "./layout.js";
import { shapeText, usesOf } from "./graph.js";

/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {import("./graph.js").Tensor} Tensor */

export const PREFIX = "gvsandbox";
const [LETTER, DIGIT] = [8.4, 8]; // how wide letters are, about
const [CAPTION, ROW, HEAD, COLUMN] = [46, 19, 30, 73];
const [MOST_ROWS, MOST_COLUMNS] = [4, 4]; // of a card that shows all numbers
const [MOST_MEETING, WIDEST] = [3, 7]; // so many gradients are written as a sum; how many signs a number has, as a rule
const LOOKS = /** @type {Record<string, string>} */ ({
  parameter: 'fill="#fff4d6" stroke="#b58105" stroke-width="1.8"',
  input: 'fill="#eaf2ff" stroke="#6e8fc7" stroke-width="1.2"',
  constant: 'fill="#ffffff" stroke="#77818c" stroke-width="1.2"',
  output: 'fill="#fdeaf3" stroke="#b0306a" stroke-width="1.8"',
  intermediate: 'fill="#ffffff" stroke="#818b98" stroke-width="1.2"',
});
const MONO = `font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"`;

const escaped = (/** @type {string} */ text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
const fixed = (/** @type {number} */ place) => String(Number(place.toFixed(1)));
const size = (/** @type {number[]} */ shape) => shape.reduce((all, one) => all * one, 1);

/** Whether a tensor's numbers are written one by one. @param {number[]} shape */
export const isWritten = (shape) => (shape.at(-1) ?? 1) <= MOST_COLUMNS && size(shape) / (shape.at(-1) ?? 1) <= MOST_ROWS;

/** Rows and columns of a card's numbers. @param {number[]} shape @returns {[number, number]} */
const cells = (shape) => (isWritten(shape) ? [size(shape) / (shape.at(-1) ?? 1), shape.at(-1) ?? 1] : [2, 1]);

/** How much room the gradient of a number takes that comes from several uses, as a sum: "0.3 + 0.4 = 0.7". @param {number[]} shape @param {number} uses */
const sumWidth = (shape, uses) => (shape.length || uses < 2 ? 0 : DIGIT * (Math.min(uses, MOST_MEETING) * (WIDEST + 3) + WIDEST));

/** @param {Tensor} tensor @param {number} uses how often it is used */
function cardSize({ role, shape, name, wants }, uses) {
  if (role === "constant") return { wide: Math.max(44, 18 + DIGIT * name.length), high: 26 };
  const [rows, columns] = cells(shape);
  const numbers = isWritten(shape) ? (columns === 1 ? Math.max(80, sumWidth(shape, uses)) : COLUMN * columns) : 200;
  const title = name.length * LETTER + (shape.length ? 44 : 20);
  return { wide: Math.max(CAPTION + numbers, title), high: HEAD + (wants ? 2 : 1) * (ROW * rows + 7) };
}

/** The grid of a tensor's numbers, as the player finds entries by it. @param {Tensor} tensor @param {"v" | "g"} part @param {number} left @param {number} top @param {number} wide */
function gridOf({ shape }, part, left, top, wide) {
  const [rows, columns] = cells(shape);
  const across = columns === 1 ? wide - CAPTION - 4 : COLUMN - 0.4;
  const y = top + HEAD - 3 + (part === "g" ? ROW * rows + 7 : 0);
  return { x: left + wide - 10 - across * columns, y, wide: across, high: ROW, kind: "numbers", rows, columns, layers: 1, across: 1, gap: 5, raster: "" };
}

/** @param {Tensor} tensor @param {number} x @param {number} y @param {{wide: number, high: number}} box @param {Record<string, any>} grids */
function card(tensor, x, y, { wide, high }, grids) {
  const { id, role, name, shape, wants } = tensor;
  const [left, top] = [x - wide / 2, y - high / 2];
  const [dash, look] = tensor.producer ? ['stroke-dasharray="4 3"', LOOKS.intermediate] : ["", LOOKS[role]];
  const state = tensor.producer ? "pending" : "forward";
  const open = `<g id="${PREFIX}_${id}" class="gv-card gv-role-${role} gv-${state}" tabindex="0" role="img" aria-label="${escaped(name)}">`;
  if (role === "constant") {
    return `${open}<rect class="gv-box" x="${fixed(left)}" y="${fixed(top)}" width="${fixed(wide)}" height="${high}" rx="13" ${look}/><text class="gv-number" x="${fixed(x)}" y="${fixed(y + 4.5)}" font-size="13" fill="#1f2328" text-anchor="middle" ${MONO}>${escaped(name)}</text></g>`;
  }
  const parts = [`<rect class="gv-box" x="${fixed(left)}" y="${fixed(top)}" width="${fixed(wide)}" height="${fixed(high)}" rx="10" ${look} ${dash}/>`];
  parts.push(`<text class="gv-name" x="${fixed(left + 10)}" y="${fixed(top + 18.5)}" font-size="14" fill="#1f2328" font-weight="700">${escaped(name)}</text>`);
  if (shape.length) parts.push(`<text class="gv-shape" x="${fixed(left + wide - 10)}" y="${fixed(top + 18)}" font-size="12" fill="#59636e" text-anchor="end">${shapeText(shape)}</text>`);
  for (const part of /** @type {("v" | "g")[]} */ (wants ? ["v", "g"] : ["v"])) {
    const grid = gridOf(tensor, part, left, top, wide);
    const [kind, ink] = part === "v" ? ["gv-value", "#0550ae"] : ["gv-grad", "#9a3412"];
    parts.push(`<text class="gv-caption" x="${fixed(left + 10)}" y="${fixed(grid.y + 13.5)}" font-size="11" fill="#59636e">${part === "v" ? "value" : "grad"}</text>`);
    const written = isWritten(shape);
    if (written) grids[`${id}_${part}`] = grid;
    for (let k = 0; k < grid.rows * grid.columns; k += 1) {
      const [row, column] = [Math.floor(k / grid.columns), k % grid.columns];
      const at = `x="${fixed(grid.x + grid.wide * (column + 1))}" y="${fixed(grid.y + grid.high * row + 14)}"`;
      parts.push(`<text id="${PREFIX}_${id}_${part}${written ? "" : "s"}${k}" class="${kind}" ${at} font-size="${written ? 13 : 12}" fill="${ink}" text-anchor="end" ${MONO}>·</text>`);
    }
  }
  return `${open}${parts.join("")}</g>`;
}

/** @param {string} id @param {string} symbol @param {number} x @param {number} y @param {number} wide */
function disc(id, symbol, x, y, wide) {
  const ink = 'fill="none" stroke="#818b98" stroke-width="1.2" stroke-dasharray="4 3"';
  const round = wide <= 38;
  const box = round ? `<circle class="gv-box" cx="${fixed(x)}" cy="${fixed(y)}" r="19" ${ink}/>` : `<rect class="gv-box" x="${fixed(x - wide / 2)}" y="${fixed(y - 18)}" width="${fixed(wide)}" height="36" rx="18" ${ink}/>`;
  return `<g id="${PREFIX}_${id}" class="gv-disc gv-pending" tabindex="0" role="img" aria-label="">${box}<text class="gv-symbol" x="${fixed(x)}" y="${fixed(y + (round ? 6.6 : 5.2))}" font-size="${round ? 19 : 15}" fill="#59636e" text-anchor="middle" font-weight="700">${escaped(symbol)}</text></g>`;
}

const BEND = 18; // so far must a line come from above or below for what is written on it to stand in its bend

/** The head of an arrow whose tip is at a place, and that comes from the left or the right. @param {number} x @param {number} y @param {1 | -1} way */
const head = (x, y, way) => `M${fixed(x)} ${fixed(y)}l${-9 * way} -3.8 0 7.5z`;

/** A smooth line through points, from left to right. @param {[number, number][]} points */
function curve(points) {
  let d = `M${fixed(points[0][0])},${fixed(points[0][1])}`;
  for (let k = 1; k < points.length; k += 1) {
    const [[x, y], [to, down]] = [points[k - 1], points[k]];
    const bend = (to - x) / 2;
    d += ` C${fixed(x + bend)},${fixed(y)} ${fixed(to - bend)},${fixed(down)} ${fixed(to)},${fixed(down)}`;
  }
  return d;
}

/** @param {string} id @param {[number, number][]} points @param {"" | "above" | "below"} label where it is @param {boolean} lanes @param {boolean} back whether a gradient can come along it */
function edge(id, points, label, lanes, back) {
  const shifted = (/** @type {number} */ by) => points.map(([x, y], k) => /** @type {[number, number]} */ ([x + (k ? (k + 1 < points.length ? 0 : -3.5) : 3.5), y + by]));
  const two = lanes && back;
  const line = shifted(two ? -2.8 : 0);
  const [end, start] = [/** @type {[number, number]} */ (line.at(-1)), line[0]];
  const parts = [
    `<path class="gv-line" d="${curve(line)}" fill="none" stroke="#858f9a" stroke-width="1.4" stroke-dasharray="4 3"/>`,
    `<path class="gv-head gv-head-forward" d="${head(end[0] + 3.5, end[1], 1)}"/>`,
  ];
  if (two) {
    const lane = shifted(2.8);
    parts.push(`<g class="gv-lane" fill="#cf6a0c" display="none"><path class="gv-back" d="${curve(lane)}" fill="none" stroke="#cf6a0c" stroke-width="1.4"/><path class="gv-head" d="${head(lane[0][0] - 3.5, lane[0][1], -1)}"/></g>`);
  } else if (back) parts.push(`<path class="gv-head gv-head-backward" d="${head(start[0] - 3.5, start[1], -1)}"/>`);
  if (label) {
    const [[from, before], [to, y]] = [/** @type {[number, number]} */ (points.at(-2)), /** @type {[number, number]} */ (points.at(-1))];
    const drop = label === "above" ? y - before : before - y;
    // Where the line comes from far above, or from far below, there is room in its bend; else near the disc, where it is level.
    const off = Math.max(20, 0.4 * drop); // nearer to the disc than to what the line comes from, which other lines may leave, too
    const [x, anchor, down] = drop > BEND ? [0.38 * from + 0.62 * to + 6, "start", label === "above" ? y - off : y + off + 9] : [to - 14, "end", label === "above" ? Math.min(y, before) - 8 : Math.max(y, before) + 17];
    parts.push(`<text id="${PREFIX}_${id}_l" class="gv-local" x="${fixed(x)}" y="${fixed(down)}" font-size="12" fill="#9a3412" text-anchor="${anchor}"></text>`);
  }
  return `<g id="${PREFIX}_${id}" class="gv-edge gv-pending${two ? " gv-two" : ""}" fill="#858f9a">${parts.join("")}</g>`;
}

/**
 * @param {Graph} graph
 * @param {Map<string, string>} labels by argument, what stands on its line
 * @returns {{svg: string, grids: Record<string, any>}}
 */
export function pictureOf({ tensors, operations }, labels) {
  const lanes = tensors.some(({ shape }) => shape.length);
  const uses = usesOf(operations);
  const boxes = new Map([
    ...tensors.map((tensor) => /** @type {const} */ ([tensor.id, { id: tensor.id, ...cardSize(tensor, uses.get(tensor.id) ?? 0) }])),
    ...operations.map(({ id, entry }) => /** @type {const} */ ([id, { id, wide: entry.operation.symbol.length < 2 ? 38 : Math.max(44, 24 + entry.operation.symbol.length * LETTER), high: 38 }])),
  ]);
  const edges = operations.flatMap(({ id, inputs, output }) => [
    ...inputs.map((input, k) => ({ id: `${id}_${k}`, from: input.id, to: id, label: (labels.get(`${id}_${k}`) ?? "").length * 5.7 })),
    { id: `${id}_${output.id}`, from: id, to: output.id, label: 0 },
  ]);
  // In the order in which they are computed: what is used first stands above.
  const placed = layout([...boxes.values()], edges);
  /** @type {Record<string, any>} */
  const grids = {};
  const lines = edges.map(({ id, from, to }) => {
    const points = /** @type {[number, number][]} */ (placed.edges.get(id));
    const operation = operations.find((one) => one.id === to);
    /** @type {"above" | "below"} */
    let side = "above";
    const at = operation ? operation.inputs.findIndex((_, k) => `${to}_${k}` === id) : -1;
    if (operation && operation.inputs.length > 1) {
      // Two lines into a disc arrive one above the other, as they come.
      const ys = operation.inputs.map((_, k) => /** @type {[number, number]} */ (placed.edges.get(`${to}_${k}`)?.at(-2))[1]);
      const upper = ys[0] === ys[1] ? at === 0 : ys[at] === Math.min(...ys);
      side = upper ? "above" : "below";
      const [x, y] = /** @type {[number, number]} */ (points.at(-1));
      points[points.length - 1] = [x + (operation.entry.operation.symbol.length < 2 ? 2 : 0), y + (upper ? -8 : 8)];
      if (ys[0] === ys[1]) points[0] = [points[0][0], points[0][1] + (upper ? -12 : 12)];
    }
    const wants = Boolean(operation ? operation.inputs[at].wants && operation.output.wants : operations.find((one) => one.id === from)?.output.wants);
    return edge(id, points, operation && labels.has(id) ? side : "", lanes, wants);
  });
  const cards = tensors.map((tensor) => {
    const { x, y, wide, high } = /** @type {import("./layout.js").Placed} */ (placed.nodes.get(tensor.id));
    return card(tensor, x, y, { wide, high }, grids);
  });
  const discs = operations.map(({ id, entry }) => {
    const { x, y, wide } = /** @type {import("./layout.js").Placed} */ (placed.nodes.get(id));
    return disc(id, entry.operation.symbol, x, y, wide);
  });
  const [wide, high] = [placed.wide + 24, placed.high + 24].map(Math.ceil);
  const font = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";
  const svg = `<svg id="${PREFIX}" class="gv" xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${high}" viewBox="0 0 ${wide} ${high}" role="group" font-family="${font}"><g transform="translate(12 12)">${lines.join("")}${cards.join("")}${discs.join("")}</g></svg>`;
  return { svg, grids };
}
