"""Parts of memory, by a size, strides and a first place, counted in entries, as PyTorch's ``as_strided`` has them.

What is looked at may be laid out row by row, or with strides of its own (`lies`): those of the memory that is meant, not
those of the array that is given, which may hold other numbers for the same places.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Lies = Sequence[int] | None
"""The strides of the whole, ``None`` where it lies row by row."""


def part(whole: Any, size: Sequence[int], stride: Sequence[int], offset: int | None, lies: Lies = None) -> Any:
    """Return the part of an array that stands there: a view, where the array is laid out as is said.

    Examples
    --------
    >>> part(np.arange(6).reshape(2, 3), (2,), (3,), 1)
    array([1, 4])
    """
    return _at(_in_memory(np.asarray(whole), lies), size, stride, offset or 0)


def with_part(
    whole: Any, numbers: Any, size: Sequence[int], stride: Sequence[int], offset: int | None, lies: Lies = None
) -> Any:
    """Return a copy of an array with other numbers in a part of it.

    Examples
    --------
    >>> with_part(np.zeros((2, 3)), 1, (2,), (3,), 1)
    array([[0., 1., 0.],
           [0., 1., 0.]])
    """
    whole = np.asarray(whole)
    memory = np.array(_in_memory(whole, lies))
    _at(memory, size, stride, offset or 0)[...] = numbers
    return memory.reshape(whole.shape) if lies is None else _at(memory, whole.shape, lies, 0)


def part_of(root: Any, view: Any) -> tuple[Any, ...]:
    """Return where a view's entries stand in its base.

    Parameters
    ----------
    root, view
        Arrays that share memory, of the same dtype.

    Returns
    -------
    tuple
        The view's size, its strides and its first place, counted in entries of the base's memory; and the strides of the
        base, ``None`` where its entries stand row by row.

    Examples
    --------
    >>> import numpy as np
    >>> base = np.zeros((2, 3))
    >>> part_of(base, base[:, 1])
    ((2,), (3,), 1, None)
    """
    offset = (address(view) - address(root)) // root.itemsize if view.size else 0
    return view.shape, _steps(view), offset, None if root.flags.c_contiguous else _steps(root)


def seen_in(other: Any, root: Any, view: Any) -> Any:
    """Return what a view of an array would see in another one of the same shape.

    Examples
    --------
    >>> table = np.arange(6).reshape(2, 3)
    >>> seen_in(table * 10, table, table[:, 1])
    array([10, 40])
    """
    return view if other is root else part(other, *part_of(root, view))


def _steps(array: Any) -> tuple[int, ...]:
    return tuple(stride // array.itemsize for stride in array.strides)


def address(array: Any) -> int:
    """Return where the first entry of an array lies in memory."""
    return array.__array_interface__["data"][0]


def overlap(size: Sequence[int], stride: Sequence[int]) -> bool:
    """Return True if several entries of a part may stand at one place."""
    reach = 0
    for step, length in sorted((step, length) for step, length in zip(stride, size, strict=True) if length > 1):
        if step <= reach:
            return True
        reach += step * (length - 1)
    return False


def _in_memory(whole: Any, lies: Lies) -> Any:
    """Return an array's numbers in the order of memory: the memory itself where that is how they stand."""
    if lies is None:
        return np.ascontiguousarray(whole).reshape(-1)
    length = 1 + sum(step * (size - 1) for step, size in zip(lies, whole.shape, strict=True)) if whole.size else 0
    steps = tuple(step * whole.itemsize for step in lies)
    if whole.strides == steps:
        return np.lib.stride_tricks.as_strided(whole, (length,), (whole.itemsize,))
    memory = np.zeros(length, whole.dtype)
    _at(memory, whole.shape, lies, 0)[...] = whole
    return memory


def _at(memory: Any, size: Sequence[int], stride: Sequence[int], offset: int) -> Any:
    item = memory.itemsize
    return np.ndarray(tuple(size), memory.dtype, memory, offset * item, tuple(step * item for step in stride))
