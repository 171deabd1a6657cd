// The data, and what the model makes of it in the step that is shown: a curve, or regions of classes.

import { phrase } from "../words.js";
import { html, setText, svgElement } from "../dom.js";
import { unpacked } from "./columns.js";
import { predicted } from "./network.js";
import { SURFACE, colourOf, extent, path, pieces, scale, withRoom } from "./geometry.js";
import { makePoints } from "./onward/points.js";
import { drawAxes, readable, saidBelow } from "./surface.js";

const { left: LEFT, top: TOP, right: RIGHT, bottom: BOTTOM, width: WIDTH, height: HEIGHT } = SURFACE;
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
 * @param {{
 *   ask?: (index: number) => void, name(index: number): string, there(): void,
 *   onward?: {branch: import("./onward/branch.js").Branch | null, predicted(k: number): ArrayLike<number> | undefined,
 *     movePoint(point: number, feature: number[], target: number | null): Promise<void>} | null,
 * }} on `there`: it has got something to show; `onward`: who trains on with points that are moved
 */
export function makeFit(run, on) {
  const svg = svgElement("svg", { class: "gt-chart gt-surface", viewBox: `0 0 ${SURFACE.width} ${SURFACE.height}`, role: "img" });
  const axes = svgElement("g");
  const line = svgElement("path", { class: "gt-fitted" });
  // A curve that leaves the frame is cut off there: an svg in an svg shows nothing beyond its own rectangle.
  const frame = { x: LEFT, y: TOP, width: RIGHT - LEFT, height: BOTTOM - TOP };
  const inside = svgElement("svg", { ...frame, viewBox: Object.values(frame).join(" ") }, line);
  const ghost = svgElement("path", { class: "gt-ghost" });
  const examples = svgElement("g");
  const behind = svgElement("svg", { ...frame, viewBox: Object.values(frame).join(" ") }, ghost);
  svg.append(axes, behind, examples, inside);
  readable(svg);
  const words = html("p", { class: "gt-words" });
  const title = html("h3", {}, phrase("training model-fit: fit"));
  const reading = html("p", { class: "gt-reading" });
  const field = html("canvas", { class: "gt-regions", "aria-hidden": "true" }); // of classes: an image that changes in each step
  const plot = html("div", { class: "gt-plot" }, field, svg);
  const element = html("section", { class: "gt-panel gt-fit", hidden: "" }, html("header", {}, title, reading), plot, saidBelow(words));
  /** @type {Told | null} */
  let told = null;
  /** @type {Map<number, ArrayLike<number>>} */
  let rows = new Map();
  const small = html("canvas");
  /** @type {ArrayLike<number> | null} what the field shows */
  let painted = null;
  // The data; and as they were recorded.
  let [xs, ys, firstXs, firstYs] = Array.from({ length: 4 }, () => new Float64Array(0));
  let side = 0;
  let x = scale([0, 1], [0, 1]);
  let y = x;
  let grid = new Float64Array(0);
  let asked = -1;
  let shown = -1;
  /** @type {Map<string, [number, number, number][]>} by theme */
  const colours = new Map();
  const { onward } = on;
  const handle = onward && makePoints(svg, {
    place: (point) => (told?.kind === "curve" ? [x(xs[point]), y(ys[point])] : [x(xs[2 * point]), y(xs[2 * point + 1])]),
    count: () => ys.length,
    say: (point) => (told?.kind === "curve" ? [xs[point], ys[point]] : [xs[2 * point], xs[2 * point + 1]]),
    move(point, across, up) {
      const [one, other] = [x.invert(Math.max(LEFT, Math.min(RIGHT, across))), y.invert(Math.max(TOP, Math.min(BOTTOM, up)))];
      const curve = told?.kind === "curve";
      if (curve) [xs[point], ys[point]] = [one, other];
      else [xs[2 * point], xs[2 * point + 1]] = [one, other];
      drawExamples();
      return onward.movePoint(point, curve ? [one] : [one, other], curve ? other : null);
    },
  });

  /** Where predictions of so many points are worked out. @type {Map<number, import("./network.js").Made[]>} */
  const rooms = new Map();
  /** What is predicted for some inputs in a step. @param {ArrayLike<number>} points @param {number} k @param {import("./data.js").Parameter[]} [parameters] */
  function computed(points, k, parameters = run.parameters) {
    if (!rooms.has(points.length)) rooms.set(points.length, []);
    const made = predicted(/** @type {import("./network.js").Told} */ (run.network), parameters, k, points, rooms.get(points.length));
    if (told?.classes !== 2) return made;
    const [low, high] = told.levels;
    return made.map((value) => Math.max(0, Math.min(1, (value - low) / (high - low))));
  }

  /** Draws what does not change from step to step. */
  function drawData() {
    if (!told) return;
    [xs, ys] = [Float64Array.from(unpacked(told.x)), Float64Array.from(unpacked(told.y))];
    [firstXs, firstYs] = [xs.slice(), ys.slice()];
    grid = Float64Array.from(unpacked(told.grid));
    if (told.kind === "curve") {
      const last = told.computed ? computed(grid, run.length - 1) : [...rows.values()].at(-1) ?? [];
      const [low, high] = extent([...Array.from(ys), ...Array.from(last)]);
      x = scale([grid[0], grid[grid.length - 1]], [LEFT, RIGHT]);
      y = scale(withRoom(low, high), [BOTTOM, TOP]);
      drawAxes(axes, x, y, told.names[0], told.names[1]);
      drawExamples();
      return;
    }
    side = Math.round(Math.sqrt(grid.length / 2));
    const across = extent(grid.filter((_, i) => i % 2 === 0));
    const up = extent(grid.filter((_, i) => i % 2 === 1));
    x = scale(across, [LEFT, RIGHT]);
    y = scale(up, [BOTTOM, TOP]);
    [small.width, small.height] = [side, side];
    line.setAttribute("d", "");
    drawAxes(axes, x, y, told.names[0], told.names[1]);
    drawExamples();
  }

  /** Draws the data; where a point has been moved, the way that it went. */
  function drawExamples() {
    if (!told) return;
    const curve = told.kind === "curve";
    const classes = curve ? 1 : told.classes;
    const marks = Array.from({ length: classes }, () => "");
    let ways = "";
    for (let i = 0; i < ys.length; i += 1) {
      const [here, first] = [[xs, ys], [firstXs, firstYs]].map(([inputs, targets]) => (curve ? [x(inputs[i]), y(targets[i])] : [x(inputs[2 * i]), y(inputs[2 * i + 1])]));
      const one = curve ? 0 : Math.round(ys[i]);
      if (one >= 0 && one < classes) marks[one] += MARKS[one % MARKS.length](here[0], here[1]);
      if (here[0] !== first[0] || here[1] !== first[1]) ways += `M${first[0]} ${first[1]}m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0M${first[0]} ${first[1]}L${here[0]} ${here[1]}`;
    }
    examples.replaceChildren(svgElement("path", { class: "gt-moved", d: ways }), ...marks.map((d, one) => svgElement("path", { class: `gt-example gt-c${colourOf(one)}`, d })));
    handle?.show();
  }

  /** The model of the recording at a step, beside what is trained on here. @param {number} k */
  function drawGhost(k) {
    const branch = onward?.branch;
    if (!told || !branch || (told.kind === "classes" && told.classes !== 2)) return ghost.setAttribute("d", "");
    const { recorded } = branch;
    const at = Math.min(k, recorded.length - 1);
    const row = told.computed ? computed(grid, at, recorded.parameters) : rows.get(nearestOf(recorded.kept.at(at)));
    if (row) ghost.setAttribute("d", told.kind === "curve" ? curveThrough(row) : levelLine(row, side, 0.5, x, y, grid));
  }

  /** @param {number} index */
  function nearestOf(index) {
    let near = -1;
    for (const known of rows.keys()) if (near < 0 || Math.abs(known - index) < Math.abs(near - index)) near = known;
    return near;
  }

  /** @param {ArrayLike<number>} row */
  function curveThrough(row) {
    const places = Array.from(row, (value) => Math.max(-FAR, Math.min(FAR, y(value))));
    return pieces(places, places.length).map((piece) => path(piece.map((k) => [x(grid[k]), places[k]]))).join("");
  }

  // The field lies where the picture has its frame.
  new ResizeObserver(() => {
    const unit = Math.min(plot.clientWidth / WIDTH, plot.clientHeight / HEIGHT);
    if (!(unit > 0)) return;
    const [wide, high] = [(RIGHT - LEFT) * unit, (BOTTOM - TOP) * unit];
    const place = { left: (plot.clientWidth - WIDTH * unit) / 2 + LEFT * unit, top: (plot.clientHeight - HEIGHT * unit) / 2 + TOP * unit, width: wide, height: high };
    for (const [name, pixels] of Object.entries(place)) field.style.setProperty(name, `${pixels}px`);
    const sharp = (window.devicePixelRatio || 1) * (/** @type {any} */ (field).currentCSSZoom ?? 1);
    [field.width, field.height] = [Math.round(wide * sharp), Math.round(high * sharp)];
    if (painted) paintClasses(painted);
  }).observe(plot);

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
      const branch = onward?.branch;
      const own = branch && k >= branch.k && !told.computed ? onward.predicted(k) : undefined;
      if (!branch && (xs.some((value, i) => value !== firstXs[i]) || ys.some((value, i) => value !== firstYs[i]))) {
        xs.set(firstXs); // they are the recording's again
        ys.set(firstYs);
        drawExamples();
      }
      drawGhost(k);
      if (own) [row, shown] = [own, -1];
      else if (told.computed) {
        row = computed(grid, k);
        if (told.kind === "classes") setText(reading, wrongSide(k));
      } else {
        if (!rows.has(index) && on.ask && asked < 0) on.ask((asked = index));
        const near = nearestOf(index);
        if (near !== index && near >= 0 && !on.ask) text = phrase("training model-fit: nearest", { sentence: told.sentence, name: on.name(near) });
        row = near === shown ? undefined : rows.get(near);
        if (row) shown = near;
      }
      if (branch && ghost.getAttribute("d")) text = `${text} ${phrase("training onward: dashed")}`;
      else if (handle && !branch) text = `${text} ${phrase("training onward: drag")}`;
      if (words.textContent !== text) {
        words.textContent = text;
        svg.setAttribute("aria-label", `${title.textContent}: ${text}`);
      }
      if (!row) return;
      if (told.kind === "curve") {
        line.setAttribute("d", curveThrough(row));
      } else paintClasses(row);
    },
    /** Its colours are others now. */
    paint: () => painted && paintClasses(painted),
  };

  /** Says how many examples have another class than is predicted. @param {number} k */
  function wrongSide(k) {
    const made = computed(xs, k);
    const two = told?.classes === 2;
    let wrong = 0;
    for (let i = 0; i < ys.length; i += 1) if ((two ? Number(made[i] >= 0.5) : Math.round(made[i])) !== Math.round(ys[i])) wrong += 1;
    return phrase("training model-fit: wrong side", { wrong, count: ys.length });
  }

  /** The colours of the classes, and that of ink: to ask for them makes the browser work out all styles, so it is done once for each theme. */
  function coloursNow() {
    const theme = /** @type {HTMLElement | null} */ (element.closest("[data-theme]"))?.dataset.theme ?? "";
    const known = colours.get(theme);
    if (known) return known;
    const style = getComputedStyle(svg);
    const found = [...Array.from({ length: told?.classes ?? 0 }, (_, one) => `--c${colourOf(one)}`), "--ink"].map((name) => rgbOf(style.getPropertyValue(name)));
    if (svg.isConnected) colours.set(theme, found);
    return found;
  }

  /** Of two classes the regions fade into each other, as the probability does; of more, the likeliest has its colour. @param {ArrayLike<number>} row */
  function paintClasses(row) {
    painted = row;
    const [own, context] = [small.getContext("2d"), field.getContext("2d")];
    if (!own || !context || !field.width) return;
    const two = told?.classes === 2;
    const colours = coloursNow();
    const image = own.createImageData(side, side);
    for (let i = 0; i < side * side; i += 1) {
      const value = row[i];
      const place = 4 * ((side - 1 - Math.floor(i / side)) * side + (i % side)); // the second feature rises upwards
      const colour = colours[two ? Number(value >= 0.5) : Math.round(value)];
      if (!colour) continue;
      [image.data[place], image.data[place + 1], image.data[place + 2]] = colour;
      image.data[place + 3] = 255 * (two ? 0.06 + 0.44 * Math.abs(2 * value - 1) : 0.3);
    }
    own.putImageData(image, 0, 0);
    const unit = field.width / (RIGHT - LEFT);
    context.setTransform(unit, 0, 0, unit, 0, 0);
    context.clearRect(0, 0, RIGHT - LEFT, BOTTOM - TOP);
    context.drawImage(small, 0, 0, RIGHT - LEFT, BOTTOM - TOP);
    if (!two) return;
    context.translate(-LEFT, -TOP);
    context.lineWidth = 2;
    context.strokeStyle = `rgb(${colours[colours.length - 1].join(" ")})`;
    context.stroke(new Path2D(levelLine(row, side, 0.5, x, y, grid)));
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
