// The pure parts of the training player: columns, the run that grows, graphs of steps, rules in words, scales.

import assert from "node:assert/strict";
import { test } from "node:test";

const source = new URL("../../gradviz/player/frontend/src/training/", import.meta.url);
const { Rows, unpacked } = await import(new URL("columns.js", source));
const { RunData } = await import(new URL("data.js", source));
const { Graphs } = await import(new URL("graphs.js", source));
const { forward, predicted } = await import(new URL("network.js", source));
const { ruleText } = await import(new URL("rule.js", source));
const { brief } = await import(new URL("parameters.js", source));
const geometry = await import(new URL("geometry.js", source));

/** @param {number[]} numbers */
function packed(numbers, type = "float64", shape = [numbers.length]) {
  const array = type === "float64" ? Float64Array.from(numbers) : type === "int32" ? Int32Array.from(numbers) : Float32Array.from(numbers);
  // As gradviz/player/training/columns.py writes them: each row as its difference to the one before, and byte by byte.
  const bytes = new Uint8Array(array.buffer.slice(0));
  const size = array.BYTES_PER_ELEMENT;
  const width = shape.slice(1).reduce((product, along) => product * along, 1) * size;
  for (let i = bytes.length - 1; i >= width; i -= 1) bytes[i] ^= bytes[i - width];
  const planes = Array.from({ length: bytes.length }, (_, i) => bytes[(i % numbers.length) * size + Math.floor(i / numbers.length)]);
  return { type, shape, data: Buffer.from(planes).toString("base64") };
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
    steps: { kept: packed([0, 2, 3], "int32"), alike: packed([0, 0, -1], "int32"), parameters: [] },
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

const face = (/** @type {Record<string, string>} */ text) => ({ text, fill: {}, image: {}, state: {}, width: {}, path: {}, label: {} });

test("of the graphs that are there the nearest is shown, and the step itself asked for once", () => {
  /** @type {[number, boolean][]} */
  const asked = [];
  const program = { base: { x: 0 }, face: face({ a: "1", b: "2" }), slots: [["text", "b"]], steps: [2, 8], columns: [["2", "3"]], opened: { 2: { y: 5 } } };
  const graphs = new Graphs({ programs: [program] }, run(), { ask: (index, whole) => asked.push([index, whole]) });
  assert.equal(graphs.nearest(4), 2);
  assert.equal(graphs.nearest(7), 8);
  assert.deepEqual(asked, [[4, false]]); // the second waits for the first
  assert.deepEqual(graphs.shown(8).face.text, { a: "1", b: "3" });
  assert.deepEqual(graphs.shown(2).face.text, { a: "1", b: "2" });
  assert.deepEqual(graphs.payload(2), { x: 0, y: 5 });
  assert.equal(graphs.payload(8), undefined);
  assert.deepEqual(asked.at(-1), [8, true]);
  graphs.take({ index: 8, program: 0, face: face({ a: "9" }), numbers: { y: 6 } });
  assert.deepEqual(graphs.payload(8), { x: 0, y: 6 });
  assert.deepEqual(new Graphs({ programs: [program] }, run(), {}).nearestOpened(8), 2);
});

test("a step like the first of its program is computed, once there is what computes it", async () => {
  const told = { number: 0, program: { values: {} }, shown: {}, parameters: {} };
  const first = { facts: { tensors: [], operations: [], frames: [] }, steps: [face({ a: "1" })], title: "epoch 0: w" };
  class Machine {
    run() {}
  }
  class Retelling {
    end() {
      return face({ a: "computed" });
    }
    tell() {}
  }
  let came = 0;
  const program = { base: {}, steps: [0, 2], opened: { 0: first }, computed: told };
  const graphs = new Graphs({ programs: [program] }, run(), { engine: async () => ({ Machine, Retelling }), come: () => (came += 1) });
  assert.equal(graphs.nearest(2), -1);
  await new Promise((done) => setTimeout(done));
  assert.equal(came, 1);
  assert.deepEqual([graphs.nearest(2), graphs.nearest(3), graphs.nearestOpened(3)], [2, -1, -1]); // the third has other data
  assert.deepEqual(graphs.shown(2).face.text, { a: "computed" });
  assert.equal(graphs.payload(2).title, "epoch 2: w");
});

test("what follows is the next row, and after the last its own", () => {
  const rows = Rows.of(packed([1, 2, 3, 4], "float32", [2, 2]));
  assert.deepEqual(rows.next(Rows.of(packed([5, 6], "float32", [1, 2]))).column(0), [3, 5]);
});

test("a network is computed from the numbers of a step", () => {
  const rows = (/** @type {number[]} */ numbers) => new Rows(numbers.length, Float32Array.from(numbers));
  const parameters = [rows([1, 2, -1, 0.5]), rows([0, 1]), rows([1, -2])].map((before) => ({ before }));
  const one = { inputs: 2, outputs: 2, setting: null };
  const layers = [
    { ...one, weight: 0, bias: 1, transposed: false, activation: "relu" },
    { ...one, outputs: 1, weight: 2, bias: null, transposed: false, activation: "" },
  ];
  const made = forward(layers, parameters, 0, [3, 1, -1, -1]);
  assert.deepEqual([...made[0].sums], [5, -1.5, -3, 1.5]);
  assert.deepEqual([...made[1].values], [5, -3]);
  // A weight with a row for each input is the same one, turned.
  const turned = [{ ...layers[0], transposed: true }, layers[1]];
  assert.deepEqual([...forward(turned, [{ before: rows([1, -1, 2, 0.5]) }, ...parameters.slice(1)], 0, [3, 1])[1].values], [5]);
  assert.deepEqual([...predicted({ layers, kind: "logit" }, parameters, 0, [3, 1])], [1 / (1 + Math.exp(-5))]);
  assert.deepEqual([...predicted({ layers: layers.slice(0, 1), kind: "classes" }, parameters, 0, [3, 1])], [1 / (1 + Math.exp(5))]);
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
