// The graph in the training player: the picture of the step that is shown, at the end of its backpropagation.

import { makeTools } from "../controls.js";
import { html } from "../dom.js";
import { parseDrawing } from "../drawing.js";
import { bringIntoView } from "../fit.js";
import { Picture } from "../patch.js";
import { faceAt } from "../state.js";
import { makeZoom } from "../zoom.js";
import { phrase } from "../words.js";

/** @typedef {import("./graphs.js").Graphs} Graphs */

/**
 * A picture that is drawn already, with the figure that it scrolls in.
 * @typedef {{picture: Picture, figure: HTMLElement, zoom: ReturnType<typeof makeZoom>}} Drawn
 */

/**
 * @param {Graphs} graphs
 * @param {{open(payload: import("../state.js").Payload): void, name(index: number): string, shaped(ratio: number): void}} on
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
  open.addEventListener("click", () => {
    if (shown >= 0) on.open(graphs.payload(shown));
  });

  /** @param {import("../state.js").Payload} payload @returns {Drawn} */
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
    stop: () => drawn.forEach(({ zoom }) => zoom.stop()),
    /** @param {number} index of the step */
    show(index) {
      const near = graphs.nearest(index);
      open.disabled = near < 0;
      note.textContent =
        near < 0 ? phrase("training picture: no graph was kept run") : near === index ? "" : phrase("training picture: numbers those nearest which graph", { part: on.name(near) });
      note.hidden = !note.textContent;
      if (near < 0) return;
      const payload = graphs.payload(near);
      const next = drawn.get(payload.prefix) ?? draw(payload);
      if (next !== current) {
        current?.figure.remove();
        current = next;
        element.append(next.figure);
        const { width, height } = next.picture.svg.viewBox.baseVal;
        on.shaped(width / height);
        next.zoom.refit();
        bringIntoView(next.figure, [...next.figure.querySelectorAll(".gv-role-parameter")]);
        shown = -1;
      }
      if (near === shown) return;
      shown = near;
      current.picture.show(faceAt(payload.steps, payload.steps.length - 1));
      open.textContent = phrase("training picture: step through backpropagation 2", { part: on.name(near) });
    },
  };
}
