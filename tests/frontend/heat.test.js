import assert from "node:assert/strict";
import test from "node:test";
import { roleOf, rowsIn, shadeOf } from "../../gradviz/player/frontend/src/heat.js";

const value = (shape) => ({ shape, dtype: "float32", data: Array.from({ length: shape.reduce((all, n) => all * n, 1) }, (_, i) => i) });

test("a heatmap has the rows of its array, also where it stands transposed", () => {
  assert.deepEqual(rowsIn(value([2, 3])), [[0, 1, 2], [3, 4, 5]]);
  assert.deepEqual(rowsIn(value([2, 3]), true), [[0, 3], [1, 4], [2, 5]]);
  assert.deepEqual(rowsIn(value([3])), [[0, 1, 2]]);
  assert.deepEqual(rowsIn(value([2, 1, 2])), [[0, 1], [2, 3]]);
  assert.deepEqual(rowsIn(value([])), [[0]]);
  assert.deepEqual(rowsIn(value([0, 3])), []);
});

test("of many rows the means of blocks are shown", () => {
  const rows = rowsIn(value([64, 2]));
  assert.equal(rows.length, 32);
  assert.deepEqual(rows[0], [1, 2]);
  assert.deepEqual(rowsIn(value([2, 64]), true)[31], [62.5, 126.5]);
});

test("shades go with the square root, on the scale of their role", () => {
  // As gradviz.drawing.palette.shaded has them, of [-1, -0.01, 0, 0.25, 1, 2, nan] on a scale to 1.
  assert.equal([-1, -0.01, 0, 0.25, 1, 2, NaN].map((number) => shadeOf(number, 1)).join(""), "0moAMM!");
});

test("values, weights and gradients have a scale each", () => {
  const facts = { tensor: (id) => ({ role: id === "t1" ? "parameter" : "input" }) };
  assert.equal(roleOf(facts, "t0"), "values");
  assert.equal(roleOf(facts, "t1"), "weights");
  assert.equal(roleOf(facts, "t1", "gradient"), "gradients");
  assert.equal(roleOf(facts, "o1_0", "contribution"), "gradients");
});
