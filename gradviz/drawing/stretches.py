"""What of a recording is folded: calls of modules, runs of blocks that are alike, the middle of a long computation.

A stretch has no gaps: from one operation to a later one. So a block is one call of a module. A module that is called again is
another block with the same weights, and operations that ran between two calls stay between two blocks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import TypeVar, cast

from gradviz.recording.later import replaced
from gradviz.recording.model import Graph, RecordedCall, RecordedOperation

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is to be folded: operations number `start` to `end`, without the last, and what to call them.

    Attributes
    ----------
    label
        What the operation is called that stands for them.
    module, call
        Path of the module around it, and which of the graph's calls that is.
    path, class_name, number, times
        Of a module that is folded: see `Block`.
    closed
        Whether it keeps to itself inputs that have a name, too, if nothing else uses them.
    """

    start: int
    end: int
    label: str
    module: str = ""
    call: int | None = None
    path: str = ""
    class_name: str = ""
    number: int = 0
    times: int = 1
    closed: bool = False

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def title(self) -> str:
        """What a step in it is called: the module's path, which tells it from others of its class; which call, and how many alike."""
        if not self.path:
            return self.label
        name = f"{self.path} × {self.times}" if self.times > 1 else self.path
        return f"{name} ({self.number + 1})" if self.number else name


# --- what to fold ----------------------------------------------------------------------------------------------------


class Calls:
    """The calls of modules in which a graph's operations ran."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.modules = {module.path: module for module in graph.modules}
        self._around: dict[tuple[str, int | None], tuple[tuple[str, int | None], ...]] = {("", None): ()}
        seen: dict[str, int] = {}
        self.numbers: list[int] = []
        """Of each call: which of its module it is."""
        for call in graph.calls:
            self.numbers.append(seen.get(call.module, 0))
            seen[call.module] = self.numbers[-1] + 1
        self.count = seen

    def around(self, operation: RecordedOperation) -> tuple[tuple[str, int | None], ...]:
        """Return the modules around an operation, the outermost first, each with its call if that is known."""
        return self._at(operation.module, operation.call)

    @cached_property
    def ways(self) -> list[tuple[tuple[str, int | None], ...]]:
        """The same for all operations."""
        outline = self.graph.outline
        at = {where: self._at(*where) for where in {*zip(outline.modules, outline.calls, strict=True)}}
        return [at[where] for where in zip(outline.modules, outline.calls, strict=True)]

    def _at(self, module: str, call: int | None) -> tuple[tuple[str, int | None], ...]:
        way: list[tuple[str, int | None]] = []
        here = (module, call)
        while here not in self._around:
            way.append(here)
            here = self._outside(*here)
        found = self._around[here]
        for inner in reversed(way):
            found = self._around[inner] = (*found, inner)
        return found

    def _outside(self, module: str, call: int | None) -> tuple[str, int | None]:
        if call is None:
            known = self.modules.get(module)
            return (known.parent or "" if known is not None else "", None)
        outer = self.graph.calls[call].outer
        return ("", None) if outer is None else (self.graph.calls[outer].module, outer)

    def number(self, call: int | None) -> int:
        """Return which call of its module it is."""
        return 0 if call is None else self.numbers[call]


def calls_left(graph: Graph, calls: Iterable[int | None]) -> tuple[tuple[RecordedCall, ...], dict[int, int]]:
    """Return a graph's calls without those in which nothing is any more, and where these stand now."""
    used: set[int] = set()
    for call in set(calls):
        while call is not None and call not in used:
            used.add(call)
            call = graph.calls[call].outer
    places = {call: place for place, call in enumerate(sorted(used))}
    outer = {call: graph.calls[call].outer for call in places}
    left = tuple(
        RecordedCall(graph.calls[call].module, None if around is None else places[around])
        for call, around in outer.items()
    )
    return left, places


def _once(find: Callable[[Graph], T]) -> Callable[[Graph], T]:
    """Let what is found in a graph be found once: it is asked for at one depth after the other."""

    @wraps(find)
    def found(graph: Graph) -> T:
        known = vars(graph)  # as its outline, it is no part of what is saved
        if find.__qualname__ not in known:
            known[find.__qualname__] = find(graph)
        return cast("T", known[find.__qualname__])

    return found


@_once
def _calls_in(graph: Graph) -> Calls:
    return Calls(graph)


def modules_below(graph: Graph, depth: int) -> list[Stretch]:
    """Return the calls of modules deeper than `depth` as stretches of operations: 0 folds even the outermost ones.

    Where any are folded, so are layers that stand less deep and have no modules in them: beside blocks they are blocks.
    """
    calls = _calls_in(graph)
    found: list[Stretch] = []
    last = None
    ways = calls.ways
    kinds = set(ways)
    folds = any(len(around) > depth for around in kinds)
    parents = {path for around in kinds for path, _ in around[:-1]}
    ends: list[int] = []
    for place, around in enumerate(ways):
        at = min(depth, len(around) - 1)
        if not around or (at < depth and (not folds or around[at][0] in parents)):
            last = None
        elif last == around[at]:
            ends[-1] = place + 1
        else:
            last = path, call = around[at]
            ends.append(place + 1)
            module = calls.modules[path]
            outside, outer = around[at - 1] if at else ("", None)
            found.append(
                Stretch(place, place + 1, module.label, outside, outer, path, module.class_name, calls.number(call))
            )
    return [each if each.end == end else replaced(each, end=end) for each, end in zip(found, ends, strict=True)]


