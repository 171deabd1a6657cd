// Operations that make one number out of many, those that keep every step on the way, and those in which entries compete.

import { array, axesOf, each, filled, groups, isFloat, reduced, reshaped, size, strides, total } from "../array.js";

/** @typedef {import("../array.js").Arr} Arr */
/** @typedef {import("./arithmetic.js").Row} Row */
/** @typedef {import("./arithmetic.js").Given} Given */

/** The axes that are reduced: none means all. @param {number | number[] | null} dim @param {Arr} self */
const allOr = (dim, self) => axesOf(Array.isArray(dim) && !dim.length ? null : dim, self.shape.length);

/** Makes a row of what reduces axes to length 1. @param {(self: Arr, axes: number[], given: Given) => Arr} f @returns {Row} */
const reduction = (f) => (given) => {
  const axes = allOr(given.dim, given.self);
  const kept = f(given.self, axes, given);
  return given.keepdim ? kept : reshaped(kept, groups(given.self.shape, axes).left);
};

/** @param {Arr} self @param {number[]} axes */
const mean = (self, axes) => each([total(self, axes)], (sum) => sum / groups(self.shape, axes).count);

/** @param {Arr} self @param {number[]} axes @param {number} correction */
function variance(self, axes, correction) {
  const { of, count } = groups(self.shape, axes);
  const middle = reduced(self, axes, 0, (sum, entry) => sum + entry, "float64").data;
  const squares = reduced(self, axes, 0, (sum, entry, i) => sum + (entry - middle[of[i]] / count) ** 2, "float64");
  return each([squares], (sum) => sum / Math.max(count - correction, 0), self.dtype);
}

const largest = (/** @type {number} */ a, /** @type {number} */ b) => (Number.isNaN(a) || Number.isNaN(b) ? NaN : Math.max(a, b));
const smallest = (/** @type {number} */ a, /** @type {number} */ b) => (Number.isNaN(a) || Number.isNaN(b) ? NaN : Math.min(a, b));
const largestOf = (/** @type {Arr} */ self, /** @type {number[]} */ axes) => reduced(self, axes, -Infinity, largest);
const smallestOf = (/** @type {Arr} */ self, /** @type {number[]} */ axes) => reduced(self, axes, Infinity, smallest);

/** @param {Arr} self @param {number[]} axes @param {Given} given */
function norm(self, axes, { ord }) {
  const sizes = each([self], Math.abs);
  if (ord === Infinity) return largestOf(sizes, axes);
  if (ord === -Infinity) return smallestOf(sizes, axes);
  if (ord === 0) return reduced(self, axes, 0, (sum, entry) => sum + Number(entry !== 0));
  return each([reduced(sizes, axes, 0, (sum, entry) => sum + (ord === 2 ? entry * entry : entry ** ord), "float64")], (sum) => (ord === 2 ? Math.sqrt(sum) : sum ** (1 / ord)), self.dtype);
}

/** Exponentials that add up to 1 along an axis; `none` is what stands for the sum where all are 0. @param {Arr} self @param {number} dim @param {boolean} [safe] */
function softmax(self, dim, safe = false) {
  if (!self.shape.length) return each([self], () => 1);
  const axes = axesOf(dim, self.shape.length);
  const { of } = groups(self.shape, axes);
  const top = largestOf(self, axes).data;
  const shift = (/** @type {number} */ i) => (safe && top[of[i]] === -Infinity ? 0 : top[of[i]]);
  const raised = array(self.shape, "float64", Float64Array.from(self.data, (x, i) => Math.exp(x - shift(i))));
  const sums = total(raised, axes).data;
  return filled(self.shape, self.dtype, raised.data.map((x, i) => x / (safe && sums[of[i]] === 0 ? 1 : sums[of[i]])));
}

