// A recording told anew, with other numbers: what its steps made known, what the picture shows, and what is said of it.

import { blockTexts } from "./blocks.js";
import { lineWith } from "./lines.js";
import { retold } from "./faces.js";
import { valueOf } from "./values.js";

/** @typedef {import("../machine.js").Machine} Machine */
/** @typedef {import("../../facts.js").Value} Value */
/** @typedef {import("../../facts.js").Gradient} Gradient */
/** @typedef {import("../../facts.js").Frame} Frame */
/** @typedef {import("../../state.js").Payload} Payload */
/** @typedef {import("../../state.js").Step} Step */
/** @typedef {number | number[] | null} Place the slot of a number in a program; several, where it is their sum; none */
/** @typedef {{values: Place[], contributions: Place[], locals: (number | null)[], gradients: Place[]}} Places of a step's numbers */
/** @typedef {{places: Places[], bars: Record<string, import("./bars.js").Bars>, blocks?: Record<string, import("./blocks.js").Block>}} Shown what belongs to one picture */

/** The sum of two values. @param {Value | undefined} one @param {Value} other @returns {Value} */
const added = (one, other) => (one?.data && other.data ? { ...other, digits: undefined, data: one.data.map((number, k) => Number(number) + Number(other.data?.[k])) } : other);

const FEW = 16; // of more numbers a picture has no text for each

/** @param {import("../array.js").Arr} arr @returns {Value} */
const asItIs = ({ shape, dtype, data }) => ({ shape, dtype, data: Array.from(data) });

/** What stands in the slots of a machine, each told once. @param {Machine} machine @param {(arr: import("../array.js").Arr) => Value} tell */
function valuesOf(machine, tell) {
  /** @type {Map<number, Value>} */
  const known = new Map();
  const one = (/** @type {number} */ slot) => {
    const value = known.get(slot) ?? tell(machine.at(slot));
    known.set(slot, value);
    return value;
  };
  return (/** @type {number | number[]} */ place) => (typeof place === "number" ? one(place) : place.map(one).reduce(added));
}

/** Lets the lines of a step wait until somebody reads them: of most steps nobody does. @param {Step} step @param {() => Step["equation"]} lines @returns {Step} */
function writtenWhenRead(step, lines) {
  /** @type {Step["equation"] | undefined} */
  let written;
  return Object.defineProperty(step, "equation", { enumerable: true, get: () => (written ??= lines()) });
}

export class Retelling {
  /** @type {Frame[]} */
  #frames;
  /** @type {Step[]} */
  #steps;
  #sums;

  /** @param {Payload} payload @param {import("../../facts.js").Facts} facts @param {Shown} shown */
  constructor(payload, facts, shown) {
    this.payload = payload;
    this.facts = facts;
    this.shown = shown;
    this.#frames = payload.facts.frames;
    this.#steps = [...payload.steps];
    this.#sums = payload.sums;
  }

  /** Puts everything back as it was recorded. */
  restore() {
    this.payload.steps.splice(0, this.#steps.length, ...this.#steps);
    this.payload.sums = this.#sums;
    this.#know(this.#frames);
  }

  /** @param {Frame[]} frames */
  #know(frames) {
    this.payload.facts.frames = frames;
    this.facts.know(frames);
  }

  /**
   * What the picture shows at the end, with the numbers of a machine; nothing else is told.
   * @param {Machine} machine
   * @param {import("../../state.js").Face} face what it showed there at first
   * @param {Record<string, number>} [updates] by tensor, how far a step of a training has moved it
   */
  end(machine, face, updates = {}) {
    const { moment, frames } = this.#moment(machine, valuesOf(machine, (arr) => (arr.data.length > FEW ? asItIs(arr) : valueOf(arr))));
    for (const { values, contributions, gradients } of frames) {
      values.forEach(([id, one]) => moment.values.set(id, one));
      contributions.forEach(({ argument, value }) => moment.contributions.set(argument, value));
      gradients.forEach((gradient) => moment.gradients.set(gradient.tensor, gradient));
    }
    return retold(face, moment, this.payload, this.facts, this.shown.bars, this.#blocks(machine, updates));
  }

  /** What the cards of blocks show, each worked out once. @param {Machine} machine @param {Record<string, number>} updates */
  #blocks(machine, updates) {
    /** @type {Map<string, Record<string, string | null>>} */
    const known = new Map();
    return (/** @type {string} */ id) => {
      const block = this.shown.blocks?.[id];
      if (block && !known.has(id)) known.set(id, blockTexts(block, (slot) => machine.at(slot).data, updates));
      return known.get(id);
    };
  }

