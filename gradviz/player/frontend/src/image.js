// What the picture shows as an image, shown beside it too.

import { html } from "./dom.js";
import { imageAt } from "./state.js";

/**
 * The image at step k of a tensor's value ("t3_v") or gradient ("t3_g"), if it is drawn as one.
 * @param {Pick<import("./state.js").Payload, "steps" | "grids">} payload
 * @param {string} key
 * @param {number} k
 * @param {string} alt what it is, where nobody sees it
 */
export function imageOf({ steps, grids }, key, k, alt) {
  const src = imageAt(steps, key, k);
  // Maps are in the palette's colours, which a dark page turns over; a photograph stays what it is.
  return src ? html("img", { class: grids[key]?.raster === "maps" ? "gp-image gp-maps" : "gp-image", src, alt }) : undefined;
}
