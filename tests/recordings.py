"""Two recordings of one computation, field by field: where they say something else, and where their numbers differ."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from gradviz.engine import numerals
from gradviz.recording.model import Equation, Part, Pixels, RecordedOperation, Recording, Summary, Value
from gradviz.recording.pixels import matrices_in

CLOSE, LITTLE = 1e-5, 1e-6
"""Numbers are equal within this much of them, or of the largest entry of their tensor."""

HALF = 1e-3
"""How near two numbers are that were kept with half the digits, or are statistics of many."""

NUMERAL = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e−?\d+)?")

Difference = tuple[str, Any, Any]
"""Where, and what stands there in the first and in the other."""

SPELLED = {"ReshapeAliasBackward0": "ViewBackward0"}
"""Under a watch PyTorch's `reshape` makes a view where it else makes an alias: one formula under two names."""


def nodes(recording: Recording) -> list[str | None]:
    """Return the names of a recording's operations, as they are under a watch."""
    return [SPELLED.get(one.grad_fn or "", one.grad_fn) for one in recording.graph.operations]


def alike_at_the_leaves(mine: Recording, theirs: Recording) -> Iterator[Difference]:
    """Compare what two different graphs have in common: the result, and the gradients of leaves of the same name."""
    found = []
    for recording in (mine, theirs):
        end, graph = recording.at(), recording.graph
        leaves = {
            graph.tensor(id).name: one.value for id, one in end.gradients.items() if not graph.tensor(id).producer
        }
        result = next(one.id for one in graph.tensors if one.role == "output")
        found.append({**leaves, "the result": end.values[result]})
    yield from _differ("leaves", tuple(sorted(found[0])), tuple(sorted(found[1])))
    for name in found[0].keys() & found[1].keys():
        yield from _values(name, found[0][name], found[1][name])


def differences(mine: Recording, theirs: Recording) -> Iterator[Difference]:
    """Go through everything in which two recordings differ, but for who made them."""
    mine, theirs = _numbered(mine), _numbered(theirs)
    first, other = mine.graph, theirs.graph
    if nodes(mine) != nodes(theirs):
        yield "operations", nodes(mine), nodes(theirs)
        return
    kinds = {one.id: f"{one.grad_fn}" for one in first.operations}
    for field in ("operations", "tensors", "modules", "calls", "code"):
        yield from _parts(field, getattr(first, field), getattr(other, field))
    if mine.title != theirs.title:
        yield from _texts("title", mine.title, theirs.title)
    if len(mine.frames) != len(theirs.frames):
        yield "frames", [one.current for one in mine.frames], [one.current for one in theirs.frames]
        return
    for place, (one, its) in enumerate(zip(mine.frames, theirs.frames, strict=True)):
        yield from _differ(f"frame {place} {one.phase} {kinds.get(one.current, one.current)}", one, its)


def _numbered(recording: Recording) -> Recording:
    """Number the operations anew, in their order: PyTorch counts some that it makes and drops. And spell them alike."""
    order = sorted(recording.graph.operations, key=lambda one: one.sequence)
    places = {one.id: place for place, one in enumerate(order)}

    def alike(one: RecordedOperation) -> RecordedOperation:
        words = {"grad_fn": SPELLED[one.grad_fn], "name": "view"} if one.grad_fn in SPELLED else {}
        return dataclasses.replace(one, sequence=places[one.id], **words)

    operations = tuple(map(alike, recording.graph.operations))
    return dataclasses.replace(recording, graph=dataclasses.replace(recording.graph, operations=operations))


def _parts(where: str, first: Any, other: Any) -> Iterator[Difference]:
    if len(first) != len(other):
        yield f"{where}, how many", first, other
        return
    for place, (one, its) in enumerate(zip(first, other, strict=True)):
        yield from _differ(f"{where}[{place}] {getattr(one, 'grad_fn', '')}".strip(), one, its)


