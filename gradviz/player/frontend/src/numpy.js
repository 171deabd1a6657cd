// Numbers as NumPy code, to go on with in a program. Pure functions, no DOM.
//
// Names come from a recording, which may be somebody else's: in the code they are identifiers or comments of one line.

/** @typedef {import("./facts.js").Facts} Facts */
/** @typedef {import("./facts.js").Value} Value */

const KEYWORDS = new Set(
  ("False None True and as assert async await break class continue def del elif else except finally for from global if " +
    "import in is lambda nonlocal not or pass raise return try while with yield np").split(" "),
);
const PER_LINE = 88;

/**
 * Makes an identifier of a name: "w·x" becomes w_x, "linear.weight" linear_weight.
 * @param {string} name
 */
export function identifier(name) {
  const plain = name.normalize("NFKD").replace(/[^A-Za-z0-9_]+/g, "_").replace(/^_+|_+$/g, "").slice(0, 40);
  const started = /^[A-Za-z_]/.test(plain) ? plain : `t_${plain}`;
  return KEYWORDS.has(started) ? `${started}_` : started;
}

/** @param {number | boolean} number */
function literal(number) {
  if (typeof number === "boolean") return number ? "True" : "False";
  if (Number.isNaN(number)) return "np.nan";
  if (!Number.isFinite(number)) return number > 0 ? "np.inf" : "-np.inf";
  return Object.is(number, -0) ? "-0.0" : String(number);
}

/**
 * Writes an array: "np.array([[1, 2], [3, 4]], dtype=np.float32)".
 * @param {Value} value
 * @param {number} [indent] of the lines after the first
 */
export function arrayCode({ shape, dtype, data }, indent = 0) {
  const type = /^(?:float|int|uint)\d+$/.test(dtype) ? `, dtype=np.${dtype}` : dtype === "bool" ? ", dtype=bool" : "";
  if (!data) return "None  # too large to be kept in full";
  if (data.length === 0) return `np.zeros((${shape.join(", ")}${shape.length === 1 ? "," : ""})${type})`;
  let parts = data.map(literal);
  for (const [level, length] of [...shape].reverse().entries()) {
    const rows = [];
    for (let i = 0; i < parts.length; i += length) rows.push(joined(parts.slice(i, i + length), indent + 9 + shape.length - 1 - level));
    parts = rows;
  }
  return `np.array(${parts[0]}${type})`;
}

/** @param {string[]} parts @param {number} indent */
function joined(parts, indent) {
  const line = `[${parts.join(", ")}]`;
  if (line.length + indent <= PER_LINE && !line.includes("\n")) return line;
  /** @type {string[]} */
  const lines = [];
  const nested = parts[0].startsWith("[");
  for (const part of parts) {
    const last = lines.at(-1);
    if (nested || last === undefined || last.length + part.length + 2 + indent > PER_LINE) lines.push(part);
    else lines[lines.length - 1] = `${last}, ${part}`;
  }
  return `[${lines.join(`,\n${" ".repeat(indent + 1)}`)}]`;
}

/** A comment of one line, whatever is in the text. @param {string} text */
function comment(text) {
  return `# ${text.replace(/\p{C}|\p{Zl}|\p{Zp}/gu, " ")}`;
}

/**
 * Assignments of arrays to names, each name once.
 * @param {[string, Value | undefined][]} arrays
 * @param {string} about
 */
function program(arrays, about) {
  const taken = new Set();
  const lines = arrays.flatMap(([name, value]) => {
    if (!value) return [];
    let free = identifier(name);
    for (let n = 2; taken.has(free); n += 1) free = `${identifier(name)}_${n}`;
    taken.add(free);
    return [`${free} = ${arrayCode(value, free.length + 3)}`];
  });
  return ["import numpy as np", "", comment(about), ...lines, ""].join("\n");
}

/**
 * The numbers known about a tensor, an operation or an edge at a step, as NumPy code.
 * @param {Facts} facts
 * @param {string} key
 * @param {number} k
 * @returns {string}
 */
export function codeFor(facts, key, k) {
  const value = (/** @type {string} */ id) => facts.values.at(id, k);
  const gradient = (/** @type {string} */ id) => facts.gradients.at(id, k)?.value;
  const name = (/** @type {string} */ id) => facts.tensor(id)?.name ?? id;
  const tensor = facts.tensor(key);
  if (tensor) {
    return program([[tensor.name, value(key)], [`${tensor.name}.grad`, gradient(key)]], `${tensor.name} and its gradient`);
  }
  const edge = facts.edge(key);
  const operation = edge?.operation ?? facts.operation(key);
  if (!operation) return "";
  const given = operation.inputs.filter(({ id }) => !edge?.argument || id === edge.argument.id);
  return program(
    [
      ...operation.inputs.map(({ tensor: id }) => /** @type {[string, Value | undefined]} */ ([name(id), value(id)])),
      ...operation.outputs.map((id) => /** @type {[string, Value | undefined]} */ ([name(id), value(id)])),
      ...operation.outputs.map((id) => /** @type {[string, Value | undefined]} */ ([`upstream_${name(id)}`, gradient(id)])),
      ...given.map(({ id, tensor: input }) => /** @type {[string, Value | undefined]} */ ([`contribution_to_${name(input)}`, facts.contributions.at(id, k)?.value])),
    ],
    `${operation.name}: its inputs, its result, the gradient that arrived, what it sent on`,
  );
}
