// A step taken apart: its events in a row, of which one is shown.

import { button, html } from "./dom.js";
import { phrase } from "./words.js";

/** @typedef {import("./state.js").Event} Event */

/** @type {Record<string, string>} */
const SHORT = { upstream: "upstream", local: "local", product: "× product", summed: "Σ sum", accumulate: "+ add" };

/** @param {(event: number) => void} go */
export function makeInside(go) {
  const list = html("ol", { class: "gp-events", "aria-label": phrase("inside: inside step") });
  /** @type {Event[]} */
  let shown = [];
  return {
    element: list,
    /**
     * @param {Event[]} events
     * @param {number} now which of them is shown
     */
    show(events, now) {
      list.hidden = events.length === 0;
      if (events !== shown) {
        shown = events;
        list.replaceChildren(
          ...events.map(({ kind, title }, i) => html("li", {}, Object.assign(button(SHORT[kind] ?? kind, () => go(i), { kind: `gp-event gp-${kind}` }), { title }))),
        );
      }
      [...list.children].forEach((item, i) => {
        const link = /** @type {Element} */ (item.firstElementChild);
        link.classList.toggle("gp-past", i <= now);
        if (i === now) link.setAttribute("aria-current", "step");
        else link.removeAttribute("aria-current");
      });
    },
  };
}
