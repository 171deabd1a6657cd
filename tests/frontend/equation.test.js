import assert from "node:assert/strict";
import test from "node:test";
import { breakable, formulasOf, lineOf, pieces, rowsOf } from "../../gradviz/player/frontend/src/equation.js";

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
  assert.deepEqual(plain("∂L/∂relu(net.0(x)) ⊙ y"), [["∂L", "∂relu(net.0(x))"], "⊙", "y"]);
});

test("words keep the spaces between them", () => {
  assert.deepEqual(plain("x.grad so far + 3"), ["x.grad so far", "+", "3"]);
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

test("a line of text is cut at its equals signs", () => {
  const { sides, relations } = lineOf("∂y/∂x = ∂y/∂z · w = 1 × 2 = 2");
  assert.deepEqual(sides, [["∂y/∂x"], ["∂y/∂z · w"], ["1 × 2"], ["2"]]);
  assert.deepEqual(relations, ["=", "=", "="]);
});

test("an array is read in rows, and a name with a shape is none", () => {
  assert.deepEqual(rowsOf("[[1, −2], [4, 0.5]]"), [["1", "−2"], ["4", "0.5"]]);
  assert.deepEqual(rowsOf("[[1], [2]]"), [["1"], ["2"]]);
  assert.deepEqual(rowsOf("[1, −2]"), [["1", "−2"]]);
  assert.deepEqual(rowsOf("[[[[1, −2], [4, 0.5]]]]"), [["1", "−2"], ["4", "0.5"]]);
  assert.equal(rowsOf("w[…] (5×3)"), undefined);
  assert.equal(rowsOf("(5×3)"), undefined);
});

test("parts keep their place among the signs, and a long side is broken between them", () => {
  const array = (text) => ({ text, kind: "array", tensor: "t0", role: "value" });
  const [x, w] = [array("[[1, 3], [2, 4]]"), array("[[11, −5], [21, −8]]")];
  const [sign, first, second] = formulasOf(["= ", x, " · ", w]);
  assert.deepEqual([sign.text, first.text, second.text], ["=", "[[1, 3], [2, 4]] ·", "[[11, −5], [21, −8]]"]);
  assert.deepEqual(pieces(second.row), [{ kind: "part", place: 1 }]);
  assert.deepEqual(pieces(first.row).map(({ kind }) => kind), ["part", "sign"]);
});

test("a large array stands alone, to be drawn", () => {
  const large = { text: "x (32×10)", kind: "array", tensor: "t0", role: "value" };
  assert.deepEqual(formulasOf(["Σ rows (", large, ")"]).map(({ text }) => text), ["Σ rows (", "x (32×10)", ")"]);
});

test("sums say along what, and more is added than set equal", () => {
  assert.deepEqual(pieces("Σ rows (x)")[0], { kind: "sum", over: "rows" });
  assert.deepEqual(pieces("Σ axes 0, 2 (x)")[0], { kind: "sum", over: "axes 0, 2" });
  assert.deepEqual(plain("+= x ⊙ w ≈ 2"), ["+=", "x", "⊙", "w", "≈", "2"]);
});

test("no text is lost, whatever it is", () => {
  for (const text of ["<script>", "∂", "∂/∂", "((", "名前 = 5", "‖x‖", "a b c", "1/0", "²", "x/∂y", "∂x/∂"]) {
    const all = (found) => found.map((piece) => (piece.kind === "fraction" ? `${all(piece.above)}/${all(piece.below)}` : piece.kind === "power" ? all([piece.base]) + piece.raised : piece.kind === "group" ? `(${all(piece.of)})` : piece.text)).join("");
    const kept = (written) => written.replace(/\s/gu, "").replaceAll("²", "2").replaceAll("ᵀ", "T");
    assert.equal(kept(all(pieces(text))), kept(text), text);
  }
});

test("what is in brackets is raised as a whole, and one of several of a name has its count above it", () => {
  const [gradient] = pieces("(∂L/∂h)ᵀ");
  assert.deepEqual([gradient.kind, gradient.raised, gradient.base.kind, gradient.base.of[0].kind], ["power", "T", "group", "fraction"]);
  assert.deepEqual(plain("h⁽¹⁰⁾ @ W"), [{ h: "(10)" }, "@", "W"]);
  assert.deepEqual(pieces("(x @ W)⁽⁰⁾")[0].base.of.map(({ text }) => text), ["x", "@", "W"]);
});
