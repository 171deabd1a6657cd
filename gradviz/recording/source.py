"""Where an operation was written, and the lines around it."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Iterator
from types import CodeType
from typing import Any

from gradviz.recording.cells import Cell, cells_of
from gradviz.recording.model import Code, Source

CONTEXT = 6
"""Lines shown before an operation, where its tensors are made."""

SHORT_FILE = 40
"""A file (or notebook cell) of up to this many lines is shown whole."""

MOST_LINES = 60

Origin = tuple[int, int]
"""The identity of a code object, and the offset of an instruction in it."""


class Places:
    """Finds where operations were written: each place is looked up once, however many operations ran there."""

    def __init__(self) -> None:
        self._positions: dict[int, tuple[CodeType, list[tuple[int | None, ...]]]] = {}
        self._sources: dict[Origin, Source | None] = {}
        self._lines: dict[str, set[int]] = {}

    def source(self, origin: tuple[CodeType, int]) -> Source | None:
        """Find the line and columns of one instruction.

        Parameters
        ----------
        origin
            A code object and the offset of an instruction in it, as a node remembers them.

        Returns
        -------
        Source or None
            ``None`` where Python has no line for it.
        """
        code, offset = origin
        place = id(code), offset  # code is compared by all that is in it, which takes long
        if place not in self._sources:
            self._sources[place] = self._found(code, offset)
        return self._sources[place]

    def _found(self, code: CodeType, offset: int) -> Source | None:
        if id(code) not in self._positions:
            self._positions[id(code)] = code, list(code.co_positions())
        positions = self._positions[id(code)][1]
        line, end_line, column, end_column = positions[offset // 2] if offset // 2 < len(positions) else (None,) * 4
        if line is None:
            return None
        file = code.co_filename
        self._lines.setdefault(file, set()).add(line)
        return Source(
            shown_name(file), line, _characters(file, line, column), end_line, _characters(file, end_line, end_column)
        )

    def code(self) -> tuple[Code, ...]:
        """Collect the stretches of source in which the operations were written, each file's in order.

        Operations near each other share a stretch; one that spans too many lines is cut.
        """
        return tuple(stretch for file, lines in self._lines.items() for stretch in _stretches(file, lines))


def _characters(file: str, line: int | None, bytes_before: int | None) -> int | None:
    """Python counts columns in bytes of UTF-8; a reader counts characters."""
    if line is None or bytes_before is None:
        return None
    text = linecache.getline(file, line)
    before = len(text.encode()[:bytes_before].decode(errors="ignore")) if text else bytes_before
    indent = next((cell.indent for cell in cells_of(file) if cell.first <= line <= cell.last), 0)
    return max(before - indent, 0)


def shown_name(file: str) -> str:
    """Name a file without telling where it lies: a saved recording is handed around."""
    if file.startswith("<ipython-input") or f"{os.sep}ipykernel_" in file:
        return _cell_name(file)
    if "__marimo__cell_" in file:
        return "cell"
    return os.path.basename(file)


def _cell_name(file: str) -> str:
    """Name a notebook cell as the notebook does: ``In[5]``."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    try:
        return shell.compile.format_code_name(file)[1]
    except (AttributeError, TypeError, IndexError):  # no shell any more, or one that keeps no such list
        return f"cell {os.path.basename(file).removesuffix('.py')}"


def _stretches(file: str, written: set[int]) -> Iterator[Code]:
    text = linecache.getlines(file)
    cells = cells_of(file) or [Cell(1, len(text), 0)]
    for cell in cells:
        wanted = set(range(cell.first, cell.last + 1))
        if len(text) > SHORT_FILE or len(cells) > 1:
            wanted &= {near for line in written for near in range(line - CONTEXT, line + 2)}
        yield from _shown(file, [line[cell.indent :] for line in text], wanted)


def _shown(file: str, text: list[str], wanted: set[int]) -> Iterator[Code]:
    for first, last in _runs(sorted(wanted)):
        last = min(last, first + MOST_LINES - 1)
        kept = [line.rstrip("\n") for line in text[first - 1 : last]]
        while kept and not kept[0].strip():
            kept.pop(0)
            first += 1
        while kept and not kept[-1].strip():
            kept.pop()
        if kept:
            yield Code(shown_name(file), first, tuple(kept))


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Join numbers that follow each other, with small gaps, into stretches."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number - runs[-1][1] <= 3:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
