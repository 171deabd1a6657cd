// One entry of a tensor worked out: where the number under the pointer comes from.

import { entriesOf } from "./grid.js";
import { numberText } from "./number.js";

/** @typedef {import("./facts.js").Facts} Facts */
/** @typedef {import("./facts.js").Value} Value */

const MOST_TERMS = 6;

/** @param {number | undefined} number */
const text = (number) => (number === undefined ? "?" : number < 0 ? `(${numberText(number)})` : numberText(number));

/**
 * "Σₖ aₖ·bₖ" with its numbers.
 * @param {[number, number][]} pairs
 */
function productsOf(pairs) {
  const shown = pairs.slice(0, MOST_TERMS).map(([a, b]) => `${text(a)}·${text(b)}`);
  const sum = pairs.reduce((all, [a, b]) => all + a * b, 0);
  return `${shown.join(" + ")}${pairs.length > MOST_TERMS ? " + …" : ""} = ${numberText(sum)}`;
}

/** A matrix in a value: its entry in a row and column. @param {Value | undefined} value */
function matrix(value) {
  if (!value?.data || value.shape.length !== 2) return undefined;
  const [rows, columns] = value.shape;
  const data = value.data.map(Number);
  return { rows, columns, at: (/** @type {number} */ i, /** @type {number} */ j) => data[i * columns + j] };
}

/** @param {number} index @param {number[]} shape */
function placeOf(index, shape) {
  const place = [];
  let rest = index;
  for (const length of [...shape].reverse()) {
    place.unshift(rest % length);
    rest = Math.floor(rest / length);
  }
  return place;
}

/** @param {number[]} place */
function placeText(place) {
  if (place.length === 0) return "";
  return place.length === 2 ? `row ${place[0] + 1}, column ${place[1] + 1}: ` : `entry [${place.join(", ")}]: `;
}

/** What multiplies matrices, and which of its slots are the two. */
const PRODUCTS = new Map([
  ["MmBackward0", ["self", "mat2"]],
  ["AddmmBackward0", ["mat1", "mat2"]],
]);

/** "row 3", or "rows 3 to 5". @param {string} what @param {[number, number]} ends */
const span = (what, [first, end]) => (end - first > 1 ? `${what}s ${first + 1} to ${end}` : `${what} ${first + 1}`);

/**
 * Says what a cell of a tensor shows: one entry, and how it came about in the operation of a step; or the mean of a block of them.
 * A pure function.
 * @param {Facts} facts
 * @param {import("./grid.js").Grid} grid
 * @param {import("./entries.js").Entry} entry
 * @param {number} step
 * @param {string | undefined} running the id of the operation that runs in this step
 * @returns {string} nothing for what is not computed yet
 */
export function cellText(facts, grid, { tensor, part, index }, step, running) {
  const value = part === "v" ? facts.values.at(tensor, step) : facts.gradients.at(tensor, step)?.value;
  const shown = value?.data ? value : value?.preview;
  if (!value || !shown?.data) return "";
  const { rows, columns, entries } = entriesOf(grid, shown.shape, index);
  if (value.data && entries.length === 1) return entryText(facts, tensor, part, entries[0], step, running);
  const numbers = entries.map((entry) => Number(shown.data?.[entry]));
  const mean = numberText(numbers.reduce((sum, number) => sum + number, 0) / numbers.length);
  const name = facts.tensor(tensor)?.name ?? tensor;
  const whose = part === "v" ? name : `gradient of ${name}`;
  // Of a tensor too large to be kept, the preview's own rows are blocks already.
  const where = value.data ? `${span("row", rows)}, ${span("column", columns)}` : `a block of its entries (${index + 1})`;
  return `${whose}, ${where}: mean ${mean}`;
}

/**
 * Says how an entry came about in the operation of a step. A pure function.
 * @param {Facts} facts
 * @param {string} tensor
 * @param {"v" | "g"} part its value or its gradient
 * @param {number} index which entry, row by row
 * @param {number} step
 * @param {string | undefined} running the id of the operation that runs in this step
 * @returns {string}
 */
export function entryText(facts, tensor, part, index, step, running) {
  const known = facts.tensor(tensor);
  const operation = facts.operation(running);
  const value = part === "v" ? facts.values.at(tensor, step) : facts.gradients.at(tensor, step)?.value;
  if (!known || !value?.data || index >= value.data.length) return "";
  const place = placeOf(index, value.shape);
  const start = `${part === "v" ? known.name : `gradient of ${known.name}`}, ${placeText(place)}`;
  const plain = `${start}${numberText(value.data[index])}`;
  if (!operation) return plain;
  const slots = PRODUCTS.get(operation.grad_fn ?? "");
  const inputs = slots?.map((slot) => operation.inputs.find((argument) => argument.slot === slot));
  const [left, right] = (inputs ?? []).map((argument) => matrix(argument && facts.values.at(argument.tensor, step)));
  if (part === "v") {
    if (!operation.outputs.includes(tensor) || !left || !right || place.length !== 2) return plain;
    const pairs = Array.from({ length: left.columns }, (_, k) => /** @type {[number, number]} */ ([left.at(place[0], k), right.at(k, place[1])]));
    const bias = operation.grad_fn === "AddmmBackward0" ? ", plus the bias" : "";
    return `${start}Σₖ ${facts.tensor(inputs?.[0]?.tensor)?.name}ᵢₖ · ${facts.tensor(inputs?.[1]?.tensor)?.name}ₖⱼ = ${productsOf(pairs)}${bias}`;
  }
  const argument = operation.inputs.find((given) => given.tensor === tensor && facts.contributions.at(given.id, step));
  const upstream = facts.upstreamOf(operation, step);
  if (!argument || !upstream) return plain;
  const above = matrix(upstream);
  if (above && place.length === 2 && argument === inputs?.[0] && right) {
    const pairs = Array.from({ length: above.columns }, (_, k) => /** @type {[number, number]} */ ([above.at(place[0], k), right.at(place[1], k)]));
    return `${start}Σₖ gᵢₖ · ${facts.tensor(inputs?.[1]?.tensor)?.name}ⱼₖ = ${productsOf(pairs)}`;
  }
  if (above && place.length === 2 && argument === inputs?.[1] && left) {
    const pairs = Array.from({ length: above.rows }, (_, k) => /** @type {[number, number]} */ ([left.at(k, place[0]), above.at(k, place[1])]));
    return `${start}Σₖ ${facts.tensor(inputs?.[0]?.tensor)?.name}ₖᵢ · gₖⱼ = ${productsOf(pairs)}`;
  }
  const contribution = facts.contributions.at(argument.id, step);
  const sent = contribution?.value.data?.[index];
  if (sent === undefined || !upstream.data) return plain;
  if (contribution?.summed_axes?.length && above && value.shape.length === 1) {
    const column = Array.from({ length: above.rows }, (_, k) => above.at(k, place[0]));
    const terms = column.slice(0, MOST_TERMS).map(text).join(" + ");
    return `${start}the sum of column ${place[0] + 1} upstream: ${terms}${column.length > MOST_TERMS ? " + …" : ""} = ${numberText(sent)}`;
  }
  const same = upstream.shape.join() === value.shape.join();
  const g = same ? Number(upstream.data[index]) : upstream.data.length === 1 ? Number(upstream.data[0]) : undefined;
  if (g === undefined || !argument.local) return plain;
  const factor = contribution?.local?.data?.[contribution.local.data.length === 1 ? 0 : index];
  if (factor === undefined) return plain;
  return `${start}${text(g)} × ${text(Number(factor))} = ${numberText(Number(sent))}`;
}
