"""What a program of PyTorch's says of itself in its lines, where PyTorch itself remembers nothing: who was switched, cleared or made where."""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Callable, Iterable, Iterator
from types import CodeType

from gradviz.finding.lines import statements
from gradviz.pytorch.seen import Origin

OFF = ("no_grad", "inference_mode", "set_grad_enabled")
"""What switches recording off."""


def origin_at(file: str, number: int) -> Origin:
    """Return an instruction that stands in a line of a file."""
    return compile("\n" * (number - 1) + "x", file, "exec"), 2


def line_number(origin: Origin) -> int:
    """Return the line of an instruction."""
    code, offset = origin
    for start, end, number in code.co_lines():
        if start <= offset < end and number is not None:
            return number
    return code.co_firstlineno


def code_at(origin: Origin) -> str:
    """Return what stands in the line of an instruction."""
    return linecache.getline(origin[0].co_filename, line_number(origin))


def switched_off(lines: tuple[Origin, ...]) -> tuple[Origin, str]:
    """Return where the block or function begins in which nothing was recorded, and what it is called.

    Parameters
    ----------
    lines
        The line that ran, and those that called it: the block may stand around one of them.
    """
    for origin in lines:
        file, number = origin[0].co_filename, line_number(origin)
        for one in sorted(statements(file), key=lambda node: -node.lineno):
            first = min([one.lineno, *(each.lineno for each in getattr(one, "decorator_list", ()))])
            if not first <= number <= (one.end_lineno or one.lineno):
                continue
            heads: list[ast.expr] = list(getattr(one, "decorator_list", ()))
            if isinstance(one, ast.With):
                heads = [item.context_expr for item in one.items]
            for head in heads:
                told = ast.unparse(head)
                if (word := next((word for word in OFF if word in told), "")) != "":
                    return origin_at(file, first), word
    return lines[0], "no_grad"


class Program:
    """The lines of a file, asked for what they do to a variable.

    Parameters
    ----------
    file
        Its path, or a notebook's cell.
    """

    def __init__(self, file: str) -> None:
        self.file = file

    def switched(self, name: str, *, on: bool) -> Origin | None:
        """Return where a tensor was told to want a gradient, or to want none."""
        text = "True" if on else "False"
        called = re.compile(
            rf"{re.escape(name)}\.requires_grad_\((|requires_grad=|mode=){'' if on else text}({text})?\)"
        )
        given = re.compile(rf"{re.escape(name)}\.requires_grad = {text}")
        return self._last(lambda told: bool(called.search(told) or given.search(told)))

    def cleared(self, name: str) -> Origin | None:
        """Return where a gradient was taken away."""
        own = re.compile(rf"{re.escape(name)}\.grad = None|del {re.escape(name)}\.grad")
        return self._last(lambda told: bool(own.search(told))) or self._last(lambda told: ".zero_grad(" in told)

    def left_for_numpy(self, name: str, codes: Iterable[CodeType]) -> Origin | None:
        """Return where the numbers of a tensor left for NumPy, by an instruction of one of some code objects."""
        left = re.compile(rf"\b{name}(\.detach\(\)|\.cpu\(\)|\.data)*\.numpy\(|np\.\w+\({name}[,)]")
        lines = [number for number, told in self._simple() if left.search(told)]
        for code in dict.fromkeys(codes) if lines else ():
            for start, _, number in code.co_lines():
                if code.co_filename == self.file and number in lines:
                    return code, start
        return None

    def assigned(self, name: str) -> Origin | None:
        """Return where something was last given a name."""
        return self._last(lambda told: re.match(rf"{re.escape(name)}(: [^=]+)? = ", told) is not None)

    def _last(self, fits: Callable[[str], bool]) -> Origin | None:
        found = [number for number, told in self._simple() if fits(told)]
        return origin_at(self.file, max(found)) if found else None

    def _simple(self) -> Iterator[tuple[int, str]]:
        """Go through the statements that have no others inside."""
        for one in statements(self.file):
            if not hasattr(one, "body"):
                yield one.lineno, ast.unparse(one)
