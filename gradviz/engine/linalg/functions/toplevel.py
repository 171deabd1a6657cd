"""Linear algebra at the top level: ``torch.svd``, where that differs from ``torch.linalg.svd``."""

# ruff: noqa: N803, N806 (a matrix is a capital letter, in PyTorch's names and in the formulas)

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.functions.logic import where
from gradviz.engine.functions.results import return_type
from gradviz.engine.functions.shapes import flip, transpose
from gradviz.engine.linalg import functions as linalg
from gradviz.engine.linalg.checks import (
    NOT_POSITIVE,
    check_floating,
    check_matrix,
    check_tensor,
    refuse,
    type_names,
)  # fmt: skip
from gradviz.engine.linalg.functions.decompositions import factored
from gradviz.engine.linalg.functions.equations import sign_and_logarithm
from gradviz.engine.linalg.operations import decompositions, equations
from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "chain_matmul", "cholesky", "cholesky_inverse", "cholesky_solve", "det", "inverse", "logdet", "lu", "lu_solve", "lu_unpack",
    "matrix_exp", "matrix_power", "norm", "pinverse", "qr", "slogdet", "svd", "triangular_solve", "vander",
]  # fmt: skip

NOT_METHODS = ["chain_matmul", "lu_unpack", "vander"]

det, matrix_exp, matrix_power = linalg.det, linalg.matrix_exp, linalg.matrix_power
inverse = linalg.inv


def norm(
    input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Any = None, dtype: Any = None
) -> Tensor:
    """Return the size of a vector or a matrix.

    Parameters
    ----------
    input
        The numbers.
    p
        ``"fro"`` or 2 for the root of the sum of all squares; another number as in ``linalg.vector_norm``; ``"nuc"`` for
        the sum of a matrix's singular values.
    dim
        The axes; ``None`` for all.
    keepdim
        Keep these axes with length 1.
    out
        A tensor to write it into.
    dtype
        What to compute in.
    """
    if out is not None:
        from gradviz.engine.out import written

        return written("norm", norm, out, input, p, dim, keepdim, dtype=dtype)
    axes = [dim] if isinstance(dim, int) else dim
    if not isinstance(p, str):
        return linalg.vector_norm(input, 2.0 if p is None else p, axes, keepdim, dtype=dtype)
    if p == "fro" and (axes is None or len(axes) <= 2):
        return linalg.vector_norm(input, 2, axes, keepdim, dtype=dtype)
    return linalg.matrix_norm(input, p, list(range(input.ndim)) if axes is None else axes, keepdim, dtype=dtype)


# --- determinants --------------------------------------------------------------------------------------------------------

_SLOGDET = return_type("slogdet", "sign logabsdet")


def slogdet(input: Tensor) -> Any:
    """Return the sign of the determinant, and the logarithm of its absolute value. See ``linalg.slogdet``."""
    return _SLOGDET(*sign_and_logarithm("linalg.slogdet", input))


def logdet(input: Tensor) -> Tensor:
    """Return the logarithm of the determinant of square matrices; nan where that is negative."""
    sign, logarithm = sign_and_logarithm("logdet", input)
    return where(wrap(np.asarray(sign.array == -1)), math.nan, logarithm)


# --- equations -----------------------------------------------------------------------------------------------------------


def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """Return the pseudoinverse; singular values below `rcond` times the largest count as 0. See ``linalg.pinv``."""
    return linalg.pinv(input, rcond)


_TRIANGULAR = return_type("triangular_solve", "solution cloned_coefficient")


def triangular_solve(
    input: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Any:
    """Solve ``A @ X = input`` for X, where A is triangular. See ``linalg.solve_triangular``.

    Parameters
    ----------
    input
        The right side, (..., n, k).
    A
        Of shape (..., n, n).
    upper
        Which side of the diagonal is read.
    transpose
        Solve for ``A.T``.
    unitriangular
        Take the diagonal as ones.
    """
    check_tensor("triangular_solve", A=A)
    for name, x in (("b", input), ("A", A)):
        if x.ndim < 2:
            raise RuntimeError(
                f"torch.triangular_solve: Expected {name} to have at least 2 dimensions, but it has {x.ndim} dimensions "
                "instead"
            )
    _check_right_side("triangular_solve", input, A)
    check_floating("triangular_solve", A, "triangular_solve_cpu")
    return _TRIANGULAR(*equations.triangular_solve(input, A, bool(upper), bool(transpose), bool(unitriangular)))


def _check_right_side(name: str, b: Tensor, A: Tensor) -> None:
    if A.array.dtype != b.array.dtype:
        raise RuntimeError(
            "Expected b and A to have the same dtype, but found b of type {} and A of type {} instead.".format(
                *type_names(b, A)
            )
        )
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} matrices"
        )
    if A.shape[-2] != b.shape[-2]:
        raise RuntimeError(
            f"Incompatible matrix sizes for {name}: each A matrix is {A.shape[-2]} by {A.shape[-1]} but each b matrix is "
            f"{b.shape[-2]} by {b.shape[-1]}"
        )


