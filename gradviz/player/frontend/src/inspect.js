// All there is to know about what was clicked: a tensor, an operation, or an edge.

import { heatmap, histogram } from "./chart.js";
import { button, html } from "./dom.js";
import { entries } from "./facts.js";
import { imageOf } from "./image.js";
import { roleOf, scaleOf, shadeOf } from "./heat.js";
import { jacobianTable } from "./jacobian.js";
import { terms } from "./links.js";
import { entryText, numberText, shapeText } from "./number.js";
import { codeFor } from "./numpy.js";
import { phrase } from "./words.js";

/** @typedef {import("./facts.js").Facts} Facts */
/** @typedef {import("./facts.js").Value} Value */
/** @typedef {import("./facts.js").Operation} Operation */
/** @typedef {import("./state.js").Payload} Payload */

const NUMBERS_UP_TO = 64; // entries; of a larger tensor the colours are shown first
const HISTOGRAM_FROM = 8;
const STANDS_FOR = phrase("inspect: stands"); // the attribute of a product with its helpers in it

const ROLES = {
  parameter: phrase("inspect: parameter leaf collects gradient"),
  input: phrase("inspect: input leaf needs no gradient"),
  constant: phrase("inspect: number written program"),
  intermediate: phrase("inspect: intermediate result"),
  output: phrase("inspect: result backward starts from"),
};

/**
 * @param {Payload} payload
 * @param {Facts} facts
 * @param {{
 *   go(step: number): void, select(key: string): void, hides(argument: string): boolean, every(): void,
 *   say(text: string): void, picked(): import("./explain.js").Entry | undefined,
 * }} on `hides` is true for an edge whose local derivative the learner is still to find out
 */
