// Arithmetic that is right as it is printed, the same as in equations (gradviz.engine.numerals.shown).

import { nearest, numberText } from "./number.js";

const DIGITS = 4;
const MOST_DIGITS = 7;

/** The distance from 1 to the next number. @type {Record<string, number>} */
const EPSILON = { float16: 2 ** -10, bfloat16: 2 ** -7, float32: 2 ** -23, float64: 2 ** -52 };

/** So many units in the last place of the largest operand, for each operand, is the largest that may be rounding error. */
const REACH = 16;

/** By how much of itself an operand is moved, to see what its rounding error does. */
const NUDGE = 2 ** -26;

const same = (/** @type {number} */ a, /** @type {number} */ b) => a === b || (Number.isNaN(a) && Number.isNaN(b));

/** Returns the number that a text of `numberText` says. @param {string} text */
export function readNumber(text) {
  const plain = text.replaceAll("−", "-").replace("∞", "Infinity");
  return plain === "True" ? 1 : plain === "False" || plain === "≈ 0" ? 0 : Number(plain);
}

/**
 * Writes the numbers of an equation so that it is right as printed: exactly where up to seven digits are enough, else rounded to
 * the result's four, with as many digits of the operands as that takes; "≈" where seven are not enough.
 * @param {number[]} operands
 * @param {number} result
 * @param {(...operands: number[]) => number} compute
 * @param {string} [dtype] In which the result was computed.
 * @returns {{operands: string[], result: string, relation: "=" | "≈"}}
 */
export function shown(operands, result, compute, dtype = "float64") {
  const texts = (/** @type {number} */ digits) => operands.map((operand) => numberText(operand, digits, dtype));
  const printed = [DIGITS, 5, 6, MOST_DIGITS].map(texts);
  if (isDust(operands, result, compute, dtype)) return { operands: texts(DIGITS), result: "0", relation: "≈" };
  const right = (/** @type {string[]} */ written, /** @type {string} */ there, rounds = false) => {
    const given = compute(...written.map(readNumber));
    const target = readNumber(there);
    return same(given, target) || Math.abs(given - target) <= 1e-12 * Math.abs(target) || (rounds && numberText(given) === there);
  };
  const readsBack = (/** @type {string} */ text, /** @type {number} */ number) => same(nearest(readNumber(text), dtype), nearest(number, dtype));
  for (const [k, written] of printed.entries()) {
    const there = numberText(result, DIGITS + k, dtype);
    if (!readsBack(there, result) || !written.every((text, i) => readsBack(text, operands[i] ?? NaN))) continue;
    if (right(written, there)) return { operands: written, result: there, relation: "=" };
    break;
  }
  const there = numberText(result, DIGITS, dtype);
  const near = printed.find((written) => right(written, there, !readsBack(there, result)));
  return { operands: near ?? texts(DIGITS), result: there, relation: near ? "=" : "≈" };
}

/**
 * Whether a result is smaller than it would be moved if each operand were off by a unit in its last place, or small and another
 * number when it is computed in float64.
 * @param {number[]} operands
 * @param {number} result
 * @param {(...operands: number[]) => number} compute
 * @param {string} dtype
 */
function isDust(operands, result, compute, dtype) {
  const eps = EPSILON[dtype] ?? 0;
  const reach = REACH * eps * operands.length * Math.max(1, ...operands.map(Math.abs));
  if (result === 0 || !(Math.abs(result) < reach)) return false;
  const base = compute(...operands);
  const moved = operands.map((operand, place) => Math.abs(compute(...operands.with(place, operand * (1 + NUDGE))) - base));
  const bound = (moved.reduce((sum, one) => sum + one, 0) * eps) / NUDGE;
  return Math.abs(result) < bound || Math.abs(result - base) > Math.abs(result) / 2;
}
