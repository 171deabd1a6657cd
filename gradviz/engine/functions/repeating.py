"""Functions that use entries several times over, and `clone`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.arguments import normal_axis
from gradviz.engine.broadcast import broadcast_error
from gradviz.engine.functions.shapes import flat_size, flatten, unsqueeze, view
from gradviz.engine.operations import shapes
from gradviz.engine.tensor import Tensor, wrap
from gradviz.engine.views import view_of

__all__ = [
    "broadcast_shapes", "broadcast_tensors", "broadcast_to", "clone", "expand", "expand_copy", "repeat",
    "repeat_interleave", "tile",
]  # fmt: skip

NOT_METHODS = ["broadcast_shapes", "broadcast_tensors", "expand_copy"]
"""Functions that are not methods of tensors too."""


def expand(input: Tensor, *size: Any, implicit: bool = False) -> Tensor:
    """Repeat along axes of length 1, without copying."""
    return view_of(input, shapes.expand(input, _expanded(input, flat_size(size))))


def _expanded(input: Tensor, size: Sequence[int]) -> tuple[int, ...]:
    wanted = list(size)
    extra = len(wanted) - input.ndim
    if extra < 0:
        kind = dtypes.tensor_type_name(input.dtype)
        raise RuntimeError(
            f"expand({kind}{{{list(input.shape)}}}, size={wanted}): the number of sizes provided ({len(wanted)}) must be "
            f"greater or equal to the number of dimensions in the tensor ({input.ndim})"
        )
    for axis, length in reversed(list(enumerate(wanted))):
        have = input.shape[axis - extra] if axis >= extra else 1
        if length == -1 and axis < extra:
            raise RuntimeError(
                f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {axis}"
            )
        if length == -1:
            wanted[axis] = have
        elif have not in (1, length):
            raise RuntimeError(
                f"The expanded size of the tensor ({length}) must match the existing size ({have}) at non-singleton "
                f"dimension {axis}.  Target sizes: {wanted}.  Tensor sizes: {list(input.shape)}"
            )
    return tuple(wanted)


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Repeat along axes of length 1 to another tensor's shape, without copying."""
    return expand(input, other.shape)


def broadcast_shape(*tensors: Tensor) -> tuple[int, ...]:
    """Return the shape that tensors have together when broadcast."""
    try:
        return np.broadcast_shapes(*(tensor.array.shape for tensor in tensors))
    except ValueError:
        for tensor in tensors[1:]:
            try:
                np.broadcast_shapes(tensors[0].shape, tensor.shape)
            except ValueError:
                raise broadcast_error(tensors[0].array, tensor.array) from None
        raise


def broadcast_shapes(*shapes: Any) -> Any:
    """Return the shape that tensors of these shapes have together when broadcast."""
    from gradviz.engine.size import Size

    sizes = [(shape,) if isinstance(shape, int) else tuple(shape) for shape in shapes]
    result: tuple[int, ...] = ()
    for place, size in enumerate(sizes):
        try:
            result = np.broadcast_shapes(result, size)
        except ValueError:
            axis = next(i for i in range(-1, -len(size) - 1, -1) if size[i] != 1 and result[i] not in (1, size[i]))
            raise RuntimeError(
                f"Attempting to broadcast a dimension of length {size[axis]} at {axis}! Mismatching argument at index "
                f"{place} had {size}; but expected shape should be broadcastable to {list(result)}"
            ) from None
    return Size(result)


def broadcast_to(input: Tensor, *size: Any) -> Tensor:
    """Repeat along axes of length 1, without copying; as a method, ``x.broadcast_to(2, 3)`` will do."""
    return expand(input, *size)


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Repeat tensors along axes of length 1 until all have one shape, without copying."""
    together = flat_size(tensors)
    shape = broadcast_shape(*together)
    return tuple(tensor if tensor.array.shape == shape else expand(tensor, shape) for tensor in together)


def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """Lay copies side by side, so many along each axis."""
    times = tuple(int(number) for number in flat_size(repeats))
    if len(times) < input.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    if any(number < 0 for number in times):
        full = (1,) * (len(times) - input.ndim) + input.array.shape
        sizes = [number * length for number, length in zip(times, full, strict=True)]
        negative = next(size for size in sizes if size < 0)
        raise RuntimeError(f"Trying to create tensor with negative dimension {negative}: {sizes}")
    return shapes.repeat(input, times, input.array.shape)


def tile(input: Tensor, *dims: Any) -> Tensor:
    """Lay copies side by side; axes that are not named are not repeated."""
    times = tuple(flat_size(dims))
    return repeat(input, (1,) * (input.ndim - len(times)) + times)


def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Repeat each entry, or each layer along an axis, in place: ``[1, 2]`` becomes ``[1, 1, 2, 2]``.

    Parameters
    ----------
    repeats
        How often: a number, or one for each layer. Without it, `input` itself says how often to repeat 0, 1, 2, ...
    dim
        The axis; without it, the tensor is flattened.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.repeat_interleave(torch.tensor([10, 20]), torch.tensor([1, 3]))
    tensor([10, 20, 20, 20])
    """
    counts: Any = input if repeats is None else repeats
    if isinstance(counts, Tensor):
        if counts.array.dtype.kind != "i" or counts.array.dtype.itemsize < 4:
            name = dtypes.scalar_type_name(counts.dtype)
            raise NotImplementedError(f"\"repeat_interleave_cpu\" not implemented for '{name}'")
        if counts.ndim > 1:
            raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
        counts = counts.numpy()
    if np.any(np.asarray(counts) < 0):
        raise RuntimeError("Repeats must be non-negative" if isinstance(counts, int) else "repeats can not be negative")
    if repeats is None:
        return wrap(np.repeat(np.arange(len(counts)), counts))
    if dim is None:
        input = flatten(input)
    elif not input.ndim:
        normal_axis(dim, 0)
        if isinstance(counts, int):
            normal_axis(1, 0)  # where PyTorch puts the copies: there is none
        input = flatten(input)
    axis = normal_axis(dim or 0, input.ndim)
    length = input.shape[axis]
    if isinstance(counts, int):
        wide = unsqueeze(input, axis + 1)
        wide = clone_of_expanded(wide, (*wide.shape[: axis + 1], counts, *wide.shape[axis + 2 :]))
        return view(wide, (*input.shape[:axis], length * counts, *input.shape[axis + 1 :]))
    if counts.size == 1:
        counts = np.full(length, counts)
    if len(counts) != length:
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = {len(counts)} and "
            f"input.size({axis}) = {length}"
        )
    return input.index_select(axis, wrap(np.repeat(np.arange(length), counts)))


def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """Copy a tensor; the gradient goes back through the copy."""
    return shapes.clone(input)


def clone_of_expanded(input: Tensor, size: tuple[int, ...]) -> Tensor:
    """Repeat along axes of length 1, into memory of its own."""
    return shapes.contiguous(expand(input, size))


def expand_copy(input: Tensor, size: Any, *, implicit: bool = False) -> Tensor:
    """Repeat along axes of length 1, in a copy."""
    return shapes.expand_copy(input, _expanded(input, size))


METHODS = {"expand_as": expand_as}
