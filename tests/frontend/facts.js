// A small recording, y = w·x + b and z = w·y, with its steps, for the tests beside this file.

const scalar = (number) => ({ shape: [], dtype: "float32", data: [number] });
const tensor = (id, name, role, more = {}) => ({ id, name, named: true, role, shape: [], dtype: "float32", requires_grad: true, ...more });

// w = 2, x = 5: y = w·x = 10, z = w·y = 20; dz/dw = y + w·x = 10 + 10 = 20 (first 10, then 20), dz/dx = w·w = 4.
export const data = {
  tensors: [
    tensor("t0", "w", "parameter"),
    tensor("t1", "x", "parameter"),
    tensor("t2", "y", "intermediate", { producer: "o0" }),
    tensor("t3", "z", "output", { producer: "o1" }),
    tensor("t4", "m", "parameter", { shape: [2, 2] }),
    tensor("t5", "large", "parameter", { shape: [5, 5] }),
  ],
  operations: [
    {
      id: "o0", name: "mul", grad_fn: "MulBackward0", symbol: "×", sequence: 0, outputs: ["t2"], saved: [["other", "t1"], ["self", "t0"]],
      inputs: [{ id: "o0_0", slot: "self", tensor: "t0", local: "x", local_number: "5", link: { tensor: "t1", text: "x" } }, { id: "o0_1", slot: "other", tensor: "t1", local: "w", local_number: "2", link: { tensor: "t0", text: "w" } }],
    },
    {
      id: "o1", name: "mul", grad_fn: "MulBackward0", symbol: "×", sequence: 1, outputs: ["t3"],
      inputs: [{ id: "o1_0", slot: "self", tensor: "t0", local: "y", local_number: "10", link: { tensor: "t2", text: "y" } }, { id: "o1_1", slot: "other", tensor: "t2", local: "w", local_number: "2", link: { tensor: "t0", text: "w" } }],
    },
  ],
  frames: [
    { values: [["t0", scalar(2)], ["t1", scalar(5)]], contributions: [], gradients: [] },
    { values: [["t2", scalar(10)]], contributions: [], gradients: [] },
    { values: [["t3", scalar(20)]], contributions: [], gradients: [] },
    { values: [], contributions: [], gradients: [{ tensor: "t3", value: scalar(1), complete: true }] },
    {
      values: [],
      contributions: [{ argument: "o1_0", value: scalar(10) }, { argument: "o1_1", value: scalar(2) }],
      gradients: [{ tensor: "t0", value: scalar(10), complete: false }, { tensor: "t2", value: scalar(2), complete: true }],
    },
    {
      values: [],
      contributions: [{ argument: "o0_0", value: scalar(10) }, { argument: "o0_1", value: scalar(4) }],
      gradients: [
        { tensor: "t0", value: scalar(20), complete: true },
        { tensor: "t1", value: scalar(4), complete: true },
        { tensor: "t4", value: { shape: [2, 2], dtype: "float32", data: [1, 2, "nan", 4] }, complete: true },
        { tensor: "t5", value: { shape: [5, 5], dtype: "float32", data: Array(25).fill(1) }, complete: true },
      ],
    },
  ],
};

export const steps = [
  ["forward", "Start"], ["forward", "y"], ["forward", "z"],
  ["backward", "Start of backward"], ["backward", "MulBackward0"], ["backward", "MulBackward0"],
].map(([phase, title]) => ({ phase, title }));

const matrix = (numbers) => ({ shape: [2, 2], dtype: "float32", data: numbers });

/**
 * h = x @ W with its gradient [[11, −5], [21, −8]], so that W gets [[74, −29], [106, −42]] on top of [[1, −2], [4, 0.5]].
 * @param {number} empty steps without anything before it, for what depends on the number of the step
 */
export function matrixStep(empty = 0) {
  const nothing = () => ({ values: [], contributions: [], gradients: [] });
  const link = (argument, factor, tensor, text) => ({ argument, result: "ij", factor, tensor, text });
  const product = {
    tensors: [
      tensor("t0", "x", "parameter", { shape: [2, 2] }),
      tensor("t1", "W", "parameter", { shape: [2, 2] }),
      tensor("t2", "h", "intermediate", { shape: [2, 2], producer: "o0" }),
    ],
    operations: [
      {
        id: "o0", name: "mm", grad_fn: "MmBackward0", symbol: "@", sequence: 0, outputs: ["t2"],
        inputs: [
          { id: "o0_0", slot: "self", tensor: "t0", local: "· Wᵀ", link: link("ik", "kj", "t1", "W") },
          { id: "o0_1", slot: "mat2", tensor: "t1", local: "xᵀ ·", link: link("kj", "ik", "t0", "x") },
        ],
      },
    ],
    frames: [
      { ...nothing(), values: [["t0", matrix([1, 2, 3, 4])], ["t1", matrix([0.5, -1, 2, 0.25])], ["t2", matrix([4.5, -0.5, 9.5, -2])]] },
      ...Array.from({ length: empty }, nothing),
      { ...nothing(), gradients: [{ tensor: "t2", value: matrix([11, -5, 21, -8]), complete: true }, { tensor: "t1", value: matrix([1, -2, 4, 0.5]), complete: false }] },
      {
        ...nothing(),
        contributions: [{ argument: "o0_0", value: matrix([10.5, 20.75, 18.5, 40]) }, { argument: "o0_1", value: matrix([74, -29, 106, -42]) }],
        gradients: [{ tensor: "t0", value: matrix([10.5, 20.75, 18.5, 40]), complete: true }, { tensor: "t1", value: matrix([75, -31, 110, -41.5]), complete: true }],
      },
    ],
  };
  return { data: product, steps: product.frames.map((_, k) => ({ phase: k ? "backward" : "forward", title: "MmBackward0" })) };
}
