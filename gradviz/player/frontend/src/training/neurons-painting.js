// What of a network is painted: its lines, as thick as their numbers are large, and what each neuron makes of every input.

import { html } from "../dom.js";
import { entryOf, forward, numbersOf } from "./network.js";
import { MINUS, PLUS, mixed, pixelOf } from "./signs.js";

/** @typedef {import("./network.js").Layer} Layer */
/** @typedef {import("./data.js").Parameter} Parameter */
/** @typedef {ReturnType<typeof placesOf>} Places */
/** What is looked at: a neuron, or with `from` the line to it; layer -1 is the input. @typedef {{layer: number, neuron: number, from?: number}} Where */
/**
 * @typedef {{
 *   k: number, which: import("./network.js").Which, most: number, dark: boolean, looked: Where | null,
 *   example: ArrayLike<number>, places: Places, parameters: Parameter[],
 * }} Shown `example`: the inputs of one; `most`: the number whose line is the thickest
 */

const MAP = 20; // points of a response map along each side
export const THICKEST = 9;
const [THINNEST, NEAR] = [0.4, 6];
const ROOM = { left: 50, right: 70, top: 26, bottom: 6 };
const [SMALLEST, LARGEST] = [7, 40]; // radii
const [LETTER, NAMED, MOST_LEFT] = [7, 8, 0.28]; // the width of a letter, room beside a name, and the share of the width that names get

/** How many letters of the inputs' names there is room for, at most. @param {number} width */
export const lettersIn = (width) => Math.floor((MOST_LEFT * width - NAMED) / LETTER);

/** Where the neurons are, in so much room. @param {number[]} sizes neurons of each layer, with the inputs @param {number} width @param {number} height @param {number} letters of the longest name of an input */
export function placesOf(sizes, width, height, letters) {
  const count = sizes.length - 1;
  const left = Math.max(ROOM.left, Math.min(letters, lettersIn(width)) * LETTER + NAMED);
  const [across, up] = [width - left - ROOM.right, height - ROOM.top - ROOM.bottom];
  const radius = Math.max(SMALLEST, Math.min(LARGEST, up / Math.max(...sizes) / 2.2, across / Math.max(count, 1) / 3.2));
  /** The centre of a neuron. @param {number} layer @param {number} neuron @returns {[number, number]} */
  const centre = (layer, neuron) => {
    const of = sizes[layer + 1];
    const gap = Math.min(up / of, 4 * radius);
    return [left + radius + ((across - radius) * (layer + 1)) / count, ROOM.top + up / 2 + (neuron - (of - 1) / 2) * gap];
  };
  /** The line that is near to a place. @param {number} x @param {number} y @returns {Where | null} */
  const lineAt = (x, y) => {
    for (let layer = 0; layer < count; layer += 1) {
      const [start, end] = [centre(layer - 1, 0)[0] + radius, centre(layer, 0)[0] - radius];
      if (x <= start || x >= end) continue;
      // All lines of a layer have come equally far along at the same x.
      const far = (x - start) / (end - start);
      let [low, high] = [0, 1];
      for (let turn = 0; turn < 20; turn += 1) {
        const t = (low + high) / 2;
        if (1.5 * t * (1 - t) + t ** 3 < far) low = t;
        else high = t;
      }
      const share = low ** 2 * (3 - 2 * low);
      /** @type {Where | null} */
      let best = null;
      let least = NEAR;
      for (let from = 0; from < sizes[layer]; from += 1) {
        for (let neuron = 0; neuron < sizes[layer + 1]; neuron += 1) {
          const away = Math.abs(centre(layer - 1, from)[1] * (1 - share) + centre(layer, neuron)[1] * share - y);
          if (away < least) [least, best] = [away, { layer, neuron, from }];
        }
      }
      return best;
    }
    return null;
  };
  return { width, height, radius, centre, lineAt };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Layer[]} layers
 * @param {[number, number][] | null} domain from where to where each of two inputs goes
 */
