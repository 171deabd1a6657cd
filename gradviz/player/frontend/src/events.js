// What happens inside one backward step, one event at a time, cut from the step: a gradient arrives, is multiplied with a local
// derivative for each argument, perhaps summed along what was broadcast, and added to what has come before. Pure functions, no DOM.

import { entries, readable } from "./facts.js";
import { numberText } from "./number.js";
import { PARTS } from "./state.js";
import { phrase } from "./words.js";

/** @typedef {import("./facts.js").Argument} Argument */
/** @typedef {import("./facts.js").Gradient} Gradient */
/** @typedef {import("./equation.js").Line} Line */
/** @typedef {import("./equation.js").Part} Part */
/** @typedef {import("./facts.js").Operation} Operation */
/** @typedef {import("./facts.js").Value} Value */
/** @typedef {import("./state.js").Event} Event */
/** @typedef {import("./state.js").Face} Face */
/** @typedef {import("./state.js").Step} Step */

/**
 * The events inside each step; a step forward, or one that sends no gradient on, has none.
 * @param {Pick<import("./state.js").Payload, "steps" | "facts" | "sums" | "brackets">} payload
 * @returns {Event[][]}
 */
export function eventsOf({ steps, facts, sums, brackets }) {
  const operations = new Map(facts.operations.map((operation) => [operation.id, operation]));
  const tensors = new Map(facts.tensors.map((tensor) => [tensor.id, tensor]));
  const grouped = new Set(brackets);
  const inputs = new Map(facts.operations.flatMap((operation) => operation.inputs.map((argument) => [argument.id, argument])));
  const targetOf = (/** @type {string} */ argument) => inputs.get(argument)?.tensor ?? "";
  const name = (/** @type {string} */ id) => tensors.get(id)?.name ?? id;
  const below = (/** @type {string} */ id) => (grouped.has(id) ? `(${name(id)})` : name(id));

  /** @type {Map<string, number>} how many contributions are still to reach a tensor */
  const left = new Map();
  for (const { argument } of facts.frames.flatMap(({ contributions }) => contributions)) {
    left.set(targetOf(argument), (left.get(targetOf(argument)) ?? 0) + 1);
  }
  const seed = facts.frames[steps.findIndex(({ phase }) => phase === "backward")]?.gradients[0];
  const output = seed?.value.data?.every((number) => Number(number) === 1) ? below(seed.tensor) : "L";
  /** @type {Map<string, Value>} the gradients so far */
  const arrived = new Map();

  /** @param {Operation} operation @param {Step} step @param {number} k @returns {Event[]} */
  function inside(operation, step, k) {
    const { contributions, gradients } = facts.frames[k];
    const results = operation.outputs.filter((id) => arrived.has(id));
    const result = results[0] ?? operation.outputs[0];
    const above = `∂${output}/∂${below(result)}`;
    const upstream = arrived.get(result);
    const edges = results.map((id) => `${operation.id}_${id}`);
    const lines = [...step.equation];
    /** @type {Event[]} */
    const events = [];
    const add = (/** @type {Omit<Event, "touched">} */ event) => events.push({ ...event, touched: [] });
    add({
      kind: "upstream",
      title: phrase("events: upstream gradient"),
      sentence: phrase("events: gradient has arrived", { result: name(result) }),
      equation: upstream ? [gradientLine(above, upstream, result)] : [],
      current: [...results, ...edges],
      ...cut(step, (key) => key === operation.id || operation.outputs.some((id) => key === `${operation.id}_${id}`)),
    });
    contributions.forEach((contribution, place) => {
      const argument = /** @type {Argument} */ (inputs.get(contribution.argument));
      const target = argument.tensor;
      const line = lines[0]?.argument === argument.id && lines[0].kind === "contribution" ? lines.shift() : undefined;
      const more = [];
      while (lines.length && lines[0].kind !== "contribution") more.push(/** @type {Line} */ (lines.shift()));
      const way = wayOf(line);
      add({
        kind: "local",
        title: phrase("events: local derivative"),
        sentence: SENTENCES[way].local(name(target), name(result)),
        equation: localLines(argument, way, `∂${below(result)}/∂${below(target)}`, line, contribution.local, below),
        current: [argument.id],
        // A loss's bars of prediction minus target are the local derivative.
        ...(place ? {} : cut(step, (key) => key.startsWith(`${operation.id}_`) && BARS.test(key.slice(operation.id.length + 1)))),
      });
      add({
        kind: "product",
        title: "Contribution",
        sentence: SENTENCES[way].product(name(target), name(result)),
        equation: line ? [contribution.summed_axes?.length ? unsummed(line) : line] : [],
        current: [argument.id],
        ...cut(step, (key) => key === argument.id || key === `${argument.id}_l`),
      });
      const axes = contribution.summed_axes ?? [];
      if (axes.length) {
        const { shape } = contribution.value;
        const over = /Σ (rows|columns|ax[ei]s [\d, ]*\d) \(/u.exec(line?.text ?? "")?.[1] ?? "all entries";
        add({
          kind: "summed",
          title: phrase("events: summed where was broadcast"),
          sentence:
            phrase("events: was stretched shape so each", { target: name(target), result: name(result), over: `${/^[rc]/.test(over) ? "the " : ""}${over}` }),
          equation: line ? [line] : [{ text: `→ ${shape.length ? shape.join("×") : phrase("events: one number")}`, kind: "note" }],
          current: [argument.id, target],
        });
      }
      left.set(target, (left.get(target) ?? 0) - 1);
      const final = /** @type {Gradient} */ (gradients.find(({ tensor }) => tensor === target));
      const again = contributions.slice(place + 1).some((other) => targetOf(other.argument) === target);
      const others = arrived.has(target);
      const before = arrived.get(target) ?? final.before;
      // While the same tensor comes in a later slot too, the step's own sum is not there yet.
      const value = !again ? final.value : before ? sum(before, contribution.value) : contribution.value;
      arrived.set(target, value);
      const where = tensors.get(target)?.producer === undefined ? `${name(target)}.grad` : phrase("events: gradient", { target: name(target) });
      add({
        kind: "accumulate",
        title: "Accumulated",
        sentence: addedSentence(name(target), where, final.before !== undefined, others, left.get(target) ?? 0),
        equation: more.length ? more : [gradientLine(`∂${output}/∂${below(target)}`, value, target)],
        current: [target, argument.id],
        ...(again ? sums[k]?.[argument.id] : cut(step, (key) => key === target || key.startsWith(`${target}_`))),
      });
    });
    return events;
  }

  return steps.map((step, k) => {
    const { contributions, gradients } = facts.frames[k];
    const operation = step.phase === "backward" && contributions.length ? operations.get(step.current[0]) : undefined;
    const events = operation ? inside(operation, step, k) : [];
    for (const { tensor, value } of gradients) arrived.set(tensor, value);
    return events;
  });
}

/** What follows an operation's id in the keys of its bars and of the numbers beside them. */
const BARS = /^(b[pyd]|[pyd]\d+)$/u;

/**
 * What a step changes in some parts of the picture.
 * @param {Step} step
 * @param {(key: string) => boolean} isAbout
 * @returns {Partial<Face>}
 */
function cut(step, isAbout) {
  /** @type {Record<string, any>} */
  const found = {};
  for (const part of PARTS) {
    const changes = Object.entries(step[part] ?? {}).filter(([key]) => isAbout(key));
    if (changes.length) found[part] = Object.fromEntries(changes);
  }
  return found;
}

/**
 * How a gradient goes on to an argument: multiplied with a local derivative, entry by entry; multiplied with a matrix; moved, or
 * worked out in some other way.
 * @typedef {"factor" | "matrix" | "other"} Way
 */

/** @param {Line | undefined} line what was sent @returns {Way} */
function wayOf(line) {
  const written = line?.text.split(/ \+?= /u)[1]?.replace(/^Σ[^(]*\(|\)$/gu, "") ?? "";
  if (/^∂[^ ]+( [⊙·] [^ᵀ]*)?$/u.test(written)) return "factor";
  return /ᵀ/u.test(written) && / · /u.test(written) ? "matrix" : "other";
}

/** What is said of each way. @type {Record<Way, {local: (target: string, result: string) => string, product: (target: string, result: string) => string}>} */
const SENTENCES = {
  factor: {
    local: (target, result) => phrase("events: how much changes small change", { result, target }),
    product: (target, result) => phrase("events: upstream gradient times local derivative", { result, target }),
  },
  matrix: {
    local: (target, result) => phrase("events: how depends on upstream gradient", { result, target }),
    product: (target, result) => phrase("events: matrix product with upstream gradient", { result, target }),
  },
  other: {
    local: (target, result) => phrase("events: how depends on no single", { result, target }),
    product: (target, result) => phrase("events: what sends made from upstream", { result, target }),
  },
};

/**
 * A local derivative in symbols and numbers: of tensors each entry's, or the matrix that the gradient is multiplied with.
 * @param {Argument} argument
 * @param {Way} way
 * @param {string} name
 * @param {Line | undefined} line what was sent
 * @param {Value | undefined} own entry by entry
 * @param {(tensor: string) => string} nameOf
 * @returns {Line[]}
 */
function localLines({ id, local = "", local_number: number }, way, name, line, own, nameOf) {
  if (!local || way === "other") return [];
  if (way === "matrix") {
    const matrix = line?.sides?.flat().find((part) => typeof part !== "string" && part.role === "value");
    return matrix && typeof matrix !== "string" ? [equal([`${nameOf(matrix.tensor ?? "")}${matrix.transposed ? "ᵀ" : ""}`], [matrix])] : [];
  }
  if (own?.shape.length) return [equal([local], [partOf(own, id, "local")])];
  const scalar = number !== undefined || /^−?[\d.]+$/u.test(local);
  return [scalar ? equal([name], [local], ...(number ? [[number]] : [])) : equal([local])];
}

/** What is summed in a line, before it is. @param {Line} line */
function unsummed({ sides = [] }) {
  const opened = (/** @type {string | Part} */ part, /** @type {number} */ k) => (k === 0 && typeof part === "string" ? part.replace(/^Σ[^(]*\(/u, "") : part);
  const closed = (/** @type {string | Part} */ part, /** @type {number} */ k, /** @type {any[]} */ all) => (k === all.length - 1 && typeof part === "string" ? part.replace(/\)$/u, "") : part);
  return equal(...sides.slice(1, -1).map((side) => side.map(opened).map(closed).filter((part) => part !== "")));
}

/** @param {string} name @param {Value} value @param {string} tensor */
const gradientLine = (name, value, tensor) => equal([name], [partOf(value, tensor, "gradient")]);

/** @param {...(string | Part)[]} sides @returns {Line} */
function equal(...sides) {
  const texts = sides.map((side) => side.map((part) => (typeof part === "string" ? part : part.text)).join(""));
  return { text: texts.join(" = "), kind: "local", sides, relations: sides.slice(1).map(() => "=") };
}

/**
 * The numbers of a tensor as a part of an equation, or where they are many its shape.
 * @param {Value} value
 * @param {string} tensor
 * @param {Part["role"]} role
 * @returns {Part}
 */
function partOf(value, tensor, role) {
  const { shape, dtype } = value;
  const few = shape.every((length) => length && length <= 4) || (entries(shape) > 0 && entries(shape) <= 6);
  const texts = shape.length < 3 && few ? readable(value).data?.map((/** @type {number} */ number) => numberText(number, 4, dtype)) : undefined;
  if (!texts) return { text: `(${shape.join("×")})`, kind: "array", tensor, role };
  if (!shape.length) return { text: texts[0], kind: "number", tensor, role };
  const columns = shape[shape.length - 1];
  const rows = Array.from({ length: shape.length > 1 ? shape[0] : 1 }, (_, i) => `[${texts.slice(i * columns, (i + 1) * columns).join(", ")}]`);
  return { text: shape.length > 1 ? `[${rows.join(", ")}]` : rows[0], kind: "array", tensor, role };
}

/** @param {string} name @param {string} where @param {boolean} held @param {boolean} others @param {number} left */
function addedSentence(name, where, held, others, left) {
  const text = held
    ? phrase("events: added which held gradient already", { where })
    : others
      ? phrase("events: added what has reached along", { name, where })
      : left
        ? phrase("events: first gradient reach", { name })
        : phrase("events: nothing else reaches", { where, name });
  return left ? phrase("events: more come", { text, left }) : text;
}

/** @param {Value} first @param {Value} second @returns {Value} */
function sum(first, second) {
  const [a, b] = [readable(first).data, readable(second).data];
  if (!a || !b) return second; // of large tensors, what the picture shows until the step is over
  return { ...second, data: b.map((/** @type {number} */ number, /** @type {number} */ i) => Number(a[i]) + Number(number)) };
}
