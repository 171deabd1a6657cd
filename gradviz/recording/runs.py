"""What single instructions of the learner's made: the operations that belong to one call, one operator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from gradviz.engine.scope import Call
from gradviz.recording.told import ToldOperation
from gradviz.recording.written import Expressions, Written


@dataclass(slots=True, eq=False)  # not frozen: there are many, and none leaves this folder
class Run:
    """The operations that one instruction of the learner's ran, once."""

    nodes: tuple[ToldOperation, ...]
    written: Written

    def is_part_of(self, other: Run) -> bool:
        """Return True for what was computed by a part of the other's expression."""
        inside, around = self.written.span, other.written.span
        same = self.nodes[0].origin[0] is other.nodes[0].origin[0]
        return same and inside != around and around[:2] <= inside[:2] and inside[2:] <= around[2:]


def within_calls(nodes: Iterable[ToldOperation]) -> dict[int, tuple[Call, list[ToldOperation]]]:
    """Return each call of a module, by its ``id``, with the nodes that were made in it; a call comes after those around it."""
    within: dict[int, tuple[Call, list[ToldOperation]]] = {}
    for node in nodes:
        if node.call is not None and id(node.call) in within:
            around: Call | None = node.call
            while around is not None:
                within[id(around)][1].append(node)
                around = around.outer
        else:
            for call in calls_of(node):
                within.setdefault(id(call), (call, []))[1].append(node)
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
    expressions = Expressions()
    for _, group in groupby(nodes, key=lambda node: (id(node.origin[0]), node.origin[1])):
        together = list(group)
        for run in _once(together) if len(together) > 1 else (together,):
            yield Run(tuple(run), expressions.at(run[-1].origin))


def _once(nodes: list[ToldOperation]) -> Iterator[list[ToldOperation]]:
    """Divide what one instruction made, in a loop, into what it made each time."""
    depth, run, again = _depth(nodes[0]), list[ToldOperation](), False
    for node in nodes:
        if run and [*map(id, calls_of(run[-1])[depth : depth + 1])] != [*map(id, calls_of(node)[depth : depth + 1])]:
            yield run
            run, again = [], True
        run.append(node)
    names = [node.operation.name for node in run]
    period = len(run)
    if not again and len(calls_of(run[0])) <= depth:
        period = next(p for p in range(1, len(run) + 1) if len(run) % p == 0 and names[:p] * (len(run) // p) == names)
    yield from (run[start : start + period] for start in range(0, len(run), period))


def _depth(node: ToldOperation) -> int:
    """Return how many calls of modules there are around the code in which an instruction stands."""
    owner, _, method = node.origin[0].co_qualname.rpartition(".")
    if method != "forward":
        return 0
    classes = [call.tag.class_name for call in calls_of(node)]
    name = owner.rpartition(".")[2]
    return len(classes) - classes[::-1].index(name) if name in classes else min(len(classes), 1)
