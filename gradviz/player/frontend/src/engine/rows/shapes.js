// Operations that move entries about, take some of them, or put some back: each is a list of places in the data. What takes a part
// of an array takes the same part of an array of places, so that a part is described once, and can be put back too.

import { array, axesOf, each, filled, groups, isFloat, places, promoted, reshaped, size, stretched, strides, taken, total } from "../array.js";

/** @typedef {import("../array.js").Arr} Arr */
/** @typedef {import("./arithmetic.js").Row} Row */
/** @typedef {import("./arithmetic.js").Given} Given */

/** An array in which each entry is its own place. @param {number[]} shape */
const numbered = (shape) => filled(shape, "int64", Float64Array.from({ length: size(shape) }, (_, i) => i));

/** @param {Arr} self @param {number[]} dims */
export function permuted(self, dims) {
  const [own, order] = [strides(self.shape), axesOf(dims, self.shape.length)];
  const shape = order.map((axis) => self.shape[axis]);
  return taken(self, places(shape, order.map((axis) => own[axis])), shape);
}

/** @param {Arr} self @param {number} dim0 @param {number} dim1 */
function swapped(self, dim0, dim1) {
  if (!self.shape.length) return self;
  const [a, b] = axesOf([dim0, dim1], self.shape.length);
  return permuted(self, self.shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis)));
}

/** From one place on along each axis, in steps. @param {Arr} self @param {number[]} starts @param {number[]} lengths @param {number[]} steps */
function stretch(self, starts, lengths, steps) {
  const own = strides(self.shape);
  return taken(self, places(lengths, steps.map((step, axis) => step * own[axis]), starts.reduce((all, start, axis) => all + start * own[axis], 0)), lengths);
}

/** @param {Arr} self @param {number} dim @param {number | null} start @param {number | null} end @param {number} [step] */
export function slice(self, dim, start, end, step = 1) {
  const [axis] = axesOf(dim, self.shape.length);
  const length = self.shape[axis];
  const inside = (/** @type {number} */ place) => Math.max(0, Math.min(length, place < 0 ? place + length : place));
  const [from, to] = [inside(start ?? 0), inside(end ?? length)];
  const zeros = self.shape.map(() => 0);
  return stretch(self, zeros.with(axis, from), self.shape.with(axis, Math.max(0, Math.ceil((to - from) / (step ?? 1)))), zeros.map(() => 1).with(axis, step ?? 1));
}

/** @param {Arr} self @param {number} dim @param {number} index */
function select(self, dim, index) {
  const [axis] = axesOf(dim, self.shape.length);
  const place = index < 0 ? index + self.shape[axis] : index;
  return reshaped(slice(self, axis, place, place + 1), self.shape.toSpliced(axis, 1));
}

/** @param {Arr} self @param {number} offset @param {number} dim1 @param {number} dim2 */
function diagonal(self, offset, dim1, dim2) {
  const [a, b] = axesOf([dim1, dim2], self.shape.length);
  const [row, column] = [Math.max(-offset, 0), Math.max(offset, 0)];
  const length = Math.max(0, Math.min(self.shape[a] - row, self.shape[b] - column));
  const [own, rest] = [strides(self.shape), self.shape.map((_, axis) => axis).filter((axis) => axis !== a && axis !== b)];
  const shape = [...rest.map((axis) => self.shape[axis]), length];
  return taken(self, places(shape, [...rest.map((axis) => own[axis]), own[a] + own[b]], row * own[a] + column * own[b]), shape);
}

/** @param {Arr} self @param {number} dimension @param {number} length @param {number} step */
function windows(self, dimension, length, step) {
  const [axis] = axesOf(dimension, self.shape.length);
  const own = strides(self.shape);
  const shape = [...self.shape.with(axis, Math.floor((self.shape[axis] - length) / step) + 1), length];
  return taken(self, places(shape, [...own.with(axis, own[axis] * step), own[axis]]), shape);
}

