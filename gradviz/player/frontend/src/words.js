// What the pages say: all of it stands in one catalogue, by key.

import texts from "../../../catalogue/pages.en.json" with { type: "json" };

/**
 * Says what the catalogue has under a key. (In a bundle the text itself stands in the key's place: see build.js.)
 * @param {string} key
 * @param {Record<string, unknown>} [given] What to write for the names in braces.
 */
export function phrase(key, given = {}) {
  const text = /** @type {Record<string, string>} */ (texts)[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(given[name]));
}
