// The picture's size and place: fitted to the room there is, until somebody zooms; moved by scrolling or dragging.
//
// Zooming changes the picture's size, and the figure scrolls natively: wheel, touch, scroll bars and the keyboard work as
// everywhere on the page.

import { scaleToFit } from "./fit.js";

const SMALLEST = 0.15;
const LARGEST = 6;
const STEP = 1.25;
const DRAG = 4; // pixels, after which a press is a drag and no longer a click

/** @typedef {{width: number, height: number, scale: number, left: number, top: number}} Place */

/**
 * @param {HTMLElement} figure what scrolls
 * @param {SVGSVGElement} svg
 * @param {() => boolean} isRoomFixed whether the picture gets the room there is, or the player grows with its picture
 */
export function makeZoom(figure, svg, isRoomFixed) {
  const { width, height } = svg.viewBox.baseVal ?? {};
  let scale = 1;
  let byHand = false;

  /** How high what stands over the figure is, and what stands under it. */
  function above() {
    const stage = figure.closest(".gp-stage");
    const under = /** @type {HTMLElement[]} */ ([...(stage?.querySelectorAll(":scope > .gp-overview, :scope > .gp-hold") ?? [])]);
    return stage ? under.reduce((sum, { offsetHeight }) => sum + offsetHeight, figure.offsetTop) : 0;
  }

  function room() {
    const style = getComputedStyle(figure);
    const across = figure.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const most = isRoomFixed() ? figure.clientHeight : parseFloat(style.maxHeight) - above(); // NaN for "none"
    const down = Number.isNaN(most) ? Infinity : most - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    const limit = (/** @type {string} */ name) => parseFloat(style.getPropertyValue(name)) || undefined;
    const limits = { smallest: limit("--gp-smallest"), scrolled: limit("--gp-scrolled"), largest: limit("--gp-largest") };
    return { across, down, limits };
  }

  /** @param {number} wanted */
  function resize(wanted) {
    scale = wanted;
    svg.style.width = `${Math.floor(width * scale)}px`;
    svg.style.height = `${Math.floor(height * scale)}px`;
  }

  /** @param {boolean} [whole] all of it, however small */
  function fit(whole = false) {
    byHand = whole;
    const { across, down, limits } = room();
    if (!width || !height || across <= 0 || down <= 0) return; // nothing drawn, not on the page yet, or hidden
    resize(scaleToFit(width, height, across, down, whole ? { ...limits, smallest: SMALLEST } : limits));
    // The player is as high as its picture asks for, whatever a step has to say: nothing may move while one steps. (Not by a
    // property of our own: it would be inherited, and every mark of the picture styled anew.)
    const main = /** @type {HTMLElement | null} */ (figure.closest(".gp-main"));
    if (main && !isRoomFixed()) {
      const padded = `${Math.floor(height * scale) + 32 + above()}px`;
      main.style.height = `clamp(var(--gradviz-least, 440px), ${padded}, var(--gradviz-height, 75vh))`;
    }
    tellEdges(); // last: it asks how large all has become, and each time that is worked out anew
  }

  /**
   * Zooms, and keeps what is at a point of the page where it is.
   * @param {number} factor
   * @param {{clientX: number, clientY: number}} [point] by default the middle of the figure
   */
  function by(factor, point) {
    const view = figure.getBoundingClientRect();
    const { clientX, clientY } = point ?? { clientX: view.left + view.width / 2, clientY: view.top + view.height / 2 };
    const before = svg.getBoundingClientRect();
    const share = [(clientX - before.left) / before.width, (clientY - before.top) / before.height];
    byHand = true;
    resize(Math.min(LARGEST, Math.max(SMALLEST, scale * factor)));
    tellEdges();
    const after = svg.getBoundingClientRect();
    figure.scrollLeft += after.left + share[0] * after.width - clientX;
    figure.scrollTop += after.top + share[1] * after.height - clientY;
  }

  // --- pointers: one drags, two zoom; on a touch screen one finger scrolls natively ---------------------------------

  /** @type {Map<number, PointerEvent>} */
  const down = new Map();
  let dragged = false;
  const apart = () => {
    const [a, b] = [...down.values()];
    return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  };

  figure.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    down.set(event.pointerId, event);
    dragged = false;
  });
  figure.addEventListener("pointermove", (event) => {
    const last = down.get(event.pointerId);
    if (!last) return;
    if (down.size === 2) {
      const before = apart();
      down.set(event.pointerId, event);
      const [a, b] = [...down.values()];
      dragged = true;
      if (before > 0) by(apart() / before, { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 });
      return;
    }
    if (event.pointerType === "touch") return;
    if (!dragged && Math.hypot(event.clientX - last.clientX, event.clientY - last.clientY) < DRAG) return;
    if (!dragged) figure.setPointerCapture(event.pointerId);
    dragged = true;
    figure.scrollLeft -= event.clientX - last.clientX;
    figure.scrollTop -= event.clientY - last.clientY;
    down.set(event.pointerId, event);
  });
  const up = (/** @type {PointerEvent} */ event) => void down.delete(event.pointerId);
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) figure.addEventListener(name, up);
  figure.addEventListener(
    "click",
    (event) => {
      if (dragged) event.stopPropagation(); // the end of a drag is not a click on what is under it
      dragged = false;
    },
    { capture: true },
  );
  figure.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // it scrolls; a pinch on a trackpad arrives with ctrlKey
      event.preventDefault();
      by(Math.exp(-event.deltaY / 200), event);
    },
    { passive: false },
  );

  /** Says at which edges the picture goes on: there it fades. */
  function tellEdges() {
    const { scrollLeft, scrollWidth, clientWidth } = figure;
    figure.toggleAttribute("data-more-left", scrollLeft > 1);
    figure.toggleAttribute("data-more-right", scrollLeft + clientWidth < scrollWidth - 1);
  }
  figure.addEventListener("scroll", tellEdges, { passive: true });

  /** Fits the picture again, unless its size was chosen by hand. */
  const refit = () => (byHand ? tellEdges() : fit());
  const observer = new ResizeObserver(refit);

  return {
    fit,
    whole: () => fit(true),
    refit,
    larger: () => by(STEP),
    smaller: () => by(1 / STEP),
    /** Begins to keep the picture fitted, once it is on the page. */
    start() {
      observer.observe(figure);
      window.addEventListener("resize", refit); // the height allowed depends on the window's
      fit();
    },
    /** Shows as much of the picture as another of the same size showed, which it replaces. @param {Place | undefined} before */
    restore(before) {
      if (before?.width !== width || before.height !== height) return;
      if (before.scale) {
        byHand = true;
        resize(before.scale);
        tellEdges();
      }
      figure.scrollTo({ left: before.left, top: before.top, behavior: "instant" });
    },
    /** How large the picture is, if somebody chose that, and what of it is in view. @returns {Place} */
    place: () => ({ width, height, scale: byHand ? scale : 0, left: figure.scrollLeft, top: figure.scrollTop }),
    stop() {
      observer.disconnect();
      window.removeEventListener("resize", refit);
    },
  };
}
