"""What happened inside a module, or in some operations, as a recording of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from gradviz.catalogue import text
from gradviz.drawing.part import part
from gradviz.drawing.stretches import Calls, calls_left
from gradviz.recording.later import changed, replaced
from gradviz.recording.model import Frame, Gradient, Graph, RecordedTensor, Recording, Role, Value


def inside(recording: Recording, path: str, number: int = 0) -> Recording:
    """Return what happened in one call of a module, as a recording of its own.

    Parameters
    ----------
    recording
        What was computed, all of it.
    path
        Of the module.
    number
        Which of its calls, from 0 on.

    Returns
    -------
    Recording
        The operations that ran in it; what enters as inputs, what leaves as outputs; and its steps, with the gradients of what
        leaves as they came from outside.

    Raises
    ------
    ValueError
        If there was no such call.
    """
    graph = recording.graph
    calls = Calls(graph)
    places = [
        place
        for place, operation in enumerate(graph.operations)
        if any(module == path and calls.number(call) == number for module, call in calls.around(operation))
    ]
    if not places:
        known = ", ".join(module.path for module in graph.modules[:12])
        raise ValueError(f"no operation ran in call {number} of a module {path!r}; there are: {known}")
    return opened(recording, places, path)


def opened(recording: Recording, places: Sequence[int], title: str) -> Recording:
    """Return what some of a recording's operations did, as a recording of its own; places are in order."""
    graph = recording.graph
    mine = [graph.operations[place] for place in places]
    ids = {operation.id for operation in mine}
    made = {output for operation in mine for output in operation.outputs}
    tensors = made | {argument.tensor for operation in mine for argument in operation.inputs}
    leaving = _leaving(graph, ids, made)
    left_over = part(recording, tensors, set(places))

    def seen_inside(tensor: RecordedTensor) -> RecordedTensor:
        role: Role = "output" if tensor.id in leaving else "intermediate" if tensor.producer else "input"
        return (
            tensor if tensor.role in ("parameter", "constant") and not tensor.producer else replace(tensor, role=role)
        )

    left, now = calls_left(graph, [operation.call for operation in mine])
    operations = tuple([o if o.call is None or o.call == now[o.call] else replaced(o, call=now[o.call]) for o in mine])
    calls = Calls(graph)
    paths = {module for operation in mine for module, _ in calls.around(operation)}
    modules = tuple(module for module in graph.modules if module.path in paths)
    kept = tuple(
        replace(t, module=t.module if t.module in paths else "") for t in map(seen_inside, left_over.graph.tensors)
    )
    inner = replace(graph, tensors=kept, operations=operations, calls=left, modules=modules)
    return replace(left_over, graph=inner, frames=tuple(_frames_inside(left_over, ids, leaving)), title=title)


def _leaving(graph: Graph, ids: Collection[str], made: Collection[str]) -> set[str]:
    """Return what was made inside and is used outside, or is a result of the whole."""
    used = {a.tensor for operation in graph.operations if operation.id not in ids for a in operation.inputs}
    return {
        tensor.id for tensor in graph.tensors if tensor.id in made and (tensor.id in used or tensor.role == "output")
    }


def _frames_inside(left_over: Recording, ids: Collection[str], leaving: Collection[str]) -> Iterator[Frame]:
    """Return the steps inside; what is known before is known at the start, and what arrives from outside has a step."""
    start: dict[str, Value] = {}
    arrived: dict[str, Gradient] = {}
    made = {output for operation in left_over.graph.operations if operation.id in ids for output in operation.outputs}
    for frame in left_over.frames:
        if frame.phase == "forward" and frame.current not in ids:
            start.update((id, value) for id, value in frame.values if id not in made)
    yield changed(left_over.frames[0], current="", values=tuple(start.items()), contributions=(), gradients=())
    for frame in left_over.frames:
        if frame.current in ids:
            if arrived:
                yield Frame(
                    "backward",
                    next(iter(arrived)),
                    text("arrives"),
                    text("arrives from outside"),
                    gradients=tuple(arrived.values()),
                )
                arrived = {}
            yield frame
        elif frame.phase == "backward" and frame.current in leaving:
            yield frame
        else:
            arrived.update((gradient.tensor, gradient) for gradient in frame.gradients if gradient.tensor in leaving)
