// Columns of numbers, as Python packs them: bytes in base64.

/** @typedef {{type: "float32" | "float64" | "int32", shape: number[], data: string}} Packed */
/** @typedef {Float32Array | Float64Array | Int32Array} Numbers */

const TYPES = { float32: Float32Array, float64: Float64Array, int32: Int32Array };

/**
 * @param {Packed} packed
 * @returns {Numbers}
 */
export function unpacked({ type, data }) {
  const text = atob(data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return new TYPES[type](bytes.buffer);
}

/** Rows of numbers, all of one width. */
export class Rows {
  #numbers;

  /** @param {number} width @param {Numbers} [numbers] */
  constructor(width, numbers = new Float32Array(0)) {
    this.width = width;
    this.length = width ? numbers.length / width : 0;
    this.#numbers = numbers;
  }

  /** @param {Packed} packed */
  static of(packed) {
    return new Rows(packed.shape.slice(1).reduce((product, size) => product * size, 1), unpacked(packed));
  }

  /** From a column that may be narrow: one number for each row, or one for all. @param {any} column @param {number} count @param {number} width */
  static filled(column, count, width) {
    const narrow = column.type === "constant" ? new Float32Array([column.value]) : unpacked(column);
    if (narrow.length === count * width) return new Rows(width, narrow);
    return new Rows(width, Float32Array.from({ length: count * width }, (_, i) => narrow[narrow.length === count ? Math.floor(i / width) : 0]));
  }

  /** @param {number} row @param {number} [column] @returns {number} */
  at(row, column = 0) {
    return row >= 0 && row < this.length ? this.#numbers[row * this.width + column] : NaN;
  }

  /** @param {number} row */
  row(row) {
    return this.#numbers.subarray(row * this.width, (row + 1) * this.width);
  }

  /** One column of it. @param {number} column @returns {number[]} */
  column(column) {
    return Array.from({ length: this.length }, (_, row) => this.at(row, column));
  }
}
