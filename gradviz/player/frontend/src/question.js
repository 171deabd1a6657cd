// What the player asks before a step is shown. Pure functions, no DOM.

import { judge, readNumber, readShape } from "./answer.js";
import { entries } from "./facts.js";
import { numberText, shapeText } from "./number.js";

/** @typedef {import("./facts.js").Facts} Facts */
/** @typedef {import("./facts.js").Value} Value */

const FEW = 16; // entries of a tensor that one may be asked for; of a larger one, the shape

/**
 * @typedef {{
 *   tensor: string,
 *   kind: "number" | "shape",
 *   text: string,
 *   hints: string[],
 *   truth: number | number[],
 *   reveal: string,
 *   traps: [number, string][],
 * }} Question
 */

/**
 * The questions of a step, one for each gradient it brings; none going forward.
 * @param {Facts} facts
 * @param {{phase: string, title: string}[]} steps
 * @param {number} k
 * @returns {Question[]}
 */
export function questionsAt(facts, steps, k) {
  if (steps[k]?.phase !== "backward") return [];
  const ids = [...new Set(facts.frames[k].gradients.map(({ tensor }) => tensor))];
  return ids.flatMap((id, number) => questionAbout(facts, steps, k, id, number) ?? []);
}

/**
 * @param {Facts} facts
 * @param {{phase: string, title: string}[]} steps
 * @param {number} k
 * @param {string} id
 * @param {number} number
 * @returns {Question | undefined}
 */
function questionAbout(facts, steps, k, id, number) {
  const tensor = facts.tensor(id);
  const gradient = facts.gradients.at(id, k);
  if (!tensor || !gradient || entries(tensor.shape) === 0) return undefined;
  const { value } = gradient;
  const source = contributionsTo(facts, k, id);
  const before = facts.gradients.at(id, k - 1)?.value ?? gradient.before;
  const next = source.length ? `${steps[k].title} runs next. ` : "Backward starts here. ";

  if (entries(value.shape) > FEW || !value.data) {
    return {
      tensor: id,
      kind: "shape",
      text: `${next}Which shape will the gradient of ${tensor.name} have?`,
      hints: [`A gradient says for every entry of ${tensor.name} how the result changes with it.`],
      truth: value.shape,
      reveal: `The gradient of ${tensor.name} has the shape ${shapeText(value.shape)}, as ${tensor.name} itself.`,
      traps: [],
    };
  }

  const entry = (k * 7 + number * 3) % value.data.length; // another one each time, and always the same in the same place
  const at = (/** @type {Value | undefined} */ of) => (of?.data ? Number(of.data[of.data.length === 1 ? 0 : entry]) : undefined);
  const truth = Number(value.data[entry]);
  const old = at(before);
  const where = placeText(value.shape, entry);
  const whose = `the gradient of ${tensor.name}${where && `, ${where},`}`;
  const single = source.length === 1 ? source[0] : undefined;
  const part = single && at(single.value);
  /** @type {[number, string][]} */
  const traps = [];
  if (old !== undefined && part !== undefined) traps.push([part, `That is what this step adds; ${numberText(old)} was there already. Add the two.`]);
  if (single?.local !== undefined && single.upstream !== undefined) {
    traps.push([single.local, `That is the local derivative. Multiply it by the upstream gradient, ${numberText(single.upstream)}.`]);
  }
  return {
    tensor: id,
    kind: "number",
    text:
      old === undefined
        ? `${next}What will ${whose} be?`
        : `${next}${tensor.name} has ${numberText(old)} so far${where && ` in ${where}`}. What will ${whose} be after this step?`,
    hints: hintsFor(source, tensor.name, old),
    truth,
    reveal: `${capital(whose.replace(/,$/, ""))} is ${numberText(truth)}.`,
    traps,
  };
}

/**
 * What arrives at a tensor in a step: along which edge, with which local derivative.
 * @param {Facts} facts
 * @param {number} k
 * @param {string} id
 */
function contributionsTo(facts, k, id) {
  return facts.frames[k].contributions.flatMap(({ argument }) => {
    const edge = facts.edge(argument);
    if (edge?.tensor.id !== id || !edge.argument) return [];
    const { local = "", local_number: written = "" } = edge.argument;
    const upstream = facts.upstreamOf(edge.operation, k - 1);
    const scalar = upstream?.data?.length === 1 ? Number(upstream.data[0]) : undefined;
    const number = readNumber(written || local)?.value;
    return [{ label: local, written, local: number, upstream: scalar, value: facts.contributions.at(argument, k)?.value }];
  });
}

/**
 * @param {ReturnType<typeof contributionsTo>} source
 * @param {string} name
 * @param {number | undefined} old
 */
function hintsFor(source, name, old) {
  if (source.length === 0) return [`If ${name} changes by a little, ${name} changes by just as much.`];
  const locals = source.map(({ label, written }) => {
    if (!label) return `The gradient goes back to ${name} through several operations at once.`;
    if (label.includes("· ") || label.endsWith(" ·")) return `The upstream gradient is multiplied by a matrix: ${label.trim()}.`;
    return `The local derivative is ${[label, written].filter(Boolean).join(" = ")}.`;
  });
  const upstream = source[0].upstream === undefined ? "" : `The upstream gradient is ${numberText(source[0].upstream)}.`;
  const sum = old === undefined ? "" : `Add the product to ${numberText(old)}.`;
  return [[...new Set(locals)].join(" "), [upstream, sum].filter(Boolean).join(" ")].filter(Boolean);
}

/**
 * Where an entry is, counted from 1 as one reads, and as Python counts: "row 2, column 1 ([1, 0])".
 * @param {number[]} shape
 * @param {number} entry
 */
export function placeText(shape, entry) {
  if (entries(shape) === 1) return "";
  const index = [];
  for (const length of [...shape].reverse()) {
    index.unshift(entry % length);
    entry = Math.floor(entry / length);
  }
  const python = `[${index.join(", ")}]`;
  if (shape.length === 1) return `entry ${index[0] + 1} (${python})`;
  if (shape.length === 2) return `row ${index[0] + 1}, column ${index[1] + 1} (${python})`;
  return `entry ${python}`;
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * Judges what the learner has typed, with a sentence that helps on.
 * @param {Question} question
 * @param {string} text
 * @returns {{right: boolean, readable: boolean, message: string}}
 */
export function assess(question, text) {
  if (question.kind === "shape") {
    const shape = readShape(text);
    if (!shape) return { right: false, readable: false, message: "Write a shape, such as 3×4 or (3, 4)." };
    const right = String(shape) === String(question.truth);
    return { right, readable: true, message: right ? `Right. ${question.reveal}` : "Not that shape." };
  }
  const answer = readNumber(text);
  if (!answer) return { right: false, readable: false, message: "Write a number, such as 0.5, −3 or 1/3." };
  const verdict = judge(answer, /** @type {number} */ (question.truth));
  if (verdict === "right") return { right: true, readable: true, message: `Right. ${question.reveal}` };
  const trap = question.traps.find(([wrong]) => judge(answer, wrong) === "right");
  const said = {
    sign: "The size is right; look at the sign.",
    close: "Close. Give it a little more exactly.",
    wrong: "Not that.",
  }[verdict];
  return { right: false, readable: true, message: trap?.[1] ?? said };
}
