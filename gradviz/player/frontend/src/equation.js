// Equations as MathML: no font, no script is fetched, and a screen reader reads fractions as fractions.
//
// An equation arrives in sides, and these in parts: numbers and arrays that know whose they are, and between them text in the
// notation the whole project prints: "∂y/∂(w·x) · x". Text is cut into signs here; whatever is not known stays what it was.

import { html } from "./dom.js";
import { math } from "./mathml.js";
const NUMBER = /^\d+(?:\.\d+)?(?:e[−-]?\d+)?/u;
const NAME = /^(?!ᵀ)[\p{L}_](?:(?!ᵀ)[\p{L}\p{Nd}_.])*/u;
const SHORT = 20; // signs, which fit in a line of the narrowest panel
const LONG = 30;
const RAISED = new Map([["²", "2"], ["³", "3"], ["⁴", "4"], ["ᵀ", "T"]]);
const COUNTED = /^⁽[⁰¹²³⁴⁵⁶⁷⁸⁹]+⁾/u; // one of several of the same name

/**
 * A piece of an equation.
 * @typedef {{kind: "number" | "name" | "words" | "sign" | "text", text: string}
 *   | {kind: "fraction", above: Piece[], below: Piece[]}
 *   | {kind: "power", base: Piece, raised: string}
 *   | {kind: "group", of: Piece[]}
 *   | {kind: "root", of: Piece[]}
 *   | {kind: "sum", over: string}
 *   | {kind: "part", place: number}} Piece
 */

/**
 * A number or an array of an equation: the id of the tensor, or for a contribution of the argument, whose it is, and what of it.
 * @typedef {{text: string, kind: "number" | "array", tensor?: string, role?: "value" | "gradient" | "contribution" | "local", transposed?: boolean}} Part
 */

/**
 * A line of what a step says. A part that is mere text has no numbers of its own.
 * @typedef {{
 *   text: string, kind: string, argument?: string, sides?: (string | Part)[][], relations?: string[],
 * }} Line
 */

/** Stands in a text for a part, with its number after it. */
const PLACE = 0xe000;

/**
 * The length of what is in brackets at the start of a text, brackets included; 0 if they are not closed.
 * @param {string} text
 */
function bracketed(text) {
  let depth = 0;
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === "(") depth += 1;
    else if (text[i] === ")" && --depth === 0) return i + 1;
  }
  return 0;
}

/**
 * What stands directly after a ∂: a name, or something in brackets.
 * @param {string} text
 */
function differential(text) {
  const name = /^[^\s·×=()/]*/u.exec(text)?.[0].length ?? 0;
  const called = text[name] === "(" ? bracketed(text.slice(name)) : 0; // relu(net.0(x)): of a formula's name all of it
  return text.slice(0, name + called);
}

/**
 * What stands directly after a √: a number, a name, or something in brackets.
 * @param {string} text
 */
function underRoot(text) {
  return text.startsWith("(") ? text.slice(0, bracketed(text)) : (NUMBER.exec(text)?.[0] ?? NAME.exec(text)?.[0] ?? "");
}

/**
 * Cuts one side of an equation into pieces. A pure function.
 * @param {string} text
 * @returns {Piece[]}
 */
