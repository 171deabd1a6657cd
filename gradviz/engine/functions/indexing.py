"""Square brackets, and functions that take a part of a tensor."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.arguments import normal_axis, watching
from gradviz.engine.functions.diagonals import check_part
from gradviz.engine.functions.shapes import unsqueeze
from gradviz.engine.functions.subscripts import (
    OF_A_NUMBER,
    axes_of,
    check_mask,
    checked_places,
    layer_of,
    part_of,
    parts_of,
    picked,
    slice_of,
    takes_all,
)
from gradviz.engine.operations import indexing, parts, shapes
from gradviz.engine.tensor import Tensor
from gradviz.engine.views import view_of

__all__ = [
    "index_put", "narrow", "narrow_copy", "select", "select_copy", "select_scatter", "slice_copy", "slice_scatter",
]  # fmt: skip

NOT_METHODS = ["select_copy", "slice_copy"]
"""Functions that are not methods of tensors too."""

IN_PLACE = ["index_put"]


def getitem(input: Tensor, index: Any) -> Tensor:
    """Take entries: ``x[0]``, ``x[:, 1:]``, ``x[mask]``, ``x[[0, 2]]``.

    As PyTorch: numbers, slices and None are views, each by an operation of its own; then the tensors in the index pick
    entries, all together.
    """
    if type(index) is int:
        return layer_of(input, 0, index, 0)
    out, picks = viewed(input, index, whole=index)
    if picks:
        return watching(picked(out, picks), indices=index)
    return view_of(input, shapes.alias(input)) if out is input else out


def viewed(input: Tensor, index: Any, whole: Any = None) -> tuple[Tensor, list[tuple[int, np.ndarray]]]:
    """Take the view that the numbers, slices and None of an index make, and say along which axes its tensors pick from that.

    A slice that takes all of an axis makes no view, unless it is `whole`.
    """
    parts = parts_of(index)
    named = builtins.sum(axes_of(part) for part in parts)
    if named > input.ndim:
        if len(parts) == 1 and isinstance(parts[0], slice):
            raise IndexError("slice() cannot be applied to a 0-dim tensor.")
        if len(parts) == 1 and isinstance(parts[0], int):
            raise IndexError(OF_A_NUMBER)
        raise IndexError(f"too many indices for tensor of dimension {input.ndim}")
    picks: list[tuple[int, np.ndarray]] = []
    out, axis, place = input, 0, 0  # the axis of what is left, and its place in the tensor as given
    for part in parts:
        if isinstance(part, int):
            out, place = layer_of(out, axis, part, place), place + 1
        elif isinstance(part, slice):
            if whole is part or not takes_all(part, out.array.shape[axis]):
                out = slice_of(out, axis, part)
            axis, place = axis + 1, place + 1
        elif part is Ellipsis:
            axis, place = axis + input.ndim - named, place + input.ndim - named
        elif part is None:
            out, axis = unsqueeze(out, axis), axis + 1
        else:
            if not part.ndim:  # a single bool: all of the tensor, or nothing of it
                out, part = unsqueeze(out, axis), np.zeros(int(part), np.int64)
                place -= 1
            picks.append((axis, part))
            axes = axes_of(part)
            axis, place = axis + axes, place + axes
    return out, picks


def index_of(picks: list[tuple[int, np.ndarray]]) -> tuple[Any, ...]:
    """Return the picks of an index as `index_put` takes them."""
    places: list[Any] = []
    at = 0  # the axis that comes next
    for axis, part in picks:
        places += [None] * (axis - at)
        places.append(part)
        at = axis + axes_of(part)
    return tuple(places)


def plain_index(index: Any) -> Any:
    """Turn tensors in an index into arrays, and lists of numbers too, as NumPy wants them."""
    if isinstance(index, tuple):
        return tuple(plain_index(part) for part in index)
    if isinstance(index, Tensor):
        return index.array.item() if index.ndim == 0 and index.array.dtype.kind in "iu" else index.numpy()
    if isinstance(index, np.integer):
        return int(index)
    return np.asarray(index) if isinstance(index, list) else index


def index_error(input: Tensor, parts: tuple[Any, ...]) -> IndexError:
    """Say what is wrong with an index, in PyTorch's words."""
    try:
        getitem(input.detach(), parts)
    except IndexError as error:
        return error
    return IndexError(f"the index does not fit a tensor of shape {list(input.shape)}")


