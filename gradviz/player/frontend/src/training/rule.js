// The update rule, with the numbers of the step that is shown: w ← w − lr · grad = 2 − 0.01 × 5 = 1.95.

import { shown } from "../arithmetic.js";
import { become, html, setText, svgElement } from "../dom.js";
import { equationLine } from "../equation.js";
import { numberText } from "../number.js";
import { point } from "./arrow.js";
import { extent } from "./geometry.js";
import { phrase } from "../words.js";

/** @typedef {import("./data.js").Parameter} Parameter */

/** A number inside a formula: a negative one in brackets, unless it stands first. @param {string} text @param {boolean} first */
const inFormula = (text, first) => (text.startsWith("−") && !first ? `(${text})` : text);

/** @type {Record<string, (a: number, b: number) => number>} */
const INFIX = {
  "+": (a, b) => a + b, "−": (a, b) => a - b, "·": (a, b) => a * b, "/": (a, b) => a / b, "^": (a, b) => a ** b,
  "<": (a, b) => Number(a < b), ">": (a, b) => Number(a > b), "=": (a, b) => Number(a === b),
};

/** What holds more and more tightly. */
const LEVELS = ["<>=", "+−", "·/", "^"];

/** @type {Record<string, (...parts: number[]) => number>} */
const AROUND = { "(": (a) => a, "|": Math.abs, "max(": Math.max, "min(": Math.min, "sign(": Math.sign };

/**
 * Works a line of a rule out.
 * @param {[string, string][]} tokens
 * @param {number[]} numbers for the tokens that stand for one, in their order
 */
export function workedOut(tokens, numbers) {
  let at = 0;
  let taken = 0;
  const sees = (/** @type {string} */ text) => tokens[at]?.[0] === text && !tokens[at][1];
  const takes = (/** @type {string} */ text) => sees(text) && ++at > 0;
  /** @returns {number} */
  function choice() {
    const one = infix(0);
    if (!takes("if")) return one;
    const holds = infix(0);
    at += 1; // else
    const other = choice();
    return holds ? one : other;
  }
  /** @param {number} level @returns {number} */
  function infix(level) {
    if (level === LEVELS.length) return atom();
    let made = level === 1 && takes("−") ? -infix(2) : infix(level + 1);
    for (;;) {
      const sign = tokens[at] && !tokens[at][1] && LEVELS[level].includes(tokens[at][0]) ? tokens[at][0] : "";
      if (!sign) return made;
      at += 1;
      made = INFIX[sign](made, infix(level + 1));
    }
  }
  /** @returns {number} */
  function atom() {
    const [text, key] = tokens[at++];
    if (!key && text === "√") return Math.sqrt(atom());
    let made = key ? numbers[taken++] : Number(text);
    if (!key && Object.hasOwn(AROUND, text)) {
      const parts = [choice()];
      while (takes(",")) parts.push(choice());
      at += 1; // the other bracket
      made = AROUND[text](...parts);
    }
    return takes("²") ? made ** 2 : made;
  }
  return choice();
}

/**
 * A line of a rule in words and in numbers. A pure function.
 * @param {import("./data.js").Line} line
 * @param {(key: string) => number} number what stands at a key
 */
export function ruleText({ symbol, key, tokens }, number) {
  const rule = tokens.map(([text]) => text).join(" ");
  const operands = tokens.flatMap(([, at]) => (at ? [number(at)] : []));
  const told = shown(operands, number(key), (...numbers) => workedOut(tokens, numbers), "float32");
  let place = 0;
  const worked = tokens.map(([text, at], i) => (at ? inFormula(told.operands[place++], i === 0) : text === "·" ? "×" : text)).join(" ");
  const tidy = (/** @type {string} */ text) => text.replaceAll("( ", "(").replaceAll(" )", ")").replaceAll("√ ", "√").replace(/ (?=[²³,])/g, "");
  const sides = [tidy(rule), tidy(worked)].filter((side, i, all) => side !== all[i - 1]).join(" = ");
  return `${symbol} ← ${sides}${tidy(worked) === told.result ? "" : ` ${told.relation} ${told.result}`}`;
}

const [LEFT, RIGHT, MIDDLE, LINE] = [8, 292, 150, 66];

/**
 * The gradient, and the step that was made of it, on one scale: the learning rate is how much shorter the step is. Both begin at the
 * value before; where the step ends is the value after.
 */
