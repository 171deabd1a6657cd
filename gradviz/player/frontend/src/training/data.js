// A run, as the page has it: columns that grow while the run goes on.

import look from "../../../../drawing/charts/look.json" with { type: "json" };
import { Unplayable } from "../check.js";
import { Rows, unpacked } from "./columns.js";
import { repeated } from "./repeated.js";
import { phrase } from "../words.js";

/** @typedef {import("./columns.js").Packed} Packed */
/** @typedef {{symbol: string, key: string, tokens: [string, string][], sentence: string}} Line */
/** @typedef {{name: string, lines: Line[]}} Form */
/**
 * One parameter. `entries` are those shown one by one: their places and how Python indexes them. The `numbers` in its rules, by their
 * keys, are unpacked or computed when they are first looked at.
 * @typedef {{
 *   name: string, shape: number[], size: number, entries: [number, string][], whole: boolean,
 *   before: Rows, after: Rows, gradient: Rows, gradientNorm: Rows, updateNorm: Rows,
 *   statistics: Rows | null, preview: {rows: Rows, shape: number[]} | null,
 *   forms: Form[], form: Rows, numbers: () => Map<string, Rows>,
 * }} Parameter
 */

export const VERSION = 1;

export class RunData {
  title = "";
  losses = new Rows(1);
  /** @type {Map<string, Rows>} by the name of a loss, the steps that have it */
  lines = new Map();
  epochs = new Rows(1);
  kept = new Rows(1);
  /** By kept step the number of its program, if its parameters are all that it does not share with the first of these. */
  alike = new Rows(1);
  /** @type {string[]} */
  notes = [];
  finished = false;
  /** @type {import("./network.js").Told | null} */
  network = null;

  /** @param {any} payload */
  constructor(payload) {
    if (payload?.kind !== "training") throw new Unplayable(phrase("training data: not training run"));
    if (payload.version !== VERSION) {
      throw new Unplayable(
        phrase("training data: player reads runs version one", { VERSION, part: payload.version ?? "unknown" }),
      );
    }
    /** @type {string} */
    this.id = payload.id ?? "";
    /** @type {"epoch" | "step"} */
    this.across = payload.across;
    /** @type {string[] | null} */
    this.panels = payload.panels ?? null;
    /** @type {Parameter[]} */
    this.parameters = payload.parameters.map(() => ({}));
    this.take(payload);
  }

  /** Whether a payload is this same run, further on. @param {any} payload */
  isOf(payload) {
    const same = (/** @type {any} */ told, /** @type {number} */ i) => told.name === this.parameters[i].name && told.entries.length === this.parameters[i].entries.length;
    return payload?.id === this.id && this.id !== "" && payload.across === this.across && payload.parameters?.length === this.parameters.length && payload.parameters.every(same);
  }

  /** Takes over what a payload says. @param {any} payload */
  take(payload) {
    this.title = payload.title;
    this.losses = Rows.of(payload.losses);
    this.lines = new Map(Object.entries(payload.lines).map(([name, steps]) => [name, Rows.of(/** @type {any} */ (steps))]));
    this.epochs = Rows.of(payload.epochs);
    this.kept = Rows.of(payload.steps.kept);
    this.alike = Rows.of(payload.steps.alike);
    this.notes = payload.notes;
    this.finished = payload.finished;
    const { network } = payload;
    this.network = network ? { ...network, x: unpacked(network.x), y: unpacked(network.y) } : null;
    // The parts of the page hold the parameters: these stay, and what is in them changes.
    this.parameters.forEach((parameter, i) => Object.assign(parameter, parameterOf(payload.parameters[i], payload.steps.parameters[i], payload.steps.forms, this.length)));
  }

  /**
   * Takes over what has come since: steps in the place of those from one on, and the losses that follow those that are here.
   * @param {any} told
   * @returns {boolean} whether it goes on from what is here
   */
  more(told) {
    const { start, known, steps } = told;
    if (start > this.length || known > this.losses.length || steps.parameters.length !== this.parameters.length) return false;
    this.losses.put(known, Rows.of(told.losses));
    this.epochs.put(known, Rows.of(told.epochs));
    for (const [name, packed] of Object.entries(told.lines)) {
      const line = this.lines.get(name);
      if (!line) return false;
      let count = line.length;
      while (count > 0 && line.at(count - 1) >= known) count -= 1;
      line.put(count, Rows.of(packed));
    }
    const kept = Rows.of(steps.kept);
    this.kept.put(start, kept);
    this.alike.put(start, Rows.of(steps.alike));
    this.notes = told.notes;
    this.finished = told.finished;
    this.parameters.forEach((parameter, i) => goOn(parameter, start, parameterOf(parameter, steps.parameters[i], steps.forms, kept.length)));
    return true;
  }

