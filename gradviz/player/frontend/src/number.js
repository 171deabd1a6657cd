// Numbers as a learner writes them, the same as in the picture (gradviz.engine.notation.number).

/**
 * Writes a number with few significant digits, a real minus sign and no trailing zeros.
 * @param {number | boolean} value
 * @param {number} [digits]
 * @returns {string}
 */
export function numberText(value, digits = 4) {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e5) return String(value).replace("-", "−");
  const wholeDigits = size < 1e5 ? String(Math.trunc(size)).length : 0;
  const kept = Math.max(digits, wholeDigits);
  const [mantissa, power] = rounded(value, kept).split("e");
  const exponent = Number(power);
  // As "%g" does: powers of ten for what is very small or very large.
  const written =
    exponent < -4 || exponent >= kept
      ? `${withoutZeros(mantissa)}e${exponent}`
      : withoutZeros(Number(`${mantissa}e${power}`).toFixed(Math.max(0, kept - 1 - exponent)));
  return written.replaceAll("-", "−");
}

/**
 * Rounds to so many digits. Of two that are equally near Python takes the even one, and JavaScript the larger.
 * @param {number} value
 * @param {number} digits
 */
function rounded(value, digits) {
  const [all, power] = value.toExponential(40).split("e");
  const cut = all.indexOf(".") + digits;
  const isTie = /^50*$/.test(all.slice(cut)) && Number(all[cut - 1]) % 2 === 0;
  return isTie ? `${all.slice(0, cut)}e${power}` : value.toExponential(digits - 1);
}

/** @param {string} text */
function withoutZeros(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Writes a shape: "10×3", and "one number" for a scalar. @param {number[]} shape */
export function shapeText(shape) {
  return shape.length ? shape.join("×") : "one number";
}
