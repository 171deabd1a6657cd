// Scales and their ticks. Pure functions.

/**
 * From numbers to places along an axis.
 * @typedef {{(value: number): number, invert(place: number): number, ticks: number[], log: boolean}} Scale
 */

/**
 * The smallest and the largest of the finite numbers; above zero only, if the scale is to be logarithmic.
 * @param {Iterable<number>} numbers
 * @param {boolean} [log]
 * @returns {[number, number]}
 */
export function extent(numbers, log = false) {
  let low = Infinity;
  let high = -Infinity;
  for (const number of numbers) {
    if (!Number.isFinite(number) || (log && number <= 0)) continue;
    if (number < low) low = number;
    if (number > high) high = number;
  }
  return low <= high ? [low, high] : [log ? 0.1 : 0, 1];
}

/** Round numbers between two, a step of 1, 2 or 5 apart. @param {number} low @param {number} high @param {number} count */
export function roundTicks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1);
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** @param {number} low @param {number} high @param {number} count */
function powersOfTen(low, high, count) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const powers = Array.from({ length: last - first + 1 }, (_, i) => Number(`1e${first + i}`));
  const within = (/** @type {number} */ tick) => tick >= low * 0.999 && tick <= high * 1.001;
  const whole = powers.filter(within);
  if (whole.length > 2) return whole.filter((_, i) => i % Math.ceil(whole.length / Math.max(count, 2)) === 0);
  const finer = powers.flatMap((power) => [1, 2, 5].map((factor) => Number((factor * power).toPrecision(3)))).filter(within);
  return finer.length > 1 ? finer : roundTicks(low, high, count).filter((tick) => tick > 0);
}

/**
 * @param {[number, number]} domain
 * @param {[number, number]} range
 * @param {{log?: boolean, count?: number, whole?: boolean}} [look] `whole`: ticks at whole numbers only
 * @returns {Scale}
 */
export function scale([low, high], [from, to], { log = false, count = 5, whole = false } = {}) {
  let [start, end] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
  if (start === end) [start, end] = [start - (log ? 0.5 : Math.abs(start) * 0.1 || 1), end + (log ? 0.5 : Math.abs(end) * 0.1 || 1)];
  const place = (/** @type {number} */ value) => from + (((log ? Math.log10(value) : value) - start) / (end - start)) * (to - from);
  const invert = (/** @type {number} */ at) => {
    const value = start + ((at - from) / (to - from)) * (end - start);
    return log ? 10 ** value : value;
  };
  const [least, most] = log ? [10 ** start, 10 ** end] : [start, end];
  let ticks = log ? powersOfTen(least, most, count) : roundTicks(least, most, count);
  if (whole) ticks = ticks.filter(Number.isInteger);
  return Object.assign(place, { invert, ticks, log });
}

/**
 * The points of a line, no more than can be seen: of those in one column of pixels the lowest and the highest stay.
 * Gaps in it (nan, infinity) split the line.
 * @param {number[]} xs
 * @param {number[]} ys
 * @param {number} most about how many columns there are
 * @returns {[number, number][][]} the pieces of the line
 */
export function pieces(xs, ys, most) {
  /** @type {[number, number][][]} */
  const found = [];
  /** @type {[number, number][]} */
  let piece = [];
  const size = Math.max(1, Math.ceil(xs.length / most));
  let low = -1;
  let high = -1;
  const flush = () => {
    if (low >= 0) for (const i of new Set([Math.min(low, high), Math.max(low, high)])) piece.push([xs[i], ys[i]]);
    low = high = -1;
  };
  xs.forEach((x, i) => {
    if (i % size === 0) flush();
    if (Number.isFinite(ys[i]) && Number.isFinite(x)) {
      if (low < 0 || ys[i] < ys[low]) low = i;
      if (high < 0 || ys[i] > ys[high]) high = i;
    } else {
      flush();
      if (piece.length) found.push(piece);
      piece = [];
    }
  });
  flush();
  if (piece.length) found.push(piece);
  return found;
}
