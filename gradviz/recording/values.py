"""Arrays as frozen values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache, reduce
from itertools import pairwise
from operator import add
from typing import Any

import numpy as np

from gradviz.engine.numerals import DIGITS
from gradviz.recording.histogram import sizes, spread
from gradviz.recording.later import Write, maker, waiting
from gradviz.recording.model import FULL_VALUE_LIMIT, Summary, Value

PREVIEW_SIZE, PREVIEW_LAYERS, PREVIEW_OF_A_LAYER = 12, 8, 8

COPIED_UP_TO = 64 * 1024
"""Bytes of an array of which a copy is kept until somebody reads its numbers: as tuples of Python's they would take more."""


def value_of(array: Any) -> Value:
    """Freeze an array: in full where it is small, else as its statistics and a small preview.

    Parameters
    ----------
    array
        An ndarray or a NumPy scalar.
    """
    array = np.asarray(array)
    if array.size <= FULL_VALUE_LIMIT:
        return Value(array.shape, dtype_text(array.dtype), _numbers(array))
    return Value(array.shape, dtype_text(array.dtype), None, summary_of(array), value_of(preview_of(array)))


_printed_as_told = maker(Value, "shape", "dtype", "image")
_printed_plainly = maker(Value, "shape", "dtype", "digits", "dust", "image")


def kept(array: Any, printed: Write | None = None) -> tuple[Any, Value]:
    """Keep what stands in an array now, whatever is written into it later.

    Parameters
    ----------
    array
        An ndarray or a NumPy scalar.
    printed
        What says of the copy, as its last argument, how it is to be printed: the fields `digits` and `dust` of its `Value`.

    Returns
    -------
    tuple
        A copy of the array, or ``None`` if it is large; and its `Value`, in which the numbers of the copy are written when they
        are first read. A large array is summarised at once, as its memory may change.
    """
    copy = copied(array)
    return (None, value_of(array)) if copy is None else (copy, value_of_copy(copy, printed))


def copied(array: Any) -> Any:
    """Copy an array that is not large; ``None`` for one that is."""
    if not array.shape and array.dtype.kind != "O":
        return array[()]  # which nobody can change; of a number too large for NumPy it would be Python's
    return None if array.nbytes > COPIED_UP_TO else array.copy()


def value_of_copy(array: Any, printed: Write | None = None) -> Value:
    """Freeze an array that nobody writes into; its numbers are written when they are first read."""
    shape, dtype = array.shape, dtype_text(array.dtype)
    if printed is None:
        return _printed_plainly((_entries, array), None, shape, dtype, DIGITS, ())
    # To see how numbers are to be printed costs more than to have them: what is only computed with is not asked.
    return _printed_as_told((_entries, array), (*printed, array), shape, dtype)


def entries_of(value: Value) -> np.ndarray[Any, Any] | None:
    """Return a value's numbers as an array, ``None`` if not all are kept; nothing is written in Python's numbers for that."""
    write = waiting(value)
    if isinstance(write, tuple) and write[0] is _entries:
        array = np.asarray(write[1])
        return array if array.size <= FULL_VALUE_LIMIT else None
    return None if value.data is None else np.asarray(value.data)


def is_whole(value: Value) -> bool:
    """Return whether all of a value's numbers are kept; nothing is written for that."""
    write = waiting(value)
    if isinstance(write, tuple) and write[0] is _entries:
        return bool(np.size(write[1]) <= FULL_VALUE_LIMIT)
    return (isinstance(write, tuple) and write[0] is _sums) or value.data is not None


def sum_of(parts: Sequence[Value]) -> Value:
    """Return the sum of some values of which all numbers are kept, entry by entry; it is worked out when it is first read.

    It is printed with as many digits as the first of them. The list of parts may grow later.
    """
    first = parts[0]
    return _printed_as_told((_sums, parts, len(parts)), (_as_first, first), first.shape, first.dtype, first.image)


