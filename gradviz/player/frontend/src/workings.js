// One entry worked out, as an equation: the entries that it is made of with their numbers, each in its colour, and their sum.

import { html } from "./dom.js";
import { math, subscript } from "./mathml.js";
import { numberText } from "./number.js";

/** @typedef {import("./explain.js").Entry} Entry */
/** @typedef {import("./explain.js").Explanation} Explanation */
/** @typedef {import("./explain.js").Factor} Factor */
/** @typedef {Explanation["terms"][number]} Term */

const MOST_TERMS = 4; // of a longer sum, the largest and how many more
const MOST_READ = 5; // in the brackets of a function
const LONGEST = 14; // letters of a name that stands over a number

/** How an entry is written on an element that shows it. @param {Entry} entry */
export const keyOfEntry = ({ tensor, part, index }) => `${tensor}:${part}:${index}`;

/** @param {string | undefined} key @returns {Entry | undefined} */
export function entryOfKey(key) {
  const [, tensor, part, index] = /^(\w+):([vgcu]):(\d+)$/.exec(key ?? "") ?? [];
  return tensor ? { tensor, part: part === "u" ? "g" : /** @type {Entry["part"]} */ (part), index: Number(index) } : undefined;
}

/** A name as it stands in a formula: its last part, in brackets if it is a formula itself. @param {string} name */
export function shortName(name) {
  const last = name.length > LONGEST && /^[\w.]+$/.test(name) ? (name.split(".").at(-1) ?? name) : name;
  const whole = last.length > LONGEST ? `${last.slice(0, LONGEST - 1)}…` : last;
  return /^[\p{L}\p{N}_.]+$/u.test(whole) ? whole : `(${whole})`;
}

/** @param {Factor} factor */
const plainName = ({ name, place }) => `${name}${place.length ? `[${place.join(", ")}]` : ""}`;

/**
 * With how many digits the factors give the products, and these the sum, as they are printed; 0 if with no number of them.
 * @param {Term[]} terms
 * @param {number} rest what is left out
 * @param {number} sum
 */
export function digitsFor(terms, rest, sum) {
  for (const digits of [4, 5, 6, 7]) {
    const text = (/** @type {number} */ number) => numberText(number, digits);
    const read = (/** @type {number} */ number) => Number(text(number).replaceAll("−", "-"));
    const products = terms.map(({ factors, sign }) => factors.reduce((all, { number }) => all * read(number), sign));
    const fits = terms.every(({ product }, i) => text(products[i]) === text(product));
    const total = terms.reduce((all, { product }) => all + read(product), read(rest));
    if (fits && text(total) === text(sum)) return digits;
  }
  return 0;
}

/**
 * The terms to show: all of a short sum, else the largest, in their order, and what is left.
 * @param {Explanation} explanation
 */
export function shown({ terms, call }) {
  if (call || terms.length <= MOST_TERMS) return { terms, more: 0, rest: 0 };
  const largest = [...terms].sort((a, b) => Math.abs(b.product) - Math.abs(a.product)).slice(0, MOST_TERMS);
  const kept = terms.filter((term) => largest.includes(term));
  const rest = terms.reduce((all, term) => (kept.includes(term) ? all : all + term.product), 0);
  return { terms: kept, more: terms.length - kept.length, rest };
}

/** What was done with what was read, around it: "relu(", ")"; between two if it is a sign. @param {string} call @param {number} count */
function around(call, count) {
  if (call.includes("( )")) return [...call.split("( )").slice(0, 1), call.split("( )").slice(1).join(""), ", "];
  if (count === 2 && !/[\p{L}\p{N}]/u.test(call)) return ["", "", ` ${call} `];
  return [`${call}(`, ")", ", "];
}

/**
 * An explanation as plain text, for who hears it and for tests: "∂L/∂W[1, 0] = X[0, 1]·g[0, 0] + … = 2·11 + 4·21 = 106".
 * @param {Explanation} explanation
 */
export function textOf(explanation) {
  const { result, above, sum, call, before } = explanation;
  const { terms, more, rest } = shown(explanation);
  const left = `${above ? `∂${shortName(above)}/∂` : ""}${plainName({ ...result, name: above ? shortName(result.name) : result.name })}`;
  const digits = digitsFor(terms, rest, sum);
  const write = (/** @type {number} */ number) => numberText(number, digits || 4);
  const bracketed = (/** @type {number} */ number) => (number < 0 && !call ? `(${write(number)})` : write(number));
  const added = (/** @type {(term: Term) => string} */ of) =>
    terms.map((term, i) => `${term.sign < 0 ? "− " : i ? "+ " : ""}${of(term)}`).join(" ") + (more ? ` + ${more} more (${write(rest)})` : "");
  /** @type {string[]} */
  const parts = [];
  if (call) {
    const [open, close, between] = around(call, terms.length);
    const listed = (/** @type {(factor: Factor) => string} */ of) =>
      `${open}${terms.slice(0, MOST_READ).map(({ factors }) => of(factors[0])).join(between)}${terms.length > MOST_READ ? ", …" : ""}${close}`;
    parts.push(listed(plainName), listed(({ number }) => write(number)));
  } else if (terms.length) {
    parts.push(
      added(({ factors }) => factors.map((factor) => (factor.name ? plainName(factor) : bracketed(factor.number))).join("·")),
      added(({ factors }) => factors.map(({ number }) => bracketed(number)).join("·")),
    );
  }
  parts.push(write(sum));
  const sides = parts.filter((part, i) => part !== parts[i - 1]);
  const equals = before === undefined ? "=" : "+=";
  const last = digits || call || !terms.length ? "=" : "≈";
  const line = `${left} ${equals} ${sides.slice(0, -1).concat("").join(` = `)}`;
  const whole = sides.length > 1 ? `${line.slice(0, -3)} ${last} ${sides.at(-1)}` : `${left} ${equals} ${sides[0]}`;
  return before === undefined ? whole : `${whole}; so far ${write(before)}, now ${write(before + sum)}`;
}

