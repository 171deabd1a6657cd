// Every operation that a page can run, by its name in gradviz's table: forward only. The way back is a list of these too.

import { arithmetic } from "./rows/arithmetic.js";
import { functions } from "./rows/functions.js";
import { layers } from "./rows/layers.js";
import { losses } from "./rows/losses.js";
import { products } from "./rows/products.js";
import { reductions } from "./rows/reductions.js";
import { shapes } from "./rows/shapes.js";

/** @type {Record<string, import("./rows/arithmetic.js").Row>} */
export const ROWS = { ...arithmetic, ...functions, ...reductions, ...products, ...shapes, ...losses, ...layers };

// A view's twin has memory of its own, which is all the same here.
for (const name of ["alias", "diagonal", "expand", "permute", "select", "slice", "squeeze", "t", "transpose", "unfold", "unsqueeze", "view"]) ROWS[`${name}_copy`] = ROWS[name];
