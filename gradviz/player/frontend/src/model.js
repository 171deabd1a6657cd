// The model of a saved page: what anywidget gives a widget's front end, with nobody at the other end.

import { Parts } from "./parts.js";
import { unpacked } from "./unpack.js";

/**
 * @typedef {{
 *   get(name: string): any,
 *   set(name: string, value: any): void,
 *   on(event: string, listener: (message?: any) => void): void,
 *   off(event: string, listener: (message?: any) => void): void,
 *   save_changes(): void,
 *   send?: (message: any) => void,
 *   carried?: (at: string) => Promise<any>,
 *   onward?: () => Promise<{told: any, text: string}>,
 * }} Model
 */

/** What of a payload is the same however much is folded, and inside of each module. @param {any} payload */
const ofTheWhole = ({ code, paths, nudges, overview, found }) => ({ code, paths, nudges, overview, found });

/** The same picture with its data flowing the other way. @param {any} payload */
const turned = (payload) => {
  const { svg, direction, grids } = payload;
  return { ...payload, ...payload.turned, turned: { svg, direction, grids } };
};

/** @implements {Model} */
export class PageModel {
  /** @type {Model["carried"]} */
  carried;
  /** @type {Model["onward"]} */
  onward;
  /** @type {Record<string, any>} */
  #values = { payload: null, step: 0, place: 0, inside: "", moment: 0, playing: false, selected: "", entry: null, predict: false, grain: "operation", event: 0, depth: null, every_operation: false, direction: "auto", held: [] };
  /** @type {Map<string, Set<() => void>>} */
  #listeners = new Map();
  /** @type {Record<string, any>} the payload with its modules folded, by depth; and as `every` with the helpers of products, or without */
  #folds = {};
  /** @type {any} the payload of the whole, from which one goes inside */
  #whole = null;
  /** @type {any} the payload of what is shown, as it was drawn */
  #drawn = null;
  /** @type {import("./parts.js").Parts | undefined} where the insides of modules are */
  #parts;

  /**
   * A model for a payload that is there already.
   * @param {any} payload
   * @param {import("./parts.js").Parts} [parts] the insides of its modules
   */
  static of(payload, parts) {
    const model = new PageModel();
    model.#parts = parts;
    if (parts?.has("program")) model.carried = (at) => parts.laboratory(at);
    if (parts?.has("onward")) model.onward = () => parts.onward();
    model.#take(payload);
    return model;
  }

  /** @param {any} payload */
  #take(payload) {
    const { predict, grain, folds, depth, wanted } = payload;
    Object.assign(this.#values, { direction: wanted === "LR" || wanted === "TB" ? wanted : "auto" });
    Object.assign(this.#values, { payload: this.#facing(payload), predict: predict === true, grain: grain === "event" ? grain : "operation", depth: depth?.now ?? null, every_operation: payload.every === true });
    const others = Object.entries(folds ?? {}).map(([now, fold]) => [now, { ...ofTheWhole(payload), ...fold }]);
    this.#folds = { ...Object.fromEntries(others), [depth?.now]: payload };
    this.#whole = this.#drawn = payload;
  }

  /** A payload with its data flowing as the reader wants it. @param {any} payload */
  #facing(payload) {
    const { direction } = this.#values;
    return direction === "auto" || direction === payload.direction || !payload.turned ? payload : turned(payload);
  }

  /** @param {string} name */
  get(name) {
    return this.#values[name];
  }

  /** @param {string} name @param {any} value */
  set(name, value) {
    if (this.#values[name] === value) return;
    this.#values[name] = value;
    // The step of the whole run that is shown, whichever picture shows it.
    if (name === "step") this.#values.moment = this.#values.payload?.places?.[value] ?? value;
    for (const listener of [...(this.#listeners.get(`change:${name}`) ?? [])]) listener();
    if (name === "inside") this.#enter(value);
    if (name === "direction") this.set("payload", this.#facing(this.#drawn));
    if (name === "depth" && Object.hasOwn(this.#folds, value)) this.#fold(this.#folds[value]);
    if (name === "every_operation") this.#fold(Object.values(this.#folds).findLast(({ every }) => every === value));
  }

  /** Does what Python does in a notebook: another depth, or other operations, of the whole. @param {any} payload */
  #fold(payload) {
    if (!payload || payload === this.#drawn) return;
    Object.assign(this.#values, { depth: payload.depth?.now ?? null, every_operation: payload.every === true });
    this.#whole = payload;
    this.#show(payload);
  }

  /** Goes inside a module, or out to the whole. @param {string} inside */
  async #enter(inside) {
    const payload = inside ? { ...ofTheWhole(this.#whole), ...(await this.#parts?.inside(inside)) } : this.#whole;
    if (this.#values.inside === inside && payload.steps) this.#show(payload);
  }

  /** Shows another picture, at the last step that shows no more than the moment there is. @param {any} payload */
  #show(payload) {
    const { moment } = this.#values;
    this.#values.step = Math.max(0, payload.places.findLastIndex((/** @type {number} */ place) => place <= moment));
    this.#values.event = 0;
    this.#drawn = payload;
    this.set("payload", this.#facing(payload));
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
    return { model: PageModel.of(payload, new Parts()), place };
  } catch {
    // Cut off, or changed by hand. Without a payload the player says that there is none to play.
    return { model: new PageModel(), place };
  }
}