export function makePainting(canvas, layers, domain) {
  const inputs = layers[0].inputs;
  const sizes = [inputs, ...layers.map(({ outputs }) => outputs)];
  const grid = domain && inputs === 2 ? gridOf(domain) : null;
  /** @type {import("./network.js").Made[]} */
  const room = [];
  // All maps below each other, in one image.
  const neurons = sizes.reduce((sum, size) => sum + size);
  const small = html("canvas", { width: MAP, height: MAP * neurons });
  const own = /** @type {CanvasRenderingContext2D} */ (small.getContext("2d"));
  const image = grid && own.createImageData(MAP, MAP * neurons);
  const pixels = image && new Uint32Array(image.data.buffer);

  /** @param {ArrayLike<number>} values of all neurons of a layer @param {number} outputs @param {number} first which of all neurons its first is */
  function colour(values, outputs, first) {
    if (!pixels) return;
    const reach = largestIn(values);
    for (let neuron = 0; neuron < outputs; neuron += 1) {
      for (let row = 0, at = MAP * MAP * (first + neuron); row < MAP; row += 1) {
        let place = (MAP - 1 - row) * MAP * outputs + neuron; // the second input rises upwards
        for (let across = 0; across < MAP; across += 1, at += 1, place += outputs) pixels[at] = pixelOf(values[place] / reach);
      }
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {Shown} shown */
  function lines(context, { k, which, most, dark, looked, places, parameters }) {
    const { centre, radius: r } = places;
    layers.forEach((layer, at) => {
      const { weight, bias } = numbersOf(layer, parameters, k, which);
      for (let to = 0; to < layer.outputs; to += 1) {
        const [x2, y2] = centre(at, to);
        for (let from = 0; from < layer.inputs; from += 1) {
          const [x1, y1] = centre(at - 1, from);
          const middle = (x1 + x2) / 2;
          const lookedAt = looked?.layer === at && looked.neuron === to && (looked.from ?? from) === from;
          const curve = () => {
            context.beginPath();
            context.moveTo(x1 + r, y1);
            context.bezierCurveTo(middle, y1, middle, y2, x2 - r, y2);
          };
          if (lookedAt && looked?.from !== undefined) {
            curve();
            context.setLineDash(WHOLE);
            context.globalAlpha = 1;
            context.lineWidth = THICKEST + 5;
            context.strokeStyle = dark ? "#58a6ff55" : "#0550ae33";
            context.stroke();
          }
          line(context, weight[entryOf(layer, from, to)], most, dark, !looked || lookedAt ? 1 : 0.35, curve);
        }
        if (bias) {
          line(context, bias[to], most, dark, 1, () => {
            context.beginPath();
            context.moveTo(x2 - r * 0.9 - 9, y2 - r * 0.9 - 9);
            context.lineTo(x2 - r * 0.7, y2 - r * 0.7);
          });
        }
      }
    });
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  /** Where the example is, within a neuron's map. @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {Shown} shown */
  function mark(context, x, y, { example, places: { radius: r } }) {
    const [[left, right], [bottom, top]] = /** @type {[number, number][]} */ (domain);
    const [across, up] = [x - r + (2 * r * (example[0] - left)) / (right - left), y + r - (2 * r * (example[1] - bottom)) / (top - bottom)];
    if (Math.hypot(across - x, up - y) > r) return;
    context.beginPath();
    context.arc(across, up, Math.max(2, r / 9), 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }

  /** @param {CanvasRenderingContext2D} context @param {Shown} shown */
  function circles(context, shown) {
    const { k, dark, example, parameters } = shown;
    const { centre, radius: r } = shown.places;
    const made = forward(layers, parameters, k, grid ?? example, room);
    const all = sizes.flatMap((size, layer) => Array.from({ length: size }, (_, neuron) => centre(layer - 1, neuron)));
    const round = () => {
      context.beginPath();
      for (const [x, y] of all) {
        context.moveTo(x + r, y);
        context.arc(x, y, r, 0, 2 * Math.PI);
      }
    };
    if (!image || !grid) {
      sizes.forEach((size, layer) => {
        for (let neuron = 0; neuron < size; neuron += 1) {
          const value = layer ? made[layer - 1].values[neuron] : example[neuron];
          context.beginPath();
          context.arc(...centre(layer - 1, neuron), r, 0, 2 * Math.PI);
          context.fillStyle = `rgb(${mixed(Math.tanh(value)).slice(0, 3).join(" ")})`;
          context.fill();
        }
      });
      return;
    }
    let first = 0;
    sizes.forEach((size, layer) => {
      colour(layer ? made[layer - 1].values : grid, size, first);
      first += size;
    });
    own.putImageData(image, 0, 0);
    context.save();
    round();
    context.fillStyle = dark ? "#0d1117" : "#ffffff";
    context.fill();
    context.clip();
    all.forEach(([x, y], neuron) => context.drawImage(small, 0, MAP * neuron, MAP, MAP, x - r, y - r, 2 * r, 2 * r));
    context.restore();
    context.fillStyle = "#ffffff";
    context.strokeStyle = "#1f2328";
    context.lineWidth = 1.4;
    for (const [x, y] of all) mark(context, x, y, shown);
  }

  return {
    /** Whether the neurons show what they make of every input. */
    mapped: grid !== null,
    /** @param {Shown} shown */
    paint(shown) {
      const { width, height } = shown.places;
      const context = canvas.getContext("2d");
      if (!context) return;
      const sharp = (window.devicePixelRatio || 1) * (/** @type {any} */ (canvas).currentCSSZoom ?? 1); // with large type the board is zoomed
      const [wide, high] = [Math.round(width * sharp), Math.round(height * sharp)];
      if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
      context.setTransform(sharp, 0, 0, sharp, 0, 0);
      context.clearRect(0, 0, width, height);
      lines(context, shown);
      circles(context, shown);
    },
  };
}

/** @param {CanvasRenderingContext2D} context @param {number} number @param {number} most @param {boolean} dark @param {number} alpha @param {() => void} draw */
function line(context, number, most, dark, alpha, draw) {
  if (!Number.isFinite(number) || number === 0 || !most) return;
  const share = Math.min(1, Math.abs(number) / most);
  draw();
  context.lineWidth = Math.max(THINNEST, THICKEST * share);
  context.globalAlpha = alpha * (0.35 + 0.65 * Math.sqrt(share));
  context.strokeStyle = (number < 0 ? MINUS : PLUS)[dark ? "dark" : "light"];
  context.setLineDash(number < 0 ? DASHED : WHOLE);
  context.stroke();
}
const [DASHED, WHOLE] = [[5, 4], []];

/** @param {ArrayLike<number>} values */
function largestIn(values) {
  let most = 0;
  for (let i = 0; i < values.length; i += 1) {
    const size = Math.abs(values[i]);
    if (size > most && size < Infinity) most = size;
  }
  return most || 1;
}

/** Points over a region, row by row from the lowest. @param {[number, number][]} domain */
function gridOf([[left, right], [bottom, top]]) {
  const points = new Float64Array(2 * MAP * MAP);
  for (let i = 0; i < MAP * MAP; i += 1) {
    points[2 * i] = left + ((right - left) * (i % MAP)) / (MAP - 1);
    points[2 * i + 1] = bottom + ((top - bottom) * Math.floor(i / MAP)) / (MAP - 1);
  }
  return points;
}
