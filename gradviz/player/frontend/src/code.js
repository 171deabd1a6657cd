// The user's program, with the part that runs now marked to the column.

import { html } from "./dom.js";

/** @typedef {import("./state.js").Code} Code */
/** @typedef {import("./state.js").Source} Source */

/**
 * The columns of one line that belong to the source, or null.
 * @param {string} text
 * @param {number} line
 * @param {Source} source
 * @returns {[number, number] | null}
 */
export function columnsOn(text, line, source) {
  const lastLine = source.end_line ?? source.line;
  if (line < source.line || line > lastLine) return null;
  const indent = text.length - text.trimStart().length;
  const start = line === source.line ? (source.column ?? indent) : indent;
  const end = line === lastLine && source.column !== null ? (source.end_column ?? text.length) : text.length;
  return start < end ? [start, end] : null;
}

/** @param {Code[]} code */
export function makeCode(code) {
  const pre = html("pre", { class: "gp-code", tabindex: 0, role: "group", "aria-label": "The program" });
  const section = html("section", { class: "gp-section" }, html("h3", {}, "Code"), pre);
  section.hidden = code.length === 0;
  let shownFile = code[0]?.file;

  /** @param {Source | null} source */
  function show(source) {
    const here = code.find(({ file, first_line, lines }) => {
      return source && file === source.file && source.line >= first_line && source.line < first_line + lines.length;
    });
    shownFile = here?.file ?? shownFile;
    const block = here ?? code.find(({ file }) => file === shownFile);
    if (!block) return;
    const rows = block.lines.map((text, i) => {
      const columns = source && here ? columnsOn(text, block.first_line + i, source) : null;
      const row = html("span", { class: "gp-line" });
      if (columns) {
        const characters = [...text]; // columns count characters, strings UTF-16 units
        const piece = (/** @type {number} */ from, /** @type {number} */ to) => characters.slice(from, to).join("");
        row.append(piece(0, columns[0]), html("mark", {}, piece(...columns)), piece(columns[1], Infinity));
      } else row.append(text);
      row.append("\n");
      return row;
    });
    pre.replaceChildren(...rows);
    const marked = /** @type {HTMLElement | null} */ (pre.querySelector("mark"));
    if (!marked) return;
    // Whole lines, with a few before the marked one. (Not scrollIntoView: it would scroll the page as well.)
    const at = rows.findIndex((row) => row.contains(marked));
    pre.scrollTop = rows[Math.max(0, at - 4)].offsetTop - rows[0].offsetTop;
  }
  return { element: section, show };
}
