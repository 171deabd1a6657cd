import assert from "node:assert/strict";
import test from "node:test";
import { judge, readNumber, readShape } from "../../gradviz/player/frontend/src/answer.js";

const value = (text) => readNumber(text)?.value ?? null;

test("numbers are read as learners write them", () => {
  const cases = {
    "5": 5, " 5 ": 5, "+5": 5, "-3": -3, "−3": -3, "–3": -3, "0.5": 0.5, ".5": 0.5, "5.": 5, "0,5": 0.5, "1e-3": 0.001,
    "1E3": 1000, "1/3": 1 / 3, "-1/4": -0.25, "1 / 4": 0.25, "2*3": 6, "2·3": 6, "2 × 3": 6, "6:4": 1.5, "6÷4": 1.5,
    "4+3": 7, "4 - 3": 1, "2*3+1/2": 6.5, "3*-2": -6, "--2": 2, "1 000": 1000, "inf": Infinity, "-∞": -Infinity,
  };
  for (const [text, wanted] of Object.entries(cases)) assert.equal(value(text), wanted, text);
  assert.ok(Number.isNaN(value("nan")));
});

test("what is no number is not taken for one", () => {
  for (const text of ["", " ", "five", "1/", "*2", "(2)", "2x", "1..2", "1,2,3", "0x10", "alert(1)", "1".repeat(99)]) {
    assert.equal(readNumber(text), null, text);
  }
});

test("the last digit written says how finely one has rounded", () => {
  assert.equal(readNumber("0.33").unit, 0.01);
  assert.equal(readNumber("0,3").unit, 0.1);
  assert.equal(readNumber("1.5e-3").unit, 1e-4);
  assert.equal(readNumber("5").unit, 0);
  assert.equal(readNumber("1/3").unit, 0);
});

test("shapes are read in every usual notation", () => {
  for (const text of ["3×4", "3x4", "3 4", "(3, 4)", "[3,4]", "torch.Size([3, 4])", "3 * 4"]) {
    assert.deepEqual(readShape(text), [3, 4], text);
  }
  assert.deepEqual(readShape("(3,)"), [3]);
  assert.deepEqual(readShape("()"), []);
  for (const text of ["", "three", "3×", "-3", "3.5"]) {
    if (text === "3×") assert.deepEqual(readShape(text), [3]);
    else assert.equal(readShape(text), null, text);
  }
});

const verdict = (text, truth) => judge(readNumber(text), truth);

test("rounding is fine, guessing is not", () => {
  assert.equal(verdict("5", 5), "right");
  assert.equal(verdict("1/3", Math.fround(1 / 3)), "right");
  assert.equal(verdict("0.33", 1 / 3), "right");
  assert.equal(verdict("0.333", 1 / 3), "right");
  assert.equal(verdict("0.3", 1 / 3), "close");
  assert.equal(verdict("0.35", 1 / 3), "close");
  assert.equal(verdict("12.71", 12.7142), "right");
  assert.equal(verdict("13", 12.7142), "close");
  assert.equal(verdict("4", 5), "wrong");
  assert.equal(verdict("0", 5), "wrong");
  assert.equal(verdict("0", 0), "right");
  assert.equal(verdict("0.1", 0), "wrong");
});

test("a wrong sign is told from a wrong size", () => {
  assert.equal(verdict("-5", 5), "sign");
  assert.equal(verdict("2", -2), "sign");
  assert.equal(verdict("-inf", Infinity), "sign");
  assert.equal(verdict("inf", Infinity), "right");
  assert.equal(verdict("nan", NaN), "right");
  assert.equal(verdict("0", NaN), "wrong");
});
