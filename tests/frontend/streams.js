// Puts a run together from what Python has told of it bit by bit, and prints what differs from the run told at once.

import { readFileSync } from "node:fs";
import { RunData } from "../../gradviz/player/frontend/src/training/data.js";

const { first, further, whole } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const [run, wanted] = [new RunData(first), new RunData(whole)];
const found = [];
for (const told of further) if (!run.more(told)) found.push("it does not go on");

const told = (rows) => Array.from({ length: rows.length }, (_, k) => Array.from(rows.row(k), String)).map(String).join(";");
const compare = (name, mine, its) => told(mine) === told(its) || found.push(`${name}: ${told(mine).slice(0, 300)}, not ${told(its).slice(0, 300)}`);
for (const name of ["losses", "epochs", "kept", "alike"]) compare(name, run[name], wanted[name]);
for (const [name, steps] of wanted.lines) compare(`line ${name}`, run.lines.get(name), steps);
wanted.parameters.forEach((its, i) => {
  const mine = run.parameters[i];
  for (const name of ["before", "after", "gradient", "gradientNorm", "updateNorm"]) compare(`${its.name} ${name}`, mine[name], its[name]);
  for (let k = 0; k < wanted.length; k += 1) {
    const [one, other] = [mine, its].map((parameter) => JSON.stringify(parameter.forms[parameter.form.at(k)]));
    if (one !== other) found.push(`${its.name} rule of step ${k}: ${one}, not ${other}`);
    for (const [key, rows] of its.numbers()) {
      const [a, b] = [mine.numbers().get(key)?.at(k), rows.at(k)];
      if (!Object.is(a, b)) found.push(`${its.name} ${key} of step ${k}: ${a}, not ${b}`);
    }
  }
});
console.log(JSON.stringify(found));
