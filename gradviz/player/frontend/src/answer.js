// A learner's answer: read as a number or a shape, and judged. Pure functions, no DOM.

const NUMBER = /^(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[+-]?\d+)?/i;
const SPECIAL = /^(?:nan|inf(?:inity)?|∞)/i;
const LONGEST = 60;

/**
 * Reads a number or a short sum: "0.5", "0,5", "−3", "1e-3", "1/3", "2*3", "4 + 3".
 *
 * `unit` is one in the last digit that was written, which says how finely the learner has rounded; 0 for what was not rounded.
 * @param {string} text
 * @returns {{value: number, unit: number} | null} null where it is none of these
 */
export function readNumber(text) {
  let rest = text.replace(/\s/g, "").replace(/[−–—]/g, "-").replace(/[·×⋅]/g, "*").replace(/[÷:]/g, "/");
  if (!rest || rest.length > LONGEST) return null;
  let sum = 0;
  let product = 1;
  let operator = "*";
  let literals = 0;
  let unit = 0;
  while (true) {
    const signs = /^[+-]*/.exec(rest)?.[0] ?? "";
    rest = rest.slice(signs.length);
    const word = (NUMBER.exec(rest) ?? SPECIAL.exec(rest))?.[0];
    if (!word) return null;
    rest = rest.slice(word.length);
    literals += 1;
    const size = valueOf(word);
    unit = unitOf(word);
    const value = signs.split("-").length % 2 ? size : -size;
    product = operator === "*" ? product * value : product / value;
    if (!rest) return { value: sum + product, unit: literals === 1 ? unit : 0 };
    operator = rest[0];
    if (operator === "+" || operator === "-") {
      sum += product;
      product = 1;
      operator = "*"; // the sign itself is read with the next number
    } else if (operator === "*" || operator === "/") rest = rest.slice(1);
    else return null;
  }
}

/** @param {string} word */
function valueOf(word) {
  if (/^nan/i.test(word)) return NaN;
  return SPECIAL.test(word) ? Infinity : Number(word.replace(",", "."));
}

/** @param {string} word */
function unitOf(word) {
  const [digits, power] = word.toLowerCase().split("e");
  const decimals = digits.split(/[.,]/)[1];
  return decimals === undefined || SPECIAL.test(word) ? 0 : Number(`1e${Number(power ?? 0) - decimals.length}`);
}

/**
 * Reads a shape: "3×4", "3 x 4", "(3, 4)", "[3]", "torch.Size([3, 4])"; "()" for a single number.
 * @param {string} text
 * @returns {number[] | null}
 */
export function readShape(text) {
  const inside = text.trim().replace(/^torch\.Size/i, "").replace(/[()[\]]/g, " ").trim();
  if (!inside) return /[([]/.test(text) ? [] : null;
  const parts = inside.split(/\s*[×x*,;]\s*|\s+/i).filter(Boolean);
  return parts.every((part) => /^\d{1,9}$/.test(part)) ? parts.map(Number) : null;
}

/** @typedef {"right" | "close" | "sign" | "wrong"} Verdict */

/**
 * Judges a number. Rounding is fine: to half a percent, or to the digits that were written if these are at least two or so.
 * @param {{value: number, unit: number}} answer
 * @param {number} truth
 * @returns {Verdict}
 */
export function judge({ value, unit }, truth) {
  if (Number.isNaN(truth) || !Number.isFinite(truth)) {
    if (Object.is(value, truth)) return "right";
    return value === -truth ? "sign" : "wrong";
  }
  const matches = (/** @type {number} */ wanted) => {
    const error = Math.abs(value - wanted);
    const size = Math.abs(wanted);
    return error <= Math.max(1e-7, 0.005 * size) || (error <= unit * 0.5001 && error <= 0.02 * size);
  };
  if (matches(truth)) return "right";
  if (matches(-truth)) return "sign";
  return Math.abs(value - truth) <= 0.1 * Math.abs(truth) ? "close" : "wrong";
}
