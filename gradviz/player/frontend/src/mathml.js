// Elements of MathML.

const MATHML = "http://www.w3.org/1998/Math/MathML";

/** @param {string} tag @param {...(Node | string)} children */
export function math(tag, ...children) {
  const element = document.createElementNS(MATHML, tag);
  element.append(...children);
  return element;
}

/** A name with the place of an entry below it: W₁₀; with commas where an index has more than one digit. @param {string} name @param {number[]} place */
export function subscript(name, place) {
  const letters = math("mi", name);
  return place.length ? math("msub", letters, math("mn", place.join(place.length > 2 || place.some((index) => index > 9) ? "," : ""))) : letters;
}
