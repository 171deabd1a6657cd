"""Operations that move entries about and change none: their gradients are moved back the same way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine.layout import as_first, in_rows
from gradviz.engine.operation import beside, general
from gradviz.engine.operations.formulas import recorded, zeros_for
from gradviz.engine.tensor import Tensor, wrap


def _row(
    name: str,
    grad_fn: str,
    symbol: str,
    forward: Any,
    back: Any,
    settings: str,
    expression: str,
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
    )


# --- another shape ---------------------------------------------------------------------------------------------------

_view: dict[str, Any] = {
    "forward": lambda self, size, self_sym_sizes: self.reshape(size),
    "back": lambda grad, self_sym_sizes: np.reshape(grad, self_sym_sizes),
    "settings": "size self_sym_sizes",
    "expression": "reshape(self)",
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
)


def _unsqueezed(grad: Any, self_sym_sizes: Any) -> Any:
    return np.reshape(grad, self_sym_sizes)


_squeeze: dict[str, Any] = {
    "back": _unsqueezed,
    "expression": "squeeze(self)",
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
    "rot90_inverse(grad)",
)

# --- several times over ----------------------------------------------------------------------------------------------


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
)
alias = _row(
    "alias",
    "AliasBackward0",
    "[…]",
    lambda self: self[...],
    lambda grad: grad,
    "",
    "self[...]",
)
alias_copy = copied(alias)
