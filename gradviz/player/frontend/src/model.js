// The model of a saved page: what anywidget gives a widget's front end, with nobody at the other end.

/**
 * @typedef {{
 *   get(name: string): any,
 *   set(name: string, value: any): void,
 *   on(event: string, listener: () => void): void,
 *   off(event: string, listener: () => void): void,
 *   save_changes(): void,
 * }} Model
 */

/** @implements {Model} */
export class PageModel {
  #values;
  /** @type {Map<string, Set<() => void>>} */
  #listeners = new Map();

  /** @param {Record<string, any>} values */
  constructor(values) {
    this.#values = { ...values };
  }

  /** @param {string} name */
  get(name) {
    return this.#values[name];
  }

  /** @param {string} name @param {any} value */
  set(name, value) {
    if (this.#values[name] === value) return;
    this.#values[name] = value;
    for (const listener of [...(this.#listeners.get(`change:${name}`) ?? [])]) listener();
  }

  /** @param {string} event @param {() => void} listener */
  on(event, listener) {
    if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
    this.#listeners.get(event)?.add(listener);
  }

  /** @param {string} event @param {() => void} listener */
  off(event, listener) {
    this.#listeners.get(event)?.delete(listener);
  }

  save_changes() {}
}
