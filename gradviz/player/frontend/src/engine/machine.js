// Runs a program: a list of operations on numbered slots, some of which have their numbers from the beginning. After a change only
// what depends on it is run again.

import { array, filled, isFloat, size } from "./array.js";
import { ROWS } from "./rows.js";

/** @typedef {import("./array.js").Arr} Arr */
/** @typedef {{slot: number, shape: number[], dtype: string, tensor?: string, fill?: any, bytes?: string, data?: number[]}} Numbers */
/**
 * A step has its row's name, its arguments by name, and the slots of its results.
 * @typedef {[name: string, given: Record<string, any>, made: number[]]} Step
 * @typedef {{
 *   numbers: Numbers[], steps: Step[], size: number, output: number, values: Record<string, number>, contributions: Record<string, number>,
 *   locals: Record<string, number>, sums: Record<string, number>, cut: Record<string, string>, twins: Record<string, string[]>,
 * }} Program as gradviz.recording.program writes it
 */

/** @param {any} number what JSON does not know is a word */
const numberOf = (number) => (typeof number === "object" ? Number(String(number.number).replace("inf", "Infinity")) : number);

/** @param {Numbers} numbers @param {boolean} precise @returns {Arr} */
function unpacked({ shape, dtype, fill, bytes, data }, precise) {
  const made = array(shape, dtype);
  if (fill !== undefined) made.data.fill(numberOf(fill));
  else if (bytes !== undefined) {
    const raw = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
    if (raw.length !== made.data.byteLength) throw new Error(`${raw.length} bytes for ${size(shape)} numbers`);
    new Uint8Array(made.data.buffer).set(raw);
  } else made.data.set(data ?? []);
  return precise && isFloat(dtype) ? filled(shape, "float64", made.data) : made;
}

export class Machine {
  /** @type {(Arr | undefined)[]} */
  #slots;
  /** @type {Map<number, Arr>} what stood in the slots of leaves at first */
  #first = new Map();
  /** @type {Map<string, number>} the slots of leaves, by the ids of their tensors */
  #leaves = new Map();
  /** @type {{f: import("./rows/arithmetic.js").Row, given: [string, any][], reads: number[], made: number[]}[]} */
  #steps;
  /** @type {Set<number>} */
  #changed = new Set();

