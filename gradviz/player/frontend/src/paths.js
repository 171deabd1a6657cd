// The chain rule, path by path: along each path from the output back to a leaf a product, and their sum is the leaf's gradient.

import { button, html } from "./dom.js";
import { placeOf } from "./explain.js";
import { readable } from "./facts.js";
import { math, subscript } from "./mathml.js";
import { numberText } from "./number.js";
import { shortName } from "./workings.js";

/** @typedef {import("./explain.js").Entry} Entry */
/** @typedef {import("./facts.js").Facts} Facts */
/** @typedef {{edges: string[], text: string, value: import("./facts.js").Value}} Path its edges from the output to the leaf */
/** @typedef {Record<string, {paths: Path[], more: number}>} Paths by the leaf */

const MOST_NAMES = 5;

/**
 * The tensors along a path, the output first; the middle of a long one left out.
 * @param {Facts} facts
 * @param {Path} path
 */
export function stations(facts, { edges }) {
  const names = [facts.outputId, ...edges.map((edge) => facts.edge(edge)?.tensor.id ?? "")].map((id) => shortName(facts.tensor(id)?.name ?? id));
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
  const choice = html("select", { class: "gp-small", "aria-label": "To which leaf" }, ...leaves.map((id) => html("option", { value: id }, facts.tensor(id)?.name ?? id)));
  const cards = html("div", { class: "gp-routes" });
  const note = html("span", { class: "gp-muted" });
  const element = html("section", { class: "gp-section gp-paths", "aria-label": "Chain rule, path by path" }, html("header", {}, html("h3", {}, "Chain rule, path by path"), choice, note), cards);
  element.hidden = leaves.length === 0;
  /** @type {Path | undefined} */
  let pressed;
  let index = 0;
  let shown = ""; // what the cards were made for

  /** @param {Path} path */
  const numberOf = (path) => Number(readable(path.value).data?.[index]);

  /** @param {Path} path @param {number} k */
  function card(path, k) {
    const made = button("", () => {
      pressed = pressed === path ? undefined : path;
      [...cards.querySelectorAll("button")].forEach((other) => other.setAttribute("aria-pressed", String(other === made && pressed === path)));
      mark(pressed ? drawn(facts, pressed) : []);
    }, { kind: "gp-route" });
    made.setAttribute("aria-pressed", "false");
    made.append(html("span", { class: "gp-stations" }, stations(facts, path).join(" → ")), html("span", { class: "gp-route-text" }, path.text), html("b", { class: "gp-g" }, numberText(numberOf(path))));
    const look = () => mark(drawn(facts, path));
    const leave = () => mark(pressed ? drawn(facts, pressed) : []);
    for (const [name, listener] of /** @type {const} */ ([["pointerenter", look], ["focus", look], ["pointerleave", leave], ["blur", leave]])) made.addEventListener(name, listener);
    return k ? [html("span", {}, "+"), made] : [made];
  }

  function write() {
    const leaf = choice.value;
    const tensor = facts.tensor(leaf);
    if (!tensor || shown === `${leaf} ${index}`) return;
    shown = `${leaf} ${index}`;
    pressed = undefined;
    mark([]);
    const { paths: found, more } = paths[leaf];
    const total = found.reduce((sum, path) => sum + numberOf(path), 0);
    const place = placeOf(index, tensor.shape);
    const sum = html("span", { class: "gp-route-sum" }, html("span", { class: "gp-muted" }, "into ", math("math", subscript(shortName(tensor.name), place))), html("b", { class: "gp-g" }, numberText(total)));
    cards.replaceChildren(...found.flatMap(card), ...(more ? [html("span", { class: "gp-muted" }, `+ ${more.toLocaleString("en").replaceAll(",", "\u202f")} more`)] : [html("span", {}, "="), sum]));
    note.textContent = found.some(({ text }) => text) ? "factors of 1 left out" : "";
  }
  choice.addEventListener("change", () => {
    index = 0;
    write();
  });

  return {
    element,
    /** Whether there are paths to it. @param {string} id */
    leads: (id) => leaves.includes(id),
    /** Goes to a leaf, or to an entry of it. @param {Entry | undefined} entry */
    show(entry) {
      if (entry && leaves.includes(entry.tensor)) {
        choice.value = entry.tensor;
        index = entry.index;
      }
      if (leaves.length) write();
    },
  };
}
