// The graph of each step that has one: what all steps of one structure share, and what differs from step to step.

import { blankFace } from "../state.js";

/** @typedef {import("../state.js").Payload} Payload */
/** @typedef {import("../state.js").Face} Face */
/**
 * One structure. `base` is what a player's payload has in common for all its steps. What the picture shows in a step is `face`, the
 * first step's, but for the `slots`, of which `columns` says what stands there in each of `steps`. Those `opened` are there in full.
 * @typedef {{
 *   base: any, face: Face, slots: [keyof Face, string][], steps: number[], columns: any[][], opened: Record<string, any>,
 * }} Program
 */

/** Those of a saved page, which came with it; or those of a notebook, which Python is asked for. */
export class Graphs {
  /** @type {Program[]} */
  #programs = [];
  /** @type {Map<number, [number, number, Face | null]>} by the step's index: its program, its place there, and what it shows */
  #faces = new Map();
  /** @type {Map<number, Payload>} steps in full, by their indices */
  #opened = new Map();
  #asked = -1;

  /**
   * @param {{programs: Program[]} | null} given
   * @param {((index: number, whole: boolean) => void) | undefined} ask
   */
  constructor(given, ask) {
    this.ask = ask;
    this.#programs = given?.programs ?? [];
    this.#programs.forEach(({ base, steps, opened }, number) => {
      steps.forEach((index, place) => this.#faces.set(index, [number, place, null]));
      for (const [index, numbers] of Object.entries(opened)) this.#opened.set(Number(index), { ...base, ...numbers });
    });
  }

  /** Whether there is any graph to show. */
  get some() {
    return this.#faces.size > 0 || this.ask !== undefined;
  }

  /** Takes what Python has sent. @param {{index: number, program: number, base?: any, face: Face, numbers?: any}} told */
  take({ index, program, base, face, numbers }) {
    if (base) this.#programs[program] = { base, face, slots: [], steps: [], columns: [], opened: {} };
    if (this.#faces.size > 2000) this.#faces.clear();
    this.#faces.set(index, [program, 0, face]);
    if (this.#opened.size > 50) this.#opened.clear();
    if (numbers) this.#opened.set(index, { ...this.#programs[program].base, ...numbers });
    if (this.#asked === index) this.#asked = -1;
  }

  /** What was asked for does not come. */
  forget() {
    this.#asked = -1;
  }

  /**
   * The step nearest to one whose graph is there; in a notebook the step itself is asked for too.
   * @param {number} index
   * @returns {number} -1 if there is none yet
   */
  nearest(index) {
    if (this.#faces.has(index)) return index;
    if (this.ask && this.#asked < 0) this.ask((this.#asked = index), false); // one at a time: who drags along the track asks often
    return nearestOf(this.#faces.keys(), index);
  }

  /** The structure of a step, and what its picture shows. @param {number} index of one that `nearest` has returned */
  shown(index) {
    const [number, place, known] = /** @type {[number, number, Face | null]} */ (this.#faces.get(index));
    const program = this.#programs[number];
    return { base: program.base, face: known ?? faceOf(program, place) };
  }

  /**
   * The step nearest to one that can be stepped through; in a notebook that is any.
   * @param {number} index
   * @returns {number} -1 if there is none
   */
  nearestOpened(index) {
    return this.ask ? index : nearestOf(this.#opened.keys(), index);
  }

  /**
   * A player's payload for a step; where it is not there yet, Python is asked for it.
   * @param {number} index of one that `nearestOpened` has returned
   * @returns {Payload | undefined}
   */
  payload(index) {
    if (!this.#opened.has(index)) this.ask?.(index, true);
    return this.#opened.get(index);
  }
}

/** @param {Program} program @param {number} place @returns {Face} */
function faceOf({ face, slots, columns }, place) {
  const made = blankFace();
  for (const part of /** @type {(keyof Face)[]} */ (Object.keys(made))) Object.assign(made[part], face[part]);
  slots.forEach(([part, key], number) => Object.assign(made[part], { [key]: columns[number][place] }));
  return made;
}

/** @param {Iterable<number>} known @param {number} index */
function nearestOf(known, index) {
  let best = -1;
  for (const one of known) if (best < 0 || Math.abs(one - index) < Math.abs(best - index)) best = one;
  return best;
}
