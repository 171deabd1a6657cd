// Taking hold of a number: an entry of a leaf is dragged in the picture, or typed, and everything follows.

import { button, html } from "../dom.js";
import { placeOf } from "../explain.js";
import { math, subscript } from "../mathml.js";
import { numberText } from "../number.js";
import { placed, shortName } from "../workings.js";
import { phrase } from "../words.js";
import { Laboratory } from "./laboratory.js";

/** @typedef {import("../explain.js").Entry} Entry */
/** @typedef {import("../facts.js").Facts} Facts */
/** @typedef {import("./laboratory.js").Change} Change */
/**
 * What is to follow a change; when nothing may be changed; where the focus goes when a number has been typed.
 * @typedef {{say(text: string): void, changed(): void, hidden(): boolean, share(changes: Change[]): void, back(): void}} Context
 */

const DRAG = 4; // pixels, before which it is a click
const [FASTER, SLOWER, WHOLE] = [10, 0.1, 20];
const MOST_TOLD = 3; // changes that are told one by one
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** By how much a pixel changes a number of this size. @param {number} start */
const unitOf = (start) => 10 ** (Math.floor(Math.log10(Math.max(Math.abs(start), 0.1)) + 0.5) - 2);

/**
 * The number that was typed, or why it is none.
 * @param {string} text
 * @param {string} dtype
 * @returns {number | string}
 */
export function numberTyped(text, dtype) {
  const plain = text.trim().replaceAll("−", "-");
  if (!plain) return phrase("grip: nothing typed");
  if (!NUMBER.test(plain)) return phrase("grip: no number", { text: text.trim().slice(0, 20) });
  const number = Number(plain);
  const kept = dtype === "float32" ? Math.fround(number) : number;
  if (!Number.isFinite(kept)) return phrase("grip: too large", { text: plain.slice(0, 20), dtype });
  if (!dtype.startsWith("float") && !Number.isInteger(number)) return phrase("grip: whole", { text: plain.slice(0, 20) });
  if (dtype === "bool" && number !== 0 && number !== 1) return phrase("grip: bool", { text: plain.slice(0, 20) });
  return number;
}

/**
 * @param {import("../state.js").Payload} payload
 * @param {Facts} facts
 * @param {import("../entries.js").Entries} entries
 * @param {HTMLElement} figure
 * @param {Context} on
 * @param {import("./laboratory.js").Data} data
 */