# --- views of parts --------------------------------------------------------------------------------------------------


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """Take one layer along an axis, as a view: ``x[index]`` for ``dim=0``."""
    axis, place = _selected(input, dim, index)
    return view_of(input, parts.select(input, axis, place, input.array.shape))


def _selected(input: Tensor, dim: int, index: Any) -> tuple[int, int]:
    if not input.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    axis, place = normal_axis(dim, input.ndim), int(index)
    size = input.shape[axis]
    if not -size <= place < size:
        raise IndexError(
            f"select(): index {place} out of range for tensor of size {list(input.shape)} at dimension {dim}"
        )
    return axis, place % size


def select_copy(input: Tensor, dim: int, index: int) -> Tensor:
    """Take one layer along an axis, as a copy."""
    return parts.select_copy(input, *_selected(input, dim, index), input.array.shape)


def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """Replace one layer along an axis, in a copy."""
    axis, place = _selected(input, dim, index)
    check_part(src, (*input.shape[:axis], *input.shape[axis + 1 :]))
    return parts.select_scatter(input, src, axis, place)


def _stretch(input: Tensor, dim: int, start: int | None, end: int | None, step: int) -> tuple[int, int, int, int]:
    axis = normal_axis(dim, input.ndim)
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    first, last, _ = slice(start, end, step).indices(input.shape[axis])
    return axis, first, builtins.max(first, last), step


def slice_copy(input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    """Take a stretch of an axis, as a copy."""
    return parts.slice_copy(input, *_stretch(input, dim, start, end, step), input.array.shape)


def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """Replace a stretch of an axis, in a copy."""
    axis, first, last, step = _stretch(input, dim, start, end, step)
    length = len(range(first, last, step))
    check_part(src, (*input.shape[:axis], length, *input.shape[axis + 1 :]))
    return parts.slice_scatter(input, src, axis, first, last, step)


def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """Take a stretch of an axis, as a view."""
    axis, first = _narrowed(input, dim, start, length)
    return view_of(input, parts.slice_(input, axis, first, first + length, 1, input.array.shape))


def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Take a stretch of an axis, as a copy."""
    axis, first = _narrowed(input, dim, start, length)
    return parts.narrow_copy(input, axis, first, length, input.array.shape)


def _narrowed(input: Tensor, dim: int, start: Any, length: int) -> tuple[int, int]:
    if not input.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    axis, first = normal_axis(dim, input.ndim), int(start)
    size = input.shape[axis]
    if not -size <= first <= size:
        raise IndexError(f"start out of range (expected to be in range of [-{size}, {size}], but got {first})")
    first += size if first < 0 else 0
    if first + length > size:
        raise RuntimeError(f"start ({first}) + length ({length}) exceeds dimension size ({size}).")
    return axis, first


def check_same_dtype(input: Tensor, values: Tensor) -> None:
    """Say that what is put into a tensor has another dtype, if so."""
    if values.dtype != input.dtype:
        names = (dtypes.scalar_type_name(x.dtype) for x in (input, values))
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got {} for the destination and {} for the "
            "source.".format(*names)
        )


def index_put(input: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False) -> Tensor:
    """Replace ``input[indices]`` by values, or add to it, in a copy."""
    parts = tuple(None if part is None else part_of(part) for part in indices)
    parts = tuple(np.asarray(part) if isinstance(part, int) else part for part in parts)
    named = builtins.sum(1 if part is None else axes_of(part) for part in parts)
    if named > input.ndim:
        raise IndexError(f"too many indices for tensor of dimension {input.ndim} (got {named})")
    places: list[Any] = []
    for part in parts:
        if part is not None and part.dtype == bool:
            check_mask(input, len(places), part)
            places.extend(np.nonzero(part))
        else:
            places.append(part)
    checked = checked_places(input, places)
    shape = np.empty(input.array.shape, np.bool_)[indexing.place_of(checked)].shape
    try:
        if np.broadcast_shapes(values.shape, shape) != shape:
            raise ValueError
    except ValueError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to indexing result of shape "
            f"{list(shape)}"
        ) from None
    check_same_dtype(input, values)
    return watching(indexing.index_put(input, values, checked, accumulate), indices=tuple(indices))