export function pieces(text) {
  /** @type {Piece[]} */
  const found = [];
  let rest = text;
  let spaced = false; // whether there was a space before
  while (rest) {
    const above = rest.startsWith("∂") ? differential(rest.slice(1)) : "";
    const below = above && rest.startsWith("/∂", above.length + 1) ? differential(rest.slice(above.length + 3)) : "";
    const number = NUMBER.exec(rest)?.[0];
    const name = NAME.exec(rest)?.[0];
    const root = rest.startsWith("√") ? underRoot(rest.slice(1)) : "";
    const summed = /^Σ (rows|columns|ax[ei]s [\d, ]*\d) /u.exec(rest);
    const last = found.at(-1);
    const counted = last && COUNTED.exec(rest)?.[0];
    const raised = rest.startsWith("(") ? bracketed(rest) : 0; // what is in brackets may be raised as a whole
    const code = rest.charCodeAt(0) - PLACE;
    if (code >= 0 && code < 99) {
      found.push({ kind: "part", place: code });
      rest = rest.slice(1);
    } else if (counted) {
      found[found.length - 1] = { kind: "power", base: last, raised: counted.normalize("NFKC") };
      rest = rest.slice(counted.length);
    } else if (raised && (RAISED.has(rest[raised]) || COUNTED.test(rest.slice(raised)))) {
      found.push({ kind: "group", of: pieces(rest.slice(1, raised - 1)) });
      rest = rest.slice(raised);
    } else if (summed) {
      found.push({ kind: "sum", over: summed[1] });
      rest = rest.slice(summed[0].length);
    } else if (below) {
      const sides = [above, below].map((side) => /** @type {Piece[]} */ ([{ kind: "sign", text: "∂" }, ...pieces(side)]));
      found.push({ kind: "fraction", above: sides[0], below: sides[1] });
      rest = rest.slice(above.length + below.length + 3);
    } else if (root) {
      found.push({ kind: "root", of: pieces(root.startsWith("(") ? root.slice(1, -1) : root) });
      rest = rest.slice(root.length + 1);
    } else if (number) {
      found.push({ kind: "number", text: number });
      rest = rest.slice(number.length);
    } else if (name) {
      // Two names with nothing but a space between them are words: "so far". "If" and "else" stand between formulas.
      if (name === "if" || name === "else") found.push({ kind: "words", text: `\u00a0${name}\u00a0` });
      else if (spaced && (last?.kind === "name" || last?.kind === "words") && !last.text.endsWith("\u00a0")) found[found.length - 1] = { kind: "words", text: `${last.text} ${name}` };
      else found.push({ kind: "name", text: name });
      rest = rest.slice(name.length);
    } else if (RAISED.has(rest[0]) && last) {
      found[found.length - 1] = { kind: "power", base: last, raised: RAISED.get(rest[0]) ?? "" };
      rest = rest.slice(1);
    } else {
      const sign = rest.startsWith("+=") ? "+=" : String.fromCodePoint(rest.codePointAt(0) ?? 0);
      spaced = !sign.trim();
      if (!spaced) found.push({ kind: "+=≈·⊙×+−-@()[],|√Σ→←<>≤≥≠′".includes(sign) ? "sign" : "text", text: sign });
      rest = rest.slice(sign.length);
    }
  }
  return found;
}

/**
 * Cuts a line of text into the sides of an equation. A pure function.
 * @param {string} text
 * @returns {Line}
 */
export function lineOf(text) {
  const sides = text.split(" = ");
  return { text, kind: "", sides: sides.map((side) => [side]), relations: sides.slice(1).map(() => "=") };
}

/**
 * Cuts a side of an equation where a line may end: after a sign with spaces around it, after a comma, before an "if"; not inside
 * ∂(a + b). A pure function.
 * @param {string} side
 * @returns {string[]} parts, which joined by a space are the side
 */
export function breakable(side) {
  const parts = [];
  let start = 0;
  for (let i = 0; i < side.length; i += 1) {
    if (side[i] === "∂") i += differential(side.slice(i + 1)).length;
    const after = /[·⊙+−×@,]/u.test(side[i]) && side[i + 1] === " " && (side[i] === "," || side[i - 1] === " ") && i - 1 > start;
    if (after || side.startsWith(" if ", i + 1)) {
      parts.push(side.slice(start, i + 1));
      start = i + 2;
      i += 1;
    }
  }
  return [...parts, side.slice(start)];
}

/**
 * A fraction needs no brackets around it, as it does in a line of text; those of a function stay.
 * @param {Piece[]} row
 */
function unbracketed(row) {
  const sign = (/** @type {number} */ k, /** @type {string} */ text) => row[k]?.kind === "sign" && "text" in row[k] && row[k].text === text;
  const around = (/** @type {number} */ k) => row[k]?.kind === "fraction" && sign(k - 1, "(") && sign(k + 1, ")") && row[k - 2]?.kind !== "name";
  return row.filter((_, k) => !around(k + 1) && !around(k - 1));
}

/** Whether a piece is higher than a line. @param {Piece} piece @returns {boolean} */
const isTall = (piece) => piece.kind === "fraction" || piece.kind === "part" || (piece.kind === "group" && piece.of.some(isTall)) || (piece.kind === "power" && isTall(piece.base));

