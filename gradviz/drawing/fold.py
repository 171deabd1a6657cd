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
from typing import Any, TypeVar, cast

from gradviz.catalogue import text
from gradviz.drawing.folded import Folded
from gradviz.drawing.stretches import Stretch, calls_left
from gradviz.recording.derived import Derived, DerivedSteps
from gradviz.recording.frames import Steps
from gradviz.recording.later import Row, changed, replaced
from gradviz.recording.model import (
    FOLD,
    Argument,
    Block,
    Contribution,
    Frame,
    Graph,
    Phase,
    RecordedModule,
    RecordedOperation,
    RecordedTensor,
    Recording,
    Value,
)
from gradviz.recording.values import is_whole, sum_of

Part = TypeVar("Part")
T = TypeVar("T")


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
    """The tables that map a recording's parts to those of its fold. What is in them is made when it is read.

    Attributes
    ----------
    operations, tensors
        The numbers of those that stay; in the place of a fold ``~number``.
    """

    def __init__(self, recording: Recording, stretches: Sequence[Stretch]) -> None:
        self.before, self.graph, self.outline = recording, recording.graph, recording.graph.outline
        self.stretches = stretches
        self.ids = [self.outline.ids[stretch.start] for stretch in stretches]
        self.number_of: list[int | None] = [None] * len(self.outline.ids)  # by operation: its stretch
        self.operations: list[int] = []
        place = 0
        for number, stretch in enumerate(stretches):
            self.number_of[stretch.start : stretch.end] = [number] * len(stretch)
            self.operations.extend(range(place, stretch.start))
            self.operations.append(~number)
            place = stretch.end
        self.operations.extend(range(place, len(self.outline.ids)))
        self.hidden = self._hidden()
        self.tensors = [tensor for tensor in range(len(self.outline.tensor_ids)) if tensor not in self.hidden]
        self.modules = self._modules()

    @cached_property
    def stretch_of(self) -> dict[str, int]:
        """By the id of an operation: its stretch."""
        return {id: n for id, n in zip(self.outline.ids, self.number_of, strict=True) if n is not None}

    @cached_property
    def hidden_ids(self) -> set[str]:
        """The hidden tensors by their ids."""
        ids = self.outline.tensor_ids
        return {ids[place] for place in self.hidden}

    @cached_property
    def argument_of(self) -> dict[str, str]:
        """By an edge into a fold: that of the fold which it became."""
        found: dict[str, str] = {}
        for number, id in enumerate(self.ids):
            edges = {tensor: f"{id}_{at}" for at, tensor in enumerate(self.entering[number])}
            for place in self.places(number):
                for at, tensor in enumerate(self.outline.inputs[place]):
                    if tensor in edges:
                        found[self.graph.operations[place].inputs[at].id] = edges[tensor]
        return found

    def places(self, number: int) -> range:
        """Return the numbers of the operations in a fold."""
        return range(self.stretches[number].start, self.stretches[number].end)

    def recording(self) -> Recording:
        calls, places = calls_left(self.graph, self._left(self.outline.calls, lambda stretch: stretch.call))
        operations = Row(len(self.operations), lambda place: self._operation(self.operations[place], places))
        tensors = Row(len(self.tensors), lambda place: self._tensor(self.tensors[place]))
        modules = tuple(module for module in self.graph.modules if module.path in self.modules)
        graph = replace(
            self.graph,
            tensors=cast("Any", tensors),
            operations=cast("Any", operations),
            calls=calls,
            modules=modules,
        )
        vars(graph)["outline"] = Folded(graph, self, places)
        folded = self.before.of(graph, lambda: self._frames(graph))
        object.__setattr__(folded, "whole", self.before.whole or self.before)  # it is frozen for everybody else
        object.__setattr__(folded, "folds", (*self.before.folds, tuple(self.stretches)))
        return folded

    def _left(self, column: Sequence[T], of_fold: Callable[[Stretch], T]) -> list[T]:
        """Return a column of the operations that stay, with folds among them."""
        return [column[number] if number >= 0 else of_fold(self.stretches[~number]) for number in self.operations]

    def _modules(self) -> set[str]:
        """Return the paths of the modules that stay: one that was folded has no members left, and needs no frame."""
        inside = set(self._left(self.outline.modules, lambda stretch: stretch.module))
        used = {path for path in inside if path}
        for path in list(used):
            while path in self.by_path and self.by_path[path].parent:
                path = self.by_path[path].parent or ""
                used.add(path)
        return used

    @cached_property
    def by_path(self) -> dict[str, RecordedModule]:
        """All modules by their paths."""
        return {module.path: module for module in self.graph.modules}

    def owner(self, module: str) -> str:
        """Return the innermost module that stays around what belonged to one."""
        while module and module not in self.modules:
            module = self.by_path[module].parent or "" if module in self.by_path else ""
        return module

    def _tensor(self, place: int) -> RecordedTensor:
        tensor, maker = self.graph.tensors[place], self.outline.makers[place]
        number = self.number_of[maker] if maker >= 0 else None
        producer = tensor.producer if number is None else self.ids[number]
        module = self.owner(tensor.module)
        same = producer == tensor.producer and module == tensor.module
        return tensor if same else replaced(tensor, producer=producer, module=module)

    def _operation(self, number: int, calls: Mapping[int, int]) -> RecordedOperation:
        operation = self.graph.operations[number] if number >= 0 else self._folded(~number)
        call = operation.call
        return operation if call is None or call == calls[call] else replaced(operation, call=calls[call])

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

    def _is_inside(self, number: int, tensor: int) -> bool:
        """Return True for a result of an operation in a fold."""
        return self.outline.makers[tensor] in self.places(number)

    @cached_property
    def entering(self) -> list[tuple[int, ...]]:
        """By fold: the tensors that enter it, in the order in which they are used."""
        inputs, hidden = self.outline.inputs, self.hidden
        return [
            tuple(
                dict.fromkeys(
                    tensor
                    for place in self.places(number)
                    for tensor in inputs[place]
                    if tensor not in hidden and not self._is_inside(number, tensor)
                )
            )
            for number in range(len(self.stretches))
        ]

    @cached_property
    def leaving(self) -> list[tuple[int, ...]]:
        """By fold: what it makes known."""
        outputs, hidden = self.outline.outputs, self.hidden
        return [
            tuple([output for place in self.places(number) for output in outputs[place] if output not in hidden])
            for number in range(len(self.stretches))
        ]

    @cached_property
    def blocks(self) -> list[Block]:
        """By fold: what it stands for."""
        return [self._block(number) for number in range(len(self.stretches))]

    def _block(self, number: int) -> Block:
        stretch, outline = self.stretches[number], self.outline
        places = self.places(number)
        blocks = [outline.blocks[place] for place in places if place in outline.blocks] if outline.blocks else []
        weights: dict[str, int] = {}
        for place in places:
            if place in outline.blocks:
                weights.update(outline.blocks[place].weights)
            for tensor in outline.inputs[place]:
                # What a module learns, and not what it is given: that belongs to no module, and stays outside.
                if (
                    outline.roles[tensor] == "parameter"
                    and (tensor in self.hidden or outline.owners[tensor])
                    and not self._is_inside(number, tensor)
                ):
                    weights[outline.tensor_ids[tensor]] = math.prod(outline.shapes[tensor])
        ids = tuple(outline.ids[stretch.start : stretch.end])
        if blocks:
            inside = ((outline.blocks[p].inside if p in outline.blocks else (outline.ids[p],)) for p in places)
            ids = tuple(each for of_one in inside for each in of_one)
        return Block(
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
        )

    def grad_fn(self, number: int) -> str | None:
        """Return the sign of a fold through which gradients flow."""
        return "…" if any(self.outline.grad_fns[place] for place in self.places(number)) else None

    def _folded(self, number: int) -> RecordedOperation:
        stretch, id, outline, block = self.stretches[number], self.ids[number], self.outline, self.blocks[number]
        edges = [outline.tensor_ids[tensor] for tensor in self.entering[number]]
        return RecordedOperation(
            id,
            FOLD,
            self.grad_fn(number),
            stretch.label,
            tuple([Argument(f"{id}_{at}", "input", tensor) for at, tensor in enumerate(edges)]),
            tuple([outline.tensor_ids[output] for output in self.leaving[number]]),
            outline.sequences[stretch.end - 1],
            module=stretch.module,
            source=outline.sources[stretch.start],
            sentence=text("folded of one" if block.operations == 1 else "folded", count=block.operations),
            call=stretch.call,
            block=block,
        )

    def _parts(self, stretch: Stretch, blocks: Sequence[Block]) -> tuple[Block, ...]:
        """Return the blocks that a stretch stands for, of those in it: those that are alike, or the calls of one module."""
        if stretch.times < 2 or len(blocks) == stretch.times:
            return tuple(blocks) if stretch.times > 1 else ()
        return tuple(block for block in blocks if block.path == stretch.path)

    # --- the steps ------------------------------------------------------------------------------------------------

    def _frames(self, graph: Graph) -> Iterable[Frame]:
        frames: Any = self.before.frames
        outline = graph.outline
        if not isinstance(frames, Steps) or not isinstance(outline, Derived):
            return self._told(frames)
        return DerivedSteps(outline, frames, tuple(self._told(frames.back)), self._forward)

    def _forward(self, number: int) -> Frame:
        """Return the moment at which a fold has run."""
        frames: Any = self.before.frames
        ids, stretch = self.outline.tensor_ids, self.stretches[number]
        known = [(ids[result], frames.value(result)) for result in self.leaving[number]]
        values = tuple([(id, value) for id, value in known if value is not None])
        return Frame("forward", self.ids[number], stretch.title, self._sentence(number, "forward"), values=values)

    def _told(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Go through steps, with one in place of those inside a fold."""
        sums: dict[str, _Sum] = {}
        inside: list[
            tuple[Frame, Mapping[str, Any]]
        ] = []  # the steps of a fold that are to become one, with what they show
        for frame in frames:
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

    def _fold_and_phase(self, frame: Frame) -> tuple[int, Phase]:
        return self.stretch_of[frame.current], frame.phase

    def _one(self, steps: Sequence[tuple[Frame, Mapping[str, Any]]]) -> Frame:
        """Make one step of those inside a fold."""
        number, phase = self._fold_and_phase(steps[0][0])
        return changed(
            steps[0][0],
            current=self.ids[number],
            title=self.stretches[number].title,
            sentence=self._sentence(number, phase),
            reason="",
            equation=(),
            values=tuple([value for _, seen in steps for value in seen["values"]]),
            contributions=_latest((c for _, seen in steps for c in seen["contributions"]), lambda c: c.argument),
            gradients=_latest((g for _, seen in steps for g in seen["gradients"]), lambda g: g.tensor),
        )

    def _sentence(self, number: int, phase: Phase) -> str:
        """Say what happens in a fold."""
        stretch, count = self.stretches[number], self.blocks[number].operations
        if stretch.closed and not stretch.path:
            said = "middle computed", "middle sends back"
        elif count == 1:
            said = "fold of one computed", "fold of one sends back"
        else:
            said = "fold computed", "fold sends back"
        return text(said[phase == "backward"], name=stretch.label, count=count)

    def _visible(self, frame: Frame, sums: dict[str, _Sum]) -> dict[str, Any]:
        """Return what a step makes known and is not hidden in folds."""
        hidden = self.hidden_ids
        return {
            "values": tuple([pair for pair in frame.values if pair[0] not in hidden]),
            "contributions": tuple(self._sent(frame.contributions, sums)) if frame.contributions else (),
            "gradients": tuple([gradient for gradient in frame.gradients if gradient.tensor not in hidden]),
        }

    def _sent(self, contributions: Iterable[Contribution], sums: dict[str, _Sum]) -> Iterator[Contribution]:
        for contribution in contributions:
            edge = self.argument_of.get(contribution.argument)
            if edge is not None:
                # Several edges inside may lead to one tensor outside; the fold sends it their sum.
                if edge in sums:
                    sums[edge].add(contribution.value)
                else:
                    sums[edge] = _Sum(contribution.value)
                yield Contribution(edge, sums[edge].now)
            elif contribution.argument.rpartition("_")[0] not in self.stretch_of:
                yield contribution


def _latest(parts: Iterable[Part], key: Callable[[Part], str]) -> tuple[Part, ...]:
    """Keep the last of those that are about the same thing."""
    return tuple({key(part): part for part in parts}.values())


class _Sum:
    """What a fold has sent along an edge so far; `now` is the sum of it, worked out when it is read."""

    def __init__(self, first: Value) -> None:
        self._parts, self._whole, self.now = [first], is_whole(first), first

    def add(self, value: Value) -> None:
        self._parts.append(value)
        self._whole = self._whole and is_whole(value)
        self.now = sum_of(self._parts) if self._whole else _added(self.now, value)


def _added(first: Value, second: Value) -> Value:
    """Add what is kept of two large values."""
    if first.preview is not None and second.preview is not None:
        preview = sum_of([first.preview, second.preview])
        return replace(first, preview=preview, image=None)  # an arrow's width needs no more
    return second
