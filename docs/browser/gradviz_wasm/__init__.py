"""Graphviz where Python itself runs in a browser: compiled to WebAssembly, and part of this package."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path
from typing import Any


class WasmGraphviz:
    """A layout engine of gradviz's: takes DOT and answers in Graphviz's ``json0``. It loads while other things are done."""

    name = "wasm-graphviz"

    def __init__(self) -> None:
        self._graphviz: Any = None
        self.loading = asyncio.ensure_future(self._load())

    async def _load(self) -> None:
        import js
        from pyodide.code import run_js
        from pyodide.ffi import to_js

        source = (Path(__file__).parent / "graphviz.js").read_text(encoding="utf-8")
        if hasattr(js, "process"):  # Node imports no blob
            url = "data:text/javascript," + js.encodeURIComponent(source)
        else:
            kind = to_js({"type": "text/javascript"}, dict_converter=js.Object.fromEntries)
            url = js.URL.createObjectURL(js.Blob.new(to_js([source]), kind))
        module = await run_js("(url) => import(url)")(url)
        self._graphviz = await module.Graphviz.load()

    def run(self, dot: str, timeout: float) -> str:
        """Lay out a picture. It cannot be interrupted: gradviz draws no more than what can be read.

        Raises
        ------
        gradviz.drawing.layout.LayoutError
            If Graphviz is still being loaded and this browser cannot wait for it, or it refuses the picture.
        """
        from gradviz.drawing.layout import LayoutError

        if self._graphviz is None:
            from pyodide.ffi import can_run_sync, run_sync

            if not can_run_sync():
                raise LayoutError("Graphviz is still being loaded in this browser: run this cell again.")
            run_sync(self.loading)
        try:
            return str(self._graphviz.layout(dot, "json0", "dot"))
        except Exception as error:
            raise LayoutError(f"{self.name} could not lay out the picture: {error}") from None


@cache
def graphviz() -> WasmGraphviz:
    """Return the engine, and begin to load it."""
    return WasmGraphviz()


async def ready() -> None:
    """Wait until pictures can be drawn: ``await gradviz_wasm.ready()`` in a cell before the first of them."""
    await graphviz().loading
