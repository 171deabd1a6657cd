"""Functions that rearrange and repeat entries, or write them in another precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.arguments import normal_axes, normal_axis
from gradviz.engine.broadcast import broadcast_error
from gradviz.engine.creation.options import creating
from gradviz.engine.devices import check_device
from gradviz.engine.operations import assignment, elementwise, parts, scans, shapes
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor, wrap
from gradviz.engine.views import view_of

__all__ = [
    "adjoint", "alias_copy", "as_strided", "as_strided_copy", "as_strided_scatter", "atleast_1d", "atleast_2d",
    "atleast_3d", "broadcast_shapes", "broadcast_tensors", "broadcast_to", "clone", "cumsum", "diag", "diag_embed",
    "diagflat", "diagonal", "diagonal_copy", "diagonal_scatter", "expand", "expand_copy", "flatten", "flip", "fliplr",
    "flipud", "moveaxis", "movedim", "permute", "permute_copy", "ravel", "repeat", "repeat_interleave", "reshape",
    "roll", "rot90", "squeeze", "squeeze_copy", "swapaxes", "swapdims", "t", "t_copy", "tile", "to", "transpose",
    "transpose_copy", "tril", "tril_indices", "triu", "triu_indices", "unflatten", "unfold_copy", "unsqueeze",
    "unsqueeze_copy", "view", "view_copy",
]  # fmt: skip

NOT_METHODS = [
    "alias_copy", "as_strided_copy", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_shapes",
    "broadcast_tensors", "diagonal_copy", "expand_copy", "permute_copy", "squeeze_copy", "t_copy", "transpose_copy",
    "tril_indices", "triu_indices", "unfold_copy", "unsqueeze_copy", "view_copy",
]  # fmt: skip
"""Functions that are not methods of tensors too."""

IN_PLACE = ["tril", "triu"]

# --- another shape ---------------------------------------------------------------------------------------------------


def view(input: Tensor, *size: Any) -> Tensor:
    """Arrange the entries in another shape; one length may be -1. The memory is shared."""
    wanted = _wanted(input, size)
    out = shapes.view(input, wanted, input.array.shape)
    if not _shares(input, out):
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
    out = shapes.reshape_alias(input, wanted, input.array.shape)
    if _shares(input, out):
        return view_of(input, out)
    copy = shapes.contiguous(input)
    return shapes.unsafe_view(copy, wanted, copy.array.shape)


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """Arrange the entries in another tensor's shape."""
    return reshape(input, other.shape)


def _shares(input: Tensor, out: Tensor) -> bool:
    """Return True if NumPy could give the entries another shape without copying them."""
    array = input.array
    return array.flags.c_contiguous or not array.size or np.may_share_memory(array, out.array)


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


# --- several times over ----------------------------------------------------------------------------------------------


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


# --- diagonals and triangles -----------------------------------------------------------------------------------------


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Take the diagonal of two axes, as a view; it is the last axis of the result.

    Parameters
    ----------
    offset
        Which diagonal: above the main one if positive, below it if negative.
    dim1, dim2
        The two axes.
    """
    return view_of(input, parts.diagonal(input, offset, *_two_axes(input.ndim, dim1, dim2), input.array.shape))


def _two_axes(ndim: int, dim1: int, dim2: int) -> tuple[int, int]:
    axes = normal_axis(dim1, ndim), normal_axis(dim2, ndim)
    if axes[0] == axes[1]:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return axes


def diagonal_copy(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Take the diagonal of two axes, as a copy."""
    return parts.diagonal_copy(input, offset, *_two_axes(input.ndim, dim1, dim2), input.array.shape)


