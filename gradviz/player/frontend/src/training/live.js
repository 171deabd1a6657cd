// What one can do with a run that is live: change the learning rate and the momentum, start again, stop.

import { button, html } from "../dom.js";
import { numberText } from "../number.js";
import { phrase } from "../words.js";

/**
 * What Python says of a live run. `message` is set when it was stopped by an error.
 * @typedef {{lr: number | null, momentum: number | null, epochs: number, done: number, message: string, busy?: boolean}} Live
 */

/** Steps of a slider for numbers of very different size: 1, 1.5, 2, 3, 5, 7 times a power of ten. */
const FACTORS = [1, 1.5, 2, 3, 5, 7];
const [LOWEST, HIGHEST] = [-6, 2];
export const RATES = Array.from({ length: HIGHEST - LOWEST }, (_, i) => FACTORS.map((factor) => Number(`${factor}e${LOWEST + i}`))).flat();

/** @param {number} rate */
const nearestRate = (rate) => RATES.reduce((best, other, i) => (Math.abs(Math.log(other / rate)) < Math.abs(Math.log(RATES[best] / rate)) ? i : best), 0);

/**
 * @param {{send(message: Record<string, any>): void}} on
 */
export function makeLive(on) {
  /** @param {string} label @param {Record<string, string | number>} range @param {(at: number) => number} valueAt @param {string} name */
  const slider = (label, range, valueAt, name) => {
    const input = html("input", { type: "range", class: "gt-range", "aria-label": label, ...range });
    const shown = html("output", {});
    const element = html("label", { class: "gt-slider" }, html("span", {}, label), input, shown);
    input.addEventListener("input", () => {
      shown.textContent = numberText(valueAt(Number(input.value)));
      input.setAttribute("aria-valuetext", shown.textContent);
      on.send({ do: "set", [name]: valueAt(Number(input.value)) });
    });
    return { element, input, shown };
  };
  const lr = slider(phrase("training live: learning rate"), { min: 0, max: RATES.length - 1, step: 1 }, (at) => RATES[at], "lr");
  const momentum = slider("momentum", { min: 0, max: 0.99, step: 0.01 }, (at) => at, "momentum");
  const reset = button(phrase("training live: start again"), () => on.send({ do: "reset" }), { kind: "gt-button" });
  reset.title = phrase("training live: back weights beginning with learning");
  const state = html("span", { class: "gt-state" });
  const message = html("p", { class: "gt-message", role: "alert" });
  const bar = html("div", { class: "gt-live" }, lr.element, momentum.element, reset, state);
  const element = html("div", {}, bar, message);
  element.hidden = true;
  return {
    element,
    /** @param {Live | null} live */
    show(live) {
      element.hidden = live === null;
      if (!live) return;
      lr.element.hidden = live.lr === null;
      momentum.element.hidden = live.momentum === null;
      if (live.lr !== null && document.activeElement !== lr.input) lr.input.value = String(nearestRate(live.lr));
      if (live.lr !== null) lr.shown.textContent = numberText(live.lr);
      if (live.momentum !== null && document.activeElement !== momentum.input) momentum.input.value = String(live.momentum);
      if (live.momentum !== null) momentum.shown.textContent = numberText(live.momentum);
      const over = live.done >= live.epochs ? phrase("training live: start again use other settings") : "";
      state.textContent = live.message ? "stopped" : phrase("training live: epochs trained", { done: live.done, epochs: live.epochs, over });
      message.textContent = live.message;
      message.hidden = !live.message;
      reset.disabled = live.done === 0 && !live.message;
    },
  };
}