/** @param {Arr} self @param {number[]} axes @returns {Arr} */
function logSumExp(self, axes) {
  const { of } = groups(self.shape, axes);
  const top = largestOf(self, axes).data.map((x) => (Number.isFinite(x) ? x : 0));
  const sums = reduced(self, axes, 0, (sum, entry, i) => sum + Math.exp(entry - top[of[i]]), "float64");
  return filled(sums.shape, self.dtype, sums.data.map((sum, k) => top[k] + Math.log(sum)));
}

/** @param {Given} given */
function logSoftmax({ self, dim }) {
  if (!self.shape.length) return each([self], () => 0);
  const axes = axesOf(dim, self.shape.length);
  const { of } = groups(self.shape, axes);
  const top = largestOf(self, axes).data;
  const sums = reduced(self, axes, 0, (sum, entry, i) => sum + Math.exp(entry - top[of[i]]), "float64").data;
  return filled(self.shape, self.dtype, Float64Array.from(self.data, (x, i) => x - top[of[i]] - Math.log(sums[of[i]])));
}

/** Goes along an axis and keeps every step. @param {(sum: number, entry: number) => number} f @param {number} start @returns {Row} */
const running = (f, start) => ({ self, dim }) => {
  if (!self.shape.length) return self;
  const [axis] = axesOf(dim, self.shape.length);
  const step = strides(self.shape)[axis];
  const made = new Float64Array(self.data.length);
  for (let i = 0; i < made.length; i++) made[i] = f(Math.floor(i / step) % self.shape[axis] ? made[i - step] : start, self.data[i]);
  return filled(self.shape, isFloat(self.dtype) ? self.dtype : "int64", made);
};

/** The places along an axis in order of their entries. @param {Arr} self @param {number} axis @param {boolean} down largest first; of equals the first @returns {{at: number[], places: number[]}[]} */
function ordered(self, axis, down) {
  const step = strides(self.shape)[axis];
  const length = self.shape[axis];
  const rank = (/** @type {number} */ x) => (Number.isNaN(x) ? Infinity : x);
  const rows = [];
  for (let start = 0; start < self.data.length; start++) {
    if (Math.floor(start / step) % length) continue;
    const at = Array.from({ length }, (_, k) => start + k * step);
    const compare = (/** @type {number} */ k, /** @type {number} */ j) => {
      const [a, b] = [self.data[at[k]], self.data[at[j]]];
      if (Number.isNaN(a) !== Number.isNaN(b)) return (Number.isNaN(a) ? 1 : -1) * (down ? -1 : 1);
      return (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0) * (down ? -1 : 1);
    };
    rows.push({ at, places: at.map((_, k) => k).sort(compare) });
  }
  return rows;
}

/** Takes entries along an axis by their order: the first `k` of each row, and where they were. @param {Arr} self @param {number} dim @param {boolean} down @param {number} k @param {number} [first] @returns {[Arr, Arr]} */
function firstInOrder(self, dim, down, k, first = 0) {
  if (!self.shape.length) return [self, array([], "int64")];
  const [axis] = axesOf(dim, self.shape.length);
  const shape = self.shape.with(axis, k);
  const [values, indices] = [array(shape, self.dtype), array(shape, "int64")];
  const step = strides(shape)[axis];
  ordered(self, axis, down).forEach(({ at, places }, row) => {
    const start = Math.floor(row / step) * step * k + (row % step);
    for (let n = 0; n < k; n++) {
      values.data[start + n * step] = self.data[at[places[first + n]]];
      indices.data[start + n * step] = places[first + n];
    }
  });
  return [values, indices];
}

/** The largest or smallest: of all along some axes; or along one, with its place. @param {(self: Arr, axes: number[]) => Arr} all @param {boolean} down @returns {Row} */
const extreme = (all, down) => (given) => {
  const { self, dim, keepdim, self_sym_sizes } = given;
  if (self_sym_sizes === undefined) return reduction(all)(given);
  const found = firstInOrder(self, dim, down, 1);
  // What is not a number wins, whichever is asked for.
  if (!down) firstNan(self, dim, found);
  if (keepdim || !self.shape.length) return found;
  const { left } = groups(self.shape, axesOf(dim, self.shape.length));
  return found.map((one) => reshaped(one, left));
};

