// The engine of a page: a part of its own, loaded when somebody takes hold of a number.

export { makeGrip } from "./engine/grip.js";
export { Laboratory } from "./engine/laboratory.js";
export { Machine } from "./engine/machine.js";
export { ROWS } from "./engine/rows.js";
export { Retelling } from "./engine/told/retell.js";
