"""What to fold where no modules say it: statements that a loop runs again and again, and a result of very many tensors."""

from __future__ import annotations

import numpy as np

from gradviz.drawing.stretches import Stretch
from gradviz.recording.model import Graph

LONGEST = 48
"""Operations in one round of a loop that is looked for."""

FAN = 9
"""So many tensors that nothing else uses are shown beside the operation that takes them."""


def rounds(graph: Graph, ends: int) -> list[Stretch]:
    """Return the rounds in the middle of the loops in a computation, to be folded; so many are left at each end.

    A loop is what comes again in the same order: operations of one name, written in one line, in one module.
    """
    numbers: dict[tuple[str, str, str, int], int] = {}
    signs = []
    for operation in graph.operations:
        source = operation.source
        key = operation.name, operation.symbol, operation.module, 0 if source is None else source.line
        signs.append(numbers.setdefault(key, len(numbers)))
    found: list[Stretch] = []
    waiting = [(0, len(signs))]
    line = np.array(signs, dtype=np.int64)
    while waiting and len(found) < FAN:
        start, end = waiting.pop()
        loop = _loop(line[start:end], 2 * ends + 2)
        if loop is None:
            continue
        first, period, times = loop
        first += start
        inside = times - 2 * ends
        path = graph.operations[first].module
        module = path if all(o.module == path for o in graph.operations[first : first + period]) else ""
        a = first + ends * period
        found.append(Stretch(a, a + inside * period, f"the same × {inside}", module, closed=True))
        waiting += [(start, first), (first + times * period, end)]
    return sorted(found, key=lambda stretch: stretch.start)


def _loop(line: np.ndarray[tuple[int], np.dtype[np.int64]], least: int) -> tuple[int, int, int] | None:
    """Return where the longest loop begins, how long a round is, and how many there are; ``None`` if there is none."""
    best, most = None, 0
    for period in range(1, min(LONGEST, len(line) // least) + 1):
        same = np.concatenate(([0], (line[period:] == line[:-period]).astype(np.int8), [0]))
        edges = np.flatnonzero(np.diff(same))
        starts, ends = edges[::2], edges[1::2]
        if not len(starts):
            continue
        place = int(np.argmax(ends - starts))
        times = int(ends[place] - starts[place]) // period + 1
        if times >= least and times * period > most:
            best, most = (int(starts[place]), period, times), times * period
    return best


def fans(graph: Graph) -> list[Stretch]:
    """Return the operations that take very many tensors which nothing else uses, each to be folded with these."""
    uses: dict[str, int] = {}
    for _, argument in graph.arguments():
        uses[argument.tensor] = uses.get(argument.tensor, 0) + 1
    found = []
    for place, operation in enumerate(graph.operations):
        alone = {a.tensor for a in operation.inputs if uses[a.tensor] == 1 and graph.tensor(a.tensor).producer is None}
        if len(alone) > FAN:
            found.append(
                Stretch(place, place + 1, f"{operation.symbol} of {len(alone)} tensors", operation.module, closed=True)
            )
    return found
