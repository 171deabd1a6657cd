// The graph of each step that has one: what all steps of one structure share, and what differs from step to step.

/** @typedef {import("../state.js").Payload} Payload */
/** @typedef {(string | number)[]} Path */
/** @typedef {{base: any, slots: Path[]}} Program */

/**
 * Puts other values at some places of a tree of plain data; the tree itself stays as it is.
 * @template T
 * @param {T} tree
 * @param {Path[]} slots
 * @param {any[]} values
 * @returns {T}
 */
export function filled(tree, slots, values) {
  const own = new Set(); // parts that are copies already
  const copy = (/** @type {any} */ part) => {
    if (own.has(part)) return part;
    const made = Array.isArray(part) ? [...part] : { ...part };
    own.add(made);
    return made;
  };
  const root = copy(tree);
  slots.forEach((path, number) => {
    let place = root;
    for (const step of path.slice(0, -1)) place = place[step] = copy(place[step]);
    place[/** @type {any} */ (path.at(-1))] = values[number];
  });
  return root;
}

/** Those of a saved page, which came with it; or those of a notebook, which Python is asked for. */
export class Graphs {
  /** @type {Program[]} */
  #programs = [];
  /** @type {Map<number, [number, any[] | null, Payload | null]>} by the step's index: its program, and its values or its payload */
  #rows = new Map();
  #asked = -1;

  /**
   * @param {{programs: Program[], rows: Record<string, [number, any[]]>} | null} given
   * @param {((index: number) => void) | undefined} ask
   */
  constructor(given, ask) {
    this.ask = ask;
    this.#programs = given?.programs ?? [];
    for (const [index, [program, values]] of Object.entries(given?.rows ?? {})) this.#rows.set(Number(index), [program, values, null]);
  }

  /** Whether there is any graph to show. */
  get some() {
    return this.#rows.size > 0 || this.ask !== undefined;
  }

  /** Takes what Python has sent. @param {{index: number, program: number, base?: any, numbers: any}} told */
  take({ index, program, base, numbers }) {
    if (base) this.#programs[program] = { base, slots: [] };
    if (this.#rows.size > 400) this.#rows.clear();
    this.#rows.set(index, [program, null, { ...this.#programs[program].base, ...numbers }]);
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
    if (this.#rows.has(index)) return index;
    if (this.ask && this.#asked < 0) this.ask((this.#asked = index)); // one at a time: who drags along the track asks often
    let best = -1;
    for (const known of this.#rows.keys()) if (best < 0 || Math.abs(known - index) < Math.abs(best - index)) best = known;
    return best;
  }

  /** Which structure a step has. @param {number} index */
  program(index) {
    return this.#rows.get(index)?.[0] ?? -1;
  }

  /**
   * A player's payload for a step.
   * @param {number} index of one that `nearest` has returned
   * @returns {Payload}
   */
  payload(index) {
    const [program, values, whole] = /** @type {[number, any[], any]} */ (this.#rows.get(index));
    if (whole) return whole;
    const { base, slots } = this.#programs[program];
    return filled(base, slots, values);
  }
}
