import assert from "node:assert/strict";
import test from "node:test";
import { Facts } from "../../gradviz/player/frontend/src/facts.js";
import { assess, placeText, questionsAt } from "../../gradviz/player/frontend/src/question.js";
import { data, steps } from "./facts.js";

const facts = new Facts(data);

test("nothing is asked going forward, and every gradient going back", () => {
  assert.deepEqual(steps.map((_, k) => questionsAt(facts, steps, k).length), [0, 0, 0, 1, 2, 4]);
});

test("no question and no hint gives the answer away", () => {
  for (const k of [4, 5]) {
    for (const { tensor, text, kind, truth } of questionsAt(facts, steps, k)) {
      if (kind === "number" && tensor < "t4") assert.doesNotMatch(text, new RegExp(`\\b${truth}\\b`), `${tensor} at ${k}`);
    }
  }
});

test("the seed, a product, and a sum with what was there already", () => {
  const [seed] = questionsAt(facts, steps, 3);
  assert.equal(seed.truth, 1);
  assert.match(seed.hints[0], /z changes by just as much/);
  const [w] = questionsAt(facts, steps, 4);
  assert.equal(w.truth, 10);
  assert.equal(w.hints[0], "The local derivative is y = 10.");
  assert.equal(w.hints[1], "The upstream gradient is 1.");
  const [again, x] = questionsAt(facts, steps, 5);
  assert.match(again.text, /w has 10 so far/);
  assert.equal(again.truth, 20);
  assert.equal(again.hints[1], "The upstream gradient is 2. Add the product to 10.");
  assert.equal(x.truth, 4);
});

test("common mistakes are named", () => {
  const [w, x] = questionsAt(facts, steps, 5);
  assert.match(assess(w, "10").message, /what this step adds; 10 was there already/);
  assert.match(assess(x, "2").message, /the local derivative. Multiply it by the upstream gradient, 2/);
  assert.match(assess(x, "-4").message, /sign/);
  assert.match(assess(x, "4.3").message, /Close/);
  assert.equal(assess(x, "7").message, "Not that.");
  assert.deepEqual(assess(x, "what?"), { right: false, readable: false, message: "Write a number, such as 0.5, −3 or 1/3." });
  assert.deepEqual(assess(x, "8/2"), { right: true, readable: true, message: "Right. The gradient of x is 4." });
});

test("of a small tensor one entry is asked for, of a large one the shape", () => {
  const [, , matrix, large] = questionsAt(facts, steps, 5);
  assert.match(matrix.text, /row \d, column \d \(\[\d, \d\]\)/);
  const [row, column] = matrix.text.match(/\[(\d), (\d)\]/).slice(1).map(Number);
  const shown = [1, 2, NaN, 4][2 * row + column];
  assert.ok(Object.is(matrix.truth, shown));
  assert.equal(large.kind, "shape");
  assert.ok(assess(large, "5x5").right);
  assert.ok(!assess(large, "25").right);
});

test("places are counted from 1 in words and from 0 in brackets", () => {
  assert.equal(placeText([], 0), "");
  assert.equal(placeText([3], 2), "entry 3 ([2])");
  assert.equal(placeText([2, 3], 4), "row 2, column 2 ([1, 1])");
  assert.equal(placeText([2, 2, 2], 5), "entry [1, 0, 1]");
});
