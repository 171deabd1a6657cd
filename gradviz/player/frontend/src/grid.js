// Where the entries of a tensor stand on its card: in rows and columns, and a tensor of more axes as several such matrices, some
// beside and some below each other. Pure functions, no DOM.

/**
 * Places are in pixels of the picture; `layers` matrices, of which `across` stand side by side with `gap` between them. A
 * `preview` shows in each cell the mean of a block of entries, in an `image` no entry has a place. As a `raster` it is
 * an image of its own: "maps" in the colours of the palette, or a "photo".
 * @typedef {{
 *   x: number, y: number, kind: "numbers" | "heatmap" | "preview" | "image" | "empty", rows: number, columns: number,
 *   wide: number, high: number, layers: number, across: number, gap: number, raster?: string,
 * }} Grid
 */

/** How many cells a grid has. @param {Grid} grid */
export const count = ({ layers, rows, columns }) => layers * rows * columns;

/** How far it is from one matrix to the next, across and down. @param {Grid} grid */
const pitch = ({ rows, columns, wide, high, gap }) => [columns * wide + gap, rows * high + gap];

/**
 * Where a cell begins, from the top left of all.
 * @param {Grid} grid
 * @param {number} index
 * @returns {[number, number]}
 */
export function corner(grid, index) {
  const { rows, columns, wide, high, across } = grid;
  const [right, down] = pitch(grid);
  const layer = Math.floor(index / (rows * columns));
  const row = Math.floor(index / columns) % rows;
  return [(layer % across) * right + (index % columns) * wide, Math.floor(layer / across) * down + row * high];
}

/**
 * What to draw around a cell.
 * @param {Grid} grid
 * @param {number} index
 */
export function boxOf(grid, index) {
  const [x, y] = corner(grid, index);
  const inset = grid.kind === "numbers" ? 4 : 0; // numbers end at the right of their cell, and keep away from the left
  return { x: grid.x + x + inset, y: grid.y + y, width: grid.wide - (inset ? 0 : 1), height: grid.high - 1 };
}

/**
 * The cell at a place of the picture, if there is one.
 * @param {Grid} grid
 * @param {number} x
 * @param {number} y
 * @returns {number | undefined}
 */
export function indexAt(grid, x, y) {
  const [right, down] = pitch(grid);
  const [left, top] = [x - grid.x, y - grid.y];
  const [over, under] = [Math.floor(left / right), Math.floor(top / down)];
  const column = Math.floor((left - over * right) / grid.wide);
  const row = Math.floor((top - under * down) / grid.high);
  const layer = under * grid.across + over;
  const outside = over < 0 || over >= grid.across || under < 0 || layer >= grid.layers || column >= grid.columns || row >= grid.rows;
  return outside ? undefined : (layer * grid.rows + row) * grid.columns + column;
}

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Rows and columns as they are seen, over all matrices. @param {Grid} grid */
export function seen({ layers, across, rows, columns }) {
  return { rows: Math.ceil(layers / across) * rows, columns: Math.min(across, layers) * columns };
}

/** Where a cell is seen. @param {Grid} grid @param {number} index */
export function seenAt({ across, rows, columns }, index) {
  const layer = Math.floor(index / (rows * columns));
  return {
    row: Math.floor(layer / across) * rows + (Math.floor(index / columns) % rows),
    column: (layer % across) * columns + (index % columns),
  };
}

/**
 * The cell that is seen in a row and column, if there is one.
 * @param {Grid} grid
 * @param {number} row
 * @param {number} column
 */
export function indexSeen(grid, row, column) {
  const { rows, columns, across, layers } = grid;
  const all = seen(grid);
  const layer = Math.floor(row / rows) * across + Math.floor(column / columns);
  if (row < 0 || column < 0 || row >= all.rows || column >= all.columns || layer >= layers) return undefined;
  return (layer * rows + (row % rows)) * columns + (column % columns);
}

/**
 * The cell that a key leads to from another: the next in the direction of an arrow as it is seen, the ends of the row (Home, End),
 * or of all (with Control). Undefined for no such key, and where there is nothing further on.
 * @param {Grid} grid
 * @param {number} index
 * @param {{key: string, ctrlKey?: boolean}} event
 */
