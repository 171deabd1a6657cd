import assert from "node:assert/strict";
import { test } from "node:test";
import { ruleText, workedOut } from "../../gradviz/player/frontend/src/training/rule.js";

/** Tokens of a line: letters stand for numbers. */
const tokens = (text) => text.split(" ").map((part) => [part, /^[a-z]$/u.test(part) ? part : ""]);
const line = (text) => ({ symbol: "w", key: "w′", tokens: tokens(text) });

test("a rule is worked out as it is written", () => {
  for (const [text, numbers, result] of [
    ["w − l · g", [2, 0.1, 5], 1.5],
    ["w − ( a + b ) · c", [1, 2, 3, 4], -19],
    ["a / b / c", [8, 2, 2], 2],
    ["a · b ² + √ c", [3, 2, 9], 15],
    ["− a + b", [1, 5], 4],
    ["√ ( a + b ) / c", [9, 16, 5], 1],
    ["max( a , b − c ) · a", [2, 7, 1, 2], 12],
    ["sign( a )", [-3], -1],
    ["| a − b |", [1, 4], 3],
    ["a if b > 0 else c", [1, -2, 3], 3],
    ["a if b < 1e-08 else c", [1, -2, 3], 1],
    ["a if b = 0 else − c", [1, 2, 3], -3],
    ["1 − a ^ b", [0.5, 3], 0.875],
  ])
    assert.equal(workedOut(tokens(text), numbers), result, text);
});

test("what is printed is right as printed, or says that it is not", () => {
  const with_ = (numbers) => (key) => numbers[key];
  assert.equal(ruleText(line("w − l · g"), with_({ w: 2, l: 0.01, g: 5, "w′": 1.95 })), "w ← w − l · g = 2 − 0.01 × 5 = 1.95");
  const l = Math.fround(0.1);
  const moved = Math.fround(0.48712 - l * 0.23456);
  assert.equal(
    ruleText(line("w − l · g"), with_({ w: Math.fround(0.48712), l, g: Math.fround(0.23456), "w′": moved })),
    "w ← w − l · g = 0.48712 − 0.1 × 0.23456 = 0.463664",
  );
  assert.match(ruleText(line("w − l · g"), with_({ w: 1, l: 0.5, g: 0.25, "w′": 0.9 })), / ≈ 0\.9$/u);
});
