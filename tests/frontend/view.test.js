import assert from "node:assert/strict";
import test from "node:test";
import { bins } from "../../gradviz/player/frontend/src/chart.js";
import { Unplayable, checked } from "../../gradviz/player/frontend/src/check.js";
import { scaleToFit } from "../../gradviz/player/frontend/src/fit.js";
import { commandOf } from "../../gradviz/player/frontend/src/keys.js";
import { data, steps } from "./facts.js";

const press = (key, more = {}) => commandOf({ key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...more });

test("keys", () => {
  assert.equal(press("ArrowLeft"), "previous");
  assert.equal(press("ArrowRight", { shiftKey: true }), "after");
  assert.equal(press("ArrowLeft", { shiftKey: true }), "before");
  assert.equal(press(" "), "play");
  assert.equal(press("ArrowRight", { ctrlKey: true }), undefined);
  assert.equal(press("ArrowLeft", { metaKey: true }), undefined);
  assert.equal(press("constructor"), undefined);
  assert.equal(press("x"), undefined);
});

test("a picture fits its room, is never too small to read nor blown up", () => {
  assert.equal(scaleToFit(400, 300, 800, 900), 1.5);
  assert.equal(scaleToFit(800, 600, 800, 600), 1);
  assert.equal(scaleToFit(4000, 300, 800, 600), 0.9);
  assert.equal(scaleToFit(4000, 700, 800, 600), 6 / 7); // all of its height, to scroll one way only
  assert.equal(scaleToFit(4000, 800, 800, 600), 0.9);
  assert.equal(scaleToFit(4000, 300, 800, 600, { smallest: 1.3 }), 1.3);
  assert.equal(scaleToFit(400, 300, 2000, 900, { largest: 2.6 }), 2.6);
});

test("bins hold every finite number once", () => {
  const numbers = [1, 2, 2, 3, 10, NaN, Infinity];
  const { low, high, counts } = bins(numbers);
  assert.equal(low, 1);
  assert.equal(high, 10);
  assert.equal(counts.reduce((a, b) => a + b), 5);
  assert.equal(counts.at(-1), 1);
  assert.deepEqual(bins([3, 3]).counts, [2]);
  assert.deepEqual(bins([]).counts, [0]);
});

const whole = {
  version: 1, title: "", prefix: "p", svg: "<svg/>", grids: {}, inks: {}, code: [], facts: data, places: [0, 1, 2, 3, 4, 5], depth: null, sums: {}, brackets: [],
  steps: steps.map((step) => ({ ...step, sentence: "", current: [], touched: [] })),
};

test("a payload that is not whole is refused with a sentence", () => {
  assert.equal(checked(whole), whole);
  const cases = [
    [null, /empty or not a recording/],
    [[], /empty or not a recording/],
    [{ ...whole, version: 2 }, /version 1; this one has version 2/],
    [{ ...whole, version: undefined }, /version unknown/],
    [{ ...whole, svg: 3 }, /its picture is missing/],
    [{ ...whole, grids: undefined }, /where its entries stand/],
    [{ ...whole, grids: { t0_v: { x: 0, y: 0, kind: "heatmap", rows: 1e6, columns: 1e6, wide: 1, high: 1, layers: 1, across: 1, gap: 5 } } }, /where its entries stand/],
    [{ ...whole, inks: "blue" }, /its colours are missing/],
    [{ ...whole, sums: [] }, /the sums in its steps are missing/],
    [{ ...whole, steps: "many" }, /its steps are missing/],
    [{ ...whole, steps: [] }, /no steps/],
    [{ ...whole, steps: [null, ...whole.steps.slice(1)] }, /step 1 has no phase/],
    [{ ...whole, steps: whole.steps.map((step) => ({ ...step, current: "o0" })) }, /step 1 has no current/],
    [{ ...whole, facts: undefined }, /its facts are missing/],
    [{ ...whole, facts: { ...data, tensors: [1] } }, /its tensors are missing/],
    [{ ...whole, facts: { ...data, frames: [] } }, /do not belong together/],
  ];
  for (const [payload, message] of cases) {
    assert.throws(() => checked(payload), (error) => error instanceof Unplayable && message.test(error.message), String(message));
  }
});
