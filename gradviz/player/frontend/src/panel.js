// The panel beside the picture: this step in words and numbers, the code, and the steps so far.

import { makeCode } from "./code.js";
import { placeText } from "./controls.js";
import { html } from "./dom.js";

/** @typedef {import("./state.js").Step} Step */
/** @typedef {import("./state.js").Payload} Payload */

/**
 * A line of the equation; where it ends in a number, that is in bold.
 * @param {string} line
 */
function equationLine(line) {
  const [, before, result] = line.match(/^(.* = )(\S+)$/s) ?? [];
  return result ? html("div", {}, before, html("b", {}, result)) : html("div", {}, line);
}

/**
 * @param {Step[]} steps
 * @param {(step: number) => void} go
 */
function makeLog(steps, go) {
  const list = html("ol", { class: "gp-log" });
  const summary = html("summary");
  const entry = (/** @type {number} */ k) => {
    const { title, sentence } = steps[k];
    const jump = html("button", { type: "button", class: "gp-jump" }, placeText(steps, k), " · ", title);
    jump.addEventListener("click", () => go(k));
    return html("li", { class: `gp-${steps[k].phase}` }, jump, html("span", {}, sentence));
  };
  const details = html("details", { class: "gp-section" }, summary, list);
  let shown = 0;
  const update = () => {
    if (!details.open) return; // nobody looks, and there may be hundreds
    while (list.children.length > shown + 1) list.lastElementChild?.remove();
    while (list.children.length < shown + 1) list.append(entry(list.children.length));
    list.scrollTop = list.scrollHeight;
  };
  details.addEventListener("toggle", update);
  return {
    element: details,
    /** @param {number} k */
    show(k) {
      shown = k;
      summary.textContent = `Steps so far (${k + 1})`;
      update();
    },
  };
}

/**
 * @param {Payload} payload
 * @param {(step: number) => void} go
 */
export function makePanel({ steps, code }, go) {
  const heading = html("h3");
  const sentence = html("p", { class: "gp-sentence" });
  const reason = html("p", { class: "gp-reason" });
  const equation = html("div", { class: "gp-equation" });
  const program = makeCode(code);
  const log = makeLog(steps, go);
  const words = html("section", { class: "gp-section" }, heading, sentence, reason, equation);

  return {
    element: html("div", { class: "gp-panel" }, words, program.element, log.element),
    /** @param {number} k */
    show(k) {
      const step = steps[k];
      heading.replaceChildren(html("span", {}, "This step"), ...(step.title ? [" · ", html("strong", {}, step.title)] : []));
      sentence.textContent = step.sentence;
      reason.textContent = step.reason;
      reason.hidden = !step.reason;
      equation.replaceChildren(...step.equation.map(equationLine));
      equation.hidden = step.equation.length === 0;
      program.show(step.source);
      log.show(k);
    },
  };
}