function makeArrows() {
  const arrow = (/** @type {string} */ kind, /** @type {number} */ y) => {
    const [shaft, head] = [svgElement("line", { y1: y, y2: y, x1: MIDDLE }), svgElement("path")];
    const told = svgElement("text", { class: "gt-tick", y: y - 8 });
    const element = svgElement("g", { class: `gt-arrow gt-${kind}` }, shaft, head, told);
    return {
      element,
      /** @param {number} value @param {number} most @param {string} text */
      show(value, most, text) {
        const length = Number.isFinite(value) && most > 0 ? (value / most) * (MIDDLE - LEFT) : 0;
        point(shaft, head, MIDDLE, y, length, 7);
        setText(told, text);
        const right = length < 0;
        told.setAttribute("x", String(right ? MIDDLE - 6 : MIDDLE + 6));
        told.setAttribute("text-anchor", right ? "end" : "start");
      },
    };
  };
  const [gradient, step] = [arrow("gradient", 20), arrow("update", 46)];
  const here = svgElement("line", { class: "gt-zero", x1: MIDDLE, x2: MIDDLE, y1: 6, y2: LINE });
  const there = svgElement("line", { class: "gt-drop", y1: 46, y2: LINE });
  const line = svgElement("line", { class: "gt-axis", x1: LEFT, x2: RIGHT, y1: LINE, y2: LINE });
  const old = svgElement("circle", { class: "gt-old", cx: MIDDLE, cy: LINE, r: 5 });
  const now = svgElement("circle", { class: "gt-now", cy: LINE, r: 3.5 });
  const [before, after] = [0, 1].map(() => svgElement("text", { class: "gt-tick", y: LINE + 17 }));
  const element = svgElement("svg", { class: "gt-scaled", viewBox: `0 0 ${RIGHT + LEFT} ${LINE + 22}`, role: "img" }, here, there, line, gradient.element, step.element, old, now, before, after);
  /** Where a step ends that cannot be drawn it is not known. @param {number} length @param {string} one @param {string} other */
  const ends = (length, one, other) => {
    const known = Number.isFinite(length);
    for (const part of [there, now]) part.toggleAttribute("hidden", !known);
    const tip = MIDDLE + (known ? length : 0);
    const side = length < 0 ? -1 : 1;
    // The two texts stand apart, however near their marks are.
    place(before, MIDDLE - side * 2, -side, one);
    place(after, side > 0 ? Math.max(tip - 6, MIDDLE + 8) : Math.min(tip + 6, MIDDLE - 8), side, other);
    there.setAttribute("x1", String(tip));
    there.setAttribute("x2", String(tip));
    now.setAttribute("cx", String(tip));
  };
  /** @param {SVGTextElement} text @param {number} x @param {number} side @param {string} words */
  function place(text, x, side, words) {
    // Where there is no room on one side of a mark, the words go to the other.
    const turned = (side > 0 && x > RIGHT - 90) || (side < 0 && x < LEFT + 90);
    text.setAttribute("x", String(turned ? (side > 0 ? RIGHT : LEFT) : x));
    text.setAttribute("text-anchor", side > 0 !== turned ? "start" : "end");
    setText(text, words);
  }
  return {
    element,
    /** @param {Parameter} parameter @param {number} entry @param {number} k */
    show(parameter, entry, k) {
      const [grad, moved] = [parameter.gradient.at(k, entry), parameter.after.at(k, entry) - parameter.before.at(k, entry)];
      const [, most] = extent([Math.abs(grad), Math.abs(moved)]);
      const [one, other] = [phrase("training rule: gradient", { number: numberText(grad, 4, "float32") }), phrase("training rule: step", { number: numberText(moved, 4, "float32") })];
      gradient.show(grad, most, one);
      step.show(moved, most, other);
      const [old, now] = [parameter.before, parameter.after].map((rows) => numberText(rows.at(k, entry), 4, "float32"));
      ends(most > 0 ? (moved / most) * (MIDDLE - LEFT) : 0, phrase("training rule: before", { number: old }), phrase("training rule: after", { number: now }));
      element.setAttribute("aria-label", `${phrase("training rule: one scale", { one, other })} ${phrase("training rule: before", { number: old })}, ${phrase("training rule: after", { number: now })}`);
    },
  };
}

export function makeRule() {
  const arrows = makeArrows();
  const heading = html("h3", {}, phrase("training rule: update"));
  const lines = html("div", { class: "gp-equations" });
  const words = html("p", { class: "gt-words" });
  const element = html("section", { class: "gt-panel gt-rule" }, html("header", {}, heading), html("div", { class: "gt-scroll", tabindex: 0, role: "group", "aria-label": phrase("training rule: update") }, arrows.element, lines, words));
  return {
    element,
    /**
     * @param {Parameter} parameter
     * @param {number} entry which of the entries that are shown
     * @param {number} k which step
     */
    show(parameter, entry, k) {
      const form = parameter.forms[parameter.form.at(k)];
      const [, place] = parameter.entries[entry] ?? [0, ""];
      const moved = parameter.name + place;
      setText(heading, form ? phrase("training rule: update 2", { moved, form: form.name }) : phrase("training rule: update 3", { moved }));
      arrows.element.toggleAttribute("hidden", !form);
      if (form) arrows.show(parameter, entry, k);
      if (!form) {
        setText(words, parameter.entries.length ? phrase("training rule: took no part step") : phrase("training rule: too large be followed entry", { part: parameter.shape.join("×") }));
        lines.replaceChildren();
        return;
      }
      const number = (/** @type {string} */ key) => parameter.numbers().get(key)?.at(k, entry) ?? NaN;
      setText(words, moved === "w" ? "" : phrase("training rule: here w and grad gradient", { moved }));
      words.hidden = moved === "w";
      const told = form.lines.map((line) => html("div", { class: "gt-ruled" }, equationLine(ruleText(line, number)), html("p", { class: "gt-words" }, line.sentence)));
      become(lines, html("div", { class: "gp-equations" }, ...told));
    },
  };
}
