// Columns of numbers, as Python packs them: bytes in base64.

/** @typedef {{type: "float32" | "float64" | "int32" | "uint8", shape: number[], data: string}} Packed */
/** @typedef {Float32Array | Float64Array | Int32Array | Uint8Array} Numbers */

const TYPES = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array };

/**
 * Of all numbers first the lowest bytes, then the next; and each row as its difference (exclusive or) to the row before.
 * @param {Packed} packed
 * @returns {Numbers}
 */
export function unpacked({ type, shape, data }) {
  const text = atob(data);
  const count = text.length / TYPES[type].BYTES_PER_ELEMENT;
  const size = text.length / (count || 1);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[(i % count) * size + Math.floor(i / count)] = text.charCodeAt(i);
  const width = shape.slice(1).reduce((product, along) => product * along, 1) * size;
  if (shape.length) for (let i = width; i < bytes.length; i += 1) bytes[i] ^= bytes[i - width];
  return new TYPES[type](bytes.buffer);
}

/** Rows of numbers, all of one width. */
export class Rows {
  /** @type {Numbers} */
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

  /** From the second row on, and then one row more. @param {Rows} last */
  next(last) {
    const numbers = new Float32Array(this.length * this.width);
    numbers.set(this.#numbers.subarray(this.width, this.length * this.width));
    numbers.set(last.#numbers.subarray(0, this.width), (this.length - 1) * this.width);
    return new Rows(this.width, numbers);
  }

  /** The first rows, to which others can be added. @param {number} count */
  cut(count) {
    return new Rows(this.width, this.#numbers.slice(0, Math.min(count, this.length) * this.width));
  }

  /** Adds a row. @param {ArrayLike<number>} row */
  push(row) {
    if (!this.width) return;
    const end = this.length * this.width;
    if (end + this.width > this.#numbers.length) {
      const grown = new /** @type {any} */ (this.#numbers.constructor)(Math.max(16 * this.width, 2 * end));
      grown.set(this.#numbers.subarray(0, end));
      this.#numbers = grown;
    }
    this.#numbers.set(row, end);
    this.length += 1;
  }

  /** Puts other rows in the place of those from one on. @param {number} start @param {Rows} rows */
  put(start, rows) {
    if (!this.width) return;
    const end = (start + rows.length) * this.width;
    if (end > this.#numbers.length) {
      const grown = new /** @type {any} */ (this.#numbers.constructor)(Math.max(16 * this.width, 2 * end));
      grown.set(this.#numbers.subarray(0, start * this.width));
      this.#numbers = grown;
    }
    this.#numbers.set(rows.#numbers.subarray(0, rows.length * this.width), start * this.width);
    this.length = start + rows.length;
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
