// The entries of the tensors in a picture: which one is under the pointer, found by its place, and one layer over everything that
// draws what is lit. No entry has an element of its own.

import { svgElement } from "./dom.js";
import { NODES, keyOf } from "./drawing.js";
import { boxOf, count, indexAt } from "./grid.js";

/** @typedef {import("./grid.js").Grid} Grid */
/**
 * One entry of a tensor's value ("v") or gradient ("g"), or a block of them in a preview: which cell it is, row by row.
 * @typedef {import("./explain.js").Entry} Entry
 */

const AROUND = 1.5; // pixels from a cell to the line around it
const ROUND = 3; // its corners

/** @template {{x: number, y: number, width: number, height: number}} Box @param {Box} box @returns {Box} */
const smaller = (box) => ({ ...box, x: box.x + AROUND, y: box.y + AROUND, width: box.width - 2 * AROUND - 1, height: box.height - 2 * AROUND });

/**
 * Boxes of one matrix that together are a row, a column or a block, as one box; others as they are, a little apart. A pure function.
 * @param {{x: number, y: number, width: number, height: number, of: string}[]} boxes
 */
export function joined(boxes) {
  const found = [];
  for (const of of new Set(boxes.map((box) => box.of))) {
    const own = boxes.filter((box) => box.of === of);
    const [left, top] = [Math.min(...own.map(({ x }) => x)), Math.min(...own.map(({ y }) => y))];
    const [right, bottom] = [Math.max(...own.map(({ x, width }) => x + width)), Math.max(...own.map(({ y, height }) => y + height))];
    const [across, down] = [new Set(own.map(({ x }) => x)).size, new Set(own.map(({ y }) => y)).size];
    const isWhole = across * down === new Set(own.map(({ x, y }) => `${x} ${y}`)).size && across * own[0].width > 0.8 * (right - left) && down * own[0].height > 0.8 * (bottom - top);
    found.push(...(isWhole ? [{ x: left, y: top, width: right - left, height: bottom - top, of }] : own.map(smaller)));
  }
  return found;
}

export class Entries {
  #layer = svgElement("g", { class: "gv-lit", "aria-hidden": "true" });
  /** @type {Map<string, SVGElement>} by why they are lit */
  #paths = new Map();
  /** @type {SVGElement[]} what is filled behind numbers, card by card */
  #fills = [];

  /**
   * @param {SVGSVGElement} svg
   * @param {string} prefix
   * @param {Record<string, Grid>} grids by the key of what they show: "t3_v"
   */
  constructor(svg, prefix, grids) {
    this.svg = svg;
    this.prefix = prefix;
    this.grids = grids;
    for (const fill of svg.querySelectorAll(".gv-made")) fill.remove();
    svg.querySelector(".gv-lit")?.remove(); // it is played once more
    // Within what moves the origin to where the layout's is.
    (svg.querySelector(":scope > g") ?? svg).append(this.#layer);
  }

  /** @param {string} tensor @param {Entry["part"]} part @returns {Grid | undefined} */
  grid(tensor, part) {
    const key = `${tensor}_${part}`;
    const grid = Object.hasOwn(this.grids, key) ? this.grids[key] : undefined;
    return grid?.kind === "empty" || grid?.kind === "image" ? undefined : grid;
  }

  /** Which of its parts show their entries. @param {string} tensor */
  parts(tensor) {
    return /** @type {const} */ (["v", "g"]).filter((part) => this.grid(tensor, part));
  }

  /**
   * The entry at the place of a pointer event.
   * @param {MouseEvent} event
   * @returns {Entry | undefined}
   */
  at({ target, clientX, clientY }) {
    const tensor = target instanceof Element && target.closest(NODES) ? keyOf(target, this.prefix) : undefined;
    const matrix = tensor === undefined ? null : /** @type {SVGGElement} */ (this.#layer).getScreenCTM();
    if (tensor === undefined || !matrix) return undefined;
    const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(matrix.inverse());
    for (const part of this.parts(tensor)) {
      const index = indexAt(/** @type {Grid} */ (this.grid(tensor, part)), x, y);
      if (index !== undefined) return { tensor, part, index };
    }
    return undefined;
  }

  /**
   * Lights these entries, and for this reason no others.
   * @param {string} why ends the name of their class, which says how they look
   * @param {Entry[]} entries
   */
  light(why, entries) {
    let path = this.#paths.get(why);
    if (!path) {
      path = svgElement("path", { class: `gv-lit-${why}` });
      this.#paths.set(why, path);
      this.#layer.append(path);
    }
    path.setAttribute("d", this.#around(entries));
  }

  /** Fills the places of these entries, behind their numbers, and of no others; on a heatmap, around its cells. @param {Entry[]} entries */
  fill(entries) {
    for (const fill of this.#fills) fill.remove();
    entries = entries.filter(({ tensor, part }) => this.grid(tensor, part)?.kind !== "preview");
    this.#fills = [...new Set(entries.map(({ tensor }) => tensor))].flatMap((tensor) => {
      const box = this.svg.querySelector(`#${CSS.escape(`${this.prefix}_${tensor}`)} .gv-box`);
      if (!box) return [];
      const fill = svgElement("path", { class: "gv-made", d: this.#around(entries.filter((entry) => entry.tensor === tensor)) });
      box.after(fill);
      return [fill];
    });
    this.light("made", entries.filter(({ tensor, part }) => this.grid(tensor, part)?.kind === "heatmap"));
  }

  /** @param {Entry[]} entries */
  #around(entries) {
    const boxes = entries.flatMap(({ tensor, part, index }) => {
      const grid = this.grid(tensor, part);
      return grid && index < count(grid) ? [{ ...boxOf(grid, index), of: `${tensor}_${part}` }] : [];
    });
    return joined(boxes)
      .map(({ x, y, width, height }) => {
        const [wide, high] = [width + 2 * AROUND - 2 * ROUND, height + 2 * AROUND - 2 * ROUND];
        const turn = (/** @type {string} */ to) => `a${ROUND} ${ROUND} 0 0 1 ${to}`;
        return `M${x - AROUND + ROUND} ${y - AROUND}h${wide}${turn(`${ROUND} ${ROUND}`)}v${high}${turn(`${-ROUND} ${ROUND}`)}h${-wide}${turn(`${-ROUND} ${-ROUND}`)}v${-high}${turn(`${ROUND} ${-ROUND}`)}z`;
      })
      .join("");
  }

  /** What is drawn around the entries that are lit for a reason. @param {string} why */
  lit(why) {
    return this.#paths.get(why);
  }
}
