// The neurons of a network: a circle for each, with what it makes of every input inside; a line for each weight.

import { html, svgElement } from "../dom.js";
import { numberText } from "../number.js";
import { phrase } from "../words.js";
import { entryOf, forward, numbersOf } from "./network.js";
import { MINUS, PLUS, mixed, pixelOf } from "./signs.js";

/** @typedef {import("./data.js").RunData} RunData */
/** @typedef {import("./network.js").Told} Told */
/** @typedef {import("./network.js").Which} Which */
/** @typedef {{layer: number, neuron: number}} Where layer -1 is the input */

const MAP = 20; // points of a response map along each side
const ROOM = { left: 50, right: 70, top: 26, bottom: 6 };
const [SMALLEST, LARGEST] = [7, 40]; // radii
const [THINNEST, THICKEST] = [0.4, 9];
/** @type {[Which, string][]} */
const MODES = [["before", "weights"], ["gradient", "gradients"], ["update", "updates"]];

/**
 * @param {RunData} run
 * @param {Told} told
 * @param {{domain: [number, number][] | null, choose(parameter: number, entry: number): void, open(parameter: number): void, dark(): boolean}} on
 *   `domain`: from where to where each of two inputs goes
 */
export function makeNeurons(run, told, on) {
  const { layers } = told;
  const inputs = layers[0].inputs;
  const examples = told.x;
  const count = examples.length / inputs;
  let which = /** @type {Which} */ ("before");
  let example = 0;
  let k = 0;
  let [width, height] = [0, 0];
  /** @type {Where | null} */
  let looked = null; // the neuron whose sum is shown
  let pinned = false;

  const canvas = html("canvas", { "aria-hidden": "true" });
  const svg = svgElement("svg", { role: "group", "aria-label": phrase("training neurons: network", { sizes: sizesOf(told) }) });
  const table = html("div", { class: "gt-sum", hidden: "" });
  const stage = html("div", { class: "gt-stage" }, canvas, svg, table);
  const modes = MODES.map(([mode, label]) => {
    const made = html("button", { type: "button", class: "gt-mode" }, label);
    made.addEventListener("click", () => {
      which = mode;
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

  // --- where things are --------------------------------------------------------------------------------------------

  const sizes = [inputs, ...layers.map(({ outputs }) => outputs)];
  const radius = () => {
    const most = Math.max(...sizes);
    const [up, across] = [(height - ROOM.top - ROOM.bottom) / most, (width - ROOM.left - ROOM.right) / Math.max(layers.length, 1)];
    return Math.max(SMALLEST, Math.min(LARGEST, up / 2.2, across / 3.2));
  };
  /** The centre of a neuron. @param {number} layer @param {number} neuron @returns {[number, number]} */
  const centre = (layer, neuron) => {
    const of = sizes[layer + 1];
    const [top, bottom] = [ROOM.top, height - ROOM.bottom];
    const gap = Math.min((bottom - top) / of, 4 * radius());
    return [ROOM.left + radius() + ((width - ROOM.left - ROOM.right - radius()) * (layer + 1)) / layers.length, (top + bottom) / 2 + (neuron - (of - 1) / 2) * gap];
  };

  /** The largest number of a kind over the run: one scale for all steps. @type {Map<Which, number>} */
  const largest = new Map();
  function largestOf(/** @type {Which} */ kind) {
    if (!largest.has(kind)) {
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
    }
    return largest.get(kind) ?? 0;
  }

  // --- painting ----------------------------------------------------------------------------------------------------

  const grid = on.domain && inputs === 2 ? gridOf(on.domain) : null;
  const small = html("canvas", { width: MAP, height: MAP });
  /** @type {[ImageData, Uint32Array] | undefined} a map, and the same with a number for each pixel */
  let map;

  function paint() {
    modes.forEach((made, at) => made.setAttribute("aria-pressed", String(MODES[at][0] === which)));
    const most = largestOf(which);
    const more = run.calm(run.length - 1) ? "" : phrase("training neurons: or more");
    scaleText.textContent = phrase("training neurons: thickest", { number: numberText(most, 3), more });
    if (!width || !run.length) return;
    const context = canvas.getContext("2d");
    if (!context) return;
    const sharp = (window.devicePixelRatio || 1) * (/** @type {any} */ (canvas).currentCSSZoom ?? 1); // with large type the board is zoomed
    const [wide, high] = [Math.round(width * sharp), Math.round(height * sharp)];
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    context.setTransform(sharp, 0, 0, sharp, 0, 0);
    context.clearRect(0, 0, width, height);
    const dark = on.dark();
    layers.forEach((layer, at) => paintLines(context, layer, at, most, dark));
    const maps = grid ? forward(layers, run.parameters, k, grid) : null;
    for (let at = -1; at < layers.length; at += 1) {
      const outputs = sizes[at + 1];
      const values = at < 0 ? grid : maps?.[at].values;
      const reach = values ? largestIn(values) : 1;
      for (let neuron = 0; neuron < outputs; neuron += 1) paintCircle(context, at, neuron, values ?? null, outputs, reach, dark);
    }
    showTable();
  }

  /** @param {CanvasRenderingContext2D} context @param {import("./network.js").Layer} layer @param {number} at @param {number} most @param {boolean} dark */
  function paintLines(context, layer, at, most, dark) {
    const { weight, bias } = numbersOf(layer, run.parameters, k, which);
    const r = radius();
    for (let to = 0; to < layer.outputs; to += 1) {
      const [x2, y2] = centre(at, to);
      for (let from = 0; from < layer.inputs; from += 1) {
        const [x1, y1] = centre(at - 1, from);
        const strong = looked && looked.layer === at && looked.neuron === to;
        line(context, weight[entryOf(layer, from, to)], most, dark, !looked || strong ? 1 : 0.35, () => {
          const middle = (x1 + x2) / 2;
          context.moveTo(x1 + r, y1);
          context.bezierCurveTo(middle, y1, middle, y2, x2 - r, y2);
        });
      }
      if (bias) line(context, bias[to], most, dark, 1, () => (context.moveTo(x2 - r * 0.9 - 9, y2 - r * 0.9 - 9), context.lineTo(x2 - r * 0.7, y2 - r * 0.7)));
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {number} number @param {number} most @param {boolean} dark @param {number} alpha @param {() => void} draw */
  function line(context, number, most, dark, alpha, draw) {
    if (!Number.isFinite(number) || number === 0 || !most) return;
    const share = Math.min(1, Math.abs(number) / most);
    context.beginPath();
    draw();
    context.lineWidth = Math.max(THINNEST, THICKEST * share);
    context.globalAlpha = alpha * (0.35 + 0.65 * Math.sqrt(share));
    context.strokeStyle = (number < 0 ? MINUS : PLUS)[dark ? "dark" : "light"];
    context.setLineDash(number < 0 ? [5, 4] : []);
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} context @param {number} at @param {number} neuron @param {ArrayLike<number> | null} values @param {number} across @param {number} reach @param {boolean} dark */
  function paintCircle(context, at, neuron, values, across, reach, dark) {
    const [x, y] = centre(at, neuron);
    const r = radius();
    const own = /** @type {CanvasRenderingContext2D} */ (small.getContext("2d"));
    context.save();
    context.beginPath();
    context.arc(x, y, r, 0, 2 * Math.PI);
    context.clip();
    context.fillStyle = dark ? "#0d1117" : "#ffffff";
    context.fill();
    if (values) {
      const [image, pixels] = (map ??= imageOf(own));
      for (let place = 0; place < MAP * MAP; place += 1) {
        const row = MAP - 1 - Math.floor(place / MAP); // the second input rises upwards
        pixels[place] = pixelOf(values[(row * MAP + (place % MAP)) * across + neuron] / (reach || 1));
      }
      own.putImageData(image, 0, 0);
      context.imageSmoothingEnabled = true;
      context.drawImage(small, x - r, y - r, 2 * r, 2 * r);
    } else {
      const value = at < 0 ? examples[example * inputs + neuron] : atExample()[at].values[neuron];
      context.fillStyle = `rgb(${mixed(Math.tanh(value)).slice(0, 3).join(" ")})`;
      context.fill();
    }
    context.restore();
    if (on.domain && values) mark(context, x, y, r);
  }

  /** Where the example is, within a neuron's map. @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} r */
  function mark(context, x, y, r) {
    const [[left, right], [bottom, top]] = /** @type {[number, number][]} */ (on.domain);
    const [a, b] = [examples[example * 2], examples[example * 2 + 1]];
    const [across, up] = [x - r + (2 * r * (a - left)) / (right - left), y + r - (2 * r * (b - bottom)) / (top - bottom)];
    if (Math.hypot(across - x, up - y) > r) return;
    context.beginPath();
    context.arc(across, up, Math.max(2, r / 9), 0, 2 * Math.PI);
    context.fillStyle = "#ffffff";
    context.strokeStyle = "#1f2328";
    context.lineWidth = 1.4;
    context.fill();
    context.stroke();
  }

  const atExample = () => forward(layers, run.parameters, k, examples.subarray(example * inputs, (example + 1) * inputs));

  // --- what can be touched ------------------------------------------------------------------------------------------

  /** @type {Map<string, SVGCircleElement>} */
  const rings = new Map();
  function lay() {
    const r = radius();
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
        if (at < 0) parts.push(text(inputs === 1 ? told.name : `${told.name}[${neuron}]`, cx - r - 5, cy + 4, "end", "gt-name"));
        const ring = svgElement("circle", { class: "gt-neuron", cx, cy, r });
        if (at >= 0) {
          const label = phrase("training neurons: neuron", { layer: at + 1, neuron });
          for (const [name, value] of Object.entries({ tabindex: 0, role: "button", "aria-label": label })) ring.setAttribute(name, String(value));
          ring.addEventListener("pointerenter", () => pinned || look({ layer: at, neuron }));
          ring.addEventListener("pointerleave", () => pinned || look(null));
          ring.addEventListener("focus", () => pinned || look({ layer: at, neuron }));
          ring.addEventListener("blur", () => pinned || look(null));
          ring.addEventListener("click", () => pin({ layer: at, neuron }));
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

  /** @param {Where | null} where */
  function look(where) {
    looked = where;
    paint();
  }

  /** A click holds a neuron, and its first weight is the one whose update is shown. @param {Where} where */
  function pin(where) {
    const same = pinned && looked && looked.layer === where.layer && looked.neuron === where.neuron;
    pinned = !same;
    looked = where;
    const layer = layers[where.layer];
    if (pinned) on.choose(layer.weight, entryOf(layer, 0, where.neuron));
    paint();
  }

  function showTable() {
    for (const ring of rings.values()) ring.classList.remove("gt-looked");
    table.hidden = !looked;
    if (!looked) return;
    const { layer: at, neuron } = looked;
    rings.get(`${at},${neuron}`)?.classList.add("gt-looked");
    const layer = layers[at];
    const made = atExample();
    const given = at ? made[at - 1].values : examples.subarray(example * inputs, (example + 1) * inputs);
    const { weight, bias } = numbersOf(layer, run.parameters, k);
    const gradients = numbersOf(layer, run.parameters, k, "gradient");
    const cell = (/** @type {number} */ value, kind = "") => html("td", { class: kind }, numberText(value, 3, "float32"));
    const rows = Array.from({ length: layer.inputs }, (_, from) => {
      const entry = entryOf(layer, from, neuron);
      const row = html("tr", {}, html("th", {}, at ? String(from) : `${told.name}[${from}]`), cell(weight[entry], "gt-value"), cell(given[from], "gt-value"), cell(weight[entry] * given[from], "gt-value"), cell(gradients.weight[entry], "gt-grad"));
      row.addEventListener("click", () => on.choose(layer.weight, entry));
      return row;
    });
    if (bias && layer.bias !== null) {
      const number = layer.bias;
      const row = html("tr", {}, html("th", {}, "b"), html("td", {}), html("td", {}), cell(bias[neuron], "gt-value"), cell(gradients.bias?.[neuron] ?? NaN, "gt-grad"));
      row.addEventListener("click", () => on.choose(number, neuron));
      rows.push(row);
    }
    const head = html("tr", {}, ...["", "w", at ? "a" : "x", at ? "w · a" : "w · x", "∂L/∂w"].map((title) => html("th", {}, title)));
    const open = html("button", { type: "button", class: "gt-button" }, phrase("training neurons: tensor view"));
    open.addEventListener("click", () => on.open(layer.weight));
    const sum = `z = Σ = ${numberText(made[at].sums[neuron], 4, "float32")}`;
    const value = layer.activation ? `, a = ${layer.activation}(z) = ${numberText(made[at].values[neuron], 4, "float32")}` : "";
    table.replaceChildren(
      html("b", {}, phrase("training neurons: neuron", { layer: at + 1, neuron })),
      html("span", { class: "gt-words" }, ` ${phrase("training neurons: at example", { example })}`),
      html("div", { class: "gt-sum-rows", tabindex: 0, role: "group", "aria-label": phrase("training neurons: neuron", { layer: at + 1, neuron }) }, html("table", {}, html("thead", {}, head), html("tbody", {}, ...rows))),
      html("p", {}, sum + value),
      open,
    );
    const [x, y] = centre(at, neuron);
    const beside = x + radius() + 14;
    const left = beside + table.offsetWidth <= width - 4 ? beside : Math.max(4, x - radius() - 14 - table.offsetWidth);
    table.style.left = `${left}px`;
    table.style.top = `${Math.max(2, Math.min(height - table.offsetHeight - 2, y - table.offsetHeight / 2))}px`;
  }

  /** Lets go of the neuron that is held. */
  function release() {
    if (!looked) return;
    looked = null;
    pinned = false;
    paint();
  }
  stage.addEventListener("click", (event) => {
    // By the way the click has taken: what was clicked may be drawn anew by now.
    const onIt = event.composedPath().some((one) => one === table || (one instanceof Element && one.matches(".gt-neuron")));
    if (pinned && !onIt) release();
  });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !looked) return;
    release();
    event.preventDefault();
  });

  const watcher = new ResizeObserver(() => {
    const [across, up] = [stage.clientWidth, stage.clientHeight];
    if (!across || !up || (across === width && up === height)) return;
    [width, height] = [across, up];
    lay();
    paint();
  });
  watcher.observe(stage);

  return {
    element,
    paint,
    /** Whether the neurons show what they make of every input. */
    mapped: grid !== null,
    /** There are more steps, so the scales are to be found anew. */
    forget: () => largest.clear(),
    /** @param {number} step */
    move(step) {
      k = step;
      paint();
    },
    stop: () => watcher.disconnect(),
  };
}

/** @param {ArrayLike<number>} values */
function largestIn(values) {
  let most = 0;
  for (let i = 0; i < values.length; i += 1) {
    const size = Math.abs(values[i]);
    if (size > most && size < Infinity) most = size;
  }
  return most || 1;
}

/** @param {CanvasRenderingContext2D} context @returns {[ImageData, Uint32Array]} */
function imageOf(context) {
  const image = context.createImageData(MAP, MAP);
  return [image, new Uint32Array(image.data.buffer)];
}

/** @param {Told} told */
const sizesOf = ({ layers }) => [layers[0].inputs, ...layers.map(({ outputs, activation }) => (activation ? `${outputs} ${activation}` : `${outputs}`))].join(" – ");

/** Points over a region, row by row from the lowest. @param {[number, number][]} domain */
function gridOf([[left, right], [bottom, top]]) {
  const points = new Float64Array(2 * MAP * MAP);
  for (let i = 0; i < MAP * MAP; i += 1) {
    points[2 * i] = left + ((right - left) * (i % MAP)) / (MAP - 1);
    points[2 * i + 1] = bottom + ((top - bottom) * Math.floor(i / MAP)) / (MAP - 1);
  }
  return points;
}

/** @param {string} kind @param {string} dashes */
const sample = (kind, dashes) => svgElement("svg", { width: 26, height: 10, "aria-hidden": "true" }, svgElement("line", { x1: 1, x2: 25, y1: 5, y2: 5, "stroke-width": 3, "stroke-dasharray": dashes, class: kind }));

/** @param {string} words @param {number} x @param {number} y @param {string} anchor @param {string} kind */
function text(words, x, y, anchor, kind) {
  const made = svgElement("text", { x, y, "text-anchor": anchor, class: kind });
  made.textContent = words;
  return made;
}
