"""Matrices as products of simpler ones."""

# ruff: noqa: N803, N806 (a matrix is a capital letter, in PyTorch's names and in the formulas)

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.arguments import array_of
from gradviz.engine.functions.results import return_type
from gradviz.engine.linalg.checks import (
    NOT_POSITIVE,
    LinAlgError,
    check_equation,
    check_floating,
    check_matrix,
    refuse,
    type_names,
)  # fmt: skip
from gradviz.engine.linalg.operations import decompositions as rows
from gradviz.engine.modes import mode
from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "cholesky", "cholesky_ex", "eig", "eigh", "eigvals", "eigvalsh", "lu", "lu_factor", "lu_factor_ex", "lu_solve", "qr", "svd", "svdvals",
]  # fmt: skip


_CHOLESKY_EX = return_type("linalg_cholesky_ex", "L info")


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """Write symmetric positive-definite matrices as ``L @ L.T``, with L lower triangular.

    Parameters
    ----------
    A
        Of shape (..., n, n); only the lower half is read.
    upper
        Return ``L.T`` in place of L, and read the upper half.

    Raises
    ------
    LinAlgError
        If one is not positive-definite.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.linalg.cholesky(torch.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    check_matrix("linalg.cholesky", A)
    check_floating("linalg.cholesky", A, "cholesky_cpu")
    factor, info = rows.cholesky_ex(A, bool(upper))
    refuse("linalg.cholesky", info, NOT_POSITIVE)
    return factor


def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False) -> Any:
    """Do as `cholesky` does; instead of an error, ``info`` says which matrices are not positive-definite."""
    check_matrix("linalg.cholesky", A)
    check_floating("linalg.cholesky", A, "cholesky_cpu")
    factor, info = rows.cholesky_ex(A, bool(upper))
    if check_errors:
        refuse("linalg.cholesky_ex", info, NOT_POSITIVE)
    return _CHOLESKY_EX(factor, info)


_QR = return_type("linalg_qr", "Q R")
_MODES = ("reduced", "r", "complete")


def qr(A: Tensor, mode: str = "reduced") -> Any:
    """Write matrices as ``Q @ R``: Q has orthogonal columns of length 1, R is upper triangular.

    Parameters
    ----------
    A
        Of shape (..., m, n).
    mode
        ``"reduced"`` for Q of shape (..., m, k) and R of shape (..., k, n), with k the smaller of m and n; ``"complete"``
        for Q of shape (..., m, m); ``"r"`` for R alone.
    """
    check_matrix("linalg.qr", A, square=False)
    if mode not in _MODES:
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    check_floating("linalg.qr", A, "geqrf_cpu")
    return _QR(*rows.qr(A, mode))


_SVD = return_type("linalg_svd", "U S Vh")


def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """Write matrices as ``U @ diag(S) @ Vh``: turn, stretch along the axes, turn again.

    Parameters
    ----------
    A
        Of shape (..., m, n).
    full_matrices
        False for U of shape (..., m, k) and Vh of shape (..., k, n), with k the smaller of m and n, in place of square
        ones.

    Returns
    -------
    U, Vh
        With orthogonal columns, and rows, of length 1.
    S
        The singular values, (..., k), from the largest to the smallest.

    Notes
    -----
    The gradient of U and Vh exists only where all singular values differ; that of S always does. The signs of the vectors
    are not determined: PyTorch may return others.
    """
    _check_svd(A, driver)
    return _SVD(*rows.svd(A, bool(full_matrices)))


def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """Return the singular values of matrices, (..., k), from the largest to the smallest."""
    _check_svd(A, driver)
    if not (A._requires_grad and mode.enabled):
        return wrap(np.linalg.svd(A.array, compute_uv=False))
    return rows.svd(A, False)[1]


def _check_svd(A: Tensor, driver: str | None) -> None:
    check_matrix("linalg.svd", A, square=False)
    check_floating("linalg.svd", A, "linalg_svd_cpu")
    if driver is not None:
        raise RuntimeError(
            "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend."
        )
    if not np.isfinite(A.array).all():
        raise LinAlgError(
            "linalg.svd: The algorithm failed to converge because the input matrix contained non-finite values."
        )


_EIGH = return_type("linalg_eigh", "eigenvalues eigenvectors")


def eigh(A: Tensor, UPLO: str = "L") -> Any:
    """Return the eigenvalues of symmetric matrices, from the smallest to the largest, and their vectors.

    Parameters
    ----------
    A
        Of shape (..., n, n).
    UPLO
        Which half is read: ``"L"`` for the lower, ``"U"`` for the upper.

    Returns
    -------
    eigenvalues
        Of shape (..., n).
    eigenvectors
        The columns of matrices (..., n, n). Their signs are not determined: PyTorch may return others.
    """
    return _EIGH(*_eigh(A, UPLO))


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Return the eigenvalues of symmetric matrices, (..., n), from the smallest to the largest."""
    return _eigh(A, UPLO)[0]


