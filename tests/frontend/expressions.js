// Computes expressions as the page does, forward and back, and prints what comes out differently from what Python computes.

import { readFileSync } from "node:fs";

const source = new URL("../../gradviz/player/frontend/src/", import.meta.url);
const { parsed, value } = await import(new URL("sandbox/parse.js", source));
const { graphOf } = await import(new URL("sandbox/graph.js", source));
const { payloadOf } = await import(new URL("sandbox/payload.js", source));
const engine = await import(new URL("engine.js", source));

const book = JSON.parse(readFileSync(new URL("../../gradviz/player/static/sandbox.json", import.meta.url), "utf8"));
const functions = Object.fromEntries(Object.keys(book).map((key) => key.split(" ")).filter(([name]) => /^[a-z]/.test(name)).map(([name, , second]) => [name, second === undefined ? 1 : 2]));
const found = [];
const number = (one) => (typeof one === "string" ? Number(one.replace("inf", "Infinity")) : one);

for (const { expression, values, result, gradients } of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  try {
    const { tree, name } = parsed(expression, functions);
    const graph = graphOf(tree, name, new Map(Object.entries(values).map(([one, text]) => [one, value(text)])), book);
    const { payload, program } = payloadOf(graph, expression, engine);
    const machine = new engine.Machine(program);
    const check = (what, slot, wanted) => {
      const mine = [...machine.at(slot).data];
      const most = wanted.map(number).filter(Number.isFinite).reduce((top, one) => Math.max(top, Math.abs(one)), 1e-6);
      const off = wanted.findIndex((one, k) => !(Object.is(number(one), mine[k]) || Math.abs(number(one) - mine[k]) <= 2e-7 + 3e-4 * (most + Math.abs(number(one)))));
      if (off >= 0 || mine.length !== wanted.length) found.push(`${expression}: ${what} is ${mine}, not ${wanted}`);
    };
    check("the result", program.values[graph.output.id], result);
    const known = new Map(payload.facts.frames.flatMap((frame) => frame.gradients.map(({ tensor, value: one }) => [tensor, one])));
    for (const [one, wanted] of Object.entries(gradients)) {
      const tensor = graph.tensors.find((other) => other.name === one && !other.producer);
      const slot = Object.entries(program.sums).filter(([key]) => key.endsWith(`:${tensor.id}`)).at(-1)?.[1];
      if (slot === undefined) found.push(`${expression}: ${one} has no gradient`);
      else check(`the gradient of ${one}`, slot, wanted);
      // And what the player's last step says is that number.
      if (!known.has(tensor.id)) found.push(`${expression}: no step tells the gradient of ${one}`);
    }
    for (const step of payload.steps) for (const text of [step.sentence, step.title, ...step.equation.map((line) => line.text)]) if (/[ⰰ-ⱟ]|undefined|NaN\b/u.test(text)) found.push(`${expression}: it says "${text}"`);
  } catch (error) {
    found.push(`${expression}: ${error.stack.split("\n").slice(0, 4).join(" | ")}`);
  }
}
console.log(JSON.stringify(found));