export function makeInspector({ steps, code, grids, inks, scales, whys = {} }, facts, on) {
  const title = html("h3");
  const list = html("dl");
  const numbers = html("div", { class: "gp-numbers" });
  const jacobian = html("details", { class: "gp-block" }, html("summary", {}, "Jacobian"));
  jacobian.addEventListener("toggle", writeJacobian);
  const copied = html("textarea", { class: "gp-copied", readonly: "", rows: 4, "aria-label": "NumPy code", spellcheck: "false" });
  const copy = button(phrase("inspect: copy as numpy code"), copyCode, { kind: "gp-small" });
  const close = button("Close", () => on.select(""), { icon: "close", kind: "gp-small gp-close", keys: "Escape" });
  const element = html(
    "section",
    { class: "gp-inspect", "aria-label": "Details", tabindex: 0 },
    html("header", {}, title, copy, close),
    copied,
    html("div", { class: "gp-inspected" }, list, numbers, jacobian),
  );
  element.hidden = copied.hidden = true;

  let key = "";
  let step = 0;
  /** @type {Map<string, boolean>} whether a table was asked for, by caption */
  const asTable = new Map();
  /** @type {unknown[]} what the numbers were made from, so that they are made anew only when they differ */
  let shownNumbers = [];

  async function copyCode() {
    const text = codeFor(facts, key, step);
    try {
      await navigator.clipboard.writeText(text);
      copied.hidden = true;
      copy.textContent = "Copied";
      on.say(phrase("inspect: copied as numpy code"));
    } catch {
      // A page from a disk or in a frame may not write to the clipboard; then the reader does.
      copied.hidden = false;
      copied.value = text;
      copied.focus();
      copied.select();
      on.say(phrase("inspect: code selected copy with control"));
    }
  }

  // --- words --------------------------------------------------------------------------------------------------------

  /** @param {string} id */
  const link = (id) => {
    const known = facts.tensor(id) ?? facts.operation(id);
    return button(known ? nameOf(known) : id, () => on.select(id), { kind: "gp-link" });
  };
  /** @param {string} words @param {number} k */
  const when = (words, k) => button(phrase("inspect: step", { words, part: k + 1 }), () => on.go(k), { kind: "gp-link" });
  /** @param {string} term @param {...(Node | string)} said */
  const row = (term, ...said) => said.length && list.append(html("dt", {}, term), html("dd", {}, ...said));
  /** @param {(Node | string)[][]} parts */
  const listed = (parts) => parts.flatMap((part, i) => (i ? [", ", ...part] : part));

  /** @param {Operation | undefined} operation */
  function source(operation) {
    const place = operation?.source;
    if (!place) return [];
    const block = code.find(({ file, first_line: first, lines }) => file === place.file && place.line >= first && place.line < first + lines.length);
    const line = block?.lines[place.line - block.first_line].trim();
    return [`line ${place.line}`, ...(line ? [": ", html("code", {}, line)] : [])];
  }

  /** @param {string} id */
  function describeTensor(id) {
    const tensor = facts.tensor(id);
    if (!tensor) return;
    const producer = facts.operation(tensor.producer);
    const users = facts.usersOf(id);
    title.replaceChildren(html("strong", {}, tensor.name), ` · ${tensor.shape.length ? shapeText(tensor.shape) : "()"} · ${tensor.dtype}`);
    row("why", ...(whys[id] ? [html("b", {}, whys[id])] : []));
    row("is", ROLES[/** @type {keyof ROLES} */ (tensor.role)] ?? tensor.role);
    if (producer) row("made by", link(producer.id), ...(producer.grad_fn && !producer.block ? [` (grad_fn ${producer.grad_fn})`] : []));
    row("used by", ...listed(users.map(({ operation, argument }) => [link(operation.id), ` as ${argument.slot}`])));
    row("saved by", ...listed(facts.saversOf(id).map(({ operation, field }) => [link(operation.id), ` as _saved_${field}`])));
    if (tensor.module) row("module", html("code", {}, tensor.module));
    row("source", ...source(producer ?? users[0]?.operation));
    const computed = facts.values.steps(id)[0];
    const arrived = facts.gradients.steps(id);
    const moments = [
      ...(computed ? [[when("computed", computed)]] : []),
      ...arrived.map((k, i) => [when(i ? phrase("inspect: gradient added") : "gradient", k)]),
    ];
    row("when", ...listed(moments));
    const gradient = facts.gradients.at(id, step);
    if (gradient?.before) row("before", phrase("inspect: grad held from earlier backward", { before: brief(gradient.before) }));
    showNumbers([
      ["value", facts.values.at(id, step), true, `${id}:v`],
      ["gradient", gradient?.value, tensor.requires_grad, `${id}:g`],
    ]);
  }

  /** @param {Operation} operation */
  function describeOperation(operation) {
    const gradFn = operation.grad_fn && !operation.block ? ` · grad_fn ${operation.grad_fn}` : "";
    title.replaceChildren(html("strong", {}, nameOf(operation)), gradFn);
    const helpers = (operation.attributes ?? []).find(([name]) => name === STANDS_FOR)?.[1];
    if (helpers) row(phrase("inspect: stands"), `${helpers} `, button(phrase("controls: show every operation"), on.every, { kind: "gp-small" }));
    row("why", ...(whys[operation.id] ? [html("b", {}, whys[operation.id])] : []));
    if (operation.sentence) row("backward", operation.sentence);
    row("takes", ...listed(operation.inputs.map(({ tensor, slot }) => [link(tensor), ` as ${slot}`])));
    row("makes", ...listed(operation.outputs.map((id) => [link(id)])));
    row("saved", ...listed((operation.saved ?? []).map(([field, what]) => [`_saved_${field}: `, facts.tensor(what) ? link(what) : what])));
    const block = operation.block;
    if (block) row(phrase("inspect: stands"), phrase("inspect: block", { operations: String(block.operations), parameters: String(block.parameters ?? 0) }));
    const settings = (operation.attributes ?? []).filter(([name]) => name !== STANDS_FOR);
    row("settings", ...listed(settings.map(([name, value]) => [`${name} = ${value}`])));
    if (operation.module) row("module", html("code", {}, operation.module));
    row("source", ...source(operation));
    const edges = operation.inputs.filter(({ tensor }) => facts.tensor(tensor)?.requires_grad);
    row(phrase("inspect: sends back"), ...listed(edges.map(({ id, tensor }) => [button(`to ${facts.tensor(tensor)?.name}`, () => on.select(id), { kind: "gp-link" })])));
    showNumbers([
      [phrase("inspect: upstream gradient"), facts.upstreamOf(operation, step), operation.grad_fn !== null, `${operation.outputs[0]}:g`],
      ["result", facts.values.at(operation.outputs[0], step), operation.outputs.length === 1, `${operation.outputs[0]}:v`],
    ]);
  }

  /** @param {NonNullable<ReturnType<Facts["edge"]>>} edge */
  function describeEdge({ operation, argument, tensor }) {
    if (!argument) {
      title.replaceChildren(html("strong", {}, `${nameOf(operation)} → ${tensor.name}`));
      row("carries", phrase("inspect: result forward and gradient back"));
      row("from", link(operation.id));
      row("to", link(tensor.id));
      showNumbers([
        ["value", facts.values.at(tensor.id, step), true, `${tensor.id}:v`],
        ["gradient", facts.gradients.at(tensor.id, step)?.value, tensor.requires_grad, `${tensor.id}:g`],
      ]);
      return;
    }
    title.replaceChildren(html("strong", {}, `${tensor.name} → ${nameOf(operation)}`), ` as ${argument.slot}`);
    row("from", link(tensor.id));
    row("to", link(operation.id));
    const contribution = facts.contributions.at(argument.id, step);
    if (!tensor.requires_grad) row("gradient", phrase("inspect: none goes back here tensor"));
    else if (on.hides(argument.id)) row(phrase("inspect: local derivative"), phrase("inspect: you find out hint shows"));
    else if (argument.local) row(phrase("inspect: local derivative"), html("b", {}, [argument.local, argument.local_number].filter(Boolean).join(" = ")));
    if (operation.sentence) row("rule", operation.sentence);
    if (contribution?.summed_axes?.length) row("summed", phrase("inspect: over along which was broadcast", { part: contribution.summed_axes.length > 1 ? "axes" : "axis", part2: contribution.summed_axes.join(", "), tensor: tensor.name }));
    showNumbers([
      [phrase("inspect: upstream gradient"), facts.upstreamOf(operation, step), tensor.requires_grad, `${operation.outputs[0]}:g`],
      ["contribution", contribution?.value, tensor.requires_grad, `${argument.id}:c`],
    ]);
  }

  /** On demand: every derivative of an entry of the result by an entry of what it was made of. */
  function writeJacobian() {
    const edge = facts.edge(key);
    const known = edge?.argument && facts.linkOf(edge.argument.id);
    const told = known && edge?.argument && edge.tensor.requires_grad && !on.hides(edge.argument.id);
    jacobian.hidden = !told;
    if (!told || !jacobian.open) return;
    const picked = on.picked();
    const result = edge.operation.outputs[0];
    const entry = picked?.tensor === result || picked?.tensor === edge.tensor.id ? picked.index : 0;
    const made = jacobianTable(known, picked?.tensor === result ? entry : (terms(known.link, known.shapes, entry)[0]?.result ?? 0), facts.tensor(result)?.name ?? result, edge.tensor.name);
    jacobian.replaceChildren(jacobian.children[0], made);
  }

  // --- numbers ------------------------------------------------------------------------------------------------------

  /** @param {[string, Value | undefined, boolean, string][]} parts caption, what is known, whether there can be any, and whose entries they are */
  function showNumbers(parts) {
    const wanted = parts.filter(([, , possible]) => possible);
    const now = [key, ...wanted.flatMap(([caption, value]) => [caption, value, asTable.get(caption)])];
    if (now.length === shownNumbers.length && now.every((part, i) => part === shownNumbers[i])) return;
    shownNumbers = now;
    numbers.replaceChildren(...wanted.map(([caption, value, , whose]) => block(caption, value, whose)));
  }

  /** @param {string} caption @param {Value | undefined} value @param {string} whose */
  function block(caption, value, whose) {
    const kind = /gradient|contribution/.test(caption) ? "gp-of-grad" : "gp-of-value";
    const heading = html("h4", {}, caption);
    const figure = html("div", { class: `gp-block ${kind}` }, heading);
    if (!value) {
      figure.append(html("p", { class: "gp-muted" }, phrase("inspect: not computed yet at step")));
      return figure;
    }
    const shown = value.data ? value : value.preview;
    const all = (shown?.data ?? []).map(Number);
    if (value.data?.length === 1) {
      figure.append(html("p", { class: "gp-one" }, html("span", { "data-entry": `${whose}:0` }, value.dust?.length ? entryText(value, 0) : fullText(value.data[0]))));
      if (value.dust?.length) figure.append(html("p", { class: "gp-muted" }, `${fullText(value.data[0])}, which is rounding error`));
      return figure;
    }
    if (!shown || all.length === 0) {
      figure.append(html("p", { class: "gp-muted" }, "empty"));
      return figure;
    }
    const isTable = asTable.get(caption) ?? entries(shown.shape) <= NUMBERS_UP_TO;
    const toggle = button(isTable ? phrase("inspect: show colours") : phrase("inspect: show numbers"), () => {
      const place = [...numbers.children].indexOf(figure);
      asTable.set(caption, !isTable);
      show(key, step);
      numbers.children[place].querySelector("button")?.focus();
    }, { kind: "gp-link" });
    heading.append(" ", toggle);
    figure.append(html("p", { class: "gp-muted" }, statistics(value, all)));
    const layers = layersOf(shown, all);
    const [tensor, part] = whose.split(":");
    const scale = scaleOf(all, scales[roleOf(facts, tensor, part === "v" ? "value" : "gradient")]);
    const colourOf = (/** @type {number} */ number) => inks[shadeOf(number, scale)];
    figure.append(imageOf({ steps, grids }, `${tensor}_${part}`, step, phrase("inspect: as image", { caption })) ?? "");
    const grid = html("div", { class: "gp-grid", tabindex: 0, role: "group", "aria-label": phrase("inspect: all entries", { caption }) });
    for (const [layer, { name, rows, columns, part }] of layers.entries()) {
      if (name) grid.append(html("span", { class: "gp-muted" }, name));
      grid.append(
        isTable
          ? table(part, rows, columns, caption, (index) => entryText(shown, layer * rows * columns + index), value.data ? (index) => `${whose}:${layer * rows * columns + index}` : undefined)
          : heatmap(part, rows, columns, colourOf, phrase("inspect: as colours rows columns", { part: [caption, name].filter(Boolean).join(" "), rows, columns })),
      );
    }
    figure.append(grid);
    if (!isTable) figure.append(scaleLine(scale, inks));
    if (all.length >= HISTOGRAM_FROM) figure.append(histogram(all, value.data ? caption : phrase("inspect: means blocks", { caption })));
    return figure;
  }

  /**
   * @param {string} selected
   * @param {number} k
   */
  function show(selected, k) {
    if (selected !== key) {
      copied.hidden = true;
      element.scrollTop = 0;
    }
    copy.textContent = phrase("inspect: copy as numpy code");
    key = selected;
    step = k;
    const operation = facts.operation(key);
    const edge = facts.edge(key);
    element.hidden = !operation && !edge && !facts.tensor(key);
    if (element.hidden) return;
    list.replaceChildren();
    if (operation) describeOperation(operation);
    else if (edge) describeEdge(edge);
    else describeTensor(key);
    writeJacobian();
  }
  return { element, show };
}

