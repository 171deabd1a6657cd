"""PyTorch's functions on tensors, where they are more than one row of the table.

Most functions are rows (`gradviz.engine.operations`). Here stand the ones that choose between rows (`matmul`, `max`),
are made of several, or need no gradient at all (comparisons).
"""

from __future__ import annotations

import builtins
import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.operation import array_of, broadcast_error, normal_axes, normal_axis, promoted
from gradviz.engine.operations import activations, elementwise, matrix, reductions, selection, shapes
from gradviz.engine.operations.elementary import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atanh,
    cosh,
    deg2rad,
    exp2,
    expm1,
    frac,
    log1p,
    log2,
    log10,
    rad2deg,
    rsqrt,
    sinh,
    tan,
)
from gradviz.engine.operations.elementwise import (
    abs,
    ceil,
    cos,
    exp,
    floor,
    log,
    maximum,
    minimum,
    neg,
    reciprocal,
    relu,
    round,
    sigmoid,
    sign,
    sin,
    sqrt,
    tanh,
    trunc,
)
from gradviz.engine.operations.shapes import clone
from gradviz.engine.tensor import Tensor, wrap

absolute, negative = abs, neg
arccos, arccosh, arcsin, arcsinh, arctan, arctanh, fix = acos, acosh, asin, asinh, atan, atanh, trunc

# --- arithmetic ------------------------------------------------------------------------------------------------------


def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """Add, after multiplying `other` by `alpha`."""
    return elementwise.add(input, other if alpha == 1 else _scaled(other, alpha))


def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """Subtract `other`, multiplied by `alpha`."""
    return elementwise.sub(input, other if alpha == 1 else _scaled(other, alpha))


def _scaled(other: Any, alpha: float) -> Any:
    return other * alpha


subtract = sub


def mul(input: Any, other: Any) -> Tensor:
    """Multiply entry by entry."""
    return elementwise.mul(input, other) if isinstance(input, Tensor) else elementwise.mul(other, input)


multiply = mul


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """Divide entry by entry; integers divide to floating point."""
    if rounding_mode is None:
        return elementwise.div(input, other)
    rounding = {"floor": floor, "trunc": trunc}.get(rounding_mode)
    if rounding is not None:
        x, y = promoted(array_of(input), array_of(other))
        if x.dtype.kind == "f":
            return rounding(elementwise.div(input, other))
        with np.errstate(all="ignore"):
            return wrap(np.floor_divide(x, y) if rounding_mode == "floor" else np.trunc(x / y).astype(x.dtype))
    raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'")


divide = true_divide = div


def floor_divide(input: Any, other: Any) -> Tensor:
    """Divide and round down. No gradient flows through it: it is flat nearly everywhere."""
    return div(input, other, rounding_mode="floor")


def pow(input: Any, exponent: Any) -> Tensor:
    """Raise to a power; either side may be a number."""
    if not isinstance(exponent, Tensor):
        exponent = array_of(exponent)
        if isinstance(exponent, int) and exponent < 0 and input.array.dtype.kind in "iu":
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        if isinstance(exponent, float) and input.array.dtype.kind != "f":
            input = input.to(dtypes.get_default_dtype())
        return elementwise.pow_number(input, exponent)
    if not isinstance(input, Tensor):
        return elementwise.number_pow(exponent, array_of(input))
    return elementwise.pow_tensor(input, exponent)


def square(input: Tensor) -> Tensor:
    """Raise to the power of two."""
    return elementwise.pow_number(input, 2)


def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Cut off what is smaller than `min` or larger than `max`; each may be ``None``, a number or a tensor."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        out = input if min is None else maximum(input, min)
        return out if max is None else minimum(out, max)
    if input.array.dtype.kind != "f" and (isinstance(min, float) or isinstance(max, float)):
        input = input.to(dtypes.get_default_dtype())
    return activations.clamp(input, min, max)


clip = clamp


