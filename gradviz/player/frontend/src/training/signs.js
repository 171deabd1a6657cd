// The colours of numbers below zero and above: the same as in the drawings.

export const MINUS = { light: "#5c2d86", dark: "#c4a2e8" };
export const PLUS = { light: "#00796b", dark: "#4fd1bd" };

const [LEAST, MIDDLE, MOST] = [[64, 18, 107], [247, 247, 247], [0, 122, 108]];

/** The colour of a share of the largest number, from −1 to 1; grey of what is no number. @param {number} share @returns {[number, number, number, number]} */
export function mixed(share) {
  if (Number.isNaN(share)) return [128, 128, 128, 255];
  const end = share < 0 ? LEAST : MOST;
  const much = Math.min(1, Math.abs(share));
  const one = (/** @type {0 | 1 | 2} */ part) => Math.round(MIDDLE[part] + (end[part] - MIDDLE[part]) * much);
  return [one(0), one(1), one(2), 255];
}

const SHADES = 255; // on either side of zero
/** @param {number} share */
const asPixel = (share) => new Uint32Array(Uint8Array.from(mixed(share)).buffer)[0];
const PIXELS = Uint32Array.from({ length: 2 * SHADES + 1 }, (_, at) => asPixel((at - SHADES) / SHADES));
const NO_NUMBER = asPixel(NaN);

/** The same as one pixel of an image, for many of them. @param {number} share */
export const pixelOf = (share) => (Number.isNaN(share) ? NO_NUMBER : PIXELS[Math.round((Math.max(-1, Math.min(1, share)) + 1) * SHADES)]);
