"""From a recording to a smaller one: stretches of operations folded into one each.

A fold is a recording again, so everything that draws or plays one does so with folds too. What is folded is always a
stretch of the computation without a gap, from one operation to a later one: nothing can then leave a fold and enter it
again, and the folded graph has no circles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from gradviz.catalogue import text
from gradviz.drawing.part import part
from gradviz.drawing.stretches import Calls, Stretch
from gradviz.recording.later import changed
from gradviz.recording.model import (
    FOLD,
    Argument,
    Block,
    Contribution,
    Frame,
    Gradient,
    Graph,
    RecordedOperation,
    RecordedTensor,
    Recording,
    Role,
    Value,
)

Part = TypeVar("Part")


def fold(recording: Recording, stretches: Sequence[Stretch]) -> Recording:
    """Fold stretches of a recording's operations into one operation each.

    Parameters
    ----------
    recording
        What was computed.
    stretches
        Without overlaps, in order.

    Returns
    -------
    Recording
        With fewer tensors and operations, and a step for each fold in place of the steps inside it.
    """
    if not stretches:
        return recording
    return _Folding(recording, stretches).recording()


def folded_like(recording: Recording, other: Recording) -> Recording:
    """Fold a recording as another of the same structure was folded.

    Parameters
    ----------
    recording
        What was computed, with the same operations as what `other` was folded from.
    other
        A recording with folds; of one without, `recording` is returned as it is.
    """
    for stretches in other.folds:
        recording = fold(recording, stretches)
    return recording


class _Folding:
    """The tables that map a recording's parts to those of its fold."""

    def __init__(self, recording: Recording, stretches: Sequence[Stretch]) -> None:
        self.before, self.graph = recording, recording.graph
        operations = self.graph.operations
        self.stretch_of: dict[str, int] = {}  # by operation: its stretch
        for number, stretch in enumerate(stretches):
            for operation in operations[stretch.start : stretch.end]:
                self.stretch_of[operation.id] = number
        self.stretches = stretches
        self.ids = [operations[stretch.start].id for stretch in stretches]
        self.hidden = self._hidden()
        self.argument_of: dict[str, str] = {}  # by edge into a fold: the edge of the fold it became

    def recording(self) -> Recording:
        operations: list[RecordedOperation] = []
        for place, operation in enumerate(self.graph.operations):
            number = self.stretch_of.get(operation.id)
            if number is None:
                operations.append(operation)
            elif place == self.stretches[number].start:
                operations.append(self._folded(number))
        # A module that was folded has no members left, and needs no frame.
        inside = {o.module for o in operations}
        used = {path for path in inside if path}
        by_path = {module.path: module for module in self.graph.modules}
        for path in list(used):
            while path in by_path and by_path[path].parent:
                path = by_path[path].parent or ""
                used.add(path)
        tensors = tuple(self._kept(tensor, used) for tensor in self.graph.tensors if tensor.id not in self.hidden)
        modules = tuple(module for module in self.graph.modules if module.path in used)
        graph = replace(self.graph, tensors=tensors, **_calls_left(self.graph, operations), modules=modules)
        folded = replace(self.before, graph=graph, frames=tuple(self._frames()))
        object.__setattr__(folded, "whole", self.before.whole or self.before)  # it is frozen for everybody else
        object.__setattr__(folded, "folds", (*self.before.folds, tuple(self.stretches)))
        return folded

    def _kept(self, tensor: RecordedTensor, modules: set[str]) -> RecordedTensor:
        producer = tensor.producer
        if producer in self.stretch_of:
            producer = self.ids[self.stretch_of[producer]]
        module = tensor.module
        while module and module not in modules:
            module = next((m.parent or "" for m in self.graph.modules if m.path == module), "")
        return replace(tensor, producer=producer, module=module)

    def _hidden(self) -> set[str]:
        """The tensors that only one fold knows: its intermediate results, its parameters and its constants.

        And what it seems to have made itself, such as the mask of a dropout: a tensor that nobody gave a name. But if
        nothing else would enter a fold, the first of these is its input.
        """
        users: dict[str, int | str] = {}
        shared: set[str] = set()
        for operation in self.graph.operations:
            user = self.stretch_of.get(operation.id, operation.id)
            for argument in operation.inputs:
                if users.setdefault(argument.tensor, user) != user:
                    shared.add(argument.tensor)
        hidden: set[str] = set()
        unnamed: dict[int, list[str]] = {}
        for tensor in self.graph.tensors:
            who = users.get(tensor.id)
            if tensor.id in shared or not isinstance(who, int) or tensor.role == "output":
                continue
            if tensor.role == "input":
                if self.stretches[who].closed:
                    hidden.add(tensor.id)
                elif not tensor.named:
                    unnamed.setdefault(who, []).append(tensor.id)
            elif tensor.producer is None or self.stretch_of.get(tensor.producer) == who:
                hidden.add(tensor.id)
        entered: set[int] = set()
        for operation in self.graph.operations:
            number = self.stretch_of.get(operation.id)
            if number in unnamed and number not in entered:
                ids = {argument.tensor for argument in operation.inputs} - hidden - set(unnamed[number])
                if any(self.stretch_of.get(self.graph.tensor(id).producer or "") != number for id in ids):
                    entered.add(number)
        for number, made in unnamed.items():
            hidden.update(made if number in entered else made[1:])
        return hidden

    def _folded(self, number: int) -> RecordedOperation:
        stretch, id = self.stretches[number], self.ids[number]
        inside = self.graph.operations[stretch.start : stretch.end]
        produced = {output for operation in inside for output in operation.outputs}
        edges: dict[str, Argument] = {}
        weights: dict[str, int] = {}
        for operation in inside:
            weights.update(operation.block.weights if operation.block is not None else ())
            for argument in operation.inputs:
                if argument.tensor in produced:
                    continue
                tensor = self.graph.tensor(argument.tensor)
                hidden = tensor.id in self.hidden
                # What a module learns, and not what it is given: that belongs to no module, and stays outside.
                if tensor.role == "parameter" and (hidden or tensor.module):
                    weights[tensor.id] = math.prod(tensor.shape)
                if hidden:
                    continue
                if tensor.id not in edges:
                    edges[tensor.id] = Argument(f"{id}_{len(edges)}", "input", tensor.id)
                self.argument_of[argument.id] = edges[tensor.id].id
        outputs = tuple(output for operation in inside for output in operation.outputs if output not in self.hidden)
        ids = tuple(
            each for operation in inside for each in (operation.block.inside if operation.block else (operation.id,))
        )
        return RecordedOperation(
            id,
            FOLD,
            "…" if any(operation.grad_fn for operation in inside) else None,
            stretch.label,
            tuple(edges.values()),
            outputs,
            inside[-1].sequence,
            module=stretch.module,
            source=inside[0].source,
            sentence=text("folded", count=len(ids)),
            call=stretch.call,
            block=Block(
                stretch.path,
                stretch.class_name,
                stretch.label,
                len(ids),
                sum(weights.values()),
                stretch.times,
                stretch.number,
                ids,
                tuple(weights.items()),
                self._parts(stretch, inside),
            ),
        )

    def _parts(self, stretch: Stretch, inside: Sequence[RecordedOperation]) -> tuple[Block, ...]:
        """Return the blocks that a stretch stands for: those that are alike, or the calls of one module."""
        blocks = [operation.block for operation in inside if operation.block is not None]
        if stretch.times < 2 or len(blocks) == stretch.times:
            return tuple(blocks) if stretch.times > 1 else ()
        return tuple(block for block in blocks if block.path == stretch.path)

    # --- the steps ------------------------------------------------------------------------------------------------

    def _frames(self) -> Iterator[Frame]:
        sums: dict[str, Value] = {}
        inside: list[
            tuple[Frame, Mapping[str, Any]]
        ] = []  # the steps of a fold that are to become one, with what they show
        for frame in self.before.frames:
            number = self.stretch_of.get(frame.current)
            if inside and (number is None or self._fold_and_phase(inside[0][0]) != (number, frame.phase)):
                yield self._one(inside)
                inside = []
            seen = self._visible(frame, sums)
            if number is None:
                yield changed(frame, **seen)
            elif not inside or any(seen.values()):
                inside.append((frame, seen))
        if inside:
            yield self._one(inside)

    def _fold_and_phase(self, frame: Frame) -> tuple[int, str]:
        return self.stretch_of[frame.current], frame.phase

    def _one(self, steps: Sequence[tuple[Frame, Mapping[str, Any]]]) -> Frame:
        """Make one step of those inside a fold."""
        number, phase = self._fold_and_phase(steps[0][0])
        stretch = self.stretches[number]
        one, several = (
            ("fold of one computed", "fold computed")
            if phase == "forward"
            else ("fold of one sends back", "fold sends back")
        )
        key = one if len(stretch) == 1 else several
        sentence = text(key, name=stretch.label, count=len(stretch))
        return changed(
            steps[0][0],
            current=self.ids[number],
            title=stretch.title,
            sentence=sentence,
            reason="",
            equation=(),
            values=tuple([value for _, seen in steps for value in seen["values"]]),
            contributions=_latest((c for _, seen in steps for c in seen["contributions"]), lambda c: c.argument),
            gradients=_latest((g for _, seen in steps for g in seen["gradients"]), lambda g: g.tensor),
        )

    def _visible(self, frame: Frame, sums: dict[str, Value]) -> dict[str, Any]:
        """Return what a step makes known and is not hidden in folds."""
        hidden = self.hidden
        return {
            "values": tuple([pair for pair in frame.values if pair[0] not in hidden]),
            "contributions": tuple(self._sent(frame.contributions, sums)) if frame.contributions else (),
            "gradients": tuple([gradient for gradient in frame.gradients if gradient.tensor not in hidden]),
        }

    def _sent(self, contributions: Iterable[Contribution], sums: dict[str, Value]) -> Iterator[Contribution]:
        for contribution in contributions:
            edge = self.argument_of.get(contribution.argument)
            if edge is not None:
                # Several edges inside may lead to one tensor outside; the fold sends it their sum.
                sums[edge] = _added(sums[edge], contribution.value) if edge in sums else contribution.value
                yield Contribution(edge, sums[edge])
            elif contribution.argument.rpartition("_")[0] not in self.stretch_of:
                yield contribution


