// From an expression to its graph: tensors and operations, each with the page of the book that says how it is computed.

import { phrase } from "../words.js";
import { numberText } from "../number.js";
import { Wrong } from "./parse.js";

/** @typedef {import("./parse.js").Tree} Tree */
/** @typedef {import("./parse.js").Numbers} Numbers */
/**
 * What the book says of an operation on arguments of some shapes; letters stand for sizes: see tests/sandbox_book.py.
 * @typedef {any} Entry
 * @typedef {{id: string, name: string, named: boolean, composed: boolean, role: string, shape: number[], wants: boolean, data?: number[], producer?: string}} Tensor
 * @typedef {{id: string, entry: Entry, sizes: Record<string, number>, inputs: Tensor[], output: Tensor}} Operation
 * @typedef {{tensors: Tensor[], operations: Operation[], output: Tensor}} Graph
 */

const MOST = 60; // operations
const WIDEST = 22; // letters of a name that was composed
const SIGNS = new Set("+-*/@".split("").concat("**"));

/** How often each tensor is used where a gradient comes back. @param {Operation[]} operations */
export function usesOf(operations) {
  /** @type {Map<string, number>} */
  const uses = new Map();
  for (const { inputs, output } of operations) if (output.wants) for (const { id, wants } of inputs) if (wants) uses.set(id, (uses.get(id) ?? 0) + 1);
  return uses;
}

/** @param {number[]} shape */
export const shapeText = (shape) => (shape.length ? shape.join("×") : phrase("sandbox: one number"));

/** The names in an expression, in the order in which they come; and of which product they are a side. @param {Tree} tree */
export function namesIn(tree) {
  /** @type {Map<string, "" | "left" | "right">} */
  const found = new Map();
  /** @type {[Tree, "" | "left" | "right"][]} */
  const waiting = [[tree, ""]];
  while (waiting.length) {
    const [one, side] = /** @type {[Tree, "" | "left" | "right"]} */ (waiting.pop());
    if (one.kind === "name") found.set(one.name, found.get(one.name) || side);
    else if (one.kind === "call") {
      const sides = one.name === "@" ? /** @type {const} */ (["left", "right"]) : /** @type {const} */ (["", ""]);
      one.parts.forEach((_, k) => waiting.push([one.parts[one.parts.length - 1 - k], sides[one.parts.length - 1 - k]]));
    }
  }
  return found;
}

/**
 * Which way the shapes of arguments meet, of those in the book: its entry, and the sizes of its letters.
 * @param {Record<string, Entry>} book @param {string} name @param {number[][]} shapes
 * @returns {{entry: Entry, sizes: Record<string, number>} | undefined}
 */
function meeting(book, name, shapes) {
  for (const [key, entry] of Object.entries(book)) {
    if (!key.startsWith(`${name} `) || entry.shapes.length !== shapes.length) continue;
    /** @type {Record<string, number>} */
    const sizes = {};
    const fits = entry.shapes.every((/** @type {string} */ letters, /** @type {number} */ k) =>
      letters.length === shapes[k].length && [...letters].every((letter, axis) => (letter === "1" ? shapes[k][axis] === 1 : (sizes[letter] ??= shapes[k][axis]) === shapes[k][axis])),
    );
    if (fits) return { entry, sizes };
  }
  return undefined;
}

/** How tightly a name holds together. @param {Tree} tree */
const holds = (tree) => (tree.kind !== "call" ? 9 : ({ "+": 1, "-": 1, "*": 2, "/": 2, "@": 2, neg: 2, "**": 4 }[tree.name] ?? 9));

/**
 * @param {Tree} tree
 * @param {string} name of the result
 * @param {Map<string, Numbers>} values of names
 * @param {Record<string, Entry>} book
 * @returns {Graph}
 */
