// The bar: buttons, the track of epochs, where we are; and, where the run is live, what one can change.

import { SPEEDS } from "../controls.js";
import { button, html, icon, setText } from "../dom.js";
import { numberText } from "../number.js";
import { phrase } from "../words.js";

/** @typedef {import("./data.js").RunData} RunData */
/** @typedef {"first" | "previous" | "play" | "next" | "last" | "loop" | "projector" | "fullscreen"} Command */

/**
 * @param {RunData} run
 * @param {{go(k: number): void, command(name: Command): void, speed(factor: number): void}} on
 */
export function makeTrack(run, on) {
  const unit = run.across;
  const made = (/** @type {Command} */ name, /** @type {string} */ label, /** @type {string} */ keys) =>
    button(label, () => on.command(name), { icon: name, keys, kind: `gp-button gp-${name}` });
  const first = made("first", phrase("training track: first", { unit }), "Home");
  const previous = made("previous", phrase("training track: previous", { unit }), "←");
  const play = made("play", "Play", "Space");
  const next = made("next", phrase("training track: next", { unit }), "→");
  const last = made("last", phrase("training track: last", { unit }), "End");
  const range = html("input", { type: "range", class: "gt-range", min: 0, step: 1, "aria-label": unit === "epoch" ? "Epoch" : "Step" });
  range.addEventListener("input", () => on.go(Number(range.value)));
  const [where, loss] = [html("b", {}), html("span", {})];
  const place = html("span", { class: "gt-place" }, where, loss);
  const speeds = SPEEDS.map((factor) => html("option", { value: factor }, `${factor}×`));
  speeds[SPEEDS.indexOf(1)].selected = true;
  const speed = html("select", { class: "gp-button gp-speed", "aria-label": "Speed", title: "Speed" }, ...speeds);
  speed.addEventListener("change", () => on.speed(Number(speed.value)));
  const loop = made("loop", "Loop", "");
  const projector = made("projector", phrase("controls: large type projector"), "");
  const fullscreen = made("fullscreen", phrase("controls: full screen"), "F");
  const element = html(
    "div",
    { class: "gp-bar" },
    html("div", { class: "gp-buttons" }, first, previous, play, next, last),
    range,
    place,
    html("div", { class: "gp-buttons gp-modes" }, speed, loop, projector, fullscreen),
  );
  let shown = "";
  return {
    element,
    /** @param {number} k @param {boolean} playing @param {boolean} more whether there is more to come: the loop can go on */
    show(k, playing, more) {
      const end = run.length - 1;
      const now = [k, playing, more, end, run.epochs.length, run.length && run.loss(k)].join();
      if (now === shown) return;
      shown = now;
      first.disabled = previous.disabled = k <= 0;
      last.disabled = k >= end;
      next.disabled = k >= end && !more;
      play.disabled = end < 1 && !more;
      const label = playing ? "Pause" : "Play";
      if (play.getAttribute("aria-label") !== label) {
        play.setAttribute("aria-label", label);
        play.title = `${label} (Space)`;
        play.replaceChildren(icon(playing ? "pause" : "play"));
      }
      range.max = String(Math.max(end, 0));
      range.value = String(k);
      range.style.setProperty("--share", String(end > 0 ? k / end : 0));
      const text = run.length ? `${run.name(k)}` : `no ${unit} yet`;
      const of = run.length ? ` / ${run.epochs.at(run.epochs.length - 1)}` : "";
      setText(where, run.across === "epoch" ? text + of : text);
      setText(loss, run.length ? `loss ${numberText(run.loss(k))}` : "");
      range.setAttribute("aria-valuetext", phrase("training track: loss", { text, of, part: numberText(run.length ? run.loss(k) : NaN) }));
    },
    /** @param {number} factor */
    showSpeed(factor) {
      speed.value = String(factor);
    },
    /** @param {{loop: boolean, projector: boolean}} modes */
    showModes(modes) {
      loop.setAttribute("aria-pressed", String(modes.loop));
      projector.setAttribute("aria-pressed", String(modes.projector));
    },
  };
}
