// The entries of a tensor by keyboard, and for a screen reader: one grid with one focus, in which the arrow keys go from entry to
// entry. It is not seen itself; what it stands at is lit in the picture, and said in the panel.

import { html } from "./dom.js";
import { moved, indexSeen, seen, seenAt } from "./grid.js";
import { phrase } from "./words.js";

/** @typedef {import("./entries.js").Entry} Entry */
/** @typedef {import("./entries.js").Entries} Entries */

let made = 0; // for ids, which must differ over all players of a page

/**
 * @param {Entries} entries
 * @param {{
 *   text(entry: Entry): string, name(tensor: string): string, at(entry: Entry | undefined): void, pick(entry: Entry): void,
 *   leave(tensor: string): void,
 * }} on what to say of an entry and to call a tensor; where the reader is now, if anywhere; what to stay at; what to do when they go back
 */
export function makeEntryKeys(entries, on) {
  const id = `gp-entry-${(made += 1)}`;
  const cell = html("div", { role: "gridcell", id });
  const row = html("div", { role: "row" }, cell);
  const element = html("div", { class: "gp-entries", role: "grid", tabindex: 0, "aria-activedescendant": id }, row);
  element.hidden = true;
  /** @type {Entry | undefined} */
  let now;
  let told = true; // not while the reader predicts

  const inUse = () => document.activeElement === element;

  function tell() {
    const grid = now && entries.grid(now.tensor, now.part);
    element.hidden = !grid || !told;
    if (!now || !grid || !told) return;
    const place = seenAt(grid, now.index);
    const all = seen(grid);
    element.setAttribute("aria-label", phrase("entry-keys: entries", { part: on.name(now.tensor), part2: now.part === "v" ? "value" : "gradient" }));
    element.setAttribute("aria-rowcount", String(all.rows));
    element.setAttribute("aria-colcount", String(all.columns));
    row.setAttribute("aria-rowindex", String(place.row + 1));
    cell.setAttribute("aria-colindex", String(place.column + 1));
    // Another id, or a screen reader would take it for the cell that it has read already.
    cell.id = `${id}-${now.part}${now.index}`;
    cell.textContent = on.text(now) || phrase("entry-keys: not computed yet");
    element.setAttribute("aria-activedescendant", cell.id);
    if (inUse()) on.at(now);
  }

  /** The value stands over the gradient: over the edge of one is the other. @param {Entry} from @param {KeyboardEvent} event */
  function next(from, event) {
    const grid = entries.grid(from.tensor, from.part);
    const index = grid && moved(grid, from.index, event);
    if (!grid || index !== undefined) return index === undefined ? undefined : { ...from, index };
    const part = event.key === "ArrowDown" ? "g" : event.key === "ArrowUp" ? "v" : from.part;
    const other = entries.grid(from.tensor, part);
    if (part === from.part || !other) return undefined;
    const { column } = seenAt(grid, from.index);
    const found = indexSeen(other, part === "g" ? 0 : seen(other).rows - 1, column);
    return found === undefined ? undefined : { ...from, part, index: found };
  }

  element.addEventListener("keydown", (event) => {
    if (!now || event.altKey || event.metaKey || event.shiftKey) return;
    if (event.key === "Escape") on.leave(now.tensor);
    else if (event.key === "Enter") on.pick(now);
    else if (!/^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(event.key)) return;
    now = next(now, event) ?? now;
    tell();
    event.preventDefault();
    event.stopPropagation(); // here the arrows go from entry to entry, not from step to step
  });
  element.addEventListener("focus", tell);
  element.addEventListener("blur", () => on.at(undefined));

  return {
    element,
    inUse,
    /** Tells of the entry anew: another step is shown. */
    tell,
    /** Goes to the entries of a tensor, unless the reader is among some. @param {string | undefined} tensor */
    offer(tensor) {
      if (inUse() || tensor === undefined || tensor === now?.tensor) return;
      const [part] = entries.parts(tensor);
      if (!part) return;
      now = { tensor, part, index: 0 };
      tell();
    },
    /** Takes the focus, and goes to the entries of a tensor. @param {string} tensor @returns {boolean} whether it has any */
    enter(tensor) {
      if (entries.parts(tensor).length === 0) return false;
      this.offer(tensor);
      element.focus({ preventScroll: true });
      return true;
    },
    /** @param {boolean} hidden while the reader predicts, nothing is told */
    hide(hidden) {
      told = !hidden;
      tell();
    },
  };
}
