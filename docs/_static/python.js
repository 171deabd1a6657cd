// Python in a worker: loads Pyodide and the wheels beside it, all from this site, and runs programs one after the other.

const PROGRAM = `
import ast, contextlib, io, linecache, os, traceback

os.environ["GRADVIZ_STATIC"] = "1"

import gradviz, gradviz_wasm
from IPython.core.formatters import DisplayFormatter

_formatter = DisplayFormatter()
_formatter.active_types = ["text/html", "image/svg+xml", "text/plain"]
_count = 0


def show(value):
    if value is None:
        return ""
    if hasattr(value, "static"):  # a player, a run
        return value.static().html
    kinds, _ = _formatter.format(value)
    if "text/html" in kinds:
        return kinds["text/html"]
    if "image/svg+xml" in kinds:
        return gradviz.drawing.image_tag(kinds["image/svg+xml"], "The picture of the computation")
    plain = kinds.get("text/plain", repr(value)).replace("&", "&amp;").replace("<", "&lt;")
    return f"<pre>{plain}</pre>"


def run(source):
    global _count
    _count += 1
    name = f"<program {_count}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    printed, html, error = io.StringIO(), "", ""
    space = {"__name__": "__main__"}
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            program = ast.parse(source, name)
            last = program.body.pop() if program.body and isinstance(program.body[-1], ast.Expr) else None
            exec(compile(program, name, "exec"), space)
            if last is not None:
                html = show(eval(compile(ast.Expression(last.value), name, "eval"), space))
        except Exception as wrong:
            told = traceback.TracebackException.from_exception(wrong)
            line = next((at.lineno for at in reversed(told.stack) if at.filename == name), None)
            error = "".join(told.format_exception_only()).strip() + (f"\\nline {line}" if line else "")
    return [printed.getvalue(), html, error]
`;

const here = new URL(".", import.meta.url);
let python;

async function start(say) {
  const place = new URL("../pyodide/", here);
  say("Loading Python …");
  const { loadPyodide } = await import(new URL("pyodide.mjs", place).href);
  const started = await loadPyodide({ indexURL: place.href });
  say("Loading NumPy …");
  await started.loadPackage(["numpy", "contourpy", "ipython"], { messageCallback() {} });
  say("Loading gradviz …");
  const wheels = new URL("../wheels/", here);
  const names = await (await fetch(new URL("wheels.json", wheels))).json();
  const files = await Promise.all(names.map(async (name) => (await fetch(new URL(name, wheels))).arrayBuffer()));
  for (const file of files) started.unpackArchive(file, "wheel");
  await started.runPythonAsync(PROGRAM);
  await started.runPythonAsync("await gradviz_wasm.ready()");
  return started;
}

let last = Promise.resolve();
addEventListener("message", ({ data: { id, source } }) => {
  last = last.then(async () => {
    const say = (doing) => postMessage({ id, doing });
    try {
      python ??= await start(say);
      say("Running …");
      const run = python.globals.get("run");
      const [printed, html, error] = run(source).toJs();
      postMessage({ id, printed, html, error });
    } catch (error) {
      postMessage({ id, error: `Python could not be started: ${error.message}` });
    }
  });
});
