import assert from "node:assert/strict";
import test from "node:test";
import { Facts } from "../../gradviz/player/frontend/src/facts.js";
import { blockOf } from "../../gradviz/player/frontend/src/jacobian.js";
import { barsOf, verdict } from "../../gradviz/player/frontend/src/nudge.js";
import { stations } from "../../gradviz/player/frontend/src/paths.js";
import { spansOn } from "../../gradviz/player/frontend/src/code.js";
import { data } from "./facts.js";

test("two changes are bars from one zero", () => {
  assert.deepEqual(barsOf(10, 5), { said: { left: 0, width: 100 }, true_: { left: 0, width: 50 }, zero: 0 });
  assert.deepEqual(barsOf(-10, -5), { said: { left: 0, width: 100 }, true_: { left: 50, width: 50 }, zero: 100 });
  assert.deepEqual(barsOf(3, -1), { said: { left: 25, width: 75 }, true_: { left: 0, width: 25 }, zero: 25 });
  assert.deepEqual(barsOf(0, 0).said, { left: 0, width: 0 });
});

test("whether prediction and truth agree is said with the distance", () => {
  assert.equal(verdict(11, 11.21), "0.21 apart: the gradient is the slope here, and the way bends (a curve or a corner).");
  assert.equal(verdict(11, 11.0001), "The two agree.");
  assert.equal(verdict(0, 0), "The two agree.");
});

test("a path is told by the tensors on it, a long one without its middle", () => {
  const facts = new Facts(data);
  assert.deepEqual(stations(facts, { edges: ["o1_1", "o0_0"], text: "", value: null }), ["z", "y", "w"]);
  assert.deepEqual(stations(facts, { edges: ["o1_1", "o0_0", "o1_1", "o0_0", "o1_1"], text: "", value: null }), ["z", "y", "…", "w", "y"]);
});

test("a small Jacobian is whole, of a large one there is the block around an entry", () => {
  // A softmax over rows of two, written as a table: each entry of a row feeds both of its row.
  const rows = (/** @type {number} */ count) => ({
    link: {
      starts: Array.from({ length: 2 * count + 1 }, (_, i) => 2 * i),
      results: Array.from({ length: 2 * count }, (_, i) => [i - (i % 2), i - (i % 2) + 1]).flat(),
      factors: Array.from({ length: 2 * count }, (_, i) => (i % 2 ? [-0.25, 0.25] : [0.25, -0.25])).flat(),
    },
    shapes: { argument: [count, 2], results: [[count, 2]] },
    results: ["t1"],
    tensor: "t0",
  });
  const small = blockOf(rows(1), 0);
  assert.deepEqual(small, { rows: [0, 1], columns: [0, 1], numbers: [[0.25, -0.25], [-0.25, 0.25]], whole: true });
  assert.deepEqual(blockOf(rows(20), 7), { rows: [6, 7], columns: [6, 7], numbers: [[0.25, -0.25], [-0.25, 0.25]], whole: false });
});

test("expressions on a line stand within each other, whatever the sources claim", () => {
  const at = (/** @type {number} */ column, /** @type {number} */ end) => ({ file: "f", line: 3, column, end_line: 3, end_column: end });
  const [outer, ...others] = spansOn("h = relu(x @ W) + c", 3, [at(9, 14), at(4, 19), at(4, 15)]);
  assert.deepEqual(others, []);
  assert.deepEqual([outer.start, outer.end], [4, 19]);
  assert.deepEqual([outer.inside[0].start, outer.inside[0].end], [4, 15]);
  assert.deepEqual([outer.inside[0].inside[0].start, outer.inside[0].inside[0].end], [9, 14]);
  const [first, second] = spansOn("aaaa bbbb", 3, [at(0, 4), at(5, 9)]);
  assert.deepEqual([first.start, second.start], [0, 5]);
  const [crossing] = spansOn("aaaa bbbb", 3, [at(0, 4), at(2, 9)]);
  assert.equal(crossing.inside[0].end, 4);
  assert.deepEqual(spansOn("aaaa", 4, [at(0, 4)]), []);
});
