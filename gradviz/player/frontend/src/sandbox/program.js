// The program of a graph: what computes it, forward and back, put together from the book's steps; and what becomes known when.

/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {import("./graph.js").Operation} Operation */
/** @typedef {import("../engine/machine.js").Program} Program */
/** @typedef {import("../engine/machine.js").Step} Step */
/**
 * A step of the backward pass: what is sent along which arguments, and which sums that makes.
 * @typedef {{operation: Operation, sent: {place: number, slot: number, local: number | null}[], sums: {tensor: string, slot: number, complete: boolean}[]}} Back
 */

const product = (/** @type {string} */ letters, /** @type {Record<string, number>} */ sizes) => [...letters].reduce((all, letter) => all * (letter === "1" ? 1 : sizes[letter]), 1);

/** A setting with the graph's own slots and sizes. @param {any} one @param {number[]} slots @param {Record<string, number>} sizes @returns {any} */
function settled(one, slots, sizes) {
  if (Array.isArray(one)) return one.map((inner) => settled(inner, slots, sizes));
  if (typeof one !== "object" || one === null) return one;
  if ("slot" in one) return { slot: slots[one.slot] };
  if ("sizes" in one) return one.share ? 1 / product(one.sizes, sizes) : product(one.sizes, sizes);
  return one;
}

/** Whether a step can be run, and which slots of the entry it reads. @param {any} one @param {(slot: number) => boolean} known @returns {boolean} */
function readable(one, known) {
  if (Array.isArray(one)) return one.every((inner) => readable(inner, known));
  return typeof one !== "object" || one === null || !("slot" in one) || known(one.slot);
}

/**
 * @param {Graph} graph
 * @returns {{program: Program, backs: Back[]}}
 */
export function programOf({ tensors, operations, output }) {
  /** @type {Program["numbers"]} */
  const numbers = [];
  /** @type {Step[]} */
  const steps = [];
  /** @type {Record<string, number>} */
  const values = {};
  let size = 0;
  for (const { id, shape, data, producer } of tensors) {
    if (producer) continue;
    values[id] = size;
    numbers.push({ slot: size++, shape, dtype: "float32", tensor: id, data });
  }
  /** By operation: where its entry's slots stand, and which of its steps wait for the gradient. */
  const waiting = operations.map((operation) => {
    const { entry, sizes, inputs } = operation;
    /** @type {number[]} */
    const slots = new Array(entry.slots).fill(-1);
    inputs.forEach(({ id }, place) => (slots[place] = values[id]));
    for (const [slot, fill, letters, dtype] of entry.constants) {
      slots[slot] = size;
      numbers.push({ slot: size++, shape: [...letters].map((letter) => (letter === "1" ? 1 : sizes[letter])), dtype, fill });
    }
    /** @param {[string, Record<string, any>, number[]]} step */
    const put = ([name, given, made]) => {
      for (const slot of made) slots[slot] = size++;
      steps.push([name, Object.fromEntries(Object.entries(given).map(([key, one]) => [key, settled(one, slots, sizes)])), made.map((slot) => slots[slot])]);
    };
    const later = entry.steps.filter((/** @type {any} */ step) => {
      if (!readable(Object.values(step[1]), (slot) => slots[slot] >= 0)) return true;
      put(step);
      return false;
    });
    values[operation.output.id] = slots[entry.value];
    return { slots, later, put };
  });

  const seed = size;
  numbers.push({ slot: size++, shape: output.shape, dtype: "float32", fill: 1 });
  let whole = values[output.id];
  if (output.shape.length) {
    steps.push(["sum", { self: { slot: whole }, dim: null, keepdim: false }, [size]]);
    whole = size++;
  }
  /** @type {Map<string, number>} */
  const sums = new Map([[output.id, seed]]);
  /** @type {Record<string, number>} */
  const named = { [`:${output.id}`]: seed };
  /** @type {Program["contributions"]} */
  const contributions = {};
  /** @type {Program["locals"]} */
  const locals = {};
  /** @type {Map<string, number>} how many gradients are still to come */
  const left = new Map();
  for (const { inputs, output: made } of operations) if (made.wants) for (const { id, wants } of inputs) if (wants) left.set(id, (left.get(id) ?? 0) + 1);
  /** @type {Back[]} */
  const backs = [];
  operations.toReversed().forEach((operation) => {
    const { id, entry, inputs, output: made } = operation;
    const arrived = sums.get(made.id);
    if (arrived === undefined || !made.wants) return;
    const { slots, later, put } = waiting[operations.indexOf(operation)];
    slots[inputs.length] = arrived;
    later.forEach(put);
    /** @type {Back} */
    const back = { operation, sent: [], sums: [] };
    inputs.forEach((input, place) => {
      if (!input.wants) return;
      const slot = slots[entry.contributions[place]];
      const local = entry.locals[place] === null ? null : slots[entry.locals[place]];
      contributions[`${id}_${place}`] = slot;
      if (local !== null) locals[`${id}_${place}`] = local;
      back.sent.push({ place, slot, local });
      const before = sums.get(input.id);
      let sum = slot;
      if (before !== undefined) {
        sum = size++;
        steps.push(["add", { self: { slot: before }, other: { slot } }, [sum]]);
      }
      sums.set(input.id, sum);
      named[`${id}:${input.id}`] = sum;
      left.set(input.id, (left.get(input.id) ?? 0) - 1);
      back.sums = [...back.sums.filter(({ tensor }) => tensor !== input.id), { tensor: input.id, slot: sum, complete: left.get(input.id) === 0 }];
    });
    backs.push(back);
  });
  return { program: { numbers, steps, size, output: whole, values, contributions, locals, sums: named, cut: {}, twins: {} }, backs };
}