def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """Write symmetric positive-definite matrices as ``L @ L.T``. See ``linalg.cholesky``."""
    check_matrix("cholesky", input)
    check_floating("cholesky", input, "cholesky_cpu")
    _, info = decompositions.cholesky_ex(input.detach(), bool(upper))
    refuse("cholesky", info, NOT_POSITIVE)
    return decompositions.cholesky(input, bool(upper))


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """Solve ``A @ X = B`` for X, given the factor L that `cholesky` returned for A.

    Parameters
    ----------
    B
        The right side, (..., n, k).
    L
        Of shape (..., n, n).
    upper
        The factor is ``L.T``.
    """
    check_tensor("cholesky_solve", L=L)
    for name, x in (("b", B), ("u", L)):
        if x.ndim < 2:
            raise RuntimeError(f"{name} should have at least 2 dimensions, but has {x.ndim} dimensions instead")
    _check_right_side("cholesky_solve", B, L)
    check_floating("cholesky_solve", B, "cholesky_solve_cpu")
    return decompositions.cholesky_solve(B, L, bool(upper))


def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """Return the inverse of A, given the factor L that `cholesky` returned for A."""
    check_matrix("cholesky_inverse", L)
    if L.array.dtype.kind != "f" or L.array.dtype.itemsize == 2:
        raise NotImplementedError(f"\"cholesky_inverse_out_cpu\" not implemented for '{type_names(L)[0]}'")
    return decompositions.cholesky_inverse(L, bool(upper))


# --- decompositions ------------------------------------------------------------------------------------------------------

_QR = return_type("qr", "Q R")
_SVD = return_type("svd", "U S V")


def qr(input: Tensor, some: bool = True) -> Any:
    """Write matrices as ``Q @ R``; without `some`, with a square Q. See ``linalg.qr``."""
    return _QR(*linalg.qr(input, "reduced" if some else "complete"))


def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> Any:
    """Write matrices as ``U @ diag(S) @ V.T``. See ``linalg.svd``.

    Parameters
    ----------
    input
        Of shape (..., m, n).
    some
        False for square U and V.
    compute_uv
        False for S alone; U and V are then filled with zeros.
    """
    if not compute_uv:
        values, (*batch, m, n) = linalg.svdvals(input), input.shape
        zeros = [np.zeros((*batch, size, size), input.array.dtype) for size in (m, n)]
        return _SVD(wrap(zeros[0]), values, wrap(zeros[1]))
    u, s, vh = linalg.svd(input, not some)
    return _SVD(u, s, transpose(vh, -2, -1))


_LU_WITH_INFO = return_type("_lu_with_info", "LU pivots info")
_LU_UNPACK = return_type("lu_unpack", "P L U")


def lu(A: Tensor, pivot: bool = True, get_infos: bool = False) -> Any:
    """Return the factors L and U of matrices in one matrix, and which rows changed places. See ``linalg.lu_factor``.

    Parameters
    ----------
    A
        Of shape (..., m, n).
    pivot
        Only True.
    get_infos
        Return, too, where on the diagonal of U the first 0 stands; else that is an error.
    """
    return _LU_WITH_INFO(*factored(A, pivot)) if get_infos else tuple(linalg.lu_factor(A, pivot=pivot))


def lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """Solve ``A @ x = b`` for x, given what `lu` returned for A. See ``linalg.lu_solve``."""
    return linalg.lu_solve(LU_data, LU_pivots, b)


def lu_unpack(
    LU_data: Tensor,
    LU_pivots: Tensor,
    unpack_data: bool = True,
    unpack_pivots: bool = True,
) -> Any:
    """Return P, L and U as matrices, given what `lu` returned.

    Parameters
    ----------
    LU_data, LU_pivots
        The factors, (..., m, n), and the places of the rows.
    unpack_data
        False to leave L and U empty.
    unpack_pivots
        False to leave P empty.
    """
    if LU_pivots.dtype is not dtypes.int32:
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\nNote: this function is "
            "intended to be used with the output produced by torch.linalg.lu_factor"
        )
    P, L, U = decompositions.lu_unpack(LU_data, LU_pivots.array)
    empty = np.zeros(0, LU_data.array.dtype)
    P = wrap(P.array if unpack_pivots else empty)
    return _LU_UNPACK(P, L, U) if unpack_data else _LU_UNPACK(P, wrap(empty), wrap(empty))


# --- products ------------------------------------------------------------------------------------------------------------


def chain_matmul(*matrices: Tensor) -> Tensor:
    """Multiply several matrices in the cheapest order. See ``linalg.multi_dot``."""
    if len(matrices) == 1 and isinstance(matrices[0], list | tuple):
        matrices = tuple(matrices[0])
    if not matrices:
        raise RuntimeError("chain_matmul(): Expected one or more matrices")
    for x in matrices:
        if x.ndim != 2:
            raise RuntimeError(f"Tensor dimension is {x.ndim}, expected 2 instead.")
    return matrices[0] if len(matrices) == 1 else linalg.multi_dot(matrices)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Return the powers of each number in a vector: `N` columns, from the highest to 1, or from 1 if `increasing`."""
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    count = x.shape[0] if N is None else N
    if count < 0:
        raise RuntimeError("N must be non-negative.")
    if count < 2:
        kind = x.array.dtype if x.array.dtype.kind == "f" else np.dtype(np.int64)
        return wrap(np.ones((x.shape[0], count), kind))
    powers = linalg.vander(x, N=count)
    return powers if increasing else flip(powers, (1,))
