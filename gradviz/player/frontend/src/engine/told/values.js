// Numbers that were computed in the page, as a recording would have kept them.

import { size } from "../array.js";

/** @typedef {import("../array.js").Arr} Arr */
/** @typedef {import("../../facts.js").Value} Value */
/** @typedef {import("../../facts.js").Summary} Summary */

const [FULL, ROWS, LAYERS, OF_A_LAYER] = [4096, 12, 8, 8]; // as gradviz.recording.values has them
const EXACT = 7; // digits

/** The shortest decimal that reads back as the same float32: 0.1, and not 0.10000000149. @param {number} x */
export function shortest(x) {
  if (!Number.isFinite(x) || (Number.isInteger(x) && Math.abs(x) < 1e6)) return x;
  for (const digits of [6, 7, 8]) {
    const short = Number(x.toPrecision(digits));
    if (Math.fround(short) === x) return short;
  }
  return Number(x.toPrecision(9));
}

/** Whether all digits of a number fit, as those of 168.0625 do. @param {number} x */
const isExact = (x) => !Number.isFinite(x) || Number(x.toPrecision(EXACT)) === x;

/**
 * A value as the player's facts have them: of a large one its statistics and the means of blocks.
 * @param {Arr} of
 * @returns {Value}
 */
export function valueOf({ shape, dtype, data }) {
  if (data.length > FULL) return { shape, dtype, data: null, summary: summaryOf(data), preview: previewOf(shape, dtype, data) };
  const numbers = dtype === "bool" ? Array.from(data, Boolean) : dtype === "float32" ? Array.from(data, shortest) : Array.from(data);
  return { shape, dtype, data: numbers, ...(dtype.startsWith("float") && data.every(isExact) ? { digits: EXACT } : {}) };
}

/** @param {ArrayLike<number>} data @returns {Summary} */
export function summaryOf(data) {
  const finite = Array.from(data).filter(Number.isFinite);
  const few = finite.length ? finite : [0];
  const mean = few.reduce((sum, one) => sum + one, 0) / few.length;
  const sd = Math.sqrt(few.reduce((sum, one) => sum + (one - mean) ** 2, 0) / few.length);
  const [min, max] = few.reduce(([low, high], one) => [Math.min(low, one), Math.max(high, one)], [Infinity, -Infinity]);
  const nans = Array.from(data).filter(Number.isNaN).length;
  return { mean, sd, min, max, zeros: finite.filter((one) => one === 0).length, nans, infs: data.length - finite.length - nans };
}

/** @param {number[]} shape @param {string} dtype @param {ArrayLike<number>} data @returns {Value} */
function previewOf(shape, dtype, data) {
  const [high, wide] = shape.length < 2 ? [1, data.length] : shape.slice(-2);
  const layers = shape.length < 3 ? 1 : Math.min(size(shape.slice(0, -2)), LAYERS);
  const most = shape.length < 3 ? ROWS : OF_A_LAYER;
  const [rows, columns] = [Math.min(high, most), Math.min(wide, most)];
  const numbers = [];
  for (let layer = 0; layer < layers; layer++) numbers.push(...blocks(data, layer * high * wide, high, wide, rows, columns));
  return { shape: shape.length < 3 ? [rows, columns] : [layers, rows, columns], dtype: "float32", data: numbers.map((one) => shortest(Math.fround(one))) };
}

/** The means of blocks of a matrix. @param {ArrayLike<number>} data @param {number} start @param {number} high @param {number} wide @param {number} rows @param {number} columns */
export function blocks(data, start, high, wide, rows, columns) {
  const found = [];
  for (let row = 0; row < rows; row++) {
    const [top, bottom] = [row, row + 1].map((edge) => Math.floor((edge * high) / rows));
    for (let column = 0; column < columns; column++) {
      const [left, right] = [column, column + 1].map((edge) => Math.floor((edge * wide) / columns));
      let sum = 0;
      for (let i = top; i < bottom; i++) for (let j = left; j < right; j++) sum += Number(data[start + i * wide + j]);
      found.push(sum / ((bottom - top) * (right - left)));
    }
  }
  return found;
}
