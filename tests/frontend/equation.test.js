import assert from "node:assert/strict";
import test from "node:test";
import { breakable, pieces, sidesOf } from "../../gradviz/player/frontend/src/equation.js";

const plain = (side) =>
  pieces(side).map((piece) => {
    if (piece.kind === "fraction") return [piece.above.map(({ text }) => text).join(""), piece.below.map(({ text }) => text).join("")];
    return piece.kind === "power" ? { [piece.base.text]: piece.raised } : piece.text;
  });

test("fractions, names, numbers and signs are told apart", () => {
  assert.deepEqual(plain("∂y/∂(w·x) · x"), [["∂y", "∂(w·x)"], "·", "x"]);
  assert.deepEqual(plain("1 × (−2.5) + 3e−5"), ["1", "×", "(", "−", "2.5", ")", "+", "3e−5"]);
  assert.deepEqual(plain("2·linear.weight"), ["2", "·", "linear.weight"]);
  assert.deepEqual(plain("x² + w1ᵀ"), [{ x: "2" }, "+", { w1: "T" }]);
  assert.deepEqual(plain("∂(f(a, b))/∂x"), [["∂(f(a,b))", "∂x"]]);
});

test("words keep the spaces between them", () => {
  assert.deepEqual(plain("x.grad so far: 2 + 3"), ["x.grad so far", ":", "2", "+", "3"]);
  assert.deepEqual(plain("what had arrived before + this"), ["what had arrived before", "+", "this"]);
});

test("if and else are words between formulas", () => {
  assert.deepEqual(plain("1 if w·x > 0, else 0"), ["1", "\u00a0if\u00a0", "w", "·", "x", ">", "0", ",", "\u00a0else\u00a0", "0"]);
});

test("a side may be broken after a sign, and not inside a fraction", () => {
  const cases = {
    "= ∂y/∂(w·x + b) · (1 if w·x + b > 0, else 0)": ["= ∂y/∂(w·x + b) ·", "(1", "if w·x +", "b > 0,", "else 0)"],
    "0.9 × (−0.5) + (−2)": ["0.9 ×", "(−0.5) +", "(−2)"],
    "= −2": ["= −2"],
    "2·x": ["2·x"],
    "f(a, b)": ["f(a,", "b)"],
    "σ(x)·(1 − σ(x))": ["σ(x)·(1 −", "σ(x))"],
  };
  for (const [side, parts] of Object.entries(cases)) {
    assert.deepEqual(breakable(side), parts);
    assert.equal(parts.join(" "), side);
  }
});

test("a line is cut at its equals signs, and what is said around it is kept apart", () => {
  assert.deepEqual(sidesOf("to ∂y/∂x: ∂y/∂z · w = 1 × 2 = 2"), { before: "to ∂y/∂x: ", sides: ["∂y/∂z · w", "1 × 2", "2"], remark: "" });
  assert.deepEqual(sidesOf("∂y/∂b = ∂y/∂(x + b)   (2), summed over axis 0"), { before: "", sides: ["∂y/∂b", "∂y/∂(x + b)"], remark: "(2), summed over axis 0" });
});

test("no text is lost, whatever it is", () => {
  for (const text of ["<script>", "∂", "∂/∂", "((", "名前 = 5", "‖x‖", "a b c", "1/0", "²", "x/∂y", "∂x/∂"]) {
    const all = (found) => found.map((piece) => (piece.kind === "fraction" ? `${all(piece.above)}/${all(piece.below)}` : piece.kind === "power" ? all([piece.base]) + piece.raised : piece.text)).join("");
    const kept = (written) => written.replace(/\s/gu, "").replaceAll("²", "2").replaceAll("ᵀ", "T");
    assert.equal(kept(all(pieces(text))), kept(text), text);
  }
});
