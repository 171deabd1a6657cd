// One entry worked out, as an equation: the entries that it is made of with their numbers, each in its colour, and their sum.

import { readNumber, shown } from "./arithmetic.js";
import { html } from "./dom.js";
import { largest } from "./links.js";
import { math, subscript } from "./mathml.js";
import { numberText } from "./number.js";
import { phrase } from "./words.js";

/** @typedef {import("./explain.js").Entry} Entry */
/** @typedef {import("./explain.js").Explanation} Explanation */
/** @typedef {import("./explain.js").Factor} Factor */

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

/** A name, in brackets if it is a formula itself. @param {string} name */
const atom = (name) => (/^[\p{L}\p{N}_.[\]…]+(ᵀ|[⁽⁰¹²³⁴⁵⁶⁷⁸⁹⁾]+|\([^()]*\))?$/u.test(name) ? name : `(${name})`);

/** A name as it stands in a formula: its last part, in brackets if it is a formula itself, cut if it is long. @param {string} name */
export function shortName(name) {
  const last = name.length > LONGEST && /^[\w.]+$/.test(name) ? (name.split(".").at(-1) ?? name) : name;
  const [, called] = /^([\w.]+)\(.*\)$/.exec(last) ?? [];
  const whole = last.length <= LONGEST ? last : called && called.length < LONGEST ? `${called}(…)` : `${last.slice(0, LONGEST - 1)}…`;
  return atom(whole);
}

/** @param {string} name @param {number[]} place */
export const placed = (name, place) => `${name}${place.length ? `[${place.join(", ")}]` : ""}`;

/**
 * An explanation with its numbers as texts that are right as printed: of a long sum the largest terms, in their order, and how many
 * more there are with what they come to.
 * @param {Explanation} explanation
 */
export function written({ terms, sum, call, before, dtype }) {
  const most = call ? MOST_READ : MOST_TERMS;
  const { shown: kept, more, rest } = largest(terms, ({ product }) => (call ? 0 : product), most);
  const inOrder = terms.filter((term) => kept.includes(term));
  const operands = inOrder.flatMap(({ factors }) => factors.map(({ number }) => number));
  const compute = (/** @type {number[]} */ ...numbers) => {
    let place = 0;
    const sum = inOrder.reduce((all, { factors, sign }) => all + factors.reduce((product) => product * numbers[place++], sign), 0);
    return more ? sum + numbers[place] : sum;
  };
  const isSum = terms.length > 0 && !call;
  const made = shown(isSum ? [...operands, ...(more ? [rest] : [])] : [], sum, isSum ? compute : () => sum, dtype);
  let place = 0;
  const text = (/** @type {number} */ number) => (isSum ? made.operands[place++] : numberText(number, 4, dtype));
  const found = inOrder.map(({ factors, sign, product }) => ({ sign, product, factors: factors.map((factor) => ({ ...factor, text: text(factor.number) })) }));
  const products = found.map(({ product }) => numberText(product, 4, dtype));
  const addUp = products.reduce((all, product) => all + readNumber(product), 0);
  return {
    terms: found,
    more,
    rest: more ? made.operands[place] : "",
    sum: made.result,
    relation: made.relation,
    // Between the factors and their sum, where that says more than either.
    products: isSum && !more && made.relation === "=" && found.length > 1 && found.some(({ factors }) => factors.length > 1) && numberText(addUp) === made.result ? products : [],
    held: before === undefined ? undefined : shown([before, sum], before + sum, (one, other) => one + other, dtype),
  };
}

/** What was done with what was read, around it: "relu(", ")"; between two if it is a sign. @param {string} call @param {number} count */
function around(call, count) {
  if (call.includes("( )")) return [call.split("( )")[0], call.split("( )").slice(1).join(""), ", "];
  if (count === 2 && !/[\p{L}\p{N}]/u.test(call)) return ["", "", ` ${call} `];
  return [`${call}(`, ")", ", "];
}

/** @param {string} number */
const bracketed = (number) => (number.startsWith("−") ? `(${number})` : number);

/**
 * An explanation as plain text, for who hears it: "∂L/∂W[1, 0] = X[0, 1]·g[0, 0] + … = 2·11 + 4·21 = 106".
 * @param {Explanation} explanation
 */
export function textOf(explanation) {
  const { result, above, call, before } = explanation;
  const { terms, more, rest, sum, relation, held } = written(explanation);
  const left = `${above ? `∂${above}/∂` : ""}${placed(shortName(result.name), result.place)}`;
  /** @type {(of: (factor: Factor & {text: string}) => string) => string} */
  const line = (of) => {
    if (!call) return terms.map(({ factors, sign }, i) => `${sign < 0 ? "− " : i ? "+ " : ""}${factors.map(of).join("·")}`).join(" ") + (more ? ` + ${more} more (${rest})` : "");
    const [open, close, between] = around(call, terms.length + more);
    return `${open}${terms.map(({ factors }) => of(factors[0])).join(between)}${more ? ", …" : ""}${close}`;
  };
  const isAlone = call || (terms.length === 1 && terms[0].factors.length === 1);
  const sides = terms.length ? [line(({ name, place, text }) => (name ? placed(shortName(name), place) : text)), line(({ text }) => (isAlone ? text : bracketed(text)))] : [];
  const all = [...new Set(sides)].filter((side) => side !== sum);
  const equals = before === undefined ? "=" : "+=";
  const whole = [`${left} ${equals} ${all[0] ?? sum}`, ...all.slice(1)].join(" = ") + (all.length ? ` ${relation} ${sum}` : "");
  if (explanation.note) return `${whole}. ${explanation.note}`;
  return held ? phrase("workings: so far now", { whole, operands: held.operands[0], result: held.result }) : whole;
}

