"""From a recording to a smaller one: stretches of operations folded into one each.

A fold is a recording again, so everything that draws or plays one does so with folds too. What is folded is always a
stretch of the computation without a gap, from one operation to a later one: nothing can then leave a fold and enter it
again, and the folded graph has no circles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import mul
from typing import Any, TypeVar

from gradviz.catalogue import text
from gradviz.recording import number_text
from gradviz.recording.later import changed
from gradviz.recording.model import (
    FOLD,
    Argument,
    Contribution,
    Frame,
    Graph,
    RecordedModule,
    RecordedOperation,
    RecordedTensor,
    Recording,
    Value,
)

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is to be folded: operations number `start` to `end`, without the last, and what to call them."""

    start: int
    end: int
    label: str
    module: str = ""
    """Path of the module around it."""
    closed: bool = False
    """Whether it keeps to itself inputs that have a name, too, if nothing else uses them."""

    def __len__(self) -> int:
        return self.end - self.start


# --- what to fold ----------------------------------------------------------------------------------------------------


def modules_below(graph: Graph, depth: int) -> list[Stretch]:
    """Return the stretches of operations that ran in modules deeper than `depth`: 0 folds even the outermost ones."""
    folded = _at_depth(graph, depth)
    found: list[Stretch] = []
    for place, operation in enumerate(graph.operations):
        module = folded.get(operation.module)
        if module is None:
            continue
        label = module.label
        last = found[-1] if found else None
        if last is not None and last.end == place and folded.get(graph.operations[place - 1].module) is module:
            found[-1] = replace(last, end=place + 1)
        else:
            found.append(Stretch(place, place + 1, label, module.parent or ""))
    return found


def _at_depth(graph: Graph, depth: int) -> dict[str, RecordedModule]:
    """For each module's path, the module around it (or itself) that is so deep; missing for those less deep."""
    by_path = {module.path: module for module in graph.modules}
    found: dict[str, RecordedModule] = {}
    for module in graph.modules:
        around = [module]
        while around[-1].parent in by_path:
            around.append(by_path[around[-1].parent])
        if len(around) > depth:
            found[module.path] = around[-1 - depth]
    return found


def depth_of(graph: Graph) -> int:
    """Return how deep the modules nest: 0 without any."""
    by_path = {module.path: module for module in graph.modules}
    deepest = 0
    for module in graph.modules:
        depth, around = 1, module.parent
        while around in by_path:
            depth, around = depth + 1, by_path[around].parent
        deepest = max(deepest, depth)
    return deepest


def repeats(graph: Graph, *, least: int = 3) -> list[Stretch]:
    """Return runs of folded operations that are alike: ``Block × 12`` in place of twelve boxes."""
    found: list[Stretch] = []
    operations = graph.operations
    start = 0
    while start < len(operations):
        end = start + 1
        while end < len(operations) and _alike(graph, operations[start], operations[end]):
            end += 1
        if operations[start].name == FOLD and end - start >= least:
            label = f"{operations[start].symbol} × {end - start}"
            found.append(Stretch(start, end, label, operations[start].module))
        start = end
    return found


def _alike(graph: Graph, first: RecordedOperation, other: RecordedOperation) -> bool:
    if first.name != FOLD or other.name != FOLD or first.symbol != other.symbol or first.module != other.module:
        return False
    shapes = [
        [(graph.tensor(a.tensor).shape, graph.tensor(a.tensor).role) for a in operation.inputs]
        for operation in (first, other)
    ]
    return [shape for shape, _ in shapes[0]] == [shape for shape, _ in shapes[1]]


def middle(graph: Graph, budget: int) -> list[Stretch]:
    """Return the stretch to fold so that about `budget` operations are left, half of them at each end."""
    count, ends = len(graph.operations), max(budget // 2, 1)
    if count <= 2 * ends + 1:
        return []
    folded = sum(map(_size, graph.operations[ends : count - ends]))
    return [Stretch(ends, count - ends, f"{folded:,} operations".replace(",", " "), closed=True)]  # a narrow space


# --- folding -----------------------------------------------------------------------------------------------------------


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
        self.final = {g.tensor: g.value for frame in recording.frames for g in frame.gradients if g.complete}
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
        graph = Graph(tensors, tuple(operations), modules, self.graph.code)
        return replace(self.before, graph=graph, frames=tuple(self._frames()))

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
        parameters = 0
        for operation in inside:
            for argument in operation.inputs:
                if argument.tensor in produced:
                    continue
                tensor = self.graph.tensor(argument.tensor)
                if tensor.id in self.hidden:
                    parameters += math.prod(tensor.shape) if tensor.requires_grad else 0
                    continue
                if tensor.id not in edges:
                    edges[tensor.id] = Argument(f"{id}_{len(edges)}", "input", tensor.id)
                self.argument_of[argument.id] = edges[tensor.id].id
        outputs = tuple(output for operation in inside for output in operation.outputs if output not in self.hidden)
        attributes = [("operations", str(sum(_size(operation) for operation in inside)))]
        if parameters := parameters + sum(_count(operation, "parameters") for operation in inside):
            attributes.append(("parameters", str(parameters)))
        norm = self._gradient_norm(inside, produced)
        if norm is not None:
            attributes.append(("gradient norm", number_text(norm, 3)))
        return RecordedOperation(
            id,
            FOLD,
            "…" if any(operation.grad_fn for operation in inside) else None,
            stretch.label,
            tuple(edges.values()),
            outputs,
            inside[-1].sequence,
            tuple(attributes),
            module=stretch.module,
            source=inside[0].source,
            sentence=text("folded", count=attributes[0][1]),
        )

    def _gradient_norm(self, inside: Iterable[RecordedOperation], produced: set[str]) -> float | None:
        """The Euclidean norm of the gradients of all parameters inside, once there are any."""
        total, known = 0.0, False
        for operation in inside:
            text = dict(operation.attributes).get("gradient norm") if operation.name == FOLD else None
            if text is not None:
                norm = float(text.replace("−", "-").replace("∞", "inf"))
                total, known = total + norm * norm, True
        names = {
            argument.tensor
            for operation in inside
            for argument in operation.inputs
            if argument.tensor in self.hidden and argument.tensor not in produced
        }
        for name in names & self.final.keys():
            total, known = total + _square(self.final[name]), True
        return math.sqrt(total) if known else None

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
        key = "fold computed" if phase == "forward" else "fold sends back"
        sentence = text(key, name=stretch.label, count=len(stretch))
        return changed(
            steps[0][0],
            current=self.ids[number],
            title=stretch.label,
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


def _size(operation: RecordedOperation) -> int:
    return _count(operation, "operations") if operation.name == FOLD else 1


def _count(operation: RecordedOperation, what: str) -> int:
    return int(dict(operation.attributes).get(what, 0)) if operation.name == FOLD else 0


def _square(value: Value) -> float:
    if value.data is not None:
        return float(sum(map(mul, value.data, value.data)))  # ** raises where this is infinite
    assert value.summary is not None
    entries = math.prod(value.shape)
    return (value.summary.mean * value.summary.mean + value.summary.sd * value.summary.sd) * entries


def _added(first: Value, second: Value) -> Value:
    """Add two values, entry by entry; of large ones, what is kept of them."""
    if first.data is not None and second.data is not None:
        return replace(first, data=tuple(a + b for a, b in zip(first.data, second.data, strict=True)))
    if first.preview is not None and second.preview is not None:
        return replace(first, preview=_added(first.preview, second.preview))  # an arrow's width needs no more
    return second
