import assert from "node:assert/strict";
import test from "node:test";
import { boxOf, count, entriesOf, indexAt, indexSeen, moved, seen, seenAt, shadePaths } from "../../gradviz/player/frontend/src/grid.js";

const grid = (more) => ({ x: 100, y: 50, kind: "heatmap", rows: 3, columns: 4, wide: 14, high: 12, layers: 1, across: 1, gap: 5, ...more });
// Three matrices, two beside each other and one below.
const stacked = grid({ rows: 2, columns: 3, wide: 7, high: 7, layers: 3, across: 2 });
const numbers = grid({ kind: "numbers", wide: 40.5, high: 19 });

test("every cell is found at its place, and nothing beside the cells", () => {
  for (const each of [grid(), stacked, numbers]) {
    for (let index = 0; index < count(each); index += 1) {
      const { x, y, width, height } = boxOf(each, index);
      assert.equal(indexAt(each, x + width / 2, y + height / 2), index);
      assert.equal(indexAt(each, x + 0.5, y + 0.5), index);
    }
    const { x, y } = boxOf(each, 0);
    for (const [dx, dy] of [[-9, 0], [0, -1], [1000, 0], [0, 1000]]) assert.equal(indexAt(each, x + dx, y + dy), undefined);
  }
  assert.equal(indexAt(stacked, 100 + 3 * 7 + 2, 55), undefined, "the gap between two matrices");
  assert.equal(indexAt(stacked, 100 + 26 + 3, 50 + 19 + 3), undefined, "where a fourth matrix would be");
});

test("the arrows go to what is seen next, over the gaps between matrices", () => {
  const go = (index, key, ctrlKey = false) => moved(stacked, index, { key, ctrlKey });
  assert.deepEqual(seen(stacked), { rows: 4, columns: 6 });
  assert.deepEqual(seenAt(stacked, 6), { row: 0, column: 3 });
  assert.equal(go(0, "ArrowRight"), 1);
  assert.equal(go(2, "ArrowRight"), 6);
  assert.equal(go(6, "ArrowLeft"), 2);
  assert.equal(go(3, "ArrowDown"), 12);
  assert.equal(go(12, "ArrowUp"), 3);
  assert.equal(go(0, "ArrowLeft"), undefined);
  assert.equal(go(9, "ArrowDown"), undefined, "there is no fourth matrix");
  assert.equal(go(14, "ArrowRight"), undefined);
  assert.equal(go(7, "Home"), 0);
  assert.equal(go(0, "End"), 8);
  assert.equal(go(12, "End"), 14);
  assert.equal(go(14, "Home", true), 0);
  assert.equal(go(0, "End", true), 17);
  assert.equal(go(0, "x"), undefined);
  assert.equal(go(0, "constructor"), undefined);
});

test("by its row and column as by its place", () => {
  for (let index = 0; index < count(stacked); index += 1) {
    const { row, column } = seenAt(stacked, index);
    assert.equal(indexSeen(stacked, row, column), index);
  }
});

test("a cell of a preview shows a block of entries, and all blocks show all of them once", () => {
  const preview = grid({ kind: "preview", rows: 12, columns: 12 });
  const all = Array.from({ length: 144 }, (_, index) => entriesOf(preview, [20, 13], index).entries).flat();
  assert.deepEqual(all.toSorted((a, b) => a - b), Array.from({ length: 260 }, (_, i) => i));
  assert.deepEqual(entriesOf(preview, [20, 13], 143), { rows: [18, 20], columns: [11, 13], entries: [245, 246, 258, 259] });
  assert.deepEqual(entriesOf(grid(), [3, 4], 5).entries, [5]);
  const channels = grid({ kind: "preview", rows: 2, columns: 2, layers: 2, across: 2 });
  assert.deepEqual(entriesOf(channels, [2, 4, 4], 4).entries, [16, 17, 20, 21]);
  assert.deepEqual(entriesOf(grid({ kind: "preview", rows: 1, columns: 12 }), [24], 1).entries, [2, 3]);
});

test("a heatmap is a path for each shade, through all cells of that shade", () => {
  assert.deepEqual([...shadePaths(grid(), "wwxwwwwwwwwx")], [
    ["w", "M0 0h13M14 0h13M42 0h13M0 12h13M14 12h13M28 12h13M42 12h13M0 24h13M14 24h13M28 24h13"],
    ["x", "M28 0h13M42 24h13"],
  ]);
  assert.equal(shadePaths(grid(), "x".repeat(99)).get("x").match(/M/gu).length, 12, "no more than there are cells");
});

test("what is negative has a minus, in ink that is seen on its shade", () => {
  const paths = shadePaths(grid({ rows: 1, columns: 4 }), "0mno");
  assert.deepEqual([...paths.keys()], ["0", "m", "n", "o", "=", "-"], "of the palest shade none: it is as good as zero");
  assert.equal(paths.get("="), "M4.05 0h4.9");
  assert.equal(paths.get("-"), "M18.05 0h4.9");
});