/** What a tensor or operation is called; several folded into one by what stands on it. @param {{name: string, symbol?: string, block?: object}} known */
function nameOf({ name, symbol, block }) {
  return block ? (symbol ?? name) : name;
}

/**
 * What the colours of a heatmap stand for: the ends of the scale, zero, and what has half of the colour.
 * @param {number} scale
 * @param {Record<string, string>} inks
 */
function scaleLine(scale, inks) {
  const ends = [-scale, -scale / 4, 0, scale / 4, scale];
  const steps = ends.map((number) => {
    const swatch = html("span", { class: "gp-swatch" });
    swatch.style.background = inks[shadeOf(number, scale)];
    return html("span", {}, swatch, numberText(number, 2));
  });
  return html("p", { class: "gp-scale gp-muted" }, ...steps);
}

/** Every digit of a number, for where there is room. @param {number | boolean} number */
function fullText(number) {
  return typeof number === "number" && Number.isFinite(number) ? String(number).replaceAll("-", "−") : numberText(number);
}

/** @param {Value} value */
function brief({ shape, data }) {
  return data?.length === 1 ? numberText(data[0]) : phrase("inspect: gradient shape", { shape: shapeText(shape) });
}

/** @param {Value} value @param {number[]} all */
function statistics({ shape, data, summary }, all) {
  if (!data && summary) {
    const { mean, sd, min, max } = summary;
    if (min === max && !summary.nans && !summary.infs) return phrase("inspect: numbers all equal", { all: entries(shape), number: numberText(min) });
    const odd = [summary.nans && `${summary.nans} nan`, summary.infs && `${summary.infs} infinite`].filter(Boolean).join(", ");
    return (
      phrase("inspect: numbers too many be kept", { shape: entries(shape), mean: numberText(mean), sd: numberText(sd), min: numberText(min), max: numberText(max), part: odd && `, ${odd}` })
    );
  }
  const finite = all.filter(Number.isFinite);
  if (finite.length === 0) return phrase("inspect: numbers none them finite", { all: all.length });
  const mean = finite.reduce((sum, number) => sum + number, 0) / finite.length;
  const sd = Math.sqrt(finite.reduce((sum, number) => sum + (number - mean) ** 2, 0) / finite.length);
  const low = finite.reduce((a, b) => Math.min(a, b));
  const high = finite.reduce((a, b) => Math.max(a, b));
  const odd = all.length - finite.length;
  if (low === high && !odd) return phrase("inspect: numbers all equal", { all: all.length, number: numberText(low) });
  return (
    phrase("inspect: numbers mean from", { all: all.length, mean: numberText(mean), sd: numberText(sd), low: numberText(low), high: numberText(high) }) +
    (odd ? phrase("inspect: and not finite", { odd }) : "")
  );
}