export function moved(grid, index, { key, ctrlKey = false }) {
  const { row, column } = seenAt(grid, index);
  if (Object.hasOwn(ARROWS, key) && !ctrlKey) {
    const [right, down] = ARROWS[key];
    return indexSeen(grid, row + down, column + right);
  }
  if (key === "Home") return ctrlKey ? 0 : indexSeen(grid, row, 0);
  if (key !== "End") return undefined;
  if (ctrlKey) return count(grid) - 1;
  for (let last = seen(grid).columns - 1; last > column; last -= 1) {
    const found = indexSeen(grid, row, last);
    if (found !== undefined) return found;
  }
  return index;
}

/**
 * The entries of a tensor of this shape that a cell shows: one, or in a preview the block whose mean it is.
 * @param {Grid} grid
 * @param {number[]} shape
 * @param {number} index
 * @returns {{rows: [number, number], columns: [number, number], entries: number[]}} rows and columns from one to before another
 */
export function entriesOf({ kind, rows, columns }, shape, index) {
  const [high, wide] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  const layer = Math.floor(index / (rows * columns));
  const [row, column] = [Math.floor(index / columns) % rows, index % columns];
  if (kind !== "preview") return { rows: [row, row + 1], columns: [column, column + 1], entries: [index] };
  const part = (/** @type {number} */ place, /** @type {number} */ all, /** @type {number} */ shown) =>
    /** @type {[number, number]} */ ([Math.floor((place * all) / shown), Math.floor(((place + 1) * all) / shown)]);
  const [top, bottom] = part(row, high, rows);
  const [left, right] = part(column, wide, columns);
  const entries = [];
  for (let i = top; i < bottom; i += 1) for (let j = left; j < right; j += 1) entries.push((layer * high + i) * wide + j);
  return { rows: [top, bottom], columns: [left, right], entries };
}

/** Shades of cells, from the most negative to the most positive; of those that are not known yet, and that are no finite number. */
export const SIGNS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM";
export const LEVELS = (SIGNS.length - 1) / 2;
export const NOT_YET = ".";
export const NOT_FINITE = "!";

// As in gradviz.drawing.cells and palette: a dot in what is not known yet; a minus in what is negative, on a pale or a dark shade.
const [DOT, MINUS] = [2, 0.35];
const [ON_PALE, ON_DARK] = ["-", "="];

/** How thick strokes are that do not fill their cells. @type {Record<string, number>} */
export const THICK = { [NOT_YET]: DOT, [ON_PALE]: 1.2, [ON_DARK]: 1.2 };

/**
 * A heatmap as one path for each shade, which goes through every cell of that shade; through a dot of those not known yet. What is
 * negative has a minus.
 * @param {Grid} grid
 * @param {string} shades a sign for each cell
 * @returns {Map<string, string>} by its sign, what the path does
 */
export function shadePaths(grid, shades) {
  /** @type {Map<string, string>} */
  const paths = new Map();
  /** @type {Map<string, string>} */
  const minus = new Map();
  const stroke = (/** @type {Map<string, string>} */ of, /** @type {string} */ ink, /** @type {number} */ index, /** @type {number} */ length) => {
    const [x, y] = corner(grid, index);
    of.set(ink, `${of.get(ink) ?? ""}M${short(x + (grid.wide - 1 - length) / 2)} ${short(y)}h${short(length)}`);
  };
  const most = Math.min(shades.length, count(grid));
  for (let index = 0; index < most; index += 1) {
    const shade = shades[index];
    stroke(paths, shade, index, shade === NOT_YET ? DOT : grid.wide - 1);
    const level = SIGNS.indexOf(shade);
    if (level >= 0 && level < LEVELS - 1) stroke(minus, level < LEVELS / 2 ? ON_DARK : ON_PALE, index, MINUS * grid.wide);
  }
  return new Map([...paths, ...minus]);
}

/** As Python writes it: four digits at most. @param {number} length */
const short = (length) => String(Number(length.toPrecision(4)));
