// All the numbers of a tensor at a glance: a heatmap and a histogram.

import { html, svgElement } from "./dom.js";
import { numberText } from "./number.js";
import { phrase } from "./words.js";

/**
 * A heatmap: one pixel per entry, enlarged without blurring, in the picture's own colours.
 * @param {number[]} numbers row by row
 * @param {number} rows
 * @param {number} columns
 * @param {(number: number) => string} colourOf
 * @param {string} label
 */
export function heatmap(numbers, rows, columns, colourOf, label) {
  const canvas = html("canvas", { width: columns, height: rows, class: "gp-heatmap", role: "img", "aria-label": label });
  const cell = Math.max(3, Math.min(18, Math.floor(320 / columns)));
  canvas.style.width = `${columns * cell}px`;
  canvas.style.height = `${rows * cell}px`;
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  numbers.forEach((number, i) => {
    context.fillStyle = colourOf(number);
    context.fillRect(i % columns, Math.floor(i / columns), 1, 1);
  });
  return canvas;
}

/**
 * How many numbers fall into each of a few bins of equal width; those that are not finite into none.
 * @param {number[]} numbers
 * @param {number} [most]
 * @returns {{low: number, high: number, counts: number[]}}
 */
export function bins(numbers, most = 24) {
  const finite = numbers.filter(Number.isFinite);
  const low = finite.reduce((a, b) => Math.min(a, b), Infinity);
  const high = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  if (finite.length === 0 || low === high) return { low, high, counts: [finite.length] };
  const counts = Array(Math.min(most, Math.max(4, Math.ceil(Math.sqrt(finite.length))))).fill(0);
  for (const number of finite) {
    counts[Math.min(counts.length - 1, Math.floor(((number - low) / (high - low)) * counts.length))] += 1;
  }
  return { low, high, counts };
}

/**
 * A histogram, with its ends written below it.
 * @param {number[]} numbers
 * @param {string} name
 */
export function histogram(numbers, name) {
  const { low, high, counts } = bins(numbers);
  if (!Number.isFinite(low)) return html("span");
  const most = Math.max(...counts);
  const width = 180 / counts.length;
  const bars = counts.map((count, i) => {
    const height = count && Math.max(1, (count / most) * 44);
    return svgElement("rect", { x: i * width + 0.5, y: 46 - height, width: width - 1, height });
  });
  const fullest = counts.indexOf(most);
  const label =
    phrase("chart: histogram numbers from most them", { name, numbers: numbers.length, low: numberText(low), high: numberText(high), most, part: numberText(low + ((fullest + 0.5) * (high - low)) / counts.length, 2) });
  const drawn = svgElement("svg", { viewBox: "0 0 180 47", role: "img", "aria-label": label }, ...bars);
  drawn.append(svgElement("path", { d: "M0 46.5H180" }));
  const ends = html("span", { class: "gp-ends" }, html("span", {}, numberText(low)), html("span", {}, numberText(high)));
  return html("div", { class: "gp-histogram" }, drawn, ends);
}
