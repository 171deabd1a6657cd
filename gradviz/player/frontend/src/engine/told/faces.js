// What a picture shows of numbers, written anew: the parts that a step had changed, for other numbers. What was not known yet is
// not known now either.

import { shown } from "../../arithmetic.js";
import { NOT_YET } from "../../grid.js";
import { roleOf, shadeOf } from "../../heat.js";
import { entryText, numberText } from "../../number.js";
import { phrase } from "../../words.js";
import { bars } from "./bars.js";
import { mapImage } from "./raster.js";
import { blocks, summaryOf } from "./values.js";

/** @typedef {import("../../facts.js").Value} Value */
/** @typedef {import("../../facts.js").Facts} Facts */
/** @typedef {import("../../facts.js").Gradient} Gradient */
/** @typedef {import("../../state.js").Face} Face */
/** @typedef {import("../../state.js").Payload} Payload */
/**
 * What is known at a moment.
 * @typedef {{values: Map<string, Value>, gradients: Map<string, Gradient>, contributions: Map<string, Value>, locals: Map<string, number>}} Moment
 */

const PENDING = "·";
const [THINNEST, THICKEST] = [1.4, 4.6];
const EPSILON = 2 ** -23;
const MOST_MEETING = 3;
const MOST_SPOKEN = 16;

/** @param {number} number @param {number} [rounding] */
const short = (number, rounding = 0) => (number !== 0 && Math.abs(number) < rounding ? "≈ 0" : numberText(number, 2));

/** A tensor in two lines, as gradviz.drawing.statistics writes it. @param {Value} value @returns {[string, string]} */
export function statistics(value) {
  const { mean, sd, min, max, zeros, nans, infs } = value.summary ?? summaryOf((value.data ?? []).map(Number));
  const strange = [[nans, "nan"], [infs, "inf"]].filter(([count]) => count).map(([count, what]) => `${count} ${what}`).join(" ");
  if (strange) return [`⚠ ${strange}`, ""];
  if (min === max || sd < EPSILON * Math.max(-min, max)) return [`all ${min === max ? "" : "≈ "}${numberText(min)}`, ""];
  const share = zeros / Math.max(1, value.shape.reduce((all, length) => all * length, 1));
  return [`mean ${short(mean, EPSILON * sd)} ± ${short(sd)} sd`, `${short(min)} to ${short(max)}${share >= 0.01 ? `, ${Math.round(share * 100)}% zeros` : ""}`];
}

/** How thick a line is on which a gradient came back. @param {Value} gradient */
function lineWidth(gradient) {
  const numbers = (gradient.data ?? gradient.preview?.data ?? []).map(Number).filter(Number.isFinite);
  const root = Math.sqrt(numbers.reduce((sum, one) => sum + one * one, 0) / (numbers.length || 1));
  if (root === 0) return THINNEST;
  const share = (Math.max(-3, Math.min(3, Math.log10(root))) + 3) / 6;
  return Number((THINNEST + share * (THICKEST - THINNEST)).toFixed(2));
}

/** A tensor, as it is spoken. @param {Value | undefined} value */
function spoken(value) {
  if (!value) return phrase("entry-keys: not computed yet");
  if (!value.data || value.data.length > MOST_SPOKEN) return statistics(value).filter(Boolean).join(", ");
  return value.data.map((_, k) => entryText(value, k)).join(" ") || "empty";
}

/** A gradient that several paths brought, as their sum: "3 + 4 = 7". @param {Value[]} parts @param {Value} total */
function sumText(parts, total) {
  if (parts.length < 2 || parts.length > MOST_MEETING) return entryText(total, 0);
  const right = shown(parts.map(({ data }) => Number(data?.[0])), Number(total.data?.[0]), (...terms) => terms.reduce((sum, one) => sum + one, 0), total.dtype);
  const [first, ...others] = right.operands;
  return `${first}${others.map((other) => (other.startsWith("−") ? ` − ${other.slice(1)}` : ` + ${other}`)).join("")} ${right.relation} ${right.result}`;
}

/** The number behind each cell of a heatmap. @param {Value} value @param {import("../../grid.js").Grid} grid */
function cells(value, { layers, rows, columns }) {
  const known = value.data ? value : value.preview;
  const numbers = (known?.data ?? []).map(Number);
  if (numbers.length === layers * rows * columns) return numbers;
  const [high, wide] = [known?.shape.at(-2) ?? 1, known?.shape.at(-1) ?? 1];
  return Array.from({ length: layers }, (_, layer) => blocks(numbers, layer * high * wide, high, wide, rows, columns)).flat();
}

