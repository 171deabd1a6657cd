// Functions of each entry by itself, activations among them; and the slopes of those that are made of straight lines.

import { each, isFloat } from "../array.js";

/** @typedef {import("./arithmetic.js").Row} Row */
/** @typedef {import("./arithmetic.js").Given} Given */

const one = (/** @type {(x: number) => number} */ f) => (/** @type {Given} */ { self }) => each([self], f, isFloat(self.dtype) ? self.dtype : "float32");
const whole = (/** @type {(x: number) => number} */ f) => (/** @type {Given} */ { self }) => each([self], f);

// No exponential of a positive number is taken: it could overflow.
export const sigmoid = (/** @type {number} */ x) => Math.exp(Math.min(x, 0)) / (1 + Math.exp(-Math.abs(x)));
export const logSigmoid = (/** @type {number} */ x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));
const softplus = (/** @type {number} */ x, beta = 1, threshold = 20) => (x * beta > threshold ? x : Math.log1p(Math.exp(Math.min(x * beta, threshold))) / beta);
const between = (/** @type {number} */ x, /** @type {number} */ low, /** @type {number} */ high) => (x < low ? low : x > high ? high : x); // nan stays
const elu = (/** @type {number} */ x, alpha = 1, scale = 1, inner = 1) => (x > 0 ? x : Math.expm1(Math.min(x, 0) * inner) * alpha) * scale;
const signOf = (/** @type {number} */ x) => (Number.isNaN(x) ? 0 : Math.sign(x));

/** Halves go to the even neighbour. @param {number} x */
function roundToEven(x) {
  const down = Math.floor(x);
  return x - down === 0.5 ? (down % 2 === 0 ? down : down + 1) : Math.round(x);
}

/** The error function: a series near zero, a continued fraction far from it. @param {number} x */
export const erf = (x) => Math.sign(x) * (Math.abs(x) < 2.5 ? (2 / Math.sqrt(Math.PI)) * series(Math.abs(x)) : 1 - tail(Math.abs(x)));

/** ∫₀ᶻ exp(−t²) dt, all of whose terms are positive. @param {number} z */
function series(z) {
  let [sum, term] = [z, z];
  for (let n = 1; term > 1e-17 * sum && n < 200; n++) sum += term *= (2 * z * z) / (2 * n + 1);
  return sum * Math.exp(-z * z);
}

/** 1 − erf(z) for a large z. @param {number} z */
function tail(z) {
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (z + fraction);
  return Math.exp(-z * z) / ((z + fraction) * Math.sqrt(Math.PI));
}

const erfc = (/** @type {number} */ x) => (x >= 2.5 ? tail(x) : 1 - erf(x));
const sinc = (/** @type {number} */ x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** @param {Given} given */
function gelu({ self, approximate }) {
  const root = Math.sqrt(2 / Math.PI);
  return each([self], approximate === "tanh" ? (x) => 0.5 * x * (1 + Math.tanh(root * (x + 0.044715 * x ** 3))) : (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)));
}

/** The slope of straight lines: what it makes of a gradient where x has chosen. @param {(g: number, x: number, given: Given) => number} f */
const slope = (f) => (/** @type {Given} */ given) => each([given.grad_output, given.self], (g, x) => f(g, x, given));

/** @type {Record<string, Row>} */
export const functions = {
  neg: whole((x) => -x),
  abs: whole(Math.abs),
  sign: whole(signOf),
  sgn: whole(signOf),
  floor: whole(Math.floor),
  ceil: whole(Math.ceil),
  trunc: whole(Math.trunc),
  round: ({ self, decimals = 0 }) => each([self], (x) => roundToEven(x * 10 ** decimals) / 10 ** decimals),
  frac: whole((x) => x - Math.trunc(x)),
  clone: ({ self }) => self,
  contiguous: ({ self }) => self,
  alias: ({ self }) => self,
  reciprocal: one((x) => 1 / x),
  exp: one(Math.exp),
  exp2: one((x) => 2 ** x),
  expm1: one(Math.expm1),
  log: one(Math.log),
  log2: one(Math.log2),
  log10: one(Math.log10),
  log1p: one(Math.log1p),
  sqrt: one(Math.sqrt),
  rsqrt: one((x) => 1 / Math.sqrt(x)),
  sin: one(Math.sin),
  cos: one(Math.cos),
  tan: one(Math.tan),
  asin: one(Math.asin),
  acos: one(Math.acos),
  atan: one(Math.atan),
  sinh: one(Math.sinh),
  cosh: one(Math.cosh),
  tanh: one(Math.tanh),
  asinh: one(Math.asinh),
  acosh: one(Math.acosh),
  atanh: one(Math.atanh),
  deg2rad: one((x) => (x * Math.PI) / 180),
  rad2deg: one((x) => (x * 180) / Math.PI),
  angle: one((x) => (x < 0 ? Math.PI : Number.isNaN(x) ? NaN : 0)),
  sinc: one(sinc),
  erf: one(erf),
  erfc: one(erfc),
  sigmoid: one(sigmoid),
  log_sigmoid: one(logSigmoid),
  relu: whole((x) => (x > 0 ? x : Number.isNaN(x) ? NaN : 0)),
  silu: one((x) => x * sigmoid(x)),
  mish: one((x) => x * Math.tanh(softplus(x))),
  gelu,
  softplus: ({ self, beta, threshold }) => each([self], (x) => softplus(x, beta, threshold)),
  elu: ({ self, alpha, scale }) => each([self], (x) => elu(x, alpha, scale)),
  celu: ({ self, alpha }) => each([self], (x) => elu(x, alpha, 1, 1 / alpha)),
  leaky_relu: ({ self, negative_slope }) => each([self], (x) => (x > 0 ? x : x * negative_slope)),
  prelu: ({ self, weight }) => each([self, weight], (x, w) => (x > 0 ? x : w * x)),
  hardtanh: ({ self, min_val, max_val }) => each([self], (x) => between(x, min_val, max_val)),
  hardsigmoid: one((x) => between(x + 3, 0, 6) / 6),
  hardswish: one((x) => (x * between(x + 3, 0, 6)) / 6),
  threshold: ({ self, threshold, value }) => each([self], (x) => (x <= threshold ? value : x)),
  hardshrink: ({ self, lambd }) => each([self], (x) => (x >= -lambd && x <= lambd ? 0 : x)),
  softshrink: ({ self, lambd }) => each([self], (x) => x - between(x, -lambd, lambd)),
  logit: ({ self, eps = null }) => each([self], (x) => ((p) => Math.log(p / (1 - p)))(eps === null ? x : between(x, eps, 1 - eps))),
  threshold_backward: slope((g, x, { threshold }) => (x <= threshold ? 0 : g)),
  leaky_relu_backward: slope((g, x, { negative_slope }) => (x > 0 ? g : g * negative_slope)),
  hardtanh_backward: slope((g, x, { min_val, max_val }) => (x <= min_val || x >= max_val ? 0 : g)),
  hardshrink_backward: slope((g, x, { lambd }) => (x >= -lambd && x <= lambd ? 0 : g)),
  softshrink_backward: slope((g, x, { lambd }) => (x >= -lambd && x <= lambd ? 0 : g)),
  hardsigmoid_backward: slope((g, x) => (x > -3 && x < 3 ? g / 6 : 0)),
};
