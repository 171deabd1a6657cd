// Arrays that are too large for their numbers, as small heatmaps: in the colours, and on the scale, of the picture.

import { svgElement } from "./dom.js";
import { LEVELS, NOT_FINITE, SIGNS, THICK, shadePaths } from "./grid.js";

/** @typedef {import("./facts.js").Facts} Facts */
/** @typedef {import("./facts.js").Value} Value */
/** @typedef {import("./equation.js").Part} Part */

const MOST = 32; // rows and columns; of more the means of blocks
const [WIDE, HIGH, LARGEST] = [96, 64, 12]; // pixels

/**
 * The shade of a number on a scale, as gradviz.drawing.palette.shaded has it.
 * @param {number} number
 * @param {number} scale
 */
export function shadeOf(number, scale) {
  if (!Number.isFinite(number)) return NOT_FINITE;
  return SIGNS[LEVELS + Math.sign(number) * Math.round(LEVELS * Math.sqrt(Math.min(Math.abs(number) / scale, 1)))];
}

/**
 * The scale of some numbers: that of the picture's heatmaps; of what the picture has no heatmaps of, or is beyond, their own.
 * @param {number[]} numbers
 * @param {number | undefined} common
 */
export function scaleOf(numbers, common) {
  const own = numbers.reduce((most, number) => (Number.isFinite(number) ? Math.max(most, Math.abs(number)) : most), 0);
  return Math.max(own, common ?? 0) || 1;
}

/**
 * The rows of an array of any number of axes, perhaps turned; of many rows and columns the means of blocks. A pure function.
 * @param {Value} value
 * @param {boolean} [transposed]
 * @returns {number[][]}
 */
export function rowsIn({ shape, data }, transposed = false) {
  const wide = shape.at(-1) ?? 1;
  const numbers = (data ?? []).map(Number);
  const high = wide ? numbers.length / wide : 0;
  const [rows, columns] = transposed ? [wide, high] : [high, wide];
  const at = (/** @type {number} */ i, /** @type {number} */ j) => numbers[transposed ? j * wide + i : i * wide + j];
  const ends = (/** @type {number} */ length) => Array.from({ length: Math.min(length, MOST) + 1 }, (_, k, count = Math.min(length, MOST)) => Math.floor((k * length) / count));
  const [down, across] = [ends(rows), ends(columns)];
  return down.slice(0, -1).map((top, i) =>
    across.slice(0, -1).map((left, j) => {
      let sum = 0;
      for (let r = top; r < down[i + 1]; r += 1) for (let c = left; c < across[j + 1]; c += 1) sum += at(r, c);
      return sum / ((down[i + 1] - top) * (across[j + 1] - left));
    }),
  );
}

/**
 * Which of the picture's scales is that of some numbers, as gradviz.drawing.scales has it.
 * @param {Facts} facts
 * @param {string} tensor
 * @param {string} [role] of its numbers
 */
export function roleOf(facts, tensor, role = "value") {
  if (role === "gradient" || role === "contribution") return "gradients";
  return facts.tensor(tensor)?.role === "parameter" ? "weights" : "values";
}

/**
 * @param {Facts} facts
 * @param {Record<string, string>} inks
 * @param {Record<string, number>} scales of the heatmaps in the picture
 * @param {(key: string, step: number) => Element | undefined} image of what the picture has as one
 * @returns {(part: Part, step: number) => Element | undefined}
 */
export function makeHeat(facts, inks, scales, image) {
  return ({ tensor = "", role, transposed }, step) => {
    const sent = facts.contributions.at(tensor, step);
    const value = { value: facts.values.at(tensor, step), gradient: facts.gradients.at(tensor, step)?.value, contribution: sent?.value, local: sent?.local }[role ?? "value"];
    const drawn = value && !transposed && (role === "value" || role === "gradient") ? image(`${tensor}_${role[0]}`, step) : undefined;
    if (drawn) return drawn;
    const known = value?.data ? value : value?.preview;
    if (!known?.data?.length) return undefined;
    const rows = rowsIn(known, transposed);
    const [high, wide] = [rows.length, rows[0].length];
    const cell = Math.max(1, Math.min(LARGEST, WIDE / wide, HIGH / high));
    const grid = { x: 0, y: 0, kind: /** @type {"heatmap"} */ ("heatmap"), rows: high, columns: wide, wide: cell, high: cell, layers: 1, across: 1, gap: 0 };
    const numbers = rows.flat();
    const scale = scaleOf(numbers, scales[roleOf(facts, tensor, role)]);
    const shades = numbers.map((number) => shadeOf(number, scale)).join("");
    const paths = [...shadePaths(grid, shades)].map(([shade, d]) => svgElement("path", { d, stroke: inks[shade], "stroke-width": THICK[shade] ?? cell }));
    const [width, height] = [wide * cell, high * cell];
    // Where a cell is an entry, and no mean of several, it can be pointed at.
    const letter = { value: "v", gradient: "g", contribution: "c", local: "" }[role ?? "value"];
    const cells = letter && known === value && numbers.length === known.data.length ? numbers.map((_, k) => {
      const [i, j] = [Math.floor(k / wide), k % wide];
      const box = { x: j * cell, y: (i - 0.5) * cell, width: cell, height: cell, "data-entry": `${tensor}:${letter}:${transposed ? j * high + i : k}` };
      return svgElement("rect", box);
    }) : [];
    return svgElement("svg", { class: "gp-heat", width, height, viewBox: `0 ${-cell / 2} ${width} ${height}`, "aria-hidden": "true" }, ...paths, ...cells);
  };
}
