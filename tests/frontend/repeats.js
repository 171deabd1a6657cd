// Reads runs of which a page computes the numbers of the rules, and the same runs as they were recorded; prints what differs.

import { readFileSync } from "node:fs";
import { RunData } from "../../gradviz/player/frontend/src/training/data.js";

const CLOSE = 1e-5; // of the largest that a number was in the last eight steps
const found = [];

for (const { name, computed, recorded } of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  const [mine, its] = [new RunData(computed), new RunData(recorded)];
  its.parameters.forEach((parameter, i) => {
    const numbers = mine.parameters[i].numbers();
    if (JSON.stringify([...numbers.keys()].sort()) !== JSON.stringify([...parameter.numbers().keys()].sort())) found.push(`${name} ${parameter.name}: ${[...numbers.keys()]}`);
    for (const [key, rows] of parameter.numbers()) {
      for (let k = 0; k < its.length; k += 1) {
        for (let entry = 0; entry < rows.width; entry += 1) {
          const [one, other] = [numbers.get(key)?.at(k, entry), rows.at(k, entry)];
          const size = Math.max(...Array.from({ length: 8 }, (_, back) => Math.abs(rows.at(Math.max(k - back, 0), entry))).filter(Number.isFinite), 1e-37);
          if (!Object.is(one, other) && !(Math.abs(one - other) <= CLOSE * size)) found.push(`${name} ${parameter.name} ${key} of step ${k}: ${one}, not ${other}`);
        }
      }
    }
    for (let k = 0; k < its.length; k += 1) {
      const [one, other] = [mine, its].map((run) => run.parameters[i].forms[run.parameters[i].form.at(k)]);
      if (JSON.stringify(one) !== JSON.stringify(other)) found.push(`${name} ${parameter.name}: another rule in step ${k}`);
    }
  });
}
console.log(JSON.stringify(found.slice(0, 20)));
