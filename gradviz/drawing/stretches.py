"""What of a recording is folded: calls of modules, runs of blocks that are alike, the middle of a long computation.

A stretch has no gaps: from one operation to a later one. So a block is one call of a module. A module that is called again is
another block with the same weights, and operations that ran between two calls stay between two blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gradviz.recording.model import Graph, RecordedOperation


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

    def __len__(self) -> int:
        return self.end - self.start


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


def modules_below(graph: Graph, depth: int) -> list[Stretch]:
    """Return the calls of modules deeper than `depth` as stretches of operations: 0 folds even the outermost ones."""
    calls = Calls(graph)
    found: list[Stretch] = []
    last = None
    for place, operation in enumerate(graph.operations):
        around = calls.around(operation)
        if len(around) <= depth:
            last = None
        elif last == around[depth]:
            found[-1] = replace(found[-1], end=place + 1)
        else:
            last = path, call = around[depth]
            module = calls.modules[path]
            outside, outer = around[depth - 1] if depth else ("", None)
            found.append(
                Stretch(
                    place,
                    place + 1,
                    module.label,
                    outside,
                    outer,
                    path,
                    module.class_name,
                    calls.number(call),
                )
            )
    return found


def depth_of(graph: Graph) -> int:
    """Return how deep the modules nest: 0 without any."""
    calls = Calls(graph)
    return max((len(calls.around(operation)) for operation in graph.operations), default=0)


def repeats(graph: Graph, *, least: int = 3) -> list[Stretch]:
    """Return runs of folded operations that are alike: ``Block × 12`` in place of twelve boxes."""
    found: list[Stretch] = []
    operations = graph.operations
    start = 0
    while start < len(operations):
        end = start + 1
        while end < len(operations) and _alike(graph, operations[start], operations[end]):
            end += 1
        block = operations[start].block
        if block is not None and end - start >= least:
            found.append(
                Stretch(
                    start,
                    end,
                    f"{operations[start].symbol} × {end - start}",
                    operations[start].module,
                    operations[start].call,
                    block.path,
                    block.class_name,
                    block.number,
                    end - start,
                )
            )
        start = end
    return found


def _alike(graph: Graph, first: RecordedOperation, other: RecordedOperation) -> bool:
    if first.block is None or other.block is None or first.symbol != other.symbol or first.module != other.module:
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
    folded = count - 2 * ends
    return [Stretch(ends, count - ends, f"{folded:,} operations".replace(",", " "))]  # a narrow space
