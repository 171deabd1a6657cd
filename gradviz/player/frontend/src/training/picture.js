// The graph in the training player: the picture of the step that is shown, at the end of its backpropagation.

import { html } from "../dom.js";
import { parseDrawing } from "../drawing.js";
import { Picture } from "../patch.js";
import { faceAt } from "../state.js";

/** @typedef {import("./graphs.js").Graphs} Graphs */

/**
 * @param {Graphs} graphs
 * @param {{open(payload: import("../state.js").Payload): void, name(index: number): string, shaped(ratio: number): void}} on
 */
export function makePicture(graphs, on) {
  const figure = html("div", { class: "gp-figure" });
  const title = html("h3", {}, "The graph");
  const note = html("p", { class: "gt-words" });
  const open = html("button", { type: "button", class: "gt-button" }, "Step through this backpropagation");
  const element = html("section", { class: "gt-panel gt-graph" }, html("header", {}, title, open), note, figure);
  /** @type {Map<string, Picture>} by prefix: pictures that are drawn already */
  const drawn = new Map();
  let shown = -1;
  let pictured = "";
  open.addEventListener("click", () => {
    if (shown >= 0) on.open(graphs.payload(shown));
  });
  return {
    element,
    /** @param {number} index of the step */
    show(index) {
      const near = graphs.nearest(index);
      open.disabled = near < 0;
      note.textContent =
        near < 0 ? "No graph was kept of this run." : near === index ? "" : `The numbers are those of ${on.name(near)}, the nearest of which the graph is here.`;
      note.hidden = !note.textContent;
      if (near < 0) return;
      const payload = graphs.payload(near);
      if (payload.prefix !== pictured) {
        pictured = payload.prefix;
        if (!drawn.has(pictured)) {
          const svg = parseDrawing(String(payload.svg));
          drawn.set(pictured, new Picture(svg, pictured));
        }
        const { svg } = /** @type {Picture} */ (drawn.get(pictured));
        figure.replaceChildren(svg);
        on.shaped(Number(svg.getAttribute("width")) / Number(svg.getAttribute("height")));
        shown = -1;
      }
      if (near === shown) return;
      shown = near;
      drawn.get(pictured)?.show(faceAt(payload.steps, payload.steps.length - 1));
      open.textContent = `Step through the backpropagation of ${on.name(near)}`;
    },
  };
}
