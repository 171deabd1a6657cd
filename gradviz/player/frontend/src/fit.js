// Where the picture is: as large as its place allows, never too small to read, and what matters in view.

const SMALLEST = 0.82; // the smallest text is 9 pixels high, and all of the picture is in view
const SCROLLED = 0.9; // what does not fit even so scrolls, and is shown at a size that is easy to read
const LARGEST = 1.5;
const READABLE = SMALLEST;

/**
 * @param {number} width
 * @param {number} height
 * @param {number} roomAcross
 * @param {number} roomDown
 * @param {{smallest?: number, scrolled?: number, largest?: number}} [limits]
 */
export function scaleToFit(width, height, roomAcross, roomDown, { smallest = SMALLEST, scrolled = SCROLLED, largest = LARGEST } = {}) {
  const fitting = Math.min(largest, roomAcross / width, roomDown / height);
  if (fitting >= smallest) return fitting;
  // What fits one way, a little smaller, scrolls the other way only: best down, as one reads.
  const oneWay = [roomAcross / width, roomDown / height].find((scale) => scale >= READABLE);
  return Math.max(smallest, Math.min(oneWay ?? scrolled, scrolled));
}

/**
 * Scrolls the figure, and nothing but the figure, so that the first of the elements is in view, and of the others those
 * that fit into it as well.
 * @param {HTMLElement} figure
 * @param {Element[]} elements
 */
export function bringIntoView(figure, elements) {
  const { clientWidth, clientHeight } = figure;
  if (elements.length === 0 || (figure.scrollWidth <= clientWidth && figure.scrollHeight <= clientHeight)) return;
  const margin = 16;
  const view = figure.getBoundingClientRect();
  const boxes = elements.map((element) => element.getBoundingClientRect());
  let { left, right, top, bottom } = boxes[0];
  for (const box of boxes.slice(1)) {
    const all = {
      left: Math.min(left, box.left),
      right: Math.max(right, box.right),
      top: Math.min(top, box.top),
      bottom: Math.max(bottom, box.bottom),
    };
    if (all.right - all.left > clientWidth - 2 * margin || all.bottom - all.top > clientHeight - 2 * margin) continue;
    ({ left, right, top, bottom } = all);
  }
  // To the middle, so that what comes next is likely to be in view already.
  const inside = (/** @type {number} */ low, /** @type {number} */ high, /** @type {number} */ size) =>
    low >= margin && high <= size - margin;
  const x = left - view.left;
  const y = top - view.top;
  const across = inside(x, x + right - left, clientWidth) ? 0 : x + (right - left - clientWidth) / 2;
  const down = inside(y, y + bottom - top, clientHeight) ? 0 : y + (bottom - top - clientHeight) / 2;
  // Also when there is nowhere to go: an earlier scroll may still be on its way.
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  figure.scrollTo({
    left: figure.scrollLeft + across,
    top: figure.scrollTop + down,
    behavior: still ? "instant" : "smooth",
  });
}
