// The insides of modules that a saved page carries: each packed by itself, and unpacked when somebody goes there.

import { unpacked } from "./unpack.js";

/**
 * Modules that look alike have one picture. In each, `ids` says what the picture's parts are called, and `words` which of the words
 * in it are others, by their places; `turned` which are in the picture whose data flows the other way, if it fits. `numbers` are the
 * rows of numbers in its steps.
 * @typedef {{picture: string, ids: Record<string, string>, words?: Record<string, string>, turned?: Record<string, string> | null, numbers: number[][]}} Sharing
 */

const WORDS = /(?<=>)[^<>]+(?=<\/text>)|(?<= aria-label=")[^"]*|(?<= class="gv-tint)\d*" fill="[^"]*/g; // as in gradviz.player.placed

/** Puts rows of numbers, which a part has once, where they belong. @param {any} part @param {any[][]} numbers */
function fill(part, numbers) {
  if (typeof part?.data === "number") part.data = numbers[part.data];
  else if (part && typeof part === "object") for (const inner of Object.values(part)) fill(inner, numbers);
}

export class Parts {
  /** @param {string} kind @param {string} name @returns {Promise<any>} */
  async #part(kind, name) {
    const carried = [...document.querySelectorAll(`script[data-gradviz-${kind}]`)];
    const element = carried.find((script) => script.getAttribute(`data-gradviz-${kind}`) === name);
    return element ? unpacked(element.textContent ?? "") : undefined;
  }

  /** The text of what runs computations; nothing if the page has none. @returns {Promise<string | undefined>} */
  engine() {
    return this.#part("engine", "");
  }

  /** Whether the page has a part of a kind. @param {string} kind */
  has(kind) {
    return document.querySelector(`script[data-gradviz-${kind}]`) !== null;
  }

  /** What runs the page's computation, and where the numbers of a picture stand in it. @param {string} at which picture */
  async laboratory(at) {
    const [program, shown, text] = await Promise.all([this.#part("program", ""), this.#part("shown", at), this.#part("engine", "")]);
    return { program, shown, text };
  }

  /** What an editable page looks operations up in, and what computes them. */
  async sandbox() {
    const [book, text] = await Promise.all([this.#part("book", ""), this.#part("engine", "")]);
    return { book, text };
  }

  /** What trains the page's run on. */
  async onward() {
    const [told, text] = await Promise.all([this.#part("onward", ""), this.#part("engine", "")]);
    return { told, text };
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
    const { ids, words = {}, turned } = /** @type {Sharing} */ (own);
    fill(own.facts.frames, own.numbers);
    const renamed = (/** @type {string} */ key) => key.split("_").map((id) => (Object.hasOwn(ids, id) ? ids[id] : id)).join("_");
    /** A picture with this module's words and names. @param {any} common @param {Record<string, string>} others */
    const named = ({ svg, direction, grids }, others) => {
      let place = 0;
      return {
        svg: svg
          .replace(WORDS, (/** @type {string} */ word) => others[place++] ?? word)
          .replace(/ id="([A-Za-z0-9]+)_(\w+)"/g, (/** @type {string} */ _, /** @type {string} */ prefix, /** @type {string} */ key) => ` id="${prefix}_${renamed(key)}"`),
        direction,
        grids: Object.fromEntries(Object.entries(grids).map(([key, grid]) => [renamed(key), grid])),
      };
    };
    const other = turned && picture.turned ? named(picture.turned, turned) : undefined;
    return { ...own, ...picture, ...named(picture, words), turned: other };
  }
}
