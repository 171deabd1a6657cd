import assert from "node:assert/strict";
import test from "node:test";
import { MOST_PATHS, lineOf, pathsTo } from "../../gradviz/player/frontend/src/path.js";

/** y = x·x + x, as facts. */
const square = {
  tensors: [],
  frames: [],
  operations: [
    { id: "o0", grad_fn: "MulBackward0", inputs: [{ id: "o0_0", tensor: "t0", local: "x", local_number: "3" }, { id: "o0_1", tensor: "t0", local: "x", local_number: "3" }], outputs: ["t1"] },
    { id: "o1", grad_fn: "AddBackward0", inputs: [{ id: "o1_0", tensor: "t1", local: "1" }, { id: "o1_1", tensor: "t0", local: "1" }], outputs: ["t2"] },
  ],
};

/** A ladder: each rung uses the one below twice. */
const ladder = (rungs) => ({
  tensors: [],
  frames: [],
  operations: Array.from({ length: rungs }, (_, i) => ({
    id: `o${i}`, grad_fn: "AddBackward0", outputs: [`t${i + 1}`],
    inputs: [0, 1].map((slot) => ({ id: `o${i}_${slot}`, tensor: `t${i}`, local: "1" })),
  })),
});

const write = (number) => String(number);

test("every path from the output to a leaf is found, in the order of the arguments", () => {
  const { count, paths } = pathsTo(square, "t2", "t0");
  assert.equal(count, 3);
  assert.deepEqual(paths.map(({ edges }) => edges.map(({ id }) => id)), [["o1_0", "o0_0"], ["o1_0", "o0_1"], ["o1_1"]]);
  assert.deepEqual(paths.map((path) => lineOf(path, write).product), [3, 3, 1]);
  assert.equal(lineOf(paths[0], write).symbols, "1 · x");
  assert.equal(lineOf(paths[0], write).numbers, "1 × 3");
});

test("there may be more paths than anyone could walk", () => {
  const { count, paths } = pathsTo(ladder(200), "t200", "t0");
  assert.equal(count, 2 ** 200);
  assert.equal(paths.length, MOST_PATHS);
});

test("a leaf that is not used has no path", () => {
  assert.deepEqual(pathsTo(square, "t2", "t9"), { count: 0, paths: [] });
});