  /** The frames with a machine's numbers; and a moment of which nothing is known but the local derivatives. @param {Machine} machine @param {(place: number | number[]) => Value} value */
  #moment(machine, value) {
    const frames = this.#frames.map((frame, k) => this.#frame(frame, this.shown.places[k], value));
    /** @type {import("./faces.js").Moment} */
    const moment = { values: new Map(), gradients: new Map(), contributions: new Map(), locals: new Map() };
    // An edge tells its local derivative from the step forward on.
    frames.forEach(({ contributions }, k) =>
      contributions.forEach(({ argument, local }, place) => {
        const slot = this.shown.places[k].locals[place];
        if (slot !== null && machine.at(slot).data.length === 1) moment.locals.set(argument, Number(value(slot).data?.[0]));
        else if (local?.data?.length === 1) moment.locals.set(argument, Number(local.data[0]));
      }),
    );
    return { moment, frames };
  }

  /** Tells everything with the numbers of a machine. @param {Machine} machine @param {Record<string, number>} [updates] as for `end` */
  tell(machine, updates = {}) {
    const blocks = this.#blocks(machine, updates);
    const value = valuesOf(machine, valueOf);
    const { moment, frames } = this.#moment(machine, value);
    this.#know(frames);
    /** @type {Record<string, Record<string, any>>} */
    const sums = {};
    const { payload, facts } = this;
    frames.forEach((frame, k) => {
      const places = this.shown.places[k];
      frame.values.forEach(([id, one]) => moment.values.set(id, one));
      /** @type {Map<string, Value>} what a tensor's gradient was before a contribution came */
      const before = new Map();
      frame.contributions.forEach(({ argument, value: sent }) => {
        const target = facts.edge(argument)?.tensor.id ?? "";
        const so_far = moment.gradients.get(target)?.value;
        if (so_far) before.set(argument, so_far);
        moment.contributions.set(argument, sent);
        moment.gradients.set(target, { tensor: target, value: added(so_far, sent), complete: false });
        const partial = this.#sums[k]?.[argument];
        if (partial) (sums[k] ??= {})[argument] = retold(partial, moment, payload, facts, {});
      });
      frame.gradients.forEach((gradient) => moment.gradients.set(gradient.tensor, gradient));
      const step = this.#steps[k];
      const then = { ...moment, values: new Map(moment.values), gradients: new Map(moment.gradients) };
      const lines = () => step.equation.map((line) => lineWith(line, (part, of, place) => this.#numbers(part, of, place, then, frame, before, places, value)));
      payload.steps[k] = writtenWhenRead({ ...step, ...retold(step, moment, payload, facts, this.shown.bars, blocks) }, lines);
    });
    payload.sums = sums;
  }

  /** @param {Frame} frame @param {Places} places @param {(place: number | number[]) => Value} value @returns {Frame} */
  #frame(frame, places, value) {
    const at = (/** @type {Place} */ slot, /** @type {Value} */ was) => (slot === null ? was : { ...value(slot), shape: was.shape });
    return {
      values: frame.values.map(([id, was], k) => [id, at(places.values[k], was)]),
      contributions: frame.contributions.map((sent, k) => {
        const slot = places.locals[k];
        return { ...sent, value: at(places.contributions[k], sent.value), ...(sent.local && slot !== null ? { local: at(slot, sent.local) } : {}) };
      }),
      gradients: frame.gradients.map((gradient, k) => ({ ...gradient, value: at(places.gradients[k], gradient.value) })),
    };
  }

  /**
   * The numbers of a part of a line.
   * @param {import("../../equation.js").Part} part
   * @param {import("../../equation.js").Line} line
   * @param {number} place
   * @param {import("./faces.js").Moment} moment
   * @param {Frame} frame
   * @param {Map<string, Value>} before
   * @param {Places} places
   * @param {(place: number | number[]) => Value} value
   * @returns {Value | undefined}
   */
  #numbers({ tensor = "", role }, line, place, moment, frame, before, places, value) {
    const sent = frame.contributions.findIndex(({ argument }) => argument === tensor);
    if (role === "value") return moment.values.get(tensor);
    if (role === "contribution") return frame.contributions[sent]?.value;
    if (role === "local") return frame.contributions[sent]?.local ?? (places.locals[sent] ? value(/** @type {number} */ (places.locals[sent])) : undefined);
    if (line.kind !== "sum") return moment.gradients.get(tensor)?.value;
    // A sum has what had arrived, what came, and both together; what is not a sum's last part is none of its total.
    const whole = frame.gradients.find((gradient) => gradient.tensor === tensor);
    if (line.argument) {
      const earlier = before.get(line.argument);
      if (place === 0) return earlier;
      const came = frame.contributions.find(({ argument }) => argument === line.argument)?.value;
      return came && added(earlier, came);
    }
    if (place === 0) return whole?.before;
    if (place === 2 || !whole?.before?.data) return whole?.value;
    const held = whole.before.data.map(Number);
    return { ...whole.value, data: whole.value.data && whole.value.data.map((number, k) => Number(number) - held[k]) };
  }
}
