// Layers: normalisation, convolution, pooling, lookup.

import { array, axesOf, each, filled, groups, reduced, reshaped, size, strides } from "../array.js";
import { sigmoid } from "./functions.js";
import { indexed, slice } from "./shapes.js";

/** @typedef {import("../array.js").Arr} Arr */
/** @typedef {import("../array.js").Operand} Operand */
/** @typedef {import("./arithmetic.js").Row} Row */
/** @typedef {import("./arithmetic.js").Given} Given */

// --- normalisation ------------------------------------------------------------------------------------------------------

/** Mean and 1 / deviation along axes, which stay at length 1. @param {Arr} x @param {number[]} axes @param {number} eps @returns {[Arr, Arr]} */
function statistics(x, axes, eps) {
  const { of, count } = groups(x.shape, axes);
  const mean = each([reduced(x, axes, 0, (sum, entry) => sum + entry, "float64")], (sum) => sum / count, x.dtype);
  const squares = reduced(x, axes, 0, (sum, entry, i) => sum + (entry - mean.data[of[i]]) ** 2, "float64");
  return [mean, each([squares], (sum) => 1 / Math.sqrt(sum / count + eps), x.dtype)];
}

const others = (/** @type {Arr} */ x) => x.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
/** A number for each channel, laid along their axis. @param {Operand | null} numbers @param {Arr} x */
const channels = (numbers, x) => (numbers === null || typeof numbers === "number" ? numbers : reshaped(numbers, [1, numbers.data.length, ...x.shape.slice(2).map(() => 1)]));
const standard = (/** @type {Arr} */ x, /** @type {Arr} */ mean, /** @type {Arr} */ rstd) => each([x, mean, rstd], (a, m, r) => (a - m) * r, x.dtype);
/** Stretched and shifted by what a layer has learned, if it learns. @param {Arr} x @param {Operand | null} weight @param {Operand | null} bias */
const scaled = (x, weight, bias) => {
  const stretched = weight === null ? x : each([x, weight], (a, w) => a * w, x.dtype);
  return bias === null ? stretched : each([stretched, bias], (a, b) => a + b, x.dtype);
};

/** @param {Given} given */
function layerNorm({ input, weight = null, bias = null, normalized_shape, eps }) {
  const axes = input.shape.map((/** @type {number} */ _, /** @type {number} */ axis) => axis).slice(-normalized_shape.length);
  const [mean, rstd] = statistics(input, axes, eps);
  return [scaled(standard(input, mean, rstd), weight, bias), mean, rstd];
}

/** @param {Given} given */
function batchNorm({ input, weight = null, bias = null, running_mean, running_var, training, eps }) {
  const [mean, rstd] = training ? statistics(input, others(input), eps) : [/** @type {Operand} */ (channels(running_mean, input)), each([/** @type {Arr} */ (channels(running_var, input))], (v) => 1 / Math.sqrt(v + eps))];
  return [scaled(standard(input, /** @type {Arr} */ (mean), rstd), channels(weight, input), channels(bias, input)), /** @type {Arr} */ (mean), rstd];
}

/** @param {Given} given */
function groupNorm({ input, weight = null, bias = null, group, eps }) {
  const rows = reshaped(input, [input.shape[0], group, input.data.length / (input.shape[0] * group || 1)]);
  const [mean, rstd] = statistics(rows, [2], eps);
  return [scaled(reshaped(standard(rows, mean, rstd), input.shape), channels(weight, input), channels(bias, input)), mean, rstd];
}

// --- convolution --------------------------------------------------------------------------------------------------------

/**
 * Goes through every product of a convolution: an entry of the image, of the kernel, and of the result.
 * @param {number[]} image its shape, as those of the kernel and of the result
 * @param {number[]} kernel
 * @param {number[]} result
 * @param {{stride: number[], padding: number[], dilation: number[], groups: number}} geometry
 * @param {(image: number, kernel: number, result: number) => void} f is given their places
 */
