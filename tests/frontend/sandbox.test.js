// The pure parts of the page in which one writes an expression: reading it, its graph, where things go, what is shared.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const source = new URL("../../gradviz/player/frontend/src/", import.meta.url);
const { DEEPEST, LONGEST, Wrong, parsed, value } = await import(new URL("sandbox/parse.js", source));
const { graphOf, namesIn } = await import(new URL("sandbox/graph.js", source));
const { layout } = await import(new URL("sandbox/layout.js", source));
const { fragmentOf, readFragment } = await import(new URL("sandbox/share.js", source));
const { pictureOf } = await import(new URL("sandbox/picture.js", source));
const book = JSON.parse(readFileSync(new URL("../../gradviz/player/static/sandbox.json", import.meta.url), "utf8"));
const functions = { tanh: 1, sum: 1, maximum: 2 };

/** A tree as text, with all its brackets. */
const told = (tree) => (tree.kind === "number" ? JSON.stringify(tree.value.data) : tree.kind === "name" ? tree.name : `${tree.name}(${tree.parts.map(told).join(" ")})`);
const read = (text) => told(parsed(text, functions).tree);

test("signs bind as in Python", () => {
  assert.equal(read("a + b*c - d"), "-(+(a *(b c)) d)");
  assert.equal(read("-x**2"), "neg(**(x [2]))");
  assert.equal(read("2**-x**2"), "**([2] neg(**(x [2])))");
  assert.equal(read("a**b**c"), "**(a **(b c))");
  assert.equal(read("a / b * c"), "*(/(a b) c)");
  assert.equal(read("W @ x + b"), "+(@(W x) b)");
  assert.equal(read("(a + b) * -c"), "*(+(a b) neg(c))");
  assert.equal(read("tanh(w·x − 1)"), "tanh(-(*(w x) [1]))");
  assert.equal(read("W.T @ x"), "@(t(W) x)");
  assert.equal(read("maximum(a, 0.5e-1)"), "maximum(a [0.05])");
});

test("numbers, vectors, matrices, and the name of the result", () => {
  assert.deepEqual(value("-.5"), { shape: [], data: [-0.5] });
  assert.deepEqual(value("[1, -2]"), { shape: [2], data: [1, -2] });
  assert.deepEqual(value(" [[1,2],[3,4]] "), { shape: [2, 2], data: [1, 2, 3, 4] });
  assert.equal(parsed("L = x*2", {}).name, "L");
  assert.deepEqual([...namesIn(parsed("W @ x + b*x", {}).tree)], [["W", "left"], ["x", "right"], ["b", ""]]);
});

test("what is wrong is pointed at", () => {
  const wrong = (text) => {
    try {
      parsed(text, functions);
    } catch (error) {
      assert.ok(error instanceof Wrong, `${text}: ${error}`);
      assert.ok(error.message.length > 10 && error.at >= 0 && error.at <= text.length);
      return [error.at, error.message];
    }
    return assert.fail(`${text} was read`);
  };
  assert.equal(wrong("a + ")[0], 4);
  assert.equal(wrong("a + * b")[0], 4);
  assert.equal(wrong("tanh(x")[0], 6);
  assert.equal(wrong("x^2")[0], 1);
  assert.match(wrong("x^2")[1], /\*\*/);
  assert.match(wrong("2x")[1], /2\*x/);
  assert.match(wrong("tahn(x)")[1], /no function tahn/);
  assert.match(wrong("maximum(x)")[1], /takes 2/);
  assert.match(wrong("[[1, 2], [3]]")[1], /equally long/);
  for (const text of ["", "   ", ")", "a b", "x.y", "1e400", "[x]", "a = b = c", "x; y", "`x`", '"x"', "x => x", "a[0]", "=", "(".repeat(DEEPEST + 5), "x".repeat(LONGEST + 1), "@", "\u0000", "😀"]) wrong(text);
  // What would be something in JavaScript is a name here, or nothing.
  for (const text of ["constructor(x)", "__proto__(x)", "toString(x)", "alert(1)", "eval(x)"]) assert.match(wrong(text)[1], /no function/);
});

