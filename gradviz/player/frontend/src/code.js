// The user's program, with the part that runs now marked to the column. What stands in it and what is drawn know of each other: at
// a line or an expression its cards are lit, at a card its code.

import { html } from "./dom.js";
import { phrase } from "./words.js";

/** @typedef {import("./state.js").Code} Code */
/** @typedef {import("./state.js").Source} Source */
/** @typedef {import("./facts.js").Operation} Operation */

const BEFORE = 1; // lines that stay in view above the marked one

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

/** @param {Source} source */
const nameOf = ({ file, line, column, end_line: endLine, end_column: end }) => [file, line, column, endLine, end].join(":");

/** Whether a block of the program holds a source. @param {Source} source @returns {(block: Code) => boolean} */
const holding = (source) => (block) =>
  block.file === source.file && source.line >= block.first_line && source.line < block.first_line + block.lines.length;

/**
 * A part of a line that is an expression, and what is in it.
 * @typedef {{name: string, start: number, end: number, inside: Span[]}} Span
 */

/**
 * The expressions on a line, each within the one around it; what would lie across another's end ends there.
 * @param {string} text
 * @param {number} line
 * @param {Source[]} sources
 * @returns {Span[]}
 */
export function spansOn(text, line, sources) {
  const found = sources.flatMap((source) => {
    const [start, end] = columnsOn(text, line, source) ?? [0, 0];
    return end ? [{ name: nameOf(source), start, end, inside: /** @type {Span[]} */ ([]) }] : [];
  });
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  /** @type {Span[]} */
  const outermost = [];
  /** @type {Span[]} */
  const around = [];
  for (const span of found) {
    while (around.length && /** @type {Span} */ (around.at(-1)).end <= span.start) around.pop();
    const outer = around.at(-1);
    if (outer) span.end = Math.min(span.end, outer.end);
    (outer ? outer.inside : outermost).push(span);
    around.push(span);
  }
  return outermost;
}

/**
 * @param {Code[]} code
 * @param {{source: Source, operation: string}[]} written which operation stands where
 * @param {{light(operations: string[]): void, select(operation: string): void, say(text: string): void}} on
 */
export function makeCode(code, written, on) {
  const pre = html("pre", {
    class: "gp-code", tabindex: 0, role: "group", "aria-label": phrase("code: program"), "aria-description": phrase("code: up and down go from"),
  });
  const section = html("section", { class: "gp-section gp-program" }, pre);
  section.hidden = code.length === 0;
  /** @type {Map<string, string[]>} the operations of each source */
  const operations = new Map();
  for (const { source, operation } of written) operations.set(nameOf(source), [...(operations.get(nameOf(source)) ?? []), operation]);
  const sources = [...new Map(written.map(({ source }) => [nameOf(source), source])).values()];
  let block = code[0];
  /** @type {HTMLElement[]} */
  let rows = [];
  /** @type {HTMLElement | undefined} the expression that the reader is at by key */
  let at;

  /** @param {string} text @param {Span[]} spans @param {number} from @param {number} to @returns {(Node | string)[]} */
  function pieces(text, spans, from, to) {
    const characters = [...text]; // columns count characters, strings UTF-16 units
    const parts = [];
    for (const { name, start, end, inside } of spans) {
      parts.push(characters.slice(from, start).join(""), html("span", { class: "gp-span", "data-source": name }, ...pieces(text, inside, start, end)));
      from = end;
    }
    return [...parts, characters.slice(from, to).join("")];
  }

  /** @param {Code} shown */
  function write(shown) {
    block = shown;
    const here = sources.filter((source) => holding(source)(block));
    rows = block.lines.map((text, i) => html("span", { class: "gp-line" }, ...pieces(text, spansOn(text, block.first_line + i, here), 0, Infinity), "\n"));
    pre.replaceChildren(...rows);
    at = undefined;
  }

  /** @param {string} name */
  const spans = (name) => /** @type {HTMLElement[]} */ ([...pre.querySelectorAll("[data-source]")]).filter(({ dataset }) => dataset.source === name);

  /** With a little before it. (Not scrollIntoView: it would scroll the page as well.) @param {Element | undefined | null} element */
  function bringToView(element) {
    if (!(element instanceof HTMLElement)) return;
    const [top, line] = [element.offsetTop - rows[0].offsetTop, parseFloat(getComputedStyle(pre).lineHeight)];
    pre.scrollTop = Math.max(0, top - BEFORE * line);
  }

  /** The operations that an element stands for: those of its expression, or all on its line. @param {Element} element */
  function operationsAt(element) {
    const span = /** @type {HTMLElement | null} */ (element.closest(".gp-span"));
    const all = span ? [span] : /** @type {HTMLElement[]} */ ([...(element.closest(".gp-line")?.querySelectorAll(".gp-span") ?? [])]);
    return [...new Set(all.flatMap(({ dataset }) => operations.get(dataset.source ?? "") ?? []))];
  }

  /** Which code is lit. @param {Element[]} elements */
  function lit(elements) {
    for (const element of pre.querySelectorAll(".gp-lit")) element.classList.remove("gp-lit");
    for (const element of elements) element.classList.add("gp-lit");
  }

  /** @param {Element | undefined} element */
  function look(element) {
    const found = element ? operationsAt(element) : [];
    lit(found.length ? [/** @type {Element} */ (element?.closest(".gp-span") ?? element?.closest(".gp-line"))] : []);
    on.light(found);
  }

  pre.addEventListener("pointerover", ({ target }) => look(/** @type {Element} */ (target)));
  pre.addEventListener("pointerleave", () => look(undefined));
  pre.addEventListener("blur", () => look((at = undefined)));
  pre.addEventListener("click", ({ target }) => {
    const [operation] = operationsAt(/** @type {Element} */ (target));
    if (operation && /** @type {Element} */ (target).closest(".gp-span")) on.select(operation);
  });
  pre.addEventListener("keydown", (event) => {
    const all = /** @type {HTMLElement[]} */ ([...pre.querySelectorAll(".gp-span")]);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter" && at) on.select(operationsAt(at)[0]);
    else if (step && all.length) {
      const next = at ? all.indexOf(at) + step : all.findIndex((span) => span.querySelector("mark") ?? span.closest("mark"));
      at = all[Math.max(0, Math.min(all.length - 1, next))];
      look(at);
      bringToView(at);
      on.say(at.textContent ?? "");
    } else return;
    event.preventDefault();
    event.stopPropagation(); // here the arrows go from expression to expression
  });

  return {
    element: section,
    /** @param {Source | null} source of what runs now */
    show(source) {
      const shown = (source && code.find(holding(source))) ?? block;
      if (shown && (shown !== block || !rows.length)) write(shown);
      for (const mark of pre.querySelectorAll("mark")) mark.replaceWith(...mark.childNodes);
      const now = source ? spans(nameOf(source)) : [];
      for (const span of now) span.append(html("mark", {}, ...span.childNodes));
      bringToView(now[0]);
    },
    /** Lights where operations stand. @param {Source[]} wanted */
    light(wanted) {
      const found = wanted.filter((source) => block && holding(source)(block)).flatMap((source) => spans(nameOf(source)));
      lit(found);
      bringToView(found[0] ?? pre.querySelector("mark"));
    },
  };
}
