import assert from "node:assert/strict";
import test from "node:test";
import { Facts } from "../../gradviz/player/frontend/src/facts.js";
import { arrayCode, codeFor, identifier } from "../../gradviz/player/frontend/src/numpy.js";
import { data } from "./facts.js";

test("names become identifiers", () => {
  const cases = { w: "w", "w·x": "w_x", "linear.weight": "linear_weight", "3": "t_3", lambda: "lambda_", "": "t_", np: "np_", "a\nimport os": "a_import_os" };
  for (const [name, wanted] of Object.entries(cases)) assert.equal(identifier(name), wanted);
});

test("arrays", () => {
  const code = (shape, numbers, dtype = "float32") => arrayCode({ shape, dtype, data: numbers });
  assert.equal(code([], [2]), "np.array(2, dtype=np.float32)");
  assert.equal(code([2, 2], [1, -2, NaN, Infinity]), "np.array([[1, -2], [np.nan, np.inf]], dtype=np.float32)");
  assert.equal(code([2], [true, false], "bool"), "np.array([True, False], dtype=bool)");
  assert.equal(code([0, 3], [], "int64"), "np.zeros((0, 3), dtype=np.int64)");
  assert.equal(code([1], [1], "x); import os"), "np.array([1])");
});

test("a name cannot become a line of code", () => {
  const hostile = structuredClone(data);
  hostile.tensors[0].name = "w\nimport os\u2028os.system('x')  #";
  const code = codeFor(new Facts(hostile), "t0", 5);
  assert.deepEqual(
    code.split(/[\n\u2028\u2029\r]/).filter((line) => line && !/^(import numpy as np|#.*|\w+ = np\..*)$/.test(line)),
    [],
  );
});

test("an edge brings its inputs, the upstream gradient and the contribution", () => {
  const code = codeFor(new Facts(data), "o1_0", 4);
  assert.match(code, /^w = np.array\(2, dtype=np.float32\)$/m);
  assert.match(code, /^upstream_z = np.array\(1, /m);
  assert.match(code, /^contribution_to_w = np.array\(10, /m);
  assert.doesNotMatch(code, /contribution_to_y/);
  assert.doesNotMatch(codeFor(new Facts(data), "o1_0", 3), /contribution/);
});
