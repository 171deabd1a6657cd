// The numbers in the lines of a parameter's rules, computed from its gradients step by step: all but what is told follows from these.

import { Rows, unpacked } from "./columns.js";
import { Rule } from "./onward/rule.js";

/** @typedef {import("./columns.js").Packed} Packed */
/**
 * `setting`: in each step which of the `settings`. Before the steps `moments` what is remembered is told, and how many steps there were.
 * @typedef {{settings: Record<string, any>[], setting: Packed, moments: Packed, counts: Packed, memories: [string, Packed][]}} Repeated
 *   as gradviz.player.training.rules tells it
 */

/**
 * @param {Repeated} told
 * @param {{rule?: import("./onward/rule.js").Told}[]} forms
 * @param {Rows} form in each step which of them
 * @param {{before: Rows, gradient: Rows}} columns
 * @returns {Map<string, Rows>} by the keys of the lines
 */
export function repeated({ settings, setting, moments, counts, memories }, forms, form, { before, gradient }) {
  const { width, length } = before;
  const rules = forms.map(({ rule }) => rule && new Rule(rule));
  const [which, made] = [unpacked(setting), unpacked(counts)];
  const told = new Map(Array.from(unpacked(moments), (row, place) => [row, place]));
  const known = memories.map(([state, packed]) => /** @type {const} */ ([state, Rows.of(packed)]));
  const kept = (/** @type {number} */ place) => Object.fromEntries(known.map(([state, rows]) => [state, Float32Array.from(rows.row(place))]));
  const entries = Array.from({ length: width }, (_, entry) => entry);
  /** @type {Map<string, Float32Array>} */
  const found = new Map();
  /** @type {import("./onward/rule.js").Remembered} */
  let remembered = { step: 0, kept: {} };
  for (let row = 0; row < length; row += 1) {
    const rule = rules[form.at(row)];
    if (!rule) continue;
    const place = told.get(row);
    if (place !== undefined) remembered = { step: made[place], kept: kept(place) };
    const [w, grad] = [before, gradient].map((rows) => /** @type {Float32Array} */ (rows.row(row)));
    const step = rule.step(w, grad, settings[which[row]], remembered, entries);
    for (const [key, numbers] of step.numbers) {
      if (!found.has(key)) found.set(key, new Float32Array(length * width).fill(NaN));
      found.get(key)?.set(numbers, row * width);
    }
    remembered = step.remembered;
  }
  return new Map(Array.from(found, ([key, numbers]) => [key, new Rows(width, numbers)]));
}
