"""Every cell of every notebook, where Python itself runs in a browser. `run.mjs` runs this."""

import contextlib
import io
import json
import os
from pathlib import Path

import gradviz_wasm
from IPython.core.interactiveshell import InteractiveShell

import gradviz

await gradviz_wasm.ready()  # noqa: F704  # type: ignore[top-level-await] (a cell may)

os.chdir("/tmp")
told = {}
for path in sorted((Path(gradviz.__file__).parent / "notebooks").glob("*.ipynb")):
    if path.stem == "16_your_own_pytorch":
        continue  # it needs PyTorch, which no browser has
    shell = InteractiveShell()
    shell.display_formatter.active_types = shell.display_formatter.format_types  # pictures too
    failed = []
    cells = ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(cells):
        with contextlib.redirect_stdout(io.StringIO()):
            result = shell.run_cell(cell)
        if not result.success:
            failed.append(f"cell {number}: {result.error_in_exec or result.error_before_exec!r}")
    told[path.name] = [len(cells), failed]
print(json.dumps(told))
