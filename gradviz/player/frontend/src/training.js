// The front end of training: what a notebook asks for, and the start of a saved page.

import { liveInFrame } from "./frame.js";
import { listenToPage } from "./keys.js";
import { pageParts } from "./model.js";
import { render } from "./training/player.js";

export default { render };

pageParts().then((saved) => {
  if (!saved) return;
  liveInFrame();
  render({ model: saved.model, el: saved.place });
  listenToPage(saved.place);
});
