// Which panels are shown, and how they share the screen: the first two on top, the first of them larger; the others below.

import { button, html } from "../dom.js";
import { phrase } from "../words.js";

/** @typedef {{name: string, title: string, element: HTMLElement, there(): boolean}} Panel */
/** @typedef {{panels: string[] | null, across: number, up: number}} Choice */

const KEY = "gradviz-training";
const [LEAST, MOST] = [20, 80]; // percent that a part may have
/** @type {Choice} */
const USUAL = { panels: null, across: 58, up: 58 };

/** What was chosen last, on this page or, where storage is allowed, in this browser. @type {Choice} */
let remembered = { ...USUAL };
try {
  const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
  const share = (/** @type {any} */ value, /** @type {number} */ usual) => (value >= LEAST && value <= MOST ? value : usual);
  remembered = { panels: Array.isArray(kept.panels) ? kept.panels.map(String) : null, across: share(kept.across, USUAL.across), up: share(kept.up, USUAL.up) };
} catch {
  // Storage is refused, or holds something else: what is chosen is remembered while the page is open.
}

function remember() {
  try {
    localStorage.setItem(KEY, JSON.stringify(remembered));
  } catch {
    // See above.
  }
}

/**
 * @param {Panel[]} panels all there are, in the order in which they are offered
 * @param {string[] | null} asked those that the author wants to be shown, the largest first
 * @param {(names: string[], all?: boolean) => string[]} usual which are shown otherwise, of those there are; or `all` of these, also those that there is no room for
 * @param {(names: string[]) => void} come is told which are shown that were not
 */
