// The parameters as cards: where each is, where its gradient points, and what the update makes of it; and its way so far.

import { html, setText, svgElement } from "../dom.js";
import { numberText, shapeText } from "../number.js";
import { point } from "./arrow.js";
import { extent, path, pieces, scale } from "./geometry.js";
import { makeSight } from "./sight.js";
import { mixed } from "./signs.js";
import { phrase } from "../words.js";

/** @typedef {import("./data.js").Parameter} Parameter */
/** @typedef {import("./data.js").RunData} RunData */

const WIDTH = 250;
const WAY_HEIGHT = 74;
const BUTTONS_UP_TO = 16;
const LINES_UP_TO = 24;
const BRIEF = 7;

/** The way of the entries through the run, one line each, and a dot at the step that is shown. @param {Parameter} parameter */
function makeWay(parameter) {
  const svg = svgElement("svg", { class: "gt-way", viewBox: `0 0 ${WIDTH} ${WAY_HEIGHT}`, role: "img" });
  const others = svgElement("path", { class: "gt-way-other" });
  const chosen = svgElement("path", { class: "gt-way-line" });
  const dot = svgElement("circle", { class: "gt-dot gt-c0", r: 4 });
  const [top, bottom] = [svgElement("text", { class: "gt-tick", x: 2, y: 10 }), svgElement("text", { class: "gt-tick", x: 2, y: WAY_HEIGHT - 2 })];
  svg.append(others, chosen, dot, top, bottom);
  let entry = 0;
  let x = scale([0, 1], [0, 1]);
  let y = x;
  return {
    element: svg,
    /** Draws it anew: there are more steps, or another entry is looked at. @param {number} which */
    draw(which) {
      entry = which;
      const count = parameter.entries.length;
      const ways = Array.from({ length: Math.min(count, LINES_UP_TO) }, (_, column) => wayOf(parameter, column));
      const own = entry < ways.length ? ways[entry] : wayOf(parameter, entry);
      const [low, high] = extent([...ways.flat(), ...own]);
      const steps = own.map((_, k) => k);
      x = scale([0, Math.max(own.length - 1, 1)], [44, WIDTH - 8]);
      y = scale([low, high], [WAY_HEIGHT - 9, 9]);
      // Where it took no part in a step, the line goes on from the step before to the one after.
      const there = steps.filter((k) => !Number.isNaN(own[k]));
      const drawn = (/** @type {number[]} */ way) =>
        pieces(there.map((k) => way[k]), WIDTH).map((piece) => path(piece.map((at) => [x(there[at]), y(way[there[at]])]))).join("");
      others.setAttribute("d", ways.map((way, column) => (column === entry ? "" : drawn(way))).join(""));
      chosen.setAttribute("d", drawn(own));
      top.textContent = numberText(high, 3);
      bottom.textContent = numberText(low, 3);
      const [, place] = parameter.entries[entry] ?? [0, ""];
      svg.setAttribute("aria-label", phrase("training parameters: over run from", { parameter: parameter.name, place, own: numberText(own[0]), part: numberText(own.at(-1) ?? NaN) }));
    },
    /** @param {number} k */
    move(k) {
      const value = parameter.before.at(k, entry);
      dot.toggleAttribute("hidden", !Number.isFinite(value));
      if (!Number.isFinite(value)) return;
      dot.setAttribute("cx", String(x(k)));
      dot.setAttribute("cy", String(y(value)));
    },
  };
}

/** The values of an entry before each step, and after the last. @param {Parameter} parameter @param {number} column */
export function wayOf({ before, after }, column) {
  const way = before.column(column);
  if (way.length) way.push(after.at(way.length - 1, column));
  return way;
}

/**
 * An arrow along a line: the gradient from the value upwards, or the update to the next value.
 * @param {string} name
 * @param {string} kind
 */
function makeArrow(name, kind) {
  const shaft = svgElement("line", { y1: 9, y2: 9 });
  const head = svgElement("path");
  const svg = svgElement("svg", { class: `gt-arrow gt-${kind}`, viewBox: "0 0 120 18", "aria-hidden": "true" }, svgElement("line", { class: "gt-zero", x1: 60, x2: 60, y1: 2, y2: 16 }), shaft, head);
  const number = html("b", {});
  return {
    parts: [html("span", {}, name), svg, number],
    /** @param {number} value @param {number} largest over the run, which gets the whole length */
    show(value, largest) {
      setText(number, Number.isNaN(value) ? "none" : numberText(value, 4, "float32"));
      const share = Number.isFinite(value) && largest > 0 ? Math.max(-1, Math.min(1, value / largest)) : 0;
      point(shaft, head, 60, 9, share * 54, 6);
    },
  };
}

