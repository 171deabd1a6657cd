// Arithmetic, comparisons and choices, entry by entry. A row takes its arguments and settings by their names in gradviz's table.

import { array, each, filled, isFloat, promoted } from "../array.js";

/** @typedef {import("../array.js").Arr} Arr */
/** @typedef {import("../array.js").Operand} Operand */
/** @typedef {Record<string, any>} Given */
/** @typedef {(given: any) => Arr | Arr[]} Row */

const number = (/** @type {Operand} */ one) => (typeof one === "number" ? one : one.data[0]);
const floating = (/** @type {Operand[]} */ operands) => (isFloat(promoted(operands)) ? promoted(operands) : "float32");
const two = (/** @type {(a: number, b: number) => number} */ f) => (/** @type {Given} */ { self, other }) => each([self, other], f);
const asked = (/** @type {(a: number, b: number) => boolean} */ f) => (/** @type {Given} */ given) => {
  const operands = [given.self, given.other].map((one) => (typeof one === "boolean" ? Number(one) : one));
  return each(operands, f, "bool");
};

/** What is left of a division, with the sign of the divisor. @param {number} a @param {number} b */
const remainder = (a, b) => {
  const left = a % b;
  return left !== 0 && left < 0 !== b < 0 ? left + b : left;
};
/** @param {number} a @param {number} b */
const power = (a, b) => (b === 0.5 ? Math.sqrt(a) : a === 1 ? 1 : a ** b); // NumPy's 1 ** nan is 1
const larger = (/** @type {number} */ a, /** @type {number} */ b) => (Number.isNaN(a) || Number.isNaN(b) ? NaN : Math.max(a, b));
const smaller = (/** @type {number} */ a, /** @type {number} */ b) => (Number.isNaN(a) || Number.isNaN(b) ? NaN : Math.min(a, b));
const logsum = (/** @type {number} */ a, /** @type {number} */ b) => (a === b ? a + Math.LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b))));

/** @param {Given} given */
function clamp({ self, min = null, max = null }) {
  const low = min === null ? self : each([self, min], larger, self.dtype);
  return max === null ? low : each([low, max], smaller, self.dtype);
}

/** @type {Record<string, Row>} */
export const arithmetic = {
  add: ({ self, other, alpha = 1 }) => each([self, other], (a, b) => a + alpha * b),
  sub: ({ self, other, alpha = 1 }) => each([self, other], (a, b) => a - alpha * b),
  rsub: ({ self, other, alpha = 1 }) => each([self, other], (a, b) => b - alpha * a),
  mul: two((a, b) => a * b),
  div({ self, other, rounding_mode }) {
    const round = rounding_mode === "floor" ? Math.floor : rounding_mode === "trunc" ? Math.trunc : (/** @type {number} */ x) => x;
    return each([self, other], (a, b) => round(a / b), rounding_mode ? undefined : floating([self, other]));
  },
  floor_divide: two((a, b) => Math.floor(a / b)),
  remainder: two(remainder),
  fmod: two((a, b) => a % b),
  addcmul: ({ self, tensor1, tensor2, value }) => each([self, each([tensor1, tensor2], (a, b) => a * b)], (a, b) => a + value * b),
  addcdiv: ({ self, tensor1, tensor2, value }) => each([self, each([tensor1, tensor2], (a, b) => a / b)], (a, b) => a + value * b),
  lerp: ({ self, end, weight }) => each([self, end, weight], (a, b, w) => (Math.abs(w) < 0.5 ? a + w * (b - a) : b - (b - a) * (1 - w)), self.dtype),
  pow: ({ self, base = self, exponent, other = exponent }) => each([base, other], power),
  maximum: two(larger),
  minimum: two(smaller),
  fmax: two((a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.max(a, b))),
  fmin: two((a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b))),
  clamp,
  clamp_min: clamp,
  clamp_max: clamp,
  where: ({ condition, self, other }) => each([condition, self, other], (yes, a, b) => (yes ? a : b), promoted([self, other])),
  atan2: ({ self, other }) => each([self, other], Math.atan2, floating([self, other])),
  hypot: two(Math.hypot),
  logaddexp: two(logsum),
  logaddexp2: two((a, b) => logsum(a * Math.LN2, b * Math.LN2) / Math.LN2),
  ldexp: ({ self, other }) => each([self, other], (a, b) => a * 2 ** b, floating([self, other])),
  copysign: ({ self, other }) => each([self, other], (a, b) => (b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a)), floating([self, other])),
  xlogy: ({ self, other }) => each([self, other], (a, b) => (a === 0 && !Number.isNaN(b) ? 0 : a * Math.log(b)), floating([self, other])),
  xlog1py: ({ self, other }) => each([self, other], (a, b) => (a === 0 && !Number.isNaN(b) ? 0 : a * Math.log1p(b)), floating([self, other])),
  heaviside: ({ self, values }) => each([self, values], (a, b) => (a === 0 ? b : a > 0), self.dtype),
  eq: asked((a, b) => a === b),
  ne: asked((a, b) => a !== b),
  lt: asked((a, b) => a < b),
  le: asked((a, b) => a <= b),
  gt: asked((a, b) => a > b),
  ge: asked((a, b) => a >= b),
  logical_and: asked((a, b) => Boolean(a && b)),
  logical_or: asked((a, b) => Boolean(a || b)),
  logical_xor: asked((a, b) => Boolean(a) !== Boolean(b)),
  logical_not: ({ self }) => each([self], (a) => !a, "bool"),
  // Of bools; nothing asks for the bits of numbers.
  bitwise_and: asked((a, b) => Boolean(a && b)),
  bitwise_or: asked((a, b) => Boolean(a || b)),
  bitwise_xor: asked((a, b) => Boolean(a) !== Boolean(b)),
  bitwise_not: ({ self }) => each([self], (a) => !a, "bool"),
  isnan: ({ self }) => each([self], Number.isNaN, "bool"),
  isinf: ({ self }) => each([self], (a) => Math.abs(a) === Infinity, "bool"),
  isfinite: ({ self }) => each([self], Number.isFinite, "bool"),
  to: ({ self, dtype }) => filled(self.shape, dtype, self.data),
  fill: ({ self, value }) => array(self.shape, self.dtype, filled(self.shape, self.dtype, new Float64Array(self.data.length).fill(number(value))).data),
  zero: ({ self }) => array(self.shape, self.dtype),
  nan_to_num: ({ self, nan, posinf, neginf }) => {
    const most = self.dtype === "float32" ? 3.4028234663852886e38 : Number.MAX_VALUE;
    return each([self], (a) => (Number.isNaN(a) ? nan : a === Infinity ? (posinf ?? most) : a === -Infinity ? (neginf ?? -most) : a));
  },
};
