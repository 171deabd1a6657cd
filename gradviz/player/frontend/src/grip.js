// Where numbers are taken hold of. What does that is a part of its own, which is loaded as soon as somebody comes near.

import { html } from "./dom.js";
import { sourceOf } from "./loading.js";

/** @typedef {import("./explain.js").Entry} Entry */
/** @typedef {ReturnType<typeof import("./engine/grip.js").makeGrip>} Inner */
/** @typedef {import("./engine/laboratory.js").Change} Change */

/**
 * @param {import("./model.js").Model} model
 * @param {import("./state.js").Payload} payload
 * @param {import("./facts.js").Facts} facts
 * @param {import("./entries.js").Entries} entries
 * @param {import("./engine/grip.js").Context} on
 */
export function makeGrip(model, payload, facts, entries, on) {
  const source = sourceOf(model);
  const message = html("p", { class: "gp-muted" });
  const element = html("div", { class: "gp-hold" }, message);
  element.hidden = !source; // else it keeps its place, or the picture would move under the pointer that comes near
  /** @type {Inner | undefined} */
  let inner;
  /** @type {Promise<void> | undefined} */
  let loading;
  /** @type {HTMLElement | undefined} */
  let figure;

  /** Loads it, once; where a page lacks something to run the computation, it says so. */
  function load() {
    loading ??= source?.(payload.at ?? "").then(({ engine, data, missing }) => {
      message.textContent = missing ?? "";
      if (!engine || !figure) return;
      inner = engine.makeGrip(payload, facts, entries, figure, on, data);
      element.append(inner.element);
      inner.again(model.get("held") ?? []);
      on.changed();
    }).catch((/** @type {Error} */ error) => {
      message.textContent = error.message;
    });
    return loading;
  }

  return {
    element,
    undo: () => inner?.undo(),
    changed: () => Boolean(inner?.changed()),
    /** @param {Entry} entry @param {number} by */
    nudge: (entry, by) => inner?.nudge(entry, by),
    /** @param {(Entry | undefined)[]} near */
    show: (near) => inner?.show(near),
    again: () => {
      const changes = model.get("held") ?? [];
      if (inner) inner.again(changes);
      else if (changes.length) load();
    },
    /** Loads when somebody comes near. @param {HTMLElement} root @param {HTMLElement} around the picture */
    listen(root, around) {
      figure = around;
      for (const name of ["pointerover", "focusin", "keydown"]) root.addEventListener(name, load, { once: true });
    },
  };
}
