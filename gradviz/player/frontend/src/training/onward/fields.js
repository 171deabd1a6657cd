// Fields for numbers that a reader types: whatever is typed, what comes out of them is a number that makes sense, or nothing.

import { html } from "../../dom.js";
import { numberText } from "../../number.js";
import { phrase } from "../../words.js";

const PLAIN = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Reads a number as it is typed.
 * @param {string} text
 * @returns {number} nan if it is none, or too large for one
 */
export function typed(text) {
  const plain = text.trim().replace("−", "-");
  const number = plain.length <= 40 && PLAIN.test(plain) ? Number(plain) : NaN;
  return Number.isFinite(number) ? number : NaN;
}

/**
 * @param {string} label
 * @param {{fits?: (number: number) => boolean, wrong: string, take(number: number): void, say(text: string): void}} on `wrong`: what is said of anything else
 */
export function makeField(label, { fits = () => true, wrong, take, say }) {
  const input = html("input", { type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", class: "gt-number", "aria-label": label, maxlength: 40 });
  const name = html("span", {}, label);
  const element = html("label", { class: "gt-field" }, name, input);
  let shown = "";
  input.addEventListener("input", () => {
    const number = typed(input.value);
    const good = !Number.isNaN(number) && fits(number);
    input.toggleAttribute("data-wrong", !good);
    input.setAttribute("aria-invalid", String(!good));
    say(good ? "" : phrase("training onward: wrong", { text: JSON.stringify(input.value.slice(0, 20)), wrong }));
    if (good) take(number);
  });
  const settle = () => {
    if (!input.hasAttribute("data-wrong")) return;
    input.value = shown; // what counts
    input.removeAttribute("data-wrong");
    input.setAttribute("aria-invalid", "false");
    say("");
  };
  input.addEventListener("blur", settle);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") settle();
  });
  return {
    element,
    input,
    /** @param {number | null} number @param {string} [called] */
    show(number, called = label) {
      element.hidden = number === null;
      shown = number === null ? "" : numberText(number, 4).replace("−", "-");
      if (name.textContent !== called) {
        name.textContent = called;
        input.setAttribute("aria-label", called);
      }
      if (input.getRootNode() instanceof Document && document.activeElement === input) return;
      if (input.value !== shown) input.value = shown;
    },
  };
}
