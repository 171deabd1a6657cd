"""The strip of the whole under the picture: a bar for each operation, grouped by module."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from gradviz.drawing import Drawing
from gradviz.player.insides import Inside, Insides
from gradviz.recording.folding import as_written
from gradviz.recording.model import Graph, Recording, Value

MOST_BARS, MOST_GROUPS = 240, 24
"""So many have room."""

LEAST = 12
"""A computation of fewer operations is seen at a glance without it."""


def overview(drawing: Drawing, insides: Insides) -> dict[str, Any] | None:
    """Return the strip as plain JSON data; ``None`` where there is too little to need one.

    Parameters
    ----------
    drawing
        Of the whole.
    insides
        Its pictures.

    Returns
    -------
    dict
        ``groups``, each with its ``label``, the ``inside`` that shows it, the ``count`` of its operations, and ``bars``: when its operation is computed, when it
        passes its gradient on, and the power of ten of the gradient that comes back to it; and between which powers, ``low`` and
        ``high``, all are.
    """
    recording = as_written(drawing.recording)
    graph = recording.graph
    if len(graph.operations) < LEAST or not graph.modules:
        return None
    sizes = _sizes(recording)
    when = insides.moments
    stride = -(-len(graph.operations) // MOST_BARS)
    opened = {id: key for key, fold in insides[""].folds.items() if fold.block for id in fold.block.inside}
    groups: list[dict[str, Any]] = []
    for label, members in labelled(graph):
        bars = []
        for start in range(0, len(members), stride):
            some = members[start : start + stride]
            norms = [sizes[id] for id in some if id in sizes]
            forward = [when[place] for id in some if (place := ("forward", id)) in when]
            back = [when[place] for id in some if (place := ("backward", id)) in when]
            bars.append([min(forward, default=0), max(back, default=-1), round(max(norms), 2) if norms else None])
        inside = opened.get(members[0], "")
        groups.append({"label": label, "inside": inside, "count": len(members), "bars": bars})
    known = sorted(bar[2] for group in groups for bar in group["bars"] if bar[2] is not None)
    # A few that are next to nothing would make all others equal.
    low, high = (math.floor(known[len(known) // 20]), math.ceil(known[-1])) if known else (0, 0)
    return {"groups": groups, "low": low, "high": max(high, low + 1) if known else 0}


def labelled(graph: Graph) -> list[tuple[str, list[str]]]:
    """Return a graph's operations, in order, by the part of the model that they belong to: its name and their ids.

    The parts are the modules of the outermost level at which there are several.
    """
    paths = [(operation.block.path if operation.block else "") or operation.module for operation in graph.operations]
    common = _common([path.split(".") for path in paths if path])
    names = [_part(path, common) for path in paths]
    groups: list[tuple[str, list[str]]] = []
    for name, members in groupby(zip(names, graph.operations, strict=True), key=lambda pair: pair[0]):
        operations = [operation for _, operation in members]
        label = name or graph.tensor(operations[-1].outputs[-1]).name if operations[-1].outputs else name
        groups.append(
            (label if len(label) <= 24 else operations[-1].symbol, [operation.id for operation in operations])
        )
    return _fewer(groups)


def _common(paths: list[list[str]]) -> int:
    """How many of the first names all paths share."""
    shared = 0
    longest = min((len(path) for path in paths), default=0)
    while shared < longest and len({path[shared] for path in paths}) == 1:
        shared += 1
    return shared


def _part(path: str, common: int) -> str:
    names = path.split(".") if path else []
    return ".".join(names[common : common + 1])


def _fewer(groups: list[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    """Put neighbours together until there is room for their names."""
    stride = -(-len(groups) // MOST_GROUPS)
    if stride <= 1:
        return groups
    found = []
    for start in range(0, len(groups), stride):
        some = groups[start : start + stride]
        label = some[0][0] if len(some) == 1 else f"{some[0][0]} … {some[-1][0]}"
        found.append((label, [id for _, ids in some for id in ids]))
    return found


def _sizes(recording: Recording) -> dict[str, float]:
    """Return the power of ten of the norm of the gradient that arrives at each operation, by its id."""
    maker = {output: operation.id for operation in recording.graph.operations for output in operation.outputs}
    squares: dict[str, float] = {}
    for frame in recording.frames:
        for gradient in frame.gradients:
            if gradient.complete and gradient.tensor in maker:
                squares[gradient.tensor] = _square(gradient.value)
    norms: dict[str, float] = {}
    for tensor, square in squares.items():
        norms[maker[tensor]] = norms.get(maker[tensor], 0.0) + square
    return {id: math.log10(square) / 2 for id, square in norms.items() if 0 < square < math.inf}


def _square(value: Value) -> float:
    if value.data is not None:
        return math.hypot(*value.data) ** 2 if value.data else 0.0
    if value.summary is None:
        return 0.0
    return (value.summary.mean**2 + value.summary.sd**2) * math.prod(value.shape)


def groups(one: Inside) -> list[list[Any]]:
    """Return, for the track of a picture, how many steps one after the other belong to a part of the model."""
    shown = one.drawing.shown
    part = {id: label for label, members in labelled(shown.graph) for id in members}
    if not shown.graph.modules and not any(operation.block for operation in shown.graph.operations):
        return []
    names: list[str | None] = [part.get(frame.current) for frame in shown.frames]
    return [[label, len(list(steps))] for label, steps in groupby(_filled(names, shown))]


def _filled(names: Iterable[str | None], shown: Recording) -> list[str]:
    """Give the steps that belong to no operation to the next one of their pass, or else to the one before."""
    found: list[str | None] = list(names)
    phases = [frame.phase for frame in shown.frames]
    for place in reversed(range(len(found) - 1)):
        if found[place] is None and phases[place] == phases[place + 1]:
            found[place] = found[place + 1]
    for place in range(1, len(found)):
        found[place] = found[place] if found[place] is not None else found[place - 1]
    return [name or "" for name in found]
