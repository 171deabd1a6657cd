// The entry that the reader is at, by pointer, key or click: it gets a ring wherever it stands, what it is made of is lit, and the
// equation of both is shown.

import { explain } from "./explain.js";
import { entriesOf } from "./grid.js";
import { numberText } from "./number.js";
import { entryOfKey, keyOfEntry, makeWorkings, textOf } from "./workings.js";
import { phrase } from "./words.js";

/** @typedef {import("./explain.js").Entry} Entry */
/** @typedef {import("./explain.js").Explanation} Explanation */
/** @typedef {import("./facts.js").Facts} Facts */

/** @type {Record<string, [number, number]>} */
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The entry that an element outside of the picture shows. @param {EventTarget | null} target */
const entryAt = (target) => (target instanceof Element ? entryOfKey(target.closest("[data-entry]")?.getAttribute("data-entry") ?? undefined) : undefined);

/**
 * The nearest of some elements in a direction, as they are seen.
 * @param {Element | undefined} from
 * @param {Element[]} all
 * @param {[number, number]} way
 */
function nextTo(from, all, [across, down]) {
  if (!from?.isConnected) return all[0];
  const middle = (/** @type {Element} */ element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    return [left + width / 2, top + height / 2];
  };
  const [x, y] = middle(from);
  const near = all.flatMap((element) => {
    const [dx, dy] = [middle(element)[0] - x, middle(element)[1] - y];
    const [along, aside] = [dx * across + dy * down, Math.abs(dx * down) + Math.abs(dy * across)];
    return along > 4 && (down || aside < 12) ? [{ element, far: along + 3 * aside }] : [];
  });
  return near.sort((a, b) => a.far - b.far)[0]?.element;
}

/**
 * @param {Facts} facts
 * @param {import("./entries.js").Entries} entries
 * @param {import("./patch.js").Picture} picture
 * @param {{step(entry: Entry): number, hidden(): boolean, changed(entry: Entry | undefined): void}} on the step up to which all is known of an entry; whether nothing is to
 *   be told; what else follows the entry
 */
