// The training player: a run, the epoch that is shown, and the parts that show it.

import { makeAnnouncer } from "../announce.js";
import { Unplayable } from "../check.js";
import { html } from "../dom.js";
import { commandOf } from "../keys.js";
import { engineOf, onwardOf } from "../loading.js";
import { PageModel } from "../model.js";
import { numberText } from "../number.js";
import { Parts } from "../parts.js";
import { render as renderBackprop } from "../player.js";
import { hideStill } from "../still.js";
import { followTheme } from "../theme.js";
import { RunData } from "./data.js";
import { Graphs } from "./graphs.js";
import { makeLines } from "./lines.js";
import { makeLive } from "./live.js";
import { makeFit } from "./model-fit.js";
import { makeNeurons } from "./neurons.js";
import { makeOnward } from "./onward/onward.js";
import { makePanels } from "./panels.js";
import { makeParameters } from "./parameters.js";
import { makePicture } from "./picture.js";
import { makeRule } from "./rule.js";
import { makeSurface } from "./surface.js";
import { makeTrack } from "./track.js";
import { phrase } from "../words.js";

/** @typedef {import("../model.js").Model & {send?: (message: any) => void}} Model */

const WHOLE_MS = 24000; // a long run is played in about so long, at normal speed
const [SHORTEST_MS, LONGEST_MS] = [33, 900]; // 30 epochs a second
const OWN_LEAST = 240; // what is trained on in the page goes by as one of a run of so many steps, or of more
const TOLD_MS = 1000; // so often the kernel is told what is shown, while it plays
const NORMS_UP_TO = 12;
const BAR = 59; // pixels: how high the bar of buttons is, in one line
const [STACKED, NARROW] = [520, 760]; // pixels: less is the cell of a notebook, and still less a telephone, where panels are below each other

/**
 * What a player hands over to the one that takes its place, when a run has got its first step, one more parameter, or is over and
 * can be trained on. `k`: the step that is shown, unless it is the newest.
 * @typedef {{id: string, k: number | null, playing: boolean, waiting: boolean, factor: number, modes: {loop: boolean, projector: boolean}, focused: boolean}} Kept
 */

/**
 * Builds a training player into an element.
 * @param {Model} model
 * @param {HTMLElement} el
 * @param {Kept} [kept] of the player before
 */
