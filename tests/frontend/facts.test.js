import assert from "node:assert/strict";
import test from "node:test";
import { Facts, entries } from "../../gradviz/player/frontend/src/facts.js";
import { data } from "./facts.js";

const facts = new Facts(data);

test("a step knows what it and the steps before it have said, and nothing later", () => {
  const gradient = (k) => facts.gradients.at("t0", k)?.value.data[0];
  assert.deepEqual([0, 1, 2, 3, 4, 5].map(gradient), [undefined, undefined, undefined, undefined, 10, 20]);
  assert.equal(facts.values.at("t3", 1), undefined);
  assert.equal(facts.values.at("t3", 2).data[0], 20);
  assert.deepEqual(facts.gradients.steps("t0"), [4, 5]);
});

test("numbers that JSON does not know become numbers again", () => {
  const numbers = facts.gradients.at("t4", 5).value.data;
  assert.ok(Number.isNaN(numbers[2]));
  assert.equal(numbers[3], 4);
});

test("edges are found by their key, in and out", () => {
  assert.equal(facts.edge("o1_0").tensor.name, "w");
  assert.equal(facts.edge("o1_0").argument.local, "y");
  assert.equal(facts.edge("o0_t2").tensor.name, "y");
  assert.equal(facts.edge("o0_t2").argument, undefined);
  for (const key of ["", "t0", "o0", "o0_9", "o9_0", "o0_t3"]) assert.equal(facts.edge(key), undefined, key);
});

test("who uses a tensor, and who saved it", () => {
  assert.deepEqual(facts.usersOf("t0").map(({ argument }) => argument.id), ["o0_0", "o1_0"]);
  assert.deepEqual(facts.saversOf("t1").map(({ operation, field }) => [operation.id, field]), [["o0", "other"]]);
  assert.deepEqual(facts.usersOf("t3"), []);
});

test("entries", () => {
  assert.equal(entries([]), 1);
  assert.equal(entries([3, 4]), 12);
  assert.equal(entries([3, 0]), 0);
});
