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

// Drawn here because many fonts lack ⏮ and ⏭, and others show them as colourful emoji.
const ICONS = {
  first: "M4 4h2.5v12H4z M16 4v12L7.5 10z",
  previous: "M14 4v12L5 10z",
  play: "M6 3.5v13l10-6.5z",
  pause: "M5 4h3.5v12H5z M11.5 4H15v12h-3.5z",
  next: "M6 4v12l9-6z",
  last: "M4 4v12l8.5-6z M13.5 4H16v12h-2.5z",
};

/**
 * Makes an icon that takes the colour of the text around it.
 * @param {keyof typeof ICONS} name
 */
export function icon(name) {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  const path = document.createElementNS(namespace, "path");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}