/** @param {Arr} self @param {number[]} dims */
function flipped(self, dims) {
  const axes = axesOf(dims, self.shape.length);
  return stretch(self, self.shape.map((length, axis) => (axes.includes(axis) ? length - 1 : 0)), self.shape, self.shape.map((_, axis) => (axes.includes(axis) ? -1 : 1)));
}

/** @param {Arr} self @param {number[]} shifts @param {number[] | null} dims @returns {Arr} */
function rolled(self, shifts, dims) {
  if (!dims?.length) return reshaped(rolled(reshaped(self, [self.data.length]), shifts, [0]), self.shape);
  return axesOf(dims, self.shape.length).reduce((of, axis, k) => {
    const cut = (((-shifts[k] % of.shape[axis]) + of.shape[axis]) % of.shape[axis]) || 0;
    return cut ? joined([slice(of, axis, cut, null), slice(of, axis, 0, cut)], axis) : of;
  }, self);
}

/** @param {Arr[]} arrays @param {number} dim */
export function joined(arrays, dim) {
  const all = arrays.filter(({ shape }) => shape.length !== 1 || shape[0] || arrays.every((other) => other.shape.length === 1));
  const [axis] = axesOf(dim, all[0].shape.length);
  const shape = all[0].shape.with(axis, all.reduce((sum, one) => sum + one.shape[axis], 0));
  const made = array(shape, promoted(all));
  let start = 0;
  for (const one of all) {
    put(made, slice(numbered(shape), axis, start, start + one.shape[axis]).data, one);
    start += one.shape[axis];
  }
  return made;
}

/** Puts numbers at places of an array that is being made. @param {Arr} made @param {ArrayLike<number>} at @param {Arr} from @param {boolean} [adding] */
function put(made, at, from, adding = false) {
  for (let i = 0; i < at.length; i++) made.data[at[i]] = (adding ? made.data[at[i]] : 0) + from.data[i];
  return made;
}

const copied = (/** @type {Arr} */ self) => filled(self.shape, self.dtype, self.data);

/** Puts a gradient back where a part was taken, into zeros. @param {number[]} sizes @param {Arr} grad @param {(of: Arr) => Arr} part @param {boolean} [adding] */
const putBack = (sizes, grad, part, adding = false) => put(array(sizes, grad.dtype), part(numbered(sizes)).data, grad, adding);

/** @param {Arr} self @param {Arr} src @param {(of: Arr) => Arr} part */
function replaced(self, src, part) {
  const at = part(numbered(self.shape));
  return put(copied(self), at.data, stretched(src, at.shape));
}

// --- by lists of places -------------------------------------------------------------------------------------------------

/** Where each axis is picked by a list of places, by a mask, or whole (null), as NumPy does it. @param {number[]} shape @param {Arr | (Arr | null)[]} indices */
function picked(shape, indices) {
  const given = (Array.isArray(indices) ? indices : [indices]).flatMap((one) => (one?.dtype === "bool" ? nonzero(one) : [one]));
  const all = [...given, ...new Array(Math.max(0, shape.length - given.length)).fill(null)];
  const own = strides(shape);
  const axes = all.flatMap((one, axis) => (one ? [axis] : []));
  const zeros = axes.map((axis) => each([/** @type {Arr} */ (all[axis])], (place) => (place < 0 ? place + shape[axis] : place) * own[axis], "int64"));
  const starts = zeros.reduce((sum, one) => each([sum, one], (a, b) => a + b, "int64"), filled([], "int64", [0]));
  const apart = axes.some((axis, k) => k > 0 && axis !== axes[k - 1] + 1);
  const first = apart || !axes.length ? 0 : axes[0];
  const rest = all.flatMap((one, axis) => (one ? [] : [axis]));
  const before = rest.filter((_, k) => k < first);
  const after = rest.filter((_, k) => k >= first);
  const lengths = (/** @type {number[]} */ of) => of.map((axis) => shape[axis]);
  const outer = places(lengths(before), before.map((axis) => own[axis]));
  const inner = places(lengths(after), after.map((axis) => own[axis]));
  const found = [];
  for (const a of outer) for (const b of starts.data) for (const c of inner) found.push(a + b + c);
  return { at: found, shape: [...lengths(before), ...starts.shape, ...lengths(after)] };
}

