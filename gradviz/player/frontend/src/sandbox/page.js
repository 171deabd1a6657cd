// The page: an expression, the values of its names, and the player of what it computes.

import { html } from "../dom.js";
import { engineOf } from "../loading.js";
import { PageModel } from "../model.js";
import { numberText } from "../number.js";
import { render } from "../player.js";
import { followTheme } from "../theme.js";
import { phrase } from "../words.js";
import { graphOf, namesIn } from "./graph.js";
import { Wrong, parsed, value } from "./parse.js";
import { payloadOf } from "./payload.js";
import { fragmentOf, readFragment } from "./share.js";

/** @typedef {import("./parse.js").Numbers} Numbers */

const WAIT = 180; // milliseconds after the last letter
const USUAL = [0.5, 1.5, -1, 2, 0.25]; // values of names that have none yet
const SIDES = { left: "[[1, 2], [3, 4]]", right: "[1, -1]" };
/** What has two arguments. */
const PAIRS = new Set(["maximum", "minimum", "mse_loss"]);

/** Numbers as one types them. @param {Numbers} numbers */
export function typed({ shape, data }) {
  const one = (/** @type {number} */ number) => numberText(number, 6, "float32").replaceAll("−", "-");
  if (!shape.length) return one(data[0]);
  const across = shape[shape.length - 1];
  const rows = Array.from({ length: data.length / across }, (_, row) => `[${data.slice(row * across, (row + 1) * across).map(one).join(", ")}]`);
  return shape.length === 1 ? rows[0] : `[${rows.join(", ")}]`;
}

/**
 * @param {{expression?: string, values?: Record<string, string>}} given
 * @param {HTMLElement} place
 * @param {import("../parts.js").Parts} parts
 */
