// Makes a drawing show a face, touching only what differs from what it shows already.

import { svgElement } from "./dom.js";
import { THICK, shadePaths } from "./grid.js";
import { PARTS, blankFace, isImage } from "./state.js";

/** @typedef {import("./state.js").Face} Face */

const STATES = ["pending", "forward", "partial", "done", "backward"];

/** @type {Record<Exclude<keyof Face, "fill">, (element: Element, value: any) => void>} */
const WRITE = {
  text: (element, value) => {
    element.textContent = value;
  },
  image: (element, value) => isImage(value) && element.setAttribute("href", value),
  label: (element, value) => element.setAttribute("aria-label", value),
  width: (element, value) => (element.querySelector(".gv-back") ?? element.querySelector(".gv-line"))?.setAttribute("stroke-width", value),
  path: (element, value) => element.setAttribute("d", value),
  state: (element, value) => {
    element.classList.remove(...STATES.map((state) => `gv-${state}`));
    element.classList.add(`gv-${value}`);
  },
};

/** A drawing on the page, and what it shows now. */
export class Picture {
  /** @type {Map<string, Element>} */
  #elements = new Map();
  #shown = blankFace();

  /**
   * @param {SVGSVGElement} svg
   * @param {string} prefix
   * @param {Record<string, import("./grid.js").Grid>} grids of heatmaps, by their keys
   * @param {Record<string, string>} inks the colours of shades, by their signs
   */
  constructor(svg, prefix, grids, inks) {
    this.svg = svg;
    this.grids = grids;
    this.inks = inks;
    // Found within this drawing, never in the page: the same drawing may be on the page twice.
    for (const element of svg.querySelectorAll("[id]")) {
      if (element.id.startsWith(`${prefix}_`)) this.#elements.set(element.id.slice(prefix.length + 1), element);
    }
  }

  /**
   * The elements of those keys that are in the drawing.
   * @param {string[]} keys
   */
  elements(keys) {
    return keys.flatMap((key) => this.#elements.get(key) ?? []);
  }

  /** @param {Face} face */
  show(face) {
    for (const part of PARTS) {
      const shown = this.#shown[part];
      for (const [key, value] of Object.entries(face[part])) {
        const element = this.#elements.get(key);
        if (!element || shown[key] === value) continue;
        if (part === "fill") this.#shade(element, key, value);
        else WRITE[part](element, value);
        shown[key] = value;
      }
    }
  }

  /** Draws a heatmap anew: one path for each shade, those that are there first. @param {Element} element @param {string} key @param {string} shades */
  #shade(element, key, shades) {
    const grid = Object.hasOwn(this.grids, key) ? this.grids[key] : undefined;
    if (!grid) return;
    let path = element.firstElementChild;
    for (const [shade, d] of shadePaths(grid, shades)) {
      path ??= element.appendChild(svgElement("path"));
      path.setAttribute("stroke", Object.hasOwn(this.inks, shade) ? this.inks[shade] : "none");
      path.setAttribute("d", d);
      if (shade in THICK) path.setAttribute("stroke-width", String(THICK[shade]));
      else path.removeAttribute("stroke-width");
      path = path.nextElementSibling;
    }
    while (path) {
      const rest = path;
      path = path.nextElementSibling;
      rest.remove();
    }
  }

  /**
   * Gives a class to these elements and takes it from all others.
   * @param {string} name
   * @param {string[]} keys
   */
  mark(name, keys) {
    const wanted = new Set(this.elements(keys));
    for (const element of this.svg.querySelectorAll(`.${name}`)) {
      if (!wanted.has(element)) element.classList.remove(name);
    }
    for (const element of wanted) element.classList.add(name);
  }
}
