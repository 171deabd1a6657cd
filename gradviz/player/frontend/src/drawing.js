// From the SVG's text to an element that may safely enter the page.

import { Unplayable } from "./check.js";
import { svgElement } from "./dom.js";
import { isImage } from "./state.js";
import { phrase } from "./words.js";

// What a drawing is made of. A recording may come from somebody else, so whatever is not listed is left out.
const ELEMENTS = new Set(
  "svg g path rect circle ellipse line polygon polyline text tspan title desc defs clipPath marker image".split(" "),
);

export const NODES = ".gv-card, .gv-chip, .gv-disc";

/** @param {string} name @param {string} value of an attribute */
function isHarmless(name, value) {
  // No scripts, no style sheets, no links, and no references but to the drawing's own parts and to images that it has in itself.
  if (name === "href" && isImage(value)) return true;
  if (/^on|^style$|href$/i.test(name)) return false;
  return !/url\s*\(\s*(?!#)/i.test(value);
}

/** Whether an element may stay: an image only if it is in the drawing itself, or still to come. @param {Element} element */
function isKnown(element) {
  if (element.localName !== "image") return ELEMENTS.has(element.localName);
  const address = element.getAttribute("href");
  return address === "" || isImage(address ?? "");
}

/**
 * Makes a drawing of its text and leaves out everything that could run, load or link.
 * @param {string} text
 * @returns {SVGSVGElement}
 */
export function parseDrawing(text) {
  const root = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (root.localName !== "svg" || root.querySelector("parsererror")) {
    throw new Unplayable(phrase("drawing: picture recording damaged not readable"));
  }
  for (const element of [root, ...root.querySelectorAll("*")]) {
    if (!isKnown(element)) element.remove();
    for (const name of element.getAttributeNames()) {
      if (!isHarmless(name, element.getAttribute(name) ?? "")) element.removeAttribute(name);
    }
  }
  return /** @type {SVGSVGElement} */ (/** @type {unknown} */ (document.adoptNode(root)));
}

const HEAD = { length: 9, width: 7.5, trim: 3.5 }; // as in gradviz.drawing.svg

/**
 * The arrowhead of an edge for the direction in which it does not point in the picture, but will at another step.
 * @param {Element} edge
 * @param {string} d its line, which ends a little before the tip of its arrowhead
 */
function* missingHeads(edge, d) {
  const numbers = d.match(/-?[\d.]+/g)?.map(Number) ?? [];
  const points = Array.from({ length: Math.floor(numbers.length / 2) }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]]);
  for (const [kind, [end, ...before]] of /** @type {const} */ ([["forward", points.toReversed()], ["backward", points]])) {
    if (!end || edge.matches(".gv-two") || edge.querySelector(`.gv-head-${kind}`)) continue;
    const behind = before.find(([x, y]) => Math.hypot(x - end[0], y - end[1]) > 0.5) ?? end;
    const far = Math.hypot(behind[0] - end[0], behind[1] - end[1]) || 1;
    const [x, y] = [(behind[0] - end[0]) / far, (behind[1] - end[1]) / far]; // away from the tip
    const tip = [end[0] - x * HEAD.trim, end[1] - y * HEAD.trim];
    const [back, aside] = [[x * HEAD.length, y * HEAD.length], [(-y * HEAD.width) / 2, (x * HEAD.width) / 2]];
    const numbersOf = [...tip, back[0] + aside[0], back[1] + aside[1], -2 * aside[0], -2 * aside[1]].map((number) => number.toFixed(1));
    yield svgElement("path", { class: `gv-head gv-head-${kind}`, d: `M${numbersOf.slice(0, 2)}l${numbersOf.slice(2, 4)} ${numbersOf.slice(4)}z` });
  }
}

/**
 * Makes a drawing answer to clicks and keys.
 * @param {SVGSVGElement} svg
 * @param {string[]} opens the ids of what one can go inside, which gets a chevron
 */
export function makeActive(svg, opens) {
  if (svg.querySelector(".gv-hit")) return; // it is played once more
  for (const line of svg.querySelectorAll(".gv-edge .gv-line")) {
    // Nobody hits a line of two pixels: a wide one that is not seen takes the clicks.
    const d = line.getAttribute("d") ?? "";
    line.after(svgElement("path", { class: "gv-hit", d, fill: "none" }), ...missingHeads(/** @type {Element} */ (line.parentElement), d));
  }
  for (const node of svg.querySelectorAll(NODES)) {
    node.setAttribute("role", "button");
    const box = node.querySelector("rect.gv-box");
    if (!box || !opens.includes(node.id)) continue;
    const [x, y, wide] = ["x", "y", "width"].map((name) => Number(box.getAttribute(name)));
    const spot = svgElement("circle", { cx: x + wide - 4, cy: y + 4, r: 9 });
    const sign = svgElement("path", { d: `M${x + wide - 6} ${y}l4 4-4 4`, fill: "none" });
    const title = Object.assign(svgElement("title"), { textContent: phrase("drawing: go inside") });
    node.append(svgElement("g", { class: "gv-chevron" }, title, spot, sign));
    node.setAttribute("aria-keyshortcuts", "Shift+Enter");
  }
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
