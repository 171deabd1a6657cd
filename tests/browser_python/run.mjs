// Runs a Python program under Pyodide, in Node: as in a browser, but without one.
//
//   node run.mjs <Pyodide's folder> <site-packages of this machine> <folder with wheels> <program.py>

import { readFileSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [pyodide, site, wheels, program] = process.argv.slice(2).map((path) => resolve(path));
const { loadPyodide } = await import(pathToFileURL(`${pyodide}/pyodide.mjs`).href);
const python = await loadPyodide({ indexURL: `${pyodide}/` });
await python.loadPackage(["numpy", "contourpy", "ipython", "micropip"], { messageCallback() {} });
// What is pure Python comes from this machine, where a browser would load the same wheels from PyPI.
python.FS.mkdir("/site");
python.mountNodeFS("/site", site);
python.FS.mkdir("/wheels");
for (const name of readdirSync(wheels).filter((name) => name.endsWith(".whl"))) {
  python.FS.writeFile(`/wheels/${name}`, readFileSync(`${wheels}/${name}`));
  await python.runPythonAsync(`import micropip; await micropip.install("emfs:/wheels/${name}", deps=False)`);
}
python.runPython(`import sys; sys.path.append("/site")`);
try {
  await python.runPythonAsync(readFileSync(program, "utf8"));
} catch (error) {
  console.error(error.message); // Node would print the line where it was thrown, all of Pyodide
  process.exitCode = 1;
}
