// The data, and what the model makes of it in the step that is shown: a curve, or regions of classes.

import { phrase } from "../words.js";
import { html, svgElement } from "../dom.js";
import { unpacked } from "./columns.js";
import { predicted } from "./network.js";
import { SURFACE, colourOf, extent, path, pieces, scale, withRoom } from "./geometry.js";
import { drawAxes, readable, saidBelow } from "./surface.js";

const { left: LEFT, top: TOP, right: RIGHT, bottom: BOTTOM } = SURFACE;
const FAR = 1e6; // pixels: browsers give up on places much farther out

/** Marks of examples, one for each class: told apart by shape and by colour. @type {((x: number, y: number) => string)[]} */
const MARKS = [
  (x, y) => `M${x - 4} ${y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0`,
  (x, y) => `M${x - 4} ${y - 4}h8v8h-8z`,
  (x, y) => `M${x} ${y - 5}l5 9h-10z`,
  (x, y) => `M${x - 4} ${y - 4}l8 8M${x - 4} ${y + 4}l8 -8`,
  (x, y) => `M${x} ${y - 5}v10M${x - 5} ${y}h10`,
  (x, y) => `M${x} ${y - 5}l5 5l-5 5l-5 -5z`,
];

/**
 * `rows`: predictions for the grid, by the index of the step; or they are `computed` here, from the network's parameters.
 * `levels`: which numbers stand for two classes.
 * @typedef {{
 *   kind: "curve" | "classes", classes: number, levels: [number, number], x: any, y: any, grid: any, names: string[], sentence: string,
 *   rows: Record<string, any>, computed: boolean,
 * }} Told
 */

const NO_NUMBER = 255; // in predictions that came as bytes

/**
 * @param {import("./data.js").RunData} run
 * @param {{ask?: (index: number) => void, name(index: number): string, there(): void}} on `there`: it has got something to show
 */
