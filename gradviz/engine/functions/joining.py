"""Functions that join tensors, and those that take them apart again."""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.engine.arguments import normal_axis
from gradviz.engine.functions.repeating import expand
from gradviz.engine.functions.scattering import masked_select
from gradviz.engine.functions.shapes import atleast_1d, atleast_2d, atleast_3d, flat_size, flatten, reshape, view
from gradviz.engine.functions.subscripts import slice_of
from gradviz.engine.operations import joining
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor, wrap
from gradviz.engine.views import view_of

__all__ = [
    "block_diag", "cartesian_prod", "cat", "chunk", "column_stack", "combinations", "concat", "concatenate", "dsplit",
    "dstack", "hsplit", "hstack", "meshgrid", "row_stack", "split", "split_copy", "split_with_sizes",
    "split_with_sizes_copy", "stack", "tensor_split", "unbind", "unbind_copy", "unsafe_chunk", "unsafe_split",
    "unsafe_split_with_sizes", "vsplit", "vstack",
]  # fmt: skip

NOT_METHODS = [
    "block_diag", "cartesian_prod", "cat", "column_stack", "combinations", "concat", "concatenate", "dstack", "hstack",
    "meshgrid", "row_stack", "split_copy", "split_with_sizes_copy", "stack", "unbind_copy", "vstack",
]  # fmt: skip
"""Functions that are not methods of tensors too."""

# --- joining ---------------------------------------------------------------------------------------------------------


def _several(name: str, tensors: Any) -> tuple[Tensor, ...]:
    together = tuple(tensors)
    if not together:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    for place, tensor in enumerate(together):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"expected Tensor as element {place} in argument 0, but got {type(tensor).__name__}")
    return together


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors along an existing axis. Empty vectors may be among them, whatever the others' shapes.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.cat([torch.zeros(2), torch.ones(1)])
    tensor([0., 0., 1.])
    """
    if not len(tensors):
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    together = _several("cat", tensors)
    shape = next((x.array.shape for x in together if x.array.shape != (0,)), (0,))
    for number, x in enumerate(together):
        if not x.array.shape:
            raise RuntimeError(f"zero-dimensional tensor (at position {number}) cannot be concatenated")
    axis = normal_axis(dim, len(shape))
    if len(shape) > 1:
        empty = (*shape[:axis], 0, *shape[axis + 1 :])
        together = tuple(reshape(x, empty) if x.array.shape == (0,) else x for x in together)
    ends = [0]
    for number, other in enumerate(together):
        size = other.array.shape
        if len(size) != len(shape):
            raise RuntimeError(f"Tensors must have same number of dimensions: got {len(shape)} and {len(size)}")
        for place, (have, want) in enumerate(zip(size, shape, strict=True)):
            if have != want and place != axis:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {axis}. Expected size {want} but got size {have} "
                    f"for tensor number {number} in the list."
                )
        ends.append(ends[-1] + size[axis])
    return joining.cat(len(together))(*together, axis, tuple(ends))


concat = concatenate = cat


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors along a new axis."""
    together = _several("stack", tensors)
    shape = together[0].array.shape
    for number, other in enumerate(together):
        if other.array.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and {list(other.shape)} at "
                f"entry {number}"
            )
    return joining.stack(len(together))(*together, normal_axis(dim, len(shape) + 1))


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors side by side: vectors along their only axis, others along the second."""
    together = atleast_1d(*_several("hstack", tensors))
    together = together if isinstance(together, tuple) else (together,)
    return cat(together, 0 if together[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors one below the other; a vector is a row."""
    return cat([atleast_2d(tensor) for tensor in _several("vstack", tensors)], 0)


row_stack = vstack


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors one behind the other, along the third axis."""
    return cat([atleast_3d(tensor) for tensor in _several("dstack", tensors)], 2)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors side by side; a vector is a column."""
    together = _several("column_stack", tensors)
    return cat([reshape(x, (x.numel(), 1)) if x.ndim < 2 else x for x in together], 1)


