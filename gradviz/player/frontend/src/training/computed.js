// The graphs of steps that differ in nothing but their parameters: what the picture shows, and a step in full, computed from these.

import { Facts } from "../facts.js";
import { faceAt } from "../state.js";

/** @typedef {import("../loading.js").Engine} Engine */
/** @typedef {import("../state.js").Payload} Payload */
/**
 * The program of these steps and where the numbers of the picture stand in it; and which tensors are which of the run's parameters.
 * @typedef {{number: number, program: any, shown: any, parameters: Record<string, number>}} Told as gradviz.player.training.computed tells it
 */

export class Computed {
  /**
   * @param {Payload} payload of the first of the steps
   * @param {Told} told
   * @param {Engine} engine
   * @param {import("./data.js").RunData} run
   */
  constructor(payload, told, engine, run) {
    this.payload = payload;
    this.told = told;
    this.engine = engine;
    this.run = run;
    this.machine = new engine.Machine(told.program);
    this.retelling = new engine.Retelling(payload, new Facts(payload.facts), told.shown);
    this.first = faceAt(payload.steps, payload.steps.length);
  }

  /** What the picture shows at the end of a step's backpropagation. @param {number} k which of the run's kept steps @returns {import("../state.js").Face} */
  face(k) {
    return this.retelling.end(this.#at(this.machine, k), this.first, this.#updates(k));
  }

  /** A player's payload of a step. @param {number} k */
  opened(k) {
    const payload = structuredClone(this.payload);
    const machine = this.#at(new this.engine.Machine(this.told.program), k); // of its own: what it says is read later
    new this.engine.Retelling(payload, new Facts(payload.facts), this.told.shown).tell(machine, this.#updates(k));
    return { ...payload, title: payload.title.replace(/^[^:]*/, this.run.name(k)) };
  }

  /** How far a step moves each parameter. @param {number} k */
  #updates(k) {
    return Object.fromEntries(Object.entries(this.told.parameters).map(([tensor, number]) => [tensor, this.run.parameters[number].updateNorm.at(k)]));
  }

  /** Computes a step. @param {import("../engine/machine.js").Machine} machine @param {number} k */
  #at(machine, k) {
    for (const [tensor, number] of Object.entries(this.told.parameters)) {
      machine.put(this.told.program.values[tensor], this.run.parameters[number].before.row(k));
    }
    machine.run();
    return machine;
  }
}
