// Trains runs on as a page does, from what Python has written, and prints what comes out differently from what Python computes.

import { readFileSync } from "node:fs";

const source = new URL("../../gradviz/player/frontend/src/", import.meta.url);
const { Machine } = await import(new URL("engine/machine.js", source));
const { Trainer } = await import(new URL("training/onward/trainer.js", source));

const found = [];

/** How far apart numbers are, of the largest of them. */
const apart = (mine, its) => {
  const most = its.reduce((top, one) => Math.max(top, Math.abs(one)), 1e-12);
  return its.reduce((top, one, i) => Math.max(top, Math.abs(one - mine[i]) / most), its.length === mine.length ? 0 : Infinity);
};

for (const { name, told, parameters, from, change, data, start, steps, tolerance } of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  try {
    const trainer = new Trainer(Machine, told, parameters);
    const usual = { choice: null, lr: null, momentum: null };
    let state = trainer.before(from, () => NaN);
    for (const [column, example, offset, number] of data) trainer.set(column, example, offset, number);
    for (const [parameter, entry, number] of start) state.numbers[parameter][entry] = number;
    for (const [i, { loss, after }] of steps.entries()) {
      const made = trainer.step(state, from + i, { ...usual, ...change });
      state = made.state;
      const far = [apart([made.step.loss], [loss]), ...after.map((numbers, number) => apart([...state.numbers[number]], numbers))];
      const worst = Math.max(...far);
      if (!(worst <= tolerance)) {
        found.push(`${name}: step ${from + i} is off by ${far.map((one) => one.toExponential(1))}`);
        break;
      }
    }
  } catch (error) {
    found.push(`${name}: ${error.stack.split("\n").slice(0, 4).join(" | ")}`);
  }
}
console.log(JSON.stringify(found));
