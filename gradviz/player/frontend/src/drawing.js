// From the SVG's text to an element that may safely enter the page.

import { Unplayable } from "./check.js";
import { svgElement } from "./dom.js";

// What a drawing is made of. A recording may come from somebody else, so whatever is not listed is left out.
const ELEMENTS = new Set(
  "svg g path rect circle ellipse line polygon polyline text tspan title desc defs clipPath marker".split(" "),
);

export const NODES = ".gv-card, .gv-chip, .gv-disc";

/** @param {string} name @param {string} value of an attribute */
function isHarmless(name, value) {
  // No scripts, no style sheets, no links, and no references but to the drawing's own parts.
  if (/^on|^style$|href$/i.test(name)) return false;
  return !/url\s*\(\s*(?!#)/i.test(value);
}

/**
 * Makes a drawing of its text and leaves out everything that could run, load or link.
 * @param {string} text
 * @returns {SVGSVGElement}
 */
export function parseDrawing(text) {
  const root = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (root.localName !== "svg" || root.querySelector("parsererror")) {
    throw new Unplayable("The picture in this recording is damaged: it is not a readable SVG.");
  }
  for (const element of [root, ...root.querySelectorAll("*")]) {
    if (!ELEMENTS.has(element.localName)) element.remove();
    for (const name of element.getAttributeNames()) {
      if (!isHarmless(name, element.getAttribute(name) ?? "")) element.removeAttribute(name);
    }
  }
  return /** @type {SVGSVGElement} */ (/** @type {unknown} */ (document.adoptNode(root)));
}

/**
 * Makes a drawing answer to clicks and keys.
 * @param {SVGSVGElement} svg
 */
export function makeActive(svg) {
  if (svg.querySelector(".gv-hit")) return; // it is played once more
  for (const line of svg.querySelectorAll(".gv-edge .gv-line")) {
    // Nobody hits a line of two pixels: a wide one that is not seen takes the clicks.
    line.after(svgElement("path", { class: "gv-hit", d: line.getAttribute("d") ?? "", fill: "none" }));
  }
  for (const node of svg.querySelectorAll(NODES)) node.setAttribute("role", "button");
}

/**
 * The key of the tensor, operation or edge that was hit, if one was.
 * @param {EventTarget | null} target
 * @param {string} prefix
 * @returns {string | undefined}
 */
export function keyOf(target, prefix) {
  const element = target instanceof Element ? target.closest(`${NODES}, .gv-edge`) : null;
  return element?.id.startsWith(`${prefix}_`) ? element.id.slice(prefix.length + 1) : undefined;
}
