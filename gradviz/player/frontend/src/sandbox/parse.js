// Reads an expression as somebody types it. What comes out is a tree of names, numbers and operations, and never anything that runs.

import { phrase } from "../words.js";

/**
 * A node says from where to where in the text it stands.
 * @typedef {{at: number, end: number}} Place
 * @typedef {{shape: number[], data: number[]}} Numbers
 * @typedef {Place & ({kind: "number", value: Numbers} | {kind: "name", name: string} | {kind: "call", name: string, parts: Tree[]})} Tree
 *   a call is an operator's or a function's: `+`, `neg`, `tanh`
 */

export const [LONGEST, DEEPEST, LARGEST] = [400, 60, 64]; // letters of an expression, brackets in each other, numbers in a matrix

/** Says what is wrong with an expression, and where. */
export class Wrong extends Error {
  /** @param {string} message @param {number} at @param {number} [end] */
  constructor(message, at, end = at + 1) {
    super(message);
    this.at = at;
    this.end = end;
  }
}

/** @typedef {Place & {kind: "number" | "name" | "sign" | "end", text: string}} Token */

const NUMBER = /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?/i;
const NAME = /^[\p{L}_][\p{L}\p{N}_]*/u;
const SIGN = /^(\*\*|[-+*/@(),[\]=.])/;
/** What else is written for a sign. @type {Record<string, string>} */
const ALIKE = { "·": "*", "×": "*", "−": "-", "÷": "/" };

/** @param {string} text @returns {Token[]} */
function tokens(text) {
  if (text.length > LONGEST) throw new Wrong(phrase("sandbox: too long", { most: LONGEST }), LONGEST, text.length);
  /** @type {Token[]} */
  const found = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    if (/^\s/.test(rest)) {
      at += 1;
      continue;
    }
    const number = NUMBER.exec(rest)?.[0];
    const name = NAME.exec(rest)?.[0];
    const sign = Object.hasOwn(ALIKE, rest[0]) ? rest[0] : SIGN.exec(rest)?.[0];
    const word = number ?? name ?? sign;
    if (word === undefined) {
      const hint = rest[0] === "^" ? phrase("sandbox: power") : phrase("sandbox: strange", { sign: rest[0] });
      throw new Wrong(hint, at);
    }
    const kind = number !== undefined ? "number" : name !== undefined ? "name" : "sign";
    found.push({ kind, text: kind === "sign" ? (ALIKE[word] ?? word) : word, at, end: at + word.length });
    at += word.length;
  }
  found.push({ kind: "end", text: "", at: text.length, end: text.length + 1 });
  return found;
}

/** How tightly signs bind; a sign before a term binds between products and powers. @type {Record<string, number>} */
const BINDS = { "+": 1, "-": 1, "*": 2, "/": 2, "@": 2, "**": 4 };
const BEFORE = 3;

/**
 * @param {string} text
 * @param {Record<string, number>} functions how many arguments each takes, by name
 * @returns {{tree: Tree, name: string}} `name`: that of the result, where it is said, as in `L = …`
 */
