// An expression and its values as the last part of an address, to be sent to others.

/** @param {string} expression @param {Map<string, string>} values */
export function fragmentOf(expression, values) {
  const said = new URLSearchParams([["expression", expression], ...[...values].map(([name, text]) => [`value.${name}`, text])]);
  return `#${said}`;
}

/** @param {string} fragment @returns {{expression: string, values: Record<string, string>} | undefined} nothing if it says none */
export function readFragment(fragment) {
  const said = new URLSearchParams(fragment.slice(1));
  const expression = said.get("expression");
  if (expression === null) return undefined;
  const values = [...said].flatMap(([key, text]) => (key.startsWith("value.") ? [[key.slice(6), text]] : []));
  return { expression, values: Object.fromEntries(values) };
}
