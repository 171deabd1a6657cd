"""Operations that move entries about and change none: their gradients are moved back the same way."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.layout import as_first, follow, in_rows, rows
from gradviz.engine.operation import beside, family, general, unlisted
from gradviz.engine.tensor import Tensor, wrap


def recorded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a formula use another row: its forward where arrays are given, and on tensors the row itself, recorded."""
    operation = function.operation  # type: ignore[attr-defined]
    count = len(operation.inputs)

    def either(*arguments: Any) -> Any:
        inputs, settings = arguments[:count], arguments[count:]
        if not any(isinstance(argument, Tensor) for argument in inputs):
            return operation.forward(*inputs, *settings)
        return function(*(x if isinstance(x, Tensor) else wrap(np.asarray(x)) for x in inputs), *settings)

    return either


def plain(value: Any) -> Any:
    """Return the array in a tensor, and an array as it is: for what a formula reads but does not differentiate."""
    return value.array if isinstance(value, Tensor) else value


def zeros_for(grad: Any, sizes: tuple[int, ...] = ()) -> np.ndarray:
    """Return zeros of some sizes in a gradient's dtype, for the entries that were left out."""
    return np.zeros(sizes, plain(grad).dtype)


def _row(
    name: str,
    grad_fn: str,
    symbol: str,
    forward: Any,
    back: Any,
    settings: str,
    expression: str,
    how: str,
    way: str = "1",
) -> Any:
    return general(
        name,
        grad_fn,
        symbol,
        forward,
        "self",
        {"self": back},
        settings=settings,
        expression=expression,
        local={"self": way},
        sentence=f"{how} No entry changes, so the gradient takes the same way back.",
    )


def copied(view: Any) -> Any:
    """Add the row of a view's twin whose result has memory of its own: ``transpose_copy``."""
    operation = view.operation
    return general(
        f"{operation.name}_copy",
        f"{operation.grad_fn}_copy",
        operation.symbol,
        lambda *arguments: np.array(operation.forward(*arguments), order="C"),
        " ".join(operation.inputs),
        operation.derivatives,
        settings=" ".join(operation.settings),
        expression=operation.expression,
        local=operation.local,
        sentence=operation.sentence,
    )


# --- another shape ---------------------------------------------------------------------------------------------------

_view: dict[str, Any] = {
    "forward": lambda self, size, self_sym_sizes: self.reshape(size),
    "back": lambda grad, self_sym_sizes: np.reshape(grad, self_sym_sizes),
    "settings": "size self_sym_sizes",
    "expression": "reshape(self)",
    "how": "The entries are arranged in another shape.",
    "way": "reshape(grad)",
}
view = _row("view", "ViewBackward0", "reshape", **_view)
reshape_alias = _row("reshape", "ReshapeAliasBackward0", "reshape", **_view)
unsafe_view = _row("reshape", "UnsafeViewBackward0", "reshape", **_view)
view_copy = copied(view)


