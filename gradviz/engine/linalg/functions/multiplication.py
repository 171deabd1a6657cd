"""The product of whatever two factors: vectors, matrices, batches of matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine import mixed
from gradviz.engine.broadcast import broadcast_error
from gradviz.engine.functions.shapes import contiguous, reshape, squeeze, t, transpose, unsqueeze
from gradviz.engine.linalg.checks import check_tensor
from gradviz.engine.linalg.functions.products import bmm, dot, mm, mv
from gradviz.engine.operations import shapes
from gradviz.engine.tensor import Tensor
from gradviz.engine.views import view_of

__all__ = ["matmul"]


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Multiply vectors, matrices or batches of matrices.

    Parameters
    ----------
    input, other
        Of shapes (..., n, m) and (..., m, p), where the axes in front are broadcast; or vectors (m), which stand for
        a row on the left and a column on the right.

    Returns
    -------
    Tensor
        Of shape (..., n, p), without the axes that the vectors lack.

    Notes
    -----
    It is made of the simpler products, and in a picture one sees which: `dot`, `mv`, `mm` or `bmm`.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.matmul(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1.0, 10.0]))
    tensor([21., 43.])
    """
    if not isinstance(other, Tensor):
        check_tensor("matmul", other=other)
    match input.array.ndim, other.array.ndim:
        case 2, 2:
            return mm(input, other)
        case (0, _) | (_, 0):
            raise RuntimeError(
                f"both arguments to matmul need to be at least 1D, but they are {input.ndim}D and {other.ndim}D"
            )
        case 1, 1:
            return dot(input, other)
        case 2, 1:
            return mv(input, other)
        case 1, 2:
            product = mm(unsqueeze(input, 0), other)
            return shapes.squeeze_of_matmul(product, (0,), tuple(product.shape))
    if _folds(input, other):
        return _folded(input, other)
    for one, rest in ((input, other), (other, input)):
        if one.ndim == 3 == rest.ndim and one.shape[0] == 1 != rest.shape[0] and one._requires_grad:
            # Broadcasting one matrix means folding, too: its gradient is added up in one product.
            one = squeeze(one, 0)
            return _folded(one, rest) if rest is other else _folded(rest, one)
    return _batched(input, other)


def _folds(input: Tensor, other: Tensor) -> bool:
    """Decide whether a batch becomes one tall matrix: when the other factor is one matrix or vector for all of it.

    PyTorch always does so if the one needs a gradient, which is then a single product. If not, only where it need not
    copy.
    """
    batch, one = (input, other) if input.ndim >= other.ndim else (other, input)
    if batch.ndim < 3 or one.ndim > 2:
        return False
    if one._requires_grad:
        return True
    if input.ndim == 2:
        return False
    array = batch._writable() if batch is input else np.swapaxes(batch._writable(), -2, -1)
    return not array.size or array[..., 0].ndim < 2 or _rows_follow(array)


def _rows_follow(array: np.ndarray) -> bool:
    """Return True if the rows of a batch of matrices lie one after the other in memory, evenly."""
    return all(array.strides[axis] == array.strides[axis + 1] * array.shape[axis + 1] for axis in range(array.ndim - 2))


def _folded(input: Tensor, other: Tensor) -> Tensor:
    """Multiply a batch of matrices and one matrix or vector, as one tall matrix."""
    swapped = other.ndim > input.ndim  # (A B)ᵀ = Bᵀ Aᵀ
    batch = transpose(other, -2, -1) if swapped else input
    one = other if not swapped else t(input) if input.ndim == 2 else input
    *rows, inner = batch.shape
    flat = reshape(batch, (math.prod(rows), inner))
    product = mv(flat, one) if one.ndim == 1 else mm(flat, one)
    size = tuple(rows) if one.ndim == 1 else (*rows, one.shape[1])
    out = shapes.unsafe_view(product, size, product.array.shape)
    return contiguous(transpose(out, -2, -1)) if swapped and one.ndim == 2 else out


def _batched(input: Tensor, other: Tensor) -> Tensor:
    """Multiply matrices pair by pair."""
    left, right = input.array.shape, other.array.shape
    rows, columns = left[-2:-1], right[-1:] if len(right) > 1 else ()
    batch = together(left[:-2], right[:-2])
    x = as_batch(input, batch, (*(rows or (1,)), left[-1]))
    y = as_batch(other, batch, right[-2:])
    product = bmm(x, y) if columns else squeeze(bmm(x, unsqueeze(y, 2)), -1)
    return shapes.unsafe_view(product, (*batch, *rows, *columns), product.array.shape)


def together(front: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that the axes in front have together."""
    if front == other:
        return front
    try:
        return np.broadcast_shapes(front, other)
    except ValueError:
        raise broadcast_error(np.empty(front), np.empty(other)) from None


def as_batch(x: Tensor, batch: tuple[int, ...], rest: tuple[int, ...]) -> Tensor:
    """Repeat a tensor along the axes in front, and make those one axis.

    That it fits is known, so this does not go through the functions that check.
    """
    size, flat = (*batch, *rest), (math.prod(batch), *rest)
    wide = view_of(x, shapes.expand(x, size))
    return view_of(wide, shapes.view(wide, flat, size)) if wide.array.flags.c_contiguous else reshape(wide, flat)


def _swapped(self: Tensor, other: Any) -> Any:
    return matmul(other, self) if isinstance(other, Tensor) else mixed.declined(other)


METHODS = {"__rmatmul__": _swapped}
