// What one entry is made of: of a value, the entries that its operation read; of a gradient, the entries of the gradient that
// arrived and the factors they were multiplied with. Pure functions, no DOM.

import { sources, terms } from "./links.js";
import { phrase } from "./words.js";

/** @typedef {import("./facts.js").Facts} Facts */
/** @typedef {import("./facts.js").Value} Value */
/** @typedef {import("./facts.js").Argument} Argument */
/** @typedef {import("./facts.js").Operation} Operation */
/**
 * One entry: of the value ("v") or the gradient ("g") of a tensor, or of what an argument's edge contributed ("c").
 * @typedef {{tensor: string, part: "v" | "g" | "c", index: number}} Entry
 */
/**
 * A number with its name: an entry of something, or a factor that no tensor holds.
 * @typedef {{name: string, place: number[], number: number, at?: Entry}} Factor
 */
/**
 * @typedef {{
 *   entry: Entry, result: Factor, above: string, terms: {factors: Factor[], sign: number, product: number}[], sum: number,
 *   call: string, made: Entry[], alike: Entry[], edges: string[], before: number | undefined, upstream: string, dtype: string, note: string, step: number,
 * }} Explanation `terms` add up to `sum`; or `call` is what was done with them ("relu", "( )²"); `above` is what is
 *   differentiated, for a gradient; `alike` are entries that the same can be said of; `before` what had arrived, `upstream` the tensor whose gradient is called g, `edges` those that
 *   the numbers came along
 */

const LONGEST = 14; // signs of a formula that stands over its number
const CLOSE = 1e-4; // between a sum that is worked out here and one that was recorded in float32

/**
 * Where an entry is: "[1, 0]" for the third of a 2×2.
 * @param {number} index
 * @param {number[]} shape
 */
export function placeOf(index, shape) {
  /** @type {number[]} */
  const place = [];
  for (const length of [...shape].reverse()) {
    place.unshift(index % length);
    index = Math.floor(index / length);
  }
  return place;
}

/** @param {Value | undefined} value @param {number} index */
const numberAt = (value, index) => (value?.data && index < value.data.length ? Number(value.data[index]) : undefined);

/**
 * @param {Facts} facts
 * @param {Entry} entry
 * @param {number} step
 * @returns {Explanation | undefined} nothing for what is not known at this step, entry by entry
 */
export function explain(facts, entry, step) {
  return entry.part === "v" ? valueAt(facts, entry, step) : gradientAt(facts, entry, step);
}

// --- going forward ---------------------------------------------------------------------------------------------------

/**
 * @param {Facts} facts
 * @param {Entry} entry
 * @param {number} step
 * @returns {Explanation | undefined}
 */
function valueAt(facts, entry, step) {
  const tensor = facts.tensor(entry.tensor);
  const number = numberAt(facts.values.at(entry.tensor, step), entry.index);
  if (!tensor || number === undefined) return undefined;
  const result = { name: tensor.name, place: placeOf(entry.index, tensor.shape), number, at: entry };
  const blank = { entry, result, above: "", terms: [], sum: number, call: "", made: [], alike: [], edges: [], before: undefined, upstream: "", dtype: tensor.dtype, note: "", step };
  const operation = facts.operation(tensor.producer);
  if (!operation) return blank;
  const read = operation.inputs.flatMap((argument) => readBy(facts, operation, argument, entry, step));
  const made = read.flatMap(({ terms: found }) => found.flatMap(({ factors }) => factors.flatMap(({ at }) => at ?? [])));
  const edges = [...read.map(({ argument }) => argument.id), `${operation.id}_${tensor.id}`];
  const summed = addingUp(read, number);
  if (summed) return { ...blank, terms: summed, made, edges };
  // No sum: what was read, each entry once, and what was done with it.
  const own = read.flatMap(({ argument, terms: found }) => found.flatMap(({ factors }) => factors.filter(({ at }) => at?.tensor === argument.tensor)));
  const once = new Map(own.map((factor) => [`${factor.at?.tensor} ${factor.at?.index}`, factor]));
  return { ...blank, terms: [...once.values()].map((factor) => ({ factors: [factor], sign: 1, product: factor.number })), call: operation.symbol, made, edges };
}

/**
 * The entries of an argument that an entry of the result was made of, each with its factor.
 * @param {Facts} facts
 * @param {Operation} operation
 * @param {Argument} argument
 * @param {Entry} entry
 * @param {number} step
 */