def _latest(parts: Iterable[Part], key: Callable[[Part], str]) -> tuple[Part, ...]:
    """Keep the last of those that are about the same thing."""
    return tuple({key(part): part for part in parts}.values())


def _calls_left(graph: Graph, operations: Iterable[RecordedOperation]) -> dict[str, Any]:
    """Return a graph's calls without those in which none of these operations is, and the operations with their new places."""
    operations = tuple(operations)
    used: set[int] = set()
    for call in {operation.call for operation in operations}:
        while call is not None and call not in used:
            used.add(call)
            call = graph.calls[call].outer
    places = {call: place for place, call in enumerate(sorted(used))}
    outer = {call: graph.calls[call].outer for call in places}
    return {
        "operations": tuple(o if o.call is None else replace(o, call=places[o.call]) for o in operations),
        "calls": tuple(
            replace(graph.calls[call], outer=None if around is None else places[around])
            for call, around in outer.items()
        ),
    }


def _added(first: Value, second: Value) -> Value:
    """Add two values, entry by entry; of large ones, what is kept of them."""
    if first.data is not None and second.data is not None:
        return replace(first, data=tuple(a + b for a, b in zip(first.data, second.data, strict=True)))
    if first.preview is not None and second.preview is not None:
        return replace(
            first, preview=_added(first.preview, second.preview), image=None
        )  # an arrow's width needs no more
    return second


# --- what is inside ------------------------------------------------------------------------------------------------------


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

    left = _calls_left(graph, mine)
    calls = Calls(graph)
    paths = {module for operation in mine for module, _ in calls.around(operation)}
    modules = tuple(module for module in graph.modules if module.path in paths)
    kept = tuple(
        replace(t, module=t.module if t.module in paths else "") for t in map(seen_inside, left_over.graph.tensors)
    )
    inner = replace(graph, tensors=kept, **left, modules=modules)
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
