// The pure parts of the training player: columns, the run that grows, graphs of steps, rules in words, scales.

import assert from "node:assert/strict";
import { test } from "node:test";

const source = new URL("../../gradviz/player/frontend/src/training/", import.meta.url);
const { Rows, unpacked } = await import(new URL("columns.js", source));
const { RunData } = await import(new URL("data.js", source));
const { Graphs, filled } = await import(new URL("graphs.js", source));
const { ruleText } = await import(new URL("rule.js", source));
const { brief } = await import(new URL("parameters.js", source));
const geometry = await import(new URL("geometry.js", source));

/** @param {number[]} numbers */
function packed(numbers, type = "float64", shape = [numbers.length]) {
  const array = type === "float64" ? Float64Array.from(numbers) : type === "int32" ? Int32Array.from(numbers) : Float32Array.from(numbers);
  return { type, shape, data: Buffer.from(array.buffer).toString("base64") };
}

test("columns come back as they were packed", () => {
  assert.deepEqual([...unpacked(packed([1.5, -2, NaN]))], [1.5, -2, NaN]);
  const rows = Rows.of(packed([1, 2, 3, 4, 5, 6], "float32", [3, 2]));
  assert.deepEqual([rows.length, rows.width, rows.at(1, 1), rows.column(0)], [3, 2, 4, [1, 3, 5]]);
  assert.ok(Number.isNaN(rows.at(3)));
});

test("a narrow column stands for all of its row", () => {
  assert.deepEqual(Rows.filled(packed([7, 8], "float32"), 2, 2).column(1), [7, 8]);
  assert.deepEqual(Rows.filled({ type: "constant", value: 3 }, 2, 2).column(1), [3, 3]);
});

const run = () =>
  new RunData({
    kind: "training", version: 1, title: "t", across: "epoch", parameters: [], finished: false, notes: [],
    losses: packed([4, 3, 2, 1]), lines: { loss: packed([0, 1, 2, 3], "int32") }, epochs: packed([0, 1, 2, 3], "int32"),
    steps: { kept: packed([0, 2, 3], "int32"), parameters: [] },
  });

test("the kept step nearest to one", () => {
  const data = run();
  assert.equal(data.length, 3);
  assert.deepEqual([0, 1, 2, 3, 9].map((index) => data.index(data.nearest(index))), [0, 2, 2, 3, 3]);
  assert.deepEqual([0, 1, 2].map((k) => data.loss(k)), [4, 2, 1]);
});

test("what is no run is refused in words", () => {
  assert.throws(() => new RunData({ kind: "else" }), /not a training run/);
  assert.throws(() => new RunData({ kind: "training", version: 99 }), /version 99/);
});

test("values are put into a tree, which stays as it is", () => {
  const tree = { a: [1, { b: 2 }], c: 3 };
  assert.deepEqual(filled(tree, [["a", 1, "b"], ["c"]], [9, 8]), { a: [1, { b: 9 }], c: 8 });
  assert.deepEqual(tree, { a: [1, { b: 2 }], c: 3 });
});

test("of the graphs that are there the nearest is shown, and the step itself asked for once", () => {
  /** @type {number[]} */
  const asked = [];
  const graphs = new Graphs({ programs: [{ base: { x: 0 }, slots: [["x"]] }], rows: { 2: [0, [5]], 8: [0, [6]] } }, (index) => asked.push(index));
  assert.equal(graphs.nearest(4), 2);
  assert.equal(graphs.nearest(7), 8);
  assert.deepEqual(asked, [4]); // the second waits for the first
  assert.deepEqual(graphs.payload(8), { x: 6 });
});

test("a line of a rule is written with its numbers", () => {
  const line = { symbol: "w", key: "new", sentence: "", tokens: [["w", "w"], ["−", ""], ["lr", "lr"], ["·", ""], ["grad", "g"]] };
  const numbers = { w: 2, lr: 0.5, g: -3, new: 3.5 };
  assert.equal(ruleText(line, (key) => numbers[key]), "w ← w − lr · grad = 2 − 0.5 × (−3) = 3.5");
});

test("a number fits a small button", () => {
  for (const value of [0, 1, -1.23456789, 12345.678, 1e-12, -9.87e20, NaN]) assert.ok(brief(value).length <= 7, brief(value));
});

test("a scale finds its way back, and has ticks within its ends", () => {
  for (const [domain, log] of /** @type {const} */ ([[[2, 50], false], [[1e-6, 30], true], [[5, 5], false]])) {
    const scale = geometry.scale([...domain], [40, 600], { log });
    for (const place of [40, 133, 600]) assert.ok(Math.abs(scale(scale.invert(place)) - place) < 1e-6);
    assert.ok(scale.ticks.length > 1);
    for (const tick of scale.ticks) assert.ok(scale(tick) > 39 && scale(tick) < 601, `${tick}`);
  }
});

test("a line has gaps where there are no numbers, and no more points than can be seen", () => {
  assert.deepEqual(geometry.pieces([1, 2, NaN, 3], 100), [[0, 1], [3]]);
  const many = Array.from({ length: 10000 }, (_, k) => Math.sin(k));
  assert.ok(geometry.pieces(many, 300)[0].length <= 2 * 300 + 2);
});
