// Numbers as a learner writes them, the same as in the picture (gradviz.engine.numerals).

/** Bits of the significand, and the exponent of the smallest normal number. @type {Record<string, [number, number]>} */
const PRECISIONS = { float16: [11, -14], bfloat16: [8, -126], float32: [24, -126] };

/** Added to a number and taken off again, it rounds to a whole number, halves to even. */
const TO_WHOLE = 1.5 * 2 ** 52;

/**
 * Rounds to the nearest number of a dtype.
 * @param {number} value
 * @param {string} dtype
 */
export function nearest(value, dtype) {
  const [bits, least] = PRECISIONS[dtype] ?? [];
  if (bits === undefined || !value || !Number.isFinite(value)) return value;
  const unit = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), least ?? 0) - bits + 1);
  return (value / unit + TO_WHOLE - TO_WHOLE) * unit;
}

/**
 * Writes a number: the shortest text that reads back as the same number in its dtype where that has at most two characters more
 * than `digits`, its sign not counted; else so many significant digits. With a real minus sign, without trailing zeros.
 * @param {number | boolean} value
 * @param {number} [digits]
 * @param {string} [dtype]
 * @returns {string}
 */
export function numberText(value, digits = 4, dtype = "float64") {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Number.isNaN(value)) return "nan";
  const sign = value < 0 ? "−" : "";
  if (!Number.isFinite(value)) return `${sign}∞`;
  if (value === 0) return "0";
  const size = shortest(Math.abs(value), dtype);
  const most = digits + 2;
  // Within 15 digits no two texts read as one float64, so that the longest, without its zeros, is the shortest.
  const exact = rounded(size, Math.min(most, 7));
  const lengths = [true, false].map((plain) => written(exact, plain).length);
  if (Number(exact) === size && Math.min(...lengths) <= most) return sign + written(exact, most);
  const kept = size < 1e5 ? Math.max(digits, String(Math.trunc(size)).length) : digits;
  return sign + written(rounded(size, kept), kept);
}

/**
 * The number with the fewest digits that is the same in a dtype: 0.1 for what a float32 holds of it.
 * @param {number} size
 * @param {string} dtype
 */
function shortest(size, dtype) {
  const whole = nearest(size, dtype);
  for (let count = 1; PRECISIONS[dtype] && count <= 9; count++) {
    const one = Number(rounded(size, count));
    if (nearest(one, dtype) === whole) return one;
  }
  return size;
}

/**
 * Lays a number out, plainly or, as "%g" does, with a power of ten for what is very small or has too many digits.
 * @param {string} scientific As `toExponential` writes it.
 * @param {number | boolean} plain Whether plainly, or from which exponent on not.
 */
function written(scientific, plain) {
  const [mantissa = "", power] = scientific.split("e");
  const exponent = Number(power);
  const digits = mantissa.replace(".", "").replace(/0+$/, "");
  const point = (/** @type {number} */ place) => digits.slice(0, place).padEnd(place, "0") + (digits[place] ? `.${digits.slice(place)}` : "");
  if (plain === true || (plain !== false && -5 < exponent && exponent < plain))
    return exponent < 0 ? `0.${"0".repeat(-exponent - 1)}${digits}` : point(exponent + 1);
  return `${point(1)}e${exponent}`.replace("-", "−");
}

/**
 * Rounds to so many digits. Of two that are equally near Python takes the even one, and JavaScript the larger.
 * @param {number} value
 * @param {number} digits
 */
function rounded(value, digits) {
  // Only a number that has one digit more, a 5, can be as near to both; to write all digits takes fifty times as long.
  const longer = value.toExponential(digits);
  if (longer[longer.indexOf("e") - 1] !== "5" || Number(longer) !== value) return value.toExponential(digits - 1);
  const [all = "", power] = value.toExponential(40).split("e");
  const cut = all.indexOf(".") + digits;
  const isTie = /^50*$/.test(all.slice(cut)) && Number(all[cut - 1]) % 2 === 0;
  return isTie ? `${all.slice(0, cut)}e${power}` : value.toExponential(digits - 1);
}

/**
 * Writes one of a tensor's numbers, as it is to be printed by what it was computed from: what is nothing but rounding error as "≈ 0".
 * @param {import("./facts.js").Value} value
 * @param {number} index
 */
export function entryText({ data, digits, dust }, index) {
  return dust?.includes(index) ? "≈ 0" : numberText(data?.[index] ?? NaN, digits);
}

/** Writes a shape: "10×3", and "one number" for a scalar. @param {number[]} shape */
export function shapeText(shape) {
  return shape.length ? shape.join("×") : "one number";
}
