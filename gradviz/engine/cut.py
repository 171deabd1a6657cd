"""Where a tensor was cut off from its past, and what became of gradients: kept for whoever asks later why none came.

Everything here is weak or small: a `Cut` holds a line and a weak reference, of numbers that left the graph the last few are
known, and nothing keeps a graph alive. An operation that is recorded pays nothing for it.
"""

from __future__ import annotations

import sys
import threading
from typing import Any
from weakref import ref

from gradviz.engine.scope import line_above

Origin = tuple[Any, int]
"""A code object, and the offset of an instruction in it: a line of the program."""

MOST_ESCAPES = 128
"""Of so many lines it is known that numbers left the graph there."""


def line() -> Origin | None:
    """Return the line of the program that called into this package."""
    return line_above(sys._getframe(2))


class Cut:
    """Why and where no gradient goes back from a tensor.

    Attributes
    ----------
    kind
        What cut: ``"detach"``, ``"no_grad"``, ``"data"``, ``"tensor"``, ``"integers"``, ``"choice"``, ``"comparison"``,
        ``"item"``, ``"numpy"``, ``"parameter"``.
    word
        What was written, where several words do the same: ``"argmax"``.
    origin
        The line; of a `no_grad` block or function, where it begins.
    source
        What it was cut off from, as long as it is there.
    value
        Of a number that left the graph: the number.
    """

    __slots__ = ("kind", "origin", "source", "value", "word")

    def __init__(self, kind: str, origin: Origin | None, source: Any = None, word: str = "", value: Any = None) -> None:
        self.kind, self.origin, self.word, self.value = kind, origin, word or kind, value
        self.source = None if source is None else ref(source)


def cut(out: Any, kind: str, source: Any, word: str = "") -> Any:
    """Note with a tensor that it was cut off from another, if a gradient would have had a way there; return it."""
    if source._requires_grad:
        out._cut = Cut(kind, line(), source, word)
    elif source._cut is not None:
        out._cut = source._cut
    return out


def passed_on(out: Any, inputs: tuple[Any, ...]) -> Any:
    """Note with a result that needs no gradient what its arguments were cut off from; return it."""
    for one in inputs:
        found = getattr(one, "_cut", None)
        if found is not None:
            out._cut = found
            break
    return out


escapes: dict[tuple[int, int], Cut] = {}
"""The last numbers that left the graph, by the line that took them (its code by identity: it is compared by all that is in it)."""


def escaped(source: Any, kind: str, value: Any = None) -> None:
    """Note that a tensor's numbers leave the graph as plain numbers, which know nothing of it."""
    if not source._requires_grad and source._cut is None:
        return
    origin = line()
    if origin is None:
        return
    place = id(origin[0]), origin[1]
    escapes.pop(place, None)
    escapes[place] = Cut(kind, origin, source, value=value)
    if len(escapes) > MOST_ESCAPES:
        escapes.pop(next(iter(escapes)), None)


class _Happened(threading.local):
    """In which order things happened in this thread; and its last ``backward()``.

    Attributes
    ----------
    count
        How much has happened: each backward pass, each step of an optimiser and each gradient taken away counts one.
    last
        When the last ``backward()`` was.
    output, origin
        What it started from (weakly), and in which line.
    """

    count = last = 0
    output: ref[Any] | None = None
    origin: Origin | None = None

    def next(self) -> int:
        """Count one thing more."""
        self.count += 1
        return self.count

    def backward(self, output: Any) -> None:
        """Note one."""
        self.last, self.output, self.origin = self.next(), ref(output), line()


happened = _Happened()


def forgotten(leaf: Any, origin: Origin | None) -> None:
    """Note with a leaf that the gradient it had was taken away: in which line, and when."""
    leaf._forgotten = origin, happened.next()
