// Which entries an entry is made of, as gradviz.recording.links reads it in Python: pure functions, checked beside it.

import { readable, readableNumber } from "./facts.js";

/** @typedef {import("./facts.js").FactsData} FactsData */
/** @typedef {import("./facts.js").Value} Value */

/**
 * Which entries of an operation's results the entries of an argument feed, and with which factor. The fields are explained where
 * they are made, at `Link` in gradviz/recording/model.py; those that are left out have their default.
 * @typedef {{
 *   argument?: string, result?: string, factor?: string, tensor?: string, value?: Value, text?: string, scale?: number,
 *   starts?: number[], results?: number[], factors?: (number | string)[],
 * }} Link
 */

/**
 * What else is needed to read a link: shapes of the argument and of the results, and shape and numbers of its factor. Numbers
 * that the page does not have are undefined.
 * @typedef {{argument: number[], results: number[][], factor?: number[], numbers?: readonly (number | boolean)[]}} Shapes
 */

/**
 * One entry of the result that an entry of the argument feeds: its place (row by row, in the result of the number `output`), the
 * factor, and the place of the factor in the tensor it is of, if it is a tensor's.
 * @typedef {{output: number, result: number, factor: number | undefined, factorIndex: number | undefined}} Term
 */

/** @typedef {{entry: number, factor: number | undefined, factorIndex: number | undefined}} Source */

const size = (/** @type {number[]} */ shape) => shape.reduce((all, length) => all * length, 1);

/**
 * Goes through all ways to give the letters that are free a value, with those given that are not.
 * @param {string[]} free @param {Map<string, number>} sizes @param {Map<string, number>} at changed on the way
 */
function* ways(free, sizes, at) {
  const count = free.reduce((all, letter) => all * (sizes.get(letter) ?? 1), 1);
  for (let n = 0; n < count; n++) {
    let rest = n;
    for (let k = free.length - 1; k >= 0; k--) {
      const length = sizes.get(free[k]) ?? 1;
      at.set(free[k], rest % length);
      rest = Math.floor(rest / length);
    }
    yield at;
  }
}

/** The place of an entry whose letters have these values. @param {string} letters @param {number[]} shape @param {Map<string, number>} at */
function flat(letters, shape, at) {
  return shape.reduce((place, length, axis) => place * length + (at.get(letters[axis]) ?? 0), 0);
}

/** The values of the letters at an entry. @param {string} letters @param {number[]} shape @param {number} entry */
function lettersAt(letters, shape, entry) {
  const at = new Map();
  for (let axis = shape.length - 1, rest = entry; axis >= 0; axis--) {
    if (letters[axis] !== ".") at.set(letters[axis], rest % shape[axis]);
    rest = Math.floor(rest / shape[axis]);
  }
  return at;
}

/** How long the axis of each letter is. @param {[string, number[] | undefined][]} all @returns {Map<string, number>} */
function sizesOf(all) {
  const sizes = new Map();
  for (const [letters, shape] of all) shape?.forEach((length, axis) => letters[axis] !== "." && sizes.set(letters[axis], length));
  return sizes;
}

/** Goes through the pairs of entries that have an entry in common, on one side. @param {Link} link @param {Shapes} shapes @param {number} entry @param {boolean} back */
function* pairs(link, shapes, entry, back) {
  const { argument = "", result = "", factor = "", scale = 1 } = link;
  if (argument === "*") {
    yield { other: entry, factor: scale, factorIndex: undefined };
    return;
  }
  const shape = shapes.results[0];
  const sizes = sizesOf([[argument, shapes.argument], [result, shape], [factor, shapes.factor]]);
  const [known, own, found, there] = back ? [result, shape, argument, shapes.argument] : [argument, shapes.argument, result, shape];
  const free = [...new Set(found)].filter((letter) => letter !== "." && !known.includes(letter));
  const given = shapes.factor !== undefined;
  for (const at of ways(free, sizes, lettersAt(known, own, entry))) {
    const factorIndex = given ? flat(factor, shapes.factor ?? [], at) : undefined;
    const number = factorIndex === undefined ? (factor ? undefined : 1) : shapes.numbers?.[factorIndex];
    yield { other: flat(found, there, at), factor: number === undefined ? undefined : scale * Number(number), factorIndex: link.tensor ? factorIndex : undefined };
  }
}

/**
 * What one entry of an argument's contribution is the sum of: for each entry of the results that it feeds the factor with which
 * that one's gradient is multiplied.
 * @param {Link} link @param {Shapes} shapes @param {number} entry
 * @returns {Term[]}
 */
