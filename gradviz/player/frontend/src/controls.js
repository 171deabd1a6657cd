// The bar above the picture: buttons, the track of steps, and where we are.

import { button, html, icon } from "./dom.js";
import { placeOf } from "./state.js";
import { phrase } from "./words.js";

/** @typedef {import("./state.js").Step} Step */
/** @typedef {import("./dom.js").Icon} Icon */
/**
 * @typedef {"first" | "previous" | "play" | "next" | "last" | "before" | "after" | "loop" | "predict" | "projector" |
 *   "fullscreen" | "events" | "larger" | "smaller" | "fit" | "fold" | "unfold" | "every" | "turn" | "close" | "enter" | "out" | "find" | "undo"} Command
 */

export const SPEEDS = [0.5, 1, 2, 4];

/** @param {Step[]} steps @param {number} k */
export function placeText(steps, k) {
  const { phase, number, count } = placeOf(steps, k);
  return `${phase} ${number} / ${count}`;
}

/**
 * Names of modules under the steps that belong to them; those that their steps leave no room for stay away.
 * @param {[label: string, steps: number][]} groups
 */
function makeGroups(groups) {
  const row = html("div", { class: "gp-groups", "aria-hidden": "true" });
  for (const [label, count] of groups) {
    const named = html("span", { title: label }, html("b", {}, label));
    named.style.flexGrow = String(count);
    row.append(named);
  }
  const observer = new ResizeObserver(() => {
    for (const { firstElementChild: name, clientWidth } of row.children) {
      if (name instanceof HTMLElement) name.style.visibility = name.offsetWidth <= clientWidth ? "" : "hidden";
    }
  });
  observer.observe(row);
  return { element: row, stop: () => observer.disconnect() };
}

/**
 * One segment per step, to click or to drag along.
 * @param {Step[]} steps
 * @param {(step: number) => void} go
 * @param {[label: string, steps: number][]} groups which steps belong to which module
 */
function makeTrack(steps, go, groups) {
  const segments = steps.map((step) => html("i", { class: `gp-segment gp-${step.phase}` }));
  const marker = html("b", { class: "gp-marker" });
  const named = makeGroups(groups.length > 1 ? groups : []);
  named.element.hidden = groups.length < 2;
  const track = html(
    "div",
    { class: "gp-track", role: "slider", tabindex: 0, "aria-label": "Step", "aria-valuemin": 1, "aria-valuemax": steps.length },
    html("div", { class: "gp-segments" }, ...segments),
    marker,
    named.element,
  );
  // Many steps leave no room for gaps between the segments.
  track.dataset.density = steps.length > 160 ? "solid" : steps.length > 50 ? "tight" : "loose";
  const border = steps.findIndex(({ phase }) => phase === "backward");
  if (border > 0) {
    const line = html("i", { class: "gp-border" });
    line.style.left = `${(border / steps.length) * 100}%`;
    track.append(line);
  }

  const stepAt = (/** @type {PointerEvent} */ event) => {
    const { left, width } = track.getBoundingClientRect();
    return Math.max(0, Math.min(steps.length - 1, Math.floor(((event.clientX - left) / width) * steps.length)));
  };
  track.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    track.setPointerCapture(event.pointerId);
    go(stepAt(event));
  });
  track.addEventListener("pointermove", (event) => {
    const k = stepAt(event);
    track.title = `${placeText(steps, k)} · ${steps[k].title}`;
    if (track.hasPointerCapture(event.pointerId)) go(k);
  });

  let shown = 0;
  return {
    element: track,
    stop: named.stop,
    /** @param {number} k */
    show(k) {
      for (let i = Math.min(k, shown); i <= Math.max(k, shown); i += 1) segments[i].classList.toggle("gp-past", i <= k);
      shown = k;
      marker.style.left = `${(k / steps.length) * 100}%`;
      marker.style.width = `${100 / steps.length}%`;
      marker.className = `gp-marker gp-${steps[k].phase}`;
      track.setAttribute("aria-valuenow", String(k + 1));
      track.setAttribute("aria-valuetext", `${placeText(steps, k)}, ${steps[k].title}`);
    },
  };
}

/**
 * @param {Step[]} steps
 * @param {{go(step: number): void, command(name: Command): void, speed(factor: number): void}} on
 * @param {[label: string, steps: number][]} [groups]
 * @param {number} [chosen] how fast
 */
