"""Functions that take entries out, put them in, and take tensors apart."""

from __future__ import annotations

import builtins
import itertools
from typing import Any

import numpy as np

from gradviz.engine.functions.logic import where
from gradviz.engine.functions.shapes import broadcast_shape, expand, view_of
from gradviz.engine.operation import normal_axis
from gradviz.engine.operations import selection, shapes
from gradviz.engine.tensor import Tensor

__all__ = [
    "chunk", "gather", "masked_fill", "narrow", "split", "unbind",
]  # fmt: skip


def getitem(input: Tensor, index: Any) -> Tensor:
    """Take entries: ``x[0]``, ``x[:, 1:]``, ``x[mask]``, ``x[[0, 2]]``."""
    if input.ndim == 0 and index is not Ellipsis and index is not None and index != ():
        raise IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a "
            "0-dim tensor to a number"
        )
    plain = plain_index(index)
    parts = plain if isinstance(plain, tuple) else (plain,)
    if not shapes.basic(plain):
        take = shapes.index
    elif builtins.any(isinstance(part, int) for part in parts):
        take = shapes.select
    elif builtins.any(isinstance(part, slice) for part in parts):
        take = shapes.slice_
    else:
        take = shapes.alias
    try:
        out = take(input, plain, tuple(input.shape))
    except IndexError:
        raise index_error(input, parts) from None
    return view_of(input, out) if shapes.basic(plain) else out


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
    used = [part for part in parts if part is not None and part is not Ellipsis]
    if len(used) > input.ndim:
        return IndexError(f"too many indices for tensor of dimension {input.ndim}")
    for axis, part in enumerate(used):
        size = input.shape[axis]
        if isinstance(part, int) and not -size <= part < size:
            return IndexError(f"index {part} is out of bounds for dimension {axis} with size {size}")
    return IndexError(f"the index does not fit a tensor of shape {list(input.shape)}")


def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Take entries along an axis: ``out[i][j] = input[index[i][j]][j]`` for ``dim=0``."""
    return selection.gather(input, normal_axis(dim, input.ndim), index.array, tuple(input.shape))


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Take a tensor apart into its layers along an axis."""
    axis = normal_axis(dim, input.ndim)
    return tuple(view_of(input, part) for part in selection.unbind(input.shape[axis])(input, axis))


def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a tensor along an axis: into stretches of one size (the last may be shorter), or of the sizes given."""
    axis = normal_axis(dim, tensor.ndim)
    length, sizes = tensor.shape[axis], split_size_or_sections
    even = isinstance(sizes, int)
    if even:
        sizes = [builtins.min(sizes, length - start) for start in range(0, length, sizes)] or [0]
    elif builtins.sum(sizes) != length:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {length} (input tensor's size at dimension {axis}), "
            f"but got split_sizes={list(sizes)}"
        )
    ends = tuple(itertools.accumulate(sizes, initial=0))
    cut = selection.split(len(sizes), "SplitBackward0" if even else "SplitWithSizesBackward0")
    return tuple(view_of(tensor, part) for part in cut(tensor, axis, ends))


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a tensor into a number of stretches along an axis, as equal as they can be."""
    length = input.shape[normal_axis(dim, input.ndim)]
    return split(input, builtins.max(-(-length // chunks), 1), dim)


def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """Take a stretch of an axis."""
    axis = normal_axis(dim, input.ndim)
    first = int(start) + (input.shape[axis] if int(start) < 0 else 0)
    return getitem(input, (slice(None),) * axis + (slice(first, first + length),))


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Replace entries where a mask holds."""
    if isinstance(value, Tensor) and value.requires_grad:
        return where(mask, value, input)
    shape = broadcast_shape(input, mask)
    wide = input if tuple(input.shape) == shape else expand(input, shape)
    return shapes.masked_fill(wide, mask.array, value.item() if isinstance(value, Tensor) else value)
