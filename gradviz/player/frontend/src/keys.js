// Which key does what.

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
  d: "turn",
  Escape: "close",
  Backspace: "out",
  "/": "find",
  u: "undo",
};

/** @type {Record<string, Command>} */
const SHIFTED = { ArrowLeft: "before", ArrowRight: "after", "+": "larger", "*": "larger", "/": "find", Enter: "enter" };

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

/**
 * Gives the player in a place the keys that are pressed while nothing on the page has the focus: a page that holds nothing but
 * one player need not be clicked first. What has the focus, a link or a field or a button, keeps its keys.
 * @param {HTMLElement} place
 */
export function listenToPage(place) {
  document.addEventListener("keydown", (event) => {
    if (event.target !== document.body) return;
    // One player may have opened another inside itself: the last is the innermost.
    const player = [...place.querySelectorAll(".gradviz-player")].at(-1);
    // The copy is canceled if it was a command; then the page is not to scroll as well.
    if (player?.dispatchEvent(new KeyboardEvent("keydown", event)) === false) event.preventDefault();
  });
}
