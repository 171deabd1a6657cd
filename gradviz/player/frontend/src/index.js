// What a notebook asks for, and the start of a saved page.

import { PageModel } from "./model.js";
import { render } from "./player.js";

export default { render };

// A saved page carries its payload with it. In a notebook there is no such element, and the notebook calls render.
const saved = document.getElementById("gradviz-payload");
const place = document.getElementById("gradviz-page");
if (saved && place) {
  const model = new PageModel({ payload: JSON.parse(saved.textContent ?? ""), step: 0, playing: false, selected: "" });
  render({ model, el: place });
}
