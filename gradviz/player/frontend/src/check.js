// Whether a payload is one that this player can read, said in plain words where it is not.

import { phrase } from "./words.js";
export const VERSION = 1;

/** Says in a sentence of its own why there is nothing to play. */
export class Unplayable extends Error {}

/** @param {string} what @returns {never} */
function damaged(what) {
  throw new Unplayable(phrase("check: recording damaged save again with", { what }));
}

/** @param {any} value */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** @param {any} value */
const isStrings = (value) => Array.isArray(value) && value.every((item) => typeof item === "string");

const MOST_CELLS = 4 * 4096; // of an image; a heatmap has fewer

/** @param {any} grid */
function isGrid(grid) {
  if (!isObject(grid)) return false;
  const { x, y, wide, high, gap, rows, columns, layers, across } = grid;
  const counts = [rows, columns, layers, across];
  return (
    [x, y, wide, high, gap].every(Number.isFinite) && wide > 0 && high > 0 && counts.every((n) => Number.isInteger(n) && n > 0) && rows * columns * layers <= MOST_CELLS
  );
}

/** @type {Record<string, (value: any) => boolean>} what a step must have */
const STEP = {
  phase: (value) => value === "forward" || value === "backward",
  title: (value) => typeof value === "string",
  sentence: (value) => typeof value === "string",
  current: isStrings,
  touched: isStrings,
};

/**
 * @param {any} payload
 * @returns {import("./state.js").Payload}
 */
export function checked(payload) {
  if (!isObject(payload)) damaged(phrase("check: empty or not recording"));
  if (payload.version !== VERSION) {
    throw new Unplayable(
      phrase("check: player reads recordings version one", { VERSION, part: payload.version ?? "unknown" }),
    );
  }
  if (typeof payload.prefix !== "string") damaged(phrase("check: prefix missing"));
  if (typeof payload.svg !== "string" && payload.svg?.localName !== "svg") damaged(phrase("check: picture missing"));
  for (const name of ["steps", "code"]) if (!Array.isArray(payload[name])) damaged(phrase("check: missing", { name }));
  if (payload.steps.length === 0) throw new Unplayable(phrase("check: recording has no steps"));
  payload.steps.forEach((/** @type {any} */ step, /** @type {number} */ k) => {
    for (const [name, isRight] of Object.entries(STEP)) {
      if (!isObject(step) || !isRight(step[name])) damaged(phrase("check: step has no or one", { part: k + 1, name }));
    }
  });
  if (!isObject(payload.grids) || !Object.values(payload.grids).every(isGrid)) damaged(phrase("check: where entries stand missing or"));
  if (!isObject(payload.inks) || !isStrings(Object.values(payload.inks))) damaged(phrase("check: colours missing"));
  if (!isObject(payload.sums) || !Object.values(payload.sums).every(isObject) || !isStrings(payload.brackets)) damaged(phrase("check: sums steps missing"));
  const { facts } = payload;
  if (!isObject(facts)) damaged(phrase("check: facts missing"));
  for (const name of ["tensors", "operations", "frames"]) {
    if (!Array.isArray(facts[name]) || !facts[name].every(isObject)) damaged(phrase("check: missing", { name }));
  }
  if (facts.frames.length !== payload.steps.length) damaged(phrase("check: steps and numbers do not"));
  return payload;
}
