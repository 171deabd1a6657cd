// The panel beside the picture: this step in words and numbers, the code, and the steps so far.

import { placeText } from "./controls.js";
import { html } from "./dom.js";
import { equationLine } from "./equation.js";
import { makeInside } from "./inside.js";
import { phrase } from "./words.js";

/** @typedef {import("./state.js").Step} Step */
/** @typedef {import("./state.js").Payload} Payload */

const SMALLEST = 0.68; // of the usual size of a formula
const PADDING = 12; // pixels, on either side of an equation

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
      summary.textContent = phrase("panel: steps so far", { part: k + 1 });
      update();
    },
  };
}

/**
 * @param {Payload} payload
 * @param {(step: number) => void} go
 * @param {(event: number) => void} enter
 * @param {{element: HTMLElement}} program
 * @param {HTMLElement[]} parts what stands between this step's words and the code
 * @param {(part: import("./equation.js").Part, step: number) => Element | undefined} heatmap
 * @param {HTMLElement} follow the way inside of what a step happens in
 */
export function makePanel({ steps }, go, enter, program, parts, heatmap, follow) {
  const heading = html("h3");
  const sentence = html("p", { class: "gp-sentence" });
  const equation = html("div", { class: "gp-equation" });
  const reason = html("p", { class: "gp-reason" });
  const why = html("details", { class: "gp-section" }, html("summary", {}, phrase("panel: why now and what saved")), reason);
  const log = makeLog(steps, go);
  const inside = makeInside(enter);
  const words = html("section", { class: "gp-section" }, heading, inside.element, sentence, follow, equation);
  // The code stays in sight, however long the rest is.
  const reading = html("div", { class: "gp-reading" }, words, ...parts);
  const below = html("div", { class: "gp-below" }, program.element, html("div", { class: "gp-more" }, why, log.element));

  /** Sets formulas that are wider than the equation's box smaller, as long as they can be read; beyond that the box scrolls. */
  function fit() {
    equation.style.removeProperty("--gp-fit");
    const room = equation.clientWidth - 2 * PADDING;
    const wide = [...equation.querySelectorAll("math")].reduce((most, { scrollWidth }) => Math.max(most, scrollWidth), 0);
    if (room > 0 && wide > room) equation.style.setProperty("--gp-fit", String(Math.max(SMALLEST, (room - 1) / wide)));
  }
  const observer = new ResizeObserver(fit);
  observer.observe(words);

  return {
    element: html("div", { class: "gp-panel" }, reading, below),
    stop: () => observer.disconnect(),
    /** Puts something above everything else. @param {HTMLElement} first */
    prepend: (first) => reading.prepend(first),
    /**
     * @param {number} k
     * @param {import("./state.js").Event[]} events the step taken apart, or none
     * @param {number} e which event is shown
     */
    show(k, events, e) {
      const step = steps[k];
      const event = events[e];
      const { title, sentence: said, equation: lines = [] } = event ?? step;
      heading.replaceChildren(html("span", {}, phrase("panel: step")), ...(step.title ? [" · ", html("strong", {}, step.title)] : []));
      if (event) heading.append(html("span", {}, ` · ${title}`));
      inside.show(events, e);
      sentence.textContent = said;
      reason.textContent = event ? "" : step.reason;
      why.hidden = !reason.textContent;
      equation.replaceChildren(...lines.map((line) => equationLine(line, (part) => heatmap(part, k))));
      equation.hidden = lines.length === 0;
      fit();
      log.show(k);
    },
  };
}