function mount(model, el, kept) {
  const payload = model.get("payload");
  const run = new RunData(payload);
  const send = model.send ? (/** @type {any} */ message) => model.send?.(message) : undefined;
  // What is asked of a run that another has replaced in the meantime is not answered.
  const ask = send && ((/** @type {any} */ message) => send({ ...message, run: run.id }));
  const graphs = new Graphs(payload.graphs ?? null, run, {
    ask: ask && ((index, whole) => ask({ ask: "graph", index, whole })),
    async engine(text) {
      const carried = text ?? (await new Parts().engine());
      return carried === undefined ? undefined : engineOf(carried, text === undefined);
    },
    come: () => run.length && showGraph(),
  });
  /** @type {import("./live.js").Live | null} */
  let live = model.get("live") ?? null;
  let parameter = 0;
  const entries = run.parameters.map(() => 0);
  let k = Math.max(0, Math.min(run.length - 1, model.get("place") < 0 ? run.length + model.get("place") : model.get("place")));
  const before = kept?.id === run.id ? kept : undefined;
  let playing = before?.playing ?? false;
  let following = live !== null || !run.finished; // whether the newest step is shown as it comes
  let factor = before?.factor ?? 1;
  if (before?.k !== undefined) k = Math.max(0, Math.min(before.k ?? Infinity, run.length - 1));
  else if (following) k = Math.max(0, run.length - 1);
  let waiting = before?.waiting ?? false; // for Python to have done a step
  let asked = 0; // for how many epochs more, while it is at work
  let runAt = -Infinity; // when Python was asked last
  const modes = before?.modes ?? { loop: false, projector: false };

  const onward = payload.onward
    ? makeOnward(run, payload.onward, {
        load: () => onwardOf(model, run.id),
        at: () => k,
        chosen: () => [parameter, entries[parameter]],
        playing: () => playing,
        play: start,
        pause,
        say: (text) => announcer.say(text),
        show(to) {
          k = to;
          root.toggleAttribute("data-own", onward?.branch != null);
          draw();
        },
      })
    : null;
  const able = onward?.able ? onward : null;
  const canRun = () => Boolean(onward?.canRun()) || live !== null && !live.message && live.done < live.epochs;
  /** @type {Record<import("./track.js").Command | "larger" | "smaller" | "fit" | "undo", () => void>} */
  const commands = {
    first: () => go(0),
    previous: () => go(k - 1),
    next() {
      pause();
      if (waiting) asked += 1; // every press counts, also one that comes while Python is busy
      else if (k < run.length - 1) go(k + 1);
      else if (canRun()) runOn(1);
    },
    last: () => go(run.length - 1),
    play: () => (playing ? pause() : start()),
    loop: () => track.showModes(Object.assign(modes, { loop: !modes.loop })),
    projector() {
      track.showModes(Object.assign(modes, { projector: !modes.projector }));
      root.toggleAttribute("data-projector", modes.projector);
      arrange();
      neurons?.paint();
    },
    fullscreen() {
      const asked = document.fullscreenElement === root ? document.exitFullscreen() : root.requestFullscreen?.();
      (asked ?? Promise.reject()).catch(() => announcer.say(phrase("player: page does not allow full")));
    },
    undo: () => onward?.back(),
    larger: () => picture.commands.larger(),
    smaller: () => picture.commands.smaller(),
    fit: () => picture.commands.fit(),
  };
  const announcer = makeAnnouncer();
  const track = makeTrack(run, {
    go,
    command: (name) => commands[name](),
    speed(given) {
      factor = given;
      if (playing) tick();
    },
  });
  const controls = makeLive({
    send(message) {
      if (message.do === "reset") pause();
      send?.(message);
    },
  });
  const losses = makeLines({ title: phrase("training player: loss"), across: run.across, unit: "loss", go: (at) => go(run.nearest(at)) });
  const norms = makeLines({ title: phrase("training player: length each gradient"), across: run.across, unit: "length", log: true, go: (at) => go(run.nearest(at)) });
  const parameters = makeParameters(run, { choose });
  const rule = makeRule();
  const surface = makeSurface(run, {
    ask: ask && ((first, second) => ask({ ask: "surface", first, second })),
    branch: () => onward?.branch ?? null,
    start: able ? (values) => able.setStart(values) : undefined,
  });
  const name = (/** @type {number} */ index) => run.name(run.nearest(index));
  const fit = makeFit(run, { name, ask: ask && ((index) => ask({ ask: "fit", index })), there: () => arrange(), onward: able });
  const picture = makePicture(graphs, { open, name });
  /** @type {ReturnType<typeof makeNeurons> | null} */
  let neurons = null;
  const network = html("div", { class: "gt-holder" }); // the network is known when a step has been seen
  const notes = html("div", { class: "gt-notes", tabindex: 0, role: "group", "aria-label": phrase("training player: notes") });
  const panels = makePanels(
    [
      { name: "network", title: phrase("training neurons: title"), element: network, there: () => run.network !== null },
      { name: "graph", title: phrase("training picture: graph"), element: picture.element, there: () => true },
      { name: "fit", title: phrase("training model-fit: fit"), element: fit.element, there: () => fit.some },
      { name: "surface", title: phrase("training surface: loss surface"), element: surface.element, there: () => surface.some },
      { name: "loss", title: phrase("training player: loss"), element: losses.element, there: () => true },
      { name: "gradients", title: phrase("training player: length each gradient"), element: norms.element, there: () => true },
      { name: "parameters", title: phrase("training parameters: parameters"), element: parameters.element, there: () => true },
      { name: "rule", title: phrase("training rule: update"), element: rule.element, there: () => true },
    ],
    run.panels,
    usualPanels,
    (names) => {
      if (!run.length) return;
      for (const name of names) drawn[name]?.();
      moveIn(names);
    },
  );
  const { board } = panels;
  track.element.append(panels.element);
  const empty = html("p", { class: "gt-empty" }, live ? phrase("training player: nothing has been trained yet") : phrase("training player: first step has not ended"));
  const inside = html("div", { class: "gt-inside", hidden: "" });
  const root = html(
    "section",
    { class: "gradviz-player gradviz-training", tabindex: 0, "aria-label": phrase("training player: training player", { title: run.title }), "data-lm-suppress-shortcuts": "true" },
    track.element,
    controls.element,
    ...(onward ? [onward.element] : []),
    notes,
    empty,
    board,
    announcer.element,
    inside,
  );

  /** What is shown unless somebody has chosen: on a narrow page less of it, unless that is asked for. @param {string[]} there @param {boolean} [all] */
  function usualPanels(there, all = false) {
    // A single layer is seen better as a graph.
    const main = there.includes("network") && (run.network?.layers.length ?? 0) > 1 ? "network" : "graph";
    const beside = there.includes("fit") ? "fit" : there.includes("surface") ? "surface" : "parameters";
    const width = root.clientWidth || window.innerWidth;
    const narrow = modes.projector || (width > STACKED && width < NARROW);
    return [main, beside, "loss", ...(narrow && !all ? [] : ["rule", "parameters"])].filter((name, at, names) => names.indexOf(name) === at && there.includes(name));
  }
  function arrange() {
    panels.arrange();
  }

  // --- moving ----------------------------------------------------------------------------------------------------

  /** Who goes somewhere wants to look. @param {number} to */
  function go(to) {
    pause();
    following = to >= run.length - 1;
    enter(to);
    if (run.length) announcer.say(`${run.name(k)}, loss ${numberText(run.loss(k))}`);
  }
  /** @param {number} to */
  function enter(to) {
    k = Math.max(0, Math.min(run.length - 1, to));
    if (isOwn()) return move(); // of these the kernel knows nothing
    model.set("place", k);
    if (!playing) save();
    else saving ||= window.setTimeout(save, TOLD_MS); // to answer takes a notebook longer than to draw the step
    move();
  }
  let saving = 0;
  /** Tells the kernel which step is shown. */
  function save() {
    clearTimeout(saving);
    saving = 0;
    try {
      model.save_changes();
    } catch {
      // The kernel is gone; what has been recorded is here.
    }
  }
  /** @type {number | undefined} */
  let timer;
  function pause() {
    clearTimeout(timer);
    playing = false;
    if (saving) save();
    track.show(k, playing, canRun());
    onward?.show();
  }
  function start() {
    playing = true;
    if (k >= run.length - 1 && !canRun()) enter(0); // at the end: once more from the start
    tick();
  }
  function tick() {
    clearTimeout(timer);
    if (!playing) return;
    const whole = WHOLE_MS / factor;
    const length = Math.max(run.length, live?.epochs ?? 1, onward?.branch ? OWN_LEAST : 0);
    const delay = Math.max(SHORTEST_MS, Math.min(LONGEST_MS / factor, whole / length));
    const stride = Math.max(1, Math.round((length * delay) / whole));
    if (k < run.length - 1) {
      timer = window.setTimeout(() => {
        enter(k + stride);
        tick();
      }, delay);
    } else if (canRun()) {
      // What is trained goes by as fast as what was recorded, or as fast as it can.
      timer = window.setTimeout(() => runOn(stride), Math.max(0, runAt + delay - performance.now()));
    } else if (modes.loop && run.length > 1 && !live) {
      timer = window.setTimeout(() => {
        enter(0);
        tick();
      }, LONGEST_MS);
    } else pause();
    track.show(k, playing, canRun());
    onward?.show();
  }
  /** Lets Python train on. It answers, and with `playing` is then asked for more. @param {number} count */
  function runOn(count) {
    if (onward?.branch) {
      runAt = performance.now();
      onward.advance(count);
      k = run.length - 1;
      draw();
      return tick();
    }
    if (waiting) return;
    waiting = true;
    following = true;
    runAt = performance.now();
    send?.({ do: "run", epochs: count });
  }

  // --- showing ---------------------------------------------------------------------------------------------------

  /** What depends on the whole run, by panel: what nobody sees is drawn when it is shown. @type {Record<string, (() => void) | undefined>} */
  const drawn = {
    loss: () => losses.show(lossLines(run, onward?.branch ?? null)),
    gradients() {
      const kept = run.kept.column(0);
      norms.show(
        run.parameters.slice(0, NORMS_UP_TO).map(({ name, gradientNorm }) => {
          const lengths = gradientNorm.column(0);
          const there = kept.map((_, i) => i).filter((i) => !Number.isNaN(lengths[i])); // it need not take part in every step
          return { name, xs: there.map((i) => kept[i]), ys: there.map((i) => lengths[i]) };
        }),
      );
    },
    parameters: () => parameters.draw(),
    surface: () => surface.drawWay(),
  };
  /** Draws what depends on the whole run. */
  function draw() {
    const some = run.length > 0;
    root.toggleAttribute("data-empty", !some);
    empty.hidden = some;
    board.hidden = !some;
    // What has stopped a live run is said once.
    showNotes(notes, live?.message ? run.notes.filter((note) => !note.startsWith("diverged")) : run.notes);
    controls.show(live);
    if (!some) return track.show(0, playing, canRun());
    findNetwork();
    arrange();
    for (const name of panels.shown()) drawn[name]?.();
    move();
  }

  /** Builds the view of the neurons once the network is known; and once it is known from where to where its inputs go. */
  function findNetwork() {
    if (!run.network) return;
    if (neurons && (neurons.mapped || !fit.domain)) return neurons.forget();
    neurons?.stop();
    neurons = makeNeurons(run, run.network, { domain: fit.domain, choose, dark: () => root.dataset.theme === "dark", open: openAt });
    network.replaceChildren(neurons.element);
  }
  /** Opens the backpropagation of this step at an entry of a parameter. @param {number} which @param {number} entry */
  function openAt(which, entry) {
    at = { name: run.parameters[which].name, entry };
    picture.show(run.index(k));
    picture.enter();
  }
  /** @type {{name: string, entry: number} | null} where the backpropagation that is opened next begins */
  let at = null;

  /** Draws what belongs to the step that is shown. */
  function move() {
    if (!run.length) return track.show(0, playing, canRun());
    track.show(k, playing, canRun());
    moveIn(panels.shown());
    if (!fit.some) moved.fit?.(); // there may be data to show
    onward?.show();
  }
  /** What belongs to the step that is shown, by panel. @type {Record<string, (() => void) | undefined>} */
  const moved = {
    loss: () => losses.cursor(run.index(k)),
    gradients: () => norms.cursor(run.index(k)),
    parameters: () => parameters.move(k, parameter),
    rule: () => rule.show(run.parameters[parameter], entries[parameter], k),
    surface: () => surface.move(k),
    fit: () => fit.show(run.index(k), k),
    network: () => neurons?.move(k),
    graph: () => picture.show(run.index(k), isOwn()),
  };
  /** @param {string[]} names of panels */
  function moveIn(names) {
    for (const name of names) moved[name]?.();
  }
  function showGraph() {
    if (panels.shown().includes("graph")) picture.show(run.index(k));
  }
  const isOwn = () => Boolean(onward?.branch) && k >= (onward?.branch?.k ?? 0);

  /** @param {number} which @param {number} entry */
  function choose(which, entry) {
    parameter = which;
    entries[which] = entry;
    parameters.pick(which, entry);
    move();
  }

  let close = () => {};
  /** Opens the backpropagation of a step. @param {import("../state.js").Payload} opened */
  function open(opened) {
    pause();
    const back = html("button", { type: "button", class: "gt-button" }, phrase("training player: back training"));
    const place = html("div", {});
    const model = PageModel.of(opened);
    goTo(model, opened, at);
    at = null;
    const unmount = renderBackprop({ model, el: place });
    const [scrolled] = [document.scrollingElement?.scrollTop ?? 0];
    // The two pictures have parts of the same names, so only one of them is on the page.
    board.remove();
    inside.replaceChildren(html("div", { class: "gt-back" }, back, html("h3", {}, `Backpropagation, ${opened.title}`)), place);
    inside.hidden = false;
    root.toggleAttribute("data-inside", true);
    back.focus();
    close = () => {
      unmount();
      inside.replaceChildren();
      inside.hidden = true;
      root.removeAttribute("data-inside");
      announcer.element.before(board);
      root.focus({ preventScroll: true });
      document.scrollingElement?.scrollTo({ top: scrolled });
      close = () => {};
    };
    back.addEventListener("click", () => close());
  }

  // --- what Python tells -------------------------------------------------------------------------------------------

  /** @param {any} message */
  function onMessage(message) {
    if (message.told === "done") {
      waiting = false;
      if (message.message) {
        pause();
        asked = 0;
        announcer.say(message.message);
      }
      if (playing) tick();
      else if (asked > 0 && canRun()) runOn(asked);
      else askAgain();
      asked = 0;
    } else if (message.told === "failed") {
      if (message.asked === "graph") graphs.forget();
      if (!message.asked) {
        waiting = false;
        pause();
      }
      announcer.say(message.message);
    } else if (message.told === "more") {
      if (message.run !== run.id) return;
      const before = run.length;
      if (run.more(message)) grown(before);
      else askForAll(); // it has been opened since
    } else if (message.told === "graph") {
      graphs.take(message);
      showGraph();
      picture.came(message.index);
    } else if (message.told === "surface") {
      surface.take(message.surface);
      surface.move(k);
      arrange();
    } else if (message.told === "fit") {
      fit.take(message.fit);
      findNetwork();
      arrange();
      move();
    }
  }
  const askForAll = () => ask?.({ ask: "all", kept: run.length, losses: run.losses.length });
  /** The same run, further on. @param {any} further */
  function update(further) {
    const [wasRunning, before] = [!run.finished, run.length];
    run.take(further);
    grown(before);
    if (wasRunning && run.finished) askAgain();
  }
  let frame = 0; // in which what has come is drawn: there may be more of it than frames
  /** There are more steps, or others. @param {number} before how many there were */
  function grown(before) {
    if (following && k >= before - 1) k = run.length - 1;
    k = Math.max(0, Math.min(k, run.length - 1));
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      draw();
    });
  }
  /** Asks for the pictures that have to be computed anew when there are more steps. */
  function askAgain() {
    if (!ask || !run.length) return;
    ask({ ask: "surface", ...surface.pair() });
    fit.forget();
    fit.show(run.index(k), k);
  }
  const onLive = () => {
    live = model.get("live") ?? null;
    controls.show(live);
    track.show(k, playing, canRun());
  };
  const onPlace = () => {
    const given = model.get("place");
    const place = given < 0 ? run.length + given : given;
    if (place !== k && place >= 0 && place < run.length) {
      k = place;
      following = k >= run.length - 1;
      move();
    }
  };

  root.addEventListener("keydown", (event) => {
    if (/** @type {Element} */ (event.target).closest(".gt-inside")) {
      if (event.key === "Escape" && !event.defaultPrevented) close();
      return;
    }
    const target = /** @type {Element} */ (event.target);
    const presses = event.key === " " || event.key === "Enter";
    const name = commandOf(event);
    if (target.closest("input, select, textarea")) event.stopPropagation();
    else if (presses && target.closest("button, summary")) event.stopPropagation();
    else if (name && Object.hasOwn(commands, name)) {
      commands[/** @type {keyof typeof commands} */ (name)]();
      event.preventDefault();
      event.stopPropagation();
    }
  });
  root.addEventListener("mousedown", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (!target.closest(".gp-bar, .gp-tools") || target.closest("select, input") || target.closest(".gt-inside")) return;
    event.preventDefault();
    root.focus({ preventScroll: true });
  });

  const stopTheme = followTheme(root);
  surface.take(payload.surface ?? null);
  fit.take(payload.fit ?? null);
  track.showModes(modes);
  track.showSpeed(factor);
  root.toggleAttribute("data-projector", modes.projector);
  el.append(root);
  draw();
  // Of another size there is room for more or less; and a theme has other colours.
  const looks = new MutationObserver(() => {
    neurons?.paint();
    fit.paint();
  });
  looks.observe(root, { attributeFilter: ["data-theme"] });
  const sized = new ResizeObserver(() => {
    const above = track.element.offsetHeight - BAR + controls.element.offsetHeight + (onward?.element.offsetHeight ?? 0) + notes.offsetHeight;
    board.style.setProperty("--above", `${Math.max(0, above)}px`);
    if (run.length) arrange();
  });
  for (const part of [root, track.element, controls.element, notes]) sized.observe(part);
  const listeners = /** @type {const} */ ([["msg:custom", onMessage], ["change:place", onPlace], ["change:live", onLive]]);
  for (const [name, listener] of listeners) model.on(name, /** @type {any} */ (listener));
  if (before?.focused) root.focus({ preventScroll: true });
  if (playing && !waiting) tick();
  askForAll();
  askAgain();
  return {
    /** @returns {Kept} */
    kept: () => ({ id: run.id, k: following ? null : k, playing, waiting, factor, modes, focused: root.contains(document.activeElement) }),
    /** Takes the same run further on; not another one. @param {any} further */
    update(further) {
      if (!run.isOf(further) || Boolean(further.onward) !== Boolean(payload.onward)) return false;
      update(further);
      return true;
    },
    unmount() {
      clearTimeout(timer);
      if (saving) save();
      cancelAnimationFrame(frame);
      for (const [name, listener] of listeners) model.off(name, /** @type {any} */ (listener));
      stopTheme();
      losses.stop();
      norms.stop();
      picture.stop();
      neurons?.stop();
      parameters.stop();
      panels.stop();
      looks.disconnect();
      sized.disconnect();
      root.remove();
    },
  };
}

