// The lines of a step, with other numbers. A number that is a tensor's is written anew; "=" stays where what is printed is exact, or
// gives what stands after it, else it becomes "≈".

import { readNumber, shown } from "../../arithmetic.js";
import { numberText } from "../../number.js";

/** @typedef {import("../../equation.js").Line} Line */
/** @typedef {import("../../equation.js").Part} Part */
/** @typedef {import("../../facts.js").Value} Value */
/** @typedef {(part: Part, line: Line, place: number) => Value | undefined} Numbers whose a part's numbers are, given the line and its place among the line's parts */

/** @type {Record<string, (a: number, b: number) => number>} */
const SIGNS = { "×": (a, b) => a * b, "+": (a, b) => a + b };

/**
 * @param {Line} line
 * @param {Numbers} numbers
 * @returns {Line}
 */
export function lineWith(line, numbers) {
  if (!line.sides) return line;
  line = withoutUnknown(line);
  let place = 0;
  let exact = true;
  let settled = false; // a result that is no number is that, however its operands are rounded
  /** @type {number[][]} */
  const scalars = [];
  const sides = /** @type {(string | Part)[][]} */ (line.sides).map((side) => {
    /** @type {number[]} */
    const own = [];
    scalars.push(own);
    settled = false;
    return side.map((part) => {
      if (typeof part === "string" || !part.tensor) return part;
      const value = numbers(part, line, place++);
      if (!value?.data) return /\d/.test(part.text) && !isName(part) ? { ...part, text: "…" } : part;
      if (value.data.length === 1 && !part.text.startsWith("[")) own.push(Number(value.data[0]));
      else own.push(NaN);
      if (isName(part)) return part;
      exact &&= value.data.every((number) => readNumber(numberText(number, value.digits)) === Number(number) || Number.isNaN(number));
      settled = value.data.every((number) => !Number.isFinite(number));
      return { ...part, text: part.text.startsWith("[") ? arrayText(value, part) : numberText(value.data[0], value.digits) };
    });
  });
  const relations = [...(line.relations ?? [])];
  if (relations.length && relations.at(-1) !== "+=") relations[relations.length - 1] = exact || settled ? "=" : "≈";
  rightAsPrinted(sides, scalars, relations);
  const bracketed = sides.map(inBrackets);
  const text = bracketed.map((side, k) => (k ? ` ${relations[k - 1]} ` : "") + side.map((part) => (typeof part === "string" ? part : part.text)).join("")).join("");
  return { ...line, sides: bracketed, relations, text };
}

/** Leaves out what stands between a name and a result if it has numbers of which nobody knows whose they are. @param {Line} line @returns {Line} */
function withoutUnknown({ sides = [], relations = [], ...rest }) {
  const isUnknown = (/** @type {(string | Part)[]} */ side) => side.some((part) => typeof part !== "string" && !part.tensor && part.text.startsWith("[")) || (side.every((part) => typeof part === "string") && /\d\.\d/.test(side.join("")));
  const kept = sides.map((side, k) => k === 0 || k === sides.length - 1 || !isUnknown(side));
  return { ...rest, sides: sides.filter((_, k) => kept[k]), relations: relations.filter((_, k) => kept[k + 1]) };
}

/** Whether an array stands there by its name and shape. @param {Part} part */
const isName = ({ kind, text }) => kind === "array" && !text.startsWith("[");

/** A product or sum of two numbers gets as many digits as it takes to be right as printed. @param {(string | Part)[][]} sides @param {number[][]} scalars @param {string[]} relations */
function rightAsPrinted(sides, scalars, relations) {
  const [numbers, result] = [scalars.at(-2), scalars.at(-1)];
  const side = sides.at(-2) ?? [];
  const sign = side.flatMap((part) => (typeof part === "string" ? (/ ([×+]) /.exec(part)?.[1] ?? []) : []));
  if (numbers?.length !== 2 || result?.length !== 1 || sign.length !== 1 || [...numbers, ...result].some(Number.isNaN)) return;
  const written = shown(numbers, result[0], SIGNS[sign[0]], "float32");
  let place = 0;
  for (const [k, part] of side.entries()) if (typeof part !== "string") side[k] = { ...part, text: written.operands[place++] };
  const last = /** @type {(string | Part)[]} */ (sides.at(-1));
  last.forEach((part, k) => typeof part !== "string" && (last[k] = { ...part, text: written.result }));
  relations[relations.length - 1] = written.relation;
}

/** Brackets around negative numbers that stand after a sign, and around no others. @param {(string | Part)[]} side @returns {(string | Part)[]} */
function inBrackets(side) {
  const found = [...side];
  side.forEach((part, k) => {
    if (typeof part === "string" || part.text.startsWith("[") || isName(part)) return;
    const [before, after] = [found[k - 1], found[k + 1]];
    if (typeof before !== "string") return;
    const negative = part.text.startsWith("−");
    const has = before.endsWith(" (") && typeof after === "string" && after.startsWith(")");
    if (negative && /[×·+−⊙] $/.test(before)) {
      found[k - 1] = `${before}(`;
      if (typeof after === "string") found[k + 1] = `)${after}`;
      else found.push(")"); // nothing stands after it
    } else if (!negative && has) [found[k - 1], found[k + 1]] = [before.slice(0, -1), after.slice(1)];
  });
  return found;
}

/** @param {Value} value @param {Part} part */
function arrayText({ shape, data, digits }, { transposed }) {
  const texts = (data ?? []).map((number) => numberText(number, digits));
  const lengths = transposed ? [...shape.slice(0, -2), shape.at(-1) ?? 1, shape.at(-2) ?? 1] : shape;
  const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  const all = transposed ? texts.map((_, k) => texts[(k % rows) * columns + Math.floor(k / rows)]) : texts;
  return lengths.length ? [...lengths].reverse().reduce((parts, length) => {
    const next = [];
    for (let k = 0; k < parts.length; k += length) next.push(`[${parts.slice(k, k + length).join(", ")}]`);
    return next;
  }, all)[0] : all[0];
}
