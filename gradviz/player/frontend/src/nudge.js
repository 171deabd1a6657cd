// What a gradient means: if an entry rose by a little, the change that the gradient predicts, beside the true one.

import { button, html } from "./dom.js";
import { placeOf } from "./explain.js";
import { readableNumber } from "./facts.js";
import { math, subscript } from "./mathml.js";
import { numberText } from "./number.js";
import { placed, shortName } from "./workings.js";
import { phrase } from "./words.js";

/** @typedef {import("./explain.js").Entry} Entry */
/** @typedef {import("./facts.js").Facts} Facts */
/** @typedef {Record<string, {by: number[], before: number | string, results: (number | string)[][]}>} Nudges worked out beforehand: for each entry of a leaf the output, one for each nudge */

const STEPS = [-1, -0.1, -0.01, 0.01, 0.1, 1];
const USUAL = 0.1;

/** A change with its sign. @param {number} number */
const change = (number) => (number > 0 ? "+" : "") + numberText(number);

/**
 * How long the bars of two changes are, and where they begin, in percent: from a zero that both have.
 * @param {number} said
 * @param {number} true_
 */
export function barsOf(said, true_) {
  const [low, high] = [Math.min(0, said, true_), Math.max(0, said, true_)];
  const span = high - low || 1;
  const bar = (/** @type {number} */ number) => ({ left: ((Math.min(0, number) - low) / span) * 100, width: (Math.abs(number) / span) * 100 });
  return { said: bar(said), true_: bar(true_), zero: (Math.abs(low) / span) * 100 };
}

/** Says whether the two agree. @param {number} said @param {number} true_ */
export function verdict(said, true_) {
  const apart = Math.abs(true_ - said);
  if (apart <= 1e-4 * Math.max(Math.abs(said), Math.abs(true_))) return phrase("nudge: two agree");
  return phrase("nudge: apart way bends", { apart: numberText(apart, 2) });
}

/**
 * @param {Facts} facts
 * @param {Nudges} nudges
 * @param {(text: string) => void} say
 * @param {((tensor: string, index: number, by: number) => void) | undefined} ask asks the kernel, which answers with `told`
 * @param {{nudge(entry: Entry, by: number): {before: number, after: number, slope: number} | undefined}} grip runs the computation
 *   in the page, once that is loaded
 */
