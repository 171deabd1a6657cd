"""What to fold where no modules say it: statements that a loop runs again and again, and a result of very many tensors."""

from __future__ import annotations

from collections import Counter
from itertools import chain

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
    outline = graph.outline
    keys = zip(outline.names, outline.symbols, outline.modules, outline.lines, strict=True)
    signs = [numbers.setdefault(key, len(numbers)) for key in keys]
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
        path, *others = outline.modules[first : first + period]
        module = path if all(other == path for other in others) else ""
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
    outline = graph.outline
    uses = Counter(chain.from_iterable(outline.inputs))
    found = []
    for place, inputs in enumerate(outline.inputs):
        if len(inputs) <= FAN:
            continue
        alone = {tensor for tensor in inputs if uses[tensor] == 1 and outline.makers[tensor] < 0}
        if len(alone) > FAN:
            operation = graph.operations[place]
            found.append(
                Stretch(place, place + 1, f"{operation.symbol} of {len(alone)} tensors", operation.module, closed=True)
            )
    return found
