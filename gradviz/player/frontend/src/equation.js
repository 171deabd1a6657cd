// Equations as MathML: no font, no script is fetched, and a screen reader reads fractions as fractions.
//
// An equation arrives as one line of text, in the notation the whole project prints: "∂y/∂w = ∂y/∂(w·x) · x = 1 × 5 = 5".
// Here it is cut into signs; whatever is not known stays the text it was.

import { html } from "./dom.js";

const MATHML = "http://www.w3.org/1998/Math/MathML";
const NUMBER = /^\d+(?:\.\d+)?(?:e[−-]?\d+)?/u;
const NAME = /^(?!ᵀ)[\p{L}_](?:(?!ᵀ)[\p{L}\p{Nd}_.])*/u;
const SHORT = 20; // signs, which fit in a line of the narrowest panel
const RAISED = new Map([["²", "2"], ["³", "3"], ["⁴", "4"], ["ᵀ", "T"]]);

/**
 * A piece of an equation.
 * @typedef {{kind: "number" | "name" | "words" | "sign" | "text", text: string}
 *   | {kind: "fraction", above: Piece[], below: Piece[]}
 *   | {kind: "power", base: Piece, raised: string}
 *   | {kind: "root", of: Piece[]}} Piece
 */

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
  const length = text.startsWith("(") ? bracketed(text) : (/^[^\s·×=()/]+(?:\([^()]*\))?/u.exec(text)?.[0].length ?? 0);
  return text.slice(0, length);
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
    const last = found.at(-1);
    if (below) {
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
      const sign = String.fromCodePoint(rest.codePointAt(0) ?? 0);
      spaced = !sign.trim();
      if (!spaced) found.push({ kind: "=·×+−-@()[],|√Σ→←<>′".includes(sign) ? "sign" : "text", text: sign });
      rest = rest.slice(sign.length);
    }
  }
  return found;
}

/**
 * Cuts a line into what is said before the equation, its sides, and the remark after it. A pure function.
 * @param {string} line
 */
export function sidesOf(line) {
  const [, equation, remark = ""] = /^(.*?)(?:\s{3}(.*)|(, summed over .*))?$/su.exec(line) ?? ["", line];
  const [, before = "", rest] = /^(to ∂.+?: )(.*)$/su.exec(equation) ?? ["", "", equation];
  return { before, sides: rest.split(" = "), remark: (remark || line.slice(equation.length)).trim() };
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
    const after = /[·+−×@,]/u.test(side[i]) && side[i + 1] === " " && (side[i] === "," || side[i - 1] === " ") && i - 1 > start;
    if (after || side.startsWith(" if ", i + 1)) {
      parts.push(side.slice(start, i + 1));
      start = i + 2;
      i += 1;
    }
  }
  return [...parts, side.slice(start)];
}

/** @param {string} tag @param {...(Node | string)} children */
function math(tag, ...children) {
  const element = document.createElementNS(MATHML, tag);
  element.append(...children);
  return element;
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

/**
 * Brackets are as high as a fraction beside them, and grow for nothing less: the square of something is no reason.
 * @param {Piece[]} row
 */
function allDrawn(row) {
  row = unbracketed(row);
  const elements = row.map((piece, k) => drawn(piece, row[k - 1]));
  const last = elements.at(-1);
  if (elements.length > 1 && last?.localName === "mo" && "·+−×@".includes(last.textContent ?? "?")) last.setAttribute("form", "infix"); // the formula goes on
  if (!row.some(({ kind }) => kind === "fraction")) {
    const bases = elements.map((element) => (element.localName === "msup" ? element.children[0] : element));
    for (const base of bases) if (base.localName === "mo" && "()[]|".includes(base.textContent ?? "?")) base.setAttribute("stretchy", "false");
  }
  return elements;
}

/** @param {Piece} piece @param {Piece} [before] what stands before it @returns {Element} */
function drawn(piece, before) {
  switch (piece.kind) {
    case "fraction":
      return math("mfrac", math("mrow", ...allDrawn(piece.above)), math("mrow", ...allDrawn(piece.below)));
    case "root":
      return math("msqrt", ...allDrawn(piece.of));
    case "power": // after brackets, the bracket that closes carries it
      return math("msup", drawn(piece.base), math("mn", piece.raised));
    case "number":
      return math("mn", piece.text);
    case "name":
      return math("mi", piece.text);
    case "sign": {
      const sign = math("mo", piece.text);
      if (piece.text === "=") sign.setAttribute("form", "infix"); // with its spaces, though it stands first
      // A minus that belongs to a number keeps close to it, also where it does not stand first: (−2), = −2.
      else if (piece.text === "−" && (!before || (before.kind === "sign" && !")]′".includes(before.text)))) sign.setAttribute("form", "prefix");
      return sign;
    }
    default:
      return math("mtext", piece.text);
  }
}

/**
 * A side of an equation: one formula, or where it may not fit in a line, as many as it can be broken into.
 * @param {string} side
 */
function sideOf(side) {
  return (side.length > SHORT ? breakable(side) : [side]).flatMap((part, k) => (k ? [html("wbr"), formula(part)] : [formula(part)]));
}

/**
 * A formula as MathML.
 * @param {string} side
 */
function formula(side) {
  const element = math("math", math("mrow", ...allDrawn(pieces(side))));
  element.setAttribute("displaystyle", "true"); // fractions in full size
  element.setAttribute("alttext", side);
  return element;
}

/**
 * A line of an equation. Its sides are formulas of their own, so that a long line can break between them, and a side that is too
 * long for a line within it; where it ends in a number, that is in bold.
 * @param {string} line
 */
export function equationLine(line) {
  if (line.startsWith("a hook on ")) return html("div", { class: "gp-formula" }, line); // words, not a formula
  const { before, sides, remark } = sidesOf(line);
  const element = html("div", { class: "gp-formula" });
  if (before) element.append(html("span", { class: "gp-muted" }, "to "), formula(before.slice(3, -2)), html("span", { class: "gp-muted" }, ": "));
  sides.forEach((side, k) => {
    const [, text, made] = /^(∂.*?)? so far: (.*)$/su.exec(side) ?? ["", "", ""];
    const part = html("span", { class: "gp-side" });
    // "What had arrived before + this" is no formula, and may be broken anywhere.
    if (made) part.append(formula(text), html("span", { class: "gp-muted" }, " so far: "), made.startsWith("what") ? made : formula(made));
    else part.append(...sideOf(k ? `= ${side}` : side));
    if (k && k === sides.length - 1 && /^−?[\d.]+(e[−-]?\d+)?$/u.test(side)) part.classList.add("gp-result");
    element.append(part, " ");
  });
  if (remark) element.append(html("span", { class: "gp-muted" }, remark.replace(/^, /, "")));
  return element;
}
