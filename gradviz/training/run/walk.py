"""One walk through the memory of a large array, block by block: what a step has added to it, its copy, and its statistics.

Of a network's weights, that do not fit into a processor's caches, all this takes about as long as to read them; one after the
other it would take as long as to read them seven times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

BLOCK = 2**15
"""Entries that are looked at together."""

FEW = 64
"""Entries that show of nearly every parameter that it has moved."""


@dataclass(slots=True)
class Walk:
    """What was found on the way.

    Attributes
    ----------
    low, high
        The least and the greatest entry; nan if any is.
    total, squares
        The sum of the entries, and of their squares.
    zeros
        How many are 0.
    added
        The sum of the squares of what was added.
    """

    low: float = math.inf
    high: float = -math.inf
    total: float = 0.0
    squares: float = 0.0
    zeros: int = 0
    added: float = 0.0


def walk(array: Any, before: Any = None, copy: Any = None) -> Walk:
    """Walk through an array of floats.

    Parameters
    ----------
    array
        The array.
    before
        What it was, if it is to be seen by how much it has changed.
    copy
        An array of its shape, that it is written into on the way.

    Examples
    --------
    >>> walk(np.array([3.0, 0.0, -4.0])).squares
    25.0
    """
    if array.dtype.itemsize < 4:  # squares and sums of half precision are soon too large for it
        array, before = array.astype(np.float32), None if before is None else before.astype(np.float32)
    found, now = Walk(), array.reshape(-1)
    old, new = (None if one is None else one.reshape(-1) for one in (before, copy))
    size = min(BLOCK, now.size)
    zero, change, ones = np.empty(size, bool), np.empty(size, now.dtype), _ones(size, now.dtype)
    low, high = [], []
    with np.errstate(all="ignore"):
        for start in range(0, now.size, BLOCK):
            block = now[start : start + BLOCK]
            if old is not None:
                added = np.subtract(block, old[start : start + BLOCK], out=change[: block.size])
                found.added += float(np.dot(added, added))
            if new is not None:
                new[start : start + BLOCK] = block
            low.append(float(np.minimum.reduce(block)))
            high.append(float(np.maximum.reduce(block)))
            found.total += float(np.dot(block, ones[: block.size]))  # in less than half the time of a sum
            found.squares += float(np.dot(block, block))
            found.zeros += int(np.count_nonzero(np.equal(block, 0, out=zero[: block.size])))
        # NumPy's, which are nan where an entry is; Python's keep whichever comes first.
        found.low, found.high = float(np.min(low)), float(np.max(high))
        if not math.isfinite(found.squares + found.added) and now.dtype.itemsize < 8:
            return walk(now.astype(np.float64), None if old is None else old.astype(np.float64))
    return found


@lru_cache(maxsize=8)
def _ones(size: int, dtype: Any) -> Any:
    return np.ones(size, dtype)


def added(array: Any, before: Any, copy: Any) -> float:
    """Return the length of what was added to an array of floats, and write the array into its copy."""
    now, old, new = (one.reshape(-1) for one in (array, before, copy))
    change, squares = np.empty(min(BLOCK, now.size), now.dtype), 0.0
    with np.errstate(all="ignore"):
        for start in range(0, now.size, BLOCK):
            block = now[start : start + BLOCK]
            new[start : start + BLOCK] = block
            one = np.subtract(block, old[start : start + BLOCK], out=change[: block.size])
            squares += float(np.dot(one, one))
        if math.isfinite(squares) and now.dtype.itemsize > 2:
            return math.sqrt(squares)
        return norm(copy.astype(np.float64) - before)


def norm(array: Any) -> float:
    """Return the Euclidean norm of an array: of a large one to the last digit what `walk` finds."""
    flat = np.ravel(array)
    if flat.dtype.kind != "f":
        return float(np.linalg.norm(flat))
    if flat.dtype.itemsize < 4:
        flat = flat.astype(np.float32)
    squares = 0.0
    with np.errstate(all="ignore"):
        for start in range(0, flat.size, BLOCK):
            block = flat[start : start + BLOCK]
            squares += float(np.dot(block, block))
    # The square of a float32 may be too large for one.
    return math.sqrt(squares) if math.isfinite(squares) or flat.dtype.itemsize == 8 else norm(flat.astype(np.float64))


def moved(before: Any, array: Any) -> bool:
    """Return True if an array has changed: as soon as a block is found that has."""
    old, now = before.reshape(-1), array.reshape(-1)
    if not np.array_equal(old[:FEW], now[:FEW]):
        return True
    return any(
        not np.array_equal(old[start : start + BLOCK], now[start : start + BLOCK])
        for start in range(0, now.size, BLOCK)
    )
