"""Inverses, systems of equations, determinants."""

# ruff: noqa: N803, N806 (a matrix is a capital letter, in PyTorch's names and in the formulas)

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.layout import in_columns
from gradviz.engine.linalg import arrays
from gradviz.engine.linalg.arrays import transposed
from gradviz.engine.linalg.operations.formulas import (
    beside_columns,
    beside_rows,
    column_by_column,
    tril,
    triu,
    unit_matrix,
)
from gradviz.engine.operation import general
from gradviz.engine.operations.formulas import recorded
from gradviz.engine.tensor import Tensor


def lu_solved(LU: np.ndarray, B: np.ndarray, pivots: np.ndarray, left: bool, adjoint: bool) -> np.ndarray:
    """Solve an equation whose matrix is given as its factors, packed into one."""
    if not left:
        return transposed(lu_solved(LU, transposed(B), pivots, True, not adjoint))
    P = arrays.permutation(pivots, LU.shape[-1]).astype(LU.dtype)
    if adjoint:
        inner = arrays.substituted(transposed(LU), B, False)
        return P @ arrays.substituted(transposed(LU), inner, True, True)
    return arrays.substituted(LU, arrays.substituted(LU, transposed(P) @ B, False, True), True)


def _inverted(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    try:
        return column_by_column(np.linalg.inv(A)), np.zeros(A.shape[:-2], np.int32)
    except np.linalg.LinAlgError:  # of some matrix in the batch: NumPy does not say which
        packed, pivots = arrays.lu(A)
        unit = np.broadcast_to(unit_matrix(A), A.shape)
        return lu_solved(packed, unit, pivots, True, False), arrays.first_zero_pivot(A)


inv_ex = general(
    "linalg_inv_ex",
    "LinalgInvExBackward0",
    "A⁻¹",
    in_columns(_inverted),
    "A",
    {"A": lambda grad, inverse: -(transposed(inverse) @ (grad @ transposed(inverse)))},
    outputs="inverse info",
    expression="inv(A)",
    local={"A": "-(inv(A).T @ grad @ inv(A).T)"},
)
_inverse: Any = recorded(inv_ex)


def is_vector(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Return True if the right side is one vector for each matrix, (..., n), and no matrix (..., n, k), by their sizes."""
    return len(b) == 1 or (len(a) - 1 == len(b) and a[:-1] == b)


def _solved(A: np.ndarray, B: np.ndarray, left: bool) -> tuple[np.ndarray, np.ndarray]:
    if is_vector(A.shape, B.shape):
        x, info = _solved(A, B[..., None], left)
        return x[..., 0], info
    if not left:
        x, info = _solved(transposed(A), transposed(B), True)
        return transposed(x), info
    try:
        return column_by_column(np.linalg.solve(A, B)), np.zeros(A.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        packed, pivots = arrays.lu(A)
        return lu_solved(packed, B, pivots, True, False), arrays.first_zero_pivot(A)


def _back_to_right_side(grad: Any, A: Any, left: bool) -> Any:
    return _solve(transposed(A), grad, left)[0]


def _back_to_matrix(grad: Any, A: Any, B_sym_sizes: tuple[int, ...], result: Any, left: bool) -> Any:
    back = _back_to_right_side(grad, A, left)
    if is_vector(np.shape(A), B_sym_sizes):
        return -(beside_rows(back) * beside_columns(result))
    return -(back @ transposed(result)) if left else -(transposed(result) @ back)


solve_ex = general(
    "linalg_solve_ex",
    "LinalgSolveExBackward0",
    "A⁻¹b",
    in_columns(_solved),
    "A B",
    {"A": _back_to_matrix, "B": _back_to_right_side},
    settings="left",
    outputs="result info",
    expression="solve(A, B, left=left)",
    local={
        "A": "-times_turned(solve(A.T, grad, left=left), solve(A, B, left=left), of=A, left=left)",
        "B": "solve(A.T, grad, left=left)",
    },
)
_solve: Any = recorded(solve_ex)


def _triangular(self: np.ndarray, B: np.ndarray, upper: bool, left: bool, unitriangular: bool) -> np.ndarray:
    if left:
        return arrays.substituted(self, B, upper, unitriangular)
    return transposed(arrays.substituted(transposed(self), transposed(B), not upper, unitriangular))


def _side(matrix: Any, upper: bool, unitriangular: bool) -> Any:
    """Keep the entries that a triangular matrix has."""
    return triu(matrix, int(unitriangular)) if upper else tril(matrix, -int(unitriangular))


def _back_to_triangle(grad: Any, self: Any, result: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    back = _solve_triangular(transposed(self), grad, not upper, left, unitriangular)
    whole = back @ transposed(result) if left else transposed(result) @ back
    return -_side(whole, upper, unitriangular)


solve_triangular = general(
    "linalg_solve_triangular",
    "LinalgSolveTriangularBackward0",
    "A⁻¹b",
    in_columns(_triangular),
    "self B",
    {
        "self": _back_to_triangle,
        "B": lambda grad, self, upper, left, unitriangular: _solve_triangular(
            transposed(self), grad, not upper, left, unitriangular
        ),
    },
    settings="upper left unitriangular",
    expression="solve_triangular(self, B)",
    local={"self": "solve_triangular_back(grad)", "B": "solve_triangular_T(grad)"},
)
_solve_triangular: Any = recorded(solve_triangular)


def _old_triangular(
    self: np.ndarray, A: np.ndarray, upper: bool, transpose: bool, unitriangular: bool
) -> tuple[np.ndarray, np.ndarray]:
    triangle, side = (transposed(A), not upper) if transpose else (A, upper)
    x = arrays.substituted(triangle, self, side, unitriangular)
    return x, np.array(np.broadcast_to(A, (*x.shape[:-2], *A.shape[-2:])))


def _old_back(grads: Any, A: Any, upper: bool, transpose: bool, unitriangular: bool) -> Any:
    triangle, side = (A, upper) if transpose else (transposed(A), not upper)
    return _solve_triangular(triangle, grads[0], side, True, unitriangular)


def _old_back_to_triangle(grads: Any, A: Any, solution: Any, upper: bool, transpose: bool, unitriangular: bool) -> Any:
    back = _old_back(grads, A, upper, transpose, unitriangular)
    whole = solution @ transposed(back) if transpose else back @ transposed(solution)
    return grads[1] - _side(whole, upper, unitriangular)


triangular_solve = general(
    "triangular_solve",
    "TriangularSolveBackward0",
    "A⁻¹b",
    _old_triangular,
    "self A",
    {
        "self": lambda grads, self, A, upper, transpose, unitriangular: _old_back(
            grads, A, upper, transpose, unitriangular
        ),
        "A": _old_back_to_triangle,
    },
    settings="upper transpose unitriangular",
    outputs="solution cloned_coefficient",
    many=True,
    together=True,
    expression="solve_triangular(A, self)",
    local={"self": "solve_triangular_T(grad)", "A": "solve_triangular_back(grad)"},
)

# --- determinants --------------------------------------------------------------------------------------------------------


def _slopes_of_det(A: Any, result: Any) -> Any:
    """Return the slope of the determinant along each entry."""
    if not isinstance(A, Tensor):
        return arrays.gradients_of_det(A)
    if np.all(result.array):
        return np.expand_dims(np.expand_dims(result, -1), -1) * transposed(_inverse(A)[0])
    return transposed(_adjugate(A))


def _adjugate(A: Any) -> Any:
    """Return ``det(A) * inv(A)`` by products alone, so that all its derivatives exist where A has no inverse.

    This is the method of Faddeev and LeVerrier; for large matrices it loses digits.
    """
    unit = unit_matrix(A)
    out = A * 0 + unit
    for step in range(1, np.shape(A)[-1]):
        product = A @ out
        trace = np.sum(np.sum(product * unit, axis=-1, keepdims=True), axis=-2, keepdims=True)
        out = product - trace / step * unit
    return out if np.shape(A)[-1] % 2 else -out


det = general(
    "linalg_det",
    "LinalgDetBackward0",
    "det",
    lambda A: np.linalg.det(A),
    "A",
    {"A": lambda grad, A, result: np.expand_dims(np.expand_dims(grad, -1), -1) * _slopes_of_det(A, result)},
    expression="det(A)",
    local={"A": "per_matrix(grad * det(A)) * inv(A).T"},
)
slogdet = general(
    "linalg_slogdet",
    "LinalgSlogdetBackward0",
    "log|det|",
    lambda A: tuple(np.linalg.slogdet(A)),
    "A",
    {"A": lambda grads, A, sign: np.expand_dims(np.expand_dims(grads[1], -1), -1) * transposed(_inverse(A)[0])},
    outputs="sign logabsdet",
    many=True,
    expression="slogdet(A)",
    local={"A": "per_matrix(grad[1]) * inv(A).T"},
)

# --- where no solution is exact, or more than one is ----------------------------------------------------------------------


def _pseudoinverse(self: np.ndarray, atol: Any, rtol: Any, hermitian: bool) -> np.ndarray:
    if not self.size:
        return np.zeros((*self.shape[:-2], self.shape[-1], self.shape[-2]), self.dtype)
    u, s, vh = np.linalg.svd(self, full_matrices=False, hermitian=hermitian)
    keep = s > np.maximum(np.asarray(atol)[..., None], np.asarray(rtol)[..., None] * s.max(-1, keepdims=True))
    inverse = np.where(keep, 1 / np.where(keep, s, 1), 0).astype(self.dtype)
    return transposed(vh) @ (inverse[..., None] * transposed(u))


def _pseudoinverse_back(grad: Any, self: Any, result: Any) -> Any:
    pull, P, Pt = transposed(grad), result, transposed(result)
    to_rows, to_columns = pull @ P, P @ pull
    return (
        (pull - self @ to_columns) @ P @ Pt  # where the matrix has columns that the inverse does not reach
        + Pt @ P @ (pull - to_rows @ self)
        - Pt @ grad @ Pt
    )


pinv = general(
    "linalg_pinv",
    "LinalgPinvBackward0",
    "A⁺",
    _pseudoinverse,
    "self",
    {"self": _pseudoinverse_back},
    settings="atol rtol hermitian",
    expression="pinv(self)",
    local={"self": "pinv_back(grad)"},
)
_pinv: Any = recorded(pinv)


def _least_squares(
    self: np.ndarray, b: np.ndarray, rcond: float, driver: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    m, n = self.shape[-2:]
    u, s, vh = np.linalg.svd(self, full_matrices=False)
    keep = s > rcond * s.max(-1, keepdims=True, initial=0)
    inverse = np.where(keep, 1 / np.where(keep, s, 1), 0).astype(self.dtype)
    x = transposed(vh) @ (inverse[..., None] * (transposed(u) @ b))
    rank = np.sum(keep, axis=-1)
    left_over = np.zeros(0, self.dtype)
    if m > n and driver != "gelsy" and np.all(rank == n):
        left_over = np.sum((self @ x - b) ** 2, axis=-2)
    return x, left_over, rank, s if driver in ("gelsd", "gelss") else np.zeros(0, s.dtype)


def _misses(self: Any, b: Any, solution: Any) -> Any:
    return self @ solution - b


def _squares_back(grads: Any, self: Any, b: Any, solution: Any, rcond: float) -> Any:
    out = _pseudoinverse_back(grads[0] @ transposed(b), self, _pinv(self, 0.0, rcond, False))
    if np.size(grads[1]):
        out = out + 2 * (beside_columns(grads[1]) * _misses(self, b, solution)) @ transposed(solution)
    return out


def _squares_back_to_right(grads: Any, self: Any, b: Any, solution: Any, rcond: float) -> Any:
    out = transposed(_pinv(self, 0.0, rcond, False)) @ grads[0]
    if np.size(grads[1]):
        out = out - 2 * (beside_columns(grads[1]) * _misses(self, b, solution))
    return out


lstsq = general(
    "linalg_lstsq",
    "LinalgLstsqBackward0",
    "A⁺b",
    _least_squares,
    "self b",
    {"self": _squares_back, "b": _squares_back_to_right},
    settings="rcond driver",
    outputs="solution residuals rank singular_values",
    many=True,
    expression="lstsq(self, b)",
    local={"self": "lstsq_back(grad)", "b": "lstsq_back(grad)"},
)
