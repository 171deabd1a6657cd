"""From a recording to a smaller one: stretches of operations folded into one each.

A fold is a recording again, so everything that draws or plays one does so with folds too. What is folded is always a
stretch of the computation without a gap, from one operation to a later one: nothing can then leave a fold and enter it
again, and the folded graph has no circles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

from gradviz.catalogue import text
from gradviz.drawing.part import part
from gradviz.drawing.stretches import Calls, Stretch
from gradviz.recording.frames import Steps
from gradviz.recording.later import changed, replaced
from gradviz.recording.model import (
    FOLD,
    Argument,
    Block,
    Contribution,
    Frame,
    Gradient,
    Graph,
    RecordedCall,
    RecordedModule,
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
        self.before, self.graph, self.outline = recording, recording.graph, recording.graph.outline
        self.stretches = stretches
        self.ids = [self.outline.ids[stretch.start] for stretch in stretches]
        self.number_of: list[int | None] = [None] * len(self.outline.ids)  # by operation: its stretch
        for number, stretch in enumerate(stretches):
            self.number_of[stretch.start : stretch.end] = [number] * len(stretch)
        self.hidden = self._hidden()
        self.argument_of: dict[str, str] = {}  # by edge into a fold: the edge of the fold it became

    @cached_property
    def stretch_of(self) -> dict[str, int]:
        """By the id of an operation: its stretch."""
        return {id: n for id, n in zip(self.outline.ids, self.number_of, strict=True) if n is not None}

    @cached_property
    def hidden_ids(self) -> set[str]:
        """The hidden tensors by their ids."""
        ids = self.outline.tensor_ids
        return {ids[place] for place in self.hidden}

    def recording(self) -> Recording:
        operations: list[RecordedOperation] = []
        place = 0
        for number, stretch in enumerate(self.stretches):
            operations.extend(self.graph.operations[place : stretch.start])
            operations.append(self._folded(number))
            place = stretch.end
        operations.extend(self.graph.operations[place:])
        # A module that was folded has no members left, and needs no frame.
        inside = {o.module for o in operations}
        used = {path for path in inside if path}
        by_path = {module.path: module for module in self.graph.modules}
        for path in list(used):
            while path in by_path and by_path[path].parent:
                path = by_path[path].parent or ""
                used.add(path)
        kept = [place for place in range(len(self.graph.tensors)) if place not in self.hidden]
        tensors = tuple([self._kept(place, used, by_path) for place in kept])
        modules = tuple(module for module in self.graph.modules if module.path in used)
        graph = replace(self.graph, tensors=tensors, **_calls_left(self.graph, operations), modules=modules)
        folded = self.before.of(graph, self._frames)
        object.__setattr__(folded, "whole", self.before.whole or self.before)  # it is frozen for everybody else
        object.__setattr__(folded, "folds", (*self.before.folds, tuple(self.stretches)))
        return folded

    def _kept(self, place: int, used: set[str], modules: Mapping[str, RecordedModule]) -> RecordedTensor:
        tensor, maker = self.graph.tensors[place], self.outline.makers[place]
        number = self.number_of[maker] if maker >= 0 else None
        producer = tensor.producer if number is None else self.ids[number]
        module = tensor.module
        while module and module not in used:
            module = modules[module].parent or "" if module in modules else ""
        same = producer == tensor.producer and module == tensor.module
        return tensor if same else replaced(tensor, producer=producer, module=module)

    def _hidden(self) -> set[int]:
        """The tensors that only one fold knows: its intermediate results, its parameters and its constants.

        And what it seems to have made itself, such as the mask of a dropout: a tensor that nobody gave a name. But if
        nothing else would enter a fold, the first of these is its input.
        """
        outline, number_of = self.outline, self.number_of
        users: dict[int, int | None] = {}  # by tensor: the fold that uses it, None if others do, too
        for number, inputs in zip(number_of, outline.inputs, strict=True):
            for tensor in inputs:
                if users.setdefault(tensor, number) != number:
                    users[tensor] = None
        hidden: set[int] = set()
        unnamed: dict[int, list[int]] = {}
        roles, makers = outline.roles, outline.makers
        for tensor, who in users.items():
            if who is None or roles[tensor] == "output":
                continue
            if roles[tensor] == "input":
                if self.stretches[who].closed:
                    hidden.add(tensor)
                elif not outline.named[tensor]:
                    unnamed.setdefault(who, []).append(tensor)
            elif (maker := makers[tensor]) < 0:
                if roles[tensor] != "parameter" or not self._is_given(tensor, who):
                    hidden.add(tensor)
            elif number_of[maker] == who:
                hidden.add(tensor)
        for number, made in unnamed.items():
            made.sort()
            hidden.update(made if self._is_entered(number, hidden, set(made)) else made[1:])
        return hidden

    def _is_given(self, tensor: int, number: int) -> bool:
        """Return True for an input whose gradient is wanted: none of a module's weights, whose names are paths."""
        of_none = not self.outline.owners[tensor] and bool(self.stretches[number].path)
        return of_none and "." not in self.graph.tensors[tensor].name

    def _is_entered(self, number: int, *apart_from: Collection[int]) -> bool:
        """Return True if something enters a fold, apart from some tensors."""
        stretch, makers = self.stretches[number], self.outline.makers
        return any(
            not stretch.start <= makers[tensor] < stretch.end and not any(tensor in one for one in apart_from)
            for inputs in self.outline.inputs[stretch.start : stretch.end]
            for tensor in inputs
        )

    def _folded(self, number: int) -> RecordedOperation:
        stretch, id, outline, graph = self.stretches[number], self.ids[number], self.outline, self.graph
        places = range(stretch.start, stretch.end)
        blocks = [outline.blocks[place] for place in places if place in outline.blocks] if outline.blocks else []
        edges: dict[int, Argument] = {}
        weights: dict[str, int] = {}
        for place in places:
            if place in outline.blocks:
                weights.update(outline.blocks[place].weights)
            for at, tensor in enumerate(outline.inputs[place]):
                if stretch.start <= outline.makers[tensor] < stretch.end:
                    continue
                hidden = tensor in self.hidden
                # What a module learns, and not what it is given: that belongs to no module, and stays outside.
                if outline.roles[tensor] == "parameter" and (hidden or outline.owners[tensor]):
                    weights[outline.tensor_ids[tensor]] = math.prod(outline.shapes[tensor])
                if hidden:
                    continue
                if tensor not in edges:
                    edges[tensor] = Argument(f"{id}_{len(edges)}", "input", outline.tensor_ids[tensor])
                self.argument_of[graph.operations[place].inputs[at].id] = edges[tensor].id
        left = [output for place in places for output in outline.outputs[place] if output not in self.hidden]
        ids = tuple(outline.ids[stretch.start : stretch.end])
        if blocks:
            inside = ((outline.blocks[p].inside if p in outline.blocks else (outline.ids[p],)) for p in places)
            ids = tuple(each for of_one in inside for each in of_one)
        first, last = graph.operations[stretch.start], graph.operations[stretch.end - 1]
        return RecordedOperation(
            id,
            FOLD,
            "…" if any(graph.operations[place].grad_fn for place in places) else None,
            stretch.label,
            tuple(edges.values()),
            tuple([outline.tensor_ids[output] for output in left]),
            last.sequence,
            module=stretch.module,
            source=first.source,
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
                self._parts(stretch, blocks),
            ),
        )

    def _parts(self, stretch: Stretch, blocks: Sequence[Block]) -> tuple[Block, ...]:
        """Return the blocks that a stretch stands for, of those in it: those that are alike, or the calls of one module."""
        if stretch.times < 2 or len(blocks) == stretch.times:
            return tuple(blocks) if stretch.times > 1 else ()
        return tuple(block for block in blocks if block.path == stretch.path)

    # --- the steps ------------------------------------------------------------------------------------------------

    def _frames(self) -> Iterator[Frame]:
        sums: dict[str, Value] = {}
        inside: list[
            tuple[Frame, Mapping[str, Any]]
        ] = []  # the steps of a fold that are to become one, with what they show
        for frame in self._told():
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

    def _told(self) -> Iterable[Frame]:
        """Return the steps, without those that tell nothing which is not hidden, as far as that is seen before they are made."""
        frames: Any = self.before.frames
        starts = {stretch.start for stretch in self.stretches}
        return frames.without(self.hidden, starts) if isinstance(frames, Steps) else frames

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
        hidden = self.hidden_ids
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
        "operations": tuple(
            o if o.call is None or o.call == places[o.call] else replaced(o, call=places[o.call]) for o in operations
        ),
        "calls": tuple(
            RecordedCall(graph.calls[call].module, None if around is None else places[around])
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
