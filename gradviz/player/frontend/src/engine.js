// The engine of a page: a part of its own, loaded when somebody takes hold of a number.

import { Facts } from "./facts.js";
import { Machine } from "./engine/machine.js";
import { Retelling } from "./engine/told/retell.js";

export { makeGrip } from "./engine/grip.js";
export { Laboratory } from "./engine/laboratory.js";
export { Machine } from "./engine/machine.js";
export { ROWS } from "./engine/rows.js";
export { Retelling } from "./engine/told/retell.js";

/**
 * Writes the numbers of a program into a payload that has none yet.
 * @param {any} payload @param {import("./engine/told/retell.js").Shown} shown @param {import("./engine/machine.js").Program} program
 */
export function told(payload, shown, program) {
  new Retelling(payload, new Facts(payload.facts), shown).tell(new Machine(program));
  // Written out as a page would carry it: the numbers that JSON does not know are words.
  return JSON.parse(JSON.stringify(payload, (_, value) => (typeof value === "number" && !Number.isFinite(value) ? String(value).toLowerCase().replace("infinity", "inf") : value)));
}