  /**
   * @param {Program} program
   * @param {boolean} [precise] in double precision, whatever was: for small differences
   */
  constructor(program, precise = false) {
    this.program = program;
    this.#slots = new Array(program.size);
    for (const numbers of program.numbers) {
      const made = unpacked(numbers, precise);
      this.#slots[numbers.slot] = made;
      if (numbers.tensor) {
        this.#leaves.set(numbers.tensor, numbers.slot);
        this.#first.set(numbers.slot, made);
      }
    }
    this.#steps = program.steps.map(([name, given, made]) => {
      if (!Object.hasOwn(ROWS, name)) throw new Error(`a page cannot run ${name}`);
      /** @type {number[]} */
      const reads = [];
      return { f: ROWS[name], given: Object.entries(given).map(([key, one]) => [key, prepared(one, reads)]), reads, made };
    });
    this.#run(this.#steps);
  }

  /** Whether a tensor is a leaf, whose numbers can be set. @param {string} tensor */
  has(tensor) {
    return this.#leaves.has(tensor);
  }

  /** What stands in a slot. @param {number} slot @returns {Arr} */
  at(slot) {
    return /** @type {Arr} */ (this.#slots[slot]);
  }

  /** A leaf's numbers at first. @param {string} tensor @returns {Arr} */
  first(tensor) {
    return /** @type {Arr} */ (this.#first.get(this.#slotOf(tensor)));
  }

  /** @param {string} tensor */
  #slotOf(tensor) {
    const slot = this.#leaves.get(tensor);
    if (slot === undefined) throw new Error(`${tensor} is no leaf`);
    return slot;
  }

  /** Sets all numbers that stand in a slot from the beginning; `run` then runs what depends on them. @param {number} slot @param {ArrayLike<number>} numbers */
  put(slot, numbers) {
    const { shape, dtype } = this.at(slot);
    this.#slots[slot] = filled(shape, dtype, numbers);
    this.#changed.add(slot);
  }

  /** Sets an entry of a leaf; `run` then runs what depends on it. @param {string} tensor @param {number} index @param {number} number */
  set(tensor, index, number) {
    for (const one of this.#alike(tensor)) {
      const slot = this.#slotOf(one);
      const { shape, dtype, data } = this.at(slot);
      const made = filled(shape, dtype, data);
      made.data[index] = number;
      this.#slots[slot] = made;
      this.#changed.add(slot);
    }
  }

  /** A leaf, and those that are the same numbers in another shape. @param {string} tensor */
  #alike(tensor) {
    return [tensor, ...(this.program.twins[tensor] ?? []).filter((twin) => this.has(twin))];
  }

  /** Sets leaves back to what they were: all, or one. @param {string} [tensor] */
  reset(tensor) {
    for (const slot of tensor === undefined ? this.#leaves.values() : this.#alike(tensor).map((one) => this.#slotOf(one))) {
      if (this.#slots[slot] === this.#first.get(slot)) continue;
      this.#slots[slot] = this.#first.get(slot);
      this.#changed.add(slot);
    }
  }

  /** Runs what depends on the leaves that have been set. */
  run() {
    const changed = this.#changed;
    this.#run(this.#steps.filter(({ reads, made }) => {
      if (!reads.some((slot) => changed.has(slot))) return false;
      for (const slot of made) changed.add(slot);
      return true;
    }));
    changed.clear();
  }

  /** @param {{f: import("./rows/arithmetic.js").Row, given: [string, any][], made: number[]}[]} steps */
  #run(steps) {
    for (const { f, given, made } of steps) {
      const results = f(Object.fromEntries(given.map(([name, one]) => [name, this.#argument(one)])));
      if (Array.isArray(results)) made.forEach((slot, k) => (this.#slots[slot] = results[k]));
      else this.#slots[made[0]] = results;
    }
  }

  /** What it is differentiated of, as a plain number. */
  get output() {
    return this.at(this.program.output).data[0];
  }

  /**
   * The output with one entry of a leaf set to another number, for which nothing stays changed.
   * @param {string} tensor @param {number} index @param {number} number
   */
  outputWith(tensor, index, number) {
    const before = this.#slots.slice();
    this.set(tensor, index, number);
    this.run();
    const found = this.output;
    this.#slots = before;
    return found;
  }

  /**
   * What is sent to a slot if the gradient that arrives is a single 1: one row of the Jacobian between the two.
   * @param {number} from the slot of the gradient that arrives
   * @param {number} index of the 1
   * @param {number} to the slot of what is sent
   */
  sentBy(from, index, to) {
    const before = this.#slots.slice();
    const one = array(this.at(from).shape, this.at(from).dtype);
    one.data[index] = 1;
    this.#slots[from] = one;
    this.#changed.add(from);
    this.run();
    const found = this.at(to);
    this.#slots = before;
    return found;
  }

  /** @param {any} one @returns {any} */
  #argument(one) {
    if (one instanceof Reference) return this.#slots[one.slot];
    return Array.isArray(one) ? one.map((inner) => this.#argument(inner)) : one;
  }
}

/** Stands for what is in a slot. */
class Reference {
  /** @param {number} slot */
  constructor(slot) {
    this.slot = slot;
  }
}

/** An argument as it will be read: slots as references, which are noted, words that stand for numbers as these. @param {any} one @param {number[]} reads @returns {any} */
function prepared(one, reads) {
  if (Array.isArray(one)) return one.map((inner) => prepared(inner, reads));
  if (typeof one !== "object" || one === null) return one;
  if ("slot" in one) {
    reads.push(one.slot);
    return new Reference(one.slot);
  }
  return "number" in one ? numberOf(one) : one;
}
