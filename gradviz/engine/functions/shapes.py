"""Functions that rearrange and repeat entries, or write them in another precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.arguments import normal_axes, normal_axis
from gradviz.engine.operations import shapes
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor
from gradviz.engine.views import view_of

__all__ = [
    "adjoint", "alias_copy", "atleast_1d", "atleast_2d", "atleast_3d", "flatten", "flip", "fliplr", "flipud",
    "moveaxis", "movedim", "permute", "permute_copy", "ravel", "reshape", "roll", "rot90", "squeeze", "squeeze_copy",
    "swapaxes", "swapdims", "t", "t_copy", "transpose", "transpose_copy", "unflatten", "unsqueeze", "unsqueeze_copy",
    "view", "view_copy",
]  # fmt: skip

NOT_METHODS = [
    "alias_copy", "atleast_1d", "atleast_2d", "atleast_3d", "permute_copy", "squeeze_copy", "t_copy", "transpose_copy",
    "unsqueeze_copy", "view_copy",
]  # fmt: skip
"""Functions that are not methods of tensors too."""

# --- another shape ---------------------------------------------------------------------------------------------------


def view(input: Tensor, *size: Any) -> Tensor:
    """Arrange the entries in another shape; one length may be -1. The memory is shared."""
    wanted = _wanted(input, size)
    out = shapes.view(input, wanted, input.array.shape)
    if not _shares(input, out.array):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        )
    return view_of(input, out)


def view_as(input: Tensor, other: Tensor) -> Tensor:
    """Arrange the entries in another tensor's shape. The memory is shared."""
    return view(input, other.shape)


def reshape(input: Tensor, *shape: Any) -> Tensor:
    """Arrange the entries in another shape; one length may be -1. The memory is shared if it can be.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    wanted = _wanted(input, shape)
    if input._writable().flags.c_contiguous:
        return view_of(input, shapes.view(input, wanted, input.array.shape))
    if _shares(input, input.array.reshape(wanted)):
        return view_of(input, shapes.reshape_alias(input, wanted, input.array.shape))
    copy = shapes.contiguous(input)
    return shapes.unsafe_view(copy, wanted, copy.array.shape)


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """Arrange the entries in another tensor's shape."""
    return reshape(input, other.shape)


def _shares(input: Tensor, out: np.ndarray) -> bool:
    """Return True if NumPy could give the entries another shape without copying them."""
    array = input.array
    return array.flags.c_contiguous or not array.size or np.may_share_memory(array, out)


def _wanted(input: Tensor, size: tuple[Any, ...]) -> tuple[int, ...]:
    wanted = flat_size(size)
    if len(wanted) == 1 and isinstance(wanted[0], dtypes.dtype):
        raise NotImplementedError("gradviz has no view(dtype); supported: view(*shape), and to(dtype)")
    return shapes.sizes_for(wanted, input.numel())


