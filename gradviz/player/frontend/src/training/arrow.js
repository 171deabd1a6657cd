// An arrow along a line, as long as a number is large; of no length a dot.

/**
 * @param {SVGLineElement} shaft
 * @param {SVGPathElement} head
 * @param {number} start where it begins, in the picture
 * @param {number} y
 * @param {number} length to the right, or below zero to the left
 * @param {number} largest of its head
 */
export function point(shaft, head, start, y, length, largest) {
  const tip = start + length;
  const size = Math.min(largest, Math.abs(length)) * Math.sign(length);
  shaft.setAttribute("x1", String(start));
  shaft.setAttribute("x2", String(tip - size / 2));
  head.setAttribute("d", length ? `M${tip} ${y}l${-size} -5v10z` : `M${start - 2} ${y}a2 2 0 1 0 4 0a2 2 0 1 0 -4 0`);
}
