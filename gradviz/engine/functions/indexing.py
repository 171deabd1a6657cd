"""Functions that take entries out, put them in, and take tensors apart."""

from __future__ import annotations

import builtins
import itertools
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.functions.shapes import (
    broadcast_shape,
    check_part,
    expand,
    flatten,
    unsqueeze,
    view_of,
)
from gradviz.engine.operation import array_of, normal_axis
from gradviz.engine.operations import selection, shapes
from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "argwhere", "bucketize", "chunk", "dsplit", "fill", "gather", "hsplit", "index_add", "index_copy", "index_fill",
    "index_put", "index_reduce", "index_select", "masked_fill", "masked_scatter", "masked_select", "msort", "narrow",
    "narrow_copy", "nonzero", "put", "scatter", "scatter_add", "scatter_reduce", "searchsorted", "select",
    "select_copy", "select_scatter", "slice_copy", "slice_scatter", "split", "split_copy", "split_with_sizes",
    "split_with_sizes_copy", "take", "take_along_dim", "tensor_split", "unbind", "unbind_copy", "unique",
    "unique_consecutive", "unravel_index", "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes", "vsplit",
]  # fmt: skip

NOT_METHODS = [
    "bucketize", "narrow_copy", "searchsorted", "select_copy", "slice_copy", "split_copy", "split_with_sizes_copy",
    "unbind_copy", "unravel_index",
]  # fmt: skip
"""Functions that are not methods of tensors too."""

IN_PLACE = [
    "index_add", "index_copy", "index_fill", "index_put", "index_reduce", "masked_fill", "masked_scatter", "put",
    "scatter", "scatter_add", "scatter_reduce",
]  # fmt: skip

# --- square brackets -------------------------------------------------------------------------------------------------

NOT_AN_INDEX = (
    "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got {})"
)
OF_A_NUMBER = (
    "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim tensor "
    "to a number"
)
A_LIST_OF_INDICES = (
    "Using a non-tuple sequence for multidimensional indexing is deprecated and will be changed in pytorch 2.9; use "
    "x[tuple(seq)] instead of x[seq]. In pytorch 2.9 this will be interpreted as tensor index, x[torch.tensor(seq)], which "
    "will result either in an error or a different result"
)


def getitem(input: Tensor, index: Any) -> Tensor:
    """Take entries: ``x[0]``, ``x[:, 1:]``, ``x[mask]``, ``x[[0, 2]]``.

    As PyTorch: numbers, slices and None are views, each by an operation of its own; then the tensors in the index pick
    entries, all together.
    """
    if type(index) is int:
        return _layer(input, 0, index, 0)
    parts = _parts(index)
    named = builtins.sum(_axes(part) for part in parts)
    if named > input.ndim:
        if len(parts) == 1 and isinstance(parts[0], slice):
            raise IndexError("slice() cannot be applied to a 0-dim tensor.")
        if len(parts) == 1 and isinstance(parts[0], int):
            raise IndexError(OF_A_NUMBER)
        raise IndexError(f"too many indices for tensor of dimension {input.ndim}")
    out, picks, axis, place = input, [], 0, 0  # the axis of what is left, and its place in the tensor as given
    for part in parts:
        if isinstance(part, int):
            out, place = _layer(out, axis, part, place), place + 1
        elif isinstance(part, slice):
            if index is part or not _takes_all(part, out.array.shape[axis]):
                out = _slice(out, axis, part)
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
            axes = _axes(part)
            axis, place = axis + axes, place + axes
    if picks:
        return _picked(out, picks)
    return view_of(input, shapes.alias(input)) if out is input else out


def _parts(index: Any) -> tuple[Any, ...]:
    """Return the parts of an index: numbers, slices, None, an Ellipsis, and arrays of places or bools."""
    if isinstance(index, list) and len(index) < 32 and builtins.any(_is_index_of_an_axis(part) for part in index):
        warnings.warn(A_LIST_OF_INDICES, UserWarning, stacklevel=3)
        index = tuple(index)
    return tuple(_part(part) for part in index) if isinstance(index, tuple) else (_part(index),)


def _is_index_of_an_axis(part: Any) -> bool:
    if isinstance(part, np.ndarray):
        return builtins.bool(part.ndim)
    return part is None or part is Ellipsis or isinstance(part, slice | Tensor | list | tuple)