def flat_size(size: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the numbers in ``f(2, 3)`` and in ``f((2, 3))``."""
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], tuple | list) else size


def contiguous(input: Tensor, memory_format: Any = None) -> Tensor:
    """Return the tensor with its entries row by row in memory: itself, or a copy."""
    return input if input._writable().flags.c_contiguous else shapes.contiguous(input)


def ravel(input: Tensor) -> Tensor:
    """Arrange all entries in one row, without a copy if they stand in order."""
    return view(contiguous(input), -1) if input.numel() else reshape(input, 0)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join the axes from `start_dim` to `end_dim` into one."""
    if input.ndim == 0:
        normal_axes((start_dim, end_dim), 0)
        return reshape(input, (1,))
    shape = input.array.shape
    start, end = normal_axis(start_dim, len(shape)), normal_axis(end_dim, len(shape))
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if start == end:
        return input
    return reshape(input, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Split an axis into several of the lengths given; one of them may be -1.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.zeros(2, 12).unflatten(1, (3, -1)).shape
    torch.Size([2, 3, 4])
    """
    axis, lengths = normal_axis(dim, input.ndim), tuple(sizes)
    if not lengths:
        raise RuntimeError("unflatten: sizes must be non-empty")
    if not input.ndim:
        raise RuntimeError("unflatten got an unexpected error:\nDimension specified as 0 but tensor has no dimensions")
    whole = input.shape[axis]
    try:
        split = shapes.sizes_for(lengths, whole)
    except RuntimeError as error:
        if "only one" in str(error) or "ambiguous" in str(error):
            raise
        raise RuntimeError(
            f"unflatten: Provided sizes {list(lengths)} don't multiply up to the size of dim {axis} ({whole}) in the input "
            "tensor"
        ) from None
    return view(input, (*input.shape[:axis], *split, *input.shape[axis + 1 :]))


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Drop axes of length 1."""
    if dim is None:
        return view_of(input, shapes.squeeze_all(input, input.array.shape))
    drop = shapes.squeeze_dims if isinstance(dim, tuple | list) else shapes.squeeze_dim
    return view_of(input, drop(input, _squeezed(input, dim), input.array.shape))


def _squeezed(input: Tensor, dim: Any) -> tuple[int, ...]:
    axes = () if isinstance(dim, tuple | list) and not dim else normal_axes(dim, input.ndim)
    _check_once(axes)
    return axes


def _check_once(axes: Sequence[int]) -> None:
    for place, axis in enumerate(axes):
        if axis in axes[:place]:
            raise RuntimeError(f"dim {axis} appears multiple times in the list of dims")


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Add an axis of length 1."""
    return view_of(input, shapes.unsqueeze(input, normal_axis(dim, input.ndim + 1)))


def _of_each(tensors: tuple[Any, ...], function: Any) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return function(tensors[0])
    return tuple(function(tensor) for tensor in flat_size(tensors))


def atleast_1d(*tensors: Any) -> Any:
    """Give a number one axis; leave other tensors as they are. Takes one tensor, or several."""
    return _of_each(tensors, lambda x: x if x.ndim else reshape(x, 1))


def atleast_2d(*tensors: Any) -> Any:
    """Give tensors at least two axes, new ones in front."""
    return _of_each(tensors, lambda x: x if x.ndim > 1 else unsqueeze(x, 0) if x.ndim else reshape(x, 1, 1))


def atleast_3d(*tensors: Any) -> Any:
    """Give tensors at least three axes: a vector stands in the middle one, a matrix in the first two."""

    def three(x: Tensor) -> Tensor:
        if x.ndim == 0:
            return reshape(x, 1, 1, 1)
        if x.ndim == 1:
            return unsqueeze(unsqueeze(x, 0), -1)
        return unsqueeze(x, -1) if x.ndim == 2 else x

    return _of_each(tensors, three)


# --- another order ---------------------------------------------------------------------------------------------------


def t(input: Tensor) -> Tensor:
    """Transpose a matrix."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return view_of(input, shapes.t(input))


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Let two axes change places."""
    return view_of(input, shapes.transpose(input, normal_axis(dim0, input.ndim), normal_axis(dim1, input.ndim)))


swapaxes = swapdims = transpose


def adjoint(input: Tensor) -> Tensor:
    """Transpose the last two axes (and conjugate, but there are no complex numbers here)."""
    return _transposed("adjoint()", input)


def _transposed(name: str, input: Tensor) -> Tensor:
    if input.ndim == 1:
        raise RuntimeError(f"{name} is only supported on matrices or batches of matrices. Got 1-D tensor.")
    if not input.ndim:
        advice = "Consider using x.conj()." if name.endswith(".H") else "This function is the identity in these cases."
        warn(f"{name[0].upper()}{name[1:]} is deprecated on 0-D tensors. {advice}")
        return input
    return transpose(input, -2, -1)


def _reversed(input: Tensor) -> Tensor:
    if input.ndim not in (0, 2):
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {input.ndim}-D tensor."
            + (" For batches of matrices, consider using tensor.mH" if input.ndim > 2 else "")
        )
    return transpose(input, 0, 1) if input.ndim else _transposed("tensor.H", input)


def permute(input: Tensor, *dims: Any) -> Tensor:
    """Put the axes into another order."""
    if not dims:
        raise TypeError('permute() missing 1 required positional arguments: "dims"')
    order = _order(input, flat_size(dims))
    return view_of(input, (shapes.flipped if order == (1, 0) else shapes.permute)(input, order))


def _order(input: Tensor, dims: Sequence[int]) -> tuple[int, ...]:
    if len(dims) != input.ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(dims)}"
        )
    order = tuple(normal_axis(axis, input.ndim) for axis in dims)
    if len(set(order)) != len(order):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return order


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Move axes to other places; the others keep their order."""
    from_axes, to_axes = _moved(source, input.ndim), _moved(destination, input.ndim)
    for name, given, axes in (("source", source, from_axes), ("destination", destination, to_axes)):
        if len(set(axes)) != len(axes):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(given)})")
    if len(from_axes) != len(to_axes):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source (["
            f"{', '.join(map(str, from_axes))}] dims) should contain the same number of dims as destination (["
            f"{', '.join(map(str, to_axes))}] dims)"
        )
    if not input.ndim:
        return view_of(input, shapes.alias(input))
    rest = [axis for axis in range(input.ndim) if axis not in from_axes]
    places = dict(zip(to_axes, from_axes, strict=True))
    waiting = iter(rest)
    return permute(input, tuple(places[axis] if axis in places else next(waiting) for axis in range(input.ndim)))


def _moved(dim: Any, ndim: int) -> tuple[int, ...]:
    return tuple(normal_axis(axis, ndim) for axis in (dim if isinstance(dim, tuple | list) else (dim,)))


moveaxis = movedim


def flip(input: Tensor, *axes: Any, dims: Any = ()) -> Tensor:
    """Turn the entries around along some axes."""
    chosen = tuple(normal_axis(axis, input.ndim) for axis in (*flat_size(axes), *dims))
    _check_once(chosen)
    return shapes.flip(input, chosen if input.ndim else ())


def fliplr(input: Tensor) -> Tensor:
    """Turn the second axis around."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


def flipud(input: Tensor) -> Tensor:
    """Turn the first axis around."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Move the entries along an axis, round the end; without `dims` as if the tensor were one row."""
    steps = tuple(shifts) if isinstance(shifts, tuple | list) else (shifts,)
    axes = () if dims is None else tuple(dims) if isinstance(dims, tuple | list) else (dims,)
    if not steps:
        raise RuntimeError("`shifts` required")
    if len(steps) != (len(axes) or 1):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(steps)}, dims:{len(axes)}")
    for axis in axes:
        input.size(axis)  # or say that there is none
    return shapes.roll(input, steps, tuple(normal_axis(axis, input.ndim) for axis in axes))


