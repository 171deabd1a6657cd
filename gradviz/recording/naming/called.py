"""What the tensors of a graph are called: columns, one place for each."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from gradviz.engine.notation import binding

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Name(NamedTuple):
    """What one tensor is called: see `Called`."""

    text: str
    named: bool = True
    number: bool = False
    form: str = ""
    viewed: tuple[int, ...] = ()


class Called:
    """What each tensor is called.

    Parameters
    ----------
    count
        How many there are.

    Attributes
    ----------
    texts
        Its name; ``None`` for one that has none yet.
    named
        Whether that is a name of the learner's own (or a number), and not composed.
    numbers
        Whether it is just a number, which is called by what it is.
    forms
        Of few: how it differs from the tensor of that name, as a card says it and formulas do not: ``", reshaped"``.
    viewed
        The shape of that tensor, if it has the same entries in the same order.
    """

    __slots__ = ("forms", "named", "numbers", "texts", "viewed")

    def __init__(self, count: int) -> None:
        self.texts: list[str | None] = [None] * count
        self.named = [True] * count
        self.numbers = bytearray(count)
        self.forms: dict[int, str] = {}
        self.viewed: dict[int, tuple[int, ...]] = {}

    def give(self, tensor: int, name: Name) -> None:
        """Call a tensor by a name."""
        self.texts[tensor], self.named[tensor], self.numbers[tensor] = name[:3]
        if name.form or name.viewed:
            self.forms[tensor], self.viewed[tensor] = name.form, name.viewed

    def name(self, tensor: int) -> str:
        """Return the name of a tensor that has one."""
        text = self.texts[tensor]
        assert text is not None
        return text

    def copy(self) -> Called:
        """Return the same for a draft: what is said besides names is not read there."""
        other = Called(0)
        other.texts, other.named = self.texts[:], self.named[:]
        return other


def counted(name: str, count: int) -> str:
    """Tell a tensor from others of its name: the first one is ``h⁽⁰⁾``.

    Examples
    --------
    >>> counted("h", 0), counted("w·x", 12)
    ('h⁽⁰⁾', '(w·x)⁽¹²⁾')
    """
    return f"{_atom(name)}⁽{str(count).translate(_RAISED)}⁾"


@lru_cache(maxsize=256)
def _atom(name: str) -> str:
    return name if binding(name) >= binding("x") else f"({name})"


def uncounted(name: str) -> str:
    """Return a name without its count: ``"h"`` of ``"h⁽¹⁾"``."""
    start, mark, _ = name.rpartition("⁽")
    return start if mark and name.endswith("⁾") else name