def _sums(parts: Sequence[Value], count: int) -> Mapping[str, Any]:
    columns = zip(*(part.data or () for part in parts[:count]), strict=True)
    return {"data": tuple([reduce(add, numbers) for numbers in columns]), "summary": None, "preview": None}


def _as_first(first: Value) -> Mapping[str, Any]:
    return {"digits": first.digits, "dust": first.dust}


def _entries(array: Any) -> Mapping[str, Any]:
    value = value_of(array)
    return {"data": value.data, "summary": value.summary, "preview": value.preview}


@lru_cache(maxsize=64)
def dtype_text(dtype: np.dtype[Any]) -> str:
    """Name a dtype, ``"float32"``; NumPy works its names out anew each time."""
    return str(dtype)


def _numbers(array: np.ndarray[Any, Any]) -> tuple[Any, ...]:
    flat = array.ravel()
    if flat.dtype.kind == "f" and flat.dtype.itemsize < 8:
        # The shortest decimal that reads back as the same float32: 0.1, not 0.10000000149011612.
        return tuple([float(str(number)) for number in flat])
    return tuple(flat.tolist())


def summary_of(array: np.ndarray[Any, Any]) -> Summary:
    """Return the statistics of an array; those of the finite entries, where they are numbers."""
    numbers = array.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    few = finite if finite.size else np.zeros(1)
    return Summary(
        mean=float(few.mean()),
        sd=float(few.std()),
        min=float(few.min()),
        max=float(few.max()),
        zeros=int((numbers == 0).sum()),
        nans=int(np.isnan(numbers).sum()),
        infs=int(np.isinf(numbers).sum()),
        spread=spread(finite),
        sizes=sizes(finite),
    )


def preview_of(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Average a matrix over at most 12 by 12 blocks; of a tensor with more axes, each of its first matrices."""
    if array.ndim < 3:
        return _blocks(array.reshape(-1, array.shape[-1]), PREVIEW_SIZE)
    layers = array.reshape(-1, *array.shape[-2:])[:PREVIEW_LAYERS]
    if max(layers.shape[1:]) <= PREVIEW_OF_A_LAYER:  # a block has one entry: there is nothing to be averaged
        with np.errstate(all="ignore"):
            return layers.astype(np.float32)
    return np.stack([_blocks(layer, PREVIEW_OF_A_LAYER) for layer in layers])


def preview_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the preview of an array of a shape.

    Examples
    --------
    >>> preview_shape((784, 10)), preview_shape((5000,)), preview_shape((4, 16, 28, 28))
    ((12, 10), (1, 12), (8, 8, 8))
    """
    rows, columns = ((1, 1, *shape) if len(shape) < 2 else shape)[-2:]
    most = PREVIEW_SIZE if len(shape) < 3 else PREVIEW_OF_A_LAYER
    layers = () if len(shape) < 3 else (min(math.prod(shape[:-2]), PREVIEW_LAYERS),)
    return (*layers, min(rows, most), min(columns, most))


def _blocks(matrix: np.ndarray[Any, Any], most: int) -> np.ndarray[Any, Any]:
    if matrix.dtype.kind != "f" or matrix.dtype.itemsize < 4:
        matrix = matrix.astype(np.float64)
    with np.errstate(all="ignore"):
        # Block by block along the rows, which NumPy sums faster than `add.reduceat` does.
        edges = _edges(matrix.shape[0], most)
        matrix = np.array([np.add.reduce(matrix[start:end], axis=0) for start, end in pairwise(edges)])
        across = _edges(matrix.shape[1], most)
        sums = np.add.reduceat(matrix.astype(np.float64), across[:-1], axis=1)
        return (sums / (_lengths(edges)[:, None] * _lengths(across))).astype(np.float32)


@lru_cache(maxsize=64)
def _edges(length: int, most: int) -> tuple[int, ...]:
    count = min(most, length)
    return tuple(place * length // count for place in range(count + 1))


@lru_cache(maxsize=64)
def _lengths(edges: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return np.diff(edges)
