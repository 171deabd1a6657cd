// The chain rule, path by path: along each path from the output back to a leaf a product, and their sum is the leaf's gradient.

import { button, html } from "./dom.js";
import { placeOf } from "./explain.js";
import { readable } from "./facts.js";
import { math, subscript } from "./mathml.js";
import { numberText } from "./number.js";
import { shortName } from "./workings.js";
import { phrase } from "./words.js";

/** @typedef {import("./explain.js").Entry} Entry */
/** @typedef {import("./facts.js").Facts} Facts */
/** @typedef {import("./facts.js").Value} Value */
/** @typedef {{edges: string[], text: string, value?: Value | null}} Path its edges from the output to the leaf; of an only path the value is the leaf's gradient */
/** @typedef {Record<string, {paths: Path[], more: number | string, rest?: Value}>} Paths by the leaf, with what the others bring together */

const MOST_NAMES = 5;

/**
 * The tensors along a path that are in the picture, the output first: those that the learner has named, if there are any between the
 * ends; the middle of a long path left out.
 * @param {Facts} facts
 * @param {Path} path
 */
export function stations(facts, { edges }) {
  const all = [facts.outputId, ...edges.map((edge) => facts.edge(edge)?.tensor.id)].flatMap((id) => facts.tensor(id) ?? []);
  const named = all.filter(({ named: has }, k) => has || k === 0 || k === all.length - 1);
  const names = (named.length > 2 ? named : all).map(({ name }) => shortName(name));
  return names.length > MOST_NAMES ? [...names.slice(0, 2), "…", ...names.slice(-2)] : names;
}

/** Its edges in the picture, those out of the operations too. @param {Facts} facts @param {Path} path */
function drawn(facts, { edges }) {
  let result = facts.outputId;
  return edges.flatMap((edge) => {
    const both = [edge, `${edge.split("_")[0]}_${result}`];
    result = facts.edge(edge)?.tensor.id ?? "";
    return both;
  });
}

/**
 * @param {Facts} facts
 * @param {Paths} paths
 * @param {(edges: string[]) => void} mark shows a path in the picture
 */
export function makePaths(facts, paths, mark) {
  const leaves = Object.keys(paths).filter((id) => paths[id].paths.length);
  const choice = html("select", { class: "gp-small", "aria-label": phrase("paths: which leaf") }, ...leaves.map((id) => html("option", { value: id }, facts.tensor(id)?.name ?? id)));
  const cards = html("div", { class: "gp-routes" });
  const note = html("span", { class: "gp-muted" });
  const element = html("section", { class: "gp-section gp-paths", "aria-label": phrase("paths: chain rule path by path") }, html("header", {}, html("h3", {}, phrase("paths: chain rule path by path")), choice, note), cards);
  element.hidden = leaves.length === 0;
  /** @type {Path | undefined} */
  let pressed;
  let index = 0;
  let step = -1;
  let shown = ""; // what the cards were made for
  let asked = ""; // the entry that was given last

  /** @param {Value | null | undefined} value */
  const numberOf = (value) => Number(readable(value ?? facts.gradients.at(choice.value, Infinity)?.value)?.data?.[index]);

  /** @param {Path} path @param {number} k */
  function card(path, k) {
    const made = button("", () => {
      pressed = pressed === path ? undefined : path;
      [...cards.querySelectorAll("button")].forEach((other) => other.setAttribute("aria-pressed", String(other === made && pressed === path)));
      mark(pressed ? drawn(facts, pressed) : []);
    }, { kind: "gp-route" });
    made.setAttribute("aria-pressed", "false");
    made.append(html("span", { class: "gp-stations" }, stations(facts, path).join(" → ")), html("span", { class: "gp-route-text" }, path.text), html("b", { class: "gp-g" }, numberText(numberOf(path.value))));
    const look = () => mark(drawn(facts, path));
    const leave = () => mark(pressed ? drawn(facts, pressed) : []);
    for (const [name, listener] of /** @type {const} */ ([["pointerenter", look], ["focus", look], ["pointerleave", leave], ["blur", leave]])) made.addEventListener(name, listener);
    return k ? [html("span", {}, "+"), made] : [made];
  }

  function write() {
    const leaf = choice.value;
    const tensor = facts.tensor(leaf);
    if (!tensor) return;
    if (!facts.gradients.at(leaf, step)?.complete) {
      cards.replaceChildren();
      note.textContent = phrase("nudge: comes with last step");
      shown = "";
      return mark([]);
    }
    if (shown === `${leaf} ${index}`) return;
    shown = `${leaf} ${index}`;
    pressed = undefined;
    mark([]);
    const { paths: found, more, rest } = paths[leaf];
    const total = found.reduce((sum, path) => sum + numberOf(path.value), rest ? numberOf(rest) : 0);
    const place = placeOf(index, tensor.shape);
    const sum = html("span", { class: "gp-route-sum" }, html("span", { class: "gp-muted" }, "into ", math("math", subscript(shortName(tensor.name), place))), html("b", { class: "gp-g" }, numberText(total)));
    const others = rest ? [html("span", { class: "gp-muted" }, `+ ${Number(more).toLocaleString("en").replaceAll(",", "\u202f")} more (${numberText(numberOf(rest))})`)] : [];
    cards.replaceChildren(...found.flatMap(card), ...others, html("span", {}, "="), sum);
    note.textContent = found.some(({ text }) => text) ? phrase("paths: factors left out") : "";
  }
  choice.addEventListener("change", () => {
    index = 0;
    write();
  });

  return {
    element,
    /** Whether there are paths to it. @param {string} id */
    leads: (id) => leaves.includes(id),
    /** Goes to a leaf, or to an entry of it; while its gradient is not all there, there is nothing to add up. @param {Entry | undefined} entry @param {number} at the step */
    show(entry, at) {
      step = at;
      // Else the leaf that has been chosen here since stays.
      const isNew = entry && `${entry.tensor} ${entry.index}` !== asked;
      if (isNew && leaves.includes(entry.tensor)) {
        asked = `${entry.tensor} ${entry.index}`;
        choice.value = entry.tensor;
        index = entry.index;
      }
      element.hidden = leaves.length === 0 || !leaves.some((id) => facts.gradients.at(id, step)?.complete);
      if (!element.hidden) return write();
      cards.replaceChildren();
      shown = "";
      mark([]);
    },
  };
}
