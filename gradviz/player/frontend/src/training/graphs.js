// The graph of each step that has one: what all steps of one structure share, and what differs from step to step. That is computed
// here from the step's parameters, where they are all that differs; else it is there, or Python is asked for it.

import { blankFace } from "../state.js";
import { Computed } from "./computed.js";

/** @typedef {import("../state.js").Payload} Payload */
/** @typedef {import("../state.js").Face} Face */
/**
 * One structure. `base` is what a player's payload has in common for all its steps. Those `opened` are there in full. What the
 * picture shows in a step is `computed`; or it is `face`, the first step's, but for the `slots`, of which `columns` says what stands
 * there in each of `steps`.
 * @typedef {{
 *   base: any, steps: number[], opened: Record<string, any>, computed?: import("./computed.js").Told | null,
 *   face: Face, slots: [keyof Face, string][], columns: any[][],
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
  /** @type {Map<number, [base: any, Computed]>} by the number of a program, what computes its steps */
  #computed = new Map();
  #asked = -1;

  /**
   * @param {{programs: Program[]} | null} given
   * @param {import("./data.js").RunData} run
   * @param {{ask?: (index: number, whole: boolean) => void, engine?: (text?: string) => Promise<import("../loading.js").Engine | undefined>, come?: () => void}} on
   *   `engine`: gets what computes; `come`: there is more to show
   */
  constructor(given, run, on) {
    this.run = run;
    this.on = on;
    this.#programs = given?.programs ?? [];
    this.#programs.forEach((program, number) => {
      const { base, steps, opened, computed } = program;
      if (computed) {
        this.#compute(base, opened[steps[0]], computed);
        return;
      }
      for (const [index, numbers] of Object.entries(opened)) this.#opened.set(Number(index), { ...base, ...numbers });
      steps.forEach((index, place) => this.#faces.set(index, [number, place, null]));
    });
  }

  /** Whether there is any graph to show. */
  get some() {
    return this.#programs.length > 0 || this.on.ask !== undefined;
  }

  /** Lets a program's steps be computed from now on. @param {any} base @param {any} numbers of its first step @param {import("./computed.js").Told} told @param {string} [text] of the engine */
  async #compute(base, numbers, told, text) {
    const engine = await this.on.engine?.(text).catch(() => undefined);
    if (!engine) return;
    this.#computed.set(told.number, [base, new Computed({ ...base, ...numbers }, told, engine, this.run)]);
    this.on.come?.();
  }

  /** What computes a step; nothing if it is not like the others. @param {number} index */
  #computes(index) {
    const k = this.run.nearest(index);
    return this.run.index(k) === index ? this.#computed.get(this.run.alike.at(k)) : undefined;
  }

  /** Whether what a step's picture shows is computed from the numbers that the run has now. @param {number} index */
  isComputed(index) {
    return this.#computes(index) !== undefined;
  }

  /** Takes what Python has sent. @param {{index: number, program: number, base?: any, face: Face, numbers?: any, computed?: import("./computed.js").Told & {first: any}, engine?: string}} told */
  take({ index, program, base, face, numbers, computed, engine }) {
    if (base) this.#programs[program] = { base, face, slots: [], steps: [], columns: [], opened: {} };
    if (this.#faces.size > 2000) this.#faces.clear();
    this.#faces.set(index, [program, 0, face]);
    if (this.#opened.size > 50) this.#opened.clear();
    if (numbers) this.#opened.set(index, { ...this.#programs[program].base, ...numbers });
    if (this.#asked === index) this.#asked = -1;
    if (computed) this.#compute(base, computed.first, computed, engine);
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
    if (this.#faces.has(index) || this.#computes(index)) return index;
    if (this.on.ask && this.#asked < 0) this.on.ask((this.#asked = index), false); // one at a time: who drags along the track asks often
    return nearestOf(this.#faces.keys(), index);
  }

  /** The structure of a step, and what its picture shows. @param {number} index of one that `nearest` has returned */
  shown(index) {
    const computes = this.#computes(index);
    if (computes) return { base: computes[0], face: computes[1].face(this.run.nearest(index)) };
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
    return this.on.ask || this.#computes(index) ? index : nearestOf(this.#opened.keys(), index);
  }

  /**
   * A player's payload for a step; where it is not there yet, Python is asked for it.
   * @param {number} index of one that `nearestOpened` has returned
   * @returns {Payload | undefined}
   */
  payload(index) {
    const known = this.#opened.get(index);
    if (known) return known;
    const computes = this.#computes(index);
    if (computes) return computes[1].opened(this.run.nearest(index));
    this.on.ask?.(index, true);
    return undefined;
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
