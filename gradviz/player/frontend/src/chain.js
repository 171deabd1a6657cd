// The whole chain rule for one leaf, on request: every path from the output to it, in symbols and in numbers.

import { button, html } from "./dom.js";
import { numberText } from "./number.js";
import { equationLine } from "./equation.js";
import { MOST_PATHS, lineOf, pathsTo } from "./path.js";

/** @typedef {import("./facts.js").FactsData} FactsData */

/**
 * @param {FactsData} facts
 * @param {string | undefined} output the id of what is differentiated
 * @param {(edges: string[]) => void} mark shows a path in the picture
 */
export function makeChain(facts, output, mark) {
  const leaves = facts.tensors.filter(({ role, requires_grad: wanted }) => role === "parameter" && wanted);
  const names = new Map(facts.tensors.map(({ id, name }) => [id, name]));
  const choice = html("select", { class: "gp-button", "aria-label": "Leaf" }, html("option", { value: "" }, "choose a leaf"), ...leaves.map(({ id, name }) => html("option", { value: id }, name)));
  const lines = html("div", { class: "gp-equation" });
  const note = html("p", { class: "gp-muted" });
  const details = html(
    "details",
    { class: "gp-section gp-chain" },
    html("summary", {}, "The whole chain rule"),
    html("p", {}, `From ${names.get(output ?? "") ?? "the output"} back to `, choice),
    lines,
    note,
  );
  details.hidden = !output || leaves.length === 0;

  function show() {
    const leaf = choice.value;
    lines.replaceChildren();
    note.textContent = "";
    mark([]);
    if (!leaf || !output) return;
    const { count, paths } = pathsTo(facts, output, leaf);
    const left = `∂${bracketed(names.get(output))}/∂${bracketed(names.get(leaf))}`;
    if (count === 0) {
      note.textContent = "No path leads there: its gradient stays None.";
      return;
    }
    const written = paths.map((path) => lineOf(path, numberText));
    paths.forEach((path, i) => {
      const { symbols, numbers, product } = written[i];
      const text = [symbols || "1", numbers, product === undefined ? "" : numberText(product)].filter((part, k, all) => part && part !== all[k - 1]).join(" = ");
      const edges = path.edges.flatMap(({ id }, k) => [id, `${id.split("_")[0]}_${path.tensors[k]}`]);
      const pick = button(paths.length > 1 ? `Path ${i + 1}` : "Path", () => mark(edges), { kind: "gp-link" });
      lines.append(html("div", { class: "gp-path" }, pick, " ", equationLine(text)));
    });
    const products = written.map(({ product }) => product);
    if (count > 1 && count <= MOST_PATHS && products.every((product) => product !== undefined)) {
      const sum = products.reduce((/** @type {number} */ all, product) => all + (product ?? 0), 0);
      const terms = products.map((product) => numberText(product ?? 0)).map((text) => (text.startsWith("−") ? `(${text})` : text));
      lines.append(equationLine(`${left} = ${terms.join(" + ")} = ${numberText(sum)}`));
    }
    if (count > MOST_PATHS) note.textContent = `And ${(count - paths.length).toLocaleString("en").replaceAll(",", "\u202f")} more paths: the gradient is the sum over all of them.`;
    else if (count > 1) note.textContent = "The gradient is the sum over all paths.";
    mark(paths[0].edges.flatMap(({ id }, k) => [id, `${id.split("_")[0]}_${paths[0].tensors[k]}`]));
  }
  choice.addEventListener("change", show);
  details.addEventListener("toggle", () => (details.open ? show() : mark([])));
  return { element: details };
}

/** @param {string | undefined} name */
function bracketed(name = "") {
  return /^[\p{L}\p{N}_.]+$/u.test(name) ? name : `(${name})`;
}
