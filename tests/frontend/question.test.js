import assert from "node:assert/strict";
import test from "node:test";
import { Facts } from "../../gradviz/player/frontend/src/facts.js";
import { assess, placeText, questionsAt } from "../../gradviz/player/frontend/src/question.js";
import { linksOf } from "../../gradviz/player/frontend/src/links.js";
import { data, matrixStep, steps } from "./facts.js";

const facts = new Facts(data, linksOf(data));

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
  assert.match(again.text, /The gradient of w is 10 so far/);
  assert.equal(again.truth, 20);
  assert.equal(again.hints[1], "The upstream gradient is 2. Add the product to 10.");
  assert.equal(x.truth, 4);
});

test("common mistakes are named, and what was right in them", () => {
  const [w, x] = questionsAt(facts, steps, 5);
  assert.match(assess(w, "10").message, /what this step adds; 10 was there already/);
  assert.match(assess(x, "-4").message, /sign/);
  assert.match(assess(x, "4.3").message, /Close/);
  assert.equal(assess(x, "10").message, "The upstream gradient, 2, is right; the local derivative is not 5, but w.");
  assert.equal(assess(x, "20").message, "The upstream gradient, 2, is right; the local derivative is not 10, but w.");
  assert.equal(assess(x, "7").message, "Not that. Multiply the upstream gradient by the local derivative.");
  assert.deepEqual(assess(x, "what?"), { right: false, readable: false, message: "Write a number, such as 0.5, −3 or 1/3." });
  assert.deepEqual(assess(x, "8/2"), { right: true, readable: true, message: "Right. The gradient of x is 4." });
  const [y] = questionsAt(facts, steps, 4).slice(1);
  assert.equal(assess(y, "1").message, "That is the upstream gradient. Multiply it by the local derivative, w.");
});

test("of what stands there as numbers one entry is asked for, of anything else the shape", () => {
  const shows = (/** @type {string} */ id) => id !== "t5";
  const [, , matrix, large] = questionsAt(facts, steps, 5, shows);
  const [row, column] = matrix.text.match(/m\[(\d), (\d)\]/).slice(1).map(Number);
  const shown = [1, 2, NaN, 4][2 * row + column];
  assert.ok(Object.is(matrix.truth, shown));
  assert.equal(large.kind, "shape");
  assert.ok(assess(large, "5x5").right);
  assert.deepEqual(assess(large, "25"), { right: false, readable: true, message: "Not that shape. Each entry of large has a gradient of its own." });
});

test("of a matrix step are asked an entry, what feeds it, its sign, its shape; each wrong answer gets a reason", () => {
  const kinds = new Set();
  for (let offset = 0; offset < 6; offset += 1) {
    const { data: product, steps: shown } = matrixStep(offset);
    for (const question of questionsAt(new Facts(product, linksOf(product)), shown, offset + 2)) {
      kinds.add(question.choices[0] === "positive" ? "sign" : question.kind === "choice" ? "feeds" : question.kind);
      if (question.kind !== "choice") continue;
      assert.equal(new Set(question.choices).size, question.choices.length);
      question.choices.forEach((_, i) => {
        const { right, message } = assess(question, i);
        assert.equal(right, i === question.truth);
        assert.match(message, right ? /^Right/ : /^(Not that: (row|h|W|x).*without|Not that sign: .*\d|There are more)|^Not that: h\[/, message);
      });
    }
  }
  assert.deepEqual([...kinds].sort(), ["feeds", "number", "shape", "sign"]);
});

test("what feeds an entry of a weight is a column of the gradient that arrives", () => {
  const { data: product, steps: shown } = matrixStep(0);
  const all = Array.from({ length: 6 }, (_, offset) => {
    const made = matrixStep(offset);
    return questionsAt(new Facts(made.data, linksOf(made.data)), made.steps, offset + 2);
  }).flat();
  const feeds = all.find(({ tensor, text }) => tensor === "t1" && text.includes("Which entries"));
  const column = feeds.text.match(/W\[\d, (\d)\]/)[1];
  assert.equal(feeds.choices[feeds.truth], `column ${column}`);
  assert.ok(product && shown);
});

test("places are counted from 0, as in the code", () => {
  assert.equal(placeText([], 0), "");
  assert.equal(placeText([3], 2), "[2]");
  assert.equal(placeText([2, 3], 4), "[1, 1]");
  assert.equal(placeText([2, 2, 2], 5), "[1, 0, 1]");
});