  /** How many steps can be looked at. */
  get length() {
    return this.kept.length;
  }

  /** The index of a kept step among all steps. @param {number} k */
  index(k) {
    return this.kept.at(k);
  }

  /** The kept step nearest to a step of the run. @param {number} index */
  nearest(index) {
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.kept.at(middle) < index) low = middle + 1;
      else high = middle;
    }
    const before = Math.max(low - 1, 0);
    return Math.abs(this.kept.at(before) - index) < Math.abs(this.kept.at(low) - index) ? before : low;
  }

  /** @param {number} k */
  epoch(k) {
    return this.epochs.at(this.index(k));
  }

  /** @param {number} k */
  loss(k) {
    return this.losses.at(this.index(k));
  }

  /** Whether the loss of a step is not far above the first: a run that diverges goes on to 1e30. @param {number} k */
  calm(k) {
    const first = Math.abs(this.loss(0));
    return k === 0 || this.loss(k) <= look.aboveTheRest * (first > 0 ? first : Infinity);
  }

  /** How a step is called: "epoch 3", "epoch 3, step 120". @param {number} k */
  name(k) {
    const epoch = `epoch ${this.epoch(k)}`;
    return this.across === "step" ? `${epoch}, step ${this.index(k)}` : epoch;
  }
}

/** What makes something when it is first asked for. @template T @param {() => T} make @returns {() => T} */
function once(make) {
  /** @type {T | undefined} */
  let made;
  return () => (made ??= make());
}

/** @param {any} known @param {any} told @param {any[]} forms @param {number} count @returns {Parameter} */
function parameterOf(known, told, forms, count) {
  const width = known.entries.length;
  const rows = (/** @type {Packed | undefined} */ packed) => (packed ? Rows.of(packed) : new Rows(width));
  /** @type {Record<string, Rows>} */
  const columns = { before: rows(told.before), gradient: rows(told.gradient) };
  const form = told.form ? Rows.of(told.form) : new Rows(1);
  columns.after = told.after?.type === "next" ? columns.before.next(Rows.of(told.after.last)) : rows(told.after);
  const number = (/** @type {any} */ column) => (column.type === "same" ? columns[column.of] : Rows.filled(column, count, width));
  return {
    ...known,
    ...columns,
    gradientNorm: Rows.of(told.gradient_norm),
    updateNorm: Rows.of(told.update_norm),
    statistics: told.statistics ? Rows.of(told.statistics) : null,
    preview: told.preview ? { rows: Rows.of(told.preview), shape: told.preview.of } : null,
    forms: forms.map(({ name, lines }) => ({ name, lines })),
    form,
    numbers: once(() =>
      told.repeated
        ? repeated(told.repeated, forms, form, /** @type {{before: Rows, gradient: Rows}} */ (columns))
        : new Map(Object.entries(told.numbers ?? {}).map(([key, column]) => [key, number(column)])),
    ),
  };
}

/** Puts further steps of a parameter in the place of those from one on. @param {Parameter} parameter @param {number} start @param {Parameter} further */
function goOn(parameter, start, further) {
  const [numbers, more] = [parameter.numbers(), further.numbers()]; // of the steps that there are
  for (const name of /** @type {const} */ (["before", "after", "gradient", "gradientNorm", "updateNorm"])) parameter[name].put(start, further[name]);
  if (parameter.statistics && further.statistics) parameter.statistics.put(start, further.statistics);
  if (parameter.preview && further.preview) parameter.preview.rows.put(start, further.preview.rows);
  // A rule that is there already is told once.
  const form = further.form.column(0).map((number) => {
    const told = further.forms[number];
    if (!told) return number;
    const known = parameter.forms.findIndex((one) => JSON.stringify(one) === JSON.stringify(told));
    return known >= 0 ? known : parameter.forms.push(told) - 1;
  });
  parameter.form.put(start, new Rows(1, Int32Array.from(form)));
  for (const [key, rows] of more) {
    const known = numbers.get(key) ?? new Rows(rows.width, new Float32Array(start * rows.width).fill(NaN));
    numbers.set(key, known);
    known.put(start, rows);
  }
  for (const [key, rows] of numbers) {
    if (!more.has(key)) rows.put(start, new Rows(rows.width, new Float32Array(further.before.length * rows.width).fill(NaN)));
  }
}