/** The places where a mask holds, as a list for each of its axes. @param {Arr} mask */
function nonzero(mask) {
  const at = [...mask.data.keys()].filter((i) => mask.data[i]);
  return strides(mask.shape).map((step, axis) => filled([at.length], "int64", at.map((i) => Math.floor(i / step) % mask.shape[axis])));
}

/** @param {Arr} self @param {Arr | (Arr | null)[]} indices */
export function indexed(self, indices) {
  const { at, shape } = picked(self.shape, indices);
  return taken(self, at, shape);
}

/** @param {Arr} self @param {Arr | number} values @param {Arr | (Arr | null)[]} indices @param {boolean} accumulate */
export function indexPut(self, values, indices, accumulate) {
  const { at, shape } = picked(self.shape, indices);
  return put(copied(self), at, spread(values, shape, self.dtype), accumulate);
}

const spread = (/** @type {Arr | number} */ values, /** @type {number[]} */ shape, /** @type {string} */ dtype) => stretched(typeof values === "number" ? filled([], dtype, [values]) : values, shape);

/** The places of entries that have places of their own along an axis. @param {number[]} shape @param {number} dim @param {Arr} index */
function along(shape, dim, index) {
  if (!shape.length) return [0];
  const [axis] = axesOf(dim, shape.length);
  const own = strides(shape);
  const base = places(index.shape.length ? index.shape : [1], own.with(axis, 0));
  return Array.from(index.data, (place, i) => base[i] + (place < 0 ? place + shape[axis] : place) * own[axis]);
}

const gather = (/** @type {Given} */ { self, dim, index }) => taken(self, along(self.shape, dim, index), index.shape);
/** @param {Given} given @param {boolean} [adding] */
function scatter({ self, dim, index, src, value = src }, adding = false) {
  const at = along(self.shape, dim, index);
  // Of a source that is larger than the index, its corner.
  const from = typeof value === "number" ? spread(value, index.shape, self.dtype) : stretch(value, index.shape.map(() => 0), index.shape, index.shape.map(() => 1));
  return put(copied(self), at, from, adding);
}
/** The index that takes layers along an axis. @param {number} axes @param {number} dim @param {Arr} index @returns {(Arr | null)[]} */
const layers = (axes, dim, index) => Array.from({ length: axes }, (_, axis) => (axis === axesOf(dim, axes)[0] ? reshaped(index, [index.data.length]) : null));

/** @param {Given} given @param {(row: number, column: number) => boolean} keeps */
const triangle = ({ self }, keeps) => {
  const [rows, columns] = self.shape.slice(-2);
  return filled(self.shape, self.dtype, self.data.map((/** @type {number} */ x, /** @type {number} */ i) => (keeps(Math.floor(i / columns) % rows, i % columns) ? x : 0)));
};

/** @param {Given} given */
function repeat({ self, repeats }) {
  const before = repeats.length - self.shape.length;
  const start = reshaped(self, [...new Array(before).fill(1), ...self.shape]);
  return repeats.reduce((/** @type {Arr} */ of, /** @type {number} */ times, /** @type {number} */ axis) => (times === 1 ? of : times ? joined(new Array(times).fill(of), axis) : slice(of, axis, 0, 0)), start);
}

const tensors = (/** @type {Given} */ given) => Object.keys(given).filter((name) => /^tensors\d+$/.test(name)).map((name) => given[name]);
const view = (/** @type {Given} */ { self, size: shape }) => reshaped(self, shape);
const permute = (/** @type {Given} */ { self, dims }) => permuted(self, dims);
const transpose = (/** @type {Given} */ { self }) => permuted(self, self.shape.map((/** @type {number} */ _, /** @type {number} */ axis) => axis).reverse());

/** @param {Given} given */
function squeeze({ self, dim = null }) {
  const axes = axesOf(dim, self.shape.length);
  return reshaped(self, self.shape.filter((/** @type {number} */ length, /** @type {number} */ axis) => length !== 1 || !axes.includes(axis)));
}