/**
 * Lets a player begin at a parameter's entry, when its gradient is complete.
 * @param {PageModel} model @param {import("../state.js").Payload} opened @param {{name: string, entry: number} | null} at
 */
function goTo(model, { facts: { tensors, operations }, steps }, at) {
  if (!at) return;
  const tensor = Object.values(tensors).find(({ name }) => name === at.name);
  // A parameter that is folded away is in its module's box.
  const shown = tensor ?? Object.values(operations).find(({ block }) => block?.path && at.name.startsWith(`${block.path}.`));
  if (!shown) return;
  model.set("selected", shown.id);
  const step = steps.findLastIndex(({ touched, current }) => [...touched, ...current].includes(shown.id));
  if (!tensor || step < 0) return;
  model.set("step", step);
  model.set("entry", { tensor: tensor.id, part: "g", index: at.entry });
}

/**
 * The lines of the loss: as it was recorded, and beside it what was trained on here.
 * @param {RunData} run @param {import("./onward/branch.js").Branch | null} branch
 */
function lossLines(run, branch) {
  const { lines, losses } = branch ? branch.recorded : run;
  const drawn = [...lines].map(([name, steps]) => {
    const xs = steps.column(0);
    return { name: branch && lines.size === 1 ? phrase("training onward: recorded") : name, xs, ys: xs.map((step) => losses.at(step)) };
  });
  if (!branch) return drawn;
  const xs = run.kept.column(0).slice(branch.k);
  return [...drawn, { name: phrase("training onward: trained on"), xs, ys: xs.map((step) => run.losses.at(step)) }];
}

