// The engine of a page: a part of its own, loaded when somebody takes hold of a number.

export { Machine } from "./engine/machine.js";
export { ROWS } from "./engine/rows.js";
