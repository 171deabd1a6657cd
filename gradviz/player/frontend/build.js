// Bundles src/ into ../static. backprop.js is the player, which both front ends show; player.js starts it alone, training.js is
// the player of training runs, in which it opens. sandbox.js is the page in which one writes an expression. A front end is backprop.js and one of the three, one after the other. engine.js runs
// computations, and is loaded when that is asked for; engine.json lists what it can run. And player.css; training.css has it in it. Run it with `npm run build`.
//
// The first line of each carries a hash of the sources, so that a test can tell a stale bundle without having Node:
// sha256 over "name\n" + content of every file in src/, in order of name, which has its folder in it; and then of what is
// shared with Python.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const hash = createHash("sha256");
for (const name of readdirSync(`${here}src`, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(`${here}src`, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
  .sort()) {
  hash.update(`${name}\n`);
  hash.update(readFileSync(`${here}src/${name}`, "utf8").replaceAll("\r\n", "\n"));
}
for (const name of ["catalogue/pages.en.json", "drawing/charts/look.json"]) {
  hash.update(`${name}\n`);
  hash.update(readFileSync(`${here}../../${name}`, "utf8").replaceAll("\r\n", "\n"));
}
const banner = `/* gradviz player, built by "npm run build"; sources sha256:${hash.digest("hex")} */`;

const NAME = "gradvizBackprop"; // by which backprop.js is known to what stands below it

/** Whoever imports the player finds it there. @type {import("esbuild").Plugin} */
const shared = {
  name: "shared",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /player\.js$/ }, ({ path, resolveDir }) =>
      join(resolveDir, path) === join(here, "src", "player.js") ? { path: "player", namespace: "shared" } : undefined,
    );
    onLoad({ filter: /.*/, namespace: "shared" }, () => ({ contents: `export const { render } = ${NAME};` }));
  },
};

const CATALOGUE = new URL("../../catalogue/pages.en.json", import.meta.url);

/** Puts the catalogue's texts in the place of their keys, so that a bundle has no more of it than it says. @type {import("esbuild").Plugin} */
const words = {
  name: "words",
  setup({ onLoad }) {
    const texts = JSON.parse(readFileSync(CATALOGUE, "utf8"));
    onLoad({ filter: /\.en\.json$/ }, () => ({ contents: "export default {}" }));
    onLoad({ filter: /frontend.src.*\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace(/\bphrase\("([^"]+)"/g, (_, key) => {
        if (!(key in texts)) throw new Error(`${path}: the catalogue has no text for "${key}"`);
        return `phrase(${JSON.stringify(texts[key])}`;
      }),
    }));
  },
};

/** @type {import("esbuild").BuildOptions} */
const common = {
  outdir: `${here}../static`,
  bundle: true,
  target: "es2022",
  charset: "utf8",
  minify: true,
  banner: { js: banner, css: banner },
  logLevel: "info",
};
await build({ ...common, entryPoints: { backprop: `${here}src/player.js` }, format: "iife", globalName: NAME, plugins: [words] });
await build({ ...common, entryPoints: { player: `${here}src/index.js`, training: `${here}src/training.js`, sandbox: `${here}src/sandbox.js` }, format: "esm", plugins: [shared, words] });
await build({ ...common, entryPoints: { engine: `${here}src/engine.js` }, format: "iife", globalName: "gradvizEngine", plugins: [words] });
await build({ ...common, entryPoints: { player: `${here}src/player.css`, training: `${here}src/training.css`, sandbox: `${here}src/sandbox.css` } });

// What the engine can run, for Python.
const { ROWS } = await import("./src/engine/rows.js");
writeFileSync(`${here}../static/engine.json`, `${JSON.stringify(Object.keys(ROWS).sort(), null, 1)}\n`);
