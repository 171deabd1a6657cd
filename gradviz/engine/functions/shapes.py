"""Functions that rearrange, repeat and join entries, or write them in another precision."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.operation import broadcast_error, normal_axes, normal_axis
from gradviz.engine.operations import elementwise, shapes
from gradviz.engine.operations.shapes import clone
from gradviz.engine.tensor import Tensor
from gradviz.engine.views import view_of

__all__ = [
    "broadcast_to", "cat", "clone", "concat", "concatenate", "cumsum", "expand", "flatten", "flip", "fliplr",
    "flipud", "moveaxis", "movedim", "permute", "repeat", "reshape", "roll", "squeeze", "stack", "swapaxes",
    "swapdims", "t", "tile", "to", "transpose", "tril", "triu", "unsqueeze", "view",
]  # fmt: skip


def view(input: Tensor, *size: Any) -> Tensor:
    """Arrange the entries in another shape; one length may be -1. The memory is shared."""
    wanted = shapes.sizes_for(flat_size(size), input.numel())
    return view_of(input, shapes.view(input, wanted, tuple(input.shape)))


def reshape(input: Tensor, *size: Any) -> Tensor:
    """Arrange the entries in another shape; one length may be -1."""
    wanted = shapes.sizes_for(flat_size(size), input.numel())
    if input.storage().flags.c_contiguous:
        return view_of(input, shapes.view(input, wanted, tuple(input.shape)))
    copy = clone(input)
    return shapes.unsafe_view(copy, wanted, tuple(copy.shape))


def flat_size(size: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], tuple | list) else size


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join the axes from `start_dim` to `end_dim` into one."""
    if input.ndim == 0:
        return reshape(input, (1,))
    start, end = normal_axis(start_dim, input.ndim), normal_axis(end_dim, input.ndim)
    if start == end:
        return input
    return reshape(input, (*input.shape[:start], -1, *input.shape[end + 1 :]))


def t(input: Tensor) -> Tensor:
    """Transpose a matrix."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return view_of(input, shapes.t(input))


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Let two axes change places."""
    if not input.ndim:
        normal_axis(dim0, 0), normal_axis(dim1, 0)
        return view_of(input, shapes.alias(input, ..., ()))
    return view_of(input, shapes.transpose(input, normal_axis(dim0, input.ndim), normal_axis(dim1, input.ndim)))


swapaxes = swapdims = transpose


def permute(input: Tensor, *dims: Any) -> Tensor:
    """Put the axes into another order."""
    return view_of(input, shapes.permute(input, tuple(normal_axis(d, input.ndim) for d in flat_size(dims))))


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Drop axes of length 1."""
    if dim is None:
        return view_of(input, shapes.squeeze_all(input, tuple(input.shape)))
    drop = shapes.squeeze_dims if isinstance(dim, tuple | list) else shapes.squeeze_dim
    axes = () if isinstance(dim, tuple | list) and not dim else normal_axes(dim, input.ndim)
    return view_of(input, drop(input, axes, tuple(input.shape)))


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Add an axis of length 1."""
    return view_of(input, shapes.unsqueeze(input, normal_axis(dim, input.ndim + 1)))


def expand(input: Tensor, *size: Any) -> Tensor:
    """Repeat along axes of length 1, without copying."""
    wanted = list(flat_size(size))
    extra = len(wanted) - input.ndim
    for axis, length in enumerate(wanted):
        have = input.shape[axis - extra] if axis >= extra else 1
        if length == -1:
            wanted[axis] = have
        elif have not in (1, length):
            raise RuntimeError(
                f"The expanded size of the tensor ({length}) must match the existing size ({have}) at non-singleton "
                f"dimension {axis}.  Target sizes: {wanted}.  Tensor sizes: {list(input.shape)}"
            )
    return view_of(input, shapes.expand(input, tuple(wanted)))


def broadcast_shape(*tensors: Tensor) -> tuple[int, ...]:
    """Return the shape that tensors have together when broadcast."""
    try:
        return np.broadcast_shapes(*(tuple(tensor.shape) for tensor in tensors))
    except ValueError:
        raise broadcast_error(tensors[0].array, tensors[1].array) from None


