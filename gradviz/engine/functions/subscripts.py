"""What stands in square brackets: its parts, and whether there are such places."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.engine import mixed
from gradviz.engine.operations import indexing, parts
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor
from gradviz.engine.views import view_of

NOT_AN_INDEX = (
    "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got {})"
)
OF_A_NUMBER = (
    "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim tensor "
    "to a number"
)
A_LIST_OF_INDICES = (
    "Using a non-tuple sequence for multidimensional indexing is deprecated and will be changed in pytorch 2.9; use "
    "x[tuple(seq)] instead of x[seq]. In pytorch 2.9 this will be interpreted as tensor index, x[torch.tensor(seq)], which "
    "will result either in an error or a different result"
)


def parts_of(index: Any) -> tuple[Any, ...]:
    """Return the parts of an index: numbers, slices, None, an Ellipsis, and arrays of places or bools."""
    if isinstance(index, list) and len(index) < 32 and builtins.any(_is_index_of_an_axis(part) for part in index):
        warn(A_LIST_OF_INDICES)
        index = tuple(index)
    return tuple(part_of(part) for part in index) if isinstance(index, tuple) else (part_of(index),)


def _is_index_of_an_axis(part: Any) -> bool:
    if isinstance(part, np.ndarray):
        return builtins.bool(part.ndim)
    return part is None or part is Ellipsis or isinstance(part, slice | Tensor | list | tuple)


def part_of(part: Any) -> Any:
    """Turn a part of an index into a number, a slice, None, an Ellipsis, or an array of places or bools."""
    if part is None or part is Ellipsis or (isinstance(part, int | slice) and not isinstance(part, bool)):
        return part
    if isinstance(part, np.integer):
        return int(part)
    if isinstance(part, Tensor | np.ndarray | bool | np.bool_ | list | tuple | range):
        array = np.asarray(part.array if isinstance(part, Tensor) else _array(part))
        if array.dtype.kind == "u" and array.dtype.itemsize == 1:
            warn("indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.")
            return array.astype(bool)
        if not array.ndim and array.dtype.kind in "iu":
            return int(array)
        if array.dtype.kind not in "biu":
            if not array.size and not isinstance(part, Tensor):
                return array.astype(np.int64)
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        return np.array(array)  # a copy: the graph must not notice if the index is changed later
    mixed.refuse(part)
    if hasattr(part, "__index__"):
        return int(part)
    raise IndexError(NOT_AN_INDEX.format(type(part).__name__))


def _array(part: Any) -> np.ndarray:
    if isinstance(part, list | tuple):
        mixed.refuse(part)
        part = [item.array if isinstance(item, Tensor) else item for item in part]
    return np.asarray(part)


def axes_of(part: Any) -> int:
    """Return how many axes a part of an index takes."""
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1


def layer_of(input: Tensor, dim: int, number: int, place: int) -> Tensor:
    """Take one layer along an axis, as a view; an error calls the axis `place`, where it stands in what was given."""
    shape = input.array.shape
    if not shape:
        raise IndexError(OF_A_NUMBER)
    if not -shape[dim] <= number < shape[dim]:
        raise IndexError(f"index {number} is out of bounds for dimension {place} with size {shape[dim]}")
    return view_of(input, parts.select(input, dim, number % shape[dim], shape))


def takes_all(part: slice, length: int) -> bool:
    """Return True for a slice that PyTorch leaves out, because it says that it takes everything."""
    return part.start in (None, 0) and part.step in (None, 1) and (part.stop is None or part.stop >= length)


def slice_of(input: Tensor, dim: int, part: slice) -> Tensor:
    """Take a stretch of an axis, as a view."""
    step = 1 if part.step is None else int(part.step)
    if step == 0:
        raise ValueError("slice step cannot be zero")
    if step < 0:
        raise ValueError("step must be greater than zero")
    start, end, _ = part.indices(input.array.shape[dim])
    return view_of(input, parts.slice_(input, dim, start, builtins.max(start, end), step, input.array.shape))


def picked(input: Tensor, picks: list[tuple[int, np.ndarray]]) -> Tensor:
    """Take the entries that tensors of places, or masks, pick together."""
    indices: list[Any] = [None] * input.ndim
    for axis, part in picks:
        if part.dtype == bool:
            check_mask(input, axis, part)
            indices[axis : axis + part.ndim] = np.nonzero(part)
        else:
            indices[axis] = part
    return indexing.index(input, checked_places(input, indices), input.array.shape)


def check_mask(input: Tensor, axis: int, mask: np.ndarray) -> None:
    """Say that a mask does not fit the axes it stands for."""
    for place, length in enumerate(mask.shape):
        if length != input.shape[axis + place]:
            raise IndexError(
                f"The shape of the mask {list(mask.shape)} at index {place} does not match the shape of the indexed tensor "
                f"{list(input.shape)} at index {axis + place}"
            )


def checked_places(input: Tensor, indices: Sequence[Any]) -> tuple[Any, ...]:
    """Check places against the lengths of their axes, and that they broadcast together."""
    given = [part for part in indices if part is not None]
    try:
        np.broadcast_shapes(*(part.shape for part in given))
    except ValueError:
        sizes = ", ".join(str(list(part.shape)) for part in given)
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {sizes}"
        ) from None
    given_axes = [axis for axis, part in enumerate(indices) if part is not None]
    for number, axis in enumerate(given_axes):  # PyTorch counts the indices here, not the axes
        check_places(indices[axis], input.shape[axis], number)
    while indices and indices[-1] is None:
        indices = indices[:-1]
    return tuple(indices)


def check_places(
    index: np.ndarray,
    size: int,
    dim: int,
    *,
    lowest: int | None = None,
    error: type[Exception] = IndexError,
    text: str = "index {} is out of bounds for dimension {} with size {}",
) -> None:
    """Raise an error for a place outside of an axis. Negative places count from the end, unless `lowest` is 0."""
    wrong = index[(index < (-size if lowest is None else lowest)) | (index >= size)]
    if wrong.size:
        raise error(text.format(wrong.flat[0], dim, size))