def block_diag(*tensors: Tensor) -> Tensor:
    """Put matrices along the diagonal of a larger one, with zeros around them."""
    for place, tensor in enumerate(tensors):
        if tensor.ndim > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {place} has {tensor.ndim} "
                "dimensions"
            )
    return joining.block_diag(len(tensors))(*tensors, tuple(tensor.array.shape for tensor in tensors))


def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Repeat vectors into grids: what stands at a place in all of them together is one combination of their entries.

    Parameters
    ----------
    indexing
        ``"ij"``: the first vector runs down the rows, the second along the columns. ``"xy"``: the other way round, as
        coordinates in a picture do.
    """
    together = tuple(flat_size(tensors))
    if not together:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for tensor in together:
        if tensor.ndim > 1:
            raise RuntimeError(
                f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got a tensor of shape "
                f"{list(tensor.shape)}"
            )
        if tensor.dtype != together[0].dtype:
            raise RuntimeError("torch.meshgrid: expects all tensors to have the same dtype")
    if indexing is None:
        warn("torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument.")
    elif indexing not in ("ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    return _grid(together, swapped=indexing == "xy")


def _grid(vectors: tuple[Tensor, ...], swapped: bool = False) -> tuple[Tensor, ...]:
    count = len(vectors)
    axes = [1, 0, *range(2, count)] if swapped and count > 1 else range(count)
    lengths = [0] * count
    for vector, axis in zip(vectors, axes, strict=True):
        lengths[axis] = vector.numel()
    grids = [
        expand(view(vectors[place], [lengths[axis] if at == axis else 1 for at in range(count)]), lengths)
        for axis, place in enumerate(axes)  # (the swap is its own inverse)
    ]
    return tuple(grids[axis] for axis in axes)


def _check_vectors(vectors: Sequence[Tensor]) -> None:
    for vector in vectors:
        if vector.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(vector.shape)}")


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """Return all combinations of one entry of each vector, as rows."""
    _check_vectors(tensors)
    if len(tensors) == 1:
        return tensors[0]
    return stack([flatten(grid) for grid in _grid(tensors)], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Return all ways to choose `r` entries of a vector, as rows.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.combinations(torch.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    _check_vectors([input])
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return wrap(np.zeros(0, input.array.dtype))
    order = np.indices((input.numel(),) * r)
    rising = np.less_equal if with_replacement else np.less
    mask = wrap(np.logical_and.reduce(rising(order[:-1], order[1:]), axis=0))
    return stack([masked_select(grid, mask) for grid in _grid((input,) * r)], 1)


# --- taking apart ----------------------------------------------------------------------------------------------------


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Take a tensor apart into its layers along an axis."""
    if not input.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    axis = normal_axis(dim, input.ndim)
    count = input.shape[axis]
    return tuple(view_of(input, part, "several") for part in joining.unbind(count)(input, axis)) if count else ()