def _part(part: Any) -> Any:
    if part is None or part is Ellipsis or (isinstance(part, int | slice) and not isinstance(part, bool)):
        return part
    if isinstance(part, np.integer):
        return int(part)
    if isinstance(part, Tensor | np.ndarray | bool | np.bool_ | list | tuple | range):
        array = np.asarray(part.array if isinstance(part, Tensor) else _array(part))
        if array.dtype.kind == "u" and array.dtype.itemsize == 1:
            warnings.warn(
                "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.",
                UserWarning,
                stacklevel=4,
            )
            return array.astype(bool)
        if not array.ndim and array.dtype.kind in "iu":
            return int(array)
        if array.dtype.kind not in "biu":
            if not array.size and not isinstance(part, Tensor):
                return array.astype(np.int64)
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        return np.array(array)  # a copy: the graph must not notice if the index is changed later
    if hasattr(part, "__index__"):
        return int(part)
    raise IndexError(NOT_AN_INDEX.format(type(part).__name__))


def _array(part: Any) -> np.ndarray:
    if isinstance(part, list | tuple):
        part = [item.array if isinstance(item, Tensor) else item for item in part]
    return np.asarray(part)


def _axes(part: Any) -> int:
    """Return how many axes a part of an index takes."""
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1


def _layer(input: Tensor, dim: int, number: int, place: int) -> Tensor:
    shape = input.array.shape
    if not shape:
        raise IndexError(OF_A_NUMBER)
    if not -shape[dim] <= number < shape[dim]:
        raise IndexError(f"index {number} is out of bounds for dimension {place} with size {shape[dim]}")
    return view_of(input, shapes.select(input, dim, number % shape[dim], shape))


def _takes_all(part: slice, length: int) -> bool:
    """Return True for a slice that PyTorch leaves out, because it says that it takes everything."""
    return part.start in (None, 0) and part.step in (None, 1) and (part.stop is None or part.stop >= length)


def _slice(input: Tensor, dim: int, part: slice) -> Tensor:
    step = 1 if part.step is None else int(part.step)
    if step == 0:
        raise ValueError("slice step cannot be zero")
    if step < 0:
        raise ValueError("step must be greater than zero")
    start, end, _ = part.indices(input.array.shape[dim])
    return view_of(input, shapes.slice_(input, dim, start, builtins.max(start, end), step, input.array.shape))


def _picked(input: Tensor, picks: list[tuple[int, np.ndarray]]) -> Tensor:
    """Take the entries that tensors of places, or masks, pick together."""
    indices: list[Any] = [None] * input.ndim
    for axis, part in picks:
        if part.dtype == bool:
            _check_mask(input, axis, part)
            indices[axis : axis + part.ndim] = np.nonzero(part)
        else:
            indices[axis] = part
    return shapes.index(input, _checked_places(input, indices), tuple(input.shape))


def _check_mask(input: Tensor, axis: int, mask: np.ndarray) -> None:
    for place, length in enumerate(mask.shape):
        if length != input.shape[axis + place]:
            raise IndexError(
                f"The shape of the mask {list(mask.shape)} at index {place} does not match the shape of the indexed tensor "
                f"{list(input.shape)} at index {axis + place}"
            )


def _checked_places(input: Tensor, indices: Sequence[Any]) -> tuple[Any, ...]:
    """Check places against the lengths of their axes, and that they broadcast together."""
    given = [part for part in indices if part is not None]
    try:
        np.broadcast_shapes(*(part.shape for part in given))
    except ValueError:
        sizes = ", ".join(str(list(part.shape)) for part in given)
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {sizes}"
        ) from None
    given_axes = [axis for axis, part in enumerate(indices) if part is not None]
    for number, axis in enumerate(given_axes):  # PyTorch counts the indices here, not the axes
        _check_places(indices[axis], input.shape[axis], number)
    while indices and indices[-1] is None:
        indices = indices[:-1]
    return tuple(indices)


def _check_places(
    index: np.ndarray,
    size: int,
    dim: int,
    *,
    lowest: int | None = None,
    error: type[Exception] = IndexError,
    text: str = "index {} is out of bounds for dimension {} with size {}",
) -> None:
    """Raise an error for a place outside of an axis. Negative places count from the end, unless `lowest` is 0."""
    wrong = index[(index < (-size if lowest is None else lowest)) | (index >= size)]
    if wrong.size:
        raise error(text.format(wrong.flat[0], dim, size))


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
    return view_of(input, shapes.select(input, axis, place, tuple(input.shape)))


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
    return shapes.select_copy(input, *_selected(input, dim, index), tuple(input.shape))


