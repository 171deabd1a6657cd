// Bundles src/ into ../static: player.js and player.css, and for training runs training.js and training.css, which have the
// player in them. Run it with `npm run build`.
//
// The first line of each carries a hash of the sources, so that a test can tell a stale bundle without having Node:
// sha256 over "name\n" + content of every file in src/, in order of name, which has its folder in it.

import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, readdirSync } from "node:fs";
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
const banner = `/* gradviz player, built by "npm run build"; sources sha256:${hash.digest("hex")} */`;

const { metafile } = await build({
  entryPoints: { player: `${here}src/index.js`, training: `${here}src/training.js` },
  outdir: `${here}../static`,
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  minify: true,
  banner: { js: banner },
  logLevel: "info",
  metafile: true,
});
// What others have written comes with its licence; one text for all that share it.
for (const [output, { inputs }] of Object.entries(metafile.outputs)) {
  const folders = Object.keys(inputs).map((input) => /^.*node_modules\/[^/]+/u.exec(input)?.[0]);
  /** @type {Map<string, string[]>} by licence: whose */
  const licences = new Map();
  for (const folder of new Set(folders.filter(Boolean))) {
    const [whose, ...text] = readFileSync(`${folder}/LICENSE`, "utf8").trim().split("\n");
    const licence = text.join("\n").trim();
    licences.set(licence, [...(licences.get(licence) ?? []), `${folder?.split("/").at(-1)}: ${whose}`]);
  }
  for (const [licence, whose] of licences) appendFileSync(output, `/*! With parts of\n${whose.join("\n")}\n\n${licence}\n*/\n`);
}
await build({
  entryPoints: { player: `${here}src/player.css`, training: `${here}src/training.css` },
  outdir: `${here}../static`,
  bundle: true,
  charset: "utf8",
  minify: true,
  banner: { css: banner },
  logLevel: "info",
});
