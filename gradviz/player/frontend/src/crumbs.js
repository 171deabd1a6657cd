// Where one is: the whole, and the modules one has gone into, each a way back.

import { button, html } from "./dom.js";
import { phrase } from "./words.js";

/**
 * @param {[inside: string, label: string][]} trail from the whole to what is open now
 * @param {(inside: string) => void} go
 */
export function makeCrumbs(trail, go) {
  const items = trail.map(([inside, label], k) => {
    const here = k === trail.length - 1;
    const name = label || phrase("crumbs: whole");
    const shown = here ? html("span", { "aria-current": "location" }, name) : button(name, () => go(inside), { kind: "gp-jump" });
    return html("li", {}, shown);
  });
  return html("nav", { class: "gp-crumbs", "aria-label": phrase("crumbs: where") }, html("ol", {}, ...items));
}