def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Replace what is smaller than `min`."""
    return clamp(input, min=min)


def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Replace what is larger than `max`."""
    return clamp(input, max=max)


# --- reductions ------------------------------------------------------------------------------------------------------


def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Add up all entries, or those along `dim`."""
    if dtype is not None:
        input = input.to(dtype)
    return reductions.sum_all(input) if dim is None else reductions.sum_dim(input, dim, keepdim)


def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Average all entries, or those along `dim`."""
    if dtype is not None:
        input = input.to(dtype)
    if input.array.dtype.kind != "f":
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {dtypes.scalar_type_name(input.dtype)}"
        )
    return reductions.mean_all(input) if dim is None else reductions.mean_dim(input, dim, keepdim)


def var(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """Return the variance: the mean squared distance from the mean, over n − `correction` (1 unless told otherwise)."""
    dim, correction = _spread(dim, unbiased, correction)
    axes = normal_axes(dim, input.ndim)
    count = math.prod(input.shape[axis] for axis in axes)
    distance = input - mean(input, axes, keepdim=True) if input.ndim else input - input
    return sum(square(distance), axes, keepdim) / builtins.max(count - correction, 0)


def std(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """Return the standard deviation: the root of the variance."""
    return sqrt(var(input, dim, unbiased, keepdim, correction=correction))


def _spread(dim: Any, unbiased: Any, correction: Any) -> tuple[Any, Any]:
    """Sort out PyTorch's two ways to call: ``var(unbiased)`` and ``var(dim, unbiased)``."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    return dim, correction


class MaxResult(NamedTuple):
    """What ``max(dim)`` returns."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _return_type("max", self)


class MinResult(MaxResult):
    """What ``min(dim)`` returns."""

    def __repr__(self) -> str:
        return _return_type("min", self)


class SortResult(MaxResult):
    """What ``sort`` returns."""

    def __repr__(self) -> str:
        return _return_type("sort", self)


class TopkResult(MaxResult):
    """What ``topk`` returns."""

    def __repr__(self) -> str:
        return _return_type("topk", self)


def _return_type(name: str, result: MaxResult) -> str:
    return f"torch.return_types.{name}(\nvalues={result.values!r},\nindices={result.indices!r})"


def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Return the largest entry; with `dim`, the largest along an axis and where it was; or the larger of two tensors."""
    if isinstance(dim, Tensor) or other is not None:
        return maximum(input, dim if other is None else other)
    if dim is None:
        return reductions.max_all(input)
    axis = normal_axis(dim, input.ndim)
    return MaxResult(*selection.max_dim(input, axis, keepdim, tuple(input.shape)))


def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Return the smallest entry; with `dim`, the smallest along an axis and where it was; or the smaller of two tensors."""
    if isinstance(dim, Tensor) or other is not None:
        return minimum(input, dim if other is None else other)
    if dim is None:
        return reductions.min_all(input)
    axis = normal_axis(dim, input.ndim)
    return MinResult(*selection.min_dim(input, axis, keepdim, tuple(input.shape)))


def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> SortResult:
    """Put the entries along an axis in order, and say where each was. Equal entries keep their order."""
    return SortResult(*selection.sort(input, normal_axis(dim, input.ndim), descending, tuple(input.shape)))


def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Return where the entries of the sorted tensor were."""
    return sort(input.detach(), dim, descending).indices


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> TopkResult:
    """Return the k largest (or smallest) entries along an axis, and where they were."""
    axis = normal_axis(dim, input.ndim)
    if input.ndim and not 0 <= k <= input.shape[axis]:
        raise RuntimeError("selected index k out of range")
    return TopkResult(*selection.topk(input, k, axis, largest, tuple(input.shape)))


def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """Return the largest entries along `dim`."""
    return reductions.amax(input, dim, keepdim)


def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """Return the smallest entries along `dim`."""
    return reductions.amin(input, dim, keepdim)


def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """Return the logarithm of the sum of exponentials along `dim`."""
    return reductions.logsumexp(input, dim, keepdim)


def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return where the largest entry is."""
    return wrap(np.asarray(np.argmax(input.array, axis=dim, keepdims=keepdim)))


def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return where the smallest entry is."""
    return wrap(np.asarray(np.argmin(input.array, axis=dim, keepdims=keepdim)))


# --- matrices --------------------------------------------------------------------------------------------------------


def _check_product(input: Tensor, other: Tensor) -> None:
    if input.array.dtype != other.array.dtype:
        names = (dtypes.scalar_type_name(tensor.dtype).lower() for tensor in (input, other))
        raise RuntimeError("expected m1 and m2 to have the same dtype, but got: {} != {}".format(*names))


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Multiply two matrices, (n, m) and (m, p)."""
    if input.ndim != 2:
        raise RuntimeError("self must be a matrix")
    if mat2.ndim != 2:
        raise RuntimeError("mat2 must be a matrix")
    _check_product(input, mat2)
    if input.shape[1] != mat2.shape[0]:
        sizes = "x".join(map(str, input.shape)), "x".join(map(str, mat2.shape))
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied ({} and {})".format(*sizes))
    return matrix.mm(input, mat2)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Multiply a matrix (n, m) and a vector (m)."""
    _check_product(input, vec)
    if input.shape[1] != vec.shape[0]:
        n, m = input.shape
        raise RuntimeError(f"size mismatch, got input ({n}), mat ({n}x{m}), vec ({vec.shape[0]})")
    return matrix.mv(input, vec)


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Multiply two vectors entry by entry and add up."""
    _check_product(input, tensor)
    if input.shape != tensor.shape:
        m, n = input.numel(), tensor.numel()
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{m}] and src [{n}] to have the same number of elements, "
            f"but got {m} and {n} elements respectively"
        )
    return matrix.dot(input, tensor)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Multiply matrices pair by pair, (b, n, m) and (b, m, p)."""
    _check_product(input, mat2)
    b, _, m = input.shape
    if tuple(mat2.shape[:2]) != (b, m):
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{b}, {m}] but got: "
            f"[{mat2.shape[0]}, {mat2.shape[1]}]."
        )
    return matrix.bmm(input, mat2)


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor) -> Tensor:
    """Multiply two matrices and add `input`."""
    if mat1.array.dtype != mat2.array.dtype:
        names = (dtypes.scalar_type_name(tensor.dtype) for tensor in (mat1, mat2))
        raise RuntimeError("mat1 and mat2 must have the same dtype, but got {} and {}".format(*names))
    if mat1.shape[1] != mat2.shape[0]:
        sizes = "x".join(map(str, mat1.shape)), "x".join(map(str, mat2.shape))
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied ({} and {})".format(*sizes))
    return matrix.addmm(input, mat1, mat2)


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Multiply vectors, matrices or batches of matrices, taking PyTorch's way through the simpler products."""
    if input.ndim == 0 or other.ndim == 0:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {input.ndim}D and {other.ndim}D"
        )
    match input.ndim, other.ndim:
        case 1, 1:
            return dot(input, other)
        case 2, 1:
            return mv(input, other)
        case 1, 2:
            return _squeezed_product(mm(unsqueeze(input, 0), other))
        case 2, 2:
            return mm(input, other)
        case _, 1 | 2 if input.ndim >= 3:
            rows = input.shape[:-1]
            flat = reshape(input, (math.prod(rows), input.shape[-1]))
            product = mv(flat, other) if other.ndim == 1 else mm(flat, other)
            size = tuple(rows) if other.ndim == 1 else (*rows, other.shape[-1])
            return shapes.unsafe_view(product, size, tuple(product.shape))
    left = unsqueeze(input, 0) if input.ndim == 1 else input
    try:
        batch = np.broadcast_shapes(left.shape[:-2], other.shape[:-2])
    except ValueError:
        raise broadcast_error(np.empty(left.shape[:-2]), np.empty(other.shape[:-2])) from None
    n, m, p = left.shape[-2], left.shape[-1], other.shape[-1]
    count = math.prod(batch)
    product = bmm(
        reshape(expand(left, (*batch, n, m)), (count, n, m)),
        reshape(expand(other, (*batch, other.shape[-2], p)), (count, other.shape[-2], p)),
    )
    size = (*batch, n, p)
    out = shapes.unsafe_view(product, size, tuple(product.shape))
    return squeeze(out, -2) if input.ndim == 1 else out


