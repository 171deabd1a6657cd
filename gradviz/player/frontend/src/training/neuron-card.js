// What is said of a neuron that is looked at, the sum that it makes with its numbers; or of a line, the weight that it stands for.

import { html } from "../dom.js";
import { numberText } from "../number.js";
import { phrase } from "../words.js";
import { entryOf, forward, numbersOf } from "./network.js";

/** @typedef {import("./neurons-painting.js").Where} Where */

const text = (/** @type {number} */ value, digits = 3) => numberText(value, digits, "float32");

/**
 * @param {import("./data.js").RunData} run
 * @param {import("./network.js").Told} told
 * @param {{look(where: Where): void, open(parameter: number, entry: number): void}} on `look`: somebody goes from a neuron to one of its weights
 */
export function makeCard(run, told, on) {
  const { layers } = told;
  const open = html("button", { type: "button", class: "gt-button" }, phrase("training neurons: tensor view"));
  const body = html("div", { class: "gt-told-of" });
  const element = html("div", { class: "gt-sum", hidden: "" }, body, open);
  let [parameter, entry] = [0, 0];
  open.addEventListener("click", () => on.open(parameter, entry));

  const neuronName = (/** @type {number} */ layer, /** @type {number} */ neuron) =>
    layer < 0 ? (layers[0].inputs === 1 ? told.name : `${told.name}[${neuron}]`) : phrase("training neurons: of neuron", { layer: layer + 1, neuron });
  const nameOf = (/** @type {number} */ which, /** @type {number} */ place) => {
    const { name, entries } = run.parameters[which];
    return name + (entries.find(([at]) => at === place)?.[1] ?? "");
  };
  const cell = (/** @type {number} */ value, kind = "gt-value") => html("td", { class: kind }, text(value));

  /** @param {Where} where @param {number} k @param {import("./network.js").Made[]} made @param {ArrayLike<number>} given */
  function ofNeuron({ layer: at, neuron }, k, made, given) {
    const layer = layers[at];
    const { weight, bias } = numbersOf(layer, run.parameters, k);
    const gradients = numbersOf(layer, run.parameters, k, "gradient");
    const row = (/** @type {string} */ label, /** @type {Where} */ where, /** @type {HTMLElement[]} */ ...cells) => {
      const made = html("button", { type: "button", class: "gt-weight" }, label);
      made.addEventListener("click", () => {
        on.look(where);
        open.focus({ preventScroll: true }); // what was clicked is gone
      });
      return html("tr", {}, html("th", {}, made), ...cells);
    };
    const rows = Array.from({ length: layer.inputs }, (_, from) => {
      const place = entryOf(layer, from, neuron);
      return row(at ? String(from) : neuronName(-1, from), { layer: at, neuron, from }, cell(weight[place]), cell(given[from]), cell(weight[place] * given[from]), cell(gradients.weight[place], "gt-grad"));
    });
    if (bias) rows.push(row("b", { layer: at, neuron, from: -1 }, html("td", {}), html("td", {}), cell(bias[neuron]), cell(gradients.bias?.[neuron] ?? NaN, "gt-grad")));
    const head = html("tr", {}, ...["", "w", at ? "a" : "x", at ? "w · a" : "w · x", "∂L/∂w"].map((title) => html("th", {}, title)));
    const sum = `z = Σ = ${text(made[at].sums[neuron], 4)}`;
    const value = layer.activation ? `, a = ${layer.activation}(z) = ${text(made[at].values[neuron], 4)}` : "";
    const title = phrase("training neurons: neuron", { layer: at + 1, neuron });
    [parameter, entry] = [layer.weight, entryOf(layer, 0, neuron)];
    return [
      html("b", {}, title),
      html("div", { class: "gt-sum-rows", tabindex: 0, role: "group", "aria-label": title }, html("table", {}, html("thead", {}, head), html("tbody", {}, ...rows))),
      html("p", {}, sum + value),
    ];
  }

  /** @param {Where} where @param {number} k @param {ArrayLike<number>} given */
  function ofLine({ layer: at, neuron, from = 0 }, k, given) {
    const layer = layers[at];
    const bias = from < 0;
    [parameter, entry] = bias ? [layer.bias ?? 0, neuron] : [layer.weight, entryOf(layer, from, neuron)];
    const [w, gradient, moved] = /** @type {const} */ (["before", "gradient", "update"]).map((which) => {
      const numbers = numbersOf(layer, run.parameters, k, which);
      return (bias ? numbers.bias : numbers.weight)?.[entry] ?? NaN;
    });
    const row = (/** @type {string} */ label, /** @type {string} */ value, kind = "gt-value") => html("tr", {}, html("th", {}, label), html("td", { class: kind }, value));
    const [first, second] = [text(w), text(given[from])].map((one) => (one.startsWith("−") ? `(${one})` : one));
    const rows = [
      row("w", text(w, 4)),
      row("∂L/∂w", text(gradient, 4), "gt-grad"),
      row(phrase("training neurons: step"), `${text(moved, 4)} → ${text(w + moved, 4)}`),
      ...(bias ? [] : [row(at ? "w · a" : "w · x", `${first} × ${second} = ${text(w * given[from])}`)]),
    ];
    const way = bias ? phrase("training neurons: bias", { to: neuronName(at, neuron) }) : phrase("training neurons: from to", { from: neuronName(at - 1, from), to: neuronName(at, neuron) });
    return [html("b", {}, nameOf(parameter, entry)), html("p", {}, way), html("table", {}, html("tbody", {}, ...rows))];
  }

  return {
    element,
    /**
     * @param {Where | null} where @param {number} k
     * @param {number} example @param {import("./neurons-painting.js").Places} places
     */
    show(where, k, example, { width, height, radius, centre }) {
      element.hidden = !where;
      if (!where) return;
      const { layer, neuron, from } = where;
      const inputs = told.x.subarray(example * layers[0].inputs, (example + 1) * layers[0].inputs);
      const made = forward(layers, run.parameters, k, inputs);
      const given = layer ? made[layer - 1].values : inputs;
      const parts = from === undefined ? ofNeuron(where, k, made, given) : ofLine(where, k, given);
      body.replaceChildren(...parts, html("p", { class: "gt-words" }, phrase("training neurons: at example", { example })));
      // Beside it, where it hides nothing of it.
      const [[x, y], [start]] = [centre(layer, neuron), centre(from === undefined ? layer : layer - 1, 0)];
      const beside = x + radius + 14;
      const left = beside + element.offsetWidth <= width - 4 ? beside : Math.max(4, start - radius - 14 - element.offsetWidth);
      element.style.left = `${left}px`;
      element.style.top = `${Math.max(2, Math.min(height - element.offsetHeight - 2, y - element.offsetHeight / 2))}px`;
    },
  };
}
