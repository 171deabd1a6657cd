"""Linear algebra, as PyTorch's ``torch.linalg``.

All functions take batches: a tensor of shape (..., m, n) holds matrices (m, n), and each is treated by itself.
"""

# ruff: noqa: N803, N806 (a matrix is a capital letter, in PyTorch's names and in the formulas)

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.engine.functions.arithmetic import mul, nan_to_num
from gradviz.engine.functions.decompositions import (
    cholesky,
    cholesky_ex,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    lu,
    lu_factor,
    lu_factor_ex,
    lu_solve,
    qr,
    svd,
    svdvals,
)  # fmt: skip
from gradviz.engine.functions.equations import (
    det,
    inv,
    inv_ex,
    lstsq,
    pinv,
    slogdet,
    solve,
    solve_ex,
    solve_triangular,
    tensorinv,
    tensorsolve,
    tolerances,
)  # fmt: skip
from gradviz.engine.functions.indexing import narrow
from gradviz.engine.functions.joining import cat
from gradviz.engine.functions.matrixchecks import (
    LinAlgError,
    check_floating,
    check_matrix,
    check_tensor,
    only_float_and_double,
    type_names,
)  # fmt: skip
from gradviz.engine.functions.norms import matrix_norm, norm, vector_norm
from gradviz.engine.functions.products import cross_along, matmul, mm, vdot
from gradviz.engine.functions.reductions import cumprod
from gradviz.engine.functions.reductions import sum as total
from gradviz.engine.functions.scattering import masked_fill
from gradviz.engine.functions.shapes import clone, expand, squeeze, unsqueeze, view
from gradviz.engine.functions.shapes import diagonal as diagonal_of
from gradviz.engine.operation import array_of
from gradviz.engine.operations import linalg as rows
from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh",
    "inv", "inv_ex", "lstsq", "lu", "lu_factor", "lu_factor_ex", "lu_solve", "matmul", "matrix_exp", "matrix_norm",
    "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve", "solve_ex",
    "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander", "vecdot", "vector_norm",
]  # fmt: skip


def cond(A: Tensor, p: Any = None) -> Tensor:
    """Return the condition number: how much larger a relative error in ``b`` may become in the solution of ``A x = b``.

    Parameters
    ----------
    A
        Of shape (..., m, n); for norms other than 2 and -2, square.
    p
        Which norm of matrices, see `matrix_norm`; ``None`` for 2: the largest singular value over the smallest.
    """
    if A.ndim < 2:
        raise RuntimeError("linalg.cond: The input tensor must have at least 2 dimensions.")
    if p is None or p in (2, -2):
        values = svdvals(A)
        ends = [narrow(values, -1, start, 1) for start in (0, values.shape[-1] - 1)]
        return squeeze(ends[1] / ends[0] if p == -2 else ends[0] / ends[1], -1)
    if p not in ("fro", "nuc", 1, -1, math.inf, -math.inf):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    check_matrix(f"linalg.cond(ord={p})", A)
    inverse, info = inv_ex(A)
    inverse = masked_fill(inverse, wrap(np.asarray(array_of(info))[..., None, None] > 0), math.inf)
    product = mul(matrix_norm(A, p), matrix_norm(inverse, p))
    return nan_to_num(product, math.inf, math.inf, -math.inf)


def matrix_rank(A: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """Return how many singular values of each matrix are not 0.

    Parameters
    ----------
    A
        Of shape (..., m, n).
    tol
        An older name of `atol`.
    hermitian
        Take the matrices as symmetric.
    atol, rtol
        Singular values below `atol`, or below `rtol` times the largest, count as 0.
    """
    check_matrix("torch.linalg.matrix_rank", A, square=False, argument=" input")
    only_float_and_double(A)
    atol = tol if tol is not None else atol
    absolute, relative = tolerances(A, atol, 0.0 if tol is not None else rtol)
    if not A.numel():
        return wrap(np.zeros(A.shape[:-2], np.int64))
    values = np.linalg.svd(A.array, compute_uv=False, hermitian=hermitian)
    cut = np.maximum(absolute[..., None], relative[..., None] * values.max(-1, keepdims=True))
    return wrap(np.sum(values > cut, axis=-1, dtype=np.int64))


# --- products -----------------------------------------------------------------------------------------------------------


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