export function makeFit(run, on) {
  const svg = svgElement("svg", { class: "gt-chart gt-surface", viewBox: `0 0 ${SURFACE.width} ${SURFACE.height}`, role: "img" });
  const ground = svgElement("g");
  const axes = svgElement("g");
  const line = svgElement("path", { class: "gt-fitted" });
  // A curve that leaves the frame is cut off there: an svg in an svg shows nothing beyond its own rectangle.
  const frame = { x: LEFT, y: TOP, width: RIGHT - LEFT, height: BOTTOM - TOP };
  const inside = svgElement("svg", { ...frame, viewBox: Object.values(frame).join(" ") }, line);
  const examples = svgElement("g");
  svg.append(ground, axes, examples, inside);
  readable(svg);
  const words = html("p", { class: "gt-words" });
  const title = html("h3", {}, phrase("training model-fit: fit"));
  const element = html("section", { class: "gt-panel gt-fit", hidden: "" }, html("header", {}, title), svg, saidBelow(words));
  /** @type {Told | null} */
  let told = null;
  /** @type {Map<number, ArrayLike<number>>} */
  let rows = new Map();
  const small = html("canvas");
  const field = svgElement("image", { class: "gt-field", x: LEFT, y: TOP, width: RIGHT - LEFT, height: BOTTOM - TOP, preserveAspectRatio: "none" });
  const boundary = svgElement("path", { class: "gt-boundary" });
  /** @type {ArrayLike<number>} */
  let xs = [];
  /** @type {ArrayLike<number>} */
  let ys = [];
  let side = 0;
  let x = scale([0, 1], [0, 1]);
  let y = x;
  let grid = new Float64Array(0);
  let asked = -1;
  let shown = -1;
  /** @type {Map<string, [number, number, number][]>} by theme */
  const colours = new Map();

  /** What is predicted for some inputs in a step. @param {ArrayLike<number>} points @param {number} k */
  function computed(points, k) {
    const made = predicted(/** @type {import("./network.js").Told} */ (run.network), run.parameters, k, points);
    if (told?.classes !== 2) return made;
    const [low, high] = told.levels;
    return made.map((value) => Math.max(0, Math.min(1, (value - low) / (high - low))));
  }

  /** Draws what does not change from step to step. */
  function drawData() {
    if (!told) return;
    [xs, ys] = [unpacked(told.x), unpacked(told.y)];
    grid = Float64Array.from(unpacked(told.grid));
    if (told.kind === "curve") {
      const last = told.computed ? computed(grid, run.length - 1) : [...rows.values()].at(-1) ?? [];
      const [low, high] = extent([...Array.from(ys), ...Array.from(last)]);
      x = scale([grid[0], grid[grid.length - 1]], [LEFT, RIGHT]);
      y = scale(withRoom(low, high), [BOTTOM, TOP]);
      ground.replaceChildren();
      drawAxes(axes, x, y, told.names[0], told.names[1]);
      const marks = Array.from(xs, (value, i) => MARKS[0](x(value), y(ys[i]))).join("");
      examples.replaceChildren(svgElement("path", { class: "gt-example gt-c0", d: marks }));
      return;
    }
    side = Math.round(Math.sqrt(grid.length / 2));
    const across = extent(grid.filter((_, i) => i % 2 === 0));
    const up = extent(grid.filter((_, i) => i % 2 === 1));
    x = scale(across, [LEFT, RIGHT]);
    y = scale(up, [BOTTOM, TOP]);
    [small.width, small.height] = [side, side];
    ground.replaceChildren(field, boundary);
    line.setAttribute("d", "");
    drawAxes(axes, x, y, told.names[0], told.names[1]);
    const { classes } = told;
    examples.replaceChildren(
      ...Array.from({ length: classes }, (_, one) => {
        const marks = Array.from(ys, (label, i) => (Math.round(label) === one ? MARKS[one % MARKS.length](x(xs[2 * i]), y(xs[2 * i + 1])) : ""));
        return svgElement("path", { class: `gt-example gt-c${colourOf(one)}`, d: marks.join("") });
      }),
    );
  }

  return {
    element,
    /** Predictions are to be asked for anew: the model has been trained on. */
    forget() {
      if (on.ask) rows = new Map();
    },
    /** @param {Told | null} given */
    take(given) {
      asked = -1;
      if (!given) {
        element.hidden = true;
        return;
      }
      const first = told === null;
      told = given;
      for (const [index, row] of Object.entries(given.rows)) rows.set(Number(index), numbersOf(unpacked(row), given.classes));
      if (first || on.ask) drawData();
      element.hidden = false;
      title.textContent = told.kind === "curve" ? phrase("training model-fit: curve") : phrase("training model-fit: classes");
      shown = -1;
      if (first) on.there();
    },
    /** Whether there is anything to show. */
    get some() {
      return told !== null;
    },
    /** From where to where two inputs go. @returns {[number, number][] | null} */
    get domain() {
      if (!told || told.kind !== "classes") return null;
      const points = Array.from(unpacked(told.grid));
      return [0, 1].map((axis) => extent(points.filter((_, i) => i % 2 === axis)));
    },
    /** @param {number} index of the step @param {number} k which of those that are kept */
    show(index, k) {
      if (!told) {
        if (on.ask && asked < 0) on.ask((asked = index));
        return;
      }
      /** @type {ArrayLike<number> | undefined} */
      let row;
      let text = told.sentence;
      if (told.computed) {
        row = computed(grid, k);
        if (told.kind === "classes") text = `${text} ${wrongSide(k)}`;
      } else {
        if (!rows.has(index) && on.ask && asked < 0) on.ask((asked = index));
        let near = -1;
        for (const known of rows.keys()) if (near < 0 || Math.abs(known - index) < Math.abs(near - index)) near = known;
        if (near !== index && near >= 0 && !on.ask) text = phrase("training model-fit: nearest", { sentence: told.sentence, name: on.name(near) });
        row = near === shown ? undefined : rows.get(near);
        if (row) shown = near;
      }
      if (words.textContent !== text) words.textContent = text;
      if (!row) return;
      svg.setAttribute("aria-label", `${title.textContent}: ${text}`);
      if (told.kind === "curve") {
        const places = Array.from(row, (value) => Math.max(-FAR, Math.min(FAR, y(value))));
        line.setAttribute("d", pieces(places, places.length).map((piece) => path(piece.map((k) => [x(grid[k]), places[k]]))).join(""));
      } else paintClasses(row);
    },
  };

  /** Says how many examples have another class than is predicted. @param {number} k */
  function wrongSide(k) {
    const made = computed(xs, k);
    const two = told?.classes === 2;
    let wrong = 0;
    for (let i = 0; i < ys.length; i += 1) if ((two ? Number(made[i] >= 0.5) : Math.round(made[i])) !== Math.round(ys[i])) wrong += 1;
    return phrase("training model-fit: wrong side", { wrong, count: ys.length });
  }

  /** The colours of the classes: to ask for them makes the browser work out all styles, so it is done once for each theme. */
  function coloursNow() {
    const theme = /** @type {HTMLElement | null} */ (element.closest("[data-theme]"))?.dataset.theme ?? "";
    const known = colours.get(theme);
    if (known) return known;
    const style = getComputedStyle(svg);
    const found = Array.from({ length: told?.classes ?? 0 }, (_, one) => rgbOf(style.getPropertyValue(`--c${colourOf(one)}`)));
    if (svg.isConnected) colours.set(theme, found);
    return found;
  }

  /** Of two classes the regions fade into each other, as the probability does; of more, the likeliest has its colour. @param {ArrayLike<number>} row */
  function paintClasses(row) {
    const context = small.getContext("2d");
    if (!context) return;
    const two = told?.classes === 2;
    const colours = coloursNow();
    const image = context.createImageData(side, side);
    for (let i = 0; i < side * side; i += 1) {
      const value = row[i];
      const place = 4 * ((side - 1 - Math.floor(i / side)) * side + (i % side)); // the second feature rises upwards
      const colour = colours[two ? Number(value >= 0.5) : Math.round(value)];
      if (!colour) continue;
      image.data.set(colour, place);
      image.data[place + 3] = 255 * (two ? 0.06 + 0.44 * Math.abs(2 * value - 1) : 0.3);
    }
    context.putImageData(image, 0, 0);
    field.setAttribute("href", small.toDataURL());
    boundary.setAttribute("d", two ? levelLine(row, side, 0.5, x, y, grid) : "");
  }
}

