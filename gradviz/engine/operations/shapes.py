"""Operations that move entries about and change none: their gradients are moved back the same way."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from gradviz.engine.operation import general, unlisted


def _row(
    name: str, grad_fn: str, symbol: str, forward: Any, back: Any, settings: str, expression: str, how: str
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
        local={"self": "1"},
        sentence=f"{how} No entry changes, so the gradient takes the same way back.",
    )


_view: dict[str, Any] = {
    "forward": lambda self, size, self_sym_sizes: self.reshape(size),
    "back": lambda grad, self_sym_sizes: np.reshape(grad, self_sym_sizes),
    "settings": "size self_sym_sizes",
    "expression": "reshape(self)",
    "how": "The entries are arranged in another shape.",
}
view = _row("view", "ViewBackward0", "reshape", **_view)
unsafe_view = _row("reshape", "UnsafeViewBackward0", "reshape", **_view)
clone = _row(
    "clone",
    "CloneBackward0",
    "copy",
    lambda self: np.array(self),
    lambda grad: grad,
    "",
    "self",
    "The tensor is copied.",
)
t = _row(
    "t",
    "TBackward0",
    "ᵀ",
    lambda self: self.T,
    lambda grad: np.transpose(grad),
    "",
    "self.T",
    "Rows become columns.",
)
transpose = _row(
    "transpose",
    "TransposeBackward0",
    "ᵀ",
    lambda self, dim0, dim1: np.swapaxes(self, dim0, dim1),
    lambda grad, dim0, dim1: np.swapaxes(grad, dim0, dim1),
    "dim0 dim1",
    "self.T",
    "Two axes change places.",
)
permute = _row(
    "permute",
    "PermuteBackward0",
    "permute",
    lambda self, dims: np.transpose(self, dims),
    lambda grad, dims: np.transpose(grad, tuple(int(i) for i in np.argsort(dims))),
    "dims",
    "permute(self)",
    "The axes change places.",
)


def _unsqueezed(grad: Any, self_sym_sizes: Any) -> Any:
    return np.reshape(grad, self_sym_sizes)


_squeeze: dict[str, Any] = {"back": _unsqueezed, "expression": "self", "how": "Axes of length 1 are dropped."}
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
unsqueeze = _row(
    "unsqueeze",
    "UnsqueezeBackward0",
    "unsqueeze",
    lambda self, dim: np.expand_dims(self, dim),
    lambda grad, dim: np.squeeze(grad, dim),
    "dim",
    "self",
    "An axis of length 1 is added.",
)
expand = general(
    "expand",
    "ExpandBackward0",
    "expand",
    lambda self, size: np.broadcast_to(self, size),
    "self",
    {"self": lambda grad: grad},
    settings="size",
    expression="expand(self)",
    local={"self": "1"},
    sentence="Each entry is used several times over, so it gets the sum of the gradients of its copies.",
)


def scatter(grad: Any, index: Any, self_sym_sizes: tuple[int, ...]) -> Any:
    """Put a gradient back where indexing took entries from; entries taken twice get both."""
    from gradviz.engine.tensor import Tensor

    if isinstance(grad, Tensor):
        return index_put_zeros(grad, index, self_sym_sizes)
    full = np.zeros(self_sym_sizes, grad.dtype)
    if basic(index):
        full[index] = grad
    else:
        np.add.at(full, index, grad)
    return full


def basic(index: Any) -> bool:
    """Return True for an index of numbers and slices, which takes no entry twice."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, int | slice) for part in parts)


def taken(self: Any, index: Any) -> Any:
    """Index an array. Numbers alone would give a scalar that shares no memory; an Ellipsis behind them, a view."""
    parts = index if isinstance(index, tuple) else (index,)
    if basic(index) and not any(part is Ellipsis for part in parts):
        return self[(*parts, ...)]
    return self[index]


def _take(name: str, grad_fn: str, symbol: str, how: str) -> Any:
    return general(
        name,
        grad_fn,
        symbol,
        lambda self, index, self_sym_sizes: taken(self, index),
        "self",
        {"self": scatter},
        settings="index self_sym_sizes",
        expression="self[...]",
        local={"self": "1 if taken else 0"},
        sentence=f"{how} What was taken gets its gradient; what was left gets 0.",
    )


select = _take("select", "SelectBackward0", "[i]", "One entry or row is taken.")
slice_ = _take("slice", "SliceBackward0", "[a:b]", "A stretch is taken.")
index = _take("index", "IndexBackward0", "[…]", "Entries are taken by a list or a mask.")
alias = _take("alias", "AliasBackward0", "[…]", "Everything is taken.")
index_put_zeros = general(
    "index_put",
    "IndexPutBackward0",
    "put",
    lambda self, index, sizes: scatter(self, index, sizes),
    "self",
    {"self": lambda grad, index: grad[index]},
    settings="index sizes",
    expression="put(self)",
    local={"self": "1"},
    sentence="Entries are put into a larger tensor of zeros; their gradients are taken from there.",
)


# Joining takes any number of tensors, so there is a row for each number, made when it is first needed.


