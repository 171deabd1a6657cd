// The player: a payload, a model that holds the step, and the parts that show it.

import { makeAnnouncer } from "./announce.js";
import { Unplayable, checked } from "./check.js";
import { makeCode } from "./code.js";
import { makeControls, makeTools, placeText } from "./controls.js";
import { button, html } from "./dom.js";
import { NODES, keyOf, makeActive, parseDrawing } from "./drawing.js";
import { Entries } from "./entries.js";
import { makeEntryKeys } from "./entry-keys.js";
import { eventsOf } from "./events.js";
import { Facts } from "./facts.js";
import { makeFindings } from "./findings.js";
import { bringIntoView } from "./fit.js";
import { makeGrip } from "./grip.js";
import { makeHeat } from "./heat.js";
import { imageOf } from "./image.js";
import { makeInspector } from "./inspect.js";
import { commandOf } from "./keys.js";
import { linksOf } from "./links.js";
import { makePanel } from "./panel.js";
import { makePicking } from "./picking.js";
import { makeNudge } from "./nudge.js";
import { Picture } from "./patch.js";
import { makePaths } from "./paths.js";
import { makePredict } from "./predict.js";
import { clamp, faceInside } from "./state.js";
import { hideStill } from "./still.js";
import { followTheme } from "./theme.js";
import { makeWhere } from "./where.js";
import { makeZoom } from "./zoom.js";
import { phrase } from "./words.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./controls.js").Command} Command */

const PAUSE_MS = 1200;
const TWICE_MS = 400; // between the two clicks of a double click

/**
 * What a player that is replaced hands on: how its picture stood, and what the reader had set on the page alone.
 * @typedef {{loop: boolean, projector: boolean, speed: number, focused: boolean, zoom?: import("./zoom.js").Place, opened?: string}} Kept
 */

/**
 * Builds a player into an element.
 * @param {Model} model
 * @param {HTMLElement} el
 * @param {Kept} kept what stays as it is from one picture to the next
 * @returns {() => void} how to take it away again
 */
