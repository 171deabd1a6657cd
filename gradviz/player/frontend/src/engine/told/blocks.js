// What the card of a block shows of other numbers: how its activations and gradients are spread, and how large its gradient is.

import { numberText } from "../../number.js";

/**
 * Where a block's numbers stand: the slots of its result and, for each parameter, of its value and its gradient; the tensors that the
 * parameters are; how wide its two charts are; the powers of two that all cards share; whether it tells its update in a training.
 * @typedef {{
 *   value: number, weights: [value: number, gradient: number][], tensors: string[], charts: [number, number] | null, first: number, last: number,
 *   band: boolean, update: boolean,
 * }} Block as gradviz.player.laboratory tells it
 */

const [BINS, LEAST, MOST, CHART] = [16, -48, 16, 26]; // as in gradviz.recording.histogram and gradviz.drawing.block

/** @param {ArrayLike<number>} numbers */
function squares(numbers) {
  let sum = 0;
  for (let i = 0; i < numbers.length; i += 1) sum += numbers[i] * numbers[i];
  return sum;
}

/** Counts numbers between the smallest and the largest of them. @param {ArrayLike<number>} numbers */
function spread(numbers) {
  const counts = new Array(BINS).fill(0);
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < numbers.length; i += 1) {
    if (!Number.isFinite(numbers[i])) continue;
    low = Math.min(low, numbers[i]);
    high = Math.max(high, numbers[i]);
  }
  const factor = high > low ? BINS / (high - low) : 0;
  for (let i = 0; i < numbers.length; i += 1) {
    if (Number.isFinite(numbers[i])) counts[Math.min(BINS - 1, Math.floor((numbers[i] - low) * factor))] += 1;
  }
  return counts;
}

/** The power of two that is the largest in a number. @param {number} number */
function powerOf(number) {
  const size = Math.abs(number);
  const power = Math.floor(Math.log2(size));
  return 2 ** (power + 1) <= size ? power + 1 : 2 ** power > size ? power - 1 : power;
}

/** Counts gradients by their size, on the axis that all cards share; exact zeros have none. @param {ArrayLike<number>[]} all @param {number} first @param {number} last */
function bySize(all, first, last) {
  const counts = new Array(BINS).fill(0);
  const span = Math.max(last - first, BINS);
  let zeros = 0;
  for (const numbers of all) {
    for (let i = 0; i < numbers.length; i += 1) {
      if (numbers[i] === 0) zeros += 1;
      else if (Number.isFinite(numbers[i])) {
        const power = Math.max(LEAST, Math.min(MOST - 1, powerOf(numbers[i])));
        counts[Math.max(0, Math.min(BINS - 1, Math.floor(((power - first) * BINS) / span)))] += 1;
      }
    }
  }
  return { counts, zeros };
}

/** Bars that stand side by side, the highest as high as there is room. @param {number[]} counts @param {number} wide */
function histogram(counts, wide) {
  const top = Math.max(...counts);
  const step = wide / counts.length;
  return counts.map((count, place) => {
    const high = Math.max((count / top) * CHART, 1).toFixed(1);
    return count ? `M${(place * step).toFixed(1)} ${CHART}v-${high}h${(step - 0.6).toFixed(1)}v${high}z` : "";
  }).join("");
}

/**
 * The texts and paths of a block's card, by the endings of their keys.
 * @param {Block} block
 * @param {(slot: number) => ArrayLike<number>} at
 * @param {Record<string, number>} updates by tensor, how far the step has moved it
 * @returns {Record<string, string | null>}
 */
export function blockTexts({ value, weights, tensors, charts, first, last, band, update }, at, updates) {
  const gradients = weights.map(([, slot]) => at(slot));
  const size = Math.sqrt(weights.reduce((sum, [slot]) => sum + squares(at(slot)), 0));
  const norm = update ? Math.hypot(...tensors.map((tensor) => updates[tensor] ?? NaN)) : Math.sqrt(gradients.reduce((sum, one) => sum + squares(one), 0));
  const { counts, zeros } = bySize(gradients, first, last);
  return {
    n: band ? (size ? numberText(norm / size, 2) : "·") : null,
    z: zeros ? `${String(zeros).replace(/\B(?=(\d{3})+$)/g, "\u202f")} zero${zeros === 1 ? "" : "s"}` : "",
    ha: charts && histogram(spread(at(value)), charts[0]),
    hg: charts && histogram(counts, charts[1]),
  };
}
