// Training on in the page: from the step that is shown, with what the reader has changed. What is computed takes the place of the
// recording from there on, so that every part of the page shows it; and one key brings the recording back.

import { numberText } from "../../number.js";
import { phrase } from "../../words.js";
import { makeBar } from "./bar.js";
import { Branch } from "./branch.js";
import { Trainer } from "./trainer.js";

/** @typedef {import("../data.js").RunData} RunData */
/** @typedef {import("./trainer.js").State} State */
/** @typedef {import("./trainer.js").Change} Change */

const MOST_STEPS = 20_000; // of one's own
const PAUSE_MS = 120; // after what is changed last, its first step is computed
const STATES = 8_000_000; // so many numbers may all states have that are kept to go back to

/** Numbers from 0 to 1, the same ones each time. @param {number} seed */
function drawn(seed) {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/**
 * @param {RunData} run
 * @param {import("./bar.js").Told} told
 * @param {{
 *   load(): Promise<{engine: typeof import("../../engine.js"), told: any}>, at(): number, chosen(): [number, number], playing(): boolean,
 *   show(k: number): void, play(): void, pause(): void, say(text: string): void,
 * }} on `chosen`: which entry of which parameter; `show`: all of the page is to be drawn anew, at a step
 */
export function makeOnward(run, told, on) {
  /** @type {Trainer | null} */
  let trainer = null;
  /** @type {Branch | null} */
  let branch = null;
  /** What each of the branch's steps begins with. @type {Map<number, State>} */
  let states = new Map();
  /** @type {Change} */
  let change = { choice: null, lr: null, momentum: null };
  let draws = 0;
  /** @type {Promise<Trainer> | undefined} */
  let loading;
  let failed = false;
  const bar = makeBar(told, { change: changed, toggle, back, start: (number) => setStart([[...on.chosen(), number]]), shuffle });

  function load() {
    loading ??= on.load().then(({ engine, told: all }) => {
      trainer = new Trainer(engine.Machine, all, run.parameters.map(({ size, entries }) => ({ size, entries })));
      return trainer;
    });
    return loading;
  }

  /** Does something on a branch: of what is shown, or of the step given. @param {(branch: Branch, trainer: Trainer, k: number) => void} act @param {number} [from] */
  async function onBranch(act, from) {
    if (failed) return;
    try {
      const made = await load();
      const k = Math.min(from ?? on.at(), run.length - 1);
      if (!branch) {
        const state = made.before(run.index(k), (index) => run.losses.at(index));
        branch = new Branch(run, k, made.told.forms);
        states = new Map([[k, state]]);
      }
      act(branch, made, Math.max(k, branch.k));
    } catch (error) {
      failed = true;
      bar.say(/** @type {Error} */ (error).message === "stray" ? phrase("training onward: stray") : phrase("training onward: failed", { error }));
    }
  }

  /** Computes the row of a step anew, and takes away those after it. @param {number} k */
  function redo(k) {
    if (!branch || !trainer) return;
    const start = k > run.length ? run.length : k;
    branch.cut(start);
    while (!states.has(k) && k > branch.k) k -= 1; // it was not kept
    const state = /** @type {State} */ (states.get(k));
    branch.cut(k);
    for (const later of states.keys()) if (later > k) states.delete(later);
    const index = k === branch.k ? branch.index : run.index(k - 1) + 1;
    const made = trainer.step(state, index, change);
    branch.push(made.step, epochOf(index), index % trainer.total, trainer.edited);
    states.set(k + 1, made.state);
    thin();
  }

  /** Forgets states in the middle, where they take too much room. */
  function thin() {
    const each = run.parameters.reduce((sum, { size }) => sum + 3 * size, 1);
    if (states.size * each < STATES || !branch) return;
    [...states.keys()].forEach((k, place, all) => {
      if (place % 2 && place < all.length - 2) states.delete(k);
    });
  }

  /** @param {number} index */
  function epochOf(index) {
    const { epochs } = /** @type {Branch} */ (branch).recorded;
    const total = /** @type {Trainer} */ (trainer).total;
    return epochs.at(index % total) + Math.floor(index / total) * (epochs.at(total - 1) + 1);
  }

  /** @param {Partial<Change>} what */
  function changed(what) {
    const rate = change.lr ?? rateAt(on.at());
    const [before, now] = [change.choice, what.choice ?? null].map((choice) => (choice === null ? null : told.choices[choice].lr));
    change = { ...change, ...what };
    // What stands in the field counts, but for optimisers that take steps of another size with it.
    if (what.choice !== undefined) change.lr = now ?? (before !== null || (what.choice === null && change.lr === null) ? null : rate);
    if (branch) onBranch((_, __, k) => again(k));
    else load().then(show, () => {});
    show();
  }

  let [previewed, preview] = ["", ""]; // of what, and what is said of it
  let waiting = 0;
  /** What the first step would do with what has been changed, before it is done. */
  function firstStep() {
    if (branch || failed || !trainer || on.playing() || Object.values(change).every((one) => one === null)) return "";
    const wanted = JSON.stringify([on.at(), on.chosen(), change]);
    if (wanted === previewed) return preview;
    clearTimeout(waiting);
    waiting = window.setTimeout(() => {
      [previewed, preview] = [wanted, tryStep()];
      show();
    }, PAUSE_MS);
    return "";
  }
  function tryStep() {
    const [k, [number, entry]] = [on.at(), on.chosen()];
    const { name, entries, after } = run.parameters[number];
    if (!trainer || !entries.length) return "";
    const [place, index] = entries[entry];
    const state = trainer.before(run.index(k), (step) => run.losses.at(step));
    const moved = trainer.step(state, run.index(k), change).step.moved[number];
    const [from, to, recorded] = [moved.before[place], moved.after[place], after.at(k, entry)].map((one) => numberText(one, 4, "float32"));
    return phrase("training onward: first step", { name: name + index, from, to, recorded });
  }

  /** @param {number} k */
  function again(k) {
    redo(k);
    on.show(Math.min(k, run.length - 1));
  }

  function toggle() {
    if (branch && on.playing()) return on.pause();
    onBranch((_, __, k) => {
      if (run.length - 1 > k || run.length <= k) redo(k); // from here
      on.show(run.length - 1);
      on.play();
    });
  }

  /** Sets entries of parameters at the step that is shown. @param {[number, number, number][]} values by parameter and its entries that are shown */
  function setStart(values, from = on.at()) {
    return onBranch((_, __, k) => {
      const state = states.get(k);
      if (!state) return;
      const numbers = state.numbers.map((one) => /** @type {any} */ (one.slice()));
      for (const [parameter, entry, number] of values) numbers[parameter][run.parameters[parameter].entries[entry][0]] = number;
      states.set(k, { ...state, numbers });
      again(k);
    }, from);
  }

  /** Begins anew: each parameter has its first numbers in another order, with other signs. */
  function shuffle() {
    on.pause();
    if (branch && branch.k > 0) leave();
    onBranch(() => {
      const random = drawn((draws += 1));
      const state = /** @type {State} */ (states.get(0));
      const numbers = state.numbers.map((one) => {
        const made = /** @type {any} */ (one.slice());
        for (let i = made.length - 1; i > 0; i -= 1) {
          const other = Math.floor(random() * (i + 1));
          [made[i], made[other]] = [made[other], made[i]];
        }
        return made.map((/** @type {number} */ number) => (random() < 0.5 ? -number : number) || (made.length === 1 ? random() * 2 - 1 : 0));
      });
      states.set(0, { ...state, numbers });
      again(0);
    }, 0);
  }

  /** Puts the recording back in its place. */
  function leave() {
    branch?.restore();
    branch = null;
    states.clear();
    trainer?.reset();
  }
  function back() {
    if (!branch) return;
    on.pause();
    const { k } = branch;
    leave();
    change = { choice: null, lr: null, momentum: null };
    on.say(phrase("training onward: is back"));
    bar.say("");
    on.show(k);
  }

  /** The rate of a step as it was recorded, as far as that is known. @param {number} k */
  function rateAt(k) {
    return trainer && k < run.length ? trainer.rate(run.index(k)) : told.recorded.lr;
  }

  function show() {
    if (told.missing) return;
    const k = on.at();
    const [parameter, entry] = on.chosen();
    const held = run.parameters[parameter];
    const there = held?.entries[entry];
    const own = branch ? run.length - 1 - branch.k : 0;
    bar.show({
      name: run.name(Math.min(k, run.length - 1)),
      change,
      rate: rateAt(k),
      start: there ? { name: held.name + there[1], number: held.before.at(k, entry) } : null,
      active: branch !== null,
      training: branch !== null && on.playing(),
      more: !branch || own < MOST_STEPS,
      text: branch ? phrase("training onward: own", { own, unit: `${run.across}${own === 1 ? "" : "s"}`, name: `${run.across} ${run.across === "epoch" ? branch.recorded.epochs.at(branch.index) : branch.index}` }) : firstStep(),
    });
  }

  return {
    element: bar.element,
    show,
    /** Takes it all back. */
    back,
    /** Whether what is shown goes on beside the recording. */
    get branch() {
      return branch;
    },
    canRun: () => branch !== null && run.length - 1 - branch.k < MOST_STEPS,
    /** Does further steps. @param {number} count */
    advance(count) {
      if (!branch) return;
      for (let done = 0; done < count && run.length - branch.k < MOST_STEPS; done += 1) redo(run.length);
      if (!Number.isFinite(run.loss(run.length - 1))) {
        on.pause();
        on.say(phrase("training onward: lost", { name: run.name(run.length - 1) }));
      }
    },
    /** Whether the reader can change data and parameters. */
    able: !told.missing,
    /** What the model predicts for the fit's grid at a step of the branch, where the page has a program for it. @param {number} k */
    predicted(k) {
      const state = branch && k >= branch.k ? states.get(k) : undefined;
      return state && trainer?.predicted(state.numbers);
    },
    setStart,
    /**
     * Moves a point of the fit's data.
     * @param {number} point which of those that are drawn
     * @param {number[]} feature its one feature, or two
     * @param {number | null} target if that has changed too
     */
    movePoint(point, feature, target) {
      return onBranch((_, made, k) => {
        const { told: all, points } = made;
        const example = points[point];
        if (example === undefined) return;
        for (const [column, power] of all.inputs) feature.forEach((number, offset) => made.set(column, example, offset, number ** power));
        if (target !== null && all.target !== null) made.set(all.target, example, 0, target);
        again(k);
      });
    },
  };
}
