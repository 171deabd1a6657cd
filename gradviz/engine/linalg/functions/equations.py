"""Inverses, systems of equations, determinants."""

# ruff: noqa: N803, N806 (a matrix is a capital letter, in PyTorch's names and in the formulas)

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.engine.arguments import array_of
from gradviz.engine.functions.results import return_type
from gradviz.engine.functions.shapes import movedim, reshape, squeeze, unsqueeze
from gradviz.engine.linalg.checks import (
    SINGULAR,
    UNSOLVED,
    check_equation,
    check_floating,
    check_matrix,
    check_tensor,
    only_float_and_double,
    refuse,
    type_names,
)  # fmt: skip
from gradviz.engine.linalg.operations import equations as rows
from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "det", "inv", "inv_ex", "lstsq", "matrix_rank", "pinv", "slogdet", "solve", "solve_ex", "solve_triangular", "tensorinv", "tensorsolve",
]  # fmt: skip


_INV_EX = return_type("linalg_inv_ex", "inverse info")
_SOLVE_EX = return_type("linalg_solve_ex", "result info")


def inv(A: Tensor) -> Tensor:
    """Return the inverse of square matrices.

    Raises
    ------
    LinAlgError
        If one of them has none.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.linalg.inv(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    out, info = _inv("linalg.inv", A)
    refuse("linalg.inv", info, SINGULAR)
    return out


def _inv(name: str, A: Tensor) -> Any:
    check_matrix(name, A)
    check_floating(name, A)
    return rows.inv_ex(A)


def inv_ex(A: Tensor, *, check_errors: bool = False) -> Any:
    """Do as `inv` does; instead of an error, ``info`` says which matrices have no inverse: 0 for those that have one."""
    out, info = _inv("linalg.inv", A)
    if check_errors:
        refuse("linalg.inv_ex", info, SINGULAR)
    return _INV_EX(out, info)


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """Solve ``A @ X = B`` for X.

    Parameters
    ----------
    A
        Square matrices, (..., n, n).
    B
        The right side: (..., n, k), or vectors (..., n).
    left
        False to solve ``X @ A = B`` in its place.

    Raises
    ------
    LinAlgError
        If there is not one solution.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.linalg.solve(torch.tensor([[2.0, 0.0], [0.0, 4.0]]), torch.tensor([1.0, 2.0]))
    tensor([0.5000, 0.5000])
    """
    out, info = _solve(A, B, left)
    refuse("torch.linalg.solve", info, UNSOLVED)
    return out


def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> Any:
    """Do as `solve` does; instead of an error, ``info`` says which equations have no solution."""
    out, info = _solve(A, B, left)
    if check_errors:
        refuse("torch.linalg.solve_ex", info, UNSOLVED)
    return _SOLVE_EX(out, info)


def _solve(A: Tensor, B: Tensor, left: bool) -> Any:
    check_tensor("linalg_solve", B=B)
    check_matrix("linalg.solve", A)
    check_floating("linalg.solve", A, "lu_cpu")
    if A.array.dtype != B.array.dtype:
        raise RuntimeError(
            "linalg.solve: Expected A and B to have the same dtype, but found A of type {} and B of type {} instead".format(
                *type_names(A, B)
            )
        )
    vector = rows.is_vector(A.shape, B.shape)
    if not B.ndim:
        raise RuntimeError("linalg.solve: The input tensor B must have at least 2 dimensions.")
    check_equation("linalg.solve", A, (*B.shape, 1) if vector else tuple(B.shape), left)
    return rows.solve_ex(A, B, left)


_REQUIRED: Any = object()


def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool = _REQUIRED, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """Solve ``A @ X = B`` for X, where A is triangular.

    Parameters
    ----------
    A
        Of shape (..., n, n); the other side of the diagonal is not read.
    B
        Of shape (..., n, k).
    upper
        Which side of the diagonal is read.
    left
        False to solve ``X @ A = B`` in its place.
    unitriangular
        Take the diagonal as ones.
    """
    name = "linalg.solve_triangular"
    if upper is _REQUIRED:
        raise TypeError('linalg_solve_triangular() missing 1 required positional arguments: "upper"')
    check_tensor("linalg_solve_triangular", B=B)
    check_matrix(name, A)
    check_matrix(name, B, square=False, argument=" B")
    check_floating(name, A, "triangular_solve_cpu")
    check_equation(name, A, tuple(B.shape), left)
    return rows.solve_triangular(A, B, bool(upper), bool(left), bool(unitriangular))


_LSTSQ = return_type("linalg_lstsq", "solution residuals rank singular_values")
_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """Return the X for which ``A @ X`` comes closest to `B`: with the least sum of squared differences.

    Parameters
    ----------
    A
        Of shape (..., m, n).
    B
        Of shape (..., m, k), or vectors (..., m).
    rcond
        Singular values below this times the largest count as 0; by default the precision times the larger of m and n.
    driver
        What LAPACK calls the algorithm: ``"gelsy"`` (the default), ``"gels"`` for matrices of full rank, ``"gelsd"``,
        ``"gelss"``. gradviz uses singular values for all of them; they differ in what they return.

    Returns
    -------
    solution
        Of shape (..., n, k) or (..., n).
    residuals
        The sums of squares that remain, (..., k), if m > n and all ranks are full; else, and for ``"gelsy"``, empty.
    rank
        The rank of each matrix; empty for ``"gels"``.
    singular_values
        For ``"gelsd"`` and ``"gelss"``; else empty.
    """
    name = "torch.linalg.lstsq"
    check_tensor("linalg_lstsq", B=B)
    if A.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if B.ndim < 1:
        raise RuntimeError(f"{name}: other must have at least 1 dimension.")
    vector = rows.is_vector(A.shape, B.shape)
    if A.shape[-2] != B.shape[-1 if vector else -2]:
        raise RuntimeError(f"{name}: input.size(-2) should match other.size({-1 if vector else -2})")
    if A.array.dtype != B.array.dtype:
        raise RuntimeError(
            f"{name}: Expected input and other to have the same dtype, but got input's dtype {{}} and other's dtype {{}}".format(
                *type_names(A, B)
            )
        )
    if driver is not None and driver not in _DRIVERS:
        raise RuntimeError(f"{name}: parameter `driver` should be one of ({', '.join(_DRIVERS)})")
    only_float_and_double(A)
    m, n = A.shape[-2:]
    cut = float(np.finfo(A.array.dtype).eps) * max(m, n) if rcond is None else float(rcond)
    driver = driver or "gelsy"
    out = rows.lstsq(A, unsqueeze(B, -1) if vector else B, cut, driver)
    rank = array_of(out[2])
    if driver == "gels":
        if np.any(rank < min(m, n)):
            short = np.atleast_1d(rank) < min(m, n)
            refuse(name, np.where(short, np.atleast_1d(rank) + 1, 0).reshape(np.shape(rank)), (
                "The least squares solution could not be computed because the input matrix does not have full rank (error "
                "code: {})."
            ))  # fmt: skip
        rank = np.zeros(0, np.int64)
    solution, residuals = (squeeze(x, -1) if vector and x.numel() else x for x in out[:2])
    return _LSTSQ(solution, residuals, wrap(np.asarray(rank, np.int64)), wrap(array_of(out[3])))


def tolerances(A: Tensor, atol: Any, rtol: Any) -> tuple[Any, Any]:
    """Return below what singular values count as 0, and below which share of the largest."""
    absolute = np.asarray(0.0 if atol is None else array_of(atol))
    if rtol is not None:
        return absolute, np.asarray(array_of(rtol))
    default = float(np.finfo(A.array.dtype).eps) * max(A.shape[-2:])
    return absolute, np.where(absolute > 0, 0.0, default)


def pinv(A: Tensor, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """Return the pseudoinverse (Moore and Penrose's): what solves ``A @ X = B`` with the least squares.

    Parameters
    ----------
    A
        Of shape (..., m, n).
    rcond
        An older name of `rtol`.
    hermitian
        Take the matrices as symmetric; only the lower half is read.
    atol, rtol
        Singular values below `atol`, or below `rtol` times the largest, count as 0.

    Returns
    -------
    Tensor
        Of shape (..., n, m).
    """
    if A.ndim < 2 or A.array.dtype.kind != "f" or A.array.dtype.itemsize == 2:
        raise RuntimeError(
            f"linalg.pinv({type_names(A)[0]}{{{list(A.shape)}}}): expected a tensor with 2 or more dimensions of float, "
            "double, cfloat or cdouble types"
        )
    if hermitian:
        check_matrix("linalg.pinv", A)
    return rows.pinv(A, *tolerances(A, atol, rtol if rcond is None else rcond), bool(hermitian))


# --- determinants -------------------------------------------------------------------------------------------------------


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


def det(A: Tensor) -> Tensor:
    """Return the determinant of square matrices: by how much they stretch volumes.

    Its gradient is that of a polynomial, so it exists, and is right, for a matrix without an inverse, too.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.linalg.det(torch.tensor([[2.0, 1.0], [0.0, 3.0]]))
    tensor(6.)
    """
    check_matrix("linalg.det", A)
    check_floating("linalg.det", A, "lu_cpu")
    return rows.det(A)


_SLOGDET = return_type("linalg_slogdet", "sign logabsdet")


def slogdet(A: Tensor) -> Any:
    """Return the sign of the determinant, and the logarithm of its absolute value: neither overflows."""
    return _SLOGDET(*sign_and_logarithm("linalg.slogdet", A))


def sign_and_logarithm(name: str, A: Tensor) -> tuple[Tensor, Tensor]:
    """Check a matrix and return both parts of its determinant."""
    check_matrix(name, A)
    check_floating(name, A)
    return rows.slogdet(A)


# --- tensors as matrices ------------------------------------------------------------------------------------------------


def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """Return the inverse under `tensordot`: the first `ind` axes are taken as rows, the others as columns."""
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', but got {ind}")
    first, last = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    if math.prod(first) != math.prod(last):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
            f"{math.prod(last)} != {math.prod(first)}"
        )
    out, info = rows.inv_ex(reshape(A, (math.prod(last), math.prod(first))))
    refuse("inv", info, SINGULAR)
    return reshape(out, (*last, *first))


def tensorsolve(A: Tensor, B: Tensor, dims: Sequence[int] | None = None) -> Tensor:
    """Solve ``tensordot(A, X, X.ndim) = B`` for X; the axes `dims` of `A` are moved to its end first."""
    check_tensor("linalg_tensorsolve", B=B)
    if dims is not None:
        A = movedim(A, tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    first, last = tuple(A.shape[: B.ndim]), tuple(A.shape[B.ndim :])
    if math.prod(first) != math.prod(last):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but got "
            f"{math.prod(last)} != {math.prod(first)}"
        )
    matrix = reshape(A, (math.prod(last), math.prod(first)))
    flat = B if B.ndim == 1 else reshape(B, (-1,))
    return reshape(solve(matrix, flat), last)
