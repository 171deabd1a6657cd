"""What single instructions of the learner's made: the operations that belong to one call, one operator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import CodeType

from gradviz.engine.scope import Call
from gradviz.recording.told import ToldOperation
from gradviz.recording.written import Expressions, Written


@dataclass(slots=True, eq=False)  # not frozen: there are many, and none leaves this folder
class Run:
    """The operations that one instruction of the learner's ran, once: from number `start` to the one before `end`."""

    start: int
    end: int
    code: CodeType
    written: Written

    @property
    def operations(self) -> range:
        """Their numbers."""
        return range(self.start, self.end)

    @property
    def last(self) -> int:
        """The operation that made its result."""
        return self.end - 1

    def is_part_of(self, other: Run) -> bool:
        """Return True for what was computed by a part of the other's expression."""
        inside, around = self.written.span, other.written.span
        same = self.code is other.code
        return same and inside != around and around[:2] <= inside[:2] and inside[2:] <= around[2:]


@dataclass(slots=True, eq=False)
class Within:
    """A call of a module, and the numbers of the operations that ran in it."""

    call: Call
    operations: list[int]


def within_calls(nodes: Sequence[ToldOperation]) -> dict[int, Within]:
    """Return each call of a module, by its ``id``; a call comes after those around it."""
    within: dict[int, Within] = {}
    around: dict[int, list[list[int]]] = {}  # by call: the operations of it and of those around it
    for number, node in enumerate(nodes):
        if node.call is None:
            continue
        lists = around.get(id(node.call))
        if lists is None:
            calls = calls_of(node)
            lists = [within.setdefault(id(call), Within(call, [])).operations for call in calls]
            around[id(node.call)] = lists
        for operations in lists:
            operations.append(number)
    return within


def calls_of(node: ToldOperation) -> list[Call]:
    """Return the calls of modules in which a node was made, the outermost first."""
    calls, call = [], node.call
    while call is not None:
        calls.append(call)
        call = call.outer
    return calls[::-1]


def runs_of(nodes: Sequence[ToldOperation]) -> Iterator[Run]:
    """Divide a graph into what single instructions made."""
    expressions, start, count = Expressions(), 0, len(nodes)
    while start < count:
        origin = nodes[start].origin
        code, offset = origin
        end = start + 1
        while end < count and (other := nodes[end].origin)[1] == offset and other[0] is code:
            end += 1
        written = expressions.at(origin)
        if end == start + 1:
            yield Run(start, end, code, written)
        else:
            for length in _once(nodes[start:end]):
                yield Run(start, start + length, code, written)
                start += length
        start = end


def _once(nodes: Sequence[ToldOperation]) -> Iterator[int]:
    """Divide what one instruction made, in a loop, into what it made each time: how many operations these were."""
    depth, start, again = _depth(nodes[0]), 0, False
    before: list[int] = []
    for place, node in enumerate(nodes):
        around = [*map(id, calls_of(node)[depth : depth + 1])]
        if place > start and around != before:
            yield place - start
            start, again = place, True
        before = around
    run = nodes[start:]
    names = [node.operation.name for node in run]
    period = len(run)
    if not again and len(calls_of(run[0])) <= depth:
        period = next(p for p in range(1, len(run) + 1) if len(run) % p == 0 and names[:p] * (len(run) // p) == names)
    for _ in range(0, len(run), period):
        yield min(period, len(run))


def called_at(node: ToldOperation) -> list[Call]:
    """Return the calls of modules in which an operation ran, from the one that the learner's instruction made inwards."""
    return [] if node.call is None else calls_of(node)[_depth(node) :]


def calls_module(node: ToldOperation) -> bool:
    """Return True for an operation that ran in a module which the learner's instruction called."""
    return bool(called_at(node))


def _depth(node: ToldOperation) -> int:
    """Return how many calls of modules there are around the code in which an instruction stands."""
    owner, _, method = node.origin[0].co_qualname.rpartition(".")
    if method != "forward":
        return 0
    classes = [call.tag.class_name for call in calls_of(node)]
    name = owner.rpartition(".")[2]
    return len(classes) - classes[::-1].index(name) if name in classes else min(len(classes), 1)
