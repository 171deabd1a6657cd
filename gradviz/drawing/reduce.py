"""How much of a recording is drawn: a part of it, folded until a reader can take it in.

Nobody reads a picture of a thousand boxes, and laying one out takes seconds. So the size is looked at before anything is
laid out.
"""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches

from gradviz.drawing.fold import fold
from gradviz.drawing.options import Detail, Options
from gradviz.drawing.part import part
from gradviz.drawing.stretches import depth_of, middle, modules_below, repeats
from gradviz.recording.folding import as_written
from gradviz.recording.later import all_kept
from gradviz.recording.model import Recording
from gradviz.recording.naming import uncounted

FULL_UP_TO = 300
"""Tensors and operations together that a picture shows with a card each."""

COMPACT_UP_TO = 1500
"""And those that it shows at all; above that, even what was asked to be shown in full is folded."""

LEFT_OVER = 48
"""Operations that stay when the middle of a long computation is folded."""


def reduced(recording: Recording, options: Options) -> tuple[Recording, Options]:
    """Choose what of a recording is drawn, and in which detail.

    Parameters
    ----------
    recording
        What was computed.
    options
        What was asked for.

    Returns
    -------
    Recording
        The part to draw, with folds.
    Options
        With a `detail` that is no longer ``"auto"``.

    Raises
    ------
    ValueError
        If the tensor to focus on is not in the recording.
    """
    with all_kept():
        return _reduced(recording, options)


def _reduced(recording: Recording, options: Options) -> tuple[Recording, Options]:
    if not options.every_operation:
        recording = as_written(recording)
    if options.focus is not None:
        recording = focused(recording, options.focus, options.hops)
    if options.depth is not None:
        recording = _folded(recording, options.depth)
    if options.detail == "auto":
        if _size(recording) > FULL_UP_TO and options.depth is None:
            recording = _fitting(recording, FULL_UP_TO)
        detail: Detail = "full" if _size(recording) <= FULL_UP_TO else "compact"
        options = replace(options, detail=detail)
    if _size(recording) > COMPACT_UP_TO:
        recording = _fitting(recording, COMPACT_UP_TO)
    if _size(recording) > COMPACT_UP_TO:
        recording = fold(recording, middle(recording.graph, LEFT_OVER))
    return recording, options


def _size(recording: Recording) -> int:
    return len(recording.graph.tensors) + len(recording.graph.operations)


def _fitting(recording: Recording, budget: int) -> Recording:
    """Fold modules, the innermost first, until a recording fits; return it as it is if there are none."""
    for depth in range(depth_of(recording.graph) - 1, -1, -1):
        folded = _folded(recording, depth)
        if _size(folded) <= budget:
            return folded
    return recording


def _folded(recording: Recording, depth: int) -> Recording:
    folded = fold(recording, modules_below(recording.graph, depth))
    return fold(folded, repeats(folded.graph))


def focused(recording: Recording, name: str, hops: int) -> Recording:
    """Return the part of a recording around one tensor.

    Parameters
    ----------
    recording
        What was computed.
    name
        The tensor's name; if several were called that and are counted, ``h⁽⁰⁾`` and ``h⁽¹⁾``, all of them.
    hops
        How many operations away from it, in both directions, the picture ends.

    Raises
    ------
    ValueError
        If no tensor has this name.
    """
    graph = recording.graph
    inside = {tensor.id for tensor in graph.tensors if name in (tensor.name, uncounted(tensor.name))}
    if not inside:
        known = [tensor.name for tensor in graph.tensors if tensor.role != "constant"]
        close = get_close_matches(name, known, n=3)
        hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else f"; there are: {', '.join(known[:12])}"
        raise ValueError(f"there is no tensor called {name!r} in the picture to focus on{hint}")
    users: dict[str, list[int]] = {}
    for place, operation in enumerate(graph.operations):
        for id in (*(argument.tensor for argument in operation.inputs), *operation.outputs):
            users.setdefault(id, []).append(place)
    operations: set[int] = set()
    edge = inside
    for _ in range(hops):
        found = {place for id in edge for place in users.get(id, ())} - operations
        operations |= found
        edge = {
            id
            for place in found
            for id in (*(a.tensor for a in graph.operations[place].inputs), *graph.operations[place].outputs)
        } - inside
        inside |= edge
    return part(recording, inside, operations)