def _eigh(A: Tensor, side: str) -> Any:
    check_matrix("linalg.eigh", A)
    if side.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {side}")
    if A.array.dtype.kind != "f" or A.array.dtype.itemsize == 2:
        raise NotImplementedError(f"\"linalg_eigh_cpu\" not implemented for '{type_names(A)[0]}'")
    return rows.eigh(A, side.upper())


def _complex(name: str) -> Any:
    def refused(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"gradviz has no linalg.{name}: it would return complex numbers; supported: linalg.eigh and linalg.eigvalsh, "
            "for symmetric matrices"
        )

    refused.__name__ = refused.__qualname__ = name
    refused.__doc__ = "Not supported: eigenvalues of matrices that are not symmetric are complex."
    return refused


eig, eigvals = _complex("eig"), _complex("eigvals")

_LU = return_type("linalg_lu", "P L U")
_LU_FACTOR = return_type("linalg_lu_factor", "LU pivots")
_LU_FACTOR_EX = return_type("linalg_lu_factor_ex", "LU pivots info")


def lu(A: Tensor, *, pivot: bool = True) -> Any:
    """Write matrices as ``P @ L @ U``, by Gauss's elimination.

    Parameters
    ----------
    A
        Of shape (..., m, n).
    pivot
        Only True: rows change places, so that the largest entry of each column is divided by.

    Returns
    -------
    P
        Matrices (..., m, m) that put the rows back.
    L
        Lower triangular, (..., m, k), with ones on the diagonal; k is the smaller of m and n.
    U
        Upper triangular, (..., k, n).
    """
    _check_lu("linalg.lu", "linalg.lu", A, pivot)
    P, L, U = rows.lu(A)
    return _LU(P.detach(), L, U)


def _check_lu(name: str, who: str, A: Tensor, pivot: bool) -> None:
    if A.ndim < 2:
        raise RuntimeError(f"{who}: Expected tensor with 2 or more dimensions. Got size: {list(A.shape)} instead")
    check_floating(name, A, "lu_cpu")
    if not pivot:
        raise RuntimeError(f"{name}: LU without pivoting is not implemented on the CPU")


def lu_factor(A: Tensor, *, pivot: bool = True) -> Any:
    """Return L and U of `lu` in one matrix, and which rows changed places: what `lu_solve` takes."""
    factors, pivots, info = factored(A, pivot)
    first = array_of(info).ravel()
    if first.any():
        place = int(first[np.flatnonzero(first)[0]])
        raise RuntimeError(
            f"torch.linalg.lu_factor: U[{place},{place}] is zero and using it on lu_solve would result in a division by zero. "
            "If you still want to perform the factorization, consider calling linalg.lu(A, pivot) or "
            "linalg.lu_factor_ex(A, pivot)"
        )
    return _LU_FACTOR(factors, pivots)


def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """Do as `lu_factor` does; instead of an error, ``info`` says where on the diagonal of U the first 0 stands."""
    if check_errors:
        lu_factor(A.detach(), pivot=pivot)
    return _LU_FACTOR_EX(*factored(A, pivot))


def factored(A: Tensor, pivot: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Check a matrix and return its factors in one matrix, the pivots, and where the first 0 stands."""
    _check_lu("linalg.lu_factor", "torch.lu_factor", A, pivot)
    return rows.lu_factor_ex(A)


def lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False) -> Tensor:
    """Solve ``A @ X = B`` for X, given what `lu_factor` returned for A.

    Parameters
    ----------
    LU, pivots
        The factors, (..., n, n), and the places of the rows, (..., n).
    B
        Of shape (..., n, k).
    left
        False to solve ``X @ A = B`` in its place.
    adjoint
        Solve for the transposed matrix.
    """
    name = "linalg.lu_solve"
    check_matrix(name, LU)
    if pivots.dtype is not dtypes.int32:
        raise RuntimeError(f"{name}: pivots should be a Tensor of scalar type torch.int32")
    check_equation(name, LU, tuple(B.shape), left)
    check_floating(name, LU, "lu_cpu")
    return rows.lu_solve(LU, B, pivots.array, bool(left), bool(adjoint))
