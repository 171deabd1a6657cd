"""Lines of the user's program, as an answer quotes them."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from gradviz.engine.cut import Origin
from gradviz.recording.source import Places, shown_name

MOST_JOINED = 12
"""A statement of more lines than this is quoted by its first."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the program.

    Attributes
    ----------
    file
        As it is shown: without the folder, a notebook's cell as ``In[5]``.
    number
        The number of the line; of a statement over several lines that of the first.
    code
        What stands there, on one line.
    """

    file: str
    number: int
    code: str

    @property
    def where(self) -> str:
        """Say which line it is; of a program without a file by its number alone."""
        return f"line {self.number}" if self.file.startswith("<") else f"line {self.number} of {self.file}"

    def __str__(self) -> str:
        return f"{self.where}:  {self.code}" if self.code else self.where


def line_of(origin: Origin | None) -> Line | None:
    """Return the line of an instruction; ``None`` where Python knows none."""
    if origin is None:
        return None
    source = Places().source(origin)
    if source is None:
        return None
    file = origin[0].co_filename
    first, code = statement(file, source.line)
    return Line(shown_name(file), first, code)


def statement(file: str, number: int) -> tuple[int, str]:
    """Return the number of the line where a statement begins, and the statement on one line; of a block its head."""
    found = [one for one in statements(file) if one.lineno <= number <= _end(one)]
    if not found:
        return number, linecache.getline(file, number).strip()
    one = max(found, key=lambda node: node.lineno)
    first = one.lineno
    if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and one.decorator_list:
        first = min(first, *(each.lineno for each in one.decorator_list))
    last = min(_end(one), first + MOST_JOINED)
    lines = [linecache.getline(file, n).strip() for n in range(first, last + 1)]
    return first, " ".join(line for line in lines if line)


def _end(node: ast.stmt) -> int:
    """Return the last line of a statement; of one with a body, of what stands before that."""
    body = getattr(node, "body", None)
    if isinstance(body, list) and body:
        decorated = getattr(body[0], "decorator_list", None)
        return max(min(body[0].lineno, *(each.lineno for each in decorated or [body[0]])) - 1, node.lineno)
    return node.end_lineno or node.lineno


@lru_cache(maxsize=32)
def _parsed(text: str) -> tuple[ast.stmt, ...]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    return tuple(node for node in ast.walk(tree) if isinstance(node, ast.stmt))


def statements(file: str) -> tuple[ast.stmt, ...]:
    """Return all statements of a file, those inside of others too."""
    return _parsed("".join(linecache.getlines(file)))


def assignments(file: str, name: str) -> Iterator[int]:
    """Go through the lines of a file in which a variable is assigned to."""
    for one in statements(file):
        targets = one.targets if isinstance(one, ast.Assign) else [one.target] if isinstance(one, ast.AnnAssign) else []
        if any(isinstance(node, ast.Name) and node.id == name for target in targets for node in ast.walk(target)):
            yield one.lineno


def replaces_itself(code: str) -> str:
    """Return the name that a line gives to something new made of what had it: ``w`` of ``w = w - lr * w.grad``."""
    for one in _parsed(code):
        if isinstance(one, ast.Assign) and len(one.targets) == 1:
            target = ast.unparse(one.targets[0])
            if any(
                isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) == target
                for node in ast.walk(one.value)
            ):
                return target
    return ""
