// The strip under the picture: the whole computation as a row of bars, one for each operation, grouped by module. A bar is as high
// as the gradient that came back to it is large; how far the run has come, and which part of it is open, shows in its colour.

import { html } from "./dom.js";
import { numberText } from "./number.js";
import { phrase } from "./words.js";

/**
 * One bar: the steps of the whole run at which its operation is computed, and passes its gradient on (-1 for never); and the size
 * of the gradient that arrives, as its power of ten, if one does.
 * @typedef {[forward: number, backward: number, size: number | null]} Bar
 * @typedef {{label: string, inside: string, count: number, bars: Bar[]}} Group which of the pictures shows it, and how many operations are in it
 * @typedef {{groups: Group[], low: number, high: number}} OverviewData powers of ten between which the bars stand
 */

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
/** A power of ten as it is written. @param {number} exponent */
const power = (exponent) => `10${exponent < 0 ? "⁻" : ""}${[...String(Math.abs(exponent))].map((digit) => RAISED[Number(digit)]).join("")}`;
/** The number of which this is the power of ten. @param {number} exponent */
const size = (exponent) => numberText(10 ** exponent, 2);

const LEAST = 14; // percent: the smallest gradient there is has a bar, too

/**
 * @param {OverviewData | null | undefined} data
 * @param {number[]} open the first and the last step of the whole run that the picture shows
 * @param {{enter(group: Group): void, goTo(place: number): void}} on
 */
export function makeOverview(data, [first, last], on) {
  const element = html("div", { class: "gp-overview" });
  element.hidden = !data?.groups.length;
  if (!data || element.hidden) return { element, show() {} };
  const high = (/** @type {number | null} */ exponent) =>
    exponent === null ? LEAST : LEAST + (100 - LEAST) * Math.min(1, Math.max(0, (exponent - data.low) / (data.high - data.low || 1)));
  const bars = /** @type {{bar: Bar, made: HTMLElement}[]} */ ([]);
  const parts = data.groups.map((group) => {
    const row = html("span", { class: "gp-bars" });
    for (const bar of group.bars) {
      const made = html("i", { style: `height:${high(bar[2]).toFixed(0)}%` });
      if (first > 0 && bar[0] >= first && bar[0] <= last) made.dataset.open = "";
      bars.push({ bar, made });
      row.append(made);
    }
    const sizes = group.bars.flatMap(([, , exponent]) => exponent ?? []);
    const { label, count } = group;
    const name = sizes.length
      ? phrase("overview: group with gradients", { label, count, low: size(Math.min(...sizes)), high: size(Math.max(...sizes)) })
      : phrase("overview: group", { label, count });
    const part = html("button", { type: "button", class: "gp-part", "aria-label": name, title: name }, row, html("span", { class: "gp-label" }, group.label));
    part.style.flexGrow = String(group.bars.length);
    part.style.maxWidth = `max(72px, ${group.bars.length * 26}px)`; // few bars are not to be mistaken for areas
    if (group.bars.some(([place]) => first > 0 && place >= first && place <= last)) part.dataset.open = "";
    part.addEventListener("click", (event) => {
      const hit = bars.find(({ made }) => made === event.target);
      if (hit) on.goTo(backward && hit.bar[1] >= 0 ? hit.bar[1] : hit.bar[0]);
      else on.enter(group);
    });
    return part;
  });
  const scale = data.groups.some(({ bars }) => bars.some(([, , exponent]) => exponent !== null));
  const caption = html("p", { class: "gp-caption" }, scale ? phrase("overview: height", { low: power(data.low), high: power(data.high) }) : phrase("overview: whole"));
  element.append(caption, html("div", { class: "gp-parts", role: "group", "aria-label": phrase("overview: parts") }, ...parts));

  let backward = false;
  return {
    element,
    /**
     * Shows how far the run has come.
     * @param {number} from the first step of the whole run that the picture's step stands for
     * @param {number} to the last
     * @param {boolean} back whether it is one of the backward pass
     */
    show(from, to, back) {
      backward = back;
      for (const { bar: [forward, returned], made } of bars) {
        const state = returned >= 0 && returned <= to ? "backward" : forward <= to ? "forward" : "";
        const place = back ? returned : forward;
        const now = place >= from && place <= to;
        if (made.className !== `gp-${state}` ) made.className = `gp-${state}`;
        if ("now" in made.dataset !== now) made.toggleAttribute("data-now", now);
      }
    },
  };
}
