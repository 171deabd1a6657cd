"""Where a tensor was cut off from what it was computed from: as far as a watch has seen it, in the words of the engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from gradviz.pytorch.seen import Origin, Seen, Source, is_argument

if TYPE_CHECKING:
    from gradviz.pytorch.watch import Watch

SIGNS = {"gt": ">", "lt": "<", "ge": ">=", "le": "<=", "eq": "==", "ne": "!="}
CHOICES = {"argmax", "argmin"}


class CutOff(NamedTuple):
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


def cut_off_in(watch: Watch) -> Mapping[int, CutOff]:
    """Return where a watch saw tensors being cut off, by the ``id`` of what it keeps of their values."""
    return dict(_cut_off(watch))


def _cut_off(watch: Watch) -> Iterator[tuple[int, CutOff]]:
    for together in watch.operations.values():
        for seen in together:
            found = None if isinstance(seen.function, type) else _kind(seen)
            first = seen.arguments[0] if seen.arguments else None
            if found is not None and first is not None and is_argument(first):
                source, numbers = first
                yield id(seen.results), CutOff(*found, seen.origin, source, numbers)


def _kind(seen: Seen) -> tuple[str, str] | None:
    name = seen.function._schema.name.partition("::")[2]
    if name == "detach":
        return "detach", "detach"
    if name in SIGNS:
        return "comparison", SIGNS[name]
    return ("choice", name) if name in CHOICES else None