function convolved(image, kernel, result, { stride, padding, dilation, groups: count }, f) {
  const [inside, of, to] = [image.slice(2), kernel.slice(2), result.slice(2)];
  const [pixels, entries, windows] = [size(inside), size(of), size(to)];
  const [own, steps, places] = [strides(inside), strides(of), strides(to)];
  const [into, out] = [kernel[1], kernel[0] / count];
  for (let w = 0; w < windows; w++) {
    for (let e = 0; e < entries; e++) {
      let pixel = 0;
      const sees = inside.every((length, axis) => {
        const at = (Math.floor(w / places[axis]) % to[axis]) * stride[axis] + (Math.floor(e / steps[axis]) % of[axis]) * dilation[axis] - padding[axis];
        pixel += at * own[axis];
        return at >= 0 && at < length;
      });
      if (!sees) continue;
      for (let n = 0; n < image[0]; n++) {
        for (let o = 0; o < kernel[0]; o++) {
          const first = Math.floor(o / out) * into;
          for (let i = 0; i < into; i++) f((n * image[1] + first + i) * pixels + pixel, (o * into + i) * entries + e, (n * result[1] + o) * windows + w);
        }
      }
    }
  }
}

/** @param {Arr} made @param {Operand | null | undefined} bias */
const withBias = (made, bias) => (bias === null || bias === undefined ? made : each([made, /** @type {Operand} */ (channels(bias, made))], (x, b) => x + b));

/** @param {Given} given */
function convolution({ input, weight, bias, geometry }) {
  const outputs = input.shape.slice(2).map((/** @type {number} */ length, /** @type {number} */ axis) => Math.floor((length + 2 * geometry.padding[axis] - geometry.dilation[axis] * (weight.shape[axis + 2] - 1) - 1) / geometry.stride[axis]) + 1);
  const shape = [input.shape[0], weight.shape[0], ...outputs];
  const sums = new Float64Array(size(shape));
  convolved(input.shape, weight.shape, shape, geometry, (i, w, o) => (sums[o] += input.data[i] * weight.data[w]));
  return withBias(filled(shape, input.dtype, sums), bias);
}

/** A transposed convolution: from the result back to the image. @param {Given} given */
function toImage({ grad_output, weight, size: inside, geometry }) {
  const shape = [grad_output.shape[0], weight.shape[1] * geometry.groups, ...inside];
  const sums = new Float64Array(size(shape));
  convolved(shape, weight.shape, grad_output.shape, geometry, (i, w, o) => (sums[i] += grad_output.data[o] * weight.data[w]));
  return filled(shape, grad_output.dtype, sums);
}

/** @param {Given} given */
function toKernel({ grad_output, input, kernel, geometry }) {
  const shape = [grad_output.shape[1], input.shape[1] / geometry.groups, ...kernel];
  const sums = new Float64Array(size(shape));
  convolved(input.shape, shape, grad_output.shape, geometry, (i, w, o) => (sums[w] += grad_output.data[o] * input.data[i]));
  return filled(shape, input.dtype, sums);
}

// --- pooling ------------------------------------------------------------------------------------------------------------

/** Applies a matrix along each of the last axes. @param {Arr} self @param {Arr[]} matrices @param {boolean} [turned] */
function along(self, matrices, turned = false) {
  return matrices.reduce((of, matrix, place) => {
    const axis = of.shape.length - matrices.length + place;
    const [rows, columns] = turned ? matrix.shape.toReversed() : matrix.shape;
    const inner = size(of.shape.slice(axis + 1));
    const made = array(of.shape.with(axis, rows), of.dtype);
    for (let i = 0; i < made.data.length; i++) {
      const [before, row, after] = [Math.floor(i / (inner * rows)), Math.floor(i / inner) % rows, i % inner];
      let sum = 0;
      for (let k = 0; k < columns; k++) {
        const weight = matrix.data[turned ? k * rows + row : row * columns + k];
        if (weight) sum += weight * of.data[(before * columns + k) * inner + after]; // 0 times what is no number is not looked at
      }
      made.data[i] = sum;
    }
    return made;
  }, self);
}

