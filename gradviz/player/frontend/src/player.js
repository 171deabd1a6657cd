// The player: a payload, a model that holds the step, and the parts that show it.

import { makeControls, placeText } from "./controls.js";
import { html } from "./dom.js";
import { keyOf, parseDrawing } from "./drawing.js";
import { bringIntoView, keepFitted } from "./fit.js";
import { makePanel } from "./panel.js";
import { Picture } from "./patch.js";
import { clamp, faceAt, nextStepAbout } from "./state.js";
import { followTheme } from "./theme.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./state.js").Payload} Payload */
/** @typedef {import("./controls.js").Command} Command */

const VERSION = 1;
const PAUSE_MS = 1200;

/** @type {Record<string, Command>} */
const KEYS = { ArrowLeft: "previous", ArrowRight: "next", " ": "play", Home: "first", End: "last" };

/** @param {Payload} payload */
function checked(payload) {
  if (payload?.version !== VERSION) {
    throw new Error(
      `This player reads recordings of version ${VERSION}; this one has version ${payload?.version ?? "unknown"}. ` +
        "Update gradviz, or save the recording again with this version.",
    );
  }
  if (payload.steps.length === 0) throw new Error("This recording has no steps.");
  return payload;
}

/**
 * Builds a player into an element.
 * @param {Model} model
 * @param {HTMLElement} el
 * @returns {() => void} how to take it away again
 */
function mount(model, el) {
  const payload = checked(model.get("payload"));
  const { steps, prefix } = payload;
  const picture = new Picture(parseDrawing(payload.svg), prefix);
  const last = steps.length - 1;
  const now = () => clamp(model.get("step"), steps.length);

  /** @param {string} name @param {any} value */
  const change = (name, value) => {
    if (model.get(name) === value) return;
    model.set(name, value);
    try {
      model.save_changes();
    } catch {
      // The kernel is gone. Stepping goes on without it: everything needed is here.
    }
  };
  /** @param {number} step */
  const go = (step) => {
    change("playing", false); // who steps by hand wants to look
    change("step", clamp(step, steps.length));
  };
  /** @param {Command} name */
  const command = (name) => {
    if (name === "play") change("playing", !model.get("playing") && last > 0);
    else go({ first: 0, previous: now() - 1, next: now() + 1, last }[name]);
  };

  const controls = makeControls(steps, { go, command });
  const panel = makePanel(payload, go);
  const figure = html("div", { class: "gp-figure" }, picture.svg);
  const status = html("div", { class: "gp-status", role: "status", "aria-live": "polite" });
  const root = html(
    "section",
    { class: "gradviz-player", tabindex: 0, "aria-label": `Backpropagation player: ${payload.title || "computation"}` },
    controls.element,
    html("div", { class: "gp-main" }, figure, panel.element),
    status,
  );

  function show() {
    const k = now();
    const step = steps[k];
    const focused = document.activeElement;
    root.dataset.phase = step.phase;
    picture.show(faceAt(steps, k));
    picture.mark("gv-current", step.current);
    picture.mark("gv-touched", step.touched.filter((key) => !step.current.includes(key)));
    controls.show(k, Boolean(model.get("playing")));
    panel.show(k);
    status.textContent = `Step ${k + 1} of ${steps.length}, ${placeText(steps, k)}: ${step.title}. ${step.sentence}`;
    bringIntoView(figure, picture.elements([...step.current.slice(0, 1), ...step.touched]));
    // A button that has just been disabled drops the focus, and the keys with it.
    if (focused instanceof HTMLButtonElement && focused.disabled && root.contains(focused)) root.focus({ preventScroll: true });
  }

  function select() {
    const key = model.get("selected");
    picture.mark("gv-selected", key ? [key] : []);
  }

  /** @type {number | undefined} */
  let timer;
  function play() {
    clearTimeout(timer);
    if (!model.get("playing")) return;
    if (now() === last) change("playing", false);
    // Two views of one model each have a timer; the step that the first one takes starts both anew.
    else timer = window.setTimeout(() => change("step", now() + 1), PAUSE_MS);
  }
  function onStep() {
    show();
    play();
  }
  function onPlaying() {
    if (model.get("playing") && now() === last) change("step", 0); // play at the end: once more from the start
    controls.show(now(), Boolean(model.get("playing")));
    play();
  }

  /** @param {EventTarget | null} target */
  function pick(target) {
    const key = keyOf(target, prefix);
    change("selected", key ?? "");
    const step = key === undefined ? undefined : nextStepAbout(steps, now(), key);
    if (step !== undefined) go(step);
  }
  figure.addEventListener("click", (event) => pick(event.target));

  root.addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const presses = event.key === " " || event.key === "Enter";
    if (presses && target.closest("button, summary")) {
      event.stopPropagation(); // the button's own business, and not the notebook's
    } else if (event.key === "Enter" && keyOf(target, prefix)) {
      pick(target);
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key in KEYS) {
      command(KEYS[event.key]);
      event.preventDefault(); // or the page would scroll
      event.stopPropagation(); // or JupyterLab would act on it too
    }
  });
  root.addEventListener("mousedown", (event) => {
    // After a click the player has the focus, not the button, so that Space plays whatever was clicked last.
    if (!(/** @type {Element} */ (event.target).closest(".gp-bar"))) return;
    event.preventDefault();
    root.focus({ preventScroll: true });
  });

  el.append(root);
  const stops = [followTheme(root), keepFitted(figure, picture.svg)];
  model.on("change:step", onStep);
  model.on("change:playing", onPlaying);
  model.on("change:selected", select);
  show();
  select();
  play();

  return () => {
    clearTimeout(timer);
    model.off("change:step", onStep);
    model.off("change:playing", onPlaying);
    model.off("change:selected", select);
    for (const stop of stops) stop();
    root.remove();
  };
}

/**
 * Shows a player, or in plain words why there is none, and a new one whenever the payload changes.
 * @param {{model: Model, el: HTMLElement}} context
 * @returns {() => void} how to take it away again
 */
export function render({ model, el }) {
  let unmount = () => {};
  function start() {
    unmount();
    try {
      unmount = mount(model, el);
    } catch (error) {
      const message = html("p", { class: "gradviz-player gp-error", role: "alert" });
      message.textContent = error instanceof Error ? error.message : String(error);
      el.append(message);
      unmount = () => message.remove();
    }
  }
  model.on("change:payload", start);
  start();
  return () => {
    model.off("change:payload", start);
    unmount();
  };
}
