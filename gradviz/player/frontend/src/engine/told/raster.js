// A tensor with many cells, as an image of its own: a pixel for each in the colours of the palette.

import { shadeOf } from "../../heat.js";

/**
 * @param {number[]} numbers one for each cell, matrix after matrix
 * @param {import("../../grid.js").Grid} grid
 * @param {number} scale
 * @param {Record<string, string>} inks
 * @returns {string | undefined} its address
 */
export function mapImage(numbers, { layers, rows, columns, wide, high, across, gap }, scale, inks) {
  const canvas = document.createElement("canvas");
  // Between matrices as many pixels as in the picture, counted in cells.
  const space = Math.max(layers > 1 ? 1 : 0, Math.round(gap / wide));
  canvas.width = Math.min(across, layers) * (columns + space) - space;
  canvas.height = Math.ceil(layers / across) * (rows + Math.max(space, Math.round(gap / high))) - space;
  const context = canvas.getContext("2d");
  if (!context) return undefined;
  numbers.forEach((number, k) => {
    const layer = Math.floor(k / (rows * columns));
    context.fillStyle = inks[shadeOf(number, scale)] ?? "#888";
    context.fillRect((layer % across) * (columns + space) + (k % columns), Math.floor(layer / across) * (rows + space) + (Math.floor(k / columns) % rows), 1, 1);
  });
  return canvas.toDataURL("image/png");
}
