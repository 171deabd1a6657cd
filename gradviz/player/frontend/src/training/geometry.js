// Where the things of a chart go. Pure functions, the same as in Python: gradviz/drawing/charts/geometry.py. Numbers of the
// rules stand in look.json, which both read, and a test gives both the same data.

import look from "../../../../drawing/charts/look.json" with { type: "json" };

/** Where the page draws a loss surface, in a picture of so much width and height. */
export const SURFACE = look.surface;
export const MARKED = look.marked;

/**
 * From numbers to places along an axis.
 * @typedef {{(value: number): number, invert(place: number): number, ticks: number[]}} Scale
 * @typedef {{left: number, top: number, right: number, bottom: number}} Box
 * @typedef {{xs: ArrayLike<number>, ys: ArrayLike<number>}} Numbers
 */

/** Which colour a line has, of those there are. @param {number} number */
export const colourOf = (number) => number % look.colours.length;

/** The dashes of a line. Lines of the same colour have others. @param {number} number */
export const dashOf = (number) => look.dashes[(number + Math.floor(number / look.colours.length)) % look.dashes.length];

/** A place to a tenth of a pixel, as it is written in a path. @param {number} place */
export const fixed = (place) => String(Math.floor(place * 10 + 0.5) / 10 + 0);

/** A line through some points, as SVG's `d`; of one point a dot. @param {Iterable<[number, number]>} points */
export function path(points) {
  const texts = Array.from(points, ([x, y]) => `${fixed(x)} ${fixed(y)}`);
  return texts.length ? `M${texts.join("L")}${texts.length === 1 ? "h.01" : ""}` : "";
}

/**
 * The smallest and the largest of the finite numbers; of those above 0 only, where that is asked for.
 * @param {Iterable<number>} numbers
 * @param {boolean} [positive]
 * @returns {[number, number]}
 */
export function extent(numbers, positive = false) {
  let low = Infinity;
  let high = -Infinity;
  for (const number of numbers) {
    if (!Number.isFinite(number) || (positive && number <= 0)) continue;
    if (number < low) low = number;
    if (number > high) high = number;
  }
  return low <= high ? [low, high] : [positive ? 0.1 : 0, 1];
}

// --- scales -----------------------------------------------------------------------------------------------------------

/**
 * @param {[number, number]} domain the numbers at its ends; if they are the same, a stretch around them is shown
 * @param {[number, number]} range the places of its ends
 * @param {{log?: boolean, whole?: boolean}} [form] `whole`: ticks at whole numbers only
 * @returns {Scale}
 */
export function scale([low, high], [from, to], { log = false, whole = false } = {}) {
  let [start, end] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
  if (!(end > start)) {
    const around = log ? 0.5 : 0.5 * (Math.abs(low) || 1);
    [start, end] = [start - around, start + around];
  }
  const place = (/** @type {number} */ value) => from + (((log ? Math.log10(value) : value) - start) / (end - start)) * (to - from);
  const invert = (/** @type {number} */ at) => {
    const value = start + ((at - from) / (to - from)) * (end - start);
    return log ? 10 ** value : value;
  };
  const count = Math.floor(Math.abs(to - from) / (to > from ? look.pixelsPerTick.across : look.pixelsPerTick.up));
  const ticks = log ? powers(10 ** start, 10 ** end, count) : roundNumbers(start, end, count);
  return Object.assign(place, { invert, ticks: whole ? ticks.filter(Number.isInteger) : ticks });
}

