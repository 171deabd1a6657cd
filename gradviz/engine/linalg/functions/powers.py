"""Powers of matrices, chains of products; and products of vectors as ``torch.linalg`` has them."""

# ruff: noqa: N803, N806 (a matrix is a capital letter, in PyTorch's names and in the formulas)

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradviz.engine.functions.arithmetic import mul
from gradviz.engine.functions.diagonals import diagonal as diagonal_of
from gradviz.engine.functions.joining import cat
from gradviz.engine.functions.reductions import sum as total
from gradviz.engine.functions.repeating import clone, expand
from gradviz.engine.functions.scans import cumprod
from gradviz.engine.functions.shapes import unsqueeze, view
from gradviz.engine.linalg.checks import check_floating, check_matrix, check_tensor, type_names
from gradviz.engine.linalg.functions.equations import inv
from gradviz.engine.linalg.functions.multiplication import matmul
from gradviz.engine.linalg.functions.products import cross_along, mm, vdot
from gradviz.engine.linalg.operations import powers as rows
from gradviz.engine.tensor import Tensor, wrap

__all__ = ["cross", "diagonal", "matrix_exp", "matrix_power", "multi_dot", "vander", "vecdot"]


def matrix_power(A: Tensor, n: int) -> Tensor:
    """Multiply a square matrix by itself, `n` times; for a negative `n` its inverse.

    Notes
    -----
    By squaring: A⁸ takes three products.
    """
    check_matrix("linalg.matrix_power", A)
    if not isinstance(n, int):
        raise TypeError(f"matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}")
    if n == 0:
        return clone(A).copy_(wrap(np.broadcast_to(np.eye(A.shape[-1], dtype=A.array.dtype), A.shape)))
    if n < 0:
        A, n = inv(A), -n
    elif n == 1:
        return clone(A)
    if n == 3:
        return matmul(matmul(A, A), A)
    while n % 2 == 0:
        A, n = matmul(A, A), n // 2
    out = A
    while n := n // 2:
        A = matmul(A, A)
        if n % 2:
            out = matmul(out, A)
    return out


def matrix_exp(A: Tensor) -> Tensor:
    """Return the exponential ``1 + A + A @ A / 2 + ...`` of square matrices."""
    check_matrix("linalg.matrix_exp", A)
    if A.array.dtype.kind != "f":
        check_floating("linalg.matrix_exp", A)
    return rows.matrix_exp(A)


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """Multiply several matrices, in the order of brackets that takes the fewest multiplications.

    Parameters
    ----------
    tensors
        Matrices; the first and the last may be vectors.
    """
    tensors = list(tensors)
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    last = len(tensors) - 1
    shape: list[int] = []
    for place, name in ((0, "first"), (last, "last")):
        x = tensors[place]
        if x.ndim not in (1, 2):
            raise RuntimeError(f"multi_dot(): the {name} tensor must be 1D or 2D but got {x.ndim}D")
        if x.ndim == 2:
            shape.append(x.shape[0 if not place else 1])
        else:
            tensors[place] = unsqueeze(x, place and -1)
    for place, x in enumerate(tensors):
        if x.ndim != 2:
            raise RuntimeError(f"multi_dot(): tensor {place} must be 2D but got {x.ndim}D")
        if x.array.dtype != tensors[0].array.dtype:
            names = (str(y.dtype).removeprefix("torch.").replace("float64", "double").replace("float32", "float")
                     for y in (tensors[0], x))  # fmt: skip
            raise RuntimeError(
                f"multi_dot(): all tensors must have be the same dtype but tensor 0 is {{}} and tensor {place} {{}}".format(
                    *names
                )
            )
        if place and tensors[place - 1].shape[1] != x.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {place - 1} and {place} with shapes {list(tensors[place - 1].shape)} and "
                f"{list(x.shape)} cannot be multiplied"
            )
    return view(_bracketed(tensors), shape)


def _bracketed(matrices: list[Tensor]) -> Tensor:
    """Multiply matrices in the cheapest order, found from the short chains to the long ones.

    Reference: Cormen et al., "Introduction to Algorithms", section 14.2.
    """
    sizes = [matrices[0].shape[0], *(x.shape[1] for x in matrices)]
    count = len(matrices)
    cost = {(start, start): 0 for start in range(count)}
    cut: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for start in range(count - length):
            end = start + length
            # Of three PyTorch takes the first two together where it makes no difference, of more the last ones.
            order = range(start, end) if count > 3 else range(end - 1, start - 1, -1)
            cost[start, end], cut[start, end] = min(
                ((cost[start, k] + cost[k + 1, end] + sizes[start] * sizes[k + 1] * sizes[end + 1], k) for k in order),
                key=lambda choice: choice[0],
            )
    done: dict[tuple[int, int], Tensor] = {(place, place): x for place, x in enumerate(matrices)}
    waiting = [(0, count - 1)]
    while waiting:  # a loop and no recursion, as everywhere where the length is the user's
        start, end = waiting[-1]
        k = cut.get((start, end), start)
        missing = [part for part in ((start, k), (k + 1, end)) if (start, end) not in done and part not in done]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        if (start, end) not in done:
            done[start, end] = mm(done[start, k], done[k + 1, end])
    return done[0, count - 1]


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Return the dot products of vectors along an axis; the other axes are broadcast."""
    check_tensor("linalg_vecdot", y=y)
    if x.array.dtype.kind != "f":
        check_floating("linalg.vecdot", x)
    if x.array.dtype != y.array.dtype:
        raise RuntimeError(
            "linalg.vecdot: Expected x and y to have the same dtype, but found x of type {} and y of type {} "
            "instead".format(*type_names(x, y))
        )
    return vdot(x, y) if x.ndim == y.ndim == 1 else total(mul(x, y), dim)


def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """Return the cross product of vectors of length 3 along an axis.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.linalg.cross(torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    check_tensor("linalg_cross", other=other)
    return cross_along(input, other, dim)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return the diagonal of matrices; it shares their memory."""
    return diagonal_of(A, offset, dim1, dim2)


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Return the powers 1, x, x², ... of each number: along a new axis at the end, `N` of them."""
    count = x.shape[-1] if N is None and x.ndim else 1 if N is None else N
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    if x.array.dtype.kind == "b":
        raise RuntimeError("linalg.vander: x must not be of boolean type")
    column = unsqueeze(x if x.ndim else unsqueeze(x, 0), -1)
    powers = cumprod(expand(column, (*column.shape[:-1], count - 1)), -1)
    return cat([wrap(np.ones(tuple(column.shape), powers.array.dtype)), powers], -1)
