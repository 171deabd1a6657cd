// What the player asks before a step is shown, and what it says to an answer. Pure functions, no DOM.

import { judge, readNumber, readShape } from "./answer.js";
import { explain, placeOf } from "./explain.js";
import { entries } from "./facts.js";
import { numberText, shapeText } from "./number.js";
import { phrase } from "./words.js";

/** @typedef {import("./facts.js").Facts} Facts */
/** @typedef {import("./facts.js").Value} Value */
/** @typedef {import("./explain.js").Explanation} Explanation */

/** What is asked for of a matrix, one after the other. @type {("number" | "feeds" | "sign" | "shape")[]} */
const TURNS = ["number", "feeds", "number", "sign", "number", "shape"];
const SIGNS = ["positive", "negative", "zero"];

/**
 * `choices` are to choose from; else something is to be written. `traps` are wrong answers with what to say to them, `wrong` is said
 * to any other.
 * @typedef {{
 *   tensor: string,
 *   kind: "number" | "shape" | "choice",
 *   text: string,
 *   hints: string[],
 *   truth: number | number[],
 *   choices: string[],
 *   reveal: string,
 *   traps: [number, string][],
 *   wrong: string,
 * }} Question
 */

/**
 * The questions of a step, one for each gradient it brings; none going forward.
 * @param {Facts} facts
 * @param {{phase: string, title: string}[]} steps
 * @param {number} k
 * @param {(tensor: string) => boolean} shows whether the entries of a tensor's gradient stand on the screen as numbers
 * @returns {Question[]}
 */
export function questionsAt(facts, steps, k, shows = () => true) {
  if (steps[k]?.phase !== "backward") return [];
  const ids = [...new Set(facts.frames[k].gradients.map(({ tensor }) => tensor))];
  return ids.flatMap((id, number) => questionAbout(facts, steps, k, id, number, shows(id)) ?? []);
}

/**
 * @param {Facts} facts
 * @param {{phase: string, title: string}[]} steps
 * @param {number} k
 * @param {string} id
 * @param {number} number
 * @param {boolean} shown
 * @returns {Question | undefined}
 */
function questionAbout(facts, steps, k, id, number, shown) {
  const tensor = facts.tensor(id);
  const gradient = facts.gradients.at(id, k);
  if (!tensor || !gradient || entries(tensor.shape) === 0) return undefined;
  const { name } = tensor;
  const { value } = gradient;
  const source = contributionsTo(facts, k, id);
  const next = source.length ? phrase("question: runs next", { title: steps[k].title }) : phrase("question: backward starts here");
  const blank = { tensor: id, choices: [], traps: [], hints: [] };
  const isMatrix = entries(value.shape) > 1;
  const turn = isMatrix ? TURNS[(k + number) % TURNS.length] : "number";

  if (!shown || !value.data || (turn === "shape" && source.length)) {
    return {
      ...blank,
      kind: "shape",
      text: phrase("question: which shape will gradient have", { next, name }),
      hints: [phrase("question: gradient says every entry how", { name })],
      truth: value.shape,
      reveal: phrase("question: gradient has shape as itself", { name, shape: shapeText(value.shape) }),
      wrong: phrase("question: not shape each entry has", { name }),
    };
  }

  const entry = (k * 7 + number * 3) % value.data.length; // another one each time, and always the same in the same place
  const truth = Number(value.data[entry]);
  const made = explain(facts, { tensor: id, part: "g", index: entry }, k);
  const old = made?.before;
  const where = `${name}${placeText(value.shape, entry)}`;
  const hints = hintsFor(source, name, old);
  const reveal = phrase("question: gradient", { where, truth: numberText(truth) });
  const products = made ? termsText(made) : "";

  const fed = turn === "feeds" && made && feedsQuestion(facts, made, where);
  if (fed) return { ...blank, kind: "choice", ...fed, text: `${next}${fed.text}`, hints: [fed.hint, ...hints] };
  if (turn === "sign" && products) {
    return {
      ...blank,
      kind: "choice",
      text: old === undefined ? phrase("question: which sign", { next, where }) : phrase("question: which sign so far", { next, where, old: numberText(old) }),
      hints,
      choices: SIGNS,
      truth: truth > 0 ? 0 : truth < 0 ? 1 : 2,
      reveal,
      wrong: old === undefined ? phrase("question: not that sign", { products }) : phrase("question: not that sign, was there", { old: numberText(old), products }),
    };
  }
  return {
    ...blank,
    kind: "number",
    text:
      old === undefined
        ? phrase("question: what will gradient be", { next, where })
        : phrase("question: gradient so far what will", { next, where, old: numberText(old) }),
    hints,
    truth,
    reveal,
    traps: made ? trapsOf(facts, made, value, entry, name) : [],
    wrong: wrongText(made, name),
  };
}