def _squeezed_product(product: Tensor) -> Tensor:
    return _view_of(product, shapes.squeeze_of_matmul(product, (0,), tuple(product.shape)))


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Multiply every entry of one vector with every entry of another."""
    return mul(reshape(input, (-1, 1)), vec2)


# --- shapes ----------------------------------------------------------------------------------------------------------


def view(input: Tensor, *size: Any) -> Tensor:
    """Arrange the entries in another shape; one length may be -1. The memory is shared."""
    wanted = shapes.sizes_for(_flat_size(size), input.numel())
    return _view_of(input, shapes.view(input, wanted, tuple(input.shape)))


def reshape(input: Tensor, *size: Any) -> Tensor:
    """Arrange the entries in another shape; one length may be -1."""
    wanted = shapes.sizes_for(_flat_size(size), input.numel())
    if input.storage().flags.c_contiguous:
        return _view_of(input, shapes.view(input, wanted, tuple(input.shape)))
    copy = clone(input)
    return shapes.unsafe_view(copy, wanted, tuple(copy.shape))


def _flat_size(size: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], tuple | list) else size


def _view_of(base: Tensor, out: Tensor) -> Tensor:
    """Let a view know whose memory it looks at."""
    if out is not base:
        out._base = base if base._base is None else base._base
    return out


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
    return _view_of(input, shapes.t(input))


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Let two axes change places."""
    if not input.ndim:
        normal_axis(dim0, 0), normal_axis(dim1, 0)
        return _view_of(input, shapes.alias(input, ..., ()))
    return _view_of(input, shapes.transpose(input, normal_axis(dim0, input.ndim), normal_axis(dim1, input.ndim)))