/**
 * Brackets are as high as a fraction or a matrix inside them, and grow for nothing less: the square of something is no reason.
 * @param {Piece[]} row
 * @param {Part[]} parts
 */
function allDrawn(row, parts = []) {
  row = unbracketed(row);
  const elements = row.map((piece, k) => drawn(piece, parts, row[k - 1]));
  const last = elements.at(-1);
  if (elements.length > 1 && last?.localName === "mo" && "·⊙+−×@".includes(last.textContent ?? "?")) last.setAttribute("form", "infix"); // the formula goes on
  const tall = row.map(isTall);
  /** @type {number[]} */
  const open = [];
  for (const [k, element] of elements.entries()) {
    const base = element.localName === "msup" ? element.children[0] : element;
    const sign = base.localName === "mo" ? (base.textContent ?? "?") : "?";
    if (!"()[]|".includes(sign)) continue;
    base.setAttribute("stretchy", String(sign === "|" && tall.includes(true)));
    if ("([".includes(sign)) open.push(k);
    if (!")]".includes(sign)) continue;
    // Opened in the line before, or closed in the next: there the rest of the line counts.
    const start = open.pop() ?? 0;
    if (tall.slice(start, k).includes(true)) for (const end of [elements[start], base]) end.setAttribute("stretchy", "true");
  }
  for (const k of open) if (tall.slice(k).includes(true)) elements[k].setAttribute("stretchy", "true");
  return elements;
}

/** @param {Piece} piece @param {Part[]} parts @param {Piece} [before] what stands before it @returns {Element} */
function drawn(piece, parts, before) {
  switch (piece.kind) {
    case "fraction":
      return math("mfrac", math("mrow", ...allDrawn(piece.above)), math("mrow", ...allDrawn(piece.below)));
    case "root":
      return math("msqrt", ...allDrawn(piece.of, parts));
    case "sum":
      return math("munder", math("mo", "Σ"), math("mtext", piece.over));
    case "part":
      return numbers(parts[piece.place]);
    case "group": {
      const brackets = ["(", ")"].map((sign) => math("mo", sign));
      if (!piece.of.some(({ kind }) => kind === "fraction" || kind === "part")) for (const bracket of brackets) bracket.setAttribute("stretchy", "false");
      return math("mrow", brackets[0], ...allDrawn(piece.of, parts), brackets[1]);
    }
    case "power":
      return math("msup", drawn(piece.base, parts), math("mn", piece.raised));
    case "number":
      return math("mn", piece.text);
    case "name":
      return math("mi", piece.text);
    case "sign": {
      const sign = math("mo", piece.text);
      if ("+=≈".includes(piece.text) && piece.text !== "+") sign.setAttribute("form", "infix"); // with its spaces, though it stands first
      // A minus that belongs to a number keeps close to it, also where it does not stand first: (−2), = −2.
      else if (piece.text === "−" && (!before || (before.kind === "sign" && !")]′".includes(before.text)))) sign.setAttribute("form", "prefix");
      return sign;
    }
    default:
      return math("mtext", piece.text);
  }
}

const LETTERS = { value: "v", gradient: "g", contribution: "c", local: "n" };

/**
 * The rows of an array as it is printed: "[[1, −2], [4, 0.5]]", also with axes of length 1 before them, which are not drawn; nothing if
 * only its name and shape are. A pure function.
 * @param {string} text
 * @returns {string[][] | undefined}
 */
export function rowsOf(text) {
  if (!/^\[.*\]$/su.test(text)) return undefined;
  return text.replace(/^\[+|\]+$/gu, "").split("], [").map((row) => row.split(", "));
}

/**
 * A number, or an array with its numbers in rows and columns, each with the place of its entry.
 * @param {Part} part
 */
function numbers({ text, tensor, role, transposed }) {
  const letter = role && LETTERS[role];
  const cell = (/** @type {string} */ number, /** @type {number} */ index) => {
    const element = math("mn", number);
    if (letter) element.setAttribute("class", `gp-${letter === "c" ? "g" : letter}`);
    if (letter && letter !== "n") element.setAttribute("data-entry", `${tensor}:${letter}:${index}`);
    return element;
  };
  const rows = rowsOf(text);
  if (!rows) return cell(text, 0);
  // Entries are counted row by row in the tensor's own shape, also where it stands transposed.
  const indexOf = (/** @type {number} */ i, /** @type {number} */ j) => (transposed ? j * rows.length + i : i * rows[0].length + j);
  const table = math("mtable", ...rows.map((row, i) => math("mtr", ...row.map((number, j) => math("mtd", cell(number, indexOf(i, j)))))));
  return math("mrow", math("mo", "["), table, math("mo", "]"));
}

