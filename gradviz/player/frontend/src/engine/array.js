// Arrays with axes: numbers row by row, of one dtype. What is computed is rounded to that dtype when it is stored, once for each operation.

/** @typedef {Float32Array | Float64Array | Uint8Array} Data */
/** @typedef {{shape: number[], dtype: string, data: Data}} Arr */
/** @typedef {Arr | number} Operand a plain number takes the dtype of what stands beside it */

/** How dtypes rank: two of them give the higher one. Whole numbers are kept as float64, in which they are exact. @type {Record<string, number>} */
const RANK = { bool: 0, uint8: 1, int8: 1, int16: 2, int32: 3, int64: 4, float32: 5, float64: 6 };

export const isFloat = (/** @type {string} */ dtype) => dtype.startsWith("float");
export const size = (/** @type {number[]} */ shape) => shape.reduce((all, length) => all * length, 1);

/** @param {number[]} shape @param {string} dtype @param {Data} [data] by default zeros @returns {Arr} */
export function array(shape, dtype, data) {
  if (data === undefined) data = dtype === "float32" ? new Float32Array(size(shape)) : dtype === "bool" ? new Uint8Array(size(shape)) : new Float64Array(size(shape));
  return { shape, dtype, data };
}

/** An array of these numbers. @param {number[]} shape @param {string} dtype @param {ArrayLike<number>} numbers */
export function filled(shape, dtype, numbers) {
  const made = array(shape, dtype);
  made.data.set(numbers);
  return made;
}

/** The same numbers in another shape. @param {Arr} of @param {number[]} shape */
export const reshaped = (of, shape) => array(shape, of.dtype, of.data);

/** The dtype of what is made of some operands: a number, or an array without axes, does not raise that of one that has some. @param {Operand[]} operands */
export function promoted(operands) {
  const arrays = operands.filter((one) => typeof one !== "number");
  const kind = (/** @type {Arr} */ { dtype }) => (isFloat(dtype) ? 2 : dtype === "bool" ? 0 : 1);
  const highest = Math.max(...arrays.map(kind));
  const wide = arrays.filter((one) => kind(one) === highest && one.shape.length);
  const all = wide.length ? wide : arrays.filter((one) => kind(one) === highest);
  return all.reduce((found, { dtype }) => (RANK[dtype] > RANK[found] ? dtype : found), all[0]?.dtype ?? "float32");
}

/** The shape to which shapes are stretched. @param {number[][]} shapes */
export function together(shapes) {
  const axes = Math.max(0, ...shapes.map(({ length }) => length));
  return Array.from({ length: axes }, (_, axis) => {
    const lengths = shapes.map((shape) => shape[axis - axes + shape.length] ?? 1).filter((length) => length !== 1);
    return lengths[0] ?? 1;
  });
}

const same = (/** @type {number[]} */ a, /** @type {number[]} */ b) => a.length === b.length && a.every((length, axis) => length === b[axis]);

/** How far apart in the data entries are that are neighbours along each axis. @param {number[]} shape */
export function strides(shape) {
  const found = new Array(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) found[axis] = found[axis + 1] * shape[axis + 1];
  return found;
}

/**
 * The places in the data that one comes to by steps along axes, in order.
 * @param {number[]} shape how many steps along each
 * @param {number[]} steps how far each goes
 * @param {number} [start]
 */
export function places(shape, steps, start = 0) {
  let found = Int32Array.of(start);
  shape.forEach((length, axis) => {
    const next = new Int32Array(found.length * length);
    for (let i = 0, n = 0; i < found.length; i++) for (let k = 0; k < length; k++) next[n++] = found[i] + k * steps[axis];
    found = next;
  });
  return found;
}

/** Entries at places, as an array of a shape. @param {Arr} of @param {ArrayLike<number>} at @param {number[]} shape */
export function taken(of, at, shape) {
  const made = array(shape, of.dtype);
  for (let i = 0; i < at.length; i++) made.data[i] = of.data[at[i]];
  return made;
}

/** Stretches an array to a shape. @param {Arr} of @param {number[]} shape */
export function stretched(of, shape) {
  if (same(of.shape, shape)) return of;
  const own = strides(of.shape);
  const before = shape.length - of.shape.length;
  return taken(of, places(shape, shape.map((_, axis) => (axis < before || of.shape[axis - before] === 1 ? 0 : own[axis - before]))), shape);
}

/**
 * Computes entry by entry, with broadcasting.
 * @param {Operand[]} operands
 * @param {(...numbers: number[]) => number | boolean} f
 * @param {string} [dtype] of the result
 * @returns {Arr}
 */
export function each(operands, f, dtype = promoted(operands)) {
  const shape = together(operands.map((one) => (typeof one === "number" ? [] : one.shape)));
  const made = array(shape, dtype);
  const out = made.data;
  const [a, b, c] = operands.map((one) => (typeof one === "number" ? one : stretched(one, shape).data));
  const n = out.length;
  if (b === undefined) {
    if (typeof a === "number") out.fill(Number(f(a)));
    else for (let i = 0; i < n; i++) out[i] = Number(f(a[i]));
  } else if (c !== undefined) {
    for (let i = 0; i < n; i++) out[i] = Number(f(typeof a === "number" ? a : a[i], typeof b === "number" ? b : b[i], typeof c === "number" ? c : c[i]));
  } else if (typeof a === "number") {
    if (typeof b === "number") out.fill(Number(f(a, b)));
    else for (let i = 0; i < n; i++) out[i] = Number(f(a, b[i]));
  } else if (typeof b === "number") for (let i = 0; i < n; i++) out[i] = Number(f(a[i], b));
  else for (let i = 0; i < n; i++) out[i] = Number(f(a[i], b[i]));
  return made;
}

/** Axes as they are given, counted from the end too, as a list. @param {number | number[] | null | undefined} dim @param {number} axes */
export function axesOf(dim, axes) {
  const given = dim === null || dim === undefined ? Array.from({ length: axes }, (_, axis) => axis) : [dim].flat();
  return given.map((axis) => (axis < 0 ? axis + axes : axis));
}

/**
 * Which entries belong together when axes are reduced: for each entry its group. `kept` has these axes at length 1, in `left` they
 * are gone; `count` entries are in a group.
 * @param {number[]} shape
 * @param {number[]} axes
 */
export function groups(shape, axes) {
  const kept = shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
  const own = strides(kept);
  const of = places(shape, kept.map((_, axis) => (axes.includes(axis) ? 0 : own[axis])));
  return { of, kept, left: shape.filter((_, axis) => !axes.includes(axis)), count: axes.reduce((all, axis) => all * shape[axis], 1) };
}

/**
 * Goes through the entries of each group in order, carrying a number on.
 * @param {Arr} of
 * @param {number[]} axes
 * @param {number} start
 * @param {(sum: number, entry: number, place: number) => number} f
 * @param {string} [dtype]
 * @returns {Arr} with the axes at length 1
 */
export function reduced(of, axes, start, f, dtype = of.dtype) {
  const { of: group, kept } = groups(of.shape, axes);
  const sums = new Float64Array(size(kept)).fill(start);
  for (let i = 0; i < of.data.length; i++) sums[group[i]] = f(sums[group[i]], of.data[i], i);
  return filled(kept, dtype, sums);
}

/** The sum along axes, which stay at length 1. @param {Arr} of @param {number[]} axes */
export const total = (of, axes) => reduced(of, axes, 0, (sum, entry) => sum + entry, isFloat(of.dtype) ? of.dtype : "int64");