swapaxes = swapdims = transpose


def permute(input: Tensor, *dims: Any) -> Tensor:
    """Put the axes into another order."""
    return _view_of(input, shapes.permute(input, tuple(normal_axis(d, input.ndim) for d in _flat_size(dims))))


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Drop axes of length 1."""
    if dim is None:
        return _view_of(input, shapes.squeeze_all(input, tuple(input.shape)))
    drop = shapes.squeeze_dims if isinstance(dim, tuple | list) else shapes.squeeze_dim
    axes = () if isinstance(dim, tuple | list) and not dim else normal_axes(dim, input.ndim)
    return _view_of(input, drop(input, axes, tuple(input.shape)))


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Add an axis of length 1."""
    return _view_of(input, shapes.unsqueeze(input, normal_axis(dim, input.ndim + 1)))


def expand(input: Tensor, *size: Any) -> Tensor:
    """Repeat along axes of length 1, without copying."""
    wanted = list(_flat_size(size))
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
    return _view_of(input, shapes.expand(input, tuple(wanted)))


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
    chosen = (*_flat_size(axes), *dims)
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
    times = tuple(int(number) for number in _flat_size(repeats))
    if len(times) < input.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    return shapes.repeat(input, times, tuple(input.shape))


def tile(input: Tensor, *dims: Any) -> Tensor:
    """Lay copies side by side; axes that are not named are not repeated."""
    times = tuple(_flat_size(dims))
    return repeat(input, (1,) * (input.ndim - len(times)) + times)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Set what stands above a diagonal to 0."""
    return shapes.tril(input, diagonal)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Set what stands below a diagonal to 0."""
    return shapes.triu(input, diagonal)