export function makeNudge(facts, nudges, say, ask, grip) {
  const head = html("span", { class: "gp-nudge-if" });
  const amount = html("b", { class: "gp-v" });
  const [less, more] = [button("−", () => turn(-1), { kind: "gp-small" }), button("+", () => turn(1), { kind: "gp-small" })];
  less.setAttribute("aria-label", phrase("nudge: nudge less"));
  more.setAttribute("aria-label", phrase("nudge: nudge more"));
  const outcome = html("span", { class: "gp-outcome gp-v" });
  const rows = [phrase("nudge: gradient says"), phrase("nudge: true change")].map((words, i) => {
    const [bar, number] = [html("i", { class: i ? "gp-bar-v" : "gp-bar-g" }), html("span", { class: i ? "gp-v" : "gp-g" })];
    return { row: html("div", { class: "gp-nudged" }, html("span", { class: "gp-muted" }, words), html("span", { class: "gp-beam", "aria-hidden": "true" }, bar), number), bar, number };
  });
  const [note, measured] = [html("p", { class: "gp-muted" }), html("p", { class: "gp-muted gp-measured" })];
  const element = html("section", { class: "gp-section gp-nudge", "aria-label": "Nudge" }, html("div", { class: "gp-nudge-head" }, head, amount, html("span", { class: "gp-turn" }, less, more), outcome), html("div", { class: "gp-nudge-bars" }, ...rows.map(({ row }) => row)), note, measured);
  /** @type {Entry | undefined} */
  let entry;
  let by = USUAL;
  let step = 0;
  /** @type {Map<string, {before: number, after: number} | string>} what the kernel has said, or why it cannot */
  const known = new Map();
  const keyOf = (/** @type {Entry} */ { tensor, index }) => `${tensor} ${index} ${by}`;
  const choices = () => (entry && Object.hasOwn(nudges, entry.tensor) ? nudges[entry.tensor].by : STEPS);

  /** @type {Entry | undefined} the one that was meant last */
  let last;
  /** Whether a leaf can be nudged. @param {string} id */
  const can = (id) => Object.hasOwn(nudges, id) || (ask !== undefined && facts.tensor(id)?.producer === undefined && Boolean(facts.tensor(id)?.requires_grad));

  /** The first entry of a leaf with a gradient that is not 0, if any is: one that does nothing shows nothing. @param {string} id */
  const firstMoving = (id) => Math.max(0, (facts.gradients.at(id, Infinity)?.value.data ?? []).findIndex((number) => Number(number) !== 0));

  /** @param {number} direction */
  function turn(direction) {
    const all = choices();
    by = all[Math.max(0, Math.min(all.length - 1, all.indexOf(by) + direction))];
    write();
    say(`${numberText(by)}: gradient says ${rows[0].number.textContent}, true change ${rows[1].number.textContent}. ${note.textContent}`);
  }

  /** The output before and after the nudge, if it is known; or why it is not. @param {Entry} given */
  function outputs(given) {
    const live = grip.nudge(given, by);
    if (live) return live;
    const { by: all, before, results } = Object.hasOwn(nudges, given.tensor) ? nudges[given.tensor] : { by: [], before: NaN, results: [] };
    const found = results[given.index]?.[all.indexOf(by)];
    return found === undefined ? known.get(keyOf(given)) : { before: readableNumber(before), after: readableNumber(found) };
  }

  function write() {
    const tensor = facts.tensor(entry?.tensor);
    element.hidden = !entry || !tensor;
    if (!entry || !tensor) {
      for (const part of [outcome, note, ...rows.map(({ number }) => number)]) part.textContent = "";
      return;
    }
    const all = choices();
    if (!all.includes(by)) by = all.includes(USUAL) ? USUAL : all[all.length - 1];
    const gradient = facts.gradients.at(entry.tensor, step);
    const slope = gradient?.complete ? Number(gradient.value.data?.[entry.index]) : undefined;
    // Nothing is told before it has been computed: the change is the end of the way forward, the slope of the way back.
    const isComing = tensor.requires_grad ? slope === undefined : !facts.values.at(facts.outputId, step);
    const found = isComing ? "" : outputs(entry);
    const { before = undefined, after: then = undefined } = typeof found === "object" ? found : {};
    if (found === undefined) ask?.(entry.tensor, entry.index, by);
    const place = placeOf(entry.index, tensor.shape);
    const name = shortName(tensor.name);
    const output = shortName(facts.output);
    head.replaceChildren("If ", math("math", subscript(name, place)), by < 0 ? " fell by" : " rose by");
    amount.textContent = numberText(Math.abs(by));
    [less.disabled, more.disabled] = [all.indexOf(by) === 0, all.indexOf(by) === all.length - 1];
    outcome.textContent = then === undefined || before === undefined ? "" : `${output}: ${numberText(before, 7)} → ${numberText(then, 7)}`;
    const said = slope === undefined ? undefined : slope * by;
    const live = isComing || !tensor.requires_grad ? undefined : grip.nudge(entry, by);
    const which = placed(name, place);
    measured.textContent = live && slope !== undefined ? phrase("nudge: measured", { slope: numberText(live.slope, 5), output, name: which }) : "";
    const true_ = then === undefined || before === undefined ? undefined : then - before;
    const { said: one, true_: other } = barsOf(said ?? 0, true_ ?? 0);
    for (const [{ bar }, { left, width }] of /** @type {const} */ ([[rows[0], one], [rows[1], other]])) Object.assign(bar.style, { left: `${left}%`, width: `${width}%`, minWidth: width ? "" : "0" });
    rows[0].number.textContent = !tensor.requires_grad ? phrase("nudge: nothing has none", { name }) : said === undefined || slope === undefined ? phrase("nudge: comes with last step") : `${numberText(slope)} × ${by < 0 ? `(${numberText(by)})` : numberText(by)} = ${change(said)}`;
    rows[1].number.textContent = true_ !== undefined ? change(true_) : isComing ? "" : "…";
    rows[1].row.hidden = isComing;
    note.textContent = typeof found === "string" ? found : said === undefined || true_ === undefined ? "" : verdict(said, true_);
  }

  return {
    element,
    /**
     * The entry of a leaf that is meant: the one the reader is at or has picked; or the first of a leaf that is near, or was meant before.
     * @param {Entry | undefined} picked
     * @param {string[]} near the ids of what was selected, and of what this step reaches
     */
    meant(picked, near) {
      const id = picked?.part === "c" ? facts.edge(picked.tensor)?.tensor.id : picked?.tensor;
      if (picked && id && can(id)) return (last = { tensor: id, part: "g", index: picked.index });
      const found = [...near, last?.tensor ?? "", ...Object.keys(nudges)].find((other) => can(other) && facts.tensor(other)?.requires_grad);
      if (found !== last?.tensor) last = found === undefined ? undefined : { tensor: found, part: "g", index: firstMoving(found) };
      return last;
    },
    /** @param {Entry | undefined} given @param {number} k */
    show(given, k) {
      [entry, step] = [given, k];
      write();
    },
    /** What the kernel has worked out. @param {{tensor: string, index: number, by: number, before?: any, after?: any, error?: string}} answer */
    told({ tensor, index, by: nudge, before, after, error }) {
      known.set(`${tensor} ${index} ${nudge}`, error ?? { before: readableNumber(before), after: readableNumber(after) });
      write();
    },
  };
}
