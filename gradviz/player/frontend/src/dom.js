// Making elements. Text only ever becomes text nodes: nothing in a recording is read as markup.

/**
 * Makes an HTML element.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * Makes an SVG element.
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...Node} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function svgElement(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** Writes a text where another stands: what is the same already is not laid out again. @param {Element} element @param {string} text */
export function setText(element, text) {
  const { firstChild } = element;
  if (!(firstChild instanceof Text) || firstChild !== element.lastChild) element.textContent = text;
  else if (firstChild.data !== text) firstChild.data = text;
}

/**
 * Makes an element what another is, of which the most is often the same but for some numbers: that stays where it is.
 * @param {Element} element @param {Element} other is used up
 */
export function become(element, other) {
  const [mine, others] = [element.childNodes, other.childNodes];
  const alike = mine.length === others.length && [...mine].every((node, k) => node.nodeName === others[k].nodeName);
  if (!alike) return element.replaceChildren(...others);
  for (const { name, value } of other.attributes) if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  for (const { name } of [...element.attributes]) if (!other.hasAttribute(name)) element.removeAttribute(name);
  [...mine].forEach((node, k) => {
    const there = others[k];
    if (node instanceof Element && there instanceof Element) become(node, there);
    else if (node.nodeValue !== there.nodeValue) node.nodeValue = there.nodeValue;
  });
}

// Drawn here because many fonts lack ⏮ and ⏭, and others show them as colourful emoji.
const ICONS = {
  first: "M4 4h2.5v12H4z M16 4v12L7.5 10z",
  previous: "M14 4v12L5 10z",
  play: "M6 3.5v13l10-6.5z",
  pause: "M5 4h3.5v12H5z M11.5 4H15v12h-3.5z",
  next: "M6 4v12l9-6z",
  last: "M4 4v12l8.5-6z M13.5 4H16v12h-2.5z",
  loop: "M5 6h8V3.5L17 7l-4 3.5V8H6v3H4V7z M15 14H7v2.5L3 13l4-3.5V12h7V9h2v4z",
  projector: "M3 4h14v10H3z M5 6v6h10V6z M7 16h6v1.5H7z",
  fullscreen: "M3 3h5v2H5v3H3z M12 3h5v5h-2V5h-3z M3 12h2v3h3v2H3z M15 12h2v5h-5v-2h3z",
  larger: "M9 4h2v5h5v2h-5v5H9v-5H4V9h5z",
  smaller: "M4 9h12v2H4z",
  fit: "M3 6l3-3v2h8V3l3 3-3 3V7H6v2z M3 14l3-3v2h8v-2l3 3-3 3v-2H6v2z",
  fold: "M4 4h12v3H4z M4 13h12v3H4z M6 9h8v2H6z",
  unfold: "M4 3h12v2.5H4z M4 14.5h12V17H4z M6 7h8v1.8H6z M6 11.2h8V13H6z",
  turn: "M3 4h9a3 3 0 0 1 3 3v5h2.5L14 17l-3.5-5H13V7a1 1 0 0 0-1-1H3z",
  every: "M3 3h6v6H3z M11 3h6v6h-6z M3 11h6v6H3z M11 11h6v6h-6z",
  close: "M5.4 4L10 8.6 14.6 4 16 5.4 11.4 10l4.6 4.6-1.4 1.4L10 11.4 5.4 16 4 14.6 8.6 10 4 5.4z",
};

/** @typedef {keyof typeof ICONS} Icon */

/**
 * Makes an icon that takes the colour of the text around it.
 * @param {Icon} name
 */
export function icon(name) {
  return svgElement("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, svgElement("path", { d: ICONS[name] }));
}

/**
 * Makes a button that does something; its label is what it shows, or what is said of its icon.
 * @param {string} label
 * @param {() => void} act
 * @param {{icon?: Icon, keys?: string, kind?: string}} [look]
 */
export function button(label, act, { icon: drawn, keys = "", kind = "" } = {}) {
  const made = html("button", { type: "button", class: kind });
  if (drawn) {
    made.append(icon(drawn));
    made.setAttribute("aria-label", label);
    made.title = keys ? `${label} (${keys})` : label;
  } else made.append(label);
  made.addEventListener("click", act);
  return made;
}
