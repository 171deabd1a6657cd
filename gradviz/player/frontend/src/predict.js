// Predict: before a gradient is shown, the learner says what it will be.
//
// Nothing of a step is on the page before its questions are answered: the player stays at the step before. So there is
// nothing to hide in the picture, the words or the announcements, but the labels with local derivatives, which are the hints.

import { button, html } from "./dom.js";
import { assess, questionsAt } from "./question.js";
import { phrase } from "./words.js";

/** @typedef {import("./facts.js").Facts} Facts */
/** @typedef {import("./question.js").Question} Question */
/** @typedef {import("./state.js").Step} Step */

/**
 * @param {Step[]} steps
 * @param {Facts} facts
 * @param {{
 *   answered(step: number): void, say(text: string): void, ask(question: Question | undefined): void,
 *   hint(): void, shows(tensor: string): boolean,
 * }} on
 */
export function makePredict(steps, facts, on) {
  const text = html("p", { class: "gp-question" });
  const input = html("input", { type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  const choices = html("div", { class: "gp-choices", role: "group" });
  const check = html("button", { type: "submit", class: "gp-small gp-check" }, "Check");
  const hint = button("Hint", giveHint, { kind: "gp-small" });
  const reveal = button("Reveal", revealOne, { kind: "gp-small" });
  const feedback = html("p", { class: "gp-feedback" });
  const score = html("p", { class: "gp-score" });
  const form = html("form", {}, text, choices, html("div", { class: "gp-answer" }, input, check, hint, reveal));
  const element = html("section", { class: "gp-section gp-predict", "aria-label": "Predict" }, html("h3", {}, phrase("predict: your prediction")), form, feedback, score);
  element.hidden = true;

  let reach = Infinity; // the last step that may be shown
  /** @type {Question[]} */
  let waiting = []; // the questions before step reach + 1, from the one that is asked now
  let hints = 0;
  let tried = false;
  let alone = 0;
  let asked = 0;

  /** @param {string} said @param {"right" | "wrong" | "shown"} verdict */
  function tell(said, verdict) {
    feedback.textContent = said;
    feedback.dataset.verdict = verdict;
    on.say(said);
  }

  function ask() {
    const question = waiting[0];
    hints = 0;
    tried = false;
    form.hidden = !question;
    input.value = "";
    on.ask(question);
    if (!question) return;
    text.textContent = question.text;
    const offered = question.choices.map((choice, i) => button(choice, () => take(i), { kind: "gp-small gp-choice" }));
    choices.replaceChildren(...offered);
    input.hidden = check.hidden = offered.length > 0;
    for (const field of [input, choices]) field.setAttribute("aria-label", question.text);
    input.placeholder = question.kind === "shape" ? "rows × columns" : "a number";
    hint.disabled = question.hints.length === 0;
    focus();
  }

  /** Goes to where the answer is given. */
  function focus() {
    /** @type {HTMLElement} */ (choices.querySelector("button") ?? input).focus({ preventScroll: true });
  }

  /** @param {string | number} given an answer, or the number of a choice */
  function take(given) {
    const question = waiting[0];
    if (!question) return;
    const { right, readable, message } = assess(question, given);
    tell(message, right ? "right" : "wrong");
    if (right) settle(true);
    else {
      tried ||= readable;
      input.select();
    }
  }

  /** @param {boolean} byLearner */
  function settle(byLearner) {
    asked += 1;
    if (byLearner && !tried && hints === 0) alone += 1;
    score.textContent = phrase("predict: score at once and without", { alone, asked });
    waiting.shift();
    ask();
    if (waiting.length === 0) on.answered(++reach);
  }

  function giveHint() {
    const question = waiting[0];
    if (!question) return;
    tell(question.hints.slice(0, ++hints).join(" "), "shown");
    hint.disabled = hints >= question.hints.length;
    on.hint();
    focus();
  }

  function revealOne() {
    const question = waiting[0];
    if (!question) return;
    tell(question.reveal, "shown");
    settle(false);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    take(input.value);
  });

  return {
    element,
    /** Whether there is something to ask before a step. @param {number} step */
    asksBefore: (step) => step < steps.length && questionsAt(facts, steps, step, on.shows).length > 0,
    /** Whether a question is waiting for its answer. */
    isAsking: () => waiting.length > 0,
    /** The edges whose local derivatives are still to be found out. */
    hidden: () =>
      facts.frames.slice(Math.min(reach, steps.length) + (hints ? 2 : 1)).flatMap(({ contributions }) => contributions.map(({ argument }) => argument)),
    /**
     * Starts over from a step, or stops.
     * @param {boolean} wanted whether predictions are asked for
     * @param {number} step the last that has been seen
     */
    start(wanted, step) {
      element.hidden = !wanted;
      reach = wanted ? step : Infinity;
      waiting = [];
      alone = asked = 0;
      feedback.textContent = "";
      score.textContent = "";
      ask();
    },
    /**
     * The step to show when this one is wanted: itself, or the last one before an unanswered question, which is then asked.
     * @param {number} wanted
     */
    allow(wanted) {
      while (reach < wanted && questionsAt(facts, steps, reach + 1, on.shows).length === 0) reach += 1;
      if (wanted <= reach) {
        if (wanted < reach && waiting.length) {
          waiting = [];
          ask();
        }
        return wanted;
      }
      if (waiting.length === 0) {
        waiting = questionsAt(facts, steps, reach + 1, on.shows);
        feedback.textContent = "";
        ask();
      } else {
        if (feedback.textContent) tell(phrase("predict: answer first"), "shown"); // Reveal shows it, stepping on does not
        focus();
      }
      return reach;
    },
  };
}
