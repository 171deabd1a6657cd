"""What of a recording can be drawn: a part of it, and ever smaller pictures of that, folded more and more."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from itertools import chain

from gradviz.drawing.fold import fold
from gradviz.drawing.options import Detail, Options
from gradviz.drawing.part import part
from gradviz.drawing.rounds import fans, rounds
from gradviz.drawing.stretches import depth_of, long_recurrences, middle, modules_below, repeats
from gradviz.recording.folding import as_written
from gradviz.recording.model import Graph, Recording
from gradviz.recording.naming import uncounted

MOST_SHOWN = 1500
"""Tensors and operations that are laid out at all; of more, even what was asked for is folded."""

LEFT_OVER = (48, 32, 24, 18, 14, 10, 7, 5, 3, 2)
"""Operations that stay when the middle of a long computation is folded, tried one after the other."""


def wanted(recording: Recording, options: Options) -> Recording:
    """Return what was asked for of a recording, before anything is folded to fit.

    Raises
    ------
    ValueError
        If the tensor to focus on is not in the recording.
    """
    if not options.every_operation:
        recording = as_written(recording)
    if options.focus is not None:
        recording = focused(recording, options.focus, options.hops)
    if options.depth is not None:
        recording = at_depth(recording, options.depth)
    return recording


def at_depth(recording: Recording, depth: int) -> Recording:
    """Fold modules below a depth, and of the folds those that repeat."""
    folded = fold(recording, modules_below(recording.graph, depth))
    folded = fold(folded, long_recurrences(folded.graph))
    return fold(folded, repeats(folded.graph))


def bounded(recording: Recording) -> Recording:
    """Fold a recording until it can be laid out, and no further."""
    if size(recording) <= MOST_SHOWN:
        return recording
    for depth in range(depth_of(recording.graph) - 1, -1, -1):
        folded = at_depth(recording, depth)
        if size(folded) <= MOST_SHOWN:
            return folded
    return fold(recording, middle(recording.graph, LEFT_OVER[0]))


def size(recording: Recording) -> int:
    """Return how many tensors and operations there are."""
    return len(recording.graph.tensors) + len(recording.graph.operations)


def folded(recording: Recording, most: int) -> Iterator[tuple[Recording, tuple[Detail, ...]]]:
    """Go from the whole of a recording to less and less of it; each keeps as much of what it says as can be.

    Modules are folded first, from the innermost outwards; then the rounds of loops; at last the middle of what is left.

    Parameters
    ----------
    recording
        What was computed.
    most
        Operations that one might try to draw. What has more is not even folded.

    Yields
    ------
    Recording
        A smaller one.
    tuple
        The details in which it is worth to be shown.
    """
    modules = (folded for depth in _depths(recording.graph) for folded in _at(recording, depth, 4 * most))
    innermost = next(modules, None)
    yield recording, ("full",)
    if innermost is not None:
        # A layer's box and the numbers around it say more than its parts without numbers.
        yield innermost, ("full", "compact")
        yield recording, ("compact",)
    else:
        yield recording, ("compact",)
    for smaller in chain(modules, _without_modules(recording)):
        yield smaller, ("full", "compact")


def _depths(graph: Graph) -> Iterator[int]:
    """Return how deep modules may be shown: not as a single box, which says nothing."""
    for depth in range(depth_of(graph) - 1, -1, -1):
        if depth or len(modules_below(graph, 0)) > 1:
            yield depth


def _at(recording: Recording, depth: int, most: int) -> Iterator[Recording]:
    stretches = modules_below(recording.graph, depth)
    if len(recording.graph.operations) - sum(len(stretch) - 1 for stretch in stretches) > most:
        return
    plain = fold(recording, stretches)
    plain = fold(plain, long_recurrences(plain.graph))
    yield plain
    alike = repeats(plain.graph)
    if alike:
        yield fold(plain, alike)


def _without_modules(recording: Recording) -> Iterator[Recording]:
    """Fold loops, in the outermost modules or around them; then wide fans; and at last the middle."""
    smallest = recording
    for depth in range(min(depth_of(recording.graph), 2) - 1, -1, -1) or (None,):
        smallest = recording if depth is None else at_depth(recording, depth)
        outside = smallest
        for ends in (2, 1):
            if loops := rounds(outside.graph, ends):
                smallest = fold(outside, loops)
                yield smallest
    yield smallest
    wide = fans(smallest.graph)
    if wide:
        smallest = fold(smallest, wide)
        yield smallest
    for budget in LEFT_OVER:
        if budget < len(smallest.graph.operations):
            smallest = fold(smallest, middle(smallest.graph, budget))
            yield smallest


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
