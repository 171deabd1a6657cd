// A field that finds modules, tensors and shapes by what is typed, and goes to what is chosen.

import { html } from "./dom.js";
import { phrase } from "./words.js";

/** @typedef {{name: string, kind: "module" | "tensor", more: string, inside: string, key: string}} Item what can be found, in which picture and as what of it */

const MOST = 10; // that are offered at once

/** Shapes are typed as one likes: 8x32, 8×32, (8, 32). @param {string} text */
const plain = (text) => text.toLowerCase().replace(/\s*[x×*,]\s*(?=\d)/g, "×").replace(/[()\s]+/g, " ").trim();

/**
 * The items that have all words of a query, those first whose name begins with it.
 * @param {Item[]} items
 * @param {string} query
 */
export function found(items, query) {
  const words = plain(query).split(" ").filter(Boolean);
  if (!words.length) return [];
  const rated = items.flatMap((item) => {
    const name = plain(item.name);
    const text = `${name} ${plain(item.more)}`;
    if (!words.every((word) => text.includes(word))) return [];
    const [first] = words;
    const rate = name === first ? 0 : name.startsWith(first) ? 1 : name.split(".").some((part) => part.startsWith(first)) ? 2 : name.includes(first) ? 3 : 4;
    return [{ item, rate: rate + (item.kind === "module" ? 0 : 0.5) }];
  });
  return rated.sort((a, b) => a.rate - b.rate || a.item.name.length - b.item.name.length).map(({ item }) => item);
}

/**
 * @param {() => Promise<Item[]>} items asked for when somebody wants to search
 * @param {{choose(item: Item): void, leave(): void, say(text: string): void}} on
 */
export function makeSearch(items, on) {
  const id = `gp-found-${Math.random().toString(36).slice(2)}`;
  const field = html("input", {
    type: "search", class: "gp-field", placeholder: phrase("search: find"), "aria-label": phrase("search: find"), role: "combobox",
    "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list", "aria-keyshortcuts": "/", autocomplete: "off", spellcheck: "false",
  });
  const list = html("ul", { id, class: "gp-found", role: "listbox", "aria-label": phrase("search: results") });
  list.hidden = true;
  const element = html("div", { class: "gp-search" }, field, html("kbd", { "aria-hidden": "true" }, "/"), list);
  /** @type {Item[]} */
  let all = [];
  /** @type {Item[]} */
  let shown = [];
  let at = 0;

  function close() {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }
  /** @param {number} place */
  function mark(place) {
    at = shown.length ? (place + shown.length) % shown.length : 0;
    [...list.children].forEach((option, k) => option.setAttribute("aria-selected", String(k === at && shown.length > 0)));
    if (!shown.length) return field.removeAttribute("aria-activedescendant");
    field.setAttribute("aria-activedescendant", `${id}-${at}`);
    list.children[at].scrollIntoView({ block: "nearest" });
  }
  function update() {
    const hits = found(all, field.value);
    shown = hits.slice(0, MOST);
    const options = shown.map(({ name, kind, more }, k) =>
      html("li", { id: `${id}-${k}`, role: "option", class: `gp-${kind}` }, html("b", {}, name), " ", html("span", {}, more)),
    );
    const rest = hits.length - shown.length;
    const asked = field.value.trim() !== "";
    const last = !hits.length ? phrase("search: nothing") : rest ? phrase("search: more", { rest }) : "";
    list.replaceChildren(...options, ...(last ? [html("li", { class: "gp-muted", role: "option", "aria-disabled": "true" }, last)] : []));
    list.hidden = !asked;
    field.setAttribute("aria-expanded", String(asked));
    mark(0);
    if (asked) on.say(hits.length ? phrase("search: count", { count: hits.length }) : phrase("search: nothing"));
  }
  /** @param {Item | undefined} item */
  function choose(item) {
    if (!item) return;
    field.value = "";
    close();
    on.leave();
    on.choose(item);
  }

  field.addEventListener("focus", () => {
    items().then((known) => {
      all = known;
      if (field.value) update();
    });
  });
  field.addEventListener("input", update);
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") mark(at + (event.key === "ArrowDown" ? 1 : -1));
    else if (event.key === "Enter") choose(shown[at]);
    else if (event.key === "Escape") {
      field.value = "";
      close();
      on.leave();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  list.addEventListener("pointerdown", (event) => {
    event.preventDefault(); // the field keeps the focus, and the list stays
    const option = /** @type {Element} */ (event.target).closest("[role=option]");
    if (option) choose(shown[[...list.children].indexOf(option)]);
  });
  return { element, focus: () => field.focus() };
}
