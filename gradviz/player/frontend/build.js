// Bundles src/ into ../static: player.js and player.css, and for training runs training.js and training.css, which have the
// player in them. Run it with `npm run build`.
//
// The first line of each carries a hash of the sources, so that a test can tell a stale bundle without having Node:
// sha256 over "name\n" + content of every file in src/, in order of name, which has its folder in it; and then of what is
// shared with Python.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
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
for (const name of ["drawing/charts/look.json"]) {
  hash.update(`${name}\n`);
  hash.update(readFileSync(`${here}../../${name}`, "utf8").replaceAll("\r\n", "\n"));
}
const banner = `/* gradviz player, built by "npm run build"; sources sha256:${hash.digest("hex")} */`;

await build({
  entryPoints: { player: `${here}src/index.js`, training: `${here}src/training.js` },
  outdir: `${here}../static`,
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  minify: true,
  banner: { js: banner },
  logLevel: "info",
});
await build({
  entryPoints: { player: `${here}src/player.css`, training: `${here}src/training.css` },
  outdir: `${here}../static`,
  bundle: true,
  charset: "utf8",
  minify: true,
  banner: { css: banner },
  logLevel: "info",
});
