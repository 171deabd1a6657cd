// The page in which one writes an expression, and gets its graph: the start of a saved page.

import { liveInFrame } from "./frame.js";
import { listenToPage } from "./keys.js";
import { pageParts } from "./model.js";
import { Parts } from "./parts.js";
import { makeSandbox } from "./sandbox/page.js";

pageParts().then((saved) => {
  if (!saved) return;
  liveInFrame();
  makeSandbox(saved.model.get("payload") ?? {}, saved.place, new Parts());
  listenToPage(saved.place);
});
