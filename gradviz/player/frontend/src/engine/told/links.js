// Which entries feed which, with the factors that there are now. Where a recording has a factor as a number, the engine works it out:
// what is sent along an edge is linear in the gradient that arrives, so a gradient of a single 1 gives a row of the Jacobian.

import { linksOf } from "../../links.js";

/** @typedef {import("../machine.js").Machine} Machine */
/** @typedef {ReturnType<typeof linksOf>} LinkOf */

/** The slot in which a number stands, if it is one. @param {import("./retell.js").Place} place */
const slotOf = (place) => (typeof place === "number" ? place : -1);

/**
 * @param {import("../../state.js").Payload} payload
 * @param {Machine} machine
 * @param {import("./retell.js").Shown} shown
 * @returns {LinkOf}
 */
export function liveLinks(payload, machine, shown) {
  const { facts } = payload;
  const recorded = linksOf(facts);
  const { program } = machine;
  /** @type {Map<string, number>} where what is sent along an edge stands */
  const sent = new Map();
  /** @type {Map<string, number>} where the gradient of a tensor stands, all of it */
  const gradient = new Map();
  facts.frames.forEach((frame, k) => {
    frame.contributions.forEach(({ argument }, place) => sent.set(argument, slotOf(shown.places[k].contributions[place])));
    frame.gradients.forEach(({ tensor }, place) => gradient.set(tensor, slotOf(shown.places[k].gradients[place])));
  });
  /** @type {Map<string, ReturnType<LinkOf>>} */
  const known = new Map();

  /** @param {string} id @returns {ReturnType<LinkOf>} */
  function live(id) {
    const found = recorded(id);
    if (!found || found.link.tensor || (!found.link.value && !found.link.factors?.length)) return found;
    const [to, from] = [sent.get(id) ?? -1, found.results.length === 1 ? (gradient.get(found.results[0]) ?? -1) : -1];
    if (to < 0 || from < 0) return undefined; // it has not been sent back: what its factors are now is not known
    const { link, shapes } = found;
    if (link.value) {
      const local = machine.at(program.contributions[id] === to ? (program.locals[id] ?? -1) : -1);
      const arrived = machine.at(from).data;
      const count = link.value.shape.reduce((all, length) => all * length, 1);
      const { scale = 1 } = link;
      if (local?.data.length === count) return { ...found, shapes: { ...shapes, numbers: Array.from(local.data, (one) => one / scale) } };
      if (arrived.length === 1 && machine.at(to).data.length === count) return { ...found, shapes: { ...shapes, numbers: Array.from(machine.at(to).data, (one) => one / arrived[0] / scale) } };
      return undefined;
    }
    const { starts = [], results = [] } = link;
    const rows = new Map([...new Set(results)].map((result) => [result, machine.sentBy(from, result, to).data]));
    const factors = results.map((result, k) => (rows.get(result)?.[starts.findLastIndex((start) => start <= k)] ?? NaN) / (link.scale ?? 1));
    return { ...found, link: { ...link, factors } };
  }

  return (id) => {
    if (!known.has(id)) known.set(id, live(id));
    return known.get(id);
  };
}