function readBy(facts, operation, argument, entry, step) {
  const value = facts.values.at(argument.tensor, step);
  const { link, shapes, results } = facts.linkOf(argument.id) ?? {};
  if (!value?.data) return [];
  // Without a derivative there is no link: of a number, a condition, an index no more is known than that it was read.
  const found = link && shapes && results ? sources(link, shapes, entry.index, results.indexOf(entry.tensor)) : value.data.length === 1 ? [{ entry: 0, factor: NaN, factorIndex: undefined }] : [];
  const made = found.map(({ entry: index, factor = NaN, factorIndex }) => {
    const own = factorOf(facts, argument.tensor, index, step);
    const others = few(found) ? factorIn(facts, operation, argument, factor, index, entry.index, step) : [];
    if (others.length === 0) others.push(...otherFactor(facts, operation, argument, factor, factorIndex, step));
    return termOf(others[0]?.name ? [own, ...others] : [...others, own], own.number * factor);
  });
  // A factor that is another argument's entry makes a product of the two, and is not counted again there.
  const partner = link?.tensor ? operation.inputs.find((other) => other !== argument && other.tensor === link.tensor)?.id : undefined;
  const curved = !link || Boolean(link.value && !link.tensor); // the factor depends on the entry itself, or is not known
  return made.length ? [{ argument, terms: made, partner, curved, isTable: Boolean(link?.starts?.length) }] : [];
}

/** @typedef {ReturnType<typeof readBy>[number]} Read */

/**
 * The terms whose sum is the number, if what was read makes one.
 * @param {Read[]} read
 * @param {number} number
 */
function addingUp(read, number) {
  if (read.some(({ curved }) => curved)) return undefined;
  /** @type {Set<string | undefined>} */
  const counted = new Set();
  const once = read.filter(({ argument, partner }) => !counted.has(argument.id) && counted.add(partner));
  // Of arguments that multiply each other, a table names no factors: the fewest that give the number.
  const [certain, open] = [once.filter(({ isTable }) => !isTable), once.filter(({ isTable }) => isTable)];
  const choices = Array.from({ length: 2 ** Math.min(open.length, 6) }, (_, bits) => open.filter((_, i) => (bits >> i) & 1));
  choices.sort((a, b) => a.length - b.length);
  for (const chosen of open.length ? choices.slice(1) : choices) {
    const found = [...certain, ...chosen].flatMap(({ terms: some }) => some);
    // A mean is better said than written out: so many times the same weight.
    const [{ factors: [weight] }] = found.length ? found : [{ factors: [{ name: "-", number: 0 }] }];
    if (found.length > 1 && !weight.name && found.every(({ factors }) => factors.length > 1 && factors[0].number === weight.number && !factors[0].name)) return undefined;
    if (found.length && addUp(found, number)) return found;
  }
  return undefined;
}

/** @param {Explanation["terms"]} found @param {number} number */
function addUp(found, number) {
  const sum = found.reduce((all, { product }) => all + product, 0);
  const size = found.reduce((all, { product }) => all + Math.abs(product), Math.abs(number));
  return Math.abs(sum - number) <= CLOSE * size + 1e-30;
}

// --- going back ------------------------------------------------------------------------------------------------------

/**
 * @param {Facts} facts
 * @param {Entry} entry
 * @param {number} step
 * @returns {Explanation | undefined}
 */
function gradientAt(facts, entry, step) {
  const edge = entry.part === "c" ? facts.edge(entry.tensor) : undefined;
  const id = edge ? edge.tensor.id : entry.tensor;
  const tensor = facts.tensor(id);
  // The step that was the last to add to it: what it holds now came about then.
  const last = edge ? facts.contributions.steps(entry.tensor).findLast((k) => k <= step) : facts.gradients.steps(id).findLast((k) => k <= step);
  if (!tensor || last === undefined) return undefined;
  const gradient = facts.gradients.at(id, last);
  const total = numberAt(gradient?.value, entry.index);
  const earlier = facts.gradients.at(id, last - 1)?.value ?? gradient?.before;
  const given = facts.frames[last].contributions.filter(({ argument }) => (edge ? argument === entry.tensor : facts.edge(argument)?.tensor.id === id));
  const parts = given.map(({ argument }) => numberAt(facts.contributions.at(argument, last)?.value, entry.index));
  const sent = given.length ? parts.reduce((/** @type {number | undefined} */ all, part) => (all === undefined || part === undefined ? undefined : all + part), 0) : total;
  if (sent === undefined) return undefined;
  const result = { name: tensor.name, place: placeOf(entry.index, tensor.shape), number: edge ? sent : (total ?? sent), at: entry };
  const operation = facts.edge(given[0]?.argument ?? "")?.operation;
  const from = operation?.outputs.find((output) => facts.gradients.at(output, last));
  const found = operation && from ? given.flatMap(({ argument }) => sentAlong(facts, operation, argument, entry.index, last)) : [];
  const whole = Boolean(found.length) && addUp(found, sent);
  const made = found.flatMap(({ factors }) => factors.flatMap(({ at }) => at ?? []));
  return {
    entry,
    result,
    above: /^[\p{L}\p{N}_.]{1,10}$/u.test(facts.output) ? facts.output : "L",
    terms: whole ? found : [],
    sum: sent,
    call: "",
    made,
    alike: [...given.map(({ argument }) => ({ tensor: argument, part: /** @type {const} */ ("c"), index: entry.index })), { tensor: id, part: "g", index: entry.index }],
    edges: operation ? [...given.map(({ argument }) => argument), ...operation.outputs.map((output) => `${operation.id}_${output}`), ...factorEdges(operation, made)] : [],
    before: edge ? undefined : numberAt(earlier, entry.index),
    upstream: from ?? "",
    dtype: tensor.dtype,
    note: operation && !found.length && sent === 0 ? phrase("explain: no entry what made came", { symbol: operation.symbol }) : "",
    step: last,
  };
}

