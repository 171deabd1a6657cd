// The neurons of a network: a circle for each, with what it makes of every input inside; a line for each weight.

import { html, svgElement } from "../dom.js";
import { numberText } from "../number.js";
import { phrase } from "../words.js";
import { entryOf, numbersOf } from "./network.js";
import { makeCard } from "./neuron-card.js";
import { THICKEST, lettersIn, makePainting, placesOf } from "./neurons-painting.js";

/** @typedef {import("./data.js").RunData} RunData */
/** @typedef {import("./network.js").Told} Told */
/** @typedef {import("./network.js").Which} Which */
/** @typedef {import("./neurons-painting.js").Where} Where */

/** @type {[Which, string][]} */
const MODES = [["before", "weights"], ["gradient", "gradients"], ["update", "updates"]];

/**
 * @param {RunData} run
 * @param {Told} told
 * @param {{domain: [number, number][] | null, choose(parameter: number, entry: number): void, open(parameter: number, entry: number): void, dark(): boolean}} on
 *   `domain`: from where to where each of two inputs goes
 */
export function makeNeurons(run, told, on) {
  const { layers } = told;
  const inputs = layers[0].inputs;
  const count = told.x.length / inputs;
  const sizes = [inputs, ...layers.map(({ outputs }) => outputs)];
  let which = /** @type {Which} */ ("before");
  let example = 0;
  let k = 0;
  /** What an input is called; by its number alone where there is no room. @param {number} neuron @param {number} room in letters */
  const nameOf = (neuron, room) => {
    const name = inputs === 1 ? told.name : `${told.name}[${neuron}]`;
    return name.length <= room || inputs === 1 ? name : `[${neuron}]`;
  };
  let places = placesOf(sizes, 0, 0, 0);
  /** @type {Where | null} */
  let looked = null; // the neuron whose sum is shown, or the line
  let pinned = false;

  const canvas = html("canvas", { "aria-hidden": "true" });
  const svg = svgElement("svg", { role: "group", "aria-label": phrase("training neurons: network", { sizes: sizesOf(told) }) });
  const card = makeCard(run, told, { look: pin, open: on.open });
  const stage = html("div", { class: "gt-stage" }, canvas, svg, card.element);
  const painting = makePainting(canvas, layers, on.domain);
  const modes = MODES.map(([mode, label]) => {
    const made = html("button", { type: "button", class: "gt-mode" }, label);
    made.addEventListener("click", () => {
      which = mode;
      showScale();
      paint();
    });
    return made;
  });
  const number = html("input", { type: "number", class: "gt-example-number", min: 0, max: Math.max(count - 1, 0), value: 0, "aria-label": phrase("training neurons: example") });
  number.addEventListener("change", () => {
    const given = Math.round(Number(number.value));
    example = Number.isFinite(given) ? Math.max(0, Math.min(count - 1, given)) : example;
    number.value = String(example);
    paint();
  });
  const scaleText = html("span", {});
  const scaleLine = svgElement("svg", { width: 34, height: 12, "aria-hidden": "true" }, svgElement("line", { x1: 1, x2: 33, y1: 6, y2: 6, "stroke-width": THICKEST, class: "gt-plus" }));
  const legend = html(
    "div",
    { class: "gt-legend" },
    html("span", {}, scaleLine, scaleText),
    html("span", {}, sample("gt-plus", ""), phrase("training neurons: positive")),
    html("span", {}, sample("gt-minus", "5 4"), phrase("training neurons: negative")),
    html("label", {}, `${phrase("training neurons: example")} `, number),
  );
  const header = html(
    "header",
    {},
    html("h3", {}, phrase("training neurons: title")),
    html("span", { class: "gt-sizes" }, sizesOf(told)),
    html("div", { class: "gt-modes", role: "group", "aria-label": phrase("training neurons: lines") }, ...modes),
  );
  const element = html("section", { class: "gt-panel gt-network" }, header, stage, legend);

  /** The largest number of a kind over the run: one scale for all steps. @type {Map<Which, number>} */
  const largest = new Map();
  function largestOf(/** @type {Which} */ kind) {
    const known = largest.get(kind);
    if (known !== undefined) return known;
    let most = 0;
    for (let step = 0; step < run.length; step += 1) {
      if (!run.calm(step)) continue; // what a run is that diverges would leave no line of the others to be seen
      for (const layer of layers) {
        const { weight, bias } = numbersOf(layer, run.parameters, step, kind);
        for (const numbers of [weight, bias ?? []]) {
          for (let i = 0; i < numbers.length; i += 1) if (Number.isFinite(numbers[i])) most = Math.max(most, Math.abs(numbers[i]));
        }
      }
    }
    largest.set(kind, most);
    return most;
  }

  function showScale() {
    modes.forEach((made, at) => made.setAttribute("aria-pressed", String(MODES[at][0] === which)));
    const more = run.calm(run.length - 1) ? "" : phrase("training neurons: or more");
    scaleText.textContent = phrase("training neurons: thickest", { number: numberText(largestOf(which), 3), more });
  }

  function paint() {
    if (!places.width || !run.length) return;
    const one = told.x.subarray(example * inputs, (example + 1) * inputs);
    painting.paint({ k, which, most: largestOf(which), dark: on.dark(), looked, example: one, places, parameters: run.parameters });
    if (looked) card.show(looked, k, example, places);
  }

  // --- what can be touched ------------------------------------------------------------------------------------------

  /** @type {Map<string, SVGCircleElement>} */
  const rings = new Map();
  function lay() {
    const { width, height, radius: r, centre } = places;
    rings.clear();
    const parts = [];
    for (let at = -1; at < layers.length; at += 1) {
      const [x] = centre(at, 0);
      const names = at < 0 ? phrase("training neurons: input") : at === layers.length - 1 ? phrase("training neurons: output") : phrase("training neurons: layer", { number: at + 1 });
      const gap = centre(1, 0)[0] - centre(0, 0)[0] || width;
      const short = at >= 0 && at < layers.length - 1 ? String(at + 1) : names;
      const title = gap < 70 ? short : layers[at]?.activation && gap > 120 ? `${names}, ${layers[at].activation}` : names;
      parts.push(text(title, x, 16, "middle", "gt-tick"));
      for (let neuron = 0; neuron < sizes[at + 1]; neuron += 1) {
        const [cx, cy] = centre(at, neuron);
        if (at < 0) parts.push(text(nameOf(neuron, lettersIn(width)), cx - r - 5, cy + 4, "end", "gt-name"));
        const ring = svgElement("circle", { class: "gt-neuron", cx, cy, r });
        if (at >= 0) {
          const label = phrase("training neurons: neuron", { layer: at + 1, neuron });
          for (const [name, value] of Object.entries({ tabindex: 0, role: "button", "aria-label": label })) ring.setAttribute(name, String(value));
          ring.addEventListener("focus", () => pinned || look({ layer: at, neuron }));
          ring.addEventListener("blur", () => pinned || look(null));
          ring.addEventListener("keydown", (event) => {
            if (event.key !== "Enter" && event.key !== " ") return;
            pin({ layer: at, neuron });
            event.preventDefault();
            event.stopPropagation();
          });
        }
        rings.set(`${at},${neuron}`, ring);
        parts.push(ring);
      }
    }
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren(...parts);
  }

  /** What is under the pointer. @param {PointerEvent | MouseEvent} event @returns {Where | null} */
  function under({ clientX, clientY }) {
    const { left, top, width } = svg.getBoundingClientRect();
    const [x, y] = [clientX - left, clientY - top].map((place) => (place * places.width) / width);
    for (let layer = 0; layer < layers.length; layer += 1) {
      for (let neuron = 0; neuron < sizes[layer + 1]; neuron += 1) {
        const [across, up] = places.centre(layer, neuron);
        if (Math.hypot(across - x, up - y) <= places.radius) return { layer, neuron };
      }
    }
    return places.lineAt(x, y);
  }
  const same = (/** @type {Where | null} */ one, /** @type {Where | null} */ other) =>
    one?.layer === other?.layer && one?.neuron === other?.neuron && one?.from === other?.from;

  /** @param {Where | null} where */
  function look(where) {
    if (same(where, looked)) return;
    if (looked) rings.get(`${looked.layer},${looked.neuron}`)?.classList.remove("gt-looked");
    looked = where;
    if (where && where.from === undefined) rings.get(`${where.layer},${where.neuron}`)?.classList.add("gt-looked");
    if (!where) card.show(null, k, example, places);
    paint();
  }

  /** A click holds a neuron or a line, and its weight is the one whose update is shown. @param {Where} where */
  function pin(where) {
    const held = pinned && same(where, looked);
    pinned = !held;
    look(where);
    const layer = layers[where.layer];
    if (!pinned) return;
    if (where.from === -1 && layer.bias !== null) on.choose(layer.bias, where.neuron);
    else on.choose(layer.weight, entryOf(layer, where.from ?? 0, where.neuron));
  }

  /** Lets go of what is held. */
  function release() {
    pinned = false;
    look(null);
  }
  svg.addEventListener("pointermove", (event) => {
    const found = under(event);
    svg.style.cursor = found ? "pointer" : "";
    if (!pinned) look(found);
  });
  svg.addEventListener("pointerleave", () => pinned || look(null));
  svg.addEventListener("click", (event) => {
    const found = under(event);
    if (found) pin(found);
    else release();
  });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !looked) return;
    release();
    event.preventDefault();
  });

  const watcher = new ResizeObserver(() => {
    const [across, up] = [stage.clientWidth, stage.clientHeight];
    if (!across || !up || (across === places.width && up === places.height)) return;
    places = placesOf(sizes, across, up, nameOf(inputs - 1, lettersIn(across)).length);
    lay();
    paint();
  });
  watcher.observe(stage);
  showScale();

  return {
    element,
    paint,
    mapped: painting.mapped,
    /** There are more steps, so the scales are to be found anew. */
    forget() {
      largest.clear();
      showScale();
    },
    /** @param {number} step */
    move(step) {
      k = step;
      paint();
    },
    stop: () => watcher.disconnect(),
  };
}

/** @param {Told} told */
const sizesOf = ({ layers }) => [layers[0].inputs, ...layers.map(({ outputs, activation }) => (activation ? `${outputs} ${activation}` : `${outputs}`))].join(" – ");

/** @param {string} kind @param {string} dashes */
const sample = (kind, dashes) => svgElement("svg", { width: 26, height: 10, "aria-hidden": "true" }, svgElement("line", { x1: 1, x2: 25, y1: 5, y2: 5, "stroke-width": 3, "stroke-dasharray": dashes, class: kind }));

/** @param {string} words @param {number} x @param {number} y @param {string} anchor @param {string} kind */
function text(words, x, y, anchor, kind) {
  const made = svgElement("text", { x, y, "text-anchor": anchor, class: kind });
  made.textContent = words;
  return made;
}
