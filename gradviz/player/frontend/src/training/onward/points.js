// Taking hold of a point in a picture: by the pointer, or by keys.

import { svgElement } from "../../dom.js";
import { numberText } from "../../number.js";
import { phrase } from "../../words.js";

const NEAR = 12; // of the picture's own pixels
const STEP = 4;
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

/**
 * @param {SVGSVGElement} svg
 * @param {{count(): number, place(point: number): [number, number], say(point: number): number[], move(point: number, across: number, up: number): Promise<void>}} on
 *   places are the picture's own; `say`: the numbers of a point
 */
export function makePoints(svg, on) {
  const ring = svgElement("circle", { class: "gt-ring", r: 9, hidden: "" });
  const handle = svgElement("g", { class: "gt-handle", tabindex: 0, role: "button" }, ring);
  svg.append(handle);
  svg.setAttribute("role", "group"); // an image holds nothing that can be used
  let held = -1; // by the pointer
  let chosen = 0;
  let busy = false;
  /** @type {[number, number] | null} */
  let next = null;

  function show() {
    const there = on.count() > 0;
    handle.toggleAttribute("hidden", !there);
    if (!there) return;
    chosen = Math.min(chosen, on.count() - 1);
    const [cx, cy] = on.place(chosen);
    ring.setAttribute("cx", String(cx));
    ring.setAttribute("cy", String(cy));
    ring.toggleAttribute("hidden", held < 0 && document.activeElement !== handle);
    const place = on.say(chosen).map((number) => numberText(number, 3)).join(", ");
    handle.setAttribute("aria-label", phrase("training onward: point", { number: chosen + 1, count: on.count(), place }));
  }

  /** Where the pointer is in the picture. @param {PointerEvent} event @returns {[number, number]} */
  function at({ clientX, clientY }) {
    const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(svg.getScreenCTM()?.inverse());
    return [x, y];
  }

  /** The point that is near, or -1. @param {[number, number]} place */
  function near([across, up]) {
    let [best, least] = [-1, NEAR];
    for (let point = 0; point < on.count(); point += 1) {
      const [x, y] = on.place(point);
      const far = Math.hypot(x - across, y - up);
      if (far < least) [best, least] = [point, far];
    }
    return best;
  }

  /** Moves the point that is chosen, at most once a frame: the last place counts. @param {[number, number]} place */
  function move(place) {
    next = place;
    if (busy) return;
    busy = true;
    requestAnimationFrame(async () => {
      const [across, up] = /** @type {[number, number]} */ (next);
      next = null;
      await on.move(chosen, across, up);
      busy = false;
      if (next) move(next);
    });
  }

  svg.addEventListener("pointermove", (event) => {
    if (held >= 0) return move(at(event));
    svg.style.cursor = near(at(event)) >= 0 ? "grab" : "";
  });
  svg.addEventListener("pointerdown", (event) => {
    const found = near(at(event));
    if (found < 0 || event.button) return;
    [held, chosen] = [found, found];
    svg.setPointerCapture(event.pointerId);
    svg.style.cursor = "grabbing";
    event.preventDefault();
    show();
  });
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
    svg.addEventListener(name, () => {
      held = -1;
      svg.style.cursor = "";
      show();
    });
  }
  handle.addEventListener("keydown", (event) => {
    const turn = { PageDown: 1, PageUp: -1 }[event.key];
    const arrow = ARROWS[event.key];
    if (!turn && !arrow) return;
    if (turn) chosen = (chosen + turn + on.count()) % on.count();
    else {
      const [x, y] = on.place(chosen);
      move([x + arrow[0], y + arrow[1]]);
    }
    show();
    event.preventDefault();
    event.stopPropagation();
  });
  handle.addEventListener("focus", show);
  handle.addEventListener("blur", show);
  return { show };
}
