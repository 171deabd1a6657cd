"""A page in which one writes an expression and gets its graph: no server, no Python, nothing that is sent anywhere."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradviz.player.frame import Static
from gradviz.player.page import document, engine
from gradviz.recording import number_text
from gradviz.recording.files import write_file

VERSION = 1
_BOOK = Path(__file__).parents[1] / "static" / "sandbox.json"
_NAME = re.compile(r"[^\W\d]\w*")

USUAL = "tanh(w*x + b)"
"""What stands there at first."""

_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="40" viewBox="0 0 {width} 40" role="img" aria-label="{text}">\
<text x="10" y="26" font-family="monospace" font-size="18" fill="#59636e">{text}</text></svg>"""


def sandbox_page(expression: str = USUAL, values: Mapping[str, Any] | None = None, *, title: str | None = None) -> str:
    """Write the page.

    Parameters
    ----------
    expression
        What stands there at first.
    values
        Of the names in it: numbers, vectors, matrices. Names without one get some number.
    title
        The heading.

    Returns
    -------
    str
        The HTML text, to be saved as UTF-8.

    Raises
    ------
    TypeError, ValueError
        If the expression is no text, a name is no name, or a value is no number, vector or matrix.

    Examples
    --------
    >>> sandbox_page("w*x", {"w": 0.5}).startswith("<!doctype html>")
    True
    """
    if not isinstance(expression, str):
        raise TypeError(f"an expression is text, such as {USUAL!r}, but got {expression!r:.60}")
    data = {
        "kind": "sandbox",
        "version": VERSION,
        "expression": expression,
        "values": {_named(name): text_of(name, one) for name, one in (values or {}).items()},
    }
    heading = title or "Write an expression"
    shown = html.escape(expression[:80])
    picture = _SVG.format(width=40 + 12 * min(len(expression), 80), text=shown)
    parts = [("book", "", json.loads(_BOOK.read_text(encoding="utf-8"))), ("engine", "", engine())]
    return document(data, picture, heading, "", bundle="sandbox", style=_STYLE, parts=parts)


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r:.40} is no name that could stand in an expression")
    return name


def text_of(name: str, value: Any) -> str:
    """Return a value as one types it: ``0.5``, ``[[1, 2], [3, 4]]``."""
    given = value.detach() if hasattr(value, "detach") else value
    try:
        array = np.asarray(given.numpy() if hasattr(given, "numpy") else given, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, a vector or a matrix, but got {value!r:.60}") from None
    if array.ndim > 2 or not array.size or not np.isfinite(array).all():
        raise ValueError(f"{name} must be a number, a vector or a matrix of finite numbers, but got {value!r:.60}")

    def written(part: Any) -> str:
        if isinstance(part, list):
            return f"[{', '.join(map(written, part))}]"
        return number_text(part, 8).replace("−", "-")

    return written(array.tolist())


class Sandbox(Static):
    """An editable page as an output of a notebook, or as a file."""

    def __init__(self, expression: str, values: Mapping[str, Any]) -> None:
        self._page = sandbox_page(expression, values)
        super().__init__("Write an expression", self._page, "")
        self.expression = expression

    def save(self, path: str | Path) -> Path:
        """Save it as one HTML file, which works from a disk, a mail or any web server."""
        return write_file(path, self._page)

    def __repr__(self) -> str:
        return f"Sandbox({self.expression!r})"


def sandbox(expression: str = USUAL, /, **values: Any) -> Sandbox:
    """Show a page in which one writes an expression and gets its graph, forward and back.

    Parameters
    ----------
    expression
        What stands there at first: names, numbers, matrices such as ``[[1, 2], [3, 4]]``, ``+ - * / ** @``, brackets, and functions
        such as ``tanh``, ``exp``, ``relu``, ``sum`` and ``mean``.
    **values
        Of the names in it: numbers, vectors, matrices. A name without one gets some number.

    Returns
    -------
    Sandbox
        Shows itself in a notebook; ``.save("sandbox.html")`` writes it as a page that needs no server and no Python.

    Examples
    --------
    >>> import gradviz as gv
    >>> gv.sandbox("tanh(w*x + b)", w=0.5, x=1.0, b=0.1)
    Sandbox('tanh(w*x + b)')
    """
    return Sandbox(expression, values)


_STYLE = """\
.gs-stage { --gradviz-height: max(300px, calc(100vh - 264px)); --gradviz-least: var(--gradviz-height); }
"""
