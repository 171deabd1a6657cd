// All that the player plays of an expression: its picture, its steps with their words, and its program.

import { numberText } from "../number.js";
import { phrase } from "../words.js";
import { usesOf } from "./graph.js";
import { isWritten, pictureOf, PREFIX } from "./picture.js";
import { programOf } from "./program.js";

/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {import("./graph.js").Operation} Operation */
/** @typedef {import("./graph.js").Tensor} Tensor */
/** @typedef {typeof import("../engine.js")} Engine */

const [FIRST, SECOND, RESULT, LOSS, COUNT] = "ⰰⰱⰲⰳⰴ"; // as in tests/sandbox_book.py
const PENDING = "·";
const size = (/** @type {number[]} */ shape) => shape.reduce((all, one) => all * one, 1);

/** A text of the book with the graph's own names. @param {string} text @param {Operation} operation @param {string} loss */
function worded(text, { inputs, output }, loss) {
  /** @type {Record<string, {name: string, composed: boolean}>} */
  const names = { [FIRST]: inputs[0], [SECOND]: inputs[1], [RESULT]: output, [LOSS]: { name: loss, composed: false }, [COUNT]: { name: String(size(inputs[0].shape)), composed: false } };
  return text.replace(/[ⰰⰱⰲⰳⰴ]/gu, (sign, at) => {
    const { name, composed } = names[sign];
    const [before, after] = [text[at - 1], text[at + 1]];
    const inside = before === "(" && (after === ")" || after === ",");
    const prose = /\s/.test(before ?? " ") && /[\s.,]/.test(after ?? " ") && /is computed|gets|sends|\w{4}/.test(text);
    return composed && !inside && !prose && text.length > 1 ? `(${name})` : name;
  });
}

/**
 * @param {Graph} graph
 * @param {string} title
 * @param {Engine} engine
 * @returns {{payload: any, program: import("../engine/machine.js").Program, shown: any}}
 */
