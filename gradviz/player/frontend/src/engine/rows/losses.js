// Losses.

import { array, axesOf, each, filled, groups, reshaped, total } from "../array.js";
import { logSigmoid } from "./functions.js";

/** @typedef {import("../array.js").Arr} Arr */
/** @typedef {import("../array.js").Operand} Operand */
/** @typedef {import("./arithmetic.js").Row} Row */
/** @typedef {import("./arithmetic.js").Given} Given */

const [NONE, MEAN] = [0, 1];

/** Leaves losses as they are, or makes their mean, or their sum. @param {Arr} losses @param {number} reduction */
function whole(losses, reduction) {
  if (reduction === NONE) return losses;
  const sum = reshaped(total(losses, axesOf(null, losses.shape.length)), []);
  return reduction === MEAN ? each([sum], (all) => all / losses.data.length) : sum;
}

/** @param {(difference: number, given: Given) => number} f of prediction and target */
const ofDifference = (f) => (/** @type {Given} */ given) => whole(each([given.self, given.target], (a, b) => f(a - b, given)), given.reduction);
const weighed = (/** @type {Arr} */ losses, /** @type {Operand | null} */ weight) => (weight === null ? losses : each([losses, weight], (loss, w) => loss * w));
/** PyTorch stops the logarithm at −100. @param {number} x */
const bounded = (x) => (x < -100 ? -100 : x);

/** @param {Given} given */
function bce({ self, target, weight, reduction }) {
  return whole(weighed(each([self, target], (p, y) => -(y * bounded(Math.log(p)) + (1 - y) * bounded(Math.log1p(-p)))), weight), reduction);
}

/** @param {Given} given */
function bceWithLogits({ self, target, weight, pos_weight, reduction }) {
  return whole(weighed(each([self, target, pos_weight ?? 1], (x, y, w) => (1 - y) * x - ((w - 1) * y + 1) * logSigmoid(x)), weight), reduction);
}

/** How much each target counts, and where the score of its class stands. @param {Given} given */
function counted({ self, target, weight, ignore_index }) {
  const axis = self.shape.length === 1 ? 0 : 1;
  const inner = self.shape.slice(axis + 1).reduce((/** @type {number} */ all, /** @type {number} */ length) => all * length, 1);
  const classes = self.shape[axis];
  const share = Array.from(target.data, (/** @type {number} */ y) => (y === ignore_index || !(y >= 0 && y < classes) ? 0 : (weight?.data[y] ?? 1)));
  const at = Array.from(target.data, (/** @type {number} */ y, /** @type {number} */ i) => (Math.floor(i / inner) * classes + (share[i] ? y : 0)) * inner + (i % inner));
  return { share, at, all: share.reduce((sum, one) => sum + one, 0) };
}

/** @param {Given} given */
function nll(given) {
  const { self, target, reduction } = given;
  const { share, at, all } = counted(given);
  const losses = filled(target.shape, self.dtype, share.map((one, i) => (one ? -self.data[at[i]] * one : 0)));
  if (reduction === NONE) return losses;
  const sum = total(losses, axesOf(null, losses.shape.length)).data[0];
  return filled([], self.dtype, [reduction === MEAN ? sum / all : sum]);
}

/** @param {Given} given */
function nllBack(given) {
  const { grad_output, self, reduction } = given;
  const { share, at, all } = counted(given);
  const made = array(self.shape, self.dtype);
  share.forEach((one, i) => {
    if (one) made.data[at[i]] = -grad_output.data[reduction === NONE ? i : 0] * (reduction === MEAN ? one / (all || 1) : one);
  });
  return made;
}

/** By how much each class comes within the margin of the right one's score. @param {Given} given @param {(excess: number, share: number) => number} f */
function margins({ self, target, margin, weight }, f) {
  const classes = self.shape.at(-1);
  return Float64Array.from(self.data, (/** @type {number} */ x, /** @type {number} */ i) => {
    const row = Math.floor(i / classes);
    const right = target.data[row];
    const excess = x - self.data[row * classes + right] + margin;
    return i % classes === right || excess <= 0 ? 0 : f(excess, (weight?.data[right] ?? 1) / classes);
  });
}

/** @param {Given} given */
function multiMargin(given) {
  const { self, p, reduction } = given;
  const { left } = groups(self.shape, [self.shape.length - 1]);
  const losses = total(filled(self.shape, "float64", margins(given, (excess, share) => excess ** p * share)), [self.shape.length - 1]);
  return whole(filled(left, self.dtype, losses.data), reduction);
}

/** @param {Given} given */
function multiMarginBack(given) {
  const { grad, self, target, p, reduction } = given;
  const classes = self.shape.at(-1);
  const slope = margins(given, (excess, share) => (p === 1 ? 1 : 2 * excess) * share);
  const rows = self.shape.length > 1 && reduction === MEAN ? self.shape[0] : 1;
  const sums = new Float64Array(target.data.length);
  slope.forEach((one, i) => (sums[Math.floor(i / classes)] += one));
  return filled(self.shape, self.dtype, slope.map((one, i) => {
    const row = Math.floor(i / classes);
    return ((i % classes === target.data[row] ? -sums[row] : one) / rows) * grad.data[reduction === NONE ? row : 0];
  }));
}

/** @type {Record<string, Row>} */
export const losses = {
  mse_loss: ofDifference((d) => d * d),
  smooth_l1_loss: ofDifference((d, { beta }) => (Math.abs(d) < beta ? (0.5 * d * d) / beta : Math.abs(d) - 0.5 * beta)),
  huber_loss: ofDifference((d, { delta }) => (Math.abs(d) <= delta ? 0.5 * d * d : delta * (Math.abs(d) - 0.5 * delta))),
  soft_margin_loss: ({ self, target, reduction }) => whole(each([self, target], (x, y) => Math.log1p(Math.exp(-y * x)), self.dtype), reduction),
  binary_cross_entropy: bce,
  binary_cross_entropy_with_logits: bceWithLogits,
  nll_loss: nll,
  nll_loss2d: nll,
  nll_loss_backward: nllBack,
  nll_loss2d_backward: nllBack,
  multi_margin_loss: multiMargin,
  multi_margin_loss_backward: multiMarginBack,
};
