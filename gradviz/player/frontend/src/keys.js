// Which key does what. Pure, no DOM.

/** @typedef {import("./controls.js").Command} Command */

/** @type {Record<string, Command>} */
const PLAIN = {
  ArrowLeft: "previous",
  ArrowRight: "next",
  " ": "play",
  Home: "first",
  End: "last",
  "+": "larger",
  "=": "larger",
  "-": "smaller",
  0: "fit",
  f: "fullscreen",
  e: "events",
  Escape: "close",
};

/** @type {Record<string, Command>} */
const SHIFTED = { ArrowLeft: "before", ArrowRight: "after", "+": "larger", "*": "larger" };

/**
 * The command a key press stands for, if any. What the browser or the system means by a key with Ctrl, Alt or Meta is theirs.
 * @param {{key: string, shiftKey: boolean, ctrlKey: boolean, altKey: boolean, metaKey: boolean}} event
 * @returns {Command | undefined}
 */
export function commandOf({ key, shiftKey, ctrlKey, altKey, metaKey }) {
  if (ctrlKey || altKey || metaKey) return undefined;
  const keys = shiftKey ? SHIFTED : PLAIN;
  return Object.hasOwn(keys, key) ? keys[key] : undefined;
}