/** The largest entry of each window, and where it was, counted through the image row by row. @param {Given} given */
function maxPool({ self, places }) {
  const axes = places.length;
  const [lead, image] = [self.shape.slice(0, -axes), self.shape.slice(-axes)];
  const own = strides(image);
  const outputs = places.map((/** @type {Arr} */ seen) => seen.shape[0]);
  const [windows, kernel] = [outputs, places.map((/** @type {Arr} */ seen) => seen.shape[1])];
  const [of, to] = [strides(windows), strides(kernel)];
  const shape = [...lead, ...outputs];
  const [values, indices] = [array(shape, self.dtype), array(shape, "int64")];
  const [count, entries, pixels] = [size(windows), size(kernel), size(image)];
  for (let n = 0, out = 0; n < size(lead); n++) {
    for (let w = 0; w < count; w++, out++) {
      let best = -1;
      for (let e = 0; e < entries; e++) {
        let pixel = 0;
        const inside = places.every((/** @type {Arr} */ seen, /** @type {number} */ axis) => {
          const place = seen.data[(Math.floor(w / of[axis]) % windows[axis]) * kernel[axis] + (Math.floor(e / to[axis]) % kernel[axis])];
          pixel += place * own[axis];
          return place >= 0;
        });
        if (!inside) continue;
        const entry = self.data[n * pixels + pixel];
        if (best < 0 || entry > self.data[n * pixels + best] || Number.isNaN(entry)) best = pixel;
      }
      values.data[out] = self.data[n * pixels + best];
      indices.data[out] = best;
    }
  }
  return [values, indices];
}

/** @param {Given} given */
function maxPoolBack({ grad_output, self, indices, places }) {
  const pixels = size(self.shape.slice(-places.length));
  const windows = size(indices.shape.slice(-places.length));
  const sums = new Float64Array(self.data.length);
  grad_output.data.forEach((/** @type {number} */ g, /** @type {number} */ i) => (sums[Math.floor(i / windows) * pixels + indices.data[i]] += g));
  return filled(self.shape, self.dtype, sums);
}

const pool = (/** @type {Given} */ { self, matrices }) => along(self, matrices);
const poolBack = (/** @type {Given} */ { grad_output, matrices }) => along(grad_output, matrices, true);

/** @param {Given} given */
function glu({ self, dim }) {
  const [axis] = axesOf(dim, self.shape.length);
  const half = self.shape[axis] / 2;
  return each([slice(self, axis, 0, half), slice(self, axis, half, 2 * half)], (content, gate) => content * sigmoid(gate));
}

/** Adds a border, or cuts one off where a width is negative. @param {Given} given */
function pad({ self, pads, value }) {
  const shape = self.shape.map((/** @type {number} */ length, /** @type {number} */ axis) => length + pads[axis][0] + pads[axis][1]);
  const made = filled(shape, self.dtype, new Float64Array(size(shape)).fill(value));
  const [own, from] = [strides(shape), strides(self.shape)];
  for (let i = 0; i < made.data.length; i++) {
    let place = 0;
    const inside = shape.every((/** @type {number} */ length, /** @type {number} */ axis) => {
      const at = (Math.floor(i / own[axis]) % length) - pads[axis][0];
      place += at * from[axis];
      return at >= 0 && at < self.shape[axis];
    });
    if (inside) made.data[i] = self.data[place];
  }
  return made;
}

/** @type {Record<string, Row>} */
export const layers = {
  layer_norm: layerNorm,
  batch_norm: batchNorm,
  group_norm: groupNorm,
  convolution,
  convolution_backward: (given) => (given.weight ? toImage(given) : toKernel(given)),
  conv_transpose: ({ input, weight, bias, size: inside, geometry }) => withBias(toImage({ grad_output: input, weight, size: inside, geometry }), bias),
  along_axes: pool,
  avg_pool2d: pool,
  avg_pool2d_backward: poolBack,
  avg_pool3d: pool,
  avg_pool3d_backward: poolBack,
  adaptive_avg_pool2d: pool,
  adaptive_avg_pool2d_backward: poolBack,
  adaptive_avg_pool3d: pool,
  adaptive_avg_pool3d_backward: poolBack,
  interpolate: pool,
  reflection_pad: pool,
  reflection_pad_backward: poolBack,
  replication_pad: pool,
  replication_pad_backward: poolBack,
  circular_pad: pool,
  pad,
  max_pool2d: maxPool,
  max_pool2d_backward: maxPoolBack,
  max_pool3d: maxPool,
  max_pool3d_backward: maxPoolBack,
  adaptive_max_pool2d: maxPool,
  adaptive_max_pool2d_backward: maxPoolBack,
  embedding: ({ weight, indices }) => indexed(weight, indices),
  glu,
};