def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """Replace one layer along an axis, in a copy."""
    axis, place = _selected(input, dim, index)
    check_part(src, (*input.shape[:axis], *input.shape[axis + 1 :]))
    return shapes.select_scatter(input, src, axis, place)


def _stretch(input: Tensor, dim: int, start: int | None, end: int | None, step: int) -> tuple[int, int, int, int]:
    axis = normal_axis(dim, input.ndim)
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    first, last, _ = slice(start, end, step).indices(input.shape[axis])
    return axis, first, builtins.max(first, last), step


def slice_copy(input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    """Take a stretch of an axis, as a copy."""
    return shapes.slice_copy(input, *_stretch(input, dim, start, end, step), tuple(input.shape))


def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """Replace a stretch of an axis, in a copy."""
    axis, first, last, step = _stretch(input, dim, start, end, step)
    length = len(range(first, last, step))
    check_part(src, (*input.shape[:axis], length, *input.shape[axis + 1 :]))
    return shapes.slice_scatter(input, src, axis, first, last, step)


def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """Take a stretch of an axis, as a view."""
    axis, first = _narrowed(input, dim, start, length)
    return view_of(input, shapes.slice_(input, axis, first, first + length, 1, tuple(input.shape)))


def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Take a stretch of an axis, as a copy."""
    axis, first = _narrowed(input, dim, start, length)
    return shapes.narrow_copy(input, axis, first, length, tuple(input.shape))


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
    _check_places(places, input.shape[axis] if input.ndim else 1, axis, lowest=0, error=RuntimeError)
    return selection.gather(input, axis, places, tuple(input.shape))


def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Take entries along an axis by what `argsort` or `argmax` return; both tensors are broadcast.

    Without `dim`, both are flattened first.
    """
    if dim is None:
        row = _in_a_row(input)
        return gather(row, 0, wrap(_from_the_front(indices.array.reshape(-1), row.numel())))
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
    _check_places(places, size, axis, lowest=0, error=RuntimeError)
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
    return axis, places, getitem(src, tuple(slice(length) for length in index.shape))


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
        return wrap(selection.combined(input.array, array_of(src), axis, places, how, True))
    if isinstance(src, Tensor):
        return selection.scatter(input, src, axis, places) if places.size else shapes.clone(input)
    return selection.scatter_value(input, axis, places, src)


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Add entries at places along an axis, in a copy: ``out[index[i][j]][j] += src[i][j]`` for ``dim=0``."""
    axis, places, src = _scattered(input, dim, index, src)
    return selection.scatter_add(input, src, axis, places) if places.size else shapes.clone(input)


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
    if not places.size:
        return shapes.clone(input)
    return selection.scatter_reduce(input, src, axis, places, reduce, include_self)


def _layers(input: Tensor, dim: int, index: Tensor, name: str) -> tuple[int, np.ndarray]:
    axis = normal_axis(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector")
    return axis, _index_of(name, index, "int32 or int64" if name == "index_select" else "int32/int64")


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Take whole layers along an axis."""
    axis, places = _layers(input, dim, index, "index_select")
    size = input.shape[axis] if input.ndim else 1
    _check_places(places, size, axis, lowest=0, text="index out of range in self")
    return selection.index_select(input, axis, places, tuple(input.shape))


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
    if input.ndim and (input.ndim != source.ndim or next(rest) != next(rest)):
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
            f"{list(input.shape)} source.shape = {list(source.shape)}"
        )
    _check_places(places, input.shape[axis] if input.ndim else 1, axis, lowest=0, error=RuntimeError)
    return selection.index_add(input, source, axis, places, alpha)