/** @param {Given} given */
function unsqueeze({ self, dim }) {
  return reshaped(self, self.shape.toSpliced(axesOf(dim, self.shape.length + 1)[0], 0, 1));
}

/** @type {Record<string, Row>} */
export const shapes = {
  view,
  reshape: view,
  squeeze,
  unsqueeze,
  t: transpose,
  T: permute,
  permute,
  transpose: ({ self, dim0, dim1 }) => swapped(self, dim0, dim1),
  flip: ({ self, dims }) => flipped(self, dims),
  roll: ({ self, shifts, dims }) => rolled(self, shifts, dims),
  expand: ({ self, size: shape }) => (self.data.length === size(shape) ? reshaped(self, shape) : stretched(self, shape)),
  repeat,
  unfold: ({ self, dimension, size: length, step }) => windows(self, dimension, length, step),
  unfold_backward: ({ self, dimension, size: length, step, sizes }) => putBack(sizes, self, (of) => windows(of, dimension, length, step), true),
  diagonal: ({ self, offset, dim1, dim2 }) => diagonal(self, offset, dim1, dim2),
  diagonal_backward: ({ grad_output, offset, dim1, dim2, sizes }) => putBack(sizes, grad_output, (of) => diagonal(of, offset, dim1, dim2)),
  tril: (given) => triangle(given, (row, column) => column - row <= given.diagonal),
  triu: (given) => triangle(given, (row, column) => column - row >= given.diagonal),
  select: ({ self, dim, index }) => select(self, dim, index),
  select_backward: ({ grad_output, dim, index, sizes }) => putBack(sizes, grad_output, (of) => select(of, dim, index)),
  select_scatter: ({ self, src, dim, index }) => replaced(self, src, (of) => select(of, dim, index)),
  slice: ({ self, dim, start, end, step }) => slice(self, dim, start, end, step),
  slice_backward: ({ grad_output, dim, start, end, step, sizes }) => putBack(sizes, grad_output, (of) => slice(of, dim, start, end, step)),
  slice_scatter: ({ self, src, dim, start, end, step }) => replaced(self, src, (of) => slice(of, dim, start, end, step)),
  index: ({ self, indices }) => indexed(self, indices),
  index_put: ({ self, values, indices, accumulate }) => indexPut(self, values, indices, accumulate),
  gather,
  scatter: (given) => scatter(given),
  scatter_add: (given) => scatter(given, true),
  index_select: ({ self, dim, index }) => (self.shape.length ? indexed(self, layers(self.shape.length, dim, index)) : self),
  index_add: ({ self, source, dim, index, alpha = 1 }) => indexPut(self, each([source], (x) => alpha * x), layers(self.shape.length, dim, index), true),
  take: ({ self, index }) => taken(self, Array.from(index.data, (place) => (place < 0 ? place + self.data.length : place)), index.shape),
  put: ({ self, source, index, accumulate }) => put(copied(self), index.data, source, accumulate),
  masked_fill: ({ self, mask, value }) => each([mask, self, value], (yes, x, v) => (yes ? v : x), self.dtype),
  masked_select: ({ self, mask }) => indexed(stretched(self, mask.shape), mask),
  masked_scatter: ({ self, source, mask }) => put(copied(stretched(self, mask.shape)), [...mask.data.keys()].filter((i) => mask.data[i]), source),
  cat: (given) => joined(tensors(given), given.dim),
  stack: (given) => joined(tensors(given).map((self) => unsqueeze({ self, dim: given.dim })), given.dim),
  unbind: ({ self, dim }) => Array.from({ length: self.shape[axesOf(dim, self.shape.length)[0]] }, (_, place) => select(self, dim, place)),
  split: ({ self, dim, split_sizes }) => {
    let start = 0;
    return split_sizes.map((/** @type {number} */ length) => slice(self, dim, start, (start += length)));
  },
  trace: ({ self }) => reshaped(total(diagonal(self, 0, 0, 1), [0]), []),
};
