// The Jacobian of one edge, as a small matrix: ∂(an entry of the result)/∂(an entry of the argument). Of a large one the block
// around one entry, such as its row of a softmax; where that is large too, its own row.

import { html } from "./dom.js";
import { placeOf } from "./explain.js";
import { dense, sources, terms } from "./links.js";
import { numberText } from "./number.js";
import { phrase } from "./words.js";

const MOST = 12;

/** @typedef {NonNullable<ReturnType<ReturnType<typeof import("./links.js").linksOf>>>} Known */

/**
 * Which rows (entries of the first result) and columns (of the argument) to show, and the numbers. A pure function.
 * @param {Known} known
 * @param {number} entry of the result
 * @returns {{rows: number[], columns: number[], numbers: number[][], whole: boolean} | undefined} nothing if the page lacks numbers
 */
export function blockOf({ link, shapes }, entry) {
  const all = dense(link, shapes, MOST * MOST);
  if (all && all.length <= MOST && all[0]?.length <= MOST) return { rows: [...all.keys()], columns: [...all[0].keys()], numbers: all, whole: true };
  const read = [...new Set(sources(link, shapes, entry).map(({ entry: from }) => from))].sort((a, b) => a - b);
  const columns = read.slice(0, MOST);
  const reached = columns.map((column) => terms(link, shapes, column).filter(({ output }) => output === 0));
  const together = [...new Set(reached.flat().map(({ result }) => result))].sort((a, b) => a - b);
  const rows = together.length <= MOST && read.length <= MOST ? together : [entry];
  const numbers = rows.map((row) => reached.map((found) => found.reduce((sum, { result, factor = NaN }) => (result === row ? sum + factor : sum), 0)));
  return numbers.flat().some(Number.isNaN) ? undefined : { rows, columns, numbers, whole: false };
}

/**
 * @param {Known} known
 * @param {number} entry of the result
 * @param {string} result what it is called
 * @param {string} argument
 */
export function jacobianTable(known, entry, result, argument) {
  const block = blockOf(known, entry);
  if (!block) return html("p", { class: "gp-muted" }, phrase("jacobian: numbers were not kept"));
  const [from, to] = [known.shapes.argument, known.shapes.results[0]];
  const place = (/** @type {number} */ index, /** @type {number[]} */ shape) => (shape.length ? `[${placeOf(index, shape).join(", ")}]` : "");
  const most = Math.max(...block.numbers.flat().map(Math.abs), 1e-30);
  const cell = (/** @type {number} */ number) => {
    const made = html("td", { class: number ? (number < 0 ? "gp-minus" : "gp-plus") : "gp-none" }, numberText(number, 3));
    made.style.setProperty("--share", `${Math.round((Math.abs(number) / most) * 60)}%`);
    return made;
  };
  const head = html("tr", {}, html("td"), ...block.columns.map((column) => html("th", { scope: "col" }, `${argument}${place(column, from)}`)));
  const body = block.rows.map((row, i) => html("tr", row === entry && !block.whole ? { class: "gp-own" } : {}, html("th", { scope: "row" }, `∂${result}${place(row, to)}`), ...block.numbers[i].map(cell)));
  const table = html("table", { class: "gp-jacobian", "aria-label": phrase("jacobian: jacobian with respect", { result, argument }) }, html("thead", {}, head), html("tbody", {}, ...body));
  const rest = block.whole ? "" : block.columns.length === 1 && block.rows.length === 1 ? phrase("jacobian: each entry depends on one") : phrase("jacobian: part around entry picked what");
  return html("div", {}, table, ...(rest ? [html("p", { class: "gp-muted" }, rest)] : []));
}