def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Replace layers, in a copy."""
    axis, places = _layers(input, dim, index, "index_copy_")
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
    if input.ndim and source.ndim:
        mine, theirs = (tuple(x.shape[:axis]) + tuple(x.shape[axis + 1 :]) for x in (input, source))
        if mine != theirs:
            raise RuntimeError(
                "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: "
                f"{' '.join(map(str, mine))} at dimension {axis} and source slice shape: {' '.join(map(str, theirs))} at "
                f"dimension {axis}."
            )
    text = "index_copy_(): index {} is out of bounds for dimension {} with size {}"
    _check_places(places, input.shape[axis] if input.ndim else 1, axis, lowest=0, text=text)
    return selection.index_copy(input, source, axis, places)


def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """Replace layers by one number, in a copy."""
    axis, places = _layers(input, dim, index, "index_fill_")
    _check_places(places, input.shape[axis] if input.ndim else 1, axis)
    places %= builtins.max(input.shape[axis] if input.ndim else 1, 1)
    if not isinstance(value, Tensor):
        return selection.index_fill_number(input, axis, places, value)
    if value.ndim:
        raise RuntimeError(
            f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    return selection.index_fill(input, value, axis, places)


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
    _check_places(places, input.shape[axis] if input.ndim else 1, axis, lowest=0)
    column = places.reshape([-1 if place == axis else 1 for place in range(source.ndim)])
    wide = np.broadcast_to(column, tuple(source.shape))
    return selection.index_reduce(input, source, axis, wide, reduce, include_self)


# --- by lists, places and masks ----------------------------------------------------------------------------------------


def index_put(input: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False) -> Tensor:
    """Replace ``input[indices]`` by values, or add to it, in a copy."""
    parts = tuple(None if part is None else _part(part) for part in indices)
    parts = tuple(np.asarray(part) if isinstance(part, int) else part for part in parts)
    named = builtins.sum(1 if part is None else _axes(part) for part in parts)
    if named > input.ndim:
        raise IndexError(f"too many indices for tensor of dimension {input.ndim} (got {named})")
    if values.dtype != input.dtype:
        names = (dtypes.scalar_type_name(x.dtype) for x in (input, values))
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got {} for the destination and {} for the "
            "source.".format(*names)
        )
    places: list[Any] = []
    for part in parts:
        if part is not None and part.dtype == bool:
            _check_mask(input, len(places), part)
            places.extend(np.nonzero(part))
        else:
            places.append(part)
    checked = _checked_places(input, places)
    shape = np.empty(tuple(input.shape), np.bool_)[shapes.place_of(checked)].shape
    try:
        if np.broadcast_shapes(values.shape, shape) != shape:
            raise ValueError
    except ValueError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to indexing result of shape "
            f"{list(shape)}"
        ) from None
    return shapes.index_put(input, values, checked, accumulate)


def _flat_places(name: str, input: Tensor, index: Tensor) -> np.ndarray:
    if index.array.dtype != np.int64:
        kind = dtypes.scalar_type_name(index.dtype)
        raise RuntimeError(f"{name}(): Expected a long tensor for index, but got {kind}")
    size = input.numel()
    text = f"out of range: tried to access index {{}} on a tensor of {size} elements."
    places = np.array(index.array)
    _check_places(places, size, 0, text=text)
    return places % builtins.max(size, 1)


def take(input: Tensor, index: Tensor) -> Tensor:
    """Take entries by their place in the flattened tensor."""
    return selection.take(input, _flat_places("take", input, index), tuple(input.shape))


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
    return selection.put(input, source, places, accumulate)


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
        return selection.masked_fill(input, value, holds)
    return selection.masked_fill_number(input, holds, value)


def _c_name(tensor: Tensor) -> str:
    names = {"float64": "double", "float32": "float", "float16": "c10::Half", "int64": "long long", "int32": "int",
             "int16": "short int", "int8": "signed char", "uint8": "unsigned char"}  # fmt: skip
    return names.get(tensor.dtype.name, tensor.dtype.name)


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """Take the entries where a mask holds, in a row."""
    if mask.array.dtype != bool:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = broadcast_shape(mask, input)
    return selection.masked_select(input, np.array(np.broadcast_to(mask.array, shape)))


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
    return selection.masked_scatter(input, source, holds)


def fill(input: Tensor, value: Any) -> Tensor:
    """Return one number over and over, in a tensor's shape and dtype."""
    if not isinstance(value, Tensor):
        return selection.fill_number(input, value)
    if value.ndim:
        raise RuntimeError(f"fill only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions.")
    return selection.fill(input, value)


# --- taking apart ----------------------------------------------------------------------------------------------------


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Take a tensor apart into its layers along an axis."""
    if not input.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    axis = normal_axis(dim, input.ndim)
    count = input.shape[axis]
    return tuple(view_of(input, part) for part in selection.unbind(count)(input, axis)) if count else ()


def unbind_copy(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Take a tensor apart into copies of its layers along an axis."""
    axis = normal_axis(dim, input.ndim)
    count = input.shape[axis]
    return selection.unbind(count, copies=True)(input, axis) if count else ()


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
    return tuple(view_of(tensor, part) for part in parts)


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
    return selection.split(len(sizes), grad_fn, copies)(tensor, axis, tuple(sizes)) if sizes else ()


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
    return tuple(_slice(input, axis, cut) for cut in cuts)


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


