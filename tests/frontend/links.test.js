import assert from "node:assert/strict";
import test from "node:test";
import { dense, largest, linksOf, sources, terms } from "../../gradviz/player/frontend/src/links.js";

const product = { argument: "kj", result: "ij", factor: "ik", tensor: "t0", text: "X" };
const shapes = { argument: [2, 2], results: [[2, 2]], factor: [2, 2], numbers: [1, 2, 3, 4] };

test("an entry of a factor gathers a column of the other times a column of the gradient", () => {
  assert.deepEqual(terms(product, shapes, 2), [
    { output: 0, result: 0, factor: 2, factorIndex: 1 },
    { output: 0, result: 2, factor: 4, factorIndex: 3 },
  ]);
});

test("an entry of a product is made of a column of this factor", () => {
  assert.deepEqual(sources(product, shapes, 2), [
    { entry: 0, factor: 3, factorIndex: 2 },
    { entry: 2, factor: 4, factorIndex: 3 },
  ]);
});

test("a stretched entry gathers all its copies; all copies are made of it", () => {
  const bias = { argument: "j", result: "ij" };
  const both = { argument: [2], results: [[3, 2]] };
  assert.deepEqual(terms(bias, both, 1).map(({ result }) => result), [1, 3, 5]);
  assert.deepEqual(sources(bias, both, 5), [{ entry: 1, factor: 1, factorIndex: undefined }]);
});

test("an axis of length 1 has no letter", () => {
  const column = { argument: "i.", result: "ij", factor: ".j", tensor: "t1", scale: 2 };
  const both = { argument: [2, 1], results: [[2, 3]], factor: [1, 3], numbers: [5, 6, 7] };
  assert.deepEqual(terms(column, both, 1).map(({ result, factor, factorIndex }) => [result, factor, factorIndex]), [[3, 10, 0], [4, 12, 1], [5, 14, 2]]);
});

test("a table says which of several results an entry feeds", () => {
  const table = { starts: [0, 1, 3], results: [1, 0, 3], factors: [2, "inf", -1] };
  const both = { argument: [2], results: [[2], [2]] };
  assert.deepEqual(terms(table, both, 1), [
    { output: 0, result: 0, factor: Infinity, factorIndex: undefined },
    { output: 1, result: 1, factor: -1, factorIndex: undefined },
  ]);
  assert.deepEqual(sources(table, both, 1, 1), [{ entry: 1, factor: -1, factorIndex: undefined }]);
});

test("entries in the same order are told by one star; a factor that the page lacks is not known", () => {
  assert.deepEqual(terms({ argument: "*", result: "*" }, { argument: [6], results: [[2, 3]] }, 4), [{ output: 0, result: 4, factor: 1, factorIndex: undefined }]);
  const unknown = { argument: [2, 2], results: [[2, 2]], factor: [2, 2] };
  assert.equal(terms(product, unknown, 0)[0].factor, undefined);
  assert.equal(dense(product, unknown), undefined);
});

test("a Jacobian that is too large is not written out", () => {
  assert.equal(dense({ argument: "*", result: "*" }, { argument: [200], results: [[200]] }), undefined);
});

test("of a long sum the largest are shown, and the rest is told", () => {
  const { shown, more, rest } = largest([3, -9, 1, 2, -1], (number) => number, 2);
  assert.deepEqual([shown, more, rest], [[-9, 3], 3, 2]);
  assert.deepEqual(largest([1, 2], (number) => number, 2), { shown: [1, 2], more: 0, rest: 0 });
});

test("the links of a page are found by the ids of its edges", () => {
  const facts = {
    tensors: [{ id: "t0", shape: [2] }, { id: "t1", shape: [2] }, { id: "t2", shape: [] }],
    operations: [{ id: "o0", outputs: ["t2"], inputs: [{ id: "o0_0", tensor: "t0", link: { argument: "i", factor: "i", tensor: "t1" } }, { id: "o0_1", tensor: "t1" }] }],
    frames: [{ values: [["t1", { shape: [2], dtype: "float32", data: [4, "nan"] }]], contributions: [], gradients: [] }],
  };
  const found = linksOf(facts);
  assert.equal(found("o0_1"), undefined);
  assert.deepEqual(found("o0_0").shapes, { argument: [2], results: [[]], factor: [2], numbers: [4, NaN] });
});
