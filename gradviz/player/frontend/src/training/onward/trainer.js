// Trains a run on in the page: its steps as programs that the page's engine runs, its batches in their order, its optimiser's rule.

import { unpacked } from "../columns.js";
import { Rule } from "./rule.js";

/** @typedef {import("./rule.js").Numbers} Numbers */
/** @typedef {import("./rule.js").Remembered} Remembered */
/** @typedef {typeof import("../../engine/machine.js").Machine} MachineClass */
/**
 * All that a step begins with. `owner`: whose the memory is; a new optimiser begins without one.
 * @typedef {{numbers: Numbers[], remembered: Remembered[], gradients: (Numbers | null)[], owner: string}} State
 * What is another than in the recording.
 * @typedef {{choice: number | null, lr: number | null, momentum: number | null}} Change
 * @typedef {{before: Numbers, gradient: Numbers | null, after: Numbers, form: number, numbers: Map<string, number[]>}} Moved
 * @typedef {{index: number, loss: number, moved: Moved[]}} Step
 */

const STRAY = 1e-3; // how far, of a loss, a step that is computed again may be from the recorded one

const of = (/** @type {any} */ packed) => Array.from(unpacked(packed));

export class Trainer {
  #programs;
  #rules;
  #recorded; // the columns of the examples
  #places;
  /** @type {Map<number, number>} which plan a step has, by its index */
  #counts;
  /** @type {number[]} */
  #kept;

  /**
   * @param {MachineClass} Machine
   * @param {any} told as gradviz/player/training/onward.py writes it
   * @param {{size: number, entries: [number, string][]}[]} parameters
   */
  constructor(Machine, told, parameters) {
    this.told = told;
    this.parameters = parameters;
    this.#kept = of(told.kept);
    this.total = this.#kept[this.#kept.length - 1] + 1;
    this.#programs = told.programs.map((/** @type {any} */ one) => ({ ...one, machine: new Machine(one.program) }));
    this.predictor = told.predicts ? { ...told.predicts, machine: new Machine(told.predicts.program) } : null;
    this.#rules = told.forms.map((/** @type {any} */ form) => new Rule(form.rule));
    this.#recorded = told.columns.map((/** @type {any} */ packed) => ({ width: packed.shape.slice(1).reduce((/** @type {number} */ all, /** @type {number} */ one) => all * one, 1), numbers: Float64Array.from(unpacked(packed)) }));
    /** The data of the examples, which can be changed. @type {{width: number, numbers: Float64Array}[]} */
    this.columns = this.#recorded.map((/** @type {any} */ column) => ({ ...column, numbers: column.numbers.slice() }));
    this.edited = false;
    const rows = of(told.batches.rows);
    let start = 0;
    /** @type {number[][]} */
    this.batches = of(told.batches.counts).map((count) => rows.slice(start, (start += count)));
    /** Which example each point of the fit is. */
    this.points = told.points ? of(told.points) : [];
    this.arrays = told.arrays.map((/** @type {any} */ packed) => unpacked(packed));
    this.#places = { program: of(told.program), batch: of(told.batch), brought: told.brought.map(of), rule: unpacked(told.rule), adds: unpacked(told.adds) };
    this.#counts = new Map(this.#kept.map((index, place) => [index, place]));
    this.#moments = this.#states(told.states);
  }

  /** @type {{index: number, state: State}[]} */
  #moments;

