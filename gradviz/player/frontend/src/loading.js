// Where the part comes from that runs computations, and what it runs: a saved page carries both, in a notebook the kernel sends them.

import { phrase } from "./words.js";

/** @typedef {typeof import("./engine.js")} Engine */
/** @typedef {{engine?: Engine, data?: any, missing?: string}} Loaded the part and its data; or what is missing, in a sentence */

const PATIENCE = 20_000; // milliseconds that a kernel may take

/** @type {Promise<Engine> | undefined} the same for all players of a page */
let engine;

/** The engine, from its text: as a script of a saved page, whose policy knows it. @param {string} text @returns {Promise<Engine>} */
async function inPage(text) {
  const script = document.createElement("script");
  script.textContent = text;
  document.head.append(script);
  script.remove();
  return /** @type {any} */ (globalThis).gradvizEngine;
}

/** The same where a notebook loads modules. @param {string} text @returns {Promise<Engine>} */
async function inNotebook(text) {
  const address = URL.createObjectURL(new Blob([`${text}\nexport default gradvizEngine;`], { type: "text/javascript" }));
  try {
    return (await import(address)).default;
  } finally {
    URL.revokeObjectURL(address);
  }
}

/**
 * The part, from its text, which is needed once.
 * @param {string} text
 * @param {boolean} saved whether that came with a saved page
 * @returns {Promise<Engine>}
 */
export function engineOf(text, saved) {
  engine ??= saved ? inPage(text) : inNotebook(text);
  return engine;
}

/**
 * Asks the kernel, and waits for its answer.
 * @param {import("./model.js").Model} model @param {any} question @param {(message: any) => boolean} answers
 * @returns {Promise<any>}
 */
function asked(model, question, answers) {
  return new Promise((done, failed) => {
    const end = () => {
      model.off("msg:custom", answer);
      clearTimeout(timer);
    };
    const answer = (/** @type {any} */ message) => {
      if (!message || !answers(message)) return;
      end();
      done(message);
    };
    const timer = setTimeout(() => {
      end();
      failed(new Error(phrase("loading: no answer")));
    }, PATIENCE);
    model.on("msg:custom", answer);
    model.send?.(question);
  });
}

/**
 * What loads the part, for the picture of a key.
 * @param {import("./model.js").Model} model
 * @returns {((at: string) => Promise<Loaded>) | undefined} nothing where there is neither
 */
export function sourceOf(model) {
  const { carried } = model;
  if (!carried && !model.send) return undefined;
  return async (at) => {
    const { program, shown, text } = await (carried ? carried(at) : asked(model, { type: "laboratory", at, engine: engine === undefined }, (message) => message.type === "laboratory" && message.at === at));
    if (program.missing) return { missing: program.missing };
    return { engine: await engineOf(text, Boolean(carried)), data: { program, shown } };
  };
}

/**
 * Loads what trains a run on.
 * @param {import("./model.js").Model} model @param {string} run its id, in a notebook
 * @returns {Promise<{engine: Engine, told: any}>}
 */
export async function onwardOf(model, run) {
  if (model.onward) {
    const { told, text } = await model.onward();
    return { engine: await engineOf(text, true), told };
  }
  const answer = await asked(model, { ask: "onward", run }, (message) => message.told === "onward");
  return { engine: await engineOf(answer.engine, false), told: answer.onward };
}