test("names of JavaScript's own are names", () => {
  const { tree, name } = parsed("__proto__ * constructor + hasOwnProperty", {});
  const values = new Map([...namesIn(tree).keys()].map((one, k) => [one, { shape: [], data: [k + 1] }]));
  const graph = graphOf(tree, name, values, book);
  assert.deepEqual(graph.tensors.map((one) => one.name), ["__proto__", "constructor", "__proto__·constructor", "hasOwnProperty", "y"]);
});

test("shapes that do not meet are pointed at", () => {
  const graph = (text, values) => {
    const { tree, name } = parsed(text, functions);
    return graphOf(tree, name, new Map(Object.entries(values).map(([one, given]) => [one, value(given)])), book);
  };
  assert.deepEqual(graph("sum(W @ x)", { W: "[[1, 2], [3, 4]]", x: "[1, 2]" }).output.shape, []);
  assert.deepEqual(graph("a + b", { a: "[[1, 2], [3, 4]]", b: "[1, 2]" }).output.shape, [2, 2]);
  assert.throws(() => graph("1 + a * b", { a: "[1, 2]", b: "[1, 2, 3]" }), (error) => error instanceof Wrong && error.at === 6 && /2.*3/.test(error.message));
  assert.throws(() => graph("w @ x", { w: "1", x: "2" }), /takes matrices/);
  assert.throws(() => graph("1 + 2", {}), /no name/);
  assert.throws(() => graph("x", { x: "1" }), /nothing to compute/);
});

test("boxes of a layer do not overlap, and go from left to right", () => {
  const boxes = Array.from({ length: 9 }, (_, k) => ({ id: String(k), wide: 80, high: 60 }));
  const edges = [[0, 3], [1, 3], [2, 4], [3, 4], [4, 5], [0, 5], [6, 7], [7, 8], [1, 8]].map(([from, to], k) => ({ id: `e${k}`, from: String(from), to: String(to), label: 20 }));
  const { nodes, wide, high } = layout(boxes, edges);
  const all = [...nodes.values()];
  for (const one of all) {
    assert.ok(one.x - 40 >= -0.01 && one.x + 40 <= wide + 0.01 && one.y - 30 >= -0.01 && one.y + 30 <= high + 0.01);
    for (const other of all) if (one !== other && one.layer === other.layer) assert.ok(Math.abs(one.y - other.y) >= 60);
  }
  for (const { from, to } of edges) assert.ok(nodes.get(from).x < nodes.get(to).x);
});

test("a picture has its parts by name, and no text of it is markup", () => {
  const { tree, name } = parsed("tanh(W @ x)", functions);
  const graph = graphOf(tree, name, new Map([["W", value("[[1, 2], [3, 4]]")], ["x", value("[1, 2]")]]), book);
  graph.tensors[0].name = '<img src="x">';
  const { svg, grids } = pictureOf(graph, new Map([["o0_0", "g·xᵀ"]]));
  for (const id of ["t0", "t0_v3", "t0_g0", "o0", "o0_0", "o0_0_l", "o1_t3"]) assert.ok(svg.includes(` id="gvsandbox_${id}"`), id);
  assert.ok(!svg.includes("<img"));
  assert.equal(grids.t0_v.columns, 2);
});

test("what is shared comes back", () => {
  const values = new Map([["w", "0.5"], ["__proto__", "[[1, 2], [3, 4]]"]]);
  const fragment = fragmentOf("tanh(w*x) & <b>", values);
  const back = readFragment(fragment);
  assert.equal(back.expression, "tanh(w*x) & <b>");
  assert.equal(Object.entries(back.values).find(([one]) => one === "w")[1], "0.5");
  assert.equal(readFragment("#elsewhere"), undefined);
});