export function parsed(text, functions) {
  const all = tokens(text);
  let place = 0;
  let depth = 0;
  const next = () => all[place];
  const is = (/** @type {string} */ sign) => next().kind === "sign" && next().text === sign;
  /** @param {string} sign */
  function expect(sign) {
    if (!is(sign)) throw new Wrong(next().kind === "end" ? phrase("sandbox: missing at end", { sign }) : phrase("sandbox: missing", { sign, text: next().text }), next().at, next().end);
    return all[place++];
  }

  /** @param {number} least how tightly a sign has to bind to be a part of it @returns {Tree} */
  function term(least) {
    if ((depth += 1) > DEEPEST) throw new Wrong(phrase("sandbox: too deep"), next().at);
    let left = first();
    while (next().kind === "sign" && Object.hasOwn(BINDS, next().text) && BINDS[next().text] >= least) {
      const sign = all[place++];
      const right = sign.text === "**" ? term(BEFORE) : term(BINDS[sign.text] + 1);
      left = { kind: "call", name: sign.text, parts: [left, right], at: sign.at, end: sign.end };
    }
    depth -= 1;
    return left;
  }

  /** @returns {Tree} */
  function first() {
    const token = next();
    if (is("-") || is("+")) {
      place += 1;
      const inner = term(BEFORE);
      if (token.text === "+") return inner;
      if (inner.kind === "number") return { ...inner, at: token.at, value: { ...inner.value, data: inner.value.data.map((number) => -number) } };
      return { kind: "call", name: "neg", parts: [inner], at: token.at, end: token.end };
    }
    let made = atom();
    while (is(".")) {
      const dot = all[place++];
      if (next().text !== "T") throw new Wrong(phrase("sandbox: dot"), dot.at, next().end);
      made = { kind: "call", name: "t", parts: [made], at: dot.at, end: all[place++].end };
    }
    return made;
  }

  /** @returns {Tree} */
  function atom() {
    const token = next();
    if (token.kind === "number") {
      place += 1;
      if (next().kind === "name" || next().kind === "number") throw new Wrong(phrase("sandbox: times", { text: `${token.text}*${next().text}` }), token.at, next().end);
      return { kind: "number", value: { shape: [], data: [finite(token)] }, at: token.at, end: token.end };
    }
    if (is("[")) return matrix();
    if (is("(")) {
      place += 1;
      const inner = term(1);
      expect(")");
      return inner;
    }
    if (token.kind !== "name") {
      const what = token.kind === "end" ? phrase("sandbox: ends") : phrase("sandbox: unexpected", { text: token.text });
      throw new Wrong(what, token.at, token.end);
    }
    place += 1;
    if (!is("(")) return { kind: "name", name: token.text, at: token.at, end: token.end };
    if (!Object.hasOwn(functions, token.text)) {
      const known = Object.keys(functions).join(", ");
      throw new Wrong(phrase("sandbox: no function", { name: token.text, known }), token.at, token.end);
    }
    place += 1;
    const parts = [term(1)];
    while (is(",")) {
      place += 1;
      parts.push(term(1));
    }
    const end = expect(")").end;
    if (parts.length !== functions[token.text]) throw new Wrong(phrase("sandbox: arguments", { name: token.text, wanted: functions[token.text], given: parts.length }), token.at, end);
    return { kind: "call", name: token.text, parts, at: token.at, end: token.end };
  }

  /** @param {Token} token */
  function finite(token) {
    const number = Number(token.text);
    if (!Number.isFinite(Math.fround(number))) throw new Wrong(phrase("sandbox: too large", { text: token.text.slice(0, 20) }), token.at, token.end);
    return number;
  }

  /** A list of numbers, or of lists of them that are equally long. @returns {Tree} */
  function matrix() {
    const { at } = next();
    const rows = list(() => (is("[") ? list(entry) : entry()));
    const { end } = all[place - 1];
    const nested = rows.some(Array.isArray);
    const lengths = new Set(rows.map((row) => (Array.isArray(row) ? row.length : -1)));
    if (lengths.size > 1) throw new Wrong(phrase("sandbox: rows"), at, end);
    const data = /** @type {number[]} */ (rows.flat());
    if (data.length > LARGEST) throw new Wrong(phrase("sandbox: too many numbers", { most: LARGEST }), at, end);
    return { kind: "number", value: { shape: nested ? [rows.length, data.length / rows.length] : [rows.length], data }, at, end };
  }
  /** @template T @param {() => T} one @returns {T[]} */
  function list(one) {
    expect("[");
    const found = [one()];
    while (is(",")) {
      place += 1;
      found.push(one());
    }
    expect("]");
    return found;
  }
  function entry() {
    let sign = 1;
    while (is("-") || is("+")) if (all[place++].text === "-") sign = -sign;
    const token = next();
    if (token.kind !== "number") throw new Wrong(phrase("sandbox: only numbers"), token.at, token.end);
    place += 1;
    return sign * finite(token);
  }

  let name = "";
  if (next().kind === "name" && all[1]?.text === "=") {
    name = next().text;
    place = 2;
  }
  if (next().kind === "end") throw new Wrong(phrase("sandbox: empty"), 0, Math.max(1, text.length));
  const tree = term(1);
  if (next().kind !== "end") throw new Wrong(phrase("sandbox: unexpected", { text: next().text }), next().at, next().end);
  return { tree, name };
}

/** Reads the value of a name: a number, a list of numbers, or a list of such lists. @param {string} text @returns {Numbers} */
export function value(text) {
  const { tree } = parsed(text, {});
  if (tree.kind !== "number") throw new Wrong(phrase("sandbox: value"), tree.at, tree.end);
  return tree.value;
}