/**
 * Shows what an entry is made of.
 * @param {(tensor: string) => string} nameOf
 */
export function makeWorkings(nameOf) {
  const heading = html("h3");
  const lines = html("div", { class: "gp-working" });
  const element = html("section", { class: "gp-entry gp-section", "aria-label": "One entry" }, heading, lines);

  /** A number of the equation, with its name over it. @param {Factor} factor @param {number} digits @param {boolean} [named] */
  function number(factor, digits, named = true) {
    const written = math("mn", numberText(factor.number, digits));
    const body = factor.number < 0 && named && factor.name !== "=" ? math("mrow", math("mo", "("), written, math("mo", ")")) : written;
    if (factor.at) written.setAttribute("data-entry", keyOfEntry(factor.at));
    written.setAttribute("class", factor.at?.part === "v" ? "gp-v" : factor.at ? "gp-g" : "gp-n");
    return named && factor.name && factor.name !== "=" ? math("mover", body, subscript(factor.name === "g" ? "g" : shortName(factor.name), factor.place)) : body;
  }

  /** @param {...(Element | string)} parts that no line is to be broken between */
  const together = (...parts) => html("span", { class: "gp-side" }, math("math", ...parts.map((part) => (typeof part === "string" ? math("mo", part) : part))));

  /** @param {Explanation} explanation */
  function write(explanation) {
    const { entry, result, above, sum, call, before, upstream } = explanation;
    const { terms, more, rest } = shown(explanation);
    const digits = digitsFor(terms, rest, sum) || 4;
    const exact = call || !terms.length || digitsFor(terms, rest, sum);
    const name = subscript(shortName(result.name), result.place);
    const left = above ? math("mrow", math("mo", "∂"), math("mi", shortName(above)), math("mo", "/"), math("mo", "∂"), name) : name;
    const row = html("div", { class: "gp-formula" }, together(left, before === undefined ? "=" : "+="));
    if (call) {
      const [open, close, between] = around(call, terms.length);
      const read = terms.slice(0, MOST_READ).flatMap(({ factors }, i) => [...(i ? [math("mo", between.trim())] : []), number(factors[0], digits)]);
      row.append(together(math("mtext", open), ...read, ...(terms.length > MOST_READ ? [math("mo", ", …")] : []), math("mtext", close)), " ");
    } else {
      terms.forEach(({ factors, sign }, i) => {
        const signs = sign < 0 ? ["−"] : i ? ["+"] : [];
        row.append(together(...signs, ...factors.flatMap((factor, k) => [...(k ? ["·"] : []), number(factor, digits)])), " ");
      });
      if (more) row.append(html("span", { class: "gp-muted" }, `+ ${more} more: ${numberText(rest, digits)} `));
      if (terms.length > 1 && terms.some(({ factors }) => factors.length > 1) && exact && !more) {
        row.append(together("=", ...terms.flatMap(({ product }, i) => [...(i && product >= 0 ? ["+"] : product < 0 ? ["−"] : []), math("mn", numberText(Math.abs(product), digits))])), " ");
      }
    }
    const made = math("mn", numberText(sum, digits));
    made.setAttribute("class", `${above ? "gp-g" : "gp-v"} gp-sum`);
    if (before === undefined) made.setAttribute("data-entry", keyOfEntry(entry));
    if (terms.length) row.append(together(exact ? "=" : "≈"));
    row.append(together(made));
    const said = [row];
    if (before !== undefined) {
      const total = math("mn", numberText(before + sum, digits));
      total.setAttribute("class", "gp-g gp-sum");
      total.setAttribute("data-entry", keyOfEntry(entry));
      const words = (/** @type {string} */ text) => html("span", { class: "gp-muted" }, text);
      said.push(html("div", { class: "gp-formula" }, words("so far "), together(math("mn", numberText(before, digits)), "+", math("mn", numberText(sum, digits)), "="), together(total), words(" now")));
    }
    if (upstream && terms.some(({ factors }) => factors.some((factor) => factor.name === "g"))) {
      said.push(html("p", { class: "gp-muted gp-g-is" }, `g = ∂${shortName(above)}/∂${shortName(nameOf(upstream))}`));
    }
    return said;
  }

  return {
    element,
    /** @param {Explanation | string | undefined} explanation or words, or nothing */
    show(explanation) {
      if (typeof explanation !== "object") {
        heading.textContent = "";
        lines.replaceChildren(html("p", { class: explanation ? "" : "gp-muted" }, explanation ?? "Point at an entry, or pick one: it shows what it is made of."));
        return;
      }
      const { result, entry } = explanation;
      heading.replaceChildren(html("strong", {}, `${result.name}${{ v: "", g: ".grad", c: "" }[entry.part]}${result.place.length ? `[${result.place.join(", ")}]` : ""}`), entry.part === "c" ? " · contribution" : "");
      lines.replaceChildren(...write(explanation));
    },
  };
}