/**
 * Which entries of the gradient that arrives go into this one.
 * @param {Facts} facts
 * @param {Explanation} made
 * @param {string} where
 */
function feedsQuestion(facts, made, where) {
  const result = facts.tensor(made.upstream);
  if (!result || entries(result.shape) < 2 || made.terms.length === 0) return undefined;
  const truth = new Set(made.made.filter(({ part }) => part === "g").map(({ index }) => index));
  const all = regionsOf(result.shape, made.result.place);
  const isTruth = (/** @type {number[]} */ part) => part.length === truth.size && part.every((index) => truth.has(index));
  const right = all.findIndex(({ part }) => isTruth(part));
  if (right < 0) return undefined; // no row, no column: what is to be chosen could not be said
  const [some] = truth;
  const at = (/** @type {number} */ index) => `${result.name}${placeText(result.shape, index)}`;
  return {
    text: phrase("question: which entries gradient go into", { result: result.name, where }),
    choices: all.map(({ name }) => name),
    truth: right,
    hint: phrase("question: gradient comes back from what", { where, result: result.name }),
    reveal: phrase("question: what was computed with", { part: all[right].name, where }),
    traps: all.map(({ part }, i) => {
      const idle = part.find((index) => !truth.has(index));
      return /** @type {[number, string]} */ ([i, idle === undefined ? phrase("question: there more only part what", { where }) : phrase("question: not was computed without was", { idle: at(idle), where, some: at(some) })]);
    }),
    wrong: "",
  };
}

/**
 * Parts of a tensor that have a name: its rows and columns about a place, one entry, and all.
 * @param {number[]} shape
 * @param {number[]} place
 */
function regionsOf(shape, place) {
  const count = entries(shape);
  const columns = shape.at(-1) ?? 1;
  const rows = count / columns;
  /** @type {Map<string, {name: string, part: number[]}>} no two of them the same */
  const found = new Map();
  const add = (/** @type {string} */ name, /** @type {number[]} */ part) => {
    if (part.length && !found.has(part.join())) found.set(part.join(), { name, part });
  };
  const all = [...Array(count).keys()];
  const [row, column] = [place.at(-2) ?? 0, place.at(-1) ?? 0];
  if (shape.length === 2) {
    for (const i of new Set([row, column])) if (i < rows) add(`row ${i}`, all.filter((index) => Math.floor(index / columns) === i));
    for (const j of new Set([row, column])) if (j < columns) add(`column ${j}`, all.filter((index) => index % columns === j));
  }
  const flat = row * columns + column;
  if (flat < count) add(phrase("question: entry", { shape: placeText(shape, flat) }), [flat]);
  add(phrase("question: all them"), all);
  return [...found.values()].slice(-5);
}

/** "2·11 + 4·21" @param {Explanation} made */
function termsText({ terms }) {
  if (terms.length === 0 || terms.length > 8) return "";
  return terms.map(({ factors, sign }, i) => `${sign < 0 ? "−" : i ? "+" : ""} ${factors.map(({ number }) => bracketed(number)).join("·")}`.trim()).join(" ");
}

/** @param {number} number */
const bracketed = (number) => (number < 0 ? `(${numberText(number)})` : numberText(number));

/**
 * What one may have taken for the gradient, and what to say then: which part of it was right.
 * @param {Facts} facts
 * @param {Explanation} made
 * @param {Value} value
 * @param {number} entry
 * @param {string} name
 * @returns {[number, string][]}
 */