def _differ(where: str, first: Any, other: Any) -> Iterator[Difference]:
    if type(first) is not type(other):
        yield where, first, other
    elif isinstance(first, Value):
        yield from _values(where, first, other)
    elif isinstance(first, Summary):
        yield from _summaries(where, first, other)
    elif isinstance(first, Pixels):
        if first.shape != other.shape or not _near(matrices_in(first), matrices_in(other), HALF):
            yield where, first, other
    elif isinstance(first, Equation):
        yield from _equations(where, first, other)
    elif dataclasses.is_dataclass(first):
        for field in dataclasses.fields(first):
            if field.compare:
                yield from _differ(f"{where}.{field.name}", getattr(first, field.name), getattr(other, field.name))
    elif isinstance(first, tuple):
        if len(first) > 8 and all(isinstance(one, int | float) for one in (*first, *other)):
            if not _near(np.array(first, float), np.array(other, float)):
                yield where, first, other
            return
        if len(first) != len(other):
            yield where, first, other
            return
        for place, (one, its) in enumerate(zip(first, other, strict=True)):
            yield from _differ(f"{where}[{place}]", one, its)
    elif isinstance(first, float):
        if not _near(np.array(first), np.array(other)):
            yield where, first, other
    elif isinstance(first, str):
        yield from _texts(where, first, other)
    elif first != other:
        yield where, first, other


def _values(where: str, first: Value, other: Value) -> Iterator[Difference]:
    if (first.shape, first.dtype) != (other.shape, other.dtype):
        yield where, (first.shape, first.dtype), (other.shape, other.dtype)
        return
    if (first.data is None) != (other.data is None):
        yield f"{where}: kept", first.data is not None, other.data is not None
    elif first.data is not None:
        one, its = np.array(first.data, float), np.array(other.data, float)
        dust = [*first.dust, *other.dust]  # rounding error and nothing else, which is another's
        one[dust] = its[dust] = 0
        if not _near(one, its):
            yield f"{where}: numbers", first.data, other.data
    for field in ("summary", "preview", "image"):
        yield from _differ(f"{where}.{field}", getattr(first, field), getattr(other, field))


def _summaries(where: str, first: Summary, other: Summary) -> Iterator[Difference]:
    scale = max(abs(first.min), abs(first.max))
    for field in ("mean", "sd", "min", "max"):
        one, its = getattr(first, field), getattr(other, field)
        if abs(one - its) > CLOSE * max(scale, abs(its)):
            yield f"{where}.{field}", one, its
    if (first.zeros, first.nans, first.infs) != (other.zeros, other.nans, other.infs):
        yield where, first, other


def _near(first: Any, other: Any, close: float = CLOSE) -> bool:
    if first.shape != other.shape:
        return False
    finite = np.abs(other[np.isfinite(other)])
    least = LITTLE * finite.max() if finite.size else 0.0
    return bool(np.allclose(first, other, rtol=close, atol=least, equal_nan=True))


# --- texts -----------------------------------------------------------------------------------------------------------


def _equations(where: str, first: Equation, other: Equation) -> Iterator[Difference]:
    """Compare lines. A number that was rounded may be printed with one more in its last digit, and ``=`` be ``≈`` then."""
    for field in ("kind", "argument"):
        if getattr(first, field) != getattr(other, field):
            yield f"{where}.{field}", getattr(first, field), getattr(other, field)
    yield from _texts(f"{where}.text", first.text.replace("≈", "="), other.text.replace("≈", "="))
    sides = [[[_of_part(part) for part in side] for side in one.sides] for one in (first, other)]
    if sides[0] != sides[1]:
        yield f"{where}.sides", *sides
        return
    for one, its in zip((p for s in first.sides for p in s), (p for s in other.sides for p in s), strict=True):
        yield from _texts(f"{where}.part", one.text, its.text)
        yield from _differ(f"{where}.part {one.text}", one.value, its.value)


def _of_part(part: Part) -> tuple[Any, ...]:
    return part.kind, part.tensor, part.role, part.transposed, part.covers


def _texts(where: str, first: str, other: str) -> Iterator[Difference]:
    if first == other or SPELLED.get(first, first) == other:
        return
    if NUMERAL.sub("#", first) != NUMERAL.sub("#", other) or not all(
        _as_printed(one, its) for one, its in zip(NUMERAL.findall(first), NUMERAL.findall(other), strict=True)
    ):
        yield where, first, other


def _as_printed(first: str, other: str) -> bool:
    one, its = (numerals.read(text) for text in (first, other))
    return math.isclose(one, its, rel_tol=2e-3, abs_tol=1e-9)
