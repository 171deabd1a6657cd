// The update rule, with the numbers of the step that is shown: w ← w − lr · grad = 2 − 0.01 × 5 = 1.95.

import { shown } from "../arithmetic.js";
import { html } from "../dom.js";
import { equationLine } from "../equation.js";
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

export function makeRule() {
  const heading = html("h3", {}, phrase("training rule: update"));
  const lines = html("div", { class: "gp-equations" });
  const words = html("p", { class: "gt-words" });
  const element = html("section", { class: "gt-panel gt-rule" }, html("header", {}, heading), words, lines);
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
      heading.textContent = form ? phrase("training rule: update 2", { moved, form: form.name }) : phrase("training rule: update 3", { moved });
      if (!form) {
        words.textContent = parameter.entries.length
          ? phrase("training rule: took no part step")
          : phrase("training rule: too large be followed entry", { part: parameter.shape.join("×") });
        lines.replaceChildren();
        return;
      }
      const number = (/** @type {string} */ key) => parameter.numbers.get(key)?.at(k, entry) ?? NaN;
      words.textContent = moved === "w" ? "" : phrase("training rule: here w and grad gradient", { moved });
      words.hidden = moved === "w";
      lines.replaceChildren(
        ...form.lines.map((line) =>
          html("div", { class: "gt-ruled" }, equationLine(ruleText(line, number)), html("p", { class: "gt-words" }, line.sentence)),
        ),
      );
    },
  };
}
