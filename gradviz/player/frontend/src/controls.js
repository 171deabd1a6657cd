// The bar above the picture: buttons, the track of steps, and where we are.

import { html, icon } from "./dom.js";
import { placeOf } from "./state.js";

/** @typedef {import("./state.js").Step} Step */
/** @typedef {"first" | "previous" | "play" | "next" | "last"} Command */

/** @param {Step[]} steps @param {number} k */
export function placeText(steps, k) {
  const { phase, number, count } = placeOf(steps, k);
  return `${phase} ${number} / ${count}`;
}

/**
 * One segment per step, to click or to drag along.
 * @param {Step[]} steps
 * @param {(step: number) => void} go
 */
function makeTrack(steps, go) {
  const segments = steps.map((step) => html("i", { class: `gp-segment gp-${step.phase}` }));
  const marker = html("b", { class: "gp-marker" });
  const track = html(
    "div",
    { class: "gp-track", role: "slider", tabindex: 0, "aria-label": "Step", "aria-valuemin": 1, "aria-valuemax": steps.length },
    html("div", { class: "gp-segments" }, ...segments),
    marker,
  );
  // Many steps leave no room for gaps between the segments.
  track.dataset.density = steps.length > 160 ? "solid" : steps.length > 50 ? "tight" : "loose";

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

  return {
    element: track,
    /** @param {number} k */
    show(k) {
      segments.forEach((segment, i) => segment.classList.toggle("gp-past", i <= k));
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
 * @param {{go(step: number): void, command(name: Command): void}} on
 */
export function makeControls(steps, on) {
  const button = (/** @type {Command} */ name, /** @type {string} */ label, /** @type {string} */ keys) => {
    const made = html("button", { type: "button", class: `gp-button gp-${name}`, "aria-label": label, title: `${label} (${keys})` });
    made.append(icon(name));
    made.addEventListener("click", () => on.command(name));
    return made;
  };
  const first = button("first", "First step", "Home");
  const previous = button("previous", "Previous step", "←");
  const play = button("play", "Play", "Space");
  const next = button("next", "Next step", "→");
  const last = button("last", "Last step", "End");
  const track = makeTrack(steps, on.go);
  const place = html("span", { class: "gp-place" });
  const buttons = html("div", { class: "gp-buttons" }, first, previous, play, next, last);

  return {
    element: html("div", { class: "gp-bar" }, buttons, track.element, place),
    /** @param {number} k @param {boolean} playing */
    show(k, playing) {
      first.disabled = previous.disabled = k === 0;
      next.disabled = last.disabled = k === steps.length - 1;
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
  };
}
