// From the SVG's text to an element that may safely enter the page.

// What a drawing is made of. A recording may come from somebody else, so whatever is not listed is left out.
const ELEMENTS = new Set(
  "svg g path rect circle ellipse line polygon polyline text tspan title desc defs clipPath marker".split(" "),
);

/** @param {Attr} attribute */
function isHarmless({ name, value }) {
  // No scripts, no style sheets, no links, and no references but to the drawing's own parts.
  if (/^on|^style$|href$/i.test(name)) return false;
  return !/url\s*\(\s*(?!#)/i.test(value);
}

/**
 * Parses a drawing and leaves out everything that could run, load or link.
 * @param {string} text
 * @returns {SVGSVGElement}
 */
export function parseDrawing(text) {
  const root = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (root.localName !== "svg" || root.querySelector("parsererror")) {
    throw new Error("The picture in this recording is damaged: it is not a readable SVG.");
  }
  for (const element of [root, ...root.querySelectorAll("*")]) {
    if (!ELEMENTS.has(element.localName)) element.remove();
    for (const attribute of [...element.attributes]) {
      if (!isHarmless(attribute)) element.removeAttributeNode(attribute);
    }
  }
  return /** @type {SVGSVGElement} */ (/** @type {unknown} */ (document.importNode(root, true)));
}

/**
 * The key of the card or disc that was hit, if one was.
 * @param {EventTarget | null} target
 * @param {string} prefix
 * @returns {string | undefined}
 */
export function keyOf(target, prefix) {
  const element = target instanceof Element ? target.closest(".gv-card, .gv-disc") : null;
  return element?.id.startsWith(`${prefix}_`) ? element.id.slice(prefix.length + 1) : undefined;
}
