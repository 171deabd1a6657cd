// The model of a saved page: what anywidget gives a widget's front end, with nobody at the other end.

import { unpacked } from "./unpack.js";

/**
 * @typedef {{
 *   get(name: string): any,
 *   set(name: string, value: any): void,
 *   on(event: string, listener: (message?: any) => void): void,
 *   off(event: string, listener: (message?: any) => void): void,
 *   save_changes(): void,
 *   send?: (message: any) => void,
 * }} Model
 */

/** @implements {Model} */
export class PageModel {
  /** @type {Record<string, any>} */
  #values = { payload: null, step: 0, place: 0, playing: false, selected: "", predict: false, grain: "operation", event: 0, depth: null, every_operation: false };
  /** @type {Map<string, Set<() => void>>} */
  #listeners = new Map();
  /** @type {Record<string, any>} the payload with its modules folded, by depth; and as `every` with the helpers of products, or without */
  #folds = {};

  /** A model for a payload that is there already. @param {any} payload */
  static of(payload) {
    const model = new PageModel();
    model.#take(payload);
    return model;
  }

  /** @param {any} payload */
  #take(payload) {
    const { predict, grain, folds, depth } = payload;
    Object.assign(this.#values, { payload, predict: predict === true, grain: grain === "event" ? grain : "operation", depth: depth?.now ?? null, every_operation: payload.every === true });
    const whole = { paths: payload.paths, nudges: payload.nudges }; // the same however much is folded
    const others = Object.entries(folds ?? {}).map(([now, fold]) => [now, { ...whole, ...fold }]);
    this.#folds = { ...Object.fromEntries(others), [depth?.now]: payload };
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
    if (name === "depth" && Object.hasOwn(this.#folds, value)) this.#fold(this.#folds[value]);
    if (name === "every_operation") this.#fold(Object.values(this.#folds).findLast(({ every }) => every === value));
  }

  /** Does what Python does in a notebook: another payload, at the step that shows as much. @param {any} payload */
  #fold(payload) {
    if (!payload || payload === this.#values.payload) return;
    Object.assign(this.#values, { depth: payload.depth?.now ?? null, every_operation: payload.every === true });
    const seen = this.#values.payload.places[this.#values.step];
    this.#values.step = Math.max(0, payload.places.findLastIndex((/** @type {number} */ place) => place <= seen));
    this.set("payload", payload);
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

/**
 * What a saved page carries with it: its payload, its picture, and the place for the player. In a notebook there is none.
 * @returns {Promise<{model: PageModel, place: HTMLElement} | undefined>}
 */
export async function pageParts() {
  const saved = document.getElementById("gradviz-payload");
  const place = document.getElementById("gradviz-page");
  if (!saved || !place) return undefined;
  const svg = /** @type {SVGSVGElement | null} */ (document.querySelector("#gradviz-picture > svg"));
  svg?.remove();
  try {
    const payload = await unpacked(saved.textContent ?? "");
    payload.svg ??= svg;
    return { model: PageModel.of(payload), place };
  } catch {
    // Cut off, or changed by hand. Without a payload the player says that there is none to play.
    return { model: new PageModel(), place };
  }
}