/** The edges along which the factors came in. @param {Operation} operation @param {Entry[]} made */
const factorEdges = ({ inputs }, made) => inputs.filter(({ tensor }) => made.some((entry) => entry.part === "v" && entry.tensor === tensor)).map(({ id }) => id);

/**
 * What an entry of an argument was sent: one product for each entry of the result that it feeds.
 * @param {Facts} facts
 * @param {Operation} operation
 * @param {string} id of the argument
 * @param {number} index
 * @param {number} step
 */
function sentAlong(facts, operation, id, index, step) {
  const argument = operation.inputs.find((given) => given.id === id);
  const known = facts.linkOf(id);
  if (!argument || !known) return [];
  const fed = terms(known.link, known.shapes, index);
  return fed.flatMap(({ output, result, factor = NaN, factorIndex }) => {
    const tensor = known.results[output];
    const upstream = facts.gradients.at(tensor, step)?.value;
    if (!upstream) return []; // nothing came back from that result
    const g = { name: "g", place: placeOf(result, upstream.shape), number: numberAt(upstream, result) ?? NaN, at: /** @type {Entry} */ ({ tensor, part: "g", index: result }) };
    const others = few(fed) ? factorIn(facts, operation, argument, factor, index, result, step) : [];
    if (others.length === 0) others.push(...otherFactor(facts, operation, argument, factor, factorIndex, step));
    // In the order of the equation: what is multiplied from the right stands at the right.
    return termOf(argument.local?.startsWith("· ") ? [g, ...others] : [...others, g], g.number * factor);
  });
}

// --- parts -----------------------------------------------------------------------------------------------------------

/** @param {Facts} facts @param {string} tensor @param {number} index @param {number} step @returns {Factor} */
function factorOf(facts, tensor, index, step) {
  const value = facts.values.at(tensor, step);
  return { name: facts.tensor(tensor)?.name ?? tensor, place: placeOf(index, value?.shape ?? []), number: numberAt(value, index) ?? NaN, at: { tensor, part: "v", index } };
}

/**
 * What an entry is multiplied with: another entry, a number that the operation's formula gives, or nothing but 1.
 * @param {Facts} facts
 * @param {Operation} operation
 * @param {Argument} argument
 * @param {number} factor
 * @param {number | undefined} index
 * @param {number} step
 * @returns {Factor[]}
 */
function otherFactor(facts, { symbol }, { link, local }, factor, index, step) {
  if (link?.tensor && index !== undefined) {
    const other = factorOf(facts, link.tensor, index, step);
    const scale = factor / other.number;
    return Math.abs(scale - (link.scale ?? 1)) < 1e-6 && Math.abs(scale) !== 1 ? [{ name: "", place: [], number: Math.abs(scale) }, other] : [other];
  }
  const isNamed = Boolean(link?.value); // not the weight of a mean, which is a number alone
  if (Math.abs(factor) === 1 && !isNamed) return [];
  const formula = link?.text || local || "";
  return [{ name: !isNamed ? "" : formula.length > LONGEST ? `${symbol}′` : formula, place: [], number: isNamed ? factor : Math.abs(factor) }];
}

/** Each asks once through a table. @param {unknown[]} terms */
const few = (terms) => terms.length <= 64;

/**
 * Of two arguments that multiply each other by tables, as the image and the kernel of a convolution, the entry of the other one: which
 * of those that feed the same result has this factor as its value, and this entry's value as its factor. Nothing where that is not
 * certain.
 * @param {Facts} facts
 * @param {Operation} operation
 * @param {Argument} argument
 * @param {number} factor
 * @param {number} index of the entry
 * @param {number} result
 * @param {number} step
 */
function factorIn(facts, operation, argument, factor, index, result, step) {
  const other = operation.inputs.find((given) => given !== argument && given.link?.starts && argument.link?.starts);
  const known = other && facts.linkOf(other.id);
  const own = numberAt(facts.values.at(argument.tensor, step), index);
  if (!other || !known || own === undefined) return [];
  const isNear = (/** @type {number | undefined} */ one, /** @type {number} */ two) => one !== undefined && Math.abs(one - two) <= 1e-6 * Math.abs(two);
  const value = facts.values.at(other.tensor, step);
  const found = sources(known.link, known.shapes, result).filter((source) => isNear(numberAt(value, source.entry), factor) && isNear(source.factor, own));
  return found.length === 1 ? [factorOf(facts, other.tensor, found[0].entry, step)] : [];
}

/** A minus that no factor shows is one of the sum. @param {Factor[]} factors @param {number} product */
function termOf(factors, product) {
  const shown = factors.reduce((all, { number }) => all * number, 1);
  return { factors, sign: shown * product < 0 ? -1 : 1, product };
}