export function terms(link, shapes, entry) {
  if (link.starts) {
    const found = [];
    for (let k = link.starts[entry]; k < link.starts[entry + 1]; k++) found.push({ ...placed(shapes, link.results?.[k] ?? 0), factor: factorOf(link, k), factorIndex: undefined });
    return found;
  }
  return [...pairs(link, shapes, entry, false)].map(({ other, factor, factorIndex }) => ({ output: 0, result: other, factor, factorIndex }));
}

/**
 * The entries of an argument that one entry of a result is made of, with the factor by which it follows each.
 * @param {Link} link @param {Shapes} shapes @param {number} entry @param {number} [output] the number of the result, of several
 * @returns {Source[]}
 */
export function sources(link, shapes, entry, output = 0) {
  if (!link.starts) return [...pairs(link, shapes, entry, true)].map(({ other, ...rest }) => ({ entry: other, ...rest }));
  const wanted = entry + shapes.results.slice(0, output).reduce((all, shape) => all + size(shape), 0);
  const found = [];
  for (let from = 0; from + 1 < link.starts.length; from++) {
    for (let k = link.starts[from]; k < link.starts[from + 1]; k++) if (link.results?.[k] === wanted) found.push({ entry: from, factor: factorOf(link, k), factorIndex: undefined });
  }
  return found;
}

/** @param {Link} link @param {number} k */
function factorOf({ factors, scale = 1 }, k) {
  return scale * (factors?.length ? readableNumber(factors[k]) : 1);
}

/** Which result, and where in it. @param {Shapes} shapes @param {number} place */
function placed({ results }, place) {
  let output = 0;
  while (output + 1 < results.length && place >= size(results[output])) place -= size(results[output++]);
  return { output, result: place };
}

/**
 * The Jacobian of an edge: a row for each entry of the results, a column for each of the argument. Undefined where the page lacks
 * its numbers, or it has more entries than `most`.
 * @param {Link} link @param {Shapes} shapes @param {number} [most]
 * @returns {number[][] | undefined}
 */
export function dense(link, shapes, most = 144 * 144) {
  const columns = size(shapes.argument);
  const before = shapes.results.map((_, output) => shapes.results.slice(0, output).reduce((all, shape) => all + size(shape), 0));
  const rows = shapes.results.reduce((all, shape) => all + size(shape), 0);
  if (rows * columns > most) return undefined;
  const matrix = Array.from({ length: rows }, () => new Array(columns).fill(0));
  for (let entry = 0; entry < columns; entry++) {
    for (const { output, result, factor } of terms(link, shapes, entry)) {
      if (factor === undefined) return undefined;
      matrix[before[output] + result][entry] = factor;
    }
  }
  return matrix;
}

/**
 * The largest of some summands, in order of size, and what is left out: how many, and their sum.
 * @template T
 * @param {T[]} all
 * @param {(one: T) => number} product
 * @param {number} most
 * @returns {{shown: T[], more: number, rest: number}}
 */
export function largest(all, product, most) {
  if (all.length <= most) return { shown: all, more: 0, rest: 0 };
  const inOrder = all.map((one, place) => ({ one, place, number: product(one) })).sort((a, b) => Math.abs(b.number) - Math.abs(a.number) || a.place - b.place);
  const left = inOrder.slice(most);
  return { shown: inOrder.slice(0, most).map(({ one }) => one), more: left.length, rest: left.reduce((sum, { number }) => sum + number, 0) };
}

/**
 * Finds the link of each edge of a page, and what is needed to read it.
 * @param {FactsData} facts
 * @returns {(argument: string) => {link: Link, shapes: Shapes, results: string[], tensor: string} | undefined} by the edge's id
 */
export function linksOf(facts) {
  const shapes = new Map(facts.tensors.map(({ id, shape }) => [id, shape]));
  /** @type {Map<string, Value>} */
  const values = new Map(facts.frames.flatMap((frame) => /** @type {[string, Value][]} */ (frame.values ?? [])));
  const edges = new Map(facts.operations.flatMap((operation) => operation.inputs.map((argument) => /** @type {const} */ ([argument.id, { argument, operation }]))));
  return (id) => {
    const { argument, operation } = edges.get(id) ?? {};
    if (!argument?.link || !operation) return undefined;
    const { link } = argument;
    const value = readable(link.tensor ? values.get(link.tensor) : link.value);
    const factor = link.tensor ? shapes.get(link.tensor) : link.value?.shape;
    return {
      link,
      shapes: {
        argument: shapes.get(argument.tensor) ?? [],
        results: operation.outputs.map((/** @type {string} */ output) => shapes.get(output) ?? []),
        factor,
        numbers: value?.data ?? undefined,
      },
      results: operation.outputs,
      tensor: argument.tensor,
    };
  };
}
