"""Where an operation was written, and the lines around it."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Iterable
from itertools import islice
from types import CodeType
from typing import Any

from gradviz.recording.model import Code, Source

CONTEXT = 6
"""Lines shown before an operation, where its tensors are made."""

SHORT_FILE = 40
"""A file (or notebook cell) of up to this many lines is shown whole."""

MOST_LINES = 60


def source_of(origin: tuple[CodeType, int]) -> Source | None:
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
    line, end_line, column, end_column = next(islice(code.co_positions(), offset // 2, None), (None,) * 4)
    if line is None:
        return None
    return Source(
        shown_name(code.co_filename),
        line,
        _characters(code.co_filename, line, column),
        end_line,
        _characters(code.co_filename, end_line, end_column),
    )


def _characters(file: str, line: int | None, bytes_before: int | None) -> int | None:
    """Python counts columns in bytes of UTF-8; a reader counts characters."""
    if line is None or bytes_before is None:
        return None
    text = linecache.getline(file, line)
    return len(text.encode()[:bytes_before].decode(errors="ignore")) if text else bytes_before


def shown_name(file: str) -> str:
    """Name a file without telling where it lies: a saved recording is handed around."""
    if file.startswith("<ipython-input") or f"{os.sep}ipykernel_" in file:
        return _cell_name(file)
    return os.path.basename(file)


def _cell_name(file: str) -> str:
    """Name a notebook cell as the notebook does: ``In[5]``."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    try:
        return shell.compile.format_code_name(file)[1]
    except (AttributeError, TypeError, IndexError):  # no shell any more, or one that keeps no such list
        return f"cell {os.path.basename(file).removesuffix('.py')}"


def code_of(origins: Iterable[tuple[CodeType, int]]) -> tuple[Code, ...]:
    """Collect the stretches of source in which operations were written, each file's in order.

    Operations near each other share a stretch; one that spans too many lines is cut.
    """
    lines: dict[str, set[int]] = {}
    for code, offset in origins:
        line = next(islice(code.co_positions(), offset // 2, None), (None,))[0]
        if line is not None:
            whole = len(linecache.getlines(code.co_filename))
            stretch = range(max(line - CONTEXT, 1), line + 2) if whole > SHORT_FILE else range(1, whole + 1)
            lines.setdefault(code.co_filename, set()).update(stretch)
    stretches = []
    for file, wanted in lines.items():
        text = linecache.getlines(file)
        for first, last in _runs(sorted(number for number in wanted if number <= len(text))):
            last = min(last, first + MOST_LINES - 1)
            kept = [line.rstrip("\n") for line in text[first - 1 : last]]
            while kept and not kept[0].strip():
                kept.pop(0)
                first += 1
            while kept and not kept[-1].strip():
                kept.pop()
            if kept:
                stretches.append(Code(shown_name(file), first, tuple(kept)))
    return tuple(stretches)


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Join numbers that follow each other, with small gaps, into stretches."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number - runs[-1][1] <= 3:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