/** @param {Arr} self @param {number} dim @param {[Arr, Arr]} found */
function firstNan(self, dim, [values, indices]) {
  if (!self.shape.length) return;
  const [axis] = axesOf(dim, self.shape.length);
  ordered(self, axis, true).forEach(({ at, places }, row) => {
    if (!Number.isNaN(self.data[at[places[0]]])) return;
    values.data[row] = NaN;
    indices.data[row] = places[0];
  });
}

/** Shares a gradient among all entries that are the extreme. @param {Given} given */
function extremeBack({ grad, self, result, dim }) {
  const axes = allOr(dim, self);
  const { of, kept } = groups(self.shape, axes);
  const won = Uint8Array.from(self.data, (/** @type {number} */ x, /** @type {number} */ i) => Number(x === result.data[of[i]] || (Number.isNaN(x) && Number.isNaN(result.data[of[i]]))));
  const count = new Float64Array(size(kept));
  won.forEach((yes, i) => (count[of[i]] += yes));
  return filled(self.shape, self.dtype, Float64Array.from(won, (yes, i) => (yes ? grad.data[of[i]] / count[of[i]] : 0)));
}

/** Sends to each entry of a product the product of the others. @param {Given} given */
function prodBack({ grad, self, dim }) {
  const axes = allOr(dim, self);
  const { of, kept } = groups(self.shape, axes);
  const before = new Float64Array(self.data.length);
  const running = new Float64Array(size(kept)).fill(1);
  for (let i = 0; i < before.length; i++) [before[i], running[of[i]]] = [running[of[i]], running[of[i]] * self.data[i]];
  running.fill(1);
  for (let i = before.length - 1; i >= 0; i--) [before[i], running[of[i]]] = [before[i] * running[of[i]], running[of[i]] * self.data[i]];
  return filled(self.shape, self.dtype, before.map((others, i) => grad.data[of[i]] * others));
}

/** @param {(self: Arr, axes: number[], correction: number) => Arr} spread @returns {Row} */
const withMean = (spread) => ({ self, dim, keepdim, correction }) => {
  const axes = allOr(dim, self);
  const found = [spread(self, axes, correction), mean(self, axes)];
  return keepdim ? found : found.map((one) => reshaped(one, groups(self.shape, axes).left));
};
const deviation = (/** @type {Arr} */ self, /** @type {number[]} */ axes, /** @type {number} */ correction) => each([variance(self, axes, correction)], Math.sqrt);

/** @type {Record<string, Row>} */
export const reductions = {
  sum: reduction(total),
  mean: reduction(mean),
  nansum: reduction((self, axes) => reduced(self, axes, 0, (sum, entry) => sum + (Number.isNaN(entry) ? 0 : entry))),
  prod: reduction((self, axes) => reduced(self, axes, 1, (product, entry) => product * entry, isFloat(self.dtype) ? self.dtype : "int64")),
  amax: reduction(largestOf),
  amin: reduction(smallestOf),
  max: extreme(largestOf, true),
  min: extreme(smallestOf, false),
  logsumexp: reduction(logSumExp),
  var: reduction((self, axes, { correction }) => variance(self, axes, correction)),
  std: reduction((self, axes, { correction }) => deviation(self, axes, correction)),
  var_mean: withMean(variance),
  std_mean: withMean(deviation),
  linalg_vector_norm: reduction(norm),
  norm: reduction(norm),
  extreme_backward: extremeBack,
  prod_backward: prodBack,
  softmax: ({ self, dim }) => softmax(self, dim),
  safe_softmax: ({ self, dim }) => softmax(self, dim, true),
  log_softmax: logSoftmax,
  cumsum: running((sum, entry) => sum + entry, 0),
  cumprod: running((product, entry) => product * entry, 1),
  sort: ({ self, dim, descending }) => firstInOrder(self, dim, descending, self.shape[axesOf(dim, self.shape.length)[0]] ?? 1),
  topk: ({ self, k, dim, largest: down }) => firstInOrder(self, dim, down, k),
};
