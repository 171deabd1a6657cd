// Makes a drawing show a face, touching only what differs from what it shows already.

import { PARTS, blankFace } from "./state.js";

/** @typedef {import("./state.js").Face} Face */

const STATES = ["pending", "forward", "partial", "done", "backward"];

/** @type {Record<keyof Face, (element: Element, value: any) => void>} */
const WRITE = {
  text: (element, value) => {
    element.textContent = value;
  },
  fill: (element, value) => value.split(" ").forEach((/** @type {string} */ colour, /** @type {number} */ i) => element.children[i].setAttribute("fill", colour)),
  label: (element, value) => element.setAttribute("aria-label", value),
  width: (element, value) => element.querySelector(".gv-line")?.setAttribute("stroke-width", value),
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
   */
  constructor(svg, prefix) {
    this.svg = svg;
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
        WRITE[part](element, value);
        shown[key] = value;
      }
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