/**
 * Writes the parts of a face anew.
 * @template {Partial<Face>} T
 * @param {T} face as it was
 * @param {Moment} moment
 * @param {Payload} payload
 * @param {Facts} facts
 * @param {Record<string, import("./bars.js").Bars>} allBars
 * @param {(id: string) => Record<string, string | null> | undefined} [blocks] what the cards of blocks show
 * @returns {T}
 */
export function retold(face, moment, payload, facts, allBars, blocks = () => undefined) {
  /** @param {string} id @param {string} part */
  const of = (id, part) => (part === "v" ? moment.values.get(id) : moment.gradients.get(id)?.value);
  const isBlock = (/** @type {string} */ key) => Boolean(facts.operation(key.split("_")[0])?.block);
  /** What stands at a key on the card of a block: nothing, where that is not known of other numbers. @param {string} key @param {string} was */
  const ofBlock = (key, was) => {
    const [id, ending] = key.split("_");
    return !was || was === PENDING || ending === "b" ? was : (blocks(id)?.[ending] ?? "");
  };

  /** @param {string} key @param {string} text */
  function textOf(key, text) {
    const [, id, part, place] = /^(t\d+)_([vg])(s?\d+)$/.exec(key) ?? [];
    if (id) {
      const value = of(id, part);
      if (!value || text === PENDING || text === "empty") return text;
      if (place.startsWith("s")) return statistics(value)[Number(place.slice(1))];
      if (part === "g" && text.includes(" ")) return sumText(meeting(id), value);
      return entryText(value, Number(place));
    }
    const [, argument] = /^(o\d+_\d+)_l$/.exec(key) ?? [];
    if (argument) {
      const old = facts.edge(argument)?.argument?.local_number;
      const number = moment.locals.get(argument);
      return old && number !== undefined ? text.replace(old, numberText(number)) : text;
    }
    return isBlock(key) ? ofBlock(key, text) : text;
  }

  /** What has arrived at a tensor. @param {string} id */
  function meeting(id) {
    const before = moment.gradients.get(id)?.before;
    const edges = new Set(facts.usersOf(id).map(({ argument }) => argument.id));
    const arrived = [...moment.contributions].filter(([edge]) => edges.has(edge)).map(([, sent]) => sent); // in the order in which they came
    return [...(before ? [before] : []), ...arrived];
  }

  /** @param {string} key @param {string} label */
  function labelOf(key, label) {
    const at = label.indexOf(", value ");
    if (isBlock(key)) return label.replace(/(‖(?:∂|Δw)‖\/‖w‖) [^,]+/, (was, sign) => (blocks(key)?.n ? `${sign} ${blocks(key)?.n}` : was));
    if (!facts.tensor(key) || at < 0) return label;
    const gradient = label.includes(", gradient ") ? `, gradient ${spoken(of(key, "g"))}` : "";
    return `${label.slice(0, at)}, value ${spoken(of(key, "v"))}${gradient}`;
  }

  /** @param {string} key @param {string} shades */
  function fillOf(key, shades) {
    const [id, part] = key.split("_");
    const [value, grid] = [of(id, part), payload.grids[key]];
    if (!value || !grid || shades.startsWith(NOT_YET)) return shades;
    const scale = payload.scales[roleOf(facts, id, part === "g" ? "gradient" : "value")] ?? 1;
    return cells(value, grid).map((number) => shadeOf(number, scale)).join("");
  }

  /** @param {string} key @param {string} image */
  function imageOf(key, image) {
    const [id, part] = key.split("_");
    const [value, grid] = [of(id, part), payload.grids[key]];
    if (!value || grid?.raster !== "maps") return image;
    return mapImage(cells(value, grid), grid, payload.scales[roleOf(facts, id, part === "g" ? "gradient" : "value")] ?? 1, payload.inks) ?? image;
  }

  /** @param {string} key @param {number} width */
  function widthOf(key, width) {
    if (width === THINNEST && !moment.contributions.has(key)) return width;
    const gradient = moment.contributions.get(key) ?? of(key.split("_")[1], "g");
    return gradient ? lineWidth(gradient) : width;
  }

  /** @type {Record<string, (key: string, was: any) => any>} */
  const writers = { text: textOf, fill: fillOf, image: imageOf, width: widthOf, label: labelOf, path: (key, path) => (isBlock(key) ? ofBlock(key, path) : path) };
  const made = { ...face };
  for (const [part, write] of Object.entries(writers)) {
    const old = /** @type {any} */ (face)[part];
    if (old) /** @type {any} */ (made)[part] = Object.fromEntries(Object.entries(old).map(([key, was]) => [key, write(key, was)]));
  }
  for (const [operation, one] of Object.entries(allBars)) bars(operation, one, made, moment, facts);
  return made;
}
