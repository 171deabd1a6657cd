// A computation that can be changed: numbers of its leaves are set, and everything that the player shows follows.

import { Machine } from "./machine.js";
import { isFloat } from "./array.js";
import { liveLinks } from "./told/links.js";
import { Retelling } from "./told/retell.js";
import { shortest } from "./told/values.js";

/** @typedef {import("../facts.js").Facts} Facts */
/** @typedef {import("../state.js").Payload} Payload */
/** @typedef {[tensor: string, index: number, number: number]} Change what an entry of a leaf was set to */
/** @typedef {{program: import("./machine.js").Program, shown: import("./told/retell.js").Shown}} Data */

const NEAR = 1e-4; // how far a finite difference goes, of the entry's own size

export class Laboratory {
  #machine;
  #precise; // for small differences
  #retelling;
  #recordedLinks;
  /** @type {Change[]} in the order in which they were made */
  #changes = [];

  /** @param {Payload} payload @param {Facts} facts @param {Data} data */
  constructor(payload, facts, { program, shown }) {
    if (shown.places.length !== payload.steps.length) throw new Error("steps and numbers do not belong together");
    this.payload = payload;
    this.facts = facts;
    this.shown = shown;
    this.#machine = new Machine(program);
    this.#precise = new Machine(program, true);
    this.#retelling = new Retelling(payload, facts, shown);
    this.#recordedLinks = facts.linkOf;
  }

  /** The entries that are not what they were, with what they are. @returns {Change[]} */
  get changes() {
    const last = new Map(this.#changes.map((change) => [`${change[0]} ${change[1]}`, change]));
    return [...last.values()].filter(([tensor, index, number]) => !Object.is(this.first(tensor, index), number));
  }

  /** Whether a tensor's numbers can be set. @param {string} tensor */
  has(tensor) {
    return this.#machine.has(tensor);
  }

  /** What an entry was at first. @param {string} tensor @param {number} index */
  first(tensor, index) {
    const { data, dtype } = this.#machine.first(tensor);
    return dtype === "float32" ? shortest(data[index]) : data[index];
  }

  /** What an entry is. @param {string} tensor @param {number} index */
  now(tensor, index) {
    const { data, dtype } = this.#machine.at(this.#machine.program.values[tensor]);
    return dtype === "float32" ? shortest(data[index]) : data[index];
  }

  /** Whether an entry is one of many whole numbers, or true or false. @param {string} tensor */
  isWhole(tensor) {
    return !isFloat(this.#machine.first(tensor).dtype);
  }

  /** Why a leaf does not follow what it was made of. @param {string} tensor @returns {string | undefined} */
  cut(tensor) {
    return this.#machine.program.cut[tensor];
  }

  /**
   * Sets an entry.
   * @param {string} tensor
   * @param {number} index
   * @param {number} number
   * @param {boolean} [goesOn] whether it belongs to the change before, as the moves of one drag do
   */
  set(tensor, index, number, goesOn = false) {
    const last = this.#changes.at(-1);
    if (last?.[0] === tensor && last[1] === index && (goesOn || Object.is(last[2], number))) this.#changes.pop();
    this.#changes.push([tensor, index, number]);
    this.#put(tensor, index, number);
    this.#tell();
  }

  /** Takes the last change back. */
  undo() {
    const last = this.#changes.pop();
    if (!last) return;
    const [tensor, index] = last;
    const before = this.#changes.findLast((change) => change[0] === tensor && change[1] === index);
    this.#put(tensor, index, before ? before[2] : this.#machine.first(tensor).data[index]);
    this.#tell();
  }

  /** Takes all changes back. */
  reset() {
    this.#changes = [];
    this.#machine.reset();
    this.#precise.reset();
    this.#tell();
  }

  /** Makes changes that were made before, in another picture. @param {Change[]} changes */
  again(changes) {
    this.#changes = changes.filter(([tensor]) => this.has(tensor));
    for (const [tensor, index, number] of this.#changes) this.#put(tensor, index, number);
    if (changes.length) this.#tell();
  }

  /** @param {string} tensor @param {number} index @param {number} number */
  #put(tensor, index, number) {
    this.#machine.set(tensor, index, number);
    // Both from the same number, as it is when it has been rounded.
    this.#precise.set(tensor, index, this.#machine.at(this.#machine.program.values[tensor]).data[index]);
  }

  #tell() {
    this.#machine.run();
    this.#precise.run();
    if (this.changes.length) {
      this.#retelling.tell(this.#machine);
      this.facts.linkOf = liveLinks(this.payload, this.#machine, this.shown);
    } else {
      this.#retelling.restore();
      this.facts.linkOf = this.#recordedLinks;
    }
  }

  /**
   * The output as it is, and with an entry moved; and the slope there, measured on both sides.
   * @param {string} tensor
   * @param {number} index
   * @param {number} by
   */
  nudge(tensor, index, by) {
    const here = this.#machine.at(this.#machine.program.values[tensor]).data[index];
    const machine = this.#precise;
    const step = Math.max(Math.abs(here), 1) * NEAR;
    const slope = (machine.outputWith(tensor, index, here + step) - machine.outputWith(tensor, index, here - step)) / (2 * step);
    return { before: machine.output, after: machine.outputWith(tensor, index, here + by), slope };
  }
}
