"""Which part of an array a view of it is, as it is written in Python."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from gradviz.engine.strides import address

MOST_AXES = 6
"""A view is told by its place in an array of so many axes."""


def place_in(base: Any, view: Any) -> str:
    """Write which part of an array a view is, as in Python: ``2``, or ``:, 1:3``; ``…`` where it is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> base = np.zeros((4, 1, 2))
    >>> place_in(base, base[3]), place_in(base, base[:, 0, 1]), place_in(base, base[1:3]), place_in(base, base[::2])
    ('3', ':, 0, 1', '1:3', '…')
    """
    if not (base.flags.c_contiguous and view.size and view.ndim <= base.ndim <= MOST_AXES):
        return "…"
    left, starts = address(view) - address(base), list[int]()
    for stride in base.strides:
        start, left = divmod(left, stride)
        starts.append(start)
    # Of axes of length 1 any may be the one that was dropped: it is likelier the first.
    for kept in sorted(combinations(range(base.ndim), view.ndim), reverse=True):
        lengths = dict(zip(kept, view.shape, strict=True))
        index = tuple(
            slice(start, start + lengths[axis]) if axis in lengths else start for axis, start in enumerate(starts)
        )
        inside = all(start < length for start, length in zip(starts, base.shape, strict=True))
        found = base[(*index, ...)] if inside else base  # of a single entry an array too
        if (found.shape, found.strides, address(found)) == (view.shape, view.strides, address(view)):
            told = [_index_text(one, length) for one, length in zip(index, base.shape, strict=True)]
            while told[-1] == ":":
                told.pop()
            return ", ".join(told)
    return "…"


def _index_text(index: int | slice, length: int) -> str:
    if isinstance(index, int):
        return str(index)
    return f"{index.start or ''}:{index.stop if index.stop < length else ''}"
