"""Functions that take and put entries by lists of places, along an axis or in the whole tensor, and by masks."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.arguments import array_of, normal_axis, watching
from gradviz.engine.functions.repeating import broadcast_shape, expand
from gradviz.engine.functions.shapes import flatten
from gradviz.engine.functions.subscripts import check_places
from gradviz.engine.operations import scattering, selection, shapes
from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "fill", "gather", "index_add", "index_copy", "index_fill", "index_reduce", "index_select", "masked_fill",
    "masked_scatter", "masked_select", "put", "scatter", "scatter_add", "scatter_reduce", "take", "take_along_dim",
]  # fmt: skip

IN_PLACE = [
    "index_add", "index_copy", "index_fill", "index_reduce", "masked_fill", "masked_scatter", "put", "scatter",
    "scatter_add", "scatter_reduce",
]  # fmt: skip

# --- along an axis ---------------------------------------------------------------------------------------------------


def _index_of(name: str, index: Tensor, kinds: str = "int32/int64") -> np.ndarray:
    """Return an index as an array of its own: the graph must not notice if the tensor is changed later."""
    if index.numel() and index.array.dtype not in (np.int64, np.int32):
        raise RuntimeError(f"{name}(): Expected dtype {kinds} for index")
    return np.array(index.array, np.int64)


def _check_same_rank(index: np.ndarray, input: Tensor, name: str) -> None:
    if index.size and builtins.max(index.ndim, 1) != builtins.max(input.ndim, 1):
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {name} tensor")


def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """Take entries along an axis: ``out[i][j] = input[index[i][j]][j]`` for ``dim=0``.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.gather(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([[0, 0], [1, 0]]))
    tensor([[1, 1],
            [4, 3]])
    """
    if sparse_grad:
        raise NotImplementedError("gradviz has no sparse gradients; supported: sparse_grad=False")
    axis, places = normal_axis(dim, input.ndim), _index_of("gather", index)
    _check_same_rank(places, input, "input")
    for place, length in enumerate(places.shape if places.size and input.ndim else ()):
        if place != axis and length > input.shape[place]:
            raise RuntimeError(
                f"Size does not match at dimension {place} expected index {list(index.shape)} to be no larger than self "
                f"{list(input.shape)} apart from dimension {axis}"
            )
    check_places(places, input.shape[axis] if input.ndim else 1, axis, lowest=0, error=RuntimeError)
    return watching(scattering.gather(input, axis, places, input.array.shape), index=index)


def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Take entries along an axis by what `argsort` or `argmax` return; both tensors are broadcast.

    Without `dim`, both are flattened first.
    """
    if dim is None:
        row = _in_a_row(input)
        taken = gather(row, 0, wrap(_from_the_front(indices.array.reshape(-1), row.numel())))
        return watching(taken, index=indices)
    if input.ndim != indices.ndim:
        raise RuntimeError(
            f"torch.take_along_dim(): input and indices should have the same number of dimensions, but got {input.ndim} "
            f"dimensions for input, and {indices.ndim} dimensions for indices"
        )
    axis = normal_axis(dim, input.ndim)
    rest = [slice(0, 1) if place == axis else slice(None) for place in range(input.ndim)]
    shape = list(broadcast_shape(wrap(input.array[tuple(rest)]), wrap(indices.array[tuple(rest)])))
    shape[axis] = input.shape[axis]
    wide = expand(input, shape)
    shape[axis] = indices.shape[axis]
    return gather(wide, axis, wrap(np.broadcast_to(_from_the_front(indices.array, input.shape[axis]), shape)))


def _from_the_front(places: Any, length: int) -> Any:
    """Count places from the front; here, unlike in `gather`, they may count from the end."""
    return np.where(places < 0, places + length, places)


def _in_a_row(input: Tensor) -> Tensor:
    return input.reshape(-1) if input.numel() else flatten(input)


