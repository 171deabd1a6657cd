// What is said to screen readers as it happens.

import { html } from "./dom.js";

/** One live region. What is said in one go is said together, and not cut off by the last of it. */
export function makeAnnouncer() {
  const element = html("div", { class: "gp-status", role: "status", "aria-live": "polite" });
  let said = "";
  return {
    element,
    /** @param {string} text */
    say(text) {
      said = said ? `${said} ${text}` : text;
      element.textContent = said;
      queueMicrotask(() => {
        said = "";
      });
    },
  };
}