/** Round numbers between two, a step of 1, 2 or 5 apart. @param {number} low @param {number} high @param {number} count */
export function roundNumbers(low, high, count) {
  const rough = (high - low) / Math.max(count, 1);
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const power = Number(`1e${Math.floor(Math.log10(rough))}`);
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Powers of ten between two numbers; where there are few, their doubles and fivefolds too. @param {number} low @param {number} high @param {number} count */
export function powers(low, high, count) {
  const first = Math.floor(Math.log10(low));
  const exponents = Array.from({ length: Math.ceil(Math.log10(high)) - first + 1 }, (_, i) => first + i);
  const within = (/** @type {number} */ number) => low * 0.999 <= number && number <= high * 1.001;
  const whole = exponents.map((n) => Number(`1e${n}`)).filter(within);
  if (whole.length > 2) return whole.filter((_, i) => i % Math.ceil(whole.length / Math.max(count, 2)) === 0);
  const finer = exponents.flatMap((n) => [1, 2, 5].map((factor) => Number(`${factor}e${n}`))).filter(within);
  return finer.length > 1 ? finer : roundNumbers(low, high, count).filter((tick) => tick > 0);
}

// --- lines over steps -------------------------------------------------------------------------------------------------

/** Whether the numbers span so much that a logarithmic axis shows them better. @param {Numbers[]} lines */
export function wantsLog(lines) {
  const [low, high] = extentOf(lines, true);
  return high / low >= look.logarithmicFrom;
}

/**
 * Where lines go: their scales; by line its path; of a line that is alone the first of its numbers that is not finite, and
 * where that is; and by line that leaves the picture, where it does.
 * @param {Numbers[]} lines for each the steps, which rise, and the numbers
 * @param {Box} box
 * @param {boolean} log
 */
export function plot(lines, box, log) {
  const [low, high] = extentOf(lines, log);
  const end = Math.max(1, ...lines.flatMap(({ xs }) => (xs.length ? [xs[xs.length - 1]] : [])));
  const x = scale([0, end], [box.left, box.right], { whole: true });
  const y = scale([floorOf(low, high, log), high], [box.bottom, box.top], { log });
  /** @type {[number, number][]} */
  const leaving = [];
  const paths = lines.map(({ xs, ys }, number) => {
    const parts = pieces(log ? Array.from(ys, (n) => (n > 0 ? n : NaN)) : ys, Math.floor(box.right - box.left));
    const away = Array.prototype.findIndex.call(ys, (n) => !(n <= high));
    if (lines.length > 1 && away >= 0) leaving.push([number, whereItLeaves(xs, ys, away, x, y, box, log)]);
    return parts.map((piece) => path(piece.map((k) => [x(xs[k]), Math.max(-999, y(ys[k]))]))).join("");
  });
  const alone = lines.length === 1 ? lines[0] : { xs: [], ys: [] };
  const k = Array.prototype.findIndex.call(alone.ys, (n) => !Number.isFinite(n));
  /** @type {[number, number] | null} */
  const lost = k < 0 ? null : [k, x(alone.xs[k])];
  return { x, y, paths, lost, leaving };
}

/** What the vertical axis has to hold: one line that diverges must not press the others flat. @param {Numbers[]} lines @param {boolean} log */
function extentOf(lines, log) {
  let numbers = lines.flatMap(({ ys }) => Array.from(ys));
  const first = Math.max(-Infinity, ...lines.map(({ ys }) => ys[0]).filter(Number.isFinite));
  if (lines.length > 1 && first > 0) {
    const calm = numbers.filter((n) => n <= look.aboveTheRest * first);
    if (calm.length) numbers = calm;
  }
  return extent(numbers, log);
}

/**
 * Where the vertical axis begins: at 0 where that is near, else a little below the lines. A line that lay on the horizontal
 * axis would look as if it had come down to 0.
 * @param {number} low @param {number} high @param {boolean} log
 */
export function floorOf(low, high, log) {
  if (log) return low / (high / low) ** look.gapBelow;
  return low >= 0 && low < high / 2 ? 0 : low - look.gapBelow * (high - low);
}

/** @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys @param {number} away @param {Scale} x @param {Scale} y @param {Box} box @param {boolean} log */
function whereItLeaves(xs, ys, away, x, y, box, log) {
  const at = x(xs[away]);
  if (!away || !Number.isFinite(ys[away]) || !Number.isFinite(ys[away - 1]) || (log && ys[away - 1] <= 0)) return at;
  const [below, above, before] = [y(ys[away - 1]), y(ys[away]), x(xs[away - 1])];
  return before + ((at - before) * (below - box.top)) / (below - above);
}

/**
 * Which numbers a line goes through, no more than can be seen: of those in one column of pixels the lowest and the highest.
 * What is not finite splits the line.
 * @param {ArrayLike<number>} ys
 * @param {number} most how many columns of pixels there are
 */
export function pieces(ys, most) {
  const size = Math.max(1, Math.ceil(ys.length / Math.max(most, 1)));
  /** @type {number[][]} */
  const found = [];
  /** @type {number[]} */
  let piece = [];
  let [low, high] = [-1, -1]; // of this column
  const flush = () => {
    if (low >= 0) piece.push(...(low === high ? [low] : [Math.min(low, high), Math.max(low, high)]));
    low = high = -1;
  };
  for (let k = 0; k < ys.length; k += 1) {
    if (k % size === 0) flush();
    if (Number.isFinite(ys[k])) {
      if (low < 0 || ys[k] < ys[low]) low = k;
      if (high < 0 || ys[k] > ys[high]) high = k;
    } else {
      flush();
      if (piece.length) found.push(piece);
      piece = [];
    }
  }
  flush();
  return piece.length ? [...found, piece] : found;
}

// --- over a loss surface ----------------------------------------------------------------------------------------------

/** The ends of an axis that leaves room below and above a curve, for the marks where ways begin and end. @param {number} low @param {number} high @returns {[number, number]} */
export function withRoom(low, high) {
  const room = look.room * (high - low);
  return [low - room, high + room];
}

/**
 * The points of a run's way over a surface: not more than can be seen, up to where it leaves it far behind.
 * @param {number[]} xs the values, before each step and after the last; NaN where there was none
 * @param {number[]} ys
 * @param {Scale} x @param {Scale} y
 */
export function way(xs, ys, x, y) {
  const there = xs.map((_, k) => k).filter((k) => !Number.isNaN(xs[k]) && !Number.isNaN(ys[k]));
  const every = Math.max(1, Math.ceil(there.length / look.points));
  const chosen = there.filter((_, at) => at % every === 0 || at === there.length - 1);
  const most = look.far * look.surface.width; // a run that diverges goes on to 1e30
  /** @type {[number, number][]} */
  const points = [];
  for (const k of chosen) {
    const [a, b] = [x(xs[k]), y(ys[k])];
    if (!Number.isFinite(a) || !Number.isFinite(b)) break;
    const before = points.at(-1);
    const length = before ? Math.hypot(a - before[0], b - before[1]) : 0;
    if (before && length > most) {
      const share = most / length;
      points.push([before[0] + share * (a - before[0]), before[1] + share * (b - before[1])]);
      break;
    }
    points.push([a, b]);
  }
  return points;
}