/**
 * Shows what an entry is made of.
 * @param {(tensor: string) => string} nameOf
 */
export function makeWorkings(nameOf) {
  const heading = html("h3");
  const lines = html("div", { class: "gp-working" });
  const element = html("section", { class: "gp-entry gp-section", "aria-label": phrase("workings: one entry") }, heading, lines);

  /** A number of the equation, with its name over it. @param {Factor & {text: string}} factor @param {boolean} alone */
  function number({ name, place, at, text }, alone) {
    const digits = sign("mn", text, at?.part === "v" ? "gp-v" : at ? "gp-g" : "gp-n", at);
    const body = text.startsWith("−") && !alone ? math("mrow", math("mo", "("), digits, math("mo", ")")) : digits;
    return name ? math("mover", body, subscript(shortName(name), place)) : body;
  }

  /** @param {string} tag @param {string} text @param {string} kind @param {Entry} [at] */
  function sign(tag, text, kind, at) {
    const made = math(tag, text);
    made.setAttribute("class", kind);
    if (at) made.setAttribute("data-entry", keyOfEntry(at));
    return made;
  }

  /** A sign without space around it. @param {string} text */
  function close(text) {
    const made = math("mo", text);
    for (const side of ["lspace", "rspace"]) made.setAttribute(side, "0");
    return made;
  }

  /** Parts that no line is to be broken between. @param {...(Element | string)} parts */
  const together = (...parts) => html("span", { class: "gp-side" }, math("math", ...parts.map((part) => (typeof part === "string" ? math("mo", part) : part))));

  /** @param {Explanation} explanation */
  function lined(explanation) {
    const { entry, result, above, call, before } = explanation;
    const { terms, more, rest, sum, relation, products, held } = written(explanation);
    const name = subscript(shortName(result.name), result.place);
    const left = above ? math("mrow", math("mo", "∂"), math("mi", above), close("/"), math("mo", "∂"), name) : name;
    const row = html("div", { class: "gp-formula" }, together(left, before === undefined ? "=" : "+="), " ");
    if (call) {
      const [open, close, between] = around(call, terms.length + more);
      const read = terms.flatMap(({ factors }, i) => [...(i ? [between.trim()] : []), number(factors[0], true)]);
      row.append(together(math("mtext", open), ...read, math("mtext", (more ? ", …" : "") + close)), " ");
    } else {
      for (const [i, { factors, sign: minus }] of terms.entries()) {
        row.append(together(...(minus < 0 ? ["−"] : i ? ["+"] : []), ...factors.flatMap((factor, k) => [...(k ? ["·"] : []), number(factor, factors.length === 1 && i === 0)])), " ");
      }
      if (more) row.append(html("span", { class: "gp-muted" }, `+ ${more} more (${rest}) `));
      if (products.length) row.append(together("=", ...products.flatMap((product, i) => [...(product.startsWith("−") ? ["−"] : i ? ["+"] : []), math("mn", product.replace("−", ""))])), " ");
    }
    // A value that is nothing but another entry, or one that was given, has its number once.
    const alone = terms.length === 1 && terms[0].factors.length === 1 && !call && terms[0].sign > 0;
    const total = sign("mn", sum, `${above ? "gp-g" : "gp-v"} gp-sum`, before === undefined ? entry : { ...entry, ...explanation.alike[0] });
    if (!alone || before !== undefined) row.append(together(...(terms.length ? [relation] : []), total));
    const lines = [row];
    if (held) {
      const words = (/** @type {string} */ text) => html("span", { class: "gp-muted" }, text);
      lines.push(html("div", { class: "gp-formula" }, words("so far "), together(math("mn", held.operands[0]), "+", math("mn", held.operands[1]), held.relation, sign("mn", held.result, "gp-g gp-sum", entry)), words(" now")));
    }
    if (explanation.note) lines.push(html("p", { class: "gp-muted" }, explanation.note));
    return lines;
  }

  return {
    element,
    /**
     * Takes the room that some explanations need, so that nothing moves when they are shown.
     * @param {(Explanation | string | undefined)[]} explanations
     */
    reserve(explanations) {
      element.style.height = "auto";
      const heights = explanations.map((explanation) => {
        this.show(explanation);
        return element.offsetHeight + 4;
      });
      element.style.height = `clamp(4.5em, ${Math.max(0, ...heights)}px, 8.5em)`;
    },
    /** @param {Explanation | string | undefined} explanation or words, or nothing */
    show(explanation) {
      if (typeof explanation !== "object") {
        heading.textContent = "";
        lines.replaceChildren(html("p", { class: explanation ? "" : "gp-muted" }, explanation ?? phrase("workings: point at entry or pick")));
        return;
      }
      const { result, entry, above, upstream, terms } = explanation;
      const isNamed = terms.some(({ factors }) => factors.some(({ name }) => name === "g"));
      heading.replaceChildren(html("strong", {}, placed(`${atom(result.name)}${entry.part === "g" ? ".grad" : ""}`, result.place)), entry.part === "c" ? html("span", {}, "· contribution") : "", html("span", { class: "gp-g-is" }, isNamed ? `g = ∂${above}/∂${shortName(nameOf(upstream))}` : ""));
      lines.replaceChildren(...lined(explanation));
    },
  };
}