def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Replace the diagonal of two axes, in a copy."""
    axes = _two_axes(input.ndim, dim1, dim2)
    check_part(src, np.diagonal(input.array, offset, *axes).shape)
    return parts.diagonal_scatter(input, src, offset, *axes)


def check_part(src: Tensor, shape: tuple[int, ...]) -> None:
    """Say that what should replace a part of a tensor does not fit there."""
    if tuple(src.shape) != shape:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = "
            f"{list(shape)}"
        )


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Put the entries of the last axis on the diagonal of two new ones, with zeros around it."""
    return parts.diag_embed(input, offset, *_two_axes(input.ndim + 1, dim1, dim2))


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """Make a matrix with a vector on its diagonal, or take the diagonal of a matrix.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.diag(torch.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return diagonal_copy(input, diagonal)


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """Make a matrix with all entries, in one row, on its diagonal."""
    return diag_embed(ravel(input), offset)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Set what stands above a diagonal to 0."""
    _check_matrix("tril", input)
    return parts.tril(input, diagonal)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Set what stands below a diagonal to 0."""
    _check_matrix("triu", input)
    return parts.triu(input, diagonal)


def _check_matrix(name: str, input: Tensor) -> None:
    if input.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")


@creating
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None) -> Any:
    """Return the rows and the columns of the lower triangle of a matrix, its diagonal included."""
    return np.array(np.tril_indices(row, offset, col), dtypes.to_numpy(dtype or dtypes.int64))


@creating
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None) -> Any:
    """Return the rows and the columns of the upper triangle of a matrix, its diagonal included."""
    return np.array(np.triu_indices(row, offset, col), dtypes.to_numpy(dtype or dtypes.int64))


# --- windows and strides ---------------------------------------------------------------------------------------------


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


def expand_copy(input: Tensor, size: Any, *, implicit: bool = False) -> Tensor:
    """Repeat along axes of length 1, in a copy."""
    return shapes.expand_copy(input, _expanded(input, size))


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


# --- sums, and another precision ---------------------------------------------------------------------------------------


def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Add up along an axis, keeping every sum on the way."""
    return scans.cumsum(input if dtype is None else input.to(dtype), normal_axis(dim, input.ndim))


def to(input: Tensor, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, **ignored: Any) -> Tensor:
    """Convert to another dtype; ``"cpu"`` is the only device.

    Parameters
    ----------
    *args
        A dtype, or another tensor to take it from, or a device.
    """
    if device is not None:
        check_device(device)
    for argument in args:
        if isinstance(argument, Tensor):
            dtype = argument.dtype
        elif isinstance(argument, dtypes.dtype | np.dtype | type):
            dtype = argument
        elif argument is not None and not isinstance(argument, bool):
            check_device(argument)
    kind = input.array.dtype if dtype is None else dtypes.to_numpy(dtype)
    copy = copy or [argument for argument in args if isinstance(argument, bool)][1:] == [True]  # after non_blocking
    if kind == input.array.dtype and not copy:
        return input
    return elementwise.to_copy(input, kind)


def type_as(input: Tensor, other: Tensor) -> Tensor:
    """Convert to another tensor's dtype."""
    return to(input, other.dtype)


def _conversion(kind: dtypes.dtype) -> Any:
    def function(input: Tensor, *, memory_format: Any = None) -> Tensor:
        return to(input, kind)

    function.__doc__ = f"Convert to {kind.name}."
    return function


def _no_conversion(name: str) -> Any:
    def function(input: Tensor, memory_format: Any = None) -> Tensor:
        raise NotImplementedError(f"gradviz has no {name}; supported: {', '.join(kind.name for kind in dtypes.ALL)}")

    function.__doc__ = f"Say that there are no tensors of {name}."
    return function


METHODS = {
    "H": property(_reversed, doc="The matrix, transposed."),
    "mH": property(lambda self: _transposed("tensor.mH", self), doc="The last two axes change places."),
    "mT": property(lambda self: _transposed("tensor.mT", self), doc="The last two axes change places."),
    "contiguous": contiguous,
    "expand_as": expand_as,
    "reshape_as": reshape_as,
    "view_as": view_as,
    "type_as": type_as,
    "unfold": unfold,
    "double": _conversion(dtypes.float64),
    "float": _conversion(dtypes.float32),
    "half": _conversion(dtypes.float16),
    "long": _conversion(dtypes.int64),
    "int": _conversion(dtypes.int32),
    "short": _conversion(dtypes.int16),
    "char": _conversion(dtypes.int8),
    "byte": _conversion(dtypes.uint8),
    "bool": _conversion(dtypes.bool),
    "bfloat16": _no_conversion("bfloat16"),
    "chalf": _no_conversion("complex32"),
    "cfloat": _no_conversion("complex64"),
    "cdouble": _no_conversion("complex128"),
}
"""Methods of tensors that are not functions too."""