/** A number in no more signs than fit a small button, with as many digits as go in. @param {number} value */
export function brief(value) {
  for (const digits of [3, 2]) {
    const text = numberText(value, digits, "float32");
    if (text.length <= BRIEF) return text;
  }
  return value.toExponential(0).replaceAll("-", "−");
}

/**
 * @param {RunData} run
 * @param {Parameter} parameter
 * @param {(entry: number) => void} choose
 */
function makeCard(run, parameter, choose) {
  const way = makeWay(parameter);
  const gradient = makeArrow("gradient", "gradient");
  const update = makeArrow("update", "update");
  const value = html("b", {});
  const now = html("div", { class: "gt-numbers" }, html("span", {}, "value"), html("span", { class: "gt-arrow" }), value, ...gradient.parts, ...update.parts);
  const entries = html("div", { class: "gt-entries" });
  const header = html("header", {}, html("h4", {}, parameter.name), html("span", { class: "gt-shape" }, parameter.shape.length ? shapeText(parameter.shape) : ""));
  const card = html("article", { class: "gt-card" }, header);
  const shown = parameter.entries.length > 0;
  /** @type {HTMLButtonElement[]} */
  let buttons = [];
  /** @type {HTMLSelectElement | undefined} */
  let list;
  if (parameter.entries.length > 1 && parameter.entries.length <= BUTTONS_UP_TO && parameter.whole) {
    buttons = parameter.entries.map(([, place], entry) => {
      const made = html("button", { type: "button", title: `${parameter.name}${place}` });
      made.addEventListener("click", () => choose(entry));
      return made;
    });
    entries.append(...buttons);
    // A narrow matrix keeps its columns; of anything else four entries go side by side.
    const across = parameter.shape.length > 1 ? (parameter.shape.at(-1) ?? 1) : 1;
    entries.style.gridTemplateColumns = `repeat(${across > 1 && across <= 4 ? across : Math.min(parameter.size, 4)}, 1fr)`;
    card.append(entries);
  } else if (parameter.entries.length > 1) {
    list = html("select", { "aria-label": phrase("training parameters: entry", { parameter: parameter.name }) }, ...parameter.entries.map(([, place], entry) => html("option", { value: entry }, place)));
    list.addEventListener("change", () => choose(Number(list?.value)));
    const told = parameter.whole ? "entry" : phrase("training parameters: one moved most", { entries: parameter.entries.length });
    card.append(html("label", { class: "gt-pick" }, `${told} `, list));
  }
  const statistics = html("p", { class: "gt-statistics" });
  const preview = html("canvas", { class: "gt-preview", "aria-hidden": "true" });
  if (shown) card.append(way.element, now);
  if (!parameter.whole) card.append(preview, statistics);
  let largest = [1, 1];
  let entry = 0;

  /** @param {number} k */
  function moveEntries(k) {
    buttons.forEach((made, place) => {
      const text = brief(parameter.before.at(k, place));
      if (made.textContent === text) return;
      setText(made, text);
      made.setAttribute("aria-label", `${parameter.entries[place][1]}: ${text}`);
    });
  }
  /** @param {number} k */
  function moveNumbers(k) {
    const before = parameter.before.at(k, entry);
    setText(value, numberText(before, 4, "float32"));
    gradient.show(parameter.gradient.at(k, entry), largest[0]);
    update.show(parameter.after.at(k, entry) - before, largest[1]);
  }
  /** @param {number} k */
  function moveWhole(k) {
    if (parameter.statistics) {
      const [mean, sd, low, high, gradMean, gradSd] = parameter.statistics.row(k);
      setText(
        statistics,
        (low === high ? `all ${numberText(low)}` : `mean ${numberText(mean, 3)}, sd ${numberText(sd, 3)}, ${numberText(low, 3)} to ${numberText(high, 3)}`) +
          (Number.isNaN(gradMean) ? "" : `; gradient: mean ${numberText(gradMean, 3)}, sd ${numberText(gradSd, 3)}`),
      );
    }
    if (parameter.preview) paint(preview, parameter.preview.rows.row(k), parameter.preview.shape);
  }

  return {
    element: card,
    /** @param {number} which */
    draw(which) {
      entry = which;
      if (!shown) return;
      way.draw(entry);
      const moves = parameter.before.column(entry).map((before, k) => Math.abs(parameter.after.at(k, entry) - before));
      largest = [extent(parameter.gradient.column(entry).map(Math.abs), true)[1], extent(moves, true)[1]];
      buttons.forEach((made, place) => made.setAttribute("aria-pressed", String(place === entry)));
      if (list) list.value = String(entry);
    },
    /** Its parts, each with what brings it up to a step. @type {[Element, (k: number) => void][]} */
    parts: [
      ...(buttons.length ? [/** @type {[Element, (k: number) => void]} */ ([entries, moveEntries])] : []),
      ...(shown ? [/** @type {[Element, (k: number) => void]} */ ([way.element, way.move]), /** @type {[Element, (k: number) => void]} */ ([now, moveNumbers])] : []),
      ...(parameter.whole ? [] : [/** @type {[Element, (k: number) => void]} */ ([statistics, moveWhole])]),
    ],
    /** Selects the card where a click in it has no other meaning. @param {() => void} select */
    onSelect(select) {
      card.addEventListener("click", (event) => {
        if (!(/** @type {Element} */ (event.target).closest("button, select"))) select();
      });
    },
  };
}