export function makePanels(panels, asked, usual, come) {
  const top = html("div", { class: "gt-row gt-top" });
  const bottom = html("div", { class: "gt-row gt-bottom" });
  const across = makeBar("across", () => top.getBoundingClientRect());
  const up = makeBar("up", () => board.getBoundingClientRect());
  const tabs = html("div", { class: "gt-tabs", role: "group", "aria-label": phrase("training panels: others") });
  const board = html("div", { class: "gt-board" }, top, up.element, tabs, bottom);
  const boxes = new Map(panels.map(({ name, title }) => [name, html("input", { type: "checkbox", "aria-label": title })]));
  const lines = new Map(panels.map(({ name, title }) => [name, html("label", {}, /** @type {HTMLElement} */ (boxes.get(name)), title)]));
  const again = button(phrase("training panels: as at first"), reset, { kind: "gt-button" });
  const menu = html("div", { class: "gt-menu", role: "group", "aria-label": phrase("training panels: panels") }, ...lines.values(), again);
  const summary = html("summary", { class: "gt-button", title: phrase("training panels: which") }, phrase("training panels: panels"));
  const element = html("details", { class: "gt-panels" }, summary, menu);
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !element.open) return;
    element.open = false;
    summary.focus();
    event.stopPropagation();
  });
  document.addEventListener("pointerdown", outside);
  /** @param {Event} event */
  function outside(event) {
    if (!element.contains(/** @type {Node} */ (event.composedPath()[0]))) element.open = false;
  }
  /** @type {string[] | null} of the reader; else the author's, or the usual ones */
  let chosen = asked ?? remembered.panels;
  /** @type {string[]} */
  let before = [];
  /** Which of those that there is no room for the reader has put in the place of the last. */
  let turnedTo = "";

  for (const [name, box] of boxes) {
    box.addEventListener("change", () => {
      const now = shown();
      chosen = box.checked ? [...now, name] : now.filter((other) => other !== name);
      if (!chosen.length) chosen = [name]; // one there always is
      remembered.panels = chosen;
      remember();
      arrange();
    });
  }

  function reset() {
    Object.assign(remembered, USUAL);
    chosen = asked;
    turnedTo = "";
    remember();
    arrange();
  }

  function shown() {
    const there = panels.filter((panel) => panel.there()).map(({ name }) => name);
    const wanted = (chosen ?? []).filter((name) => there.includes(name));
    if (wanted.length) return wanted;
    const names = usual(there);
    return names.length === 3 && there.includes(turnedTo) && !names.includes(turnedTo) ? [...names.slice(0, 2), turnedTo] : names;
  }

  /** Where there is room for one panel below the others, the reader turns to one after the other. @param {string[]} names */
  function showTabs(names) {
    const there = panels.filter((panel) => panel.there()).map(({ name }) => name);
    const all = usual(there, true).slice(2);
    tabs.hidden = chosen !== null || usual(there).length !== 3 || all.length < 2;
    const state = [...all, names[2]].join();
    if (tabs.hidden || tabs.dataset.state === state) return;
    tabs.dataset.state = state;
    tabs.replaceChildren(
      ...all.map((name) => {
        const { title } = /** @type {Panel} */ (panels.find((panel) => panel.name === name));
        const tab = button(title, () => {
          turnedTo = name;
          arrange();
          [...tabs.children].forEach((one) => one.textContent === title && /** @type {HTMLElement} */ (one).focus({ preventScroll: true }));
        }, { kind: "gt-mode" });
        tab.setAttribute("aria-pressed", String(names[2] === name));
        return tab;
      }),
    );
  }

  /** Puts the panels in their places. */
  function arrange() {
    const names = shown();
    for (const { name, there } of panels) {
      /** @type {HTMLInputElement} */ (boxes.get(name)).checked = names.includes(name);
      /** @type {HTMLElement} */ (lines.get(name)).hidden = !there();
    }
    board.style.setProperty("--across", String(remembered.across));
    board.style.setProperty("--up", String(remembered.up));
    across.show(remembered.across);
    up.show(remembered.up);
    showTabs(names);
    if (names.join() === before.join()) return;
    const there = before;
    before = names;
    const elements = names.map((name) => /** @type {Panel} */ (panels.find((panel) => panel.name === name)).element);
    top.replaceChildren(...elements.slice(0, 1), ...(elements.length > 1 ? [across.element, elements[1]] : []));
    bottom.replaceChildren(...elements.slice(2));
    bottom.hidden = up.element.hidden = elements.length < 3;
    board.dataset.panels = String(elements.length);
    come(names.filter((name) => !there.includes(name)));
  }

  /**
   * What lies between two parts, and is moved to give one of them more room.
   * @param {"across" | "up"} side
   * @param {() => DOMRect} room
   */
  function makeBar(side, room) {
    const label = side === "across" ? phrase("training panels: width") : phrase("training panels: height");
    const bar = html("div", {
      class: `gt-bar gt-${side}`, role: "separator", tabindex: 0, "aria-label": label, title: label,
      "aria-orientation": side === "across" ? "vertical" : "horizontal", "aria-valuemin": LEAST, "aria-valuemax": MOST,
    });
    const set = (/** @type {number} */ percent) => {
      remembered[side] = Math.round(Math.max(LEAST, Math.min(MOST, percent)));
      arrange();
    };
    bar.addEventListener("pointerdown", (event) => {
      bar.setPointerCapture(event.pointerId);
      event.preventDefault();
      bar.focus({ preventScroll: true });
    });
    bar.addEventListener("pointermove", (event) => {
      if (!bar.hasPointerCapture(event.pointerId)) return;
      const { left, top: above, width, height } = room();
      set(side === "across" ? (100 * (event.clientX - left)) / width : (100 * (event.clientY - above)) / height);
    });
    bar.addEventListener("pointerup", remember);
    bar.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -2, ArrowUp: -2, ArrowRight: 2, ArrowDown: 2 }[event.key];
      if (!step) return;
      set(remembered[side] + step);
      remember();
      event.preventDefault();
      event.stopPropagation();
    });
    return { element: bar, show: (/** @type {number} */ percent) => bar.setAttribute("aria-valuenow", String(percent)) };
  }

  return {
    board,
    /** The menu of panels. */
    element,
    arrange,
    /** Which are shown. */
    shown: () => before,
    stop: () => document.removeEventListener("pointerdown", outside),
  };
}