export function graphOf(tree, name, values, book) {
  /** @type {Tensor[]} */
  const tensors = [];
  /** @type {Operation[]} */
  const operations = [];
  /** @type {Map<string, Tensor>} */
  const leaves = new Map();
  /** @param {Omit<Tensor, "id">} about */
  const add = (about) => {
    const made = { id: `t${tensors.length}`, ...about };
    tensors.push(made);
    return made;
  };

  /** @param {Tree} one @returns {Tensor} */
  function made(one) {
    if (one.kind === "number") {
      const { shape, data } = one.value;
      const text = shape.length ? "" : numberText(data[0]);
      return add({ name: text || `[${shape.join("×")}]`, named: true, composed: text.startsWith("−"), role: shape.length ? "input" : "constant", shape, wants: false, data });
    }
    if (one.kind === "name") {
      const { shape, data } = /** @type {Numbers} */ (values.get(one.name));
      if (!leaves.has(one.name)) leaves.set(one.name, add({ name: one.name, named: true, composed: false, role: "parameter", shape, wants: true, data }));
      return /** @type {Tensor} */ (leaves.get(one.name));
    }
    const inputs = one.parts.map(made);
    const found = meeting(book, one.name, inputs.map(({ shape }) => shape));
    if (!found) throw new Wrong(unfit(one.name, inputs), one.at, one.end);
    if (operations.length >= MOST) throw new Wrong(phrase("sandbox: too many operations", { most: MOST }), one.at, one.end);
    const { entry, sizes } = found;
    const shape = [...entry.result].map((letter) => (letter === "1" ? 1 : sizes[letter]));
    const last = one === tree;
    const id = `o${operations.length}`;
    const about = last ? { name: free(name, values), named: true, composed: false, role: "output" } : { name: composed(one, inputs), named: false, composed: holds(one) < 9, role: "intermediate" };
    /** @type {Operation} */
    const operation = { id, entry, sizes, inputs, output: /** @type {any} */ (null) };
    operations.push(operation);
    operation.output = add({ ...about, shape, wants: inputs.some(({ wants }) => wants), producer: id });
    return operation.output;
  }
  const output = made(tree);
  if (!operations.length) throw new Wrong(phrase("sandbox: no operation"), tree.at, tree.end);
  if (!output.wants) throw new Wrong(phrase("sandbox: no name"), tree.at, tree.end);
  return { tensors, operations, output };
}

/** A name for the result that no leaf has. @param {string} name @param {Map<string, Numbers>} values */
const free = (name, values) => [name, "y", "L", "out", "result"].find((one) => one && !values.has(one)) ?? "result′";

/** What an operation says of arguments that it cannot take. @param {string} name @param {Tensor[]} inputs */
function unfit(name, inputs) {
  const shown = SIGNS.has(name) ? name : name === "neg" ? "−" : name;
  const [one, other] = inputs.map(({ name: called, shape }) => phrase("sandbox: of shape", { name: called, shape: shapeText(shape) }));
  if (name === "@") return phrase("sandbox: no product", { one, other });
  if (other) return phrase("sandbox: do not fit", { name: shown, one, other });
  return phrase("sandbox: does not take", { name: shown, one });
}

/** The name of an intermediate result. @param {import("./parse.js").Place & {kind: "call", name: string, parts: Tree[]}} one @param {Tensor[]} inputs */
function composed(one, inputs) {
  const inner = (/** @type {number} */ k, /** @type {number} */ least) => (holds(one.parts[k]) >= least ? inputs[k].name : `(${inputs[k].name})`);
  const texts = () => {
    switch (one.name) {
      case "+": return `${inner(0, 1)} + ${inner(1, 1)}`;
      case "-": return `${inner(0, 1)} − ${inner(1, 2)}`;
      case "*": return `${inner(0, 2)}·${inner(1, 2)}`;
      case "/": return `${inner(0, 2)}/${inner(1, 3)}`;
      case "@": return `${inner(0, 2)} @ ${inner(1, 3)}`;
      case "**": return { 2: `${inner(0, 5)}²`, 3: `${inner(0, 5)}³` }[inputs[1].name] ?? `${inner(0, 5)}^${inner(1, 9)}`;
      case "neg": return `−${inner(0, 3)}`;
      case "t": return `${inner(0, 9)}ᵀ`;
      case "sum": return `Σ(${inputs[0].name})`;
      default: return `${one.name}(${inputs.map(({ name }) => name).join(", ")})`;
    }
  };
  const whole = texts();
  if (whole.length <= WIDEST) return whole;
  inputs = inputs.map((input) => (input.named && input.name.length < 9 ? input : { ...input, name: "…" }));
  return texts();
}
