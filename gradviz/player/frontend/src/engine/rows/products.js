// Products of vectors and matrices.

import { array, each, reshaped, stretched, together } from "../array.js";

/** @typedef {import("../array.js").Arr} Arr */
/** @typedef {import("./arithmetic.js").Row} Row */

/** Multiplies vectors, matrices, or batches of matrices. @param {Arr} left @param {Arr} right @returns {Arr} */
export function product(left, right) {
  if (left.shape.length === 1) return without(product(reshaped(left, [1, ...left.shape]), right), -2);
  if (right.shape.length === 1) return without(product(left, reshaped(right, [...right.shape, 1])), -1);
  const [rows, inner] = left.shape.slice(-2);
  const columns = right.shape.at(-1) ?? 1;
  const batch = together([left.shape.slice(0, -2), right.shape.slice(0, -2)]);
  const [a, b] = [stretched(left, [...batch, rows, inner]).data, stretched(right, [...batch, inner, columns]).data];
  const made = array([...batch, rows, columns], left.dtype);
  for (let out = 0, at = 0, start = 0; out < made.data.length; at += rows * inner, start += inner * columns) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let k = 0; k < inner; k++) sum += a[at + i * inner + k] * b[start + k * columns + j];
        made.data[out++] = sum;
      }
    }
  }
  return made;
}

const without = (/** @type {Arr} */ of, /** @type {number} */ axis) => reshaped(of, of.shape.toSpliced(of.shape.length + axis, 1));
const added = (/** @type {Arr} */ start, /** @type {Arr} */ products, /** @type {number} */ beta, /** @type {number} */ alpha) => (beta === 0 ? each([products], (p) => alpha * p) : each([start, products], (s, p) => alpha * p + beta * s));
const outer = (/** @type {Arr} */ a, /** @type {Arr} */ b) => each([reshaped(a, [...a.shape, 1]), b], (x, y) => x * y);

/** The cross product along an axis counted from the end. @param {Arr} self @param {Arr} other @param {number} dim */
function cross(self, other, dim) {
  const shape = together([self.shape, other.shape]);
  const [a, b] = [stretched(self, shape), stretched(other, shape)];
  const step = shape.slice(dim < 0 ? dim + shape.length + 1 : dim + 1).reduce((all, length) => all * length, 1);
  const made = array(shape, a.dtype);
  for (let i = 0; i < made.data.length; i++) {
    const place = Math.floor(i / step) % 3;
    const [next, last] = [1, 2].map((by) => i + (((place + by) % 3) - place) * step);
    made.data[i] = a.data[next] * b.data[last] - a.data[last] * b.data[next];
  }
  return made;
}

/** @param {Arr} of matrices, whose products are added up */
function summed(of) {
  const [count, ...shape] = of.shape;
  const made = array(shape, of.dtype);
  const sums = new Float64Array(made.data.length);
  for (let k = 0; k < count; k++) for (let i = 0; i < sums.length; i++) sums[i] += of.data[k * sums.length + i];
  made.data.set(sums);
  return made;
}

/** @type {Record<string, Row>} */
export const products = {
  mm: ({ self, mat2 }) => product(self, mat2),
  bmm: ({ self, mat2 }) => product(self, mat2),
  mv: ({ self, vec }) => product(self, vec),
  dot: ({ self, tensor }) => product(self, tensor),
  vdot: ({ self, other }) => product(self, other),
  addmm: ({ self, mat1, mat2, beta, alpha }) => added(self, product(mat1, mat2), beta, alpha),
  addmv: ({ self, mat, vec, beta, alpha }) => added(self, product(mat, vec), beta, alpha),
  baddbmm: ({ self, batch1, batch2, beta, alpha }) => added(self, product(batch1, batch2), beta, alpha),
  addbmm: ({ self, batch1, batch2, beta, alpha }) => added(self, summed(product(batch1, batch2)), beta, alpha),
  addr: ({ self, vec1, vec2, beta, alpha }) => added(self, outer(vec1, vec2), beta, alpha),
  linalg_cross: ({ self, other, dim }) => cross(self, other, dim),
};
