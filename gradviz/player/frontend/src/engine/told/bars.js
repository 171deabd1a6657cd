// The bars of a softmax or a loss, drawn anew: as gradviz.drawing.bars draws them.

import { numberText } from "../../number.js";
import { sigmoid } from "../rows/functions.js";

/**
 * `labels` has for each line which entry of the predictions it is about, `tops` where the middle of the line is.
 * @typedef {{
 *   rule: string, labels: number[][], tops: number[], scale: number, spread: number, signed: boolean, targets: boolean,
 *   probabilities: boolean, prediction: string, target: string, ignore: number,
 * }} Bars
 */

/** @typedef {import("../../facts.js").Value} Value */

const [BAR, LINE] = [58, 15];

/** @typedef {{inner: number, classes: number}} Classes so many entries of one class lie beside each other, and so many classes there are */

/** @type {Record<string, (numbers: number[], k: number, classes: Classes) => number>} what is predicted, of the numbers that an operation read or made */
const PREDICTED = {
  log_softmax: (x, k) => Math.exp(x[k]),
  nll_loss: (x, k) => Math.exp(x[k]),
  cross_entropy: (x, k, { inner, classes }) => {
    const first = Math.floor(k / (inner * classes)) * inner * classes + (k % inner);
    const scores = Array.from({ length: classes }, (_, place) => x[first + place * inner]);
    const top = Math.max(...scores);
    return Math.exp(x[k] - top) / scores.reduce((sum, one) => sum + Math.exp(one - top), 0);
  },
  binary_cross_entropy_with_logits: (x, k) => sigmoid(x[k]),
};

/**
 * @param {string} operation its id
 * @param {Bars} bars
 * @param {Partial<import("../../state.js").Face>} face into which they are written, as far as it shows them
 * @param {import("./faces.js").Moment} moment
 * @param {import("../../facts.js").Facts} facts
 */
export function bars(operation, bars, face, moment, facts) {
  const text = face.text ?? {};
  const predictions = moment.values.get(bars.prediction);
  if (!predictions?.data || !/\d|nan|∞/.test(text[`${operation}_p0`] ?? "")) return redrawDifferences(operation, bars, face, moment);
  const { p, y } = numbersOf(bars, predictions, bars.targets ? moment.values.get(bars.target) : undefined);
  p.forEach((number, line) => (text[`${operation}_p${line}`] = numberText(number)));
  y?.forEach((number, line) => (text[`${operation}_y${line}`] = Number.isNaN(number) ? "none" : numberText(number)));
  const path = face.path ?? {};
  path[`${operation}_bp`] = p.map((number, line) => rectangle(bars, line, number, bars.scale, bars.signed)).join("");
  if (y) path[`${operation}_by`] = y.map((number, line) => mark(bars, line, number)).join("");
  redrawDifferences(operation, bars, face, moment);
}

/** @param {string} operation @param {Bars} bars @param {Partial<import("../../state.js").Face>} face @param {import("./faces.js").Moment} moment */
function redrawDifferences(operation, bars, face, moment) {
  const text = face.text ?? {};
  if (!bars.targets || !/\d/.test(text[`${operation}_d0`] ?? "")) return;
  const { p, y } = numbersOf(bars, moment.values.get(bars.prediction), moment.values.get(bars.target));
  const differences = p.map((number, line) => number - (y?.[line] ?? NaN));
  differences.forEach((number, line) => (text[`${operation}_d${line}`] = Number.isNaN(y?.[line] ?? NaN) ? "none" : numberText(number)));
  (face.path ?? {})[`${operation}_bd`] = differences.map((number, line) => rectangle(bars, line, number, bars.spread, true)).join("");
}

/** The predictions and targets of each line. @param {Bars} bars @param {Value | undefined} predicted @param {Value | undefined} wanted */
function numbersOf({ labels, rule, ignore }, predicted, wanted) {
  const [shape, x] = [predicted?.shape ?? [], (predicted?.data ?? []).map(Number)];
  const axis = shape.length === 1 ? 0 : 1;
  const classes = shape[axis] ?? 1;
  const inner = shape.slice(axis + 1).reduce((all, length) => all * length, 1);
  const at = labels.map((label) => label.reduce((place, one, k) => place * shape[k] + one, 0));
  const p = at.map((k) => (PREDICTED[rule] ?? ((numbers) => numbers[k]))(x, k, { inner, classes }));
  const targets = wanted?.data?.map(Number);
  const ofClasses = rule === "nll_loss" || rule === "cross_entropy";
  const y = targets && at.map((k) => {
    if (!ofClasses) return targets.length === x.length ? targets[k] : targets[k % targets.length];
    const right = targets[Math.floor(k / (inner * classes)) * inner + (k % inner)];
    return right === ignore ? NaN : Number(right === Math.floor(k / inner) % classes);
  });
  return { p, y };
}

/** @param {Bars} bars @param {number} line @param {number} value @param {number} largest @param {boolean} signed */
function rectangle({ tops }, line, value, largest, signed) {
  if (!Number.isFinite(value)) return "";
  const room = signed ? BAR / 2 : BAR;
  const length = largest ? room * Math.max(-1, Math.min(1, value / largest)) : 0;
  const start = signed ? room : 0;
  return `M${(start + Math.min(length, 0)).toFixed(1)} ${(tops[line] - LINE / 2 + 2.5).toFixed(1)}h${Math.abs(length).toFixed(1)}v${LINE - 5}h${(-Math.abs(length)).toFixed(1)}z`;
}

/** @param {Bars} bars @param {number} line @param {number} value */
function mark({ tops, scale, signed, probabilities }, line, value) {
  if (!Number.isFinite(value) || (!value && probabilities)) return "";
  const room = signed ? BAR / 2 : BAR;
  const place = (room * value) / scale + (signed ? room : 0);
  return `M${Math.max(0, Math.min(BAR, place)).toFixed(1)} ${(tops[line] - LINE / 2 + 0.5).toFixed(1)}v${LINE - 1}`;
}