function mount(model, el, kept) {
  // Its own: the numbers in it may be changed, and another view of the same model has others.
  const payload = { ...checked(model.get("payload")) };
  Object.assign(payload, { steps: [...payload.steps], facts: { ...payload.facts } });
  const { steps, prefix } = payload;
  const facts = new Facts(payload.facts, linksOf(payload.facts));
  // A picture that came with the page has been read by the browser already, under the page's own policy.
  const svg = typeof payload.svg === "string" ? parseDrawing(payload.svg) : payload.svg;
  makeActive(svg, Object.keys(payload.opens ?? {}).map((id) => `${prefix}_${id}`));
  const picture = new Picture(svg, prefix, payload.grids, payload.inks);
  const entries = new Entries(svg, prefix, payload.grids);
  for (const node of svg.querySelectorAll(NODES)) {
    if (entries.parts(keyOf(node, prefix) ?? "").length) node.setAttribute("aria-keyshortcuts", "ArrowDown"); // to its entries
  }
  const last = steps.length - 1;
  const lastForward = steps.findLastIndex(({ phase }) => phase === "forward");
  const now = () => clamp(model.get("step"), steps.length);
  const modes = {
    loop: kept.loop,
    predict: Boolean(model.get("predict")),
    events: model.get("grain") === "event",
    projector: kept.projector,
  };
  // A step taken apart, and the event that is shown. While the reader predicts, steps stay whole: an event would tell.
  /** @type {import("./state.js").Event[]} */
  const whole = [];
  /** @type {import("./state.js").Event[][] | undefined} cut when they are first asked for */
  let cut;
  const inside = (/** @type {number} */ k) => (modes.events && !modes.predict ? (cut ??= eventsOf(payload))[k] : whole);
  const event = () => clamp(model.get("event"), Math.max(inside(now()).length, 1));
  /**
   * The step up to which all is known of an entry: the last one, while inside this one its contribution or sum is still to come.
   * @param {import("./explain.js").Entry | undefined} entry
   */
  const moment = (entry) => {
    const ahead = inside(now()).slice(event() + 1).filter(({ kind }) => kind === (entry?.part === "c" ? "product" : "accumulate"));
    return entry?.part !== "v" && ahead.some(({ current }) => !entry || current[0] === entry.tensor) ? now() - 1 : now();
  };
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
  /** @param {number} step @param {number} at which event inside it */
  const go = (step, at = 0) => {
    change("playing", false); // who steps by hand wants to look
    enter(predict.allow(clamp(step, steps.length)), at);
  };
  /** Shows a step, and an event inside it. @param {number} step @param {number} at */
  const enter = (step, at) => {
    const same = step === now();
    quiet = !same;
    change("event", clamp(at, Math.max(inside(step).length, 1)));
    quiet = false;
    change("step", step);
  };
  let quiet = false; // while two traits change that belong together
  /** One on: the next event of this step, or the next step. @returns {[number, number]} */
  const advance = () => (event() < inside(now()).length - 1 ? [now(), event() + 1] : [now() + 1, 0]);
  /** @type {Record<Command, () => void | boolean>} those that say false have done nothing */
  const commands = {
    first: () => go(0),
    previous: () => (event() > 0 ? go(now(), event() - 1) : go(now() - 1, Infinity)),
    next: () => (advance()[0] > last ? where.onward() || change("playing", false) : go(...advance())),
    last: () => go(last),
    // To the border between the two passes: the end of forward, or the start of backward.
    before: () => go(now() > lastForward + 1 ? lastForward + 1 : now() > lastForward ? lastForward : 0),
    after: () => go(now() < lastForward ? lastForward : now() === lastForward ? lastForward + 1 : last),
    play: () => change("playing", !model.get("playing") && last > 0),
    loop: () => controls.showModes(Object.assign(modes, { loop: (kept.loop = !modes.loop) })),
    predict: () => change("predict", !model.get("predict")),
    events: () => change("grain", modes.events ? "operation" : "event"),
    projector() {
      controls.showModes(Object.assign(modes, { projector: (kept.projector = !modes.projector) }));
      root.toggleAttribute("data-projector", modes.projector);
      zoom.fit();
    },
    fullscreen() {
      const asked = document.fullscreenElement === root ? document.exitFullscreen() : root.requestFullscreen?.();
      (asked ?? Promise.reject()).catch(() => announcer.say(phrase("player: page does not allow full")));
    },
    larger: () => zoom.larger(),
    smaller: () => zoom.smaller(),
    fit: () => zoom.whole(),
    fold: () => change("depth", Math.max(payload.depth?.least ?? 0, (payload.depth?.now ?? 0) - 1)),
    unfold: () => change("depth", Math.min(payload.depth?.most ?? 0, (payload.depth?.now ?? 0) + 1)),
    every: () => change("every_operation", !payload.every),
    turn: () => turns && change("direction", payload.direction === "LR" ? "TB" : "LR"),
    close: () => (model.get("selected") ? change("selected", "") : where.out()),
    enter: () => where.enter(model.get("selected")) || where.enter(steps[now()].current[0]),
    out: () => where.out(),
    find: () => where.find(),
    undo: () => (grip.changed() ? grip.undo() : false),
  };
  const command = (/** @type {Command} */ name) => commands[name]();
  // A page shows what it carries; in a notebook the kernel draws what is asked for.
  const turns = Boolean(payload.direction && (payload.turned || model.send));

  const announcer = makeAnnouncer();
  const controls = makeControls(steps, {
    go,
    command,
    speed(factor) {
      kept.speed = factor;
      play();
    },
  }, payload.groups, kept.speed);
  const predict = makePredict(steps, facts, {
    say: announcer.say,
    ask(question) {
      change("playing", false);
      picture.mark("gv-asked", question ? [question.tensor] : []);
      root.toggleAttribute("data-asking", question !== undefined);
    },
    hint: () => show(),
    shows: (tensor) => (entries.grid(tensor, "g")?.kind ?? "numbers") === "numbers",
    answered(step) {
      go(step);
      root.focus({ preventScroll: true });
    },
  });
  const program = makeCode(
    payload.code,
    payload.facts.operations.flatMap(({ id, source }) => (source ? [{ source, operation: id }] : [])),
    {
      light: (operations) => picture.mark("gv-coded", operations.flatMap((id) => [id, ...(facts.operation(id)?.outputs ?? [])])),
      select: (operation) => change("selected", operation),
      say: announcer.say,
    },
  );
  /** Lights the code of what is pointed at, or has the focus: of a leaf, where it is used. @param {string | undefined} key */
  function lightCode(key) {
    if (key === at) return;
    at = key;
    const edge = facts.edge(key ?? "");
    const maker = edge?.operation ?? facts.operation(key) ?? facts.operation(facts.tensor(key)?.producer);
    const operations = maker ? [maker] : facts.usersOf(key ?? "").map(({ operation }) => operation);
    program.light(operations.flatMap(({ source }) => source ?? []));
  }
  /** @type {string | undefined} */
  let at;
  // A page has what was worked out beforehand; in a notebook the kernel is asked.
  const ask = model.send && ((/** @type {string} */ tensor, /** @type {number} */ index, /** @type {number} */ by) => model.send?.({ type: "nudge", tensor, index, by }));
  const { whys } = payload;
  const grip = makeGrip(model, payload, facts, entries, {
    say: announcer.say,
    hidden: () => modes.predict,
    share: (changes) => change("held", changes),
    back: () => root.focus({ preventScroll: true }),
    changed() {
      cut = undefined; // events are cut from steps that are others now
      payload.whys = grip.changed() ? {} : whys; // which were found out about the numbers there were
      findings.alarm.hidden = grip.changed();
      root.toggleAttribute("data-changed", grip.changed());
      show(true);
    },
  });
  const nudge = makeNudge(facts, payload.nudges ?? {}, announcer.say, ask, grip);
  const paths = makePaths(facts, payload.paths ?? {}, (edges) => picture.mark("gv-path", edges));
  const picking = makePicking(facts, entries, picture, {
    step: moment,
    hidden: () => modes.predict,
    changed(entry) {
      // Either would tell what the reader is to predict.
      const leaf = nudge.meant(entry, [model.get("selected"), ...steps[now()].touched]);
      nudge.show(modes.predict ? undefined : leaf, moment(leaf));
      // What each path brings is known of the computation as it was recorded.
      paths.show(leaf ?? entry, modes.predict || grip.changed() ? -1 : moment(leaf ?? entry));
      grip.show([entry, leaf]);
    },
  });
  const findings = makeFindings(payload, go);
  findings.along(controls.element.querySelector(".gp-track"));
  const where = makeWhere(payload, model, makeTools(command, payload.depth, payload.every, turns ? payload.direction : undefined), {
    change,
    go,
    say: announcer.say,
    leave: () => root.focus({ preventScroll: true }),
    current: () => steps[now()].current[0] ?? "",
  });
  const panel = makePanel(payload, go, (at) => go(now(), at), program, [picking.element, nudge.element, paths.element, findings.memory], makeHeat(facts, payload.inks, payload.scales, (key, k) => imageOf(payload, key, k, "")), where.follow);
  panel.prepend(findings.alarm);
  panel.prepend(predict.element);
  panel.element.tabIndex = -1;
  const inspector = makeInspector(payload, facts, {
    go,
    select: (key) => change("selected", key),
    say: announcer.say,
    hides: (argument) => predict.hidden().includes(argument),
    every: () => commands.every(),
    picked: picking.picked,
  });
  const figure = html("div", { class: "gp-figure" }, picture.svg);
  const entryKeys = makeEntryKeys(entries, {
    text: picking.text,
    name: (tensor) => facts.tensor(tensor)?.name ?? tensor,
    at(entry) {
      picking.look(entry);
      if (entry) bringIntoView(figure, [/** @type {SVGElement} */ (entries.lit("here"))]);
    },
    pick: (entry) => picking.pick(entry),
    leave: (tensor) => /** @type {SVGElement[]} */ (picture.elements([tensor]))[0]?.focus({ preventScroll: true }),
  });
  const skip = button(phrase("player: skip picture and nodes", { part: picture.svg.querySelectorAll(NODES).length }), () => panel.element.focus(), { kind: "gp-skip" });
  const around = payload.trail?.length ? [where.head, figure, entryKeys.element] : [figure, entryKeys.element, where.head];
  const stage = html("div", { class: "gp-stage" }, skip, ...around, grip.element, where.overview, inspector.element);
  const main = html("div", { class: "gp-main" }, stage, panel.element);
  const root = html(
    "section",
    {
      class: "gradviz-player",
      tabindex: 0,
      "aria-label": phrase("player: backpropagation player", { part: payload.title || "computation" }),
      "data-lm-suppress-shortcuts": "true", // the notebook's own keys rest while the player has the focus
    },
    controls.element,
    ...(payload.note ? [html("p", { class: "gp-note" }, phrase("player: another computation", { reason: payload.note }))] : []),
    main,
    announcer.element,
  );
  const zoom = makeZoom(figure, picture.svg, () => root.hasAttribute("data-inspecting") && getComputedStyle(stage).display === "flex");

  let seen = -Infinity; // the step shown last
  /** @param {boolean} [stays] whether it is the same step with other numbers: then nothing moves */
  function show(stays = false) {
    const k = now();
    const events = inside(k);
    const e = event();
    const step = steps[k];
    const { current, touched } = events[e] ?? step;
    const focused = document.activeElement;
    root.dataset.phase = step.phase;
    root.toggleAttribute("data-leap", Math.abs(k - seen) > 1); // when all changes at once, nothing is to glide
    seen = k;
    picture.show(faceInside(steps, events, k, e));
    picture.mark("gv-current", [...new Set([...current, ...step.current.slice(0, 1)])]);
    picture.mark("gv-touched", touched.filter((key) => !current.includes(key)));
    picture.mark("gv-hidden", predict.hidden().map((argument) => `${argument}_l`));
    controls.show(k, Boolean(model.get("playing")), where.goesOn());
    panel.show(k, events, e);
    program.show(step.source);
    findings.show(k);
    where.show(k);
    inspector.show(model.get("selected"), k);
    entryKeys.offer([model.get("selected"), ...touched, ...current].find((key) => key && entries.parts(key).length));
    entryKeys.tell();
    picking.show(stays);
    if (!stays) reveal();
    // A button that has just been disabled drops the focus, and the keys with it.
    if (focused instanceof HTMLButtonElement && focused.disabled && root.contains(focused)) root.focus({ preventScroll: true });
  }

  /** Brings what the step is about into view. */
  function reveal() {
    const step = steps[now()];
    bringIntoView(figure, picture.elements([...step.current.slice(0, 1), ...step.touched]));
  }

  function announce() {
    const k = now();
    const events = inside(k);
    if (events.length) {
      const { title, sentence, equation = [] } = events[event()];
      announcer.say(phrase("player: step event", { part: k + 1, steps: steps.length, part2: event() + 1, events: events.length, title, sentence, part3: equation.map(({ text }) => text).join(" ") }));
    } else
    announcer.say(phrase("player: step", { part: k + 1, steps: steps.length, steps2: placeText(steps, k), title: steps[k].title, sentence: steps[k].sentence }));
  }

  function select() {
    const key = model.get("selected");
    picture.mark("gv-selected", key ? [key] : []);
    inspector.show(key, now());
    picking.show();
    const inspecting = !inspector.element.hidden;
    if (inspecting !== root.hasAttribute("data-inspecting")) {
      root.toggleAttribute("data-inspecting", inspecting);
      zoom.refit();
    }
    entryKeys.offer(key);
    if (key) bringIntoView(figure, picture.elements([key])); // the details may stand over it
  }

  /** @type {number | undefined} */
  let timer;
  function play() {
    clearTimeout(timer);
    if (!model.get("playing")) return;
    const [step, at] = advance();
    if (step > last && !modes.loop) change("playing", false);
    // Two views of one model each have a timer; the step that the first one takes starts both anew.
    else timer = window.setTimeout(() => (step > last ? enter(predict.allow(0), 0) : enter(predict.allow(step), at)), PAUSE_MS / kept.speed);
  }
  function onStep() {
    const allowed = predict.allow(now());
    if (allowed !== now()) {
      // Set from elsewhere, beyond an unanswered question. Taken back a moment later: within the change itself a widget's
      // model would see nothing to tell Python.
      return queueMicrotask(() => change("step", allowed));
    }
    show();
    announce();
    play();
  }
  function onEvent() {
    if (quiet) return;
    show();
    announce();
    play();
  }
  function onGrain() {
    modes.events = model.get("grain") === "event";
    controls.showModes(modes);
    enter(now(), 0);
    show();
    announcer.say(modes.events ? phrase("player: each backward step taken apart") : phrase("player: each step operation"));
  }
  function onPlaying() {
    if (model.get("playing") && now() === last && event() >= inside(last).length - 1) enter(0, 0); // play at the end: once more from the start
    controls.show(now(), Boolean(model.get("playing")), where.goesOn());
    play();
  }
  function onPredict() {
    modes.predict = Boolean(model.get("predict"));
    root.toggleAttribute("data-predicting", modes.predict);
    controls.showModes(modes);
    const seen = modes.predict ? Math.min(now(), lastForward) : now();
    entryKeys.hide(modes.predict);
    predict.start(modes.predict, seen);
    if (seen !== now()) go(seen);
    else show();
    if (modes.predict && predict.asksBefore(seen + 1)) predict.allow(seen + 1); // at once, and not after a step that goes nowhere
    if (modes.predict) announcer.say(phrase("player: predict you asked each gradient"));
  }

  // The first click of two: by the second the details have opened, and under the pointer is something else.
  let clicked = { key: "", x: 0, y: 0, at: -Infinity };
  figure.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const key = keyOf(target, prefix) ?? "";
    clicked = { key, x: event.clientX, y: event.clientY, at: event.timeStamp };
    if (target.closest(".gv-chevron")) where.enter(key);
    else {
      picking.pick(entries.at(event)); // before the details open, and the picture moves
      change("selected", key);
    }
  });
  figure.addEventListener("pointermove", (event) => picking.look(entries.at(event)));
  figure.addEventListener("pointerleave", () => picking.look(undefined));
  figure.addEventListener("pointerover", ({ target }) => lightCode(keyOf(target, prefix)));
  figure.addEventListener("pointerleave", () => lightCode(undefined));
  figure.addEventListener("focusin", ({ target }) => lightCode(keyOf(target, prefix)));
  figure.addEventListener("focusout", () => lightCode(undefined));

  root.addEventListener(
    "pointerdown",
    (event) => {
      const again = event.timeStamp - clicked.at < TWICE_MS && Math.hypot(event.clientX - clicked.x, event.clientY - clicked.y) < 5;
      if (again && where.enter(clicked.key)) event.stopPropagation();
    },
    { capture: true },
  );
  root.addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    const presses = event.key === " " || event.key === "Enter";
    const name = commandOf(event);
    if (target.closest("input, select, textarea")) {
      event.stopPropagation(); // what is typed is for the field alone
      if (event.key === "Escape") root.focus({ preventScroll: true });
    } else if (presses && target.closest("button, summary")) {
      event.stopPropagation(); // the button's own business, and not the notebook's
    } else if (event.key === "Enter" && keyOf(target, prefix)) {
      const key = keyOf(target, prefix) ?? "";
      if (event.shiftKey) where.enter(key);
      else change("selected", key);
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key === "ArrowDown" && !modes.predict && entryKeys.enter(keyOf(target, prefix) ?? "")) {
      event.preventDefault();
      event.stopPropagation();
    } else if (name && command(name) !== false) {
      event.preventDefault(); // or the page would scroll
      event.stopPropagation(); // or JupyterLab would act on it too
    }
  });
  root.addEventListener("mousedown", (event) => {
    // After a click the player has the focus, not the button, so that Space plays whatever was clicked last.
    const target = /** @type {Element} */ (event.target);
    if (!target.closest(".gp-bar, .gp-tools") || target.closest("select")) return;
    event.preventDefault();
    root.focus({ preventScroll: true });
  });

  picking.listen(root, announcer.say);
  grip.listen(root, figure);
  // Before it is on the page: what is there is styled and laid out anew with each change.
  const stopTheme = followTheme(root);
  root.toggleAttribute("data-projector", modes.projector);
  controls.showModes(modes);
  controls.showSpeed(kept.speed);
  show();
  el.append(root);
  const listeners = { held: grip.again, step: onStep, event: onEvent, grain: onGrain, playing: onPlaying, selected: select, predict: onPredict };
  for (const [name, listener] of Object.entries(listeners)) model.on(`change:${name}`, listener);
  const onMessage = (/** @type {any} */ message) => message?.type === "nudged" && nudge.told(message);
  model.on("msg:custom", onMessage);
  zoom.start();
  reveal();
  select();
  // After what would bring the step into view: who has moved it away wants it so. Another picture has another place.
  const opened = JSON.stringify([payload.trail ?? [], payload.direction]);
  if (kept.opened === opened) zoom.restore(kept.zoom);
  if (kept.focused) root.focus({ preventScroll: true });
  if (modes.predict) onPredict();
  grip.again();
  if (model.get("entry")) picking.pick(model.get("entry")); // with which somebody has come here
  if (where.arrived) announcer.say(where.arrived);
  announce();
  play();

  return () => {
    Object.assign(kept, { zoom: zoom.place(), opened, focused: root.contains(document.activeElement) });
    clearTimeout(timer);
    for (const [name, listener] of Object.entries(listeners)) model.off(`change:${name}`, listener);
    model.off("msg:custom", onMessage);
    stopTheme();
    zoom.stop();
    controls.stop();
    panel.stop();
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
  /** @type {Kept} */
  const kept = { loop: false, projector: false, speed: 1, focused: false };
  let asked = 0;
  function start() {
    asked = 0;
    el.style.minHeight = `${el.offsetHeight}px`; // so that the page around does not move while one replaces the other
    unmount();
    try {
      unmount = mount(model, el, kept);
    } catch (error) {
      const message = html("p", { class: "gradviz-player gp-error", role: "alert" });
      message.textContent =
        error instanceof Unplayable ? error.message : phrase("player: recording damaged and cannot be", { error });
      el.append(message);
      unmount = () => message.remove();
    }
    el.style.minHeight = "";
  }
  // A slider's payloads come faster than they can be shown. Of those of one frame the last is; and what the kernel has to say
  // meanwhile, that it is free for the next value, need not wait for the picture.
  const soon = () => {
    asked ||= requestAnimationFrame(start);
  };
  model.on("change:payload", soon);
  start();
  const showStill = hideStill(model.get("still"));
  return () => {
    model.off("change:payload", soon);
    cancelAnimationFrame(asked);
    unmount();
    showStill();
  };
}
