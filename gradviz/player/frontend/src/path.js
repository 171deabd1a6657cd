// The chain rule from the output to one leaf: the product of the local derivatives along each path, summed over the paths.

/** @typedef {import("./facts.js").FactsData} FactsData */
/** @typedef {import("./facts.js").Argument} Argument */

/** @typedef {{edges: Argument[], tensors: string[]}} Path */

export const MOST_PATHS = 6;

/**
 * For each tensor, along how many paths a gradient comes back to a leaf from it. Counted, never walked: there may be more paths
 * than atoms in the universe.
 * @param {FactsData} facts
 * @param {string} leaf
 */
function waysTo(facts, leaf) {
  const ways = new Map([[leaf, 1]]);
  for (const operation of facts.operations) {
    if (operation.grad_fn === null) continue;
    const count = operation.inputs.reduce((sum, { tensor }) => sum + (ways.get(tensor) ?? 0), 0);
    if (count) for (const output of operation.outputs) ways.set(output, count);
  }
  return ways;
}

/**
 * The paths from the output back to a leaf: how many there are, and the first few. A pure function.
 * @param {FactsData} facts
 * @param {string} output
 * @param {string} leaf
 * @returns {{count: number, paths: Path[]}}
 */
export function pathsTo(facts, output, leaf) {
  const ways = waysTo(facts, leaf);
  const maker = new Map(facts.operations.flatMap((operation) => operation.outputs.map((id) => [id, operation])));
  /** @type {Path[]} */
  const paths = [];
  /** @type {Path[]} */
  const open = ways.has(output) ? [{ edges: [], tensors: [output] }] : [];
  while (open.length && paths.length < MOST_PATHS) {
    const path = /** @type {Path} */ (open.pop());
    const at = path.tensors[path.tensors.length - 1];
    if (at === leaf) {
      paths.push(path);
      continue;
    }
    const inputs = maker.get(at)?.inputs.filter(({ tensor }) => ways.has(tensor)) ?? [];
    for (const argument of [...inputs].reverse()) {
      open.push({ edges: [...path.edges, argument], tensors: [...path.tensors, argument.tensor] });
    }
    if (open.length > 500) open.splice(0, open.length - 500); // only the first few are asked for
  }
  return { count: ways.get(output) ?? 0, paths };
}

/**
 * A local derivative as a number, where it is one.
 * @param {Argument} argument
 */
function numberOf({ local = "", local_number = "" }) {
  const text = (local_number || local).replaceAll("−", "-");
  return /^-?[\d.]+(e-?\d+)?$/.test(text) ? Number(text) : undefined;
}

/** @param {string} text */
const inBrackets = (text) => (/[+−\s]/u.test(text) && !/^\(.*\)$/su.test(text) ? `(${text})` : text);

/**
 * A path as a line: its local derivatives in symbols, and in numbers where all of them are numbers.
 * @param {Path} path
 * @param {(number: number) => string} write
 * @returns {{symbols: string, numbers: string, product: number | undefined}}
 */
export function lineOf({ edges }, write) {
  const known = edges.filter(({ local }) => local);
  const symbols = known.map(({ local = "" }) => inBrackets(local.replace(/^· | ·$/u, ""))).join(" · ");
  const values = edges.map(numberOf);
  if (values.some((value) => value === undefined)) return { symbols, numbers: "", product: undefined };
  const product = values.reduce((/** @type {number} */ all, value) => all * (value ?? 0), 1);
  const numbers = values.map((value) => write(value ?? 0)).map((text) => (text.startsWith("−") ? `(${text})` : text));
  return { symbols, numbers: numbers.join(" × "), product };
}
