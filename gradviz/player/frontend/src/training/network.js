// A stack of linear layers, computed in the page from the numbers of a step. Pure functions.

/** @typedef {import("./data.js").Parameter} Parameter */
/**
 * One layer, as gradviz/training/analysis/network.py tells it.
 * @typedef {{weight: number, bias: number | null, inputs: number, outputs: number, transposed: boolean, activation: string, setting: number | null}} Layer
 * @typedef {{layers: Layer[], name: string, kind: string, x: any, y: any}} Told
 * @typedef {"before" | "gradient" | "update"} Which which numbers of a parameter
 */

/** A rational function that is tanh as float32 has it: a picture of a network needs some ten thousand of them. @param {number} z */
function tanh(z) {
  const x = z > FLAT ? FLAT : z < -FLAT ? -FLAT : z;
  const s = x * x;
  const above = ((((((-2.76076847742355e-16 * s + 2.00018790482477e-13) * s - 8.60467152213735e-11) * s + 5.12229709037114e-8) * s + 1.48572235717979e-5) * s + 6.37261928875436e-4) * s + 4.89352455891786e-3) * x;
  return above / (((1.19825839466702e-6 * s + 1.18534705686654e-4) * s + 2.268434632439e-3) * s + 4.89352518554385e-3);
}
const FLAT = 7.905311; // from here on it is 1, as float32 has it

/** @type {Record<string, (z: number, setting: number | null) => number>} */
const ACTIVATIONS = {
  "": (z) => z,
  tanh,
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
 * Adds to the sums of one neuron what comes from its inputs: four at a time, which takes a third of the time.
 * @param {Float64Array} sums @param {number} to @param {number} outputs @param {Float64Array} given @param {Float64Array} weights from each input
 */
function addUp(sums, to, outputs, given, weights) {
  const inputs = weights.length;
  let from = 0;
  for (; from + 4 <= inputs; from += 4) {
    const [a, b, c, d] = [weights[from], weights[from + 1], weights[from + 2], weights[from + 3]];
    for (let at = to, place = from; at < sums.length; at += outputs, place += inputs) {
      sums[at] += a * given[place] + b * given[place + 1] + c * given[place + 2] + d * given[place + 3];
    }
  }
  for (; from < inputs; from += 1) {
    const weight = weights[from];
    for (let at = to, place = from; at < sums.length; at += outputs, place += inputs) sums[at] += weight * given[place];
  }
}

/** @typedef {{sums: Float64Array, values: Float64Array}} Made */

/**
 * What every neuron makes of some points.
 * @param {Layer[]} layers
 * @param {Parameter[]} parameters
 * @param {number} k which step
 * @param {ArrayLike<number>} points one after the other, each with its inputs
 * @param {Made[]} [room] of the caller, who asks for the same again and again: what was there is lost
 * @returns {Made[]} by layer, of each point its neurons: before the activation and after
 */
export function forward(layers, parameters, k, points, room = []) {
  const count = layers.length ? points.length / layers[0].inputs : 0;
  let given = points instanceof Float64Array ? points : Float64Array.from(points); // of one kind, which is read fastest
  return layers.map((layer, number) => {
    const { inputs, outputs, activation, setting } = layer;
    const { weight, bias } = numbersOf(layer, parameters, k);
    const squash = ACTIVATIONS[activation];
    if (room[number]?.sums.length !== count * outputs) room[number] = { sums: new Float64Array(count * outputs), values: new Float64Array(count * outputs) };
    const { sums, values } = room[number];
    const weights = new Float64Array(inputs); // of one neuron, side by side
    for (let to = 0; to < outputs; to += 1) {
      const start = bias ? bias[to] : 0;
      for (let at = to; at < sums.length; at += outputs) sums[at] = start;
      for (let from = 0; from < inputs; from += 1) weights[from] = weight[entryOf(layer, from, to)];
      addUp(sums, to, outputs, given, weights);
    }
    for (let at = 0; at < sums.length; at += 1) values[at] = squash(sums[at], setting);
    given = values;
    return room[number];
  });
}

/**
 * What is predicted for some points: a number; of two classes the probability of the second; of more, the likeliest one.
 * @param {Told} told @param {Parameter[]} parameters @param {number} k @param {ArrayLike<number>} points @param {Made[]} [room]
 * @returns {Float64Array}
 */
export function predicted({ layers, kind }, parameters, k, points, room) {
  const { outputs } = layers[layers.length - 1];
  const { values } = forward(layers, parameters, k, points, room)[layers.length - 1];
  if (kind === "logit") return values.map(ACTIVATIONS.sigmoid);
  if (kind !== "classes") return values.slice();
  const made = new Float64Array(values.length / outputs);
  for (let point = 0, at = 0; point < made.length; point += 1, at += outputs) {
    if (outputs === 2) made[point] = ACTIVATIONS.sigmoid(values[at + 1] - values[at], null);
    else for (let one = 1; one < outputs; one += 1) if (values[at + one] > values[at + made[point]]) made[point] = one;
  }
  return made;
}