/** A small picture of a large tensor: purple below zero, teal above. @param {HTMLCanvasElement} canvas @param {ArrayLike<number>} cells @param {number[]} shape */
function paint(canvas, cells, shape) {
  const across = shape.at(-1) ?? 1;
  const down = cells.length / across;
  [canvas.width, canvas.height] = [across, down];
  const context = canvas.getContext("2d");
  if (!context) return;
  const most = extent(Array.from(cells, Math.abs))[1] || 1;
  for (let i = 0; i < cells.length; i += 1) {
    const [red, green, blue] = mixed(Math.sign(cells[i]) * Math.sqrt(Math.abs(cells[i]) / most));
    context.fillStyle = `rgb(${red} ${green} ${blue})`;
    context.fillRect(i % across, Math.floor(i / across), 1, 1);
  }
}

const CARDS = 24;

/**
 * @param {RunData} run
 * @param {{choose(parameter: number, entry: number): void}} on
 */
export function makeParameters(run, on) {
  const entries = run.parameters.map(() => 0);
  const cards = run.parameters.slice(0, CARDS).map((parameter, number) => {
    const card = makeCard(run, parameter, (entry) => on.choose(number, entry));
    card.onSelect(() => on.choose(number, entries[number]));
    return card;
  });
  const more = run.parameters.length - cards.length;
  const list = html("div", { class: "gt-cards", tabindex: 0, role: "group", "aria-label": phrase("training parameters: parameters") }, ...cards.map((card) => card.element));
  const element = html("section", { class: "gt-panel gt-parameters" }, html("header", {}, html("h3", {}, phrase("training parameters: parameters"))), list);
  if (more > 0) element.append(html("p", { class: "gt-words" }, phrase("training parameters: and more parameters which saved", { more })));
  let [shown, chosen] = [0, -1];
  const moves = new Map(cards.flatMap((card) => card.parts));
  const sight = makeSight(list, (part) => moves.get(part)?.(shown));
  for (const part of moves.keys()) sight.watch(part);
  return {
    element,
    /** Draws the ways anew: there are more steps. */
    draw: () => cards.forEach((card, number) => card.draw(entries[number])),
    /** @param {number} number @param {number} entry */
    pick(number, entry) {
      entries[number] = entry;
      cards[number]?.draw(entry);
    },
    /** @param {number} k @param {number} selected which parameter */
    move(k, selected) {
      shown = k;
      if (selected !== chosen) {
        cards[chosen]?.element.classList.remove("gt-selected");
        cards[selected]?.element.classList.add("gt-selected");
        chosen = selected;
      }
      moves.forEach((move, part) => sight.sees(part) && move(shown));
    },
    stop: sight.stop,
  };
}
