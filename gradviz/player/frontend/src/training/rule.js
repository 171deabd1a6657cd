// The update rule, with the numbers of the step that is shown: w ← w − lr · grad = 2 − 0.01 × 5 = 1.95.

import { html } from "../dom.js";
import { equationLine } from "../equation.js";
import { numberText } from "../number.js";
import { phrase } from "../words.js";

/** @typedef {import("./data.js").Parameter} Parameter */

/** A number inside a formula: a negative one in brackets, unless it stands first. @param {number} value @param {boolean} first */
const inFormula = (value, first) => {
  const text = numberText(value);
  return text.startsWith("−") && !first ? `(${text})` : text;
};

/**
 * A line of a rule in words and in numbers. A pure function.
 * @param {import("./data.js").Line} line
 * @param {(key: string) => number} number what stands at a key
 */
export function ruleText({ symbol, key, tokens }, number) {
  const rule = tokens.map(([text]) => text).join(" ");
  const worked = tokens.map(([text, at], i) => (at ? inFormula(number(at), i === 0) : text === "·" ? "×" : text)).join(" ");
  const result = numberText(number(key));
  const tidy = (/** @type {string} */ text) => text.replaceAll("( ", "(").replaceAll(" )", ")").replaceAll("√ ", "√").replace(/ (?=[²³,])/g, "");
  return `${symbol} ← ${[tidy(rule), tidy(worked), result].filter((side, i, all) => side !== all[i - 1]).join(" = ")}`;
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