export function makeGrip(payload, facts, entries, figure, on, data) {
  const laboratory = new Laboratory(payload, facts, data);
  const [label, was] = [html("span", { class: "gp-grip-name" }), html("span", { class: "gp-muted" })];
  const field = html("input", { class: "gp-set-to", inputmode: "text", autocomplete: "off", spellcheck: "false", size: 9 });
  const undo = button(phrase("grip: take back"), () => takeBack(), { kind: "gp-small" });
  undo.title = phrase("grip: take back key");
  const message = html("p", { class: "gp-muted", role: "status" });
  const element = html("section", { class: "gp-section gp-grip", "aria-label": phrase("grip: set") }, html("div", { class: "gp-nudge-head" }, label, field, was, undo), message);
  element.hidden = true;
  /** @type {Entry | undefined} the entry of a leaf that can be set */
  let entry;
  let error = "";

  /** Whether an entry is one that can be set, as far as that is known. @param {Entry | undefined} one */
  function can(one) {
    const tensor = facts.tensor(one?.tensor);
    if (!one || !tensor || on.hidden() || tensor.role === "constant") return false;
    return entries.grid(one.tensor, "v")?.kind !== "preview" && laboratory.has(one.tensor);
  }

  /** Sets an entry. @param {Entry} one @param {number} number @param {boolean} [goesOn] */
  function set(one, number, goesOn = false) {
    error = "";
    laboratory.set(one.tensor, one.index, number, goesOn);
    follow();
  }

  /** Shows what has changed, and tells the kernel. */
  function follow() {
    on.share(laboratory.changes ?? []);
    on.changed();
  }

  function takeBack() {
    error = "";
    if (!laboratory.changes.length) return write();
    laboratory.undo();
    follow();
    on.say(phrase("grip: taken back"));
  }

  function typed() {
    if (!entry) return;
    const one = entry;
    const { dtype = "float32", name = "", shape = [] } = facts.tensor(one.tensor) ?? {};
    const number = numberTyped(field.value, dtype);
    error = typeof number === "string" ? number : whatIsOutside(one, number);
    if (error || typeof number === "string") {
      field.setAttribute("aria-invalid", "true");
      return write(true);
    }
    // What is left after Enter is a change too, to the same.
    if (laboratory.now(one.tensor, one.index) === number) return write();
    set(one, number);
    on.say(phrase("grip: is now", { name: placed(name, placeOf(one.index, shape)), number: numberText(number), output: facts.output, value: outputText() }));
  }

  /** Says that there is no such class, or row, if a whole number is to choose one. @param {Entry} one @param {number} number */
  function whatIsOutside({ tensor }, number) {
    if (facts.tensor(tensor)?.dtype.startsWith("float") || facts.tensor(tensor)?.dtype === "bool") return "";
    const chosen = facts.usersOf(tensor).map(({ operation, argument }) => {
      const other = facts.tensor(operation.inputs.find(({ id }) => id !== argument.id)?.tensor);
      return /nll|cross_entropy|margin/.test(operation.name) ? (other?.shape.at(other.shape.length === 1 ? 0 : 1) ?? 1) : 0;
    });
    const most = Math.min(...chosen.filter(Boolean), Infinity);
    const known = Math.max(...(facts.values.at(tensor, Infinity)?.data ?? [0]).map(Number));
    const count = Number.isFinite(most) ? most : known + 1;
    return number < 0 || number >= count ? phrase("grip: class", { last: count - 1 }) : "";
  }

  const outputText = () => {
    const data = facts.values.at(facts.outputId, Infinity)?.data;
    return data?.length === 1 ? numberText(Number(data[0])) : "";
  };

  /** Writes what there is to say. @param {boolean} [keeps] what stands in the field */
  function write(keeps = false) {
    const tensor = facts.tensor(entry?.tensor);
    element.hidden = !entry || !tensor || on.hidden();
    if (!entry || !tensor) return;
    const { index } = entry;
    label.replaceChildren(phrase("grip: set"), " ", math("math", subscript(shortName(tensor.name), placeOf(index, tensor.shape))));
    const known = facts.values.at(entry.tensor, Infinity)?.data?.[index];
    const number = known === undefined ? "" : numberText(Number(known), 7).replace("−", "-");
    if (!keeps && document.activeElement !== field) field.value = number;
    if (!keeps) field.removeAttribute("aria-invalid");
    field.setAttribute("aria-label", phrase("grip: value of", { name: placed(tensor.name, placeOf(index, tensor.shape)) }));
    const changes = laboratory.changes ?? [];
    const own = changes.some(([id, k]) => id === entry?.tensor && k === index);
    was.textContent = own ? phrase("grip: was", { number: numberText(laboratory.first(entry.tensor, index)) }) : changes.length ? "" : phrase("grip: drag or type");
    undo.hidden = !changes.length;
    element.toggleAttribute("data-changed", changes.length > 0);
    const others = changes.filter(([id, k]) => id !== entry?.tensor || k !== index);
    const told = others.slice(0, MOST_TOLD).map(([id, k]) => placed(facts.tensor(id)?.name ?? id, placeOf(k, facts.tensor(id)?.shape ?? [])));
    const more = others.length > MOST_TOLD ? [phrase("grip: others", { count: others.length - MOST_TOLD })] : [];
    const apart = own ? laboratory.cut(entry.tensor) : undefined;
    message.textContent = error || apart || (told.length ? phrase("grip: changed too", { names: [...told, ...more].join(", ") }) : "");
    message.classList.toggle("gp-problem", Boolean(error));
    entries.light("changed", changes.map(([id, k]) => ({ tensor: id, part: "v", index: k })));
  }

  field.addEventListener("change", typed);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") typed();
    if (event.key !== "Escape") return;
    error = "";
    field.blur();
    write();
    on.back();
  });
  field.addEventListener("blur", () => error || write());

  // --- in the picture: a number is dragged to the right to be more, or clicked twice to be typed --------------------------

  /** @type {{entry: Entry, x: number, start: number, unit: number, x0: number, id: number} | undefined} */
  let held;
  let dragged = false;
  let waiting = 0;
  figure.addEventListener("pointerdown", (event) => {
    const one = event.button === 0 ? entries.at(event) : undefined;
    dragged = false;
    if (one?.part !== "v" || !can(one)) return;
    const start = Number(facts.values.at(one.tensor, Infinity)?.data?.[one.index]);
    if (!Number.isFinite(start)) return;
    const whole = !facts.tensor(one.tensor)?.dtype.startsWith("float");
    held = { entry: one, x: event.clientX, x0: event.clientX, start, unit: whole ? 1 / WHOLE : unitOf(start), id: event.pointerId };
    event.stopPropagation(); // the picture stays where it is
  }, { capture: true });
  figure.addEventListener("pointermove", (event) => {
    if (!held) return void figure.toggleAttribute("data-holdable", can(entries.at(event)) && entries.at(event)?.part === "v");
    event.stopPropagation();
    held.x = event.clientX;
    if (!dragged && Math.abs(held.x - held.x0) < DRAG) return;
    if (!dragged) figure.setPointerCapture(held.id);
    const goesOn = dragged;
    dragged = true;
    const factor = event.shiftKey ? FASTER : event.altKey ? SLOWER : 1;
    const { entry: one, start, unit, x, x0 } = held;
    const moved = start + (x - x0) * unit * factor;
    const whole = laboratory.isWhole(one.tensor);
    const number = whole ? Math.round(moved) : Number((Math.round(moved / (unit * factor)) * unit * factor).toPrecision(12));
    cancelAnimationFrame(waiting);
    // One frame, one change: pointers may be faster than what follows.
    waiting = requestAnimationFrame(() => {
      if (whole && whatIsOutside(one, number)) return;
      entry = one;
      set(one, number, goesOn || begun);
      begun = true;
    });
  }, { capture: true });
  let begun = false;
  const end = (/** @type {Event} */ event) => {
    if (!held) return;
    if (dragged) {
      event.stopPropagation();
      const { entry: one } = held;
      on.say(phrase("grip: is now", { name: facts.tensor(one.tensor)?.name ?? "", number: numberText(Number(facts.values.at(one.tensor, Infinity)?.data?.[one.index])), output: facts.output, value: outputText() }));
    }
    held = undefined;
    begun = false;
  };
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) figure.addEventListener(name, end, { capture: true });
  figure.addEventListener("click", (event) => {
    if (dragged) event.stopPropagation(); // the end of a drag is not a click on what is under it
    dragged = false;
  }, { capture: true });
  figure.addEventListener("dblclick", (event) => {
    const one = entries.at(event);
    if (one?.part !== "v" || !can(one)) return;
    entry = one;
    write();
    field.focus({ preventScroll: true });
    field.select();
  });

  return {
    element,
    undo: takeBack,
    /** Whether anything is not as it was recorded. */
    changed: () => laboratory.changes.length > 0,
    /** The output with an entry nudged, and the slope there. @param {Entry} one @param {number} by */
    nudge: (one, by) => (laboratory.has(one.tensor) ? laboratory.nudge(one.tensor, one.index, by) : undefined),
    /** Goes to an entry: the first of some that can be set. @param {(Entry | undefined)[]} near */
    show(near) {
      const leaves = payload.facts.tensors.filter(({ id }) => can({ tensor: id, part: "v", index: 0 }));
      const leaf = leaves.find(({ requires_grad }) => requires_grad) ?? leaves[0];
      const one = [...near, entry, leaf && { tensor: leaf.id, part: /** @type {const} */ ("v"), index: 0 }].find(can);
      if (one?.tensor !== entry?.tensor || one?.index !== entry?.index) error = "";
      entry = one && { ...one, part: "v" };
      write(Boolean(error));
    },
    /** Makes changes again that were made in another picture, or told by the kernel. @param {Change[]} changes */
    again(changes) {
      if (JSON.stringify(laboratory.changes) === JSON.stringify(changes)) return;
      laboratory.reset();
      laboratory.again(changes);
      on.changed();
    },
  };
}