/** Predictions that came as bytes, as the numbers that they stand for. @param {ArrayLike<number>} row @param {number} classes */
function numbersOf(row, classes) {
  return classes ? Float32Array.from(row, (value) => (value === NO_NUMBER ? NaN : classes === 2 ? value / 254 : value)) : row;
}

/** @param {string} colour as #rrggbb @returns {[number, number, number]} */
function rgbOf(colour) {
  const number = parseInt(colour.trim().slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

/**
 * Where numbers on a grid pass a level: in each of its squares a line through the sides it crosses.
 * @param {ArrayLike<number>} row @param {number} side @param {number} level
 * @param {import("./geometry.js").Scale} x @param {import("./geometry.js").Scale} y @param {ArrayLike<number>} grid
 */
function levelLine(row, side, level, x, y, grid) {
  let made = "";
  for (let up = 0; up + 1 < side; up += 1) {
    for (let across = 0; across + 1 < side; across += 1) {
      const corners = [up * side + across, up * side + across + 1, (up + 1) * side + across + 1, (up + 1) * side + across];
      /** @type {string[]} */
      const crossed = [];
      for (let one = 0; one < 4; one += 1) {
        const [a, b] = [corners[one], corners[(one + 1) % 4]];
        if (row[a] < level === row[b] < level) continue;
        const share = (level - row[a]) / (row[b] - row[a]);
        const at = (/** @type {0 | 1} */ axis) => grid[2 * a + axis] + share * (grid[2 * b + axis] - grid[2 * a + axis]);
        crossed.push(`${x(at(0)).toFixed(1)} ${y(at(1)).toFixed(1)}`);
      }
      for (let pair = 0; pair + 1 < crossed.length; pair += 2) made += `M${crossed[pair]}L${crossed[pair + 1]}`;
    }
  }
  return made;
}