export function payloadOf(graph, title, engine) {
  const { tensors, operations, output } = graph;
  const { program, backs } = programOf(graph);
  const loss = output.name;
  const word = (/** @type {string} */ text, /** @type {Operation} */ operation) => worded(text, operation, loss);
  const keys = (/** @type {Tensor} */ { id, shape }, /** @type {string} */ part) => (isWritten(shape) ? Array.from({ length: size(shape) }, (_, k) => `${id}_${part}${k}`) : [`${id}_${part}s0`, `${id}_${part}s1`]);
  const leaves = tensors.filter(({ producer }) => !producer);
  const shownOnes = tensors.filter(({ role }) => role !== "constant");
  const uses = usesOf(operations);
  /** @type {Map<string, string>} */
  const labels = new Map();
  for (const operation of operations) {
    operation.inputs.forEach(({ wants }, k) => {
      const text = word(operation.entry.forward.labels[k] ?? "", operation);
      if (wants && text) labels.set(`${operation.id}_${k}`, text);
    });
  }
  const { svg, grids } = pictureOf(graph, labels);

  const spoken = (/** @type {Tensor} */ { name, role, shape, wants }, /** @type {boolean} */ value, /** @type {boolean} */ gradient) =>
    `${name}, ${role}${shape.length ? `, shape ${shape.join("×")}` : ""}, value ${value ? "0" : phrase("entry-keys: not computed yet")}${wants ? `, gradient ${gradient ? "0" : phrase("entry-keys: not computed yet")}` : ""}`;
  const blank = () => ({ text: {}, fill: {}, image: {}, state: {}, width: {}, path: {}, label: {} });
  /** @param {Partial<import("../state.js").Step>} about @returns {any} */
  const step = (about) => ({ reason: "", equation: [], source: null, touched: [], current: [], ...blank(), ...about });
  const empty = () => ({ values: /** @type {any[]} */ ([]), contributions: /** @type {any[]} */ ([]), gradients: /** @type {any[]} */ ([]) });
  const value = (/** @type {Tensor} */ { shape }) => ({ shape, dtype: "float32", data: new Array(size(shape)).fill(0) });

  // The start
  const all = [...tensors.map(({ id }) => id), ...operations.flatMap(({ id, inputs, output: made }) => [id, ...inputs.map((_, k) => `${id}_${k}`), `${id}_${made.id}`])];
  const texts = shownOnes.flatMap((tensor) => [...keys(tensor, "v").map((key) => [key, tensor.producer ? PENDING : "0"]), ...(tensor.wants ? keys(tensor, "g").map((key) => [key, PENDING]) : [])]);
  const steps = [
    step({
      phase: "forward",
      title: phrase("sandbox: start"),
      sentence: phrase("sandbox: start sentence"),
      touched: leaves.map(({ id }) => id),
      text: Object.fromEntries([...texts, ...[...labels.keys()].map((id) => [`${id}_l`, ""])]),
      state: Object.fromEntries(all.map((id) => [id, leaves.some((leaf) => leaf.id === id) ? "forward" : "pending"])),
      width: Object.fromEntries(all.filter((id) => id.includes("_")).map((id) => [id, 1.4])),
      label: Object.fromEntries([
        ...tensors.map((tensor) => [tensor.id, tensor.role === "constant" ? `${tensor.name}, constant` : spoken(tensor, !tensor.producer, false)]),
        ...operations.map(({ id, entry }) => [id, `${entry.operation.name}, ${entry.operation.grad_fn}, ${phrase("entry-keys: not computed yet")}`]),
      ]),
    }),
  ];
  const frames = [{ ...empty(), values: leaves.map((leaf) => [leaf.id, value(leaf)]) }];
  const places = [{ values: leaves.map(({ id }) => program.values[id]), contributions: /** @type {number[]} */ ([]), locals: /** @type {(number | null)[]} */ ([]), gradients: /** @type {number[]} */ ([]) }];

  /** A line of the book with the graph's own names and ids. @param {any} line @param {Operation} operation */
  const lineOf = (line, operation) => {
    /** @type {Record<string, string>} */
    const ids = { 0: operation.inputs[0].id, 1: operation.inputs[1]?.id ?? "", r: operation.output.id };
    const made = {
      ...line,
      sides: line.sides.map((/** @type {any[]} */ side) => side.map((part) => (typeof part === "string" ? word(part, operation) : { ...part, tensor: part.tensor?.startsWith("_") ? operation.id + part.tensor : ids[part.tensor], text: part.text.startsWith("[") || part.kind !== "array" ? part.text : word(part.text, operation) }))),
      relations: [...line.relations],
    };
    if (line.argument !== undefined) made.argument = `${operation.id}_${line.argument}`;
    // A name that says how it was made needs no second time to be said; and numbers of which nobody knows are not shown.
    const local = (/** @type {any[]} */ side) => side.some((part) => part.role === "local" && !Object.hasOwn(program.locals, part.tensor));
    const kept = made.sides.map((/** @type {any[]} */ side, /** @type {number} */ k) => !(line.kind === "forward" && k === 1 && !operation.output.named && side.every((part) => typeof part === "string")) && !(k > 1 && local(side)));
    made.sides = made.sides.filter((/** @type {any} */ _, /** @type {number} */ k) => kept[k]);
    made.relations = made.relations.filter((/** @type {any} */ _, /** @type {number} */ k) => kept[k + 1]);
    return { ...made, text: "" };
  };

  // Forward
  for (const operation of operations) {
    const { id, entry, inputs, output: made } = operation;
    const known = Object.fromEntries(inputs.flatMap((_, k) => (labels.has(`${id}_${k}`) ? [[`${id}_${k}_l`, labels.get(`${id}_${k}`) ?? ""]] : [])));
    steps.push(
      step({
        phase: "forward",
        title: made.name,
        sentence: word(entry.forward.sentence, operation),
        equation: entry.forward.equation.map((/** @type {any} */ line) => lineOf(line, operation)),
        current: [id, ...inputs.map((_, k) => `${id}_${k}`), `${id}_${made.id}`],
        touched: [...inputs.map((input) => input.id), made.id],
        text: { ...Object.fromEntries(keys(made, "v").map((key) => [key, "0"])), ...known },
        state: Object.fromEntries([made.id, id, ...inputs.map((_, k) => `${id}_${k}`), `${id}_${made.id}`].map((key) => [key, "forward"])),
        label: { [made.id]: spoken(made, true, false), [id]: `${entry.operation.name}, ${entry.operation.grad_fn}, ${phrase("sandbox: computed")}` },
      }),
    );
    frames.push({ ...empty(), values: [[made.id, value(made)]] });
    places.push({ values: [program.values[made.id]], contributions: [], locals: [], gradients: [] });
  }

  // Backward
  const seed = program.sums[`:${output.id}`];
  const ones = output.shape.length > 0;
  steps.push(
    step({
      phase: "backward",
      title: phrase("sandbox: backward"),
      sentence: ones ? phrase("sandbox: backward from many", { name: loss }) : phrase("sandbox: backward sentence", { name: loss }),
      equation: [{ kind: "seed", text: "", sides: [[`∂${loss}/∂${loss}`], [{ text: ones ? "[1]" : "1", kind: ones ? "array" : "number", tensor: output.id, role: "gradient" }]], relations: ["="] }],
      current: [output.id],
      text: Object.fromEntries(keys(output, "g").map((key) => [key, "0"])),
      state: { [output.id]: "done" },
      label: { [output.id]: spoken(output, true, true) },
    }),
  );
  frames.push({ ...empty(), gradients: [{ tensor: output.id, value: value(output), complete: true }] });
  places.push({ values: [], contributions: [], locals: [], gradients: [seed] });
  /** @type {Map<string, number>} how many have come */
  const came = new Map();
  for (const { operation, sent, sums } of backs) {
    const { id, entry, inputs, output: made } = operation;
    /** @type {any[]} */
    const lines = [];
    for (const { place } of sent) {
      const input = inputs[place];
      const argument = `${id}_${place}`;
      const several = (uses.get(input.id) ?? 0) > 1;
      const found = entry.back.equation.find((/** @type {any} */ line) => line.argument === String(place));
      if (found) {
        const line = lineOf(found, operation);
        if (several) line.relations[0] = "+=";
        lines.push(line);
      }
      const count = (came.get(input.id) ?? 0) + 1;
      came.set(input.id, count);
      if (several && count > 1 && !input.shape.length) {
        const symbol = `∂${loss}/∂${input.composed ? `(${input.name})` : input.name}`;
        const part = (/** @type {string} */ tensor, /** @type {string} */ role) => ({ text: "0", kind: "number", tensor, role });
        const total = [part(input.id, "gradient")];
        lines.push({ kind: "sum", text: "", argument, sides: [[count < (uses.get(input.id) ?? 0) ? phrase("sandbox: so far", { symbol }) : symbol], [part(input.id, "gradient"), " + ", part(argument, "contribution")], total], relations: ["=", "="] });
      }
    }
    const reached = sums.map(({ tensor }) => /** @type {Tensor} */ (tensors.find((one) => one.id === tensor)));
    steps.push(
      step({
        phase: "backward",
        title: entry.back.title,
        sentence: word(sent.length === 1 && inputs.length > 1 ? entry.back.alone[sent[0].place] : entry.back.sentence, operation),
        equation: lines,
        current: [id, ...sent.map(({ place }) => `${id}_${place}`), `${id}_${made.id}`],
        touched: [...reached.map((one) => one.id), made.id],
        text: Object.fromEntries(reached.flatMap((one) => keys(one, "g").map((key) => [key, !one.shape.length && (came.get(one.id) ?? 0) > 1 ? "0 + 0" : "0"]))),
        state: Object.fromEntries([...sums.map(({ tensor, complete }) => [tensor, complete ? "done" : "partial"]), [id, "done"], ...sent.map(({ place }) => [`${id}_${place}`, "backward"]), [`${id}_${made.id}`, "backward"]]),
        width: Object.fromEntries([...sent.map(({ place }) => [`${id}_${place}`, 2]), [`${id}_${made.id}`, 2]]),
        label: Object.fromEntries([...reached.map((one) => [one.id, spoken(one, true, true)]), [id, `${entry.operation.name}, ${entry.operation.grad_fn}, ${phrase("sandbox: passed on")}`]]),
      }),
    );
    frames.push({
      ...empty(),
      contributions: sent.map(({ place, local }) => ({ argument: `${id}_${place}`, value: value(inputs[place]), ...(local === null ? {} : { local: value(made) }) })),
      gradients: sums.map(({ tensor, complete }, k) => ({ tensor, value: value(reached[k]), complete })),
    });
    places.push({ values: [], contributions: sent.map(({ slot }) => slot), locals: sent.map(({ local }) => local), gradients: sums.map(({ slot }) => slot) });
  }

  const facts = {
    tensors: tensors.map(({ id, name, named, role, shape, wants, producer }) => ({ id, name, named, role, shape, dtype: "float32", requires_grad: wants, ...(producer ? { producer } : {}) })),
    operations: operations.map((operation, sequence) => {
      const { id, entry, inputs, output: made } = operation;
      const { operation: about } = entry;
      return {
        id, name: about.name, grad_fn: about.grad_fn, symbol: about.symbol, sequence, outputs: [made.id], attributes: about.attributes, sentence: word(about.sentence, operation),
        inputs: inputs.map(({ id: tensor, wants }, k) => ({ id: `${id}_${k}`, slot: about.inputs[k].slot, tensor, ...(wants ? { local: word(about.inputs[k].local ?? "", operation), ...(about.inputs[k].local_number && !made.shape.length ? { local_number: about.inputs[k].local_number } : {}) } : {}) })),
      };
    }),
    frames,
  };
  const payload = {
    version: 1, at: "", title, steps, sums: {}, brackets: tensors.filter(({ composed }) => composed).map(({ id }) => id), facts,
    places: steps.map((_, k) => k), until: steps.map((_, k) => k), after: null, depth: null, every: null, opens: {}, memory: null, whys: {}, strange: null, remarks: [], trail: [], groups: [],
    prefix: PREFIX, svg, direction: "LR", grids, inks: {}, scales: {}, code: [], paths: {}, nudges: {}, overview: null, predict: false, grain: "operation", folds: {}, turned: null, wanted: "LR",
  };
  const shown = { places, bars: {} };
  const known = engine.told(payload, shown, program);
  return { payload: known, program, shown };
}
