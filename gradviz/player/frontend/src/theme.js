// Light or dark, as the page around the player is.

/** @returns {boolean} */
function pageIsDark() {
  const { body, documentElement } = document;
  const jupyter = body.getAttribute("data-jp-theme-light");
  if (jupyter) return jupyter === "false";
  if (body.matches(".vscode-dark, .vscode-high-contrast:not(.vscode-high-contrast-light)")) return true;
  if (body.matches(".vscode-light, .vscode-high-contrast-light")) return false;
  const named = documentElement.getAttribute("theme") ?? body.dataset.theme; // Colab, marimo
  if (named === "dark" || named === "light") return named === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/**
 * Keeps the element's data-theme the same as the page's.
 * @param {HTMLElement} element
 * @returns {() => void} how to stop
 */
export function followTheme(element) {
  const update = () => {
    element.dataset.theme = pageIsDark() ? "dark" : "light";
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const host = new MutationObserver(update);
  system.addEventListener("change", update);
  for (const watched of [document.body, document.documentElement]) {
    host.observe(watched, { attributeFilter: ["class", "data-jp-theme-light", "theme", "data-theme"] });
  }
  update();
  return () => {
    system.removeEventListener("change", update);
    host.disconnect();
  };
}
