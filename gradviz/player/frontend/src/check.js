// Whether a payload is one that this player can read, said in plain words where it is not.

export const VERSION = 1;

/** Says in a sentence of its own why there is nothing to play. */
export class Unplayable extends Error {}

/** @param {string} what @returns {never} */
function damaged(what) {
  throw new Unplayable(`This recording is damaged: ${what}. Save it again with gradviz.`);
}

/** @param {any} value */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** @param {any} value */
const isStrings = (value) => Array.isArray(value) && value.every((item) => typeof item === "string");

const MOST_CELLS = 4096;

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
  if (!isObject(payload)) damaged("it is empty or not a recording");
  if (payload.version !== VERSION) {
    throw new Unplayable(
      `This player reads recordings of version ${VERSION}; this one has version ${payload.version ?? "unknown"}. ` +
        "Update gradviz, or save the recording again with this version.",
    );
  }
  if (typeof payload.prefix !== "string") damaged("its prefix is missing");
  if (typeof payload.svg !== "string" && payload.svg?.localName !== "svg") damaged("its picture is missing");
  for (const name of ["steps", "code"]) if (!Array.isArray(payload[name])) damaged(`its ${name} are missing`);
  if (payload.steps.length === 0) throw new Unplayable("This recording has no steps.");
  payload.steps.forEach((/** @type {any} */ step, /** @type {number} */ k) => {
    for (const [name, isRight] of Object.entries(STEP)) {
      if (!isObject(step) || !isRight(step[name])) damaged(`step ${k + 1} has no ${name}, or one of another kind`);
    }
  });
  if (!isObject(payload.grids) || !Object.values(payload.grids).every(isGrid)) damaged("where its entries stand is missing, or impossible");
  if (!isObject(payload.inks) || !isStrings(Object.values(payload.inks))) damaged("its colours are missing");
  if (!isObject(payload.sums) || !Object.values(payload.sums).every(isObject) || !isStrings(payload.brackets)) damaged("the sums in its steps are missing");
  const { facts } = payload;
  if (!isObject(facts)) damaged("its facts are missing");
  for (const name of ["tensors", "operations", "frames"]) {
    if (!Array.isArray(facts[name]) || !facts[name].every(isObject)) damaged(`its ${name} are missing`);
  }
  if (facts.frames.length !== payload.steps.length) damaged("its steps and its numbers do not belong together");
  return payload;
}
