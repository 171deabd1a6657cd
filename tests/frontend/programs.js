// Runs programs that Python has written, and prints what comes out differently from what Python computes.

import { readFileSync } from "node:fs";
import { Machine } from "../../gradviz/player/frontend/src/engine/machine.js";

const number = (item) => (typeof item === "string" ? Number(item.replace("inf", "Infinity")) : Number(item));
const found = [];

function compare(machine, expected, tolerance, name) {
  for (const { slot, what, shape, data, dtype } of expected) {
    const made = machine.at(slot);
    const wanted = data.map(number);
    const near = Math.max(tolerance[dtype] ?? 0, tolerance[made.dtype] ?? 0);
    const most = wanted.reduce((top, one) => (Number.isFinite(one) ? Math.max(top, Math.abs(one)) : top), 0);
    if (JSON.stringify(made.shape) !== JSON.stringify(shape)) found.push(`${name}: ${what} has the shape ${made.shape}, not ${shape}`);
    else if (made.dtype !== dtype && !what.startsWith("local")) found.push(`${name}: ${what} is ${made.dtype}, not ${dtype}`);
    else {
      const k = wanted.findIndex((one, i) => !(Object.is(one, made.data[i]) || one === made.data[i] || Math.abs(one - made.data[i]) <= near * (most + Math.abs(one)) || (most < 1e-12 && Math.abs(made.data[i]) < 1e-12)));
      if (k >= 0) found.push(`${name}: ${what}[${k}] is ${made.data[k]}, not ${wanted[k]} (largest ${most})`);
    }
  }
}

for (const { name, program, expected, leaves, moved, tolerance } of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  try {
    const machine = new Machine(program);
    compare(machine, expected, tolerance, name);
    for (const [tensor, numbers] of Object.entries(leaves)) numbers.forEach((one, k) => machine.set(tensor, k, number(one)));
    machine.run();
    compare(machine, moved, tolerance, `${name}, changed`);
    machine.reset();
    machine.run();
    compare(machine, expected, tolerance, `${name}, taken back`);
  } catch (error) {
    found.push(`${name}: ${error.stack.split("\n").slice(0, 3).join(" | ")}`);
  }
}
console.log(JSON.stringify(found));
