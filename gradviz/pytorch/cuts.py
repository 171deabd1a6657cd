"""Where a tensor was cut off from what it was computed from: as far as a watch has seen it, in the words of the engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gradviz.pytorch.watch import Origin, Seen, Source, Watch

SIGNS = {"gt": ">", "lt": "<", "ge": ">=", "le": "<=", "eq": "==", "ne": "!="}
CHOICES = {"argmax", "argmin"}


class Cut(NamedTuple):
    """Why no gradient goes back from a tensor.

    Attributes
    ----------
    kind, word
        See `gradviz.engine.cut.Cut`.
    origin
        The line.
    source, numbers
        What it was cut off from, and what stood in that.
    """

    kind: str
    word: str
    origin: Origin
    source: Source
    numbers: Any


def cuts_in(watch: Watch) -> Mapping[int, Cut]:
    """Return where a watch saw tensors being cut off, by the ``id`` of what it keeps of their values."""
    return dict(_cuts(watch))


def _cuts(watch: Watch) -> Iterator[tuple[int, Cut]]:
    for together in watch.operations.values():
        for seen in together:
            found = None if isinstance(seen.function, type) else _kind(seen)
            first = seen.arguments[0] if seen.arguments else None
            if found is not None and isinstance(first, tuple) and isinstance(first[0], Source):
                yield id(seen.results), Cut(*found, seen.origin, *first)


def _kind(seen: Seen) -> tuple[str, str] | None:
    name = seen.function._schema.name.partition("::")[2]
    if name == "detach":
        return "detach", "detach"
    if name in SIGNS:
        return "comparison", SIGNS[name]
    return ("choice", name) if name in CHOICES else None
