"""Windows that run over an axis, and memory seen by strides."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.arguments import normal_axis
from gradviz.engine.functions.diagonals import check_part
from gradviz.engine.operations import assignment, parts, shapes
from gradviz.engine.tensor import Tensor
from gradviz.engine.views import view_of

__all__ = ["as_strided", "as_strided_copy", "as_strided_scatter", "unfold_copy"]

NOT_METHODS = ["as_strided_copy", "unfold_copy"]
"""Functions that are not methods of tensors too."""


def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Show all windows of a length along an axis, as a view; the entries of a window are the last axis.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.arange(5).unfold(0, 3, 1)
    tensor([[0, 1, 2],
            [1, 2, 3],
            [2, 3, 4]])
    """
    axis = _window(input, dimension, size, step)
    return view_of(input, shapes.unfold(input, axis, size, step, input.array.shape))


def unfold_copy(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Return all windows of a length along an axis, as a copy; the entries of a window are the last axis."""
    return shapes.unfold_copy(input, _window(input, dimension, size, step), size, step, input.array.shape)


def _window(input: Tensor, dimension: int, size: int, step: int) -> int:
    axis = normal_axis(dimension, input.ndim)
    length = input.shape[axis] if input.ndim else 1
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > length:
        raise RuntimeError(f"maximum size for tensor at dimension {axis} is {length} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    return axis


def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """Look at a tensor's memory with steps of one's own along each axis, in entries.

    Only for tensors whose entries stand in order in memory (`Tensor.contiguous`).
    """
    _strided(input, size, stride, storage_offset)
    return view_of(input, assignment.as_strided(input, tuple(size), tuple(stride), storage_offset, None))


def as_strided_copy(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """Read a tensor's memory with steps of one's own along each axis, in entries, into a copy."""
    _strided(input, size, stride, storage_offset)
    return as_strided_copies(input, tuple(size), tuple(stride), storage_offset, None)


as_strided_copies = shapes.copied(assignment.as_strided)


def as_strided_scatter(input: Tensor, src: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """Replace what `as_strided` would show, in a copy."""
    places = _strided(input, size, stride, storage_offset)
    check_part(src, places.shape)
    return strided_scatter(input, src, places)


def _strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None) -> np.ndarray:
    """Return the places that are looked at, if there are such."""
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if not input._writable().flags.c_contiguous or (input._base is not None and input.numel() != input._base.numel()):
        raise NotImplementedError(
            "gradviz has no as_strided of part of a tensor's memory; supported: tensors that own their memory, with "
            "entries in order, such as tensor.clone()"
        )
    start = storage_offset or 0
    places = np.full(tuple(size), start)
    for axis, (length, step) in enumerate(zip(size, stride, strict=True)):
        places += (np.arange(length) * step).reshape((length,) + (1,) * (len(size) - axis - 1))
    bytes_needed = (int(places.max()) + 1) * input.itemsize if places.size else 0
    if bytes_needed > input.array.nbytes:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {start}, and itemsize "
            f"{input.itemsize} requiring a storage size of {bytes_needed} are out of bounds for storage of size "
            f"{input.array.nbytes}"
        )
    return places


strided_scatter = parts.strided_scatter


METHODS = {"unfold": unfold}
