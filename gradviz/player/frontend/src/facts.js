// What is known about a tensor, an operation or an edge at a step. Pure lookups, no DOM.

/**
 * The numbers in a tensor at one moment: all of them, or of a large one its statistics and the means of blocks.
 * @typedef {{mean: number, sd: number, min: number, max: number, zeros: number, nans: number, infs: number}} Summary
 * @typedef {{
 *   shape: number[], dtype: string, data: (number | boolean)[] | null, summary?: Summary, preview?: Value, digits?: number, dust?: number[],
 * }} Value
 * @typedef {{
 *   id: string, name: string, named: boolean, role: string, shape: number[], dtype: string, requires_grad: boolean,
 *   producer?: string, module?: string,
 * }} Tensor
 * @typedef {{id: string, slot: string, tensor: string, local?: string, local_number?: string, link?: import("./links.js").Link}} Argument
 * @typedef {{
 *   id: string, name: string, grad_fn: string | null, symbol: string, inputs: Argument[], outputs: string[],
 *   attributes?: [string, string][], saved?: [string, string][], module?: string, sentence?: string,
 *   source?: import("./state.js").Source, block?: Block,
 * }} Operation
 * @typedef {{path: string, class_name: string, label: string, operations: number, parameters?: number, times?: number}} Block
 * @typedef {{argument: string, value: Value, summed_axes?: number[], local?: Value}} Contribution
 * @typedef {{tensor: string, value: Value, complete: boolean, before?: Value}} Gradient
 * @typedef {{values: [string, Value][], contributions: Contribution[], gradients: Gradient[]}} Frame
 * @typedef {{tensors: Tensor[], operations: Operation[], frames: Frame[], output?: {id: string, name: string}}} FactsData what is
 *   differentiated is said where the picture does not show it
 */

const NOT_IN_JSON = new Map([["nan", NaN], ["inf", Infinity], ["-inf", -Infinity]]);

/**
 * Numbers that JSON does not know arrive as words.
 * @param {any} value
 * @returns {any}
 */
export function readable(value) {
  return value && { ...value, data: value.data && value.data.map(readableNumber), preview: readable(value.preview) };
}

/** @param {any} item */
export function readableNumber(item) {
  return typeof item === "string" ? (NOT_IN_JSON.get(item) ?? NaN) : item;
}

/**
 * The state of one thing over the steps: `at(k)` is the last that a step up to k has said.
 * @template T
 */
class History {
  /** @type {Map<string, [number, T][]>} */
  #said = new Map();

  /** @param {string} id @param {number} step @param {T} what */
  say(id, step, what) {
    const said = this.#said.get(id);
    if (said) said.push([step, what]);
    else this.#said.set(id, [[step, what]]);
  }

  /** @param {string} id @param {number} step @returns {T | undefined} */
  at(id, step) {
    return this.#said.get(id)?.findLast(([when]) => when <= step)?.[1];
  }

  /** The steps that said something about it. @param {string} id */
  steps(id) {
    return (this.#said.get(id) ?? []).map(([when]) => when);
  }
}

/** Everything that a reader may ask about. */
export class Facts {
  /** @type {Map<string, Tensor>} */
  #tensors;
  /** @type {Map<string, Operation>} */
  #operations;
  /** @type {Map<string, {operation: Operation, argument: Argument}[]>} */
  #users = new Map();

  /** What is differentiated: its name. */
  output = "";
  outputId = "";

  /** @type {History<Value>} */
  values = new History();
  /** @type {History<Gradient>} */
  gradients = new History();
  /** @type {History<Contribution>} */
  contributions = new History();

  /**
   * @param {FactsData} data
   * @param {ReturnType<typeof import("./links.js").linksOf>} [linkOf] which entries an edge's entries feed
   */
  constructor({ tensors, operations, frames, output }, linkOf = () => undefined) {
    /** @type {Frame[]} */
    this.frames = [];
    this.linkOf = linkOf;
    this.#tensors = new Map(tensors.map((tensor) => [tensor.id, tensor]));
    this.#operations = new Map(operations.map((operation) => [operation.id, operation]));
    for (const operation of operations) {
      for (const argument of operation.inputs) {
        const users = this.#users.get(argument.tensor) ?? [];
        this.#users.set(argument.tensor, [...users, { operation, argument }]);
      }
    }
    this.outputId = output?.id ?? frames.find(({ gradients }) => gradients.length)?.gradients[0].tensor ?? "";
    this.output = output?.name ?? this.tensor(this.outputId)?.name ?? "";
    this.know(frames);
  }

  /** Takes over what steps have made known, in the place of what was known before. @param {Frame[]} frames */
  know(frames) {
    this.frames = frames;
    [this.values, this.gradients, this.contributions] = [new History(), new History(), new History()];
    frames.forEach((frame, k) => {
      for (const [id, value] of frame.values) this.values.say(id, k, readable(value));
      for (const gradient of frame.gradients) {
        const { value, before } = gradient;
        this.gradients.say(gradient.tensor, k, { ...gradient, value: readable(value), before: readable(before) });
      }
      for (const given of frame.contributions) {
        this.contributions.say(given.argument, k, { ...given, value: readable(given.value), local: readable(given.local) });
      }
    });
  }

  /** @param {string | undefined} id */
  tensor(id) {
    return this.#tensors.get(id ?? "");
  }

  /** @param {string | undefined} id */
  operation(id) {
    return this.#operations.get(id ?? "");
  }

  /**
   * The edge of this key: into an operation, along an argument ("o1_0"); or from it to a result ("o1_t3").
   * @param {string} key
   * @returns {{operation: Operation, argument: Argument | undefined, tensor: Tensor} | undefined}
   */
  edge(key) {
    const [id, end] = key.split("_");
    const operation = this.operation(id);
    if (!operation || !end) return undefined;
    const argument = operation.inputs.find((given) => given.id === key);
    const tensor = this.tensor(argument ? argument.tensor : operation.outputs.find((output) => output === end));
    return tensor && { operation, argument, tensor };
  }

  /** Where a tensor is used. @param {string} id */
  usersOf(id) {
    return this.#users.get(id) ?? [];
  }

  /** The operations that saved a tensor for backward, and under which name. @param {string} id */
  saversOf(id) {
    const near = [this.operation(this.tensor(id)?.producer), ...this.usersOf(id).map(({ operation }) => operation)];
    return [...new Set(near)].flatMap((operation) =>
      (operation?.saved ?? []).flatMap(([field, saved]) => (operation && saved === id ? [{ operation, field }] : [])),
    );
  }

  /**
   * The gradient that has arrived at an operation's result, which it multiplies with its local derivatives.
   * @param {Operation} operation
   * @param {number} k
   */
  upstreamOf(operation, k) {
    return operation.outputs.length === 1 ? this.gradients.at(operation.outputs[0], k)?.value : undefined;
  }
}

/** How many entries a tensor of this shape has. @param {number[]} shape */
export function entries(shape) {
  return shape.reduce((product, length) => product * length, 1);
}