def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Turn two axes by a quarter, `k` times, from the first towards the second.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.rot90(torch.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    axes = tuple(normal_axis(axis, input.ndim) for axis in dims)
    if axes[0] == axes[1]:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    return shapes.rot90(input, k, axes)


# --- copies in place of views ----------------------------------------------------------------------------------------


def view_copy(input: Tensor, size: Any) -> Tensor:
    """Arrange the entries in another shape, in a copy."""
    return shapes.view_copy(input, _wanted(input, (size,)), input.array.shape)


def transpose_copy(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Let two axes change places, in a copy."""
    return shapes.transpose_copy(input, normal_axis(dim0, input.ndim), normal_axis(dim1, input.ndim))


def permute_copy(input: Tensor, dims: Any) -> Tensor:
    """Put the axes into another order, in a copy."""
    return shapes.permute_copy(input, _order(input, dims))


def t_copy(input: Tensor) -> Tensor:
    """Transpose a matrix, in a copy."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return shapes.t_copy(input)


def squeeze_copy(input: Tensor, dim: Any = None) -> Tensor:
    """Drop axes of length 1, in a copy."""
    if dim is None:
        return shapes.squeeze_all_copy(input, input.array.shape)
    drop = shapes.squeeze_dims_copy if isinstance(dim, tuple | list) else shapes.squeeze_dim_copy
    return drop(input, _squeezed(input, dim), input.array.shape)


def unsqueeze_copy(input: Tensor, dim: int) -> Tensor:
    """Add an axis of length 1, in a copy."""
    return shapes.unsqueeze_copy(input, normal_axis(dim, input.ndim + 1))


def alias_copy(input: Tensor) -> Tensor:
    """Copy a tensor."""
    return shapes.alias_copy(input)


METHODS = {
    "H": property(_reversed, doc="The matrix, transposed."),
    "mH": property(lambda self: _transposed("tensor.mH", self), doc="The last two axes change places."),
    "mT": property(lambda self: _transposed("tensor.mT", self), doc="The last two axes change places."),
    "contiguous": contiguous,
    "reshape_as": reshape_as,
    "view_as": view_as,
}
"""Methods of tensors that are not functions too."""
