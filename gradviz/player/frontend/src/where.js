// Where in the whole one is, and how to get elsewhere: breadcrumbs, the search, the strip of the whole, the ways in and out.

import { button, html } from "./dom.js";
import { makeCrumbs } from "./crumbs.js";
import { makeOverview } from "./overview.js";
import { makeSearch } from "./search.js";
import { phrase } from "./words.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./search.js").Item} Item */

/**
 * @param {import("./state.js").Payload} payload
 * @param {Model} model
 * @param {HTMLElement} tools what one can do with the picture
 * @param {{change(name: string, value: any): void, go(step: number): void, say(text: string): void, leave(): void, current(): string}} on
 */
export function makeWhere({ steps, places, until = places, after, opens = {}, trail = [], overview, found }, model, tools, on) {
  const here = trail.at(-1)?.[0] ?? "";
  const deep = trail.length > 1;
  const lastForward = steps.findLastIndex(({ phase }) => phase === "forward");

  /** Shows another picture: the inside of a module, or the whole. @param {string} inside @param {string} [selected] */
  function show(inside, selected = "") {
    if (inside === here) return on.change("selected", selected);
    on.change("selected", selected);
    on.change("inside", inside);
  }
  /** Goes into what an operation opens; tells whether it opens anything. @param {string} key */
  function enter(key) {
    if (!Object.hasOwn(opens, key)) return false;
    show(opens[key]);
    return true;
  }
  function out() {
    if (deep) show(/** @type {[string, string]} */ (trail.at(-2))[0]);
    return deep;
  }
  /** Whether the run goes on outside, after what is in here. */
  const goesOn = () => Boolean(after && model.get("moment") < after[1]);
  /** Goes on there; tells whether there is a step. */
  function onward() {
    if (!after || !goesOn()) return false;
    on.change("moment", after[1]);
    show(after[0]);
    return true;
  }
  /** Goes to a step of the whole run: in this picture if it is one of this picture's. @param {number} place */
  function goTo(place) {
    const step = steps.findIndex((_, k) => places[k] <= place && place <= until[k]);
    if (step >= 0 || !deep) return on.go(step >= 0 ? step : places.findLastIndex((at) => at <= place));
    on.change("playing", false);
    on.change("moment", place);
    show("");
  }

  /** @type {Promise<Item[]> | undefined} */
  let items;
  /** A page carries what can be found; in a notebook the kernel is asked. */
  const known = () =>
    (items ??= found
      ? Promise.resolve(found)
      : new Promise((resolve) => {
          const listener = (/** @type {any} */ message) => {
            if (message?.type !== "found") return;
            model.off("msg:custom", listener);
            resolve(message.items);
          };
          model.on("msg:custom", listener);
          model.send?.({ type: "find" });
        }));
  const search = makeSearch(known, { choose: ({ inside, key }) => show(inside, key), leave: on.leave, say: on.say });

  const strip = makeOverview(overview, deep ? [places[1] ?? 0, until[lastForward] ?? 0] : [0, 0], {
    goTo,
    enter: ({ inside, bars: [[place]] }) => (inside ? show(inside) : goTo(place)),
  });
  const follow = button("", () => enter(on.current()), { kind: "gp-follow" });
  const network = trail.length > 0;
  return {
    /** The row over the picture. */
    head: network ? html("div", { class: "gp-head" }, makeCrumbs(trail, show), search.element, tools) : tools,
    overview: strip.element,
    follow,
    enter,
    out,
    onward,
    goesOn,
    find() {
      if (network) search.focus();
      return network;
    },
    /** What is said when one arrives inside. */
    arrived: deep ? phrase("where: inside", { name: trail.slice(1).map(([, label]) => label).join(", ") }) : "",
    /** @param {number} k */
    show(k) {
      const ahead = Object.hasOwn(opens, on.current());
      follow.hidden = !ahead;
      if (ahead) follow.textContent = phrase("where: follow", { name: steps[k].title });
      strip.show(places[k], until[k], steps[k].phase === "backward");
    },
  };
}
