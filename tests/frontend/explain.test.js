import assert from "node:assert/strict";
import test from "node:test";
import { explain } from "../../gradviz/player/frontend/src/explain.js";
import { Facts } from "../../gradviz/player/frontend/src/facts.js";
import { linksOf } from "../../gradviz/player/frontend/src/links.js";
import { entryOfKey, keyOfEntry, shortName, textOf } from "../../gradviz/player/frontend/src/workings.js";
import { data, matrixStep } from "./facts.js";

const product = matrixStep().data;
const matrices = new Facts(product, linksOf(product));
const scalars = new Facts(data, linksOf(data));
const said = (facts, tensor, part, index, step) => textOf(explain(facts, { tensor, part, index }, step));

test("a value is the sum of products of what was read", () => {
  assert.equal(said(matrices, "t2", "v", 1, 2), "h[0, 1] = x[0, 0]·W[0, 1] + x[0, 1]·W[1, 1] = 1·(−1) + 2·0.25 = −0.5");
  assert.equal(said(scalars, "t2", "v", 0, 2), "y = w·x = 2·5 = 10");
  assert.equal(said(matrices, "t0", "v", 3, 2), "x[1, 1] = 4"); // given, and made of nothing
});

test("a gradient is a sum of products with the gradient that arrived, added to what was there", () => {
  assert.equal(said(matrices, "t1", "g", 2, 2), "∂h/∂W[1, 0] += x[0, 1]·g[0, 0] + x[1, 1]·g[1, 0] = 2·11 + 4·21 = 106; so far 4, now 110");
  assert.equal(said(matrices, "o0_1", "c", 2, 2), "∂h/∂W[1, 0] = x[0, 1]·g[0, 0] + x[1, 1]·g[1, 0] = 2·11 + 4·21 = 106");
  assert.equal(said(matrices, "t0", "g", 1, 2), "∂h/∂x[0, 1] = g[0, 0]·W[1, 0] + g[0, 1]·W[1, 1] = 11·2 + (−5)·0.25 = 20.75");
  assert.equal(said(scalars, "t0", "g", 0, 4), "∂z/∂w = y·g = 10·1 = 10");
  assert.equal(said(scalars, "t0", "g", 0, 5), "∂z/∂w += x·g = 5·2 = 10; so far 10, now 20");
});

test("what is not known at a step is not told", () => {
  assert.equal(explain(scalars, { tensor: "t1", part: "g", index: 0 }, 4), undefined);
  assert.equal(explain(scalars, { tensor: "t3", part: "v", index: 0 }, 1), undefined);
});

test("the entries it is made of are those of its factors; the same is said of the contribution", () => {
  const found = explain(matrices, { tensor: "t1", part: "g", index: 2 }, 2);
  assert.deepEqual(found.made.map(keyOfEntry), ["t0:v:1", "t2:g:0", "t0:v:3", "t2:g:2"]);
  assert.deepEqual(found.alike.map(keyOfEntry), ["o0_1:c:2", "t1:g:2"]);
  assert.deepEqual(found.edges.toSorted(), ["o0_0", "o0_1", "o0_t2"]);
});

test("of a long sum the largest terms are told, in their order, and how many more", () => {
  const numbers = Array.from({ length: 8 }, (_, i) => (i % 2 ? i + 1 : -1));
  const long = {
    tensors: [{ id: "t0", name: "x", shape: [8], dtype: "float32", requires_grad: true, role: "parameter" }, { id: "t1", name: "s", shape: [], dtype: "float32", requires_grad: true, role: "output", producer: "o0" }],
    operations: [{ id: "o0", name: "sum", symbol: "Σ", grad_fn: "SumBackward0", outputs: ["t1"], inputs: [{ id: "o0_0", slot: "self", tensor: "t0", link: { argument: "i", result: "" } }] }],
    frames: [{ values: [["t0", { shape: [8], dtype: "float32", data: numbers }], ["t1", { shape: [], dtype: "float32", data: [16] }]], contributions: [], gradients: [] }],
  };
  assert.equal(said(new Facts(long, linksOf(long)), "t1", "v", 0, 0), "s = x[1] + x[3] + x[5] + x[7] + 4 more (−4) = 2 + 4 + 6 + 8 + 4 more (−4) = 16");
});

test("entries have keys, and the gradient that arrives is a tensor's gradient", () => {
  assert.deepEqual(entryOfKey("t3:v:12"), { tensor: "t3", part: "v", index: 12 });
  assert.deepEqual(entryOfKey("o1_0:c:0"), { tensor: "o1_0", part: "c", index: 0 });
  assert.deepEqual(entryOfKey("t3:u:1"), { tensor: "t3", part: "g", index: 1 });
  for (const none of [undefined, "", "t3", "t3:v", "t3:x:1", "t3:v:-1", "<b>:v:1"]) assert.equal(entryOfKey(none), undefined);
});

test("names in formulas are short, and formulas stand in brackets", () => {
  assert.equal(shortName("model.0.weight"), "model.0.weight");
  assert.equal(shortName("encoder.layers.0.weight"), "weight");
  assert.equal(shortName("X @ W"), "(X @ W)");
  assert.equal(shortName("relu(x)"), "relu(x)");
  assert.equal(shortName("Wᵀ"), "Wᵀ");
});