def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """Take a stretch of an axis."""
    axis = normal_axis(dim, input.ndim)
    first = int(start) + (input.shape[axis] if int(start) < 0 else 0)
    return getitem(input, (slice(None),) * axis + (slice(first, first + length),))


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Move axes to other places; the others keep their order."""
    from_axes, to_axes = normal_axes(source, input.ndim), normal_axes(destination, input.ndim)
    rest = [axis for axis in range(input.ndim) if axis not in from_axes]
    places = dict(zip(to_axes, from_axes, strict=True))
    waiting = iter(rest)
    return permute(input, tuple(places[axis] if axis in places else next(waiting) for axis in range(input.ndim)))


moveaxis = movedim


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Replace entries where a mask holds."""
    if isinstance(value, Tensor) and value.requires_grad:
        return where(mask, value, input)
    shape = broadcast_shape(input, mask)
    wide = input if tuple(input.shape) == shape else expand(input, shape)
    return shapes.masked_fill(wide, mask.array, value.item() if isinstance(value, Tensor) else value)


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

# --- indexing --------------------------------------------------------------------------------------------------------


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
    return _view_of(input, out) if shapes.basic(plain) else out


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
    return tuple(_view_of(input, part) for part in selection.unbind(input.shape[axis])(input, axis))


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
    return tuple(_view_of(tensor, part) for part in cut(tensor, axis, ends))


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a tensor into a number of stretches along an axis, as equal as they can be."""
    length = input.shape[normal_axis(dim, input.ndim)]
    return split(input, builtins.max(-(-length // chunks), 1), dim)


# --- without gradients -----------------------------------------------------------------------------------------------


def _comparison(name: str, compare: Any) -> Any:
    def function(input: Any, other: Any) -> Tensor:
        try:
            return wrap(compare(array_of(input), array_of(other)))
        except ValueError:
            raise broadcast_error(array_of(input), array_of(other)) from None

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Compare entry by entry; the result is a tensor of bools."
    return function


eq = _comparison("eq", np.equal)
ne = _comparison("ne", np.not_equal)
lt = _comparison("lt", np.less)
le = _comparison("le", np.less_equal)
gt = _comparison("gt", np.greater)
ge = _comparison("ge", np.greater_equal)
logical_and = _comparison("logical_and", np.logical_and)
logical_or = _comparison("logical_or", np.logical_or)


def logical_not(input: Tensor) -> Tensor:
    """Turn True into False, entry by entry."""
    return wrap(np.logical_not(input.array))


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Return True if all entries are nearly equal."""
    return bool(np.allclose(input.array, other.array, rtol, atol, equal_nan))


def equal(input: Tensor, other: Tensor) -> bool:
    """Return True if both have the same shape and the same entries."""
    return input.shape == other.shape and bool(np.all(input.array == other.array))


def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Return True where all entries are true."""
    return wrap(np.all(input.array, axis=dim, keepdims=keepdim))


def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Return True where any entry is true."""
    return wrap(np.any(input.array, axis=dim, keepdims=keepdim))


def isnan(input: Tensor) -> Tensor:
    """Return True where an entry is not a number."""
    return wrap(np.isnan(input.array))


def is_tensor(value: Any) -> bool:
    """Return True for a tensor."""
    return isinstance(value, Tensor)


def numel(input: Tensor) -> int:
    """Return the number of entries."""
    return input.numel()


def where(condition: Tensor, input: Any, other: Any) -> Tensor:
    """Choose from `input` where the condition holds, from `other` elsewhere."""
    x, y = array_of(input), array_of(other)
    if not (isinstance(input, Tensor) and isinstance(other, Tensor) and x.dtype is y.dtype):
        kind = dtypes.result_type(x, y)
        input = input.to(kind) if isinstance(input, Tensor) else wrap(np.asarray(x, kind))
        other = other.to(kind) if isinstance(other, Tensor) else wrap(np.asarray(y, kind))
    return elementwise.where(condition, input, other)


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