/** @param {HTMLElement} element @param {string[]} notes */
function showNotes(element, notes) {
  element.replaceChildren(...notes.map((note) => html("p", {}, note.endsWith(".") ? note : `${note}.`)));
  element.hidden = notes.length === 0;
}

/**
 * Shows a training player, or in plain words why there is none, and a new one whenever the payload changes.
 * @param {{model: Model, el: HTMLElement}} context
 * @returns {() => void} how to take it away again
 */
export function render({ model, el }) {
  /** @type {{update(payload: any): boolean, unmount(): void, kept?(): Kept}} */
  let mounted = { update: () => false, unmount() {} };
  function start() {
    if (mounted.update(model.get("payload"))) return;
    const kept = mounted.kept?.();
    mounted.unmount();
    try {
      mounted = mount(model, el, kept);
    } catch (error) {
      const message = html("p", { class: "gradviz-player gp-error", role: "alert" });
      message.textContent =
        error instanceof Unplayable ? error.message : phrase("training player: run damaged and cannot be", { error });
      el.append(message);
      mounted = { update: () => false, unmount: () => message.remove() };
    }
  }
  model.on("change:payload", start);
  start();
  const showStill = hideStill(model.get("still"));
  return () => {
    model.off("change:payload", start);
    mounted.unmount();
    showStill();
  };
}