def depth_of(graph: Graph) -> int:
    """Return how deep the modules nest: 0 without any."""
    return max(map(len, _calls_in(graph).ways), default=0) if graph.modules else 0


def repeats(graph: Graph, *, least: int = 3) -> list[Stretch]:
    """Return runs of folded operations that are alike: ``Block × 12`` in place of twelve boxes."""
    found: list[Stretch] = []
    if not graph.outline.blocks:
        return found
    outline, count = graph.outline, len(graph.operations)
    in_time = {place for chain in recurrences(graph) for place in chain}
    start = 0
    while start < count:
        end = start + 1
        while end < count and start not in in_time and _alike(graph, start, end):
            end += 1
        block = outline.blocks.get(start)
        if block is not None and end - start >= least:
            found.append(
                Stretch(
                    start,
                    end,
                    f"{outline.symbols[start]} × {end - start}",
                    outline.modules[start],
                    outline.calls[start],
                    block.path,
                    block.class_name,
                    block.number,
                    end - start,
                )
            )
        start = end
    return found


def _alike(graph: Graph, first: int, other: int) -> bool:
    outline = graph.outline
    if first not in outline.blocks or other not in outline.blocks:
        return False
    if outline.symbols[first] != outline.symbols[other] or outline.modules[first] != outline.modules[other]:
        return False
    shapes = [[outline.shapes[tensor] for tensor in outline.inputs[place]] for place in (first, other)]
    return shapes[0] == shapes[1]


def middle(graph: Graph, budget: int) -> list[Stretch]:
    """Return the stretch to fold so that about `budget` operations are left, half of them at each end."""
    count, ends = len(graph.operations), max(budget // 2, 1)
    if count <= 2 * ends + 1:
        return []
    blocks = graph.outline.blocks
    folded = sum(blocks[place].operations if place in blocks else 1 for place in range(ends, count - ends))
    return [Stretch(ends, count - ends, f"{folded:,} operations".replace(",", " "), closed=True)]  # a narrow space


# --- through time ------------------------------------------------------------------------------------------------------


Who = tuple[str, int | None]
"""A module, in a call of what is around it."""

MOST_RECURRENT = 100
"""Modules that are called again, up to which it is looked whether they take what they made before."""


def _who(graph: Graph, place: int) -> Who:
    return graph.outline.blocks[place].path, graph.outline.calls[place]


@_once
def recurrences(graph: Graph) -> list[list[int]]:
    """Return the steps through time among folded operations: a module that is called again with what it made before.

    Returns
    -------
    list
        For each such module the places of its blocks among the graph's operations. Two calls are enough where the second
        takes what the first made as it is; else it takes three.
    """
    again = Counter([_who(graph, place) for place in graph.outline.blocks])
    again = Counter({who: count for who, count in again.items() if count > 1 and who[0]})
    if not again or len(again) > MOST_RECURRENT:
        return []
    last: dict[Who, int] = {}  # where it was called last
    chains: dict[Who, list[list[int]]] = {}
    behind: dict[str, frozenset[int]] = {}  # by tensor: the last calls that it was made from
    direct: set[int] = set()
    for place, operation in enumerate(graph.operations):
        used = frozenset[int]().union(*(behind.get(argument.tensor, ()) for argument in operation.inputs))
        if operation.block is not None and (key := _who(graph, place)) in again:
            before = last.get(key)
            if before is not None and before in used:
                chains[key][-1].append(place)
                made = set(graph.operations[before].outputs)
                if made.intersection(argument.tensor for argument in operation.inputs):
                    direct.add(place)
            else:
                chains.setdefault(key, []).append([place])
            last[key] = place
            used = (used - {before}) | {place}
        behind.update(dict.fromkeys(operation.outputs, used))
    found = [chain for of_one in chains.values() for chain in of_one]
    return [chain for chain in found if len(chain) > 2 or (len(chain) == 2 and chain[1] in direct)]


FIRST_STEPS, LAST_STEPS, MOST_STEPS = 3, 2, 10
"""Of more steps through time than the most, the first and the last are drawn one by one."""


def long_recurrences(graph: Graph) -> list[Stretch]:
    """Return the middles of long recurrences, to be drawn as t = 0, 1, 2 … 28, 29."""
    found: list[Stretch] = []
    for chain in sorted(recurrences(graph)):
        if len(chain) <= MOST_STEPS:
            continue
        start, end = chain[FIRST_STEPS], chain[-LAST_STEPS - 1] + 1
        if found and start < found[-1].end:
            continue
        first = graph.operations[start]
        block = first.block
        assert block is not None
        label = f"t = {FIRST_STEPS} … {len(chain) - LAST_STEPS - 1}"
        times = len(chain) - FIRST_STEPS - LAST_STEPS
        found.append(
            Stretch(start, end, label, first.module, first.call, block.path, block.class_name, block.number, times)
        )
    return found