def sizes_for(size: Any, numel: int) -> tuple[int, ...]:
    """Work out a ``-1`` in a requested shape, or say that the shape does not fit."""
    wanted = tuple(int(length) for length in size)
    if min(wanted, default=0) >= 0 and math.prod(wanted) == numel:
        return wanted
    if wanted.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    for place, length in enumerate(wanted):
        if length < -1:
            raise RuntimeError(f"invalid shape dimension {length} at index {place} of shape {list(wanted)}")
    known = math.prod(length for length in wanted if length != -1)
    if -1 in wanted and not known and not numel:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(wanted)} because the unspecified dimension size -1 "
            "can be any value and is ambiguous"
        )
    if -1 in wanted and known and numel % known == 0:
        return tuple(numel // known if length == -1 else length for length in wanted)
    if -1 in wanted or known != numel:
        raise RuntimeError(f"shape '{list(wanted)}' is invalid for input of size {numel}")
    return wanted


clone = _row(
    "clone",
    "CloneBackward0",
    "copy",
    as_first(lambda self: np.array(self)),
    lambda grad: grad,
    "",
    "self",
    "The tensor is copied.",
)
contiguous = beside(
    "contiguous",
    "CloneBackward0",
    "copy",
    lambda self: np.array(self, order="C"),
    "self",
    {"self": lambda grad: grad},
    expression="self",
    local={"self": "1"},
    sentence="The tensor is copied, row by row. No entry changes, so the gradient takes the same way back.",
)


def _unsqueezed(grad: Any, self_sym_sizes: Any) -> Any:
    return np.reshape(grad, self_sym_sizes)


_squeeze: dict[str, Any] = {
    "back": _unsqueezed,
    "expression": "squeeze(self)",
    "how": "Axes of length 1 are dropped.",
    "way": "reshape(grad)",
}
squeeze_all = _row(
    "squeeze",
    "SqueezeBackward0",
    "squeeze",
    lambda self, self_sym_sizes: self.squeeze(),
    settings="self_sym_sizes",
    **_squeeze,
)
_squeeze_dim: dict[str, Any] = {
    "forward": lambda self, dim, self_sym_sizes: self.reshape(
        [size for axis, size in enumerate(self.shape) if size != 1 or axis not in dim]
    ),
    "settings": "dim self_sym_sizes",
    **_squeeze,
}
squeeze_dim = _row("squeeze", "SqueezeBackward1", "squeeze", **_squeeze_dim)
squeeze_dims = _row("squeeze", "SqueezeBackward2", "squeeze", **_squeeze_dim)
squeeze_of_matmul = _row("squeeze", "SqueezeBackward4", "squeeze", **_squeeze_dim)
squeeze_all_copy, squeeze_dim_copy, squeeze_dims_copy = copied(squeeze_all), copied(squeeze_dim), copied(squeeze_dims)
unsqueeze = _row(
    "unsqueeze",
    "UnsqueezeBackward0",
    "unsqueeze",
    lambda self, dim: np.expand_dims(self, dim),
    lambda grad, dim: np.squeeze(grad, dim),
    "dim",
    "unsqueeze(self)",
    "An axis of length 1 is added.",
    "reshape(grad)",
)
unsqueeze_copy = copied(unsqueeze)

# --- another order ---------------------------------------------------------------------------------------------------

t = _row(
    "t",
    "TBackward0",
    "( )ᵀ",
    lambda self: self.T,
    lambda grad: np.transpose(grad),
    "",
    "self.T",
    "Rows become columns.",
    "grad.T",
)
t_copy = copied(t)
transpose = _row(
    "transpose",
    "TransposeBackward0",
    "( )ᵀ",
    lambda self, dim0, dim1: np.swapaxes(self, dim0, dim1) if np.ndim(self) else self[...],
    lambda grad, dim0, dim1: np.swapaxes(grad, dim0, dim1) if np.ndim(grad) else grad,
    "dim0 dim1",
    "transpose(self, dim0=dim0, dim1=dim1)",
    "Two axes change places.",
    "transpose(grad, dim0=dim0, dim1=dim1)",
)
transpose_copy = copied(transpose)
permute = _row(
    "permute",
    "PermuteBackward0",
    "permute",
    lambda self, dims: np.transpose(self, dims),
    lambda grad, dims: np.transpose(grad, tuple(int(i) for i in np.argsort(dims))),
    "dims",
    "permute(self)",
    "The axes change places.",
    "permute_inverse(grad)",
)
permute_copy = copied(permute)
# Of a matrix the two axes change places: that is written as everybody writes it, under the same name in PyTorch.
flipped = beside(
    "T",
    "PermuteBackward0",
    "( )ᵀ",
    lambda self, dims: np.transpose(self, dims),
    "self",
    {"self": lambda grad, dims: np.transpose(grad, dims)},
    settings="dims",
    expression="self.T",
    local={"self": "grad.T"},
    sentence="Rows become columns. No entry changes, so the gradient takes the same way back.",
)
flip = _row(
    "flip",
    "FlipBackward0",
    "flip",
    as_first(
        lambda self, dims: np.array(np.flip(self, dims))
    ),  # a copy, not a view: PyTorch's tensors have no negative strides
    lambda grad, dims: np.flip(grad, dims),
    "dims",
    "flip(self)",
    "The entries are turned around along some axes.",
    "flip(grad)",
)
roll = _row(
    "roll",
    "RollBackward0",
    "roll",
    in_rows(lambda self, shifts, dims: np.roll(self, shifts, dims or None)),
    lambda grad, shifts, dims: np.roll(grad, tuple(-shift for shift in shifts), dims or None),
    "shifts dims",
    "roll(self)",
    "The entries move along, and those that fall off come in again at the other end.",
    "roll_inverse(grad)",
)
rot90: Any = _row(
    "rot90",
    "Rot90Backward0",
    "rotate",
    lambda self, k, dims: np.array(np.rot90(self, k, dims), order="K" if k % 4 else "C"),
    lambda grad, k, dims: recorded(rot90)(grad, -k, dims),
    "k dims",
    "rot90(self)",
    "Two axes are turned by a quarter, once or several times.",
    "rot90_inverse(grad)",
)

# --- several times over ----------------------------------------------------------------------------------------------

_COPIES = "Each entry is used several times over, so it gets the sum of the gradients of its copies."

expand = general(
    "expand",
    "ExpandBackward0",
    "expand",
    # (NumPy's is read-only, which is right only where entries are shared.)
    lambda self, size: self.reshape(size) if self.size == math.prod(size) else np.broadcast_to(self, size),
    "self",
    {"self": lambda grad: grad},
    settings="size",
    expression="expand(self)",
    local={"self": "1"},
    sentence=_COPIES,
)
expand_copy = copied(expand)
repeat = general(
    "repeat",
    "RepeatBackward0",
    "repeat",
    in_rows(lambda self, repeats, self_sym_sizes: np.tile(self, repeats)),
    "self",
    {"self": lambda grad, repeats, self_sym_sizes: _folded(grad, repeats, self_sym_sizes)},
    settings="repeats self_sym_sizes",
    expression="repeat(self)",
    local={"self": "sum_copies(grad)"},
    sentence=_COPIES,
)


def _folded(grad: Any, repeats: tuple[int, ...], sizes: tuple[int, ...]) -> Any:
    """Add up the gradients of the copies that were laid side by side."""
    full = (1,) * (len(repeats) - len(sizes)) + sizes
    if 0 in repeats:
        zeros = zeros_for(grad, sizes)
        return wrap(zeros) if isinstance(grad, Tensor) else zeros
    split = tuple(length for pair in zip(repeats, full, strict=True) for length in pair)
    copies = tuple(range(0, 2 * len(repeats), 2))
    return np.reshape(np.sum(np.reshape(grad, split), axis=copies) if copies else grad, sizes)


def _windows(self: np.ndarray, dimension: int, size: int, step: int, self_sym_sizes: Any = None) -> np.ndarray:
    # A read-only view, because windows overlap, would refuse the changes in place that PyTorch allows.
    windows = np.lib.stride_tricks.sliding_window_view(np.atleast_1d(self), size, dimension, writeable=True)
    return windows[(*(slice(None),) * dimension, slice(None, None, step))] if np.ndim(self) else windows[0]


def _add_windows(grad: Any, dimension: int, size: int, step: int, sizes: tuple[int, ...]) -> np.ndarray:
    if not sizes:
        return grad.reshape(-1)[:1].sum()
    full = np.zeros(sizes, grad.dtype)
    windows = np.moveaxis(grad, (dimension, -1), (0, 1))
    entries = np.arange(len(windows))[:, None] * step + np.arange(size)
    np.add.at(np.moveaxis(full, dimension, 0), entries, windows)
    return full


unfold = general(
    "unfold",
    "UnfoldBackward0",
    "windows",
    _windows,
    "self",
    {
        "self": lambda grad, dimension, size, step, self_sym_sizes: recorded(unfold_backward)(
            grad, dimension, size, step, self_sym_sizes
        )
    },
    settings="dimension size step self_sym_sizes",
    expression="unfold(self)",
    local={"self": "add_windows(grad)"},
    sentence="Windows move along an axis; an entry gets the gradients of all the windows it is in.",
)
unfold_copy = copied(unfold)
unfold_backward: Any = general(
    "unfold_backward",
    "UnfoldBackwardBackward0",
    "add windows",
    _add_windows,
    "self",
    {"self": lambda grad, dimension, size, step: recorded(unfold)(grad, dimension, size, step, np.shape(grad))},
    settings="dimension size step sizes",
    expression="add_windows(self)",
    local={"self": "windows(grad)"},
    sentence="Windows are added up where they stood; each gets the gradient of its place back.",
)

# --- parts of a tensor, as views, and what puts a part back in its place ------------------------------------------------


def _along(dim: int, part: Any) -> tuple[Any, ...]:
    return (*(slice(None),) * dim, part)


def _layer(self: np.ndarray, dim: int, index: int, self_sym_sizes: Any = None) -> np.ndarray:
    return self[(*_along(dim, index), ...)]  # with an Ellipsis NumPy returns a view, even of a single number


def _stretch(self: np.ndarray, dim: int, start: int, end: int, step: int, self_sym_sizes: Any = None) -> np.ndarray:
    return self[_along(dim, slice(start, end, step))]


def _diagonal(self: np.ndarray, offset: int, dim1: int, dim2: int, self_sym_sizes: Any = None) -> np.ndarray:
    part = np.diagonal(self, offset, dim1, dim2)
    if self.flags.writeable:
        part.flags.writeable = True
    return part


def _replaced(part: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Return a forward that replaces a part of a tensor."""

    def forward(self: np.ndarray, src: Any, *place: Any) -> np.ndarray:
        out = np.array(self)
        part(out, *place)[...] = src
        return out

    return forward


def _in_zeros(part: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Return a forward that puts a part into a tensor of zeros, whose sizes come last."""

    def forward(grad: Any, *place: Any) -> np.ndarray:
        full = np.zeros(place[-1], grad.dtype)
        part(full, *place[:-1])[...] = grad
        return full

    return forward


def _part(
    name: str, grad_fn: str, symbol: str, part: Any, back: Any, settings: str, how: str, taken: str = "taken(self)"
) -> Any:
    return general(
        name,
        grad_fn,
        symbol,
        part,
        "self",
        {"self": back},
        settings=f"{settings} self_sym_sizes".strip(),
        expression=taken,
        local={"self": "put(grad)"},
        sentence=f"{how} What was taken gets its gradient; what was left gets 0.",
    )


def _put_back(name: str, grad_fn: str, part: Any, taken: Any, settings: str) -> Any:
    return general(
        name,
        grad_fn,
        "into 0",
        _in_zeros(part),
        "grad_output",
        {"grad_output": taken},
        settings=f"{settings} sizes",
        expression="put(grad_output)",
        local={"grad_output": "taken(grad)"},
        sentence="A part is put into a larger tensor of zeros; its gradient is taken from there.",
    )


def _scatter(name: str, grad_fn: str, forward: Any, kept: Any, taken: Any, settings: str) -> Any:
    return general(
        name,
        grad_fn,
        "[…] =",
        forward,
        "self src",
        {"self": kept, "src": taken},
        settings=settings,
        expression=f"{name}(self, src)",
        local={"self": "0 if replaced else 1", "src": "taken(grad)"},
        sentence="The part that was replaced sends its gradient to the new numbers; the rest passes its own on.",
    )


select = _part(
    "select",
    "SelectBackward0",
    "[i]",
    _layer,
    lambda grad, dim, index, self_sym_sizes: recorded(select_backward)(grad, dim, index, self_sym_sizes),
    "dim index",
    "One entry or row is taken.",
    "taken_one(self, dim=dim, index=index)",
)
select_backward: Any = _put_back(
    "select_backward",
    "SelectBackwardBackward0",
    _layer,
    lambda grad, dim, index: recorded(select)(grad, dim, index, np.shape(grad)),
    "dim index",
)
select_scatter: Any = _scatter(
    "select_scatter",
    "SelectScatterBackward0",
    _replaced(_layer),
    lambda grad, dim, index: recorded(select_scatter)(grad, zeros_for(grad), dim, index),
    lambda grad, dim, index: recorded(select)(grad, dim, index, np.shape(grad)),
    "dim index",
)
select_copy = copied(select)

slice_ = _part(
    "slice",
    "SliceBackward0",
    "[a:b]",
    _stretch,
    lambda grad, dim, start, end, step, self_sym_sizes: recorded(slice_backward)(
        grad, dim, start, end, step, self_sym_sizes
    ),
    "dim start end step",
    "A stretch is taken.",
    "taken_stretch(self, dim=dim, start=start, end=end, step=step)",
)
slice_backward: Any = _put_back(
    "slice_backward",
    "SliceBackwardBackward0",
    _stretch,
    lambda grad, dim, start, end, step: recorded(slice_)(grad, dim, start, end, step, np.shape(grad)),
    "dim start end step",
)
slice_scatter: Any = _scatter(
    "slice_scatter",
    "SliceScatterBackward0",
    _replaced(_stretch),
    lambda grad, dim, start, end, step: recorded(slice_scatter)(grad, zeros_for(grad), dim, start, end, step),
    lambda grad, dim, start, end, step: recorded(slice_)(grad, dim, start, end, step, np.shape(grad)),
    "dim start end step",
)
slice_copy = copied(slice_)
narrow_copy = _part(
    "narrow_copy",
    "NarrowCopyBackward0",
    "[a:b]",
    in_rows(lambda self, dim, start, length, self_sym_sizes: np.array(_stretch(self, dim, start, start + length, 1))),
    lambda grad, dim, start, length, self_sym_sizes: recorded(slice_backward)(
        grad, dim, start, start + length, 1, self_sym_sizes
    ),
    "dim start length",
    "A stretch is taken.",
)

diagonal = _part(
    "diagonal",
    "DiagonalBackward0",
    "diagonal",
    _diagonal,
    lambda grad, offset, dim1, dim2, self_sym_sizes: recorded(diagonal_backward)(
        grad, offset, dim1, dim2, self_sym_sizes
    ),
    "offset dim1 dim2",
    "The diagonal is taken.",
)
diagonal_backward: Any = _put_back(
    "diagonal_backward",
    "DiagonalBackwardBackward0",
    _diagonal,
    lambda grad, offset, dim1, dim2: recorded(diagonal)(grad, offset, dim1, dim2, np.shape(grad)),
    "offset dim1 dim2",
)
diagonal_scatter: Any = _scatter(
    "diagonal_scatter",
    "DiagonalScatterBackward0",
    _replaced(_diagonal),
    lambda grad, offset, dim1, dim2: recorded(diagonal_scatter)(grad, zeros_for(grad), offset, dim1, dim2),
    lambda grad, offset, dim1, dim2: recorded(diagonal)(grad, offset, dim1, dim2, np.shape(grad)),
    "offset dim1 dim2",
)
diagonal_copy = copied(diagonal)


def _diag_embed(self: np.ndarray, offset: int, dim1: int, dim2: int) -> np.ndarray:
    length = self.shape[-1] + abs(offset)
    out = np.zeros((*self.shape[:-1], length, length), self.dtype)
    _diagonal(out, offset, -2, -1)[...] = self
    return np.ascontiguousarray(np.moveaxis(out, (-2, -1), (dim1, dim2)))


diag_embed = general(
    "diag_embed",
    "DiagEmbedBackward0",
    "diagonal",
    _diag_embed,
    "self",
    {"self": lambda grad, offset, dim1, dim2: recorded(diagonal)(grad, offset, dim1, dim2, np.shape(grad))},
    settings="offset dim1 dim2",
    expression="diag_embed(self)",
    local={"self": "diagonal(grad)"},
    sentence="The entries are put on a diagonal, with 0 around it; each gets the gradient from its place there.",
)
alias = _row(
    "alias",
    "AliasBackward0",
    "[…]",
    lambda self: self[...],
    lambda grad: grad,
    "",
    "self[...]",
    "Everything is taken.",
)
alias_copy = copied(alias)


def _triangle(name: str, grad_fn: str, keep: Any, words: str) -> Any:
    def back(grad: Any, diagonal: int) -> Any:
        return recorded(row)(grad, diagonal)

    row = general(
        name,
        grad_fn,
        name,
        in_rows(keep),
        "self",
        {"self": back},
        settings="diagonal",
        expression=f"{name}(self, diagonal=diagonal)",
        local={"self": f"{name}(grad, diagonal=diagonal)"},
        sentence=f"{words} What was kept gets its gradient; what was set to 0 gets 0.",
    )
    return row


tril = _triangle(
    "tril", "TrilBackward0", lambda self, diagonal: np.tril(self, diagonal), "What stands above a diagonal is set to 0."
)
triu = _triangle(
    "triu", "TriuBackward0", lambda self, diagonal: np.triu(self, diagonal), "What stands below a diagonal is set to 0."
)

# --- parts picked by lists and masks -----------------------------------------------------------------------------------


def place_of(indices: Any) -> Any:
    """Turn one array per axis, or ``None`` for a whole axis, into an index as NumPy wants it."""
    return tuple(slice(None) if part is None else part for part in indices) if isinstance(indices, tuple) else indices


def _picked(self: Any, indices: Any, self_sym_sizes: Any) -> np.ndarray:
    """Pick entries; the axes that are picked whole lie to each other as they did."""
    array = np.asarray(self)
    out = array[place_of(indices)]
    if array.flags.c_contiguous or not isinstance(indices, tuple) or not all(map(_places_or_whole, indices)):
        return rows(out)
    picked = [axis for axis, part in enumerate(indices) if part is not None]
    index = np.broadcast_arrays(*(indices[axis] for axis in picked))[0].copy()
    first = picked[0] if picked[-1] - picked[0] == len(picked) - 1 else 0
    steps = [step for axis, step in enumerate(array.strides) if axis not in picked]
    steps[first:first] = [0] * index.ndim
    index = index.reshape(index.shape + (1,) * (out.ndim - first - index.ndim))
    return follow(out, np.lib.stride_tricks.as_strided(array, out.shape, steps), index)


def _places_or_whole(part: Any) -> bool:
    return part is None or (isinstance(part, np.ndarray) and part.dtype.kind in "iu")


def once(indices: Any) -> bool:
    """Return True for an index that can take no entry twice: masks, numbers and slices."""
    parts = indices if isinstance(indices, tuple) else (indices,)
    return all(not isinstance(part, np.ndarray) or part.dtype == bool for part in parts)


def basic(index: Any) -> bool:
    """Return True for an index of numbers and slices, which NumPy answers with a view."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, int | slice) for part in parts)


def scatter(grad: Any, index: Any, self_sym_sizes: tuple[int, ...]) -> Any:
    """Put a gradient back where indexing took entries from; entries taken twice get both."""
    return recorded(index_put)(zeros_for(grad, self_sym_sizes), grad, index, True)


def _put(self: np.ndarray, values: Any, indices: Any, accumulate: bool) -> np.ndarray:
    out, place = np.array(self), place_of(indices)
    if not accumulate:
        out[place] = values
    elif once(indices):
        out[place] += values
    else:
        np.add.at(out, place, values)
    return out


def _not_replaced(grad: Any, indices: Any, accumulate: bool) -> Any:
    return grad if accumulate else recorded(index_put)(grad, zeros_for(grad), indices, False)


index = general(
    "index",
    "IndexBackward0",
    "[…]",
    _picked,
    "self",
    {"self": lambda grad, indices, self_sym_sizes: scatter(grad, indices, self_sym_sizes)},
    settings="indices self_sym_sizes",
    tensors="indices",
    expression="taken(self)",
    local={"self": "put(grad)"},
    sentence="Entries are taken by a list or a mask. What was taken gets its gradient; what was left gets 0.",
)
index_put = general(
    "index_put",
    "IndexPutBackward0",
    "[…] =",
    _put,
    "self values",
    {"self": _not_replaced, "values": lambda grad, indices: recorded(index)(grad, indices, np.shape(grad))},
    settings="indices accumulate",
    tensors="indices",
    expression="index_put(self, values)",
    local={"self": "0 if replaced else 1", "values": "taken(grad)"},
    sentence="The entries that were replaced send their gradients to the new numbers; the others pass theirs on.",
)

# --- joining ---------------------------------------------------------------------------------------------------------

# Joining takes any number of tensors, so there is a row for each number, made when it is first needed.


def _joining(name: str, grad_fn: str, forward: Any, part: Any, settings: str, sentence: str) -> Any:
    @family(name)
    def of(count: int) -> Any:
        inputs = [f"tensors{i}" for i in range(count)]
        return unlisted(
            name,
            grad_fn,
            name,
            in_rows(forward),
            " ".join(inputs),
            {argument: part(i) for i, argument in enumerate(inputs)},
            settings=settings,
            expression=f"{name}({', '.join(inputs)})",
            local=dict.fromkeys(inputs, "taken(grad)"),
            sentence=sentence,
        )

    return of


def _together(arrays: Sequence[Any]) -> Sequence[Any]:
    """Bring arrays that are to be joined to the dtype PyTorch gives them together."""
    if all(array.dtype is arrays[0].dtype for array in arrays):
        return arrays
    kind = dtypes.result_type(*arrays)
    return [np.asarray(array, kind) for array in arrays]


def _blocks(*matrices: Any) -> np.ndarray:
    """Put matrices along the diagonal of a larger one."""
    matrices = tuple(np.atleast_2d(matrix) for matrix in _together(matrices))
    rows, columns = (sum(matrix.shape[axis] for matrix in matrices) for axis in (0, 1))
    full = np.zeros((rows, columns), matrices[0].dtype)
    row = column = 0
    for matrix in matrices:
        full[row : row + matrix.shape[0], column : column + matrix.shape[1]] = matrix
        row, column = row + matrix.shape[0], column + matrix.shape[1]
    return full


def _block(place: int) -> Any:
    def part(grad: Any, sizes: tuple[tuple[int, ...], ...]) -> Any:
        full = [(1,) * (2 - len(size)) + size for size in sizes]
        row, column = (sum(size[axis] for size in full[:place]) for axis in (0, 1))
        height, width = full[place]
        return np.reshape(grad[row : row + height, column : column + width], sizes[place])

    return part


cat = _joining(
    "cat",
    "CatBackward0",
    lambda *args: np.concatenate(_together(args[:-2]), args[-2]),
    lambda i: lambda grad, dim, ends: grad[_along(dim, slice(ends[i], ends[i + 1]))],
    "dim ends",
    "Joined tensors each get their own stretch of the gradient back.",
)
stack = _joining(
    "stack",
    "StackBackward0",
    lambda *args: np.stack(_together(args[:-1]), args[-1]),
    lambda i: lambda grad, dim: grad[_along(dim, i)],
    "dim",
    "Stacked tensors each get their own layer of the gradient back.",
)
block_diag = _joining(
    "block_diag",
    "BlockDiagBackward0",
    lambda *args: _blocks(*args[:-1]),
    _block,
    "sizes",
    "Each tensor is a block on the diagonal, with 0 around it, and gets the gradient from its place there.",
)

cumsum = general(
    "cumsum",
    "CumsumBackward0",
    "cumsum",
    in_rows(
        lambda self, dim: (
            np.cumsum(self, dim, dtype=None if self.dtype.kind == "f" else np.int64) if self.ndim else self + 0
        )
    ),
    "self",
    {"self": lambda grad, dim: np.flip(np.cumsum(np.flip(grad, dim), dim), dim) if np.ndim(grad) else grad},
    settings="dim",
    expression="cumsum(self)",
    local={"self": "cumsum_T(grad, dim=dim)"},
    sentence="Each entry is in its own sum and in all that follow, so it gets the gradients of all of them.",
)


def _strided_replaced(self: np.ndarray, src: Any, places: np.ndarray) -> np.ndarray:
    out = np.array(self, order="C")
    out.reshape(-1)[places] = src
    return out


strided_scatter: Any = _scatter(
    "as_strided_scatter",
    "AsStridedScatterBackward0",
    _strided_replaced,
    lambda grad, places: recorded(strided_scatter)(grad, zeros_for(grad), places),
    lambda grad, places: np.reshape(grad, (-1,))[places],
    "places",
)
