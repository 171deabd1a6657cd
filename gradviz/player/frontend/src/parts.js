// The insides of modules that a saved page carries: each packed by itself, and unpacked when somebody goes there.

import { unpacked } from "./unpack.js";

/**
 * What differs between two modules that look alike: their numbers and words. The picture is theirs in common; `ids` says what its
 * parts are called in this module, by what they are called in the picture.
 * @typedef {{picture: string, ids: Record<string, string>}} Sharing
 */

export class Parts {
  /** @param {string} kind @param {string} name @returns {Promise<any>} */
  async #part(kind, name) {
    const carried = [...document.querySelectorAll(`script[data-gradviz-${kind}]`)];
    const element = carried.find((script) => script.getAttribute(`data-gradviz-${kind}`) === name);
    return element ? unpacked(element.textContent ?? "") : undefined;
  }

  /**
   * The payload of a module's inside.
   * @param {string} inside
   * @returns {Promise<any>} nothing if the page has none
   */
  async inside(inside) {
    const own = await this.#part("inside", inside);
    const picture = own && (await this.#part("picture", own.picture));
    if (!picture) return undefined;
    const { ids } = /** @type {Sharing} */ (own);
    const renamed = (/** @type {string} */ key) => key.split("_").map((id) => (Object.hasOwn(ids, id) ? ids[id] : id)).join("_");
    const svg = picture.svg.replace(/ id="([A-Za-z0-9]+)_(\w+)"/g, (/** @type {string} */ _, /** @type {string} */ prefix, /** @type {string} */ key) => ` id="${prefix}_${renamed(key)}"`);
    const grids = Object.fromEntries(Object.entries(picture.grids).map(([key, grid]) => [renamed(key), grid]));
    return { ...own, ...picture, svg, grids };
  }
}
