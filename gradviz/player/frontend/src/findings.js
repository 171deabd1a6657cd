// What was found out about a computation: the first nan, what a model's run left out, and what is held for the backward pass.

import { button, html, svgElement } from "./dom.js";
import { phrase } from "./words.js";

/** @typedef {{held: number[], most: number, sentence: string}} Memory bytes after each step */
/** @typedef {{step: number, sentence: string}} Strange */

const UNITS = ["bytes", "kB", "MB", "GB"];

/** @param {number} count */
export function bytesText(count) {
  let unit = 0;
  for (; count >= 1000 && unit < UNITS.length - 1; unit += 1) count /= 1000;
  return `${unit ? Number(count.toPrecision(3)) : count} ${UNITS[unit]}`;
}

/**
 * A silhouette along the track: how much is held after each step, the most of it as high as there is room.
 * @param {Memory} memory
 */
function makeSilhouette({ held, most }) {
  const high = (/** @type {number} */ k) => ((1 - held[k] / most) * 10).toFixed(2);
  const d = `M0 10${held.map((_, k) => `V${high(k)}H${k + 1}`).join("")}V10z`;
  return svgElement(
    "svg",
    { class: "gp-held", viewBox: `0 0 ${held.length} 10`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svgElement("path", { d }),
  );
}

/**
 * @param {{memory?: Memory | null, strange?: Strange | null, remarks?: string[]}} payload
 * @param {(step: number) => void} go
 */
export function makeFindings({ memory, strange, remarks = [] }, go) {
  const now = html("span");
  const held = memory ? [html("p", { class: "gp-memory" }, now, " ", memory.sentence)] : [];
  const alarm = strange
    ? [
        html(
          "div",
          { class: "gp-strange", role: "note" },
          html("span", {}, strange.sentence),
          " ",
          button(phrase("findings: go to step", { part: strange.step + 1 }), () => go(strange.step), { kind: "gp-small" }),
        ),
      ]
    : [];
  return {
    /** Stands above all else. */
    alarm: html("div", { class: "gp-findings" }, ...alarm, ...remarks.map((said) => html("p", { class: "gp-remark" }, said))),
    /** Stands below this step's words. */
    memory: html("div", {}, ...held),
    /** Draws the silhouette along the track. @param {Element | null} track */
    along(track) {
      if (memory) track?.append(makeSilhouette(memory));
    },
    /** @param {number} k */
    show(k) {
      if (memory) now.textContent = phrase("findings: held after this step", { now: bytesText(memory.held[k] ?? 0) });
    },
  };
}