def _scattered(input: Tensor, dim: int, index: Tensor, src: Any, name: str = "scatter") -> tuple[int, np.ndarray, Any]:
    """Check the arguments of `scatter` and its relatives; cut a source that is larger than the index."""
    axis, places = normal_axis(dim, input.ndim), _index_of(name, index)
    _check_same_rank(places, input, "self")
    size = input.shape[axis] if input.ndim else 1
    check_places(places, size, axis, lowest=0, error=RuntimeError)
    for place, length in enumerate(places.shape if places.size and input.ndim else ()):
        if place != axis and length > input.shape[place]:
            raise RuntimeError(
                f"Expected index {list(index.shape)} to be no larger than self {list(input.shape)} apart from dimension "
                f"{axis}" + (f" and to be no larger size than src {list(src.shape)}" if isinstance(src, Tensor) else "")
            )
    if not isinstance(src, Tensor):
        return axis, places, src
    if src.dtype != input.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    if not places.size or src.shape == index.shape:
        return axis, places, src
    if builtins.max(src.ndim, 1) != builtins.max(index.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    if builtins.any(length > have for length, have in zip(index.shape, src.shape, strict=False)):
        raise RuntimeError(
            f"Expected index {list(index.shape)} to be no larger than self {list(input.shape)} apart from dimension "
            f"{axis} and to be no larger size than src {list(src.shape)}"
        )
    if src.ndim != index.ndim:
        return axis, places, src.reshape(index.shape)
    return axis, places, src[tuple(slice(length) for length in index.shape)]


def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """Replace entries along an axis, in a copy: ``out[index[i][j]][j] = src[i][j]`` for ``dim=0``.

    Parameters
    ----------
    src
        The new entries, or one number for all.
    reduce
        ``"add"`` or ``"multiply"``: combine with what stands there. Without a gradient, as in PyTorch.
    """
    src = value if src is None else src
    axis, places, src = _scattered(input, dim, index, src)
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise RuntimeError("reduce argument must be either add or multiply.")
        if input.requires_grad or (isinstance(src, Tensor) and src.requires_grad):
            raise NotImplementedError("derivative for 'scatter' with reduce= is not implemented; use scatter_reduce")
        how = "sum" if reduce == "add" else "prod"
        return wrap(scattering.combined(input.array, array_of(src), axis, places, how, True))
    if isinstance(src, Tensor):
        return (
            watching(scattering.scatter(input, src, axis, places), index=index)
            if places.size or not src.array.size
            else shapes.clone(input)
        )
    return watching(scattering.scatter_value(input, axis, places, src), index=index)


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Add entries at places along an axis, in a copy: ``out[index[i][j]][j] += src[i][j]`` for ``dim=0``."""
    axis, places, src = _scattered(input, dim, index, src)
    return (
        watching(scattering.scatter_add(input, src, axis, places), index=index)
        if places.size or not src.array.size
        else shapes.clone(input)
    )


def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Combine entries that go to the same place along an axis, in a copy.

    Parameters
    ----------
    reduce
        ``"sum"``, ``"prod"``, ``"mean"``, ``"amax"`` or ``"amin"``.
    include_self
        Whether what stood at a place counts too.
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    axis, places, src = _scattered(input, dim, index, src)
    if not places.size and src.array.size:
        return shapes.clone(input)
    return watching(scattering.scatter_reduce(input, src, axis, places, reduce, include_self), index=index)


def _layers(input: Tensor, dim: int, index: Tensor, name: str) -> tuple[int, np.ndarray]:
    axis = normal_axis(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector")
    return axis, _index_of(name, index, "int32 or int64" if name == "index_select" else "int32/int64")


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Take whole layers along an axis."""
    axis, places = _layers(input, dim, index, "index_select")
    size = input.shape[axis] if input.ndim else 1
    if not input.ndim and places.size != 1:
        raise RuntimeError(f"index_select(): Index to scalar can have only 1 value, got {places.size} value(s)")
    check_places(places, size, axis, lowest=0, text="index out of range in self")
    return watching(selection.index_select(input, axis, places, input.array.shape), index=index)


def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """Add layers, `alpha` times, to some of a tensor's, in a copy."""
    axis, places = _layers(input, dim, index, "index_add_")
    if source.dtype != input.dtype:
        names = (dtypes.scalar_type_name(x.dtype) for x in (input, source))
        raise RuntimeError("index_add_(): self ({}) and source ({}) must have the same scalar type".format(*names))
    length = source.shape[axis] if source.ndim else 1
    if places.size != length:
        raise RuntimeError(
            f"index_add_(): Number of indices ({places.size}) should be equal to source.size(dim): ({length}), for dim: "
            f"{axis}"
        )
    rest = (tuple(x.shape[:axis]) + tuple(x.shape[axis + 1 :]) for x in (input, source))
    if input.ndim != source.ndim or next(rest) != next(rest):
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
            f"{list(input.shape)} source.shape = {list(source.shape)}"
        )
    check_places(places, input.shape[axis] if input.ndim else 1, axis, lowest=0, error=RuntimeError)
    return watching(selection.index_add(input, source, axis, places, alpha), index=index)