/** Whether a part is an array of which the numbers are not printed. @param {Part} part */
const isLarge = ({ kind, text }) => kind === "array" && !rowsOf(text);

/**
 * What a side is made of, each of which stays in one line: it may be broken after a sign with a space on both sides, and around a
 * large array.
 * @param {(string | Part)[]} side
 * @returns {{text: string, row: string, parts: Part[]}[]}
 */
export function formulasOf(side) {
  const parts = side.filter((part) => typeof part !== "string");
  let place = 0;
  const row = side.map((part) => (typeof part === "string" ? part : String.fromCharCode(PLACE + place++))).join("");
  const whole = side.map((part) => (typeof part === "string" ? part : part.text)).join("");
  const large = parts.flatMap((part, k) => (isLarge(part) ? [String.fromCharCode(PLACE + k)] : []));
  const cut = (/** @type {string} */ one) => one.split(new RegExp(`([${large.join("")}])`, "u")).filter((piece) => piece.trim());
  // Of a long one its sign, and that of a sum, may stay in the line before.
  const [, sign = "", sum = "", rest = row] = (whole.length > LONG && /^((?:\+?=|≈) )?(Σ[^(]*(?=\())?(.+)$/su.exec(row)) || [];
  return [sign, sum, ...(whole.length > SHORT ? breakable(rest) : [rest])].filter(Boolean).flatMap((one) => (large.length ? cut(one) : [one])).map((one) => {
    const text = one.replace(/[\ue000-\ue063]/gu, (sign) => parts[sign.charCodeAt(0) - PLACE].text);
    return { text: text.trim(), row: one, parts };
  });
}

/**
 * A formula as MathML.
 * @param {{text: string, row: string, parts: Part[]}} formula
 */
function formula({ text, row, parts }) {
  const element = math("math", math("mrow", ...allDrawn(pieces(row), parts)));
  element.setAttribute("displaystyle", "true"); // fractions in full size
  element.setAttribute("alttext", text);
  return element;
}

/**
 * A large array: what it looks like, and below it its name and shape.
 * @param {Part} part
 * @param {Element | undefined} picture
 */
function figure({ text }, picture) {
  const name = formula({ text, row: text, parts: [] });
  return html("span", { class: "gp-array" }, ...(picture ? [picture] : []), name);
}

/**
 * A line of an equation. Its sides are formulas of their own, so that a long line can break between them, and a side that is too
 * long for a line within it; where it ends in a number, that is in bold.
 * @param {Line | string} line
 * @param {(part: Part) => Element | undefined} [heatmap] draws an array that is too large for its numbers
 */
export function equationLine(line, heatmap) {
  const { text, sides = [], relations = [] } = typeof line === "string" ? lineOf(line) : line;
  const element = html("div", { class: "gp-formula" });
  if (!sides.length) {
    element.append(text); // words, not a formula
    return element;
  }
  // Read out as one line: its formulas are apart only so that it may be broken.
  element.setAttribute("role", "math");
  element.setAttribute("aria-label", text);
  sides.forEach((side, k) => {
    const part = html("span", { class: "gp-side" });
    formulasOf(k ? [`${relations[k - 1]} `, ...side] : side).forEach((one, i) => {
      const large = one.row.length === 1 ? one.parts[one.row.charCodeAt(0) - PLACE] : undefined;
      part.append(...(i ? [html("wbr")] : []), large && isLarge(large) ? figure(large, heatmap?.(large)) : formula(one));
    });
    const [last] = side;
    if (k && k === sides.length - 1 && side.length === 1 && (typeof last === "string" ? /^−?[\d.]+(e[−-]?\d+)?$/u.test(last) : last.kind === "number")) part.classList.add("gp-result");
    element.append(part, " ");
  });
  const remark = /\s{3}(.*)$/su.exec(text)?.[1];
  if (remark) element.append(html("span", { class: "gp-muted" }, remark));
  return element;
}
