// The bar of a run that can be trained on in the page: with which optimiser and which numbers, and the way back to the recording.

import { button, html, setText } from "../../dom.js";
import { phrase } from "../../words.js";
import { makeField } from "./fields.js";

/** @typedef {import("./trainer.js").Change} Change */
/**
 * What Python says of it: why it cannot be; or what can be chosen.
 * @typedef {{missing?: string, optimizer: string, choices: {label: string, momentum: boolean, lr: number | null}[], recorded: {lr: number, momentum: number | null}}} Told
 */

const MOMENTUM = 0.9;

/**
 * @param {Told} told
 * @param {{change(change: Partial<Change>): void, toggle(): void, back(): void, start(number: number): void, shuffle(): void}} on
 */
export function makeBar(told, on) {
  if (told.missing) {
    const element = html("p", { class: "gt-cannot" }, told.missing);
    return { element, show() {}, say() {} };
  }
  const where = html("b", {});
  const from = html("span", { class: "gt-from" }, `${phrase("training onward: from")} `, where);
  const recorded = html("option", { value: "" }, phrase("training onward: as recorded", { optimizer: told.optimizer }));
  const optimizer = html("select", { class: "gt-choice", "aria-label": phrase("training onward: optimizer") }, recorded, ...told.choices.map(({ label }, value) => html("option", { value }, label)));
  const message = html("span", { class: "gt-told", role: "status" });
  const say = (/** @type {string} */ text) => {
    message.textContent = text;
    message.classList.toggle("gt-bad-words", text !== "");
  };
  const lr = makeField("lr", { fits: (number) => number >= 0, wrong: phrase("training onward: lr must"), take: (number) => on.change({ lr: number }), say });
  const momentum = makeField("momentum", { fits: (number) => number >= 0 && number < 1, wrong: phrase("training onward: momentum must"), take: (number) => on.change({ momentum: number }), say });
  const start = makeField("", { wrong: phrase("training onward: number must"), take: on.start, say });
  const train = button(phrase("training onward: train on"), on.toggle, { kind: "gt-button gt-train" });
  const back = button(phrase("training onward: back"), on.back, { kind: "gt-button gt-home" });
  back.title = phrase("training onward: back title");
  const shuffle = button(phrase("training onward: shuffle"), on.shuffle, { kind: "gt-button" });
  shuffle.title = phrase("training onward: shuffle title");
  const hint = html("p", { class: "gt-words" }, phrase("training onward: start hint"));
  const summary = html("summary", { class: "gt-button" }, phrase("training onward: other start"));
  const menu = html("details", { class: "gt-panels gt-start" }, summary, html("div", { class: "gt-menu" }, start.element, hint, shuffle));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    summary.focus();
    event.stopPropagation();
  });
  optimizer.addEventListener("change", () => {
    const choice = optimizer.value === "" ? null : Number(optimizer.value);
    on.change({ choice, momentum: null });
  });
  const element = html("div", { class: "gt-live gt-onward" }, from, optimizer, lr.element, momentum.element, menu, train, back, message);
  let shown = "";
  return {
    element,
    say,
    /**
     * @param {{name: string, change: Change, rate: number, start: {name: string, number: number} | null, active: boolean, training: boolean, more: boolean, text: string}} now
     *   `rate`: with which the step was recorded; `start`: the entry that can be set; `more`: whether there can be more steps
     */
    show(now) {
      const asText = JSON.stringify(now);
      if (asText === shown) return;
      shown = asText;
      const { name, change, rate, start: chosen, active, training, more, text } = now;
      setText(where, name);
      optimizer.value = change.choice === null ? "" : String(change.choice);
      const usual = change.choice === null ? told.recorded.momentum : told.choices[change.choice].momentum ? MOMENTUM : null;
      lr.show(change.lr ?? rate);
      momentum.show(usual === null ? null : (change.momentum ?? usual));
      start.show(chosen && chosen.number, chosen?.name);
      const label = training ? phrase("training onward: pause") : phrase("training onward: train on");
      setText(train, label);
      train.disabled = !more;
      back.hidden = !active;
      if (!message.classList.contains("gt-bad-words") && message.textContent !== text) message.textContent = text;
    },
  };
}