function trapsOf(facts, { terms, sum, before, upstream }, value, entry, name) {
  /** @type {[number, string][]} */
  const traps = [];
  const above = facts.tensor(upstream)?.name ?? phrase("question: result");
  if (before !== undefined) traps.push([sum, phrase("question: what step adds was there", { before: numberText(before) })]);
  if (terms.length === 1) {
    const g = terms[0].factors.find(({ at }) => at?.part === "g")?.number;
    const others = terms[0].factors.filter(({ at }) => at?.part !== "g");
    const local = others.reduce((all, { number }) => all * number, terms[0].sign);
    const symbol = others.map(({ name: written, place }) => `${written}${written && place.length ? `[${place.join(", ")}]` : ""}`).join("·");
    if (g !== undefined && others.length) {
      traps.push([g, phrase("question: upstream gradient multiply by local", { part: symbol && `, ${symbol}` })]);
      traps.push([local, phrase("question: local derivative multiply by upstream", { g: numberText(g) })]);
      // One factor right, and for the other a number that stands somewhere near.
      for (const other of nearby(facts, upstream, local)) {
        traps.push([g * other, phrase("question: upstream gradient right local derivative", { g: numberText(g), other: numberText(other), part: symbol && `, but ${symbol}` })]);
        traps.push([local * other, phrase("question: local derivative right upstream gradient", { local: numberText(local), other: numberText(other), above })]);
      }
    }
  }
  if (terms.length > 1) {
    for (const { factors, product } of terms) {
      const written = factors.map(({ number }) => bracketed(number)).join("·");
      traps.push([product, phrase("question: right and one products others", { written, terms: terms.length })]);
    }
  }
  value.data?.forEach((number, index) => {
    if (index !== entry) traps.push([Number(number), phrase("question: gradient look at row and", { name, shape: placeText(value.shape, index) })]);
  });
  return traps;
}

/** Numbers that one may take for a factor: the single ones that the operation read or made, 1, half, twice. @param {Facts} facts @param {string} result @param {number} local */
function nearby(facts, result, local) {
  const operation = facts.operation(facts.tensor(result)?.producer);
  const ids = operation ? [...operation.inputs.map(({ tensor }) => tensor), result] : [];
  const single = ids.flatMap((id) => {
    const { data } = facts.values.at(id, Infinity) ?? {};
    return data?.length === 1 ? [Number(data[0])] : [];
  });
  return [...new Set([...single, 2 * local, local / 2, 1 / local])].filter((number) => Number.isFinite(number) && number !== 1);
}

/** @param {Explanation | undefined} made @param {string} name */
function wrongText(made, name) {
  if (!made?.upstream) return phrase("question: not how does change if", { name });
  const count = made.terms.length;
  if (count > 1) return phrase("question: not sum products each one", { count });
  return phrase("question: not multiply upstream gradient by");
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
  if (source.length === 0) return [phrase("question: if changes by little changes", { name })];
  const locals = source.map(({ label, written }) => {
    if (!label) return phrase("question: gradient goes back through several", { name });
    if (label.includes("· ") || label.endsWith(" ·")) return phrase("question: upstream gradient multiplied by matrix", { part: label.trim() });
    return phrase("question: local derivative", { part: [label, written].filter(Boolean).join(" = ") });
  });
  const upstream = source[0].upstream === undefined ? "" : phrase("question: upstream gradient", { source: numberText(source[0].upstream) });
  const sum = old === undefined ? "" : phrase("question: add product", { old: numberText(old) });
  return [[...new Set(locals)].join(" "), [upstream, sum].filter(Boolean).join(" ")].filter(Boolean);
}

/**
 * Where an entry is, as Python counts: "[1, 0]"; nothing for a single number.
 * @param {number[]} shape
 * @param {number} entry
 */
export function placeText(shape, entry) {
  return shape.length ? `[${placeOf(entry, shape).join(", ")}]` : "";
}

/**
 * Judges what the learner has typed, or which choice they have taken, with a sentence that helps on.
 * @param {Question} question
 * @param {string | number} given
 * @returns {{right: boolean, readable: boolean, message: string}}
 */
export function assess(question, given) {
  const right = { right: true, readable: true, message: `Right. ${question.reveal}` };
  const not = (/** @type {string} */ message, readable = true) => ({ right: false, readable, message });
  if (typeof given === "number") {
    return given === question.truth ? right : not(question.traps.find(([choice]) => choice === given)?.[1] ?? question.wrong);
  }
  if (question.kind === "shape") {
    const shape = readShape(given);
    if (!shape) return not(phrase("question: write shape such as or"), false);
    return String(shape) === String(question.truth) ? right : not(question.wrong);
  }
  const answer = readNumber(given);
  if (!answer) return not(phrase("question: write number such as or"), false);
  const verdict = judge(answer, /** @type {number} */ (question.truth));
  if (verdict === "right") return right;
  if (verdict === "sign") return not(phrase("question: size right look at sign"));
  const trap = question.traps.find(([wrong]) => judge(answer, wrong) === "right");
  return not(trap?.[1] ?? (verdict === "close" ? phrase("question: close give little more exactly") : question.wrong));
}
