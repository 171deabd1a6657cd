// The still picture beside a player in a notebook, which is there for when the notebook is opened again without its kernel.

/**
 * Hides it while there is a player.
 * @param {string | undefined} name the class by which Python has marked it; none in a saved page
 * @returns {() => void} how to show it again
 */
export function hideStill(name) {
  const pictures = name ? [...document.getElementsByClassName(name)] : [];
  // In JupyterLab the whole output, with its padding.
  const outputs = pictures.map((picture) => /** @type {HTMLElement} */ (picture.closest(".jp-OutputArea-child") ?? picture));
  for (const output of outputs) output.style.display = "none";
  return () => {
    for (const output of outputs) output.style.display = "";
  };
}