def unbind_copy(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Take a tensor apart into copies of its layers along an axis."""
    axis = normal_axis(dim, input.ndim)
    count = input.shape[axis]
    return joining.unbind(count, True)(input, axis) if count else ()


def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a tensor along an axis: into stretches of one size (the last may be shorter), or of the sizes given.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.arange(5).split(2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    name = "SplitBackward0" if isinstance(split_size_or_sections, int) else "SplitWithSizesBackward0"
    parts = _cut(tensor, split_size_or_sections, dim, name)
    return tuple(view_of(tensor, part, "several") for part in parts)


def _cut(tensor: Tensor, sizes: Any, dim: int, grad_fn: str, copies: bool = False) -> tuple[Tensor, ...]:
    if not tensor.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    axis = normal_axis(dim, tensor.ndim)
    length = tensor.shape[axis]
    if isinstance(sizes, int):
        if sizes < 0:
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={sizes}")
        if not sizes and length:
            raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {length}")
        sizes = [builtins.min(sizes, length - start) for start in range(0, length, sizes or 1)] or [0]
    else:
        sizes = [int(size) for size in sizes]
        if builtins.sum(sizes) != length or builtins.any(size < 0 for size in sizes):
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {length} (input tensor's size at dimension "
                f"{axis}), but got split_sizes={sizes}"
            )
    return joining.split(len(sizes), grad_fn, copies)(tensor, axis, tuple(sizes)) if sizes else ()


def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a tensor along an axis into stretches of the sizes given."""
    return split(input, tuple(split_sizes), dim)


def split_copy(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a tensor along an axis into copies of its stretches, all of one size."""
    return _cut(input, split_size, dim, "SplitBackward0_copy", True)


def split_with_sizes_copy(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a tensor along an axis into copies of its stretches, of the sizes given."""
    return _cut(input, tuple(split_sizes), dim, "SplitWithSizesBackward0_copy", True)


def unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut as `split` does, into parts that may be changed in place."""
    return _cut(input, split_size, dim, "UnsafeSplitBackward0", True)


def unsafe_split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Cut as `split_with_sizes` does, into parts that may be changed in place."""
    return _cut(input, tuple(split_sizes), dim, "UnsafeSplitWithSizesBackward0", True)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a tensor into a number of stretches along an axis, as equal as they can be."""
    sizes = _chunks(input, chunks, dim)
    return split(input, sizes, dim)


def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut as `chunk` does, into parts that may be changed in place."""
    sizes = _chunks(input, chunks, dim)
    return unsafe_split(input, sizes, dim) if isinstance(sizes, int) else unsafe_split_with_sizes(input, sizes, dim)


def _chunks(input: Tensor, chunks: int, dim: int) -> Any:
    if not input.ndim:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    length = input.shape[normal_axis(dim, input.ndim)]
    return -(-length // chunks) if length else (0,) * chunks


def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a tensor along an axis into a number of stretches of nearly one size, or at the places given.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.arange(5).tensor_split((1, 3))
    (tensor([0]), tensor([1, 2]), tensor([3, 4]))
    """
    if not input.ndim:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    axis, where = normal_axis(dim, input.ndim), indices_or_sections
    if isinstance(where, Tensor):
        if where.ndim > 1:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor, but "
                f"got a tensor with {where.ndim} dims"
            )
        where = where.tolist()
    length = input.shape[axis]
    if isinstance(where, int):
        if where <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {where}")
        size, longer = divmod(length, where)
        ends = [place * size + builtins.min(place, longer) for place in range(where + 1)]
        cuts = [slice(start, end) for start, end in itertools.pairwise(ends)]
    else:
        cuts = [slice(start, end) for start, end in zip((0, *where), (*where, length), strict=True)]
    return tuple(slice_of(input, axis, cut) for cut in cuts)


def _halves(name: str, least: int, input: Tensor, where: Any, axis: int) -> tuple[Tensor, ...]:
    if input.ndim < least:
        raise RuntimeError(
            f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with {input.ndim} "
            "dimensions!"
        )
    if isinstance(where, int) and (where <= 0 or input.shape[axis] % where):
        raise RuntimeError(
            f"torch.{name} attempted to split along dimension {axis}, but the size of the dimension {input.shape[axis]} is "
            f"not divisible by the split_size {where}!"
        )
    return tensor_split(input, where, axis)


def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Cut a tensor into parts side by side: a vector along its only axis, others along the second."""
    return _halves("hsplit", 1, input, indices_or_sections, 0 if input.ndim == 1 else 1)


def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Cut a tensor into parts one below the other."""
    return _halves("vsplit", 2, input, indices_or_sections, 0)


def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Cut a tensor into parts one behind the other, along the third axis."""
    return _halves("dsplit", 3, input, indices_or_sections, 2)