export function makeControls(steps, on, groups = [], chosen = 1) {
  const step = (/** @type {Command & Icon} */ name, /** @type {string} */ label, /** @type {string} */ keys) =>
    button(label, () => on.command(name), { icon: name, keys, kind: `gp-button gp-${name}` });
  const first = step("first", phrase("controls: first step"), "Home");
  const previous = step("previous", phrase("controls: previous step"), "←");
  const play = step("play", "Play", "Space");
  const next = step("next", phrase("controls: next step"), "→");
  const last = step("last", phrase("controls: last step"), "End");
  const track = makeTrack(steps, on.go, groups);
  const place = html("span", { class: "gp-place" });
  const buttons = html("div", { class: "gp-buttons" }, first, previous, play, next, last);

  const speeds = SPEEDS.map((factor) => html("option", { value: factor }, `${factor}×`));
  speeds[SPEEDS.indexOf(chosen)].selected = true;
  const speed = html("select", { class: "gp-button gp-speed", "aria-label": "Speed", title: "Speed" }, ...speeds);
  speed.addEventListener("change", () => on.speed(Number(speed.value)));
  const loop = step("loop", "Loop", "");
  const predict = button("Predict", () => on.command("predict"), { kind: "gp-button gp-predicts" });
  predict.title = phrase("controls: ask me each gradient before");
  const events = button(phrase("controls: take apart"), () => on.command("events"), { kind: "gp-button gp-predicts" });
  events.title = phrase("controls: take each backward step apart");
  events.hidden = predict.hidden = steps.every(({ phase }) => phase === "forward");
  const projector = step("projector", phrase("controls: large type projector"), "");
  const fullscreen = step("fullscreen", phrase("controls: full screen"), "F");
  const tools = html("div", { class: "gp-buttons gp-modes" }, speed, loop, events, predict, projector, fullscreen);

  return {
    element: html("div", { class: "gp-bar" }, buttons, track.element, place, tools),
    stop: track.stop,
    /** @param {number} k @param {boolean} playing @param {boolean} onward whether there is a step after the last one: outside */
    show(k, playing, onward) {
      first.disabled = previous.disabled = k === 0;
      last.disabled = k === steps.length - 1;
      next.disabled = last.disabled && !onward;
      play.disabled = steps.length === 1;
      const label = playing ? "Pause" : "Play";
      if (play.getAttribute("aria-label") !== label) {
        play.setAttribute("aria-label", label);
        play.title = `${label} (Space)`;
        play.replaceChildren(icon(playing ? "pause" : "play"));
      }
      track.show(k);
      place.textContent = placeText(steps, k);
    },
    /** @param {number} factor */
    showSpeed: (factor) => void (speed.value = String(factor)),
    /** Shows which modes are on. @param {{loop: boolean, predict: boolean, events: boolean, projector: boolean}} modes */
    showModes(modes) {
      events.disabled = modes.predict; // what is asked for would be told
      for (const [made, on_] of /** @type {const} */ ([[loop, modes.loop], [events, modes.events], [predict, modes.predict], [projector, modes.projector]])) {
        made.setAttribute("aria-pressed", String(on_));
      }
    },
  };
}

/**
 * What one can do with the picture, in a corner of it.
 * @param {(name: Command) => void} command
 * @param {{now: number, least?: number, most: number} | null | undefined} depth how far modules are unfolded, and can be, where there are any
 * @param {boolean | null} [every] whether products show their helpers, where they have any
 * @param {"LR" | "TB"} [direction] which way data flows, where that can be changed
 */
export function makeTools(command, depth, every = null, direction = undefined) {
  const tool = (/** @type {Command & Icon} */ name, /** @type {string} */ label, /** @type {string} */ keys) =>
    button(label, () => command(name), { icon: name, keys, kind: "gp-tool" });
  const tools = [tool("larger", phrase("controls: zoom"), "+"), tool("smaller", phrase("controls: zoom out"), "−"), tool("fit", phrase("controls: fit picture"), "0")];
  if (direction) tools.push(tool("turn", direction === "LR" ? phrase("controls: top to bottom") : phrase("controls: left to right"), "D"));
  const least = depth?.least ?? 0;
  if (depth && depth.most > least) {
    const fold = tool("fold", phrase("controls: fold modules"), "");
    const unfold = tool("unfold", phrase("controls: unfold modules"), "");
    fold.disabled = depth.now <= least;
    unfold.disabled = depth.now >= depth.most;
    tools.push(fold, unfold);
  }
  if (typeof every === "boolean") {
    const shown = tool("every", phrase("controls: show every operation"), "");
    shown.setAttribute("aria-pressed", String(every));
    tools.push(shown);
  }
  return html("div", { class: "gp-tools" }, ...tools);
}