/**
 * A tensor as matrices: one, or one for each place along its first axes.
 * @param {Value} value
 * @param {number[]} all
 */
function layersOf({ shape }, all) {
  const columns = shape.at(-1) ?? 1;
  const rows = shape.at(-2) ?? 1;
  const size = rows * columns;
  const layers = [];
  for (let start = 0; start < all.length; start += size) {
    let place = start / size;
    const index = [];
    for (const length of shape.slice(0, -2).reverse()) {
      index.unshift(place % length);
      place = Math.floor(place / length);
    }
    const name = index.length ? `[${index.join(", ")}, :, :]` : "";
    layers.push({ name, rows, columns, part: all.slice(start, start + size) });
  }
  return layers;
}

/** @param {number[]} part @param {number} rows @param {number} columns @param {string} caption @param {(index: number) => string} textOf an entry @param {((index: number) => string) | undefined} keyOf of an entry */
function table(part, rows, columns, caption, textOf, keyOf) {
  const head = html("tr", {}, html("td"), ...Array.from({ length: columns }, (_, j) => html("th", { scope: "col" }, String(j))));
  const body = Array.from({ length: rows }, (_, i) => {
    const cells = part.slice(i * columns, (i + 1) * columns);
    const filled = cells.map((number, j) => html("td", { title: fullText(number), ...(keyOf && { "data-entry": keyOf(i * columns + j) }) }, textOf(i * columns + j)));
    return html("tr", {}, html("th", { scope: "row" }, String(i)), ...filled);
  });
  return html("table", { "aria-label": caption }, html("thead", {}, head), html("tbody", {}, ...body));
}
