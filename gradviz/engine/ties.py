"""Which of several equal entries comes first where PyTorch sorts or selects.

PyTorch leaves that to the C++ library it is built with, and to its own quickselect; what they do with equal entries follows
from their steps, so these are here in the same order. Each function takes the keys of one row, a list in which a smaller
number comes first, and returns the places of the entries in the order they end up in. Where no two keys are equal, any
way of sorting would do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

LONGEST = 1 << 14
"""With more entries in rows that have ties, equal entries stay in their order: PyTorch promises none, and these steps are
slow here."""

Keys = Sequence[Any]


def keys_of(row: np.ndarray, descending: bool = False) -> list[int]:
    """Return whole numbers in the order of the entries; what is not a number counts as the largest."""
    ranks = np.unique(row, return_inverse=True)[1].reshape(-1)
    return [int(rank) for rank in (-ranks if descending else ranks)]


def rows_with(ordered: np.ndarray, dim: int) -> list[tuple[int, ...]]:
    """Return the rows, of those sorted along an axis, that have equal entries or ones that are not numbers.

    Each is an index into the tensor with that axis moved to the end. There are none if going through them would take long.
    """
    rows = np.moveaxis(ordered, dim, -1)
    tied = ~((rows[..., 1:] < rows[..., :-1]) | (rows[..., 1:] > rows[..., :-1])).all(-1)
    found = np.argwhere(tied)
    return [tuple(row) for row in found] if len(found) * rows.shape[-1] <= LONGEST else []


def sort(keys: Keys) -> list[int]:
    """Sort as ``std::sort`` does: quicksort down to pieces of 16, then insertion."""
    order = list(range(len(keys)))
    _sort(order, keys, len(order))
    return order


def smallest(keys: Keys, k: int, in_order: bool = True) -> list[int]:
    """Find the first `k` as ``torch.topk`` does, which may leave them as they were found."""
    order = list(range(len(keys)))
    if k * 64 <= len(order):
        _partial_sort(order, keys, 0, k, len(order))
    elif k:
        _nth_element(order, keys, k - 1)
        if in_order:
            _sort(order, keys, k - 1)
    return order[:k]


def quickselect(keys: Keys, k: int) -> int:
    """Return the place of the entry that is `k`-th, as ``torch.kthvalue`` finds it."""
    order = list(range(len(keys)))
    swap = _swapper(order)
    above: Callable[[int, int], bool] = lambda i, j: keys[order[i]] > keys[order[j]]
    left, right = 0, len(order) - 1
    while right > left:
        if right == left + 1:
            if above(left, right):
                swap(left, right)
            break
        swap(left + (right - left) // 2, left + 1)
        for i, j in ((left + 1, right), (left, right), (left + 1, left)):
            if above(i, j):
                swap(i, j)
        i, j = left + 1, right
        while True:
            i += 1
            while above(left, i):
                i += 1
            j -= 1
            while above(j, left):
                j -= 1
            if j < i:
                break
            swap(i, j)
        swap(left, j)
        if j <= k:
            left = i
        if j >= k:
            right = j - 1
    return order[k]


# --- the steps of libstdc++ ----------------------------------------------------------------------------------------------


def _swapper(order: list[int]) -> Any:
    def swap(i: int, j: int) -> None:
        order[i], order[j] = order[j], order[i]

    return swap


def _sort(order: list[int], keys: Keys, end: int) -> None:
    pieces = [(0, end, 2 * (max(end, 1).bit_length() - 1))]
    while pieces:
        first, last, depth = pieces.pop()
        while last - first > 16:
            if not depth:
                _partial_sort(order, keys, first, last, last)
                break
            depth -= 1
            cut = _partition(order, keys, first, last)
            pieces.append((cut, last, depth))
            last = cut
    _insertion_sort(order, keys, 0, min(end, 16))
    for place in range(16, end):
        _insert(order, keys, place)


def _nth_element(order: list[int], keys: Keys, nth: int) -> None:
    first, last = 0, len(order)
    depth = 2 * (last.bit_length() - 1)
    while last - first > 3:
        if not depth:
            _heap_select(order, keys, first, nth + 1, last)
            order[first], order[nth] = order[nth], order[first]
            return
        depth -= 1
        cut = _partition(order, keys, first, last)
        first, last = (cut, last) if cut <= nth else (first, cut)
    _insertion_sort(order, keys, first, last)


def _partition(order: list[int], keys: Keys, first: int, last: int) -> int:
    """Move the median of three entries to the front, and put what is less than it before what is not."""
    a, b, c = first + 1, first + (last - first) // 2, last - 1
    x, y, z = (keys[order[place]] for place in (a, b, c))
    middle = (b if y < z else c if x < z else a) if x < y else (a if x < z else c if y < z else b)
    order[first], order[middle] = order[middle], order[first]
    pivot, low, high = keys[order[first]], first + 1, last
    while True:
        while keys[order[low]] < pivot:
            low += 1
        high -= 1
        while pivot < keys[order[high]]:
            high -= 1
        if low >= high:
            return low
        order[low], order[high] = order[high], order[low]
        low += 1


def _insertion_sort(order: list[int], keys: Keys, first: int, last: int) -> None:
    for place in range(first + 1, last):
        if keys[order[place]] < keys[order[first]]:
            order.insert(first, order.pop(place))
        else:
            _insert(order, keys, place)


def _insert(order: list[int], keys: Keys, place: int) -> None:
    key, to = keys[order[place]], place
    while key < keys[order[to - 1]]:
        to -= 1
    order.insert(to, order.pop(place))


def _partial_sort(order: list[int], keys: Keys, first: int, middle: int, last: int) -> None:
    _heap_select(order, keys, first, middle, last)
    for end in range(middle - 1, first, -1):
        _pop_heap(order, keys, first, end, end)


def _heap_select(order: list[int], keys: Keys, first: int, middle: int, last: int) -> None:
    """Keep the least entries in front, as a heap with the largest of them on top."""
    size = middle - first
    for parent in range((size - 2) // 2, -1, -1):
        _sift(order, keys, first, parent, size, order[first + parent])
    for place in range(middle, last):
        if keys[order[place]] < keys[order[first]]:
            _pop_heap(order, keys, first, middle, place)


def _pop_heap(order: list[int], keys: Keys, first: int, end: int, result: int) -> None:
    value, order[result] = order[result], order[first]
    _sift(order, keys, first, 0, end - first, value)


def _sift(order: list[int], keys: Keys, first: int, hole: int, size: int, value: int) -> None:
    top = hole
    child = hole
    while child < (size - 1) // 2:
        child = 2 * (child + 1)
        if keys[order[first + child]] < keys[order[first + child - 1]]:
            child -= 1
        order[first + hole] = order[first + child]
        hole = child
    if size % 2 == 0 and child == (size - 2) // 2:
        child = 2 * (child + 1)
        order[first + hole] = order[first + child - 1]
        hole = child - 1
    parent = (hole - 1) // 2
    while hole > top and keys[order[first + parent]] < keys[value]:
        order[first + hole] = order[first + parent]
        hole, parent = parent, (parent - 1) // 2
    order[first + hole] = value