  /** What is known of the recorded run's moments. @param {any} states @returns {{index: number, state: State}[]} */
  #states({ numbers, types, memories, remembered, there }) {
    const [all, kept] = [unpacked(numbers), unpacked(remembered)];
    const sizes = this.parameters.map(({ size }) => size);
    const width = sizes.reduce((sum, size) => sum + size, 0);
    const wide = memories.reduce((/** @type {number} */ sum, /** @type {any[]} */ [, , size]) => sum + size, 0);
    const like = (/** @type {number} */ number, /** @type {ArrayLike<number>} */ given) => (types[number] === "float64" ? Float64Array.from(given) : Float32Array.from(given));
    return this.told.moments.map((/** @type {number} */ index, /** @type {number} */ row) => {
      let at = row * width;
      /** @type {State} */
      const state = { numbers: sizes.map((size, number) => like(number, all.slice(at, (at += size)))), remembered: sizes.map(() => ({ step: 0, kept: {} })), gradients: sizes.map(() => null), owner: "recorded" };
      let place = row * wide;
      memories.forEach((/** @type {[number, string, number]} */ [number, name, size], /** @type {number} */ which) => {
        const found = kept.slice(place, (place += size));
        if (!there[row][which]) return;
        if (name === "step") state.remembered[number].step = found[0];
        else state.remembered[number].kept[name] = like(number, found);
      });
      return { index, state };
    });
  }

  /** Where in the plan a step stands: the recorded steps are repeated from the first when they have ended. @param {number} index */
  place(index) {
    const wanted = index % this.total;
    const known = this.#counts.get(wanted);
    if (known !== undefined) return known;
    return this.#kept.findLastIndex((kept) => kept <= wanted); // of a run that is thinned, whose steps all have the same data
  }

  /**
   * The state before a recorded step: that of the nearest moment before it, and the steps since then done again.
   * @param {number} index
   * @param {(index: number) => number} lossOf the recorded loss of a step
   */
  before(index, lossOf) {
    const moment = this.#moments.findLast((one) => one.index <= index) ?? this.#moments[0];
    let { state } = moment;
    for (let at = moment.index; at < index; at += 1) {
      const made = this.step(state, at, { choice: null, lr: null, momentum: null }, true);
      if (!this.agrees(made.step.loss, lossOf(at))) throw new Error("stray");
      state = made.state;
    }
    return state;
  }

  /** Whether a loss is the recorded one, but for rounding. @param {number} loss @param {number} recorded */
  agrees(loss, recorded) {
    return !Number.isFinite(recorded) || Math.abs(loss - recorded) <= STRAY * Math.max(Math.abs(recorded), 1e-6);
  }

  /** Sets one number of an example. @param {number} column @param {number} example @param {number} offset @param {number} number */
  set(column, example, offset, number) {
    const { width, numbers } = this.columns[column];
    numbers[example * width + offset] = number;
    this.edited = this.columns.some((one, place) => one.numbers.some((value, i) => !Object.is(value, this.#recorded[place].numbers[i])));
  }

  /** One number of an example, now or as it was recorded. @param {number} column @param {number} example @param {number} offset @param {boolean} [recorded] */
  get(column, example, offset, recorded = false) {
    const { width, numbers } = (recorded ? this.#recorded : this.columns)[column];
    return numbers[example * width + offset];
  }

  /** All data as they were recorded. */
  reset() {
    this.columns.forEach((column, place) => column.numbers.set(this.#recorded[place].numbers));
    this.edited = false;
  }

  /** Puts the data of a step into its program. @param {any} program @param {number} place @param {boolean} recorded */
  #bring(program, place, recorded) {
    const { machine, data } = program;
    const columns = recorded ? this.#recorded : this.columns;
    const rows = this.batches[this.#places.batch[place]] ?? [];
    let own = 0;
    for (const { slots, rows: column } of data) {
      /** @type {ArrayLike<number>} */
      let given;
      if (column === null) given = this.arrays[this.#places.brought[own++][place]];
      else {
        const { width, numbers } = columns[column];
        const made = new Float64Array(rows.length * width);
        rows.forEach((row, i) => made.set(numbers.subarray(row * width, (row + 1) * width), i * width));
        given = made;
      }
      for (const slot of slots) machine.put(slot, given);
    }
  }

  /**
   * Does a step: forward, back, and what the optimiser makes of the gradients.
   * @param {State} state
   * @param {number} index of the step
   * @param {Change} change
   * @param {boolean} [recorded] with the data as they were recorded
   * @returns {{step: Step, state: State}}
   */
  step(state, index, change, recorded = false) {
    const place = this.place(index);
    const program = this.#programs[this.#places.program[place]];
    const { machine } = program;
    this.#bring(program, place, recorded);
    for (const [number, slot] of program.parameters) machine.put(slot, state.numbers[number]);
    machine.run();
    const gradients = new Map(program.gradients);
    const count = this.parameters.length;
    const owner = change.choice === null ? "recorded" : String(change.choice);
    const mine = owner === state.owner;
    /** @type {State} */
    const next = { numbers: [], remembered: [], gradients: [], owner };
    /** @type {Moved[]} */
    const moved = [];
    for (let number = 0; number < count; number += 1) {
      const before = state.numbers[number];
      const slot = gradients.get(number);
      const had = state.gradients[number];
      /** @type {Numbers | null} */
      let gradient = null;
      if (slot !== undefined) {
        gradient = /** @type {Numbers} */ (before.slice());
        gradient.set(machine.at(slot).data);
        if (had && this.#places.adds[place * count + number]) gradient.forEach((one, i) => (/** @type {Numbers} */ (gradient)[i] = one + had[i]));
      }
      const rule = this.#ruleOf(place, number, change);
      const remembered = mine ? state.remembered[number] : { step: 0, kept: {} };
      if (!rule || !gradient) {
        moved.push({ before, gradient, after: before, form: -1, numbers: new Map() });
        next.numbers.push(before);
        next.remembered.push(remembered);
      } else {
        const entries = this.parameters[number].entries.map(([entry]) => entry);
        const made = this.#rules[rule.form].step(before, gradient, rule.settings, remembered, entries);
        moved.push({ before, gradient, after: made.after, form: rule.form, numbers: made.numbers });
        next.numbers.push(made.after);
        next.remembered.push(made.remembered);
      }
      next.gradients.push(gradient ?? had);
    }
    return { step: { index, loss: machine.output, moved }, state: next };
  }

  /** The rule of a parameter in a step, with what has been changed of it. @param {number} place @param {number} number @param {Change} change */
  #ruleOf(place, number, { choice, lr, momentum }) {
    const { rule } = this.#places;
    const which = rule[place * this.parameters.length + number];
    if (which < 0) return null;
    const { settings, form } = choice === null ? this.told.rules[which] : this.told.choices[choice];
    const made = { ...settings };
    const rate = "lr" in made ? "lr" : "rate";
    if (lr !== null) {
      // Where parameters have different rates, they keep their proportions.
      const first = choice === null ? this.#rateOf(place) : made[rate];
      made[rate] = made[rate] === first ? lr : (made[rate] / first) * lr;
    }
    if (momentum !== null && made.momentum) made.momentum = momentum;
    return { settings: made, form };
  }

  /** The first rate in a step. @param {number} place */
  #rateOf(place) {
    const count = this.parameters.length;
    const row = Array.from(this.#places.rule.slice(place * count, (place + 1) * count));
    const settings = this.told.rules[row.find((which) => which >= 0) ?? 0].settings;
    return settings.lr ?? settings.rate;
  }

  /** The rate with which a step was recorded. @param {number} index */
  rate(index) {
    return this.#rateOf(this.place(index));
  }

  /** What the model makes of the fit's grid, if the page has a program for it. @param {Numbers[]} numbers of the parameters */
  predicted(numbers) {
    if (!this.predictor) return undefined;
    const { machine, parameters, kind } = this.predictor;
    for (const [number, slot] of parameters) machine.put(slot, numbers[number]);
    machine.run();
    const { shape, data } = machine.at(machine.program.output);
    const across = kind === "classes" ? shape.at(-1) : 1;
    const squash = (/** @type {number} */ z) => 1 / (1 + Math.exp(-z));
    return Float64Array.from({ length: data.length / across }, (_, point) => {
      if (kind === "number" || kind === "probability") return data[point];
      if (kind === "logit") return squash(data[point]);
      const row = data.subarray(point * across, (point + 1) * across);
      if (across === 2) return squash(row[1] - row[0]);
      return row.reduce((/** @type {number} */ best, /** @type {number} */ value, /** @type {number} */ one) => (value > row[best] ? one : best), 0);
    });
  }
}