export function makePicking(facts, entries, picture, on) {
  const workings = makeWorkings((id) => facts.tensor(id)?.name ?? id);
  /** @type {HTMLElement | undefined} */
  let root;
  /** @type {Entry | undefined} */
  let picked;
  /** @type {Entry | undefined} */
  let at;
  /** @type {Entry | undefined} the one that is worked out */
  let worked;
  let within = false; // the reader is at a number of the working itself, which stays what it is

  /** What is known of an entry: how it came about, or of a block of entries their mean. @param {Entry} entry @returns {Explanation | string} */
  function about(entry) {
    const part = entry.part === "c" ? "g" : entry.part;
    const grid = entry.part === "c" ? undefined : entries.grid(entry.tensor, part);
    const value = part === "v" ? facts.values.at(entry.tensor, on.step(entry)) : facts.gradients.at(entry.tensor, on.step(entry))?.value;
    if (entry.part !== "c" && !value) return "";
    return (value && !value.data) || grid?.kind === "preview" ? meanOf(entry, grid, value) : (explain(facts, entry, on.step(entry)) ?? "");
  }

  /** @param {Entry} entry @param {import("./grid.js").Grid | undefined} grid @param {import("./facts.js").Value | undefined} value */
  function meanOf({ tensor, part, index }, grid, value) {
    const seen = value?.data ? value : value?.preview;
    if (!grid || !seen?.data) return "";
    const { rows, columns, entries: found } = entriesOf(grid, seen.shape, index);
    const mean = found.reduce((sum, entry) => sum + Number(seen.data?.[entry]), 0) / found.length;
    const span = (/** @type {string} */ what, /** @type {[number, number]} */ [first, end]) => (end - first > 1 ? `${what}s ${first} to ${end - 1}` : `${what} ${first}`);
    // Of a tensor too large to be kept, the preview's own rows are blocks already.
    const where = value?.data ? `${span("row", rows)}, ${span("column", columns)}` : phrase("picking: block entries", { index });
    return `${facts.tensor(tensor)?.name}${part === "v" ? "" : ".grad"}, ${where}: mean ${numberText(mean)}`;
  }

  function show() {
    const entry = on.hidden() ? undefined : (at ?? picked);
    const stays = within && at && worked && entry;
    worked = stays ? worked : entry;
    const found = worked && about(worked);
    const known = typeof found === "object" ? found : undefined;
    if (!stays) workings.show(found);
    workings.element.hidden = on.hidden();
    const ring = entry ? [entry, ...((!stays && known?.alike) || [])] : [];
    entries.light("here", ring.filter(({ part }) => part !== "c"));
    entries.fill(known?.made ?? []);
    picture.mark("gv-halo", known?.edges ?? []);
    const [ringed, made] = [ring, known?.made ?? []].map((some) => new Set(some.map(keyOfEntry)));
    for (const element of root?.querySelectorAll("[data-entry]") ?? []) {
      const key = element.getAttribute("data-entry") ?? "";
      element.classList.toggle("gp-picked", ringed.has(key));
      element.classList.toggle("gp-made", made.has(key));
    }
    for (const place of root?.querySelectorAll(".gp-equation, .gp-working") ?? []) {
      if (place.querySelector("[data-entry]")) place.setAttribute("tabindex", "0");
      else place.removeAttribute("tabindex");
    }
    on.changed(worked);
  }

  return {
    element: workings.element,
    /** Shows the entry at another step, in the room that the entries of its equation need. */
    show(stays = false) {
      const cells = on.hidden() || stays ? [] : [...(root?.querySelectorAll(".gp-equation [data-entry]") ?? [])];
      const entries = [cells[0], cells.at(-1)].flatMap((cell) => entryAt(cell ?? null) ?? []);
      if (!on.hidden() && !stays) workings.reserve(entries.map(about));
      show();
    },
    /** What to say of an entry. @param {Entry} entry */
    text(entry) {
      const found = on.hidden() ? "" : about(entry);
      return typeof found === "string" ? found : textOf(found);
    },
    /**
     * Goes to an entry for as long as the pointer or the focus is there.
     * @param {Entry | undefined} entry
     * @param {boolean} [inWorking] whether it is one of those that another entry's working shows
     */
    look(entry, inWorking = false) {
      if (entry === at || (entry && at && inWorking === within && keyOfEntry(entry) === keyOfEntry(at))) return;
      [at, within] = [entry, inWorking];
      show();
    },
    /** Stays at an entry. @param {Entry | undefined} entry */
    pick(entry) {
      [picked, within] = [entry, false];
      show();
    },
    /** The entry that was picked. */
    picked: () => picked,
    /**
     * Lets the entries in the player's equations and tables be pointed at, gone to and picked.
     * @param {HTMLElement} element of the whole player
     * @param {(text: string) => void} say
     */
    listen(element, say) {
      root = element;
      element.addEventListener("pointerover", ({ target }) => {
        if (!(target instanceof Element) || target.closest(".gp-figure")) return;
        const entry = entryAt(target);
        // On the way from number to number, and from a number to what is said of it, that stays.
        if (!entry && target.closest(".gp-entry, .gp-equation")) return;
        this.look(entry, Boolean(target.closest(".gp-working")));
      });
      element.addEventListener("pointerleave", () => this.look(undefined));
      element.addEventListener("click", ({ target }) => {
        const entry = entryAt(target);
        if (entry) this.pick(entry);
      });
      for (const place of /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll(".gp-equation, .gp-working"))) {
        place.setAttribute("role", "group");
        place.setAttribute("aria-label", phrase("picking: equation arrow keys go from"));
        /** @type {Element | undefined} */
        let here;
        const go = (/** @type {Element | undefined} */ cell) => {
          const entry = entryAt(cell ?? null);
          if (!cell || !entry) return;
          here = cell;
          this.look(entry, place.matches(".gp-working"));
          say(this.text(entry));
        };
        // A click brings the focus too, and is itself where the reader is.
        place.addEventListener("focus", () => place.matches(":focus-visible") && go(here?.isConnected ? here : (place.querySelector("[data-entry]") ?? undefined)));
        place.addEventListener("blur", () => this.look(undefined));
        place.addEventListener("keydown", (event) => {
          if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
          const entry = here && entryAt(here);
          if (event.key === "Enter" && entry) this.pick(entry);
          else if (Object.hasOwn(WAYS, event.key)) go(nextTo(here, [...place.querySelectorAll("[data-entry]")], WAYS[event.key]));
          else return;
          event.preventDefault();
          event.stopPropagation(); // here the arrows go from number to number, not from step to step
        });
      }
    },
  };
}