def broadcast_to(input: Tensor, shape: Any) -> Tensor:
    """Repeat along axes of length 1, without copying."""
    return expand(input, tuple(shape))


def flip(input: Tensor, *axes: Any, dims: Any = ()) -> Tensor:
    """Turn the entries around along some axes."""
    chosen = (*flat_size(axes), *dims)
    return shapes.flip(input, tuple(normal_axis(axis, input.ndim) for axis in chosen) if input.ndim else ())


def fliplr(input: Tensor) -> Tensor:
    """Turn the second axis around."""
    return flip(input, 1)


def flipud(input: Tensor) -> Tensor:
    """Turn the first axis around."""
    return flip(input, 0)


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Move the entries along an axis, round the end; without `dims` as if the tensor were one row."""
    steps = tuple(shifts) if isinstance(shifts, tuple | list) else (shifts,)
    axes = () if dims is None else tuple(dims) if isinstance(dims, tuple | list) else (dims,)
    return shapes.roll(input, steps, axes)


def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """Lay copies side by side, so many along each axis."""
    times = tuple(int(number) for number in flat_size(repeats))
    if len(times) < input.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    return shapes.repeat(input, times, tuple(input.shape))


def tile(input: Tensor, *dims: Any) -> Tensor:
    """Lay copies side by side; axes that are not named are not repeated."""
    times = tuple(flat_size(dims))
    return repeat(input, (1,) * (input.ndim - len(times)) + times)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Set what stands above a diagonal to 0."""
    return shapes.tril(input, diagonal)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Set what stands below a diagonal to 0."""
    return shapes.triu(input, diagonal)


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Move axes to other places; the others keep their order."""
    from_axes, to_axes = normal_axes(source, input.ndim), normal_axes(destination, input.ndim)
    rest = [axis for axis in range(input.ndim) if axis not in from_axes]
    places = dict(zip(to_axes, from_axes, strict=True))
    waiting = iter(rest)
    return permute(input, tuple(places[axis] if axis in places else next(waiting) for axis in range(input.ndim)))


moveaxis = movedim


def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Add up along an axis, keeping every sum on the way."""
    return shapes.cumsum(input if dtype is None else input.to(dtype), normal_axis(dim, input.ndim))


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors along an existing axis. Empty vectors may be among them, whatever the others' shapes."""
    tensors = tuple(tensors)
    tensors = tuple(x for x in tensors if x.shape != (0,)) or tensors[:1]
    axis = normal_axis(dim, tensors[0].ndim)
    for number, other in enumerate(tensors):
        for place, (have, want) in enumerate(zip(other.shape, tensors[0].shape, strict=True)):
            if place != axis and have != want:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {axis}. Expected size {want} but got size {have} "
                    f"for tensor number {number} in the list."
                )
    ends = tuple(itertools.accumulate((x.shape[axis] for x in tensors), initial=0))
    return shapes.cat(len(tensors))(*tensors, axis, ends)


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors along a new axis."""
    tensors = tuple(tensors)
    for number, other in enumerate(tensors):
        if other.shape != tensors[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} at entry 0 and "
                f"{list(other.shape)} at entry {number}"
            )
    return shapes.stack(len(tensors))(*tensors, normal_axis(dim, tensors[0].ndim + 1))


concat = concatenate = cat


def to(input: Tensor, *args: Any, dtype: Any = None, copy: bool = False, **ignored: Any) -> Tensor:
    """Convert to another dtype; devices are accepted and mean nothing here."""
    for argument in args:
        if isinstance(argument, Tensor):
            dtype = argument.dtype
        elif isinstance(argument, dtypes.dtype | np.dtype):
            dtype = argument
    kind = input.array.dtype if dtype is None else dtypes.to_numpy(dtype)
    if kind == input.array.dtype and not copy:
        return input
    return elementwise.to_copy(input, kind)