def _joining(name: str, grad_fn: str, forward: Any, part: Any, settings: str, sentence: str) -> Any:
    @lru_cache(maxsize=64)
    def of(count: int) -> Any:
        inputs = [f"tensors{i}" for i in range(count)]
        return unlisted(
            name,
            grad_fn,
            name,
            forward,
            " ".join(inputs),
            {argument: part(i) for i, argument in enumerate(inputs)},
            settings=settings,
            expression=f"{name}({', '.join(inputs)})",
            local=dict.fromkeys(inputs, "1"),
            sentence=sentence,
        )

    return of


def _along(dim: int, part: Any) -> tuple[Any, ...]:
    return (*(slice(None),) * dim, part)


cat = _joining(
    "cat",
    "CatBackward0",
    lambda *args: np.concatenate(args[:-2], args[-2]),
    lambda i: lambda grad, dim, ends: grad[_along(dim, slice(ends[i], ends[i + 1]))],
    "dim ends",
    "Joined tensors each get their own stretch of the gradient back.",
)
stack = _joining(
    "stack",
    "StackBackward0",
    lambda *args: np.stack(args[:-1], args[-1]),
    lambda i: lambda grad, dim: grad[_along(dim, i)],
    "dim",
    "Stacked tensors each get their own layer of the gradient back.",
)


def sizes_for(size: Any, numel: int) -> tuple[int, ...]:
    """Work out a ``-1`` in a requested shape, or say that the shape does not fit."""
    wanted = tuple(int(length) for length in size)
    known = math.prod(length for length in wanted if length != -1)
    if wanted.count(-1) == 1 and known and numel % known == 0:
        return tuple(numel // known if length == -1 else length for length in wanted)
    if -1 in wanted or known != numel:
        raise RuntimeError(f"shape '{list(wanted)}' is invalid for input of size {numel}")
    return wanted


flip = _row(
    "flip",
    "FlipBackward0",
    "flip",
    lambda self, dims: np.flip(self, dims),
    lambda grad, dims: np.flip(grad, dims),
    "dims",
    "flip(self)",
    "The entries are turned around along some axes.",
)
roll = _row(
    "roll",
    "RollBackward0",
    "roll",
    lambda self, shifts, dims: np.roll(self, shifts, dims or None),
    lambda grad, shifts, dims: np.roll(grad, tuple(-shift for shift in shifts), dims or None),
    "shifts dims",
    "roll(self)",
    "The entries move along, and those that fall off come in again at the other end.",
)
repeat = general(
    "repeat",
    "RepeatBackward0",
    "repeat",
    lambda self, repeats, self_sym_sizes: np.tile(self, repeats),
    "self",
    {"self": lambda grad, repeats, self_sym_sizes: _folded(grad, repeats, self_sym_sizes)},
    settings="repeats self_sym_sizes",
    expression="repeat(self)",
    local={"self": "1"},
    sentence="Each entry is used several times over, so it gets the sum of the gradients of its copies.",
)


def _folded(grad: Any, repeats: tuple[int, ...], sizes: tuple[int, ...]) -> Any:
    """Add up the gradients of the copies that were laid side by side."""
    full = (1,) * (len(repeats) - len(sizes)) + sizes
    if 0 in repeats:
        return (
            np.zeros_like(np.reshape(grad, (-1,)), shape=sizes)
            if isinstance(grad, np.ndarray)
            else grad.new_zeros(sizes)
        )
    split = tuple(length for pair in zip(repeats, full, strict=True) for length in pair)
    copies = tuple(range(0, 2 * len(repeats), 2))
    return np.reshape(np.sum(np.reshape(grad, split), axis=copies) if copies else grad, sizes)


def _triangle(name: str, grad_fn: str, keep: Any, words: str) -> Any:
    return general(
        name,
        grad_fn,
        name,
        keep,
        "self",
        {"self": lambda grad, diagonal: grad * keep(np.ones(np.shape(grad)[-2:], bool), diagonal)},
        settings="diagonal",
        expression=f"{name}(self)",
        local={"self": "1 if kept else 0"},
        sentence=f"{words} What was kept gets its gradient; what was set to 0 gets 0.",
    )


tril = _triangle(
    "tril", "TrilBackward0", lambda self, diagonal: np.tril(self, diagonal), "What stands above a diagonal is set to 0."
)
triu = _triangle(
    "triu", "TriuBackward0", lambda self, diagonal: np.triu(self, diagonal), "What stands below a diagonal is set to 0."
)
masked_fill = general(
    "masked_fill",
    "MaskedFillBackward0",
    "mask",
    lambda self, mask, value: np.where(mask, self.dtype.type(value), self),
    "self",
    {"self": lambda grad, mask: np.where(mask, 0, grad)},
    settings="mask value",
    expression="masked_fill(self)",
    local={"self": "0 if mask else 1"},
    sentence="Where the mask holds the numbers are replaced, and no gradient comes back; elsewhere all of it does.",
)
cumsum = general(
    "cumsum",
    "CumsumBackward0",
    "cumsum",
    lambda self, dim: (
        np.cumsum(self, dim, dtype=None if self.dtype.kind == "f" else np.int64) if self.ndim else self + 0
    ),
    "self",
    {"self": lambda grad, dim: np.flip(np.cumsum(np.flip(grad, dim), dim), dim) if np.ndim(grad) else grad},
    settings="dim",
    expression="cumsum(self)",
    local={"self": "cumsum_from_the_end(grad)"},
    sentence="Each entry is in its own sum and in all that follow, so it gets the gradients of all of them.",
)
