// What a notebook asks for, and the start of a saved page.

import { PageModel } from "./model.js";
import { render } from "./player.js";

export default { render };

// A saved page carries its payload and its picture with it. In a notebook there is no such element, and the notebook calls render.
const saved = document.getElementById("gradviz-payload");
const place = document.getElementById("gradviz-page");
const picture = /** @type {SVGSVGElement | null} */ (document.querySelector("#gradviz-picture > svg"));
picture?.remove();
if (saved && place) render({ model: new PageModel(saved.textContent ?? "", picture), el: place });