# --- searching, which has no gradient ------------------------------------------------------------------------------------


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Return the places of the entries that are not 0: as rows of a matrix, or as an index, one tensor per axis."""
    if as_tuple:
        return tuple(wrap(places) for places in np.nonzero(np.atleast_1d(input.array)))
    return wrap(np.argwhere(input.array))


def argwhere(input: Tensor) -> Tensor:
    """Return the places of the entries that are not 0, as rows of a matrix."""
    return wrap(np.argwhere(input.array))


def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """Turn places in a flattened tensor into places along each of its axes."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    return tuple(wrap(np.asarray(places)) for places in np.unravel_index(indices.array, sizes))


def msort(input: Tensor) -> Tensor:
    """Put the entries along the first axis in order."""
    return selection.sort(input, 0, False, tuple(input.shape))[0]


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Return the different entries, or layers, of a tensor, in order.

    Parameters
    ----------
    return_inverse
        Return also, for each entry of the input, where it stands in the result.
    return_counts
        Return also how often each is there.
    dim
        Compare layers along this axis instead of entries.
    """
    axis = None if dim is None else normal_axis(dim, input.ndim)
    values, inverse, counts = np.unique(
        np.asarray(input.array), return_inverse=True, return_counts=True, axis=axis, equal_nan=False
    )
    places = inverse.reshape(input.shape if axis is None else (-1,))
    return _answers(values, places if return_inverse else None, counts if return_counts else None)


def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Return the entries, or layers along an axis, that differ from the one before; `unique` explains the rest."""
    array = np.asarray(input.array)
    axis = 0 if dim is None else normal_axis(dim, input.ndim)
    layers = array.reshape(-1) if dim is None else np.moveaxis(array, axis, 0)
    differs = np.any(layers[1:] != layers[:-1], axis=tuple(range(1, layers.ndim)))
    starts = np.concatenate([np.zeros(builtins.min(len(layers), 1), np.int64), np.flatnonzero(differs) + 1])
    inverse = np.cumsum(np.concatenate([np.zeros(builtins.min(len(layers), 1), np.int64), differs]), dtype=np.int64)
    counts = np.diff(np.append(starts, len(layers)))
    values = layers[starts] if dim is None else np.moveaxis(layers[starts], 0, axis)
    places = inverse.reshape(array.shape) if dim is None else inverse
    return _answers(values, places if return_inverse else None, counts if return_counts else None)


def _answers(*arrays: Any) -> Any:
    answers = tuple(wrap(np.ascontiguousarray(array)) for array in arrays if array is not None)
    return answers if len(answers) > 1 else answers[0]


def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Return where in a sorted sequence values would have to stand.

    Parameters
    ----------
    sorted_sequence
        One row in order, or as many as `input` has.
    input
        The values, or a number.
    right, side
        Whether a value stands after its equals (``side="right"``) or before them.
    sorter
        What `argsort` returned, if the sequence is not in order itself.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([0, 3, 9]))
    tensor([0, 1, 3])
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    where: Any = "right" if right or side == "right" else "left"
    values, rows = np.asarray(array_of(input)), np.asarray(sorted_sequence.array)
    if rows.ndim != 1 and rows.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor "
            f"and input value tensor must match, but we got boundaries tensor {list(rows.shape)} and input value tensor "
            f"{list(values.shape)}"
        )
    if sorter is not None:
        rows = np.take_along_axis(rows, sorter.array, -1)
    kind = np.int32 if out_int32 else np.int64
    if rows.ndim == 1:
        return wrap(np.asarray(np.searchsorted(rows, values, where), kind))
    # Each row is searched by itself.
    found = np.empty(values.shape, kind)
    pairs = zip(rows.reshape(-1, rows.shape[-1]), values.reshape(-1, values.shape[-1]), strict=True)
    for place, (row, wanted) in enumerate(pairs):
        found.reshape(-1, values.shape[-1])[place] = np.searchsorted(row, wanted, where)
    return wrap(found)


def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """Return in which bucket each value falls, counted from 0.

    Parameters
    ----------
    boundaries
        Where the buckets meet, in order.
    right
        Whether a value on a boundary falls into the upper bucket.
    """
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
