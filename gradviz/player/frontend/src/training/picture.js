// The graph in the training player: the picture of the step that is shown, at the end of its backpropagation.

import { makeTools } from "../controls.js";
import { html } from "../dom.js";
import { parseDrawing } from "../drawing.js";
import { bringIntoView } from "../fit.js";
import { Picture } from "../patch.js";
import { makeZoom } from "../zoom.js";
import { phrase } from "../words.js";

/** @typedef {import("./graphs.js").Graphs} Graphs */

/**
 * A picture that is drawn already, with the figure that it scrolls in.
 * @typedef {{picture: Picture, figure: HTMLElement, zoom: ReturnType<typeof makeZoom>}} Drawn
 */

/**
 * @param {Graphs} graphs
 * @param {{open(payload: import("../state.js").Payload): void, name(index: number): string}} on
 */
export function makePicture(graphs, on) {
  const title = html("h3", {}, phrase("training picture: graph"));
  const note = html("p", { class: "gt-words" });
  const open = html("button", { type: "button", class: "gt-button" }, phrase("training picture: step through backpropagation"));
  /** @type {Record<string, () => void>} */
  const commands = { larger: () => current?.zoom.larger(), smaller: () => current?.zoom.smaller(), fit: () => current?.zoom.whole() };
  const tools = makeTools((name) => commands[name]?.(), null);
  const header = html("header", {}, title, tools, open);
  const element = html("section", { class: "gt-panel gt-graph" }, header, note);
  /** @type {Map<string, Drawn>} by prefix */
  const drawn = new Map();
  /** @type {Drawn | null} */
  let current = null;
  let shown = -1;
  let opens = -1; // which step the button opens
  let wanted = -1; // which one Python has been asked for, to be opened when it comes
  const enter = () => {
    const payload = opens < 0 ? undefined : graphs.payload(opens);
    wanted = payload || opens < 0 ? -1 : opens;
    if (payload) on.open(payload);
  };
  open.addEventListener("click", enter);

  /** @param {any} payload what a player's payload has in common for the steps of one structure @returns {Drawn} */
  function draw(payload) {
    const svg = parseDrawing(String(payload.svg));
    const figure = html("div", { class: "gp-figure" }, svg);
    const zoom = makeZoom(figure, svg, () => false);
    zoom.start();
    const made = { picture: new Picture(svg, payload.prefix, payload.grids, payload.inks), figure, zoom };
    drawn.set(payload.prefix, made);
    return made;
  }

  return {
    element,
    commands,
    /** Opens the step that was asked for, now that it has come. @param {number} index */
    came(index) {
      if (index === wanted) enter();
    },
    enter,
    /** It has got another size. */
    refit: () => current?.zoom.refit(),
    stop: () => drawn.forEach(({ zoom }) => zoom.stop()),
    /** @param {number} index of the step @param {boolean} [own] whether it is none of the recording's */
    show(index, own = false) {
      const near = graphs.nearest(index);
      opens = near < 0 ? -1 : graphs.nearestOpened(index);
      open.disabled = opens < 0;
      const text =
        near < 0 ? graphs.some ? "" : phrase("training picture: no graph was kept run") : own && !graphs.isComputed(index) ? phrase("training onward: graph") : near === index ? "" : phrase("training picture: numbers those nearest which graph", { part: on.name(near) });
      if (note.textContent !== text) note.textContent = text;
      note.hidden = !text;
      const label = phrase("training picture: step through backpropagation 2", { part: on.name(opens) });
      if (opens >= 0 && open.textContent !== label) open.textContent = label;
      if (near < 0) return;
      const { base, face } = graphs.shown(near);
      const next = drawn.get(base.prefix) ?? draw(base);
      if (next !== current) {
        current?.figure.remove();
        current = next;
        element.append(next.figure);
        next.zoom.refit();
        bringIntoView(next.figure, [...next.figure.querySelectorAll(".gv-role-parameter")]);
        shown = -1;
      }
      if (near === shown) return;
      shown = near;
      current.picture.show(face);
    },
  };
}
