// An optimiser's rule, which travels as the terms of its lines: computed entry by entry, as gradviz.optim computes it.

/**
 * A term: what is done, and with what. @typedef {[string, ...any[]]} Term
 * @typedef {{term: Term, symbol: string, whole: boolean, keep: string | null}} Line
 * @typedef {{state: string, whole: boolean, start: Term, copies: boolean}} Memory `copies`: in the first step it takes over what it starts with
 * @typedef {{lines: Line[], memories: Memory[], counts: boolean, keys: Record<string, Term>}} Told as gradviz/optim/terms.py writes it
 * @typedef {Float32Array | Float64Array} Numbers
 * @typedef {{step: number, kept: Record<string, Numbers>}} Remembered what the optimiser remembers of a parameter
 */

/** @type {Record<string, (...numbers: number[]) => number>} */
const OPERATORS = {
  "+": (a, b) => a + b,
  "−": (a, b) => a - b,
  "·": (a, b) => a * b,
  "/": (a, b) => a / b,
  "^": (a, b) => a ** b,
  "√": (a) => Math.sqrt(a),
  "²": (a) => a * a,
  "||": (a) => Math.abs(a),
  negative: (a) => -a,
  max: (a, b) => Math.max(a, b),
  min: (a, b) => Math.min(a, b),
  sign: (a) => Math.sign(a),
  "<": (a, b) => Number(a < b),
  ">": (a, b) => Number(a > b),
  "=": (a, b) => Number(a === b),
  if: (condition, one, other) => (condition ? one : other),
};

export class Rule {
  /** @param {Told} told */
  constructor(told) {
    this.told = told;
    /** @type {{settings: Record<string, any>, w: Numbers, grad: Numbers, t: number, fresh: boolean, kept: Record<string, Numbers>, lines: Numbers[]}} */
    this.now = { settings: {}, w: new Float32Array(0), grad: new Float32Array(0), t: 0, fresh: false, kept: {}, lines: [] };
    this.lines = told.lines.map(({ term }) => this.#of(term));
    this.starts = told.memories.map(({ start }) => this.#of(start));
    this.keys = Object.entries(told.keys).map(([key, term]) => /** @type {const} */ ([key, this.#of(term)]));
  }

  /**
   * A term as a function of the entry.
   * @param {Term} term
   * @returns {(entry: number) => number}
   */
  #of(term) {
    const { now } = this;
    const [what, ...parts] = term;
    switch (what) {
      case "number": return () => parts[0];
      case "w": return (i) => now.w[i];
      case "grad": return (i) => now.grad[i];
      case "t": return () => now.t;
      case "setting": {
        const [name, place, first] = parts;
        return () => (first !== null && now.fresh ? first : place === null ? now.settings[name] : now.settings[name][place]);
      }
      case "memory": return parts[1] ? (i) => now.kept[parts[0]][i] : () => now.kept[parts[0]][0];
      case "line": return parts[1] ? (i) => now.lines[parts[0]][i] : () => now.lines[parts[0]][0];
      default: {
        const f = OPERATORS[what];
        if (!f) throw new Error(`no rule has ${what}`);
        const [a, b, c] = parts.map((part) => this.#of(part));
        if (c) return (i) => f(a(i), b(i), c(i));
        return b ? (i) => f(a(i), b(i)) : (i) => f(a(i));
      }
    }
  }

  /**
   * Moves a parameter by one step.
   * @param {Numbers} w @param {Numbers} grad
   * @param {Record<string, any>} settings
   * @param {Remembered} remembered
   * @param {ArrayLike<number>} entries of which the numbers in the lines are wanted
   * @returns {{after: Numbers, remembered: Remembered, numbers: Map<string, number[]>}} `numbers` by the keys of the lines
   */
  step(w, grad, settings, { step, kept }, entries) {
    const { now, told } = this;
    const like = (/** @type {number} */ size) => (w instanceof Float64Array ? new Float64Array(size) : new Float32Array(size));
    Object.assign(now, { settings, w, grad, t: step + 1, kept: { ...kept }, lines: [] });
    now.fresh = told.counts ? step === 0 : told.memories.some(({ state, copies }) => copies && !kept[state]);
    told.memories.forEach(({ state, whole, copies }, number) => {
      if (kept[state]) return;
      now.kept[state] = like(whole ? w.length : 1);
      if (!copies) now.kept[state].fill(this.starts[number](0));
    });
    /** @type {Record<string, Numbers>} */
    const after = {};
    let moved = w;
    told.lines.forEach(({ symbol, whole, keep }, number) => {
      const memory = told.memories.findIndex(({ state }) => state === keep);
      const copies = memory >= 0 && told.memories[memory].copies && !kept[told.memories[memory].state];
      const f = copies ? this.starts[memory] : this.lines[number];
      // A number that is not remembered keeps all its digits.
      const made = whole ? like(w.length) : keep ? like(1) : new Float64Array(1);
      for (let i = 0; i < made.length; i += 1) made[i] = f(i);
      now.lines.push(made);
      if (keep) after[keep] = made;
      if (symbol === "w") moved = made;
    });
    const numbers = new Map(this.keys.map(([key, f]) => [key, Array.from(entries, (entry) => f(entry))]));
    return { after: moved, remembered: { step: step + 1, kept: { ...now.kept, ...after } }, numbers };
  }
}