export async function makeSandbox(given, place, parts) {
  const input = html("input", { type: "text", class: "gs-expression", "aria-label": phrase("sandbox: expression"), spellcheck: "false", autocomplete: "off", autocapitalize: "off" });
  const fields = html("div", { class: "gs-values", role: "group", "aria-label": phrase("sandbox: values") });
  const caret = html("pre", { class: "gs-caret", "aria-hidden": "true" });
  const message = html("p", { class: "gs-message", role: "status" });
  const hint = html("p", { class: "gs-hint" });
  const help = html("details", { class: "gs-help" }, html("summary", {}, phrase("sandbox: what")), hint);
  const stage = html("div", { class: "gs-stage" });
  const root = html("section", { class: "gradviz-player gradviz-sandbox" }, html("div", { class: "gs-top" }, html("div", { class: "gs-line" }, input, caret), fields, html("div", { class: "gs-foot" }, help, message)));
  place.append(root, stage);
  followTheme(root);
  /** @type {any} */
  let book;
  /** @type {typeof import("../engine.js")} */
  let engine;
  let text = "";
  try {
    ({ book, text } = await parts.sandbox());
    engine = await engineOf(text, true);
  } catch (error) {
    message.textContent = phrase("sandbox: cannot", { error });
    return;
  }
  const functions = Object.fromEntries([...new Set(Object.keys(book).map((key) => key.split(" ")[0]))].filter((name) => /^[a-z]/.test(name) && name !== "neg").map((name) => [name, PAIRS.has(name) ? 2 : 1]));
  hint.textContent = phrase("sandbox: hint", { functions: Object.keys(functions).join(", ") });

  /** What has been typed for names, also for those that are not in the expression at the moment. @type {Map<string, string>} */
  const texts = new Map();
  /** @type {Map<string, HTMLInputElement>} */
  let boxes = new Map();
  let unmount = () => {};
  let shown = "";
  /** @type {PageModel | undefined} */
  let model;

  /** @param {string} expression @param {Record<string, string>} values */
  function take(expression, values) {
    input.value = expression;
    for (const [name, one] of Object.entries(values)) texts.set(name, one);
    update();
  }

  /** A field for each name. @param {Map<string, "" | "left" | "right">} names */
  function arrange(names) {
    if ([...names.keys()].join() === [...boxes.keys()].join()) return;
    boxes = new Map([...names].map(([name, side], k) => {
      if (!texts.has(name)) texts.set(name, side ? SIDES[side] : String(USUAL[k % USUAL.length]));
      const box = html("input", { type: "text", "aria-label": name, spellcheck: "false", autocomplete: "off" });
      box.value = texts.get(name) ?? "";
      box.addEventListener("input", () => {
        texts.set(name, box.value);
        later();
      });
      return [name, box];
    }));
    fields.replaceChildren(...[...boxes].map(([name, box]) => html("label", {}, html("span", {}, `${name} =`), box)));
    for (const box of boxes.values()) fit(box);
  }
  /** @param {HTMLInputElement} box */
  const fit = (box) => (box.style.width = `${Math.min(34, Math.max(5, box.value.length + 2))}ch`);

  /** @param {unknown} error @param {string} [name] in whose value */
  function point(error, name) {
    if (!(error instanceof Wrong)) throw error;
    for (const [other, box] of boxes) box.setAttribute("aria-invalid", String(other === name));
    input.setAttribute("aria-invalid", String(name === undefined));
    const end = Math.max(error.at + 1, Math.min(error.end, input.value.length + 1));
    caret.textContent = name === undefined ? " ".repeat(error.at) + "^".repeat(end - error.at) : "";
    caret.scrollLeft = input.scrollLeft;
    message.title = message.textContent = name === undefined ? error.message : phrase("sandbox: in value", { name, message: error.message });
    root.toggleAttribute("data-wrong", true);
  }

  function update() {
    clearTimeout(timer);
    let tree;
    let name;
    try {
      ({ tree, name } = parsed(input.value, functions));
    } catch (error) {
      return point(error);
    }
    const names = namesIn(tree);
    arrange(names);
    /** @type {Map<string, Numbers>} */
    const values = new Map();
    for (const one of names.keys()) {
      try {
        values.set(one, value(texts.get(one) ?? ""));
      } catch (error) {
        return point(error, one);
      }
    }
    let graph;
    try {
      graph = graphOf(tree, name, values, book);
    } catch (error) {
      return point(error);
    }
    for (const box of [input, ...boxes.values()]) box.setAttribute("aria-invalid", "false");
    caret.textContent = message.title = message.textContent = "";
    root.removeAttribute("data-wrong");
    for (const box of boxes.values()) fit(box);
    share();
    const key = JSON.stringify([input.value, [...values]]);
    if (key === shown) return;
    shown = key;
    play(graph);
  }

  /** @param {import("./graph.js").Graph} graph */
  function play(graph) {
    const { payload, program, shown: places } = payloadOf(graph, `${graph.output.name} = ${input.value.replace(/^\s*[\p{L}_][\p{L}\p{N}_]*\s*=(?!=)/u, "").trim()}`, engine);
    const step = model?.get("step") ?? 0;
    const same = model && JSON.stringify(model.get("payload").facts.operations.map((/** @type {any} */ one) => one.name)) === JSON.stringify(payload.facts.operations.map((/** @type {any} */ one) => one.name));
    unmount();
    const made = PageModel.of(payload);
    model = made;
    made.carried = async () => ({ program, shown: places, text });
    if (same) made.set("step", Math.min(step, payload.steps.length - 1));
    // A number that is taken hold of in the picture stands in its field too.
    made.on("change:held", () => {
      for (const { id, name, shape, data, producer } of graph.tensors) {
        const box = boxes.get(name);
        if (!box || producer || !data) continue;
        const now = data.slice();
        for (const [tensor, index, number] of made.get("held") ?? []) if (tensor === id) now[index] = number;
        box.value = typed({ shape, data: now });
        texts.set(name, box.value);
        fit(box);
      }
      shown = "";
      share();
    });
    unmount = render({ model: made, el: stage });
  }

  function share() {
    try {
      history.replaceState(null, "", fragmentOf(input.value, new Map([...boxes.keys()].map((name) => [name, texts.get(name) ?? ""]))));
    } catch {
      // A frame of documentation has no address of its own.
    }
  }
  /** @type {number | undefined} */
  let timer;
  function later() {
    clearTimeout(timer);
    timer = window.setTimeout(update, WAIT);
  }
  input.addEventListener("input", later);
  input.addEventListener("scroll", () => (caret.scrollLeft = input.scrollLeft));
  for (const event of /** @type {const} */ (["keydown", "keyup"])) root.addEventListener(event, (pressed) => pressed.stopPropagation()); // who types, types
  const asked = readFragment(location.hash);
  take(asked?.expression ?? String(given.expression ?? "tanh(w*x + b)"), { ...Object.fromEntries(Object.entries(given.values ?? {}).map(([name, one]) => [name, String(one)])), ...asked?.values });
}
