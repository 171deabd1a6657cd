// A stack of linear layers, computed in the page from the numbers of a step. Pure functions.

/** @typedef {import("./data.js").Parameter} Parameter */
/**
 * One layer, as gradviz/training/analysis/network.py tells it.
 * @typedef {{weight: number, bias: number | null, inputs: number, outputs: number, transposed: boolean, activation: string, setting: number | null}} Layer
 * @typedef {{layers: Layer[], name: string, kind: string, x: any, y: any}} Told
 * @typedef {"before" | "gradient" | "update"} Which which numbers of a parameter
 */

/** @type {Record<string, (z: number, setting: number | null) => number>} */
const ACTIVATIONS = {
  "": (z) => z,
  tanh: Math.tanh,
  sigmoid: (z) => 1 / (1 + Math.exp(-z)),
  relu: (z) => Math.max(z, 0),
  leaky_relu: (z, slope) => (z > 0 ? z : (slope ?? 0.01) * z),
  elu: (z, alpha) => (z > 0 ? z : (alpha ?? 1) * Math.expm1(z)),
  silu: (z) => z / (1 + Math.exp(-z)),
  softplus: (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))),
  sin: Math.sin,
};

/** Where the weight between two neurons stands in its parameter. @param {Layer} layer @param {number} from @param {number} to */
export const entryOf = ({ transposed, inputs, outputs }, from, to) => (transposed ? from * outputs + to : to * inputs + from);

/**
 * The weights of a layer in a step, and its biases.
 * @param {Layer} layer @param {Parameter[]} parameters @param {number} k @param {Which} [which]
 * @returns {{weight: ArrayLike<number>, bias: ArrayLike<number> | null}}
 */
export function numbersOf(layer, parameters, k, which = "before") {
  const row = (/** @type {number} */ number) => {
    const parameter = parameters[number];
    if (which !== "update") return parameter[which].row(k);
    const before = parameter.before.row(k);
    return parameter.after.row(k).map((after, i) => after - before[i]);
  };
  return { weight: row(layer.weight), bias: layer.bias === null ? null : row(layer.bias) };
}

/**
 * What every neuron makes of some points.
 * @param {Layer[]} layers
 * @param {Parameter[]} parameters
 * @param {number} k which step
 * @param {ArrayLike<number>} points one after the other, each with its inputs
 * @returns {{sums: Float64Array, values: Float64Array}[]} by layer, of each point its neurons: before the activation and after
 */
export function forward(layers, parameters, k, points) {
  const count = layers.length ? points.length / layers[0].inputs : 0;
  let given = points instanceof Float64Array ? points : Float64Array.from(points); // of one kind, which is read fastest
  return layers.map((layer) => {
    const { inputs, outputs, activation, setting } = layer;
    const { weight, bias } = numbersOf(layer, parameters, k);
    const squash = ACTIVATIONS[activation];
    const sums = new Float64Array(count * outputs);
    const values = new Float64Array(count * outputs);
    const weights = new Float64Array(inputs); // of one neuron, side by side
    for (let to = 0; to < outputs; to += 1) {
      const start = bias ? bias[to] : 0;
      for (let from = 0; from < inputs; from += 1) weights[from] = weight[entryOf(layer, from, to)];
      for (let point = 0, place = 0; point < count; point += 1) {
        let sum = start;
        for (let from = 0; from < inputs; from += 1, place += 1) sum += given[place] * weights[from];
        sums[point * outputs + to] = sum;
        values[point * outputs + to] = squash(sum, setting);
      }
    }
    given = values;
    return { sums, values };
  });
}

/**
 * What is predicted for some points: a number; of two classes the probability of the second; of more, the likeliest one.
 * @param {Told} told @param {Parameter[]} parameters @param {number} k @param {ArrayLike<number>} points
 * @returns {Float64Array}
 */
export function predicted({ layers, kind }, parameters, k, points) {
  const last = layers[layers.length - 1];
  const { values } = forward(layers, parameters, k, points)[layers.length - 1];
  if (kind === "logit") return values.map(ACTIVATIONS.sigmoid);
  if (kind !== "classes") return values;
  const count = values.length / last.outputs;
  return Float64Array.from({ length: count }, (_, point) => {
    const row = values.subarray(point * last.outputs, (point + 1) * last.outputs);
    if (row.length === 2) return ACTIVATIONS.sigmoid(row[1] - row[0], null);
    return row.reduce((best, value, one) => (value > row[best] ? one : best), 0);
  });
}