def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Replace layers, in a copy."""
    axis, places = _layers(input, dim, index, "index_copy_")
    if input.ndim and source.ndim and input.ndim != source.ndim:
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. Source "
            f"dimensionality ({source.ndim}), destination dimensionality ({input.ndim})"
        )
    if source.dtype != input.dtype:
        names = (dtypes.scalar_type_name(x.dtype) for x in (input, source))
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) {} and (source) {}".format(
                *names
            )
        )
    length = source.shape[axis] if source.ndim else 1
    if places.size != length:
        raise IndexError(
            f"index_copy_(): Number of indices ({places.size}) should be equal to source.size(dim) ({length})"
        )
    if input.ndim or source.ndim:
        mine, theirs = (tuple(x.shape[:axis]) + tuple(x.shape[axis + 1 :]) for x in (input, source))
        if mine != theirs:
            raise RuntimeError(
                "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: "
                f"{' '.join(map(str, mine))} at dimension {axis} and source slice shape: {' '.join(map(str, theirs))} at "
                f"dimension {axis}."
            )
    text = "index_copy_(): index {} is out of bounds for dimension {} with size {}"
    check_places(places, input.shape[axis] if input.ndim else 1, axis, lowest=0, text=text)
    return watching(selection.index_copy(input, source, axis, places), index=index)


def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """Replace layers by one number, in a copy."""
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(
            f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    axis, places = _layers(input, dim, index, "index_fill_")
    check_places(places, input.shape[axis] if input.ndim else 1, axis)
    places %= builtins.max(input.shape[axis] if input.ndim else 1, 1)
    if not isinstance(value, Tensor):
        return watching(selection.index_fill_number(input, axis, places, value), index=index)
    return watching(selection.index_fill(input, value, axis, places), index=index)


def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Combine layers that go to the same place along an axis: by ``"prod"``, ``"mean"``, ``"amax"`` or ``"amin"``."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either prod, mean, amax or amin, got {reduce}.")
    axis, places = _layers(input, dim, index, "index_reduce")
    length = source.shape[axis] if source.ndim else 1
    if places.size != length:
        raise IndexError(
            f"index_reduce(): Number of indices ({places.size}) should be equal to source.size(dim) ({length})"
        )
    check_places(places, input.shape[axis] if input.ndim else 1, axis, lowest=0)
    column = places.reshape([-1 if place == axis else 1 for place in range(source.ndim)])
    wide = np.broadcast_to(column, tuple(source.shape))
    return watching(scattering.index_reduce(input, source, axis, wide, reduce, include_self), index=index)


# --- by place, and by masks ----------------------------------------------------------------------------------------


def _flat_places(name: str, input: Tensor, index: Tensor) -> np.ndarray:
    if index.array.dtype != np.int64:
        kind = dtypes.scalar_type_name(index.dtype)
        raise RuntimeError(f"{name}(): Expected a long tensor for index, but got {kind}")
    size = input.numel()
    text = f"out of range: tried to access index {{}} on a tensor of {size} elements."
    places = np.array(index.array)
    check_places(places, size, 0, text=text)
    return places % builtins.max(size, 1)


def take(input: Tensor, index: Tensor) -> Tensor:
    """Take entries by their place in the flattened tensor."""
    return watching(scattering.take(input, _flat_places("take", input, index), input.array.shape), index=index)


def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """Replace entries by their place in the flattened tensor, or add to them, in a copy."""
    places = _flat_places("put_", input, index)
    if source.dtype != input.dtype:
        names = (dtypes.scalar_type_name(x.dtype) for x in (input, source))
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = {} and source.dtype = {}".format(
                *names
            )
        )
    if source.numel() != places.size:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source.numel()}, index.numel() = {places.size}"
        )
    return watching(scattering.put(input, source, places, accumulate), index=index)


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Replace entries where a mask holds.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.arange(4.0).masked_fill(torch.tensor([True, False, False, True]), -1)
    tensor([-1.,  1.,  2., -1.])
    """
    if mask.array.dtype != bool:
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {_c_name(mask)}")
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(
            f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    broadcast_shape(input, mask)
    holds = np.array(mask.array)
    if isinstance(value, Tensor):
        return watching(selection.masked_fill(input, value, holds), mask=mask)
    return watching(selection.masked_fill_number(input, holds, value), mask=mask)


def _c_name(tensor: Tensor) -> str:
    names = {"float64": "double", "float32": "float", "float16": "c10::Half", "int64": "long long", "int32": "int",
             "int16": "short int", "int8": "signed char", "uint8": "unsigned char"}  # fmt: skip
    return names.get(tensor.dtype.name, tensor.dtype.name)


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """Take the entries where a mask holds, in a row."""
    if mask.array.dtype != bool:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = broadcast_shape(mask, input)
    return watching(selection.masked_select(input, np.array(np.broadcast_to(mask.array, shape))), mask=mask)


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Replace the entries where a mask holds by those of a source, one after the other, in a copy."""
    kinds = [dtypes.scalar_type_name(x.dtype) for x in (input, source)]
    if kinds[0] != kinds[1]:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got{kinds[0]} and {kinds[1]}"
        )
    if mask.array.dtype != bool:
        kind = dtypes.scalar_type_name(mask.dtype)
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {kind}")
    shape = broadcast_shape(input, mask)
    holds = np.array(np.broadcast_to(mask.array, shape))
    if source.numel() < np.count_nonzero(holds):
        raise RuntimeError("Number of elements of source < number of ones in mask")
    return watching(selection.masked_scatter(input, source, holds), mask=mask)


def fill(input: Tensor, value: Any) -> Tensor:
    """Return one number over and over, in a tensor's shape and dtype."""
    if not isinstance(value, Tensor):
        return selection.fill_number(input, value)
    if value.ndim:
        raise RuntimeError(f"fill only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions.")
    return selection.fill(input, value)
