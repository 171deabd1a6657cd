// A run that goes on from one of its steps: the rows before it as they were recorded, those after it as they are computed here.

import { Rows } from "../columns.js";

/** @typedef {import("../data.js").RunData} RunData */
/** @typedef {import("../data.js").Parameter} Parameter */
/** @typedef {import("./trainer.js").Step} Step */

const KEPT = /** @type {const} */ (["losses", "lines", "epochs", "kept", "alike"]);

/** The length of a difference, or of some numbers. @param {ArrayLike<number>} a @param {ArrayLike<number>} [b] */
function distance(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] - (b ? b[i] : 0)) ** 2;
  return Math.sqrt(sum);
}

/** Mean, spread, least and largest of some numbers. @param {ArrayLike<number> | null} numbers */
function statistics(numbers) {
  if (!numbers) return [NaN, NaN, NaN, NaN];
  let [sum, squares, low, high] = [0, 0, Infinity, -Infinity];
  for (let i = 0; i < numbers.length; i += 1) {
    sum += numbers[i];
    squares += numbers[i] ** 2;
    if (numbers[i] < low) low = numbers[i];
    if (numbers[i] > high) high = numbers[i];
  }
  const mean = sum / numbers.length;
  return [mean, Math.sqrt(Math.max(0, squares / numbers.length - mean * mean)), low, high];
}

export class Branch {
  /** The recording, as it was. */
  recorded;

  /**
   * Takes the place of what a run holds; its parts of the page go on reading it.
   * @param {RunData} run
   * @param {number} k the kept step from which on it is another
   * @param {{name: string, lines: any[]}[]} forms the rules that may be at work
   */
  constructor(run, k, forms) {
    this.run = run;
    this.k = k;
    this.index = run.index(k);
    this.recorded = {
      losses: run.losses,
      lines: run.lines,
      epochs: run.epochs,
      kept: run.kept,
      alike: run.alike,
      length: run.length,
      parameters: run.parameters.map((parameter) => ({ ...parameter })),
    };
    this.#forms = forms;
    this.#known = run.parameters.map(({ forms: own }) => own.length);
    // Which of the losses a recorded step has.
    this.#names = [...run.lines].flatMap(([name, steps]) => steps.column(0).map((step) => /** @type {const} */ ([step, name])));
    this.#nameOf = new Map(this.#names);
    this.#alikeOf = new Map(run.kept.column(0).map((step, row) => [step, run.alike.at(row)]));
    this.cut(k);
  }

  #forms;
  #known;
  #names;
  #nameOf;
  /** Which steps have the same graph and data, by their indices. */
  #alikeOf;

  /** Takes the rows from one on away. @param {number} k */
  cut(k) {
    const { run } = this;
    const index = k < run.length ? run.index(k) : run.index(run.length - 1) + 1;
    run.losses = run.losses.cut(index);
    run.epochs = run.epochs.cut(index);
    run.kept = run.kept.cut(k);
    run.alike = run.alike.cut(k);
    run.lines = new Map([...run.lines].map(([name, steps]) => [name, steps.cut(steps.column(0).filter((step) => step < index).length)]));
    run.parameters.forEach((parameter, number) => {
      for (const name of /** @type {const} */ (["before", "after", "gradient", "gradientNorm", "updateNorm", "form"])) parameter[name] = parameter[name].cut(k);
      if (parameter.statistics) parameter.statistics = parameter.statistics.cut(k);
      parameter.preview = null;
      parameter.forms = [...parameter.forms.slice(0, this.#known[number]), ...this.#forms];
      const numbers = new Map(Array.from(parameter.numbers(), ([key, rows]) => [key, rows.cut(k)]));
      parameter.numbers = () => numbers;
    });
  }

  /** Adds a step. @param {Step} step @param {number} epoch @param {number} like the recorded step that it repeats @param {boolean} edited whether with other data */
  push({ index, loss, moved }, epoch, like, edited) {
    const { run } = this;
    run.losses.push([loss]);
    run.epochs.push([epoch]);
    run.kept.push([index]);
    run.alike.push([edited ? -1 : this.#alikeOf.get(like) ?? -1]);
    (run.lines.get(this.#nameOf.get(like) ?? "") ?? [...run.lines.values()][0])?.push([index]);
    run.parameters.forEach((parameter, number) => {
      const { before, gradient, after, form, numbers } = moved[number];
      const shown = (/** @type {ArrayLike<number> | null} */ all) => parameter.entries.map(([entry]) => (all ? all[entry] : NaN));
      parameter.before.push(shown(before));
      parameter.after.push(shown(after));
      parameter.gradient.push(shown(gradient));
      parameter.gradientNorm.push([gradient ? distance(gradient) : NaN]);
      parameter.updateNorm.push([distance(before, after)]);
      parameter.statistics?.push([...statistics(before), ...statistics(gradient)]);
      parameter.form.push([form < 0 ? -1 : this.#known[number] + form]);
      const empty = parameter.entries.map(() => NaN);
      const all = parameter.numbers();
      for (const key of numbers.keys()) if (!all.has(key)) all.set(key, filled(run.length - 1, empty));
      for (const [key, rows] of all) rows.push(numbers.get(key) ?? empty);
    });
  }

  /** Puts the recording back. */
  restore() {
    const { run, recorded } = this;
    for (const name of KEPT) /** @type {any} */ (run)[name] = recorded[name];
    run.parameters.forEach((parameter, number) => Object.assign(parameter, recorded.parameters[number]));
  }
}

/** @param {number} count @param {number[]} row */
function filled(count, row) {
  const rows = new Rows(row.length);
  for (let i = 0; i < count; i += 1) rows.push(row);
  return rows;
}
