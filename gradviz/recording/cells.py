"""Which lines of a marimo notebook are the learner's: such a file holds each cell in a function of marimo's making."""

from __future__ import annotations

import ast
import linecache
from functools import lru_cache
from typing import NamedTuple


class Cell(NamedTuple):
    """The lines of a cell, from 1 and inclusive, and by how many characters marimo has indented them."""

    first: int
    last: int
    indent: int


def cells_of(file: str) -> tuple[Cell, ...]:
    """Return the cells in a file, in order; none if it is no marimo notebook."""
    lines = linecache.getlines(file)
    if not any(line.startswith("@app.cell") for line in lines):
        return ()
    return _cells("".join(lines))


@lru_cache(maxsize=16)
def _cells(text: str) -> tuple[Cell, ...]:
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ()
    found = []
    for part in module.body:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and any(map(_makes_a_cell, part.decorator_list)):
            body = part.body[:-1] if isinstance(part.body[-1], ast.Return) else part.body
            if body:
                found.append(Cell(body[0].lineno, body[-1].end_lineno or body[-1].lineno, body[0].col_offset))
    return tuple(found)


def _makes_a_cell(decorator: ast.expr) -> bool:
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(named, ast.Attribute) and named.attr == "cell"
