// What the player shows at a step, worked out from the payload's steps alone. Pure functions, no DOM.

/**
 * What a moment looks like. Keys name elements of the drawing (without its prefix).
 * @typedef {{
 *   text: Record<string, string>,
 *   fill: Record<string, string>,
 *   image: Record<string, string>,
 *   state: Record<string, string>,
 *   width: Record<string, number>,
 *   path: Record<string, string>,
 *   label: Record<string, string>,
 * }} Face
 */

/**
 * Lines count from 1, columns from 0, in characters.
 * @typedef {{
 *   file: string, line: number, column: number | null, end_line: number | null, end_column: number | null,
 * }} Source
 */

/** @typedef {{file: string, first_line: number, lines: string[]}} Code */

/**
 * One step: its words, and its face as what changed since the step before.
 * @typedef {Partial<Face> & {
 *   phase: "forward" | "backward",
 *   title: string,
 *   sentence: string,
 *   reason: string,
 *   equation: import("./equation.js").Line[],
 *   source: Source | null,
 *   current: string[],
 *   touched: string[],
 * }} Step
 */

/**
 * Something that happens inside a step, with what it changes in the picture.
 * @typedef {Partial<Face> & {
 *   kind: string, title: string, sentence: string, equation?: import("./equation.js").Line[], current: string[], touched: string[],
 * }} Event
 */

/**
 * `sums` says what an operation's step shows on the way to the sum where one tensor is in several of its slots, by the step and the
 * slot; `brackets` has the tensors whose names stand in brackets in a fraction;
 * `grids` says where each tensor's entries stand in the picture, `inks` which colour each shade of a heatmap has, `scales` which number has the strongest, of values, weights and gradients;
 * `at` says which of a page's pictures it is; `note` in what it is another computation than the one before, in a player that is given results;
 * `places` says of each step where it is in the recording before any module was folded, and `until` where it ends there, `after` in
 * which picture around it, and at which place, the run goes on; `direction` which way data flows in the picture, and `turned` is the picture the other way round; `depth` how
 * far they are unfolded, `every` whether products show their helpers, or null where there are none;
 * `opens` says by operation which inside it opens, `trail` through which insides one has come here, and what they are called;
 * `groups` how many steps one after the other belong to a module, for the track.
 * `memory` what is held for backward, `strange` which step made the first nan, `remarks` what is to be known of how it came about,
 * `whys` why no gradient comes to a tensor, or only zeros.
 * @typedef {{
 *   version: number, title: string, prefix: string, svg: string | SVGSVGElement, code: Code[], steps: Step[],
 *   grids: Record<string, import("./grid.js").Grid>, inks: Record<string, string>, scales: Record<string, number>,
 *   sums: Record<string, Record<string, Partial<Face>>>, brackets: string[], facts: import("./facts.js").FactsData, places: number[], until?: number[], after?: [inside: string, place: number] | null, direction?: "LR" | "TB", turned?: {svg: string, direction: "LR" | "TB", grids: Record<string, any>}, depth: {now: number, least?: number, most: number} | null, every: boolean | null,
 *   opens?: Record<string, string>, trail?: [string, string][], groups?: [string, number][],
 *   overview?: import("./overview.js").OverviewData | null, found?: import("./search.js").Item[],
 *   memory?: import("./findings.js").Memory | null, strange?: import("./findings.js").Strange | null, remarks?: string[], whys?: Record<string, string>,
 *   note?: string, at?: string, nudges?: import("./nudge.js").Nudges, paths?: import("./paths.js").Paths,
 * }} Payload
 */

/** @type {(keyof Face)[]} */
export const PARTS = ["text", "fill", "image", "state", "width", "path", "label"];

/** @returns {Face} */
export function blankFace() {
  return { text: {}, fill: {}, image: {}, state: {}, width: {}, path: {}, label: {} };
}

/**
 * The face at step k, which is whole because the first step's is: everything the steps up to it have said, later ones over earlier ones.
 * @param {Step[]} steps
 * @param {number} k
 * @returns {Face}
 */
export function faceAt(steps, k) {
  const face = blankFace();
  for (const step of steps.slice(0, k + 1)) {
    for (const part of PARTS) Object.assign(face[part], step[part]);
  }
  return face;
}

/**
 * The face inside step k, after event number e; after the last of them it is that of the step.
 * @param {Step[]} steps
 * @param {Event[]} events
 * @param {number} k
 * @param {number} e
 */
export function faceInside(steps, events, k, e) {
  if (e < 0 || e >= events.length - 1) return faceAt(steps, k);
  const face = faceAt(steps, k - 1);
  for (const event of events.slice(0, e + 1)) {
    for (const part of PARTS) Object.assign(face[part], event[part]);
  }
  return face;
}

/**
 * The image at step k of a tensor's value ("t3_v") or gradient ("t3_g"), if it is drawn as one: its address, with all of it inside.
 * @param {Step[]} steps
 * @param {string} key
 * @param {number} k
 * @returns {string | undefined}
 */
export function imageAt(steps, key, k) {
  const address = steps.slice(0, k + 1).findLast((step) => step.image?.[key] !== undefined)?.image?.[key];
  return address !== undefined && isImage(address) ? address : undefined;
}

/** Whether an address has an image in itself, and leads nowhere. @param {string} address */
export const isImage = (address) => /^data:image\/png;base64,[\w+/=]*$/u.test(address);

/**
 * The nearest step there is.
 * @param {number} k
 * @param {number} count
 */
export function clamp(k, count) {
  return Math.max(0, Math.min(count - 1, Math.trunc(k) || 0));
}

/**
 * Where step k stands within its own phase, counted from 1: "backward 2 / 4".
 * @param {Step[]} steps
 * @param {number} k
 * @returns {{phase: string, number: number, count: number}}
 */
export function placeOf(steps, k) {
  const phase = steps[k].phase;
  const same = (/** @type {Step} */ step) => step.phase === phase;
  return { phase, number: steps.slice(0, k + 1).filter(same).length, count: steps.filter(same).length };
}
