"""Matrices as products of simpler ones.

The formulas are those of M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008), and J. Townsend, "Differentiating the singular value decomposition" (2016). All of them work on
batches of matrices.
"""

# ruff: noqa: N803, N806 (a matrix is a capital letter, in PyTorch's names and in the formulas)

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from gradviz.engine.arguments import array_of
from gradviz.engine.layout import columns, in_columns, in_rows, rows
from gradviz.engine.linalg import arrays
from gradviz.engine.linalg.arrays import transposed
from gradviz.engine.linalg.operations.equations import lu_solved, solve_triangular
from gradviz.engine.linalg.operations.formulas import (
    beside_columns,
    beside_rows,
    halved,
    kind_of,
    on_diagonal,
    ratio,
    tril,
    triu,
    unit_matrix,
)
from gradviz.engine.operation import general
from gradviz.engine.operations.formulas import recorded

_solve_triangular: Any = recorded(solve_triangular)

# --- symmetric matrices --------------------------------------------------------------------------------------------------


def _lower_factor(self: np.ndarray, upper: bool) -> tuple[np.ndarray, np.ndarray]:
    if upper:
        factor, info = _lower_factor(transposed(self), False)
        return transposed(factor), info
    try:
        return np.linalg.cholesky(self), np.zeros(self.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        return arrays.cholesky_as_far_as_it_goes(self)


def _cholesky_back(grad: Any, L: Any, upper: bool) -> Any:
    lower, grad = (transposed(L), transposed(grad)) if upper else (L, grad)
    inner = _solve_triangular(transposed(lower), halved(transposed(lower) @ grad), True, True, False)
    outer = _solve_triangular(lower, inner, False, False, False)
    return (outer + transposed(outer)) * 0.5


_CHOLESKY: dict[str, Any] = {
    "symbol": "L",
    "inputs": "self",
    "settings": "upper",
    "expression": "cholesky(self)",
    "local": {"self": "cholesky_back(grad)"},
}
cholesky_ex = general(
    "linalg_cholesky_ex",
    "LinalgCholeskyExBackward0",
    forward=in_columns(_lower_factor),
    derivatives={"self": _cholesky_back},
    outputs="L info",
    **_CHOLESKY,
)
cholesky = general(
    "cholesky",
    "CholeskyBackward0",
    forward=in_columns(lambda self, upper: _lower_factor(self, upper)[0]),
    derivatives={"self": lambda grad, result, upper: _cholesky_back(grad, result, upper)},
    **_CHOLESKY,
)


def _cholesky_solved(self: np.ndarray, input2: np.ndarray, upper: bool) -> np.ndarray:
    lower = transposed(input2) if upper else input2
    return arrays.substituted(transposed(lower), arrays.substituted(lower, self, False), True)


def _back_to_factor(grad: Any, self: Any, input2: Any, result: Any, upper: bool) -> Any:
    common = _cholesky_solve(grad, input2, upper) @ transposed(result)
    common = common + transposed(common)
    return -(input2 @ common) if upper else -(common @ input2)


cholesky_solve = general(
    "cholesky_solve",
    "CholeskySolveBackward0",
    "A⁻¹b",
    in_columns(_cholesky_solved),
    "self input2",
    {
        "self": lambda grad, self, input2, result, upper: _cholesky_solve(grad, input2, upper),
        "input2": _back_to_factor,
    },
    settings="upper",
    expression="cholesky_solve(self, input2)",
    local={"self": "cholesky_solve(grad, input2)", "input2": "cholesky_solve_back(grad)"},
)
_cholesky_solve: Any = recorded(cholesky_solve)


def _back_through_inverse(grad: Any, self: Any, result: Any, upper: bool) -> Any:
    common = result @ (grad + transposed(grad)) @ result
    return -(self @ common) if upper else -(common @ self)


cholesky_inverse = general(
    "cholesky_inverse",
    "CholeskyInverseBackward0",
    "A⁻¹",
    lambda self, upper: _cholesky_solved(np.broadcast_to(unit_matrix(self), self.shape), self, upper),
    "self",
    {"self": _back_through_inverse},
    settings="upper",
    expression="cholesky_inverse(self)",
    local={"self": "cholesky_inverse_back(grad)"},
)


def _eigen(A: np.ndarray, UPLO: Literal["L", "U"]) -> tuple[np.ndarray, np.ndarray]:
    try:
        return np.linalg.eigh(A, UPLO)
    except np.linalg.LinAlgError:  # of a matrix with nan or inf, PyTorch returns nan
        good = np.isfinite(A).all((-2, -1))
        values, vectors = np.full(A.shape[:-1], np.nan, A.dtype), np.full(A.shape, np.nan, A.dtype)
        values[good], vectors[good] = np.linalg.eigh(A[good], UPLO)
        return values, vectors


def _eigen_back(grads: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    apart = beside_columns(eigenvalues) - beside_rows(eigenvalues)
    turning = transposed(eigenvectors) @ grads[1]
    turning = (turning - transposed(turning)) * 0.5  # the vectors turn together, and keep their lengths
    inner = on_diagonal(grads[0], 0, -2, -1) + ratio(turning, apart)
    return eigenvectors @ inner @ transposed(eigenvectors)


eigh = general(
    "linalg_eigh",
    "LinalgEighBackward0",
    "eigen",
    in_columns(lambda A, UPLO: tuple(_eigen(A, UPLO))),
    "A",
    {"A": _eigen_back},
    settings="UPLO",
    outputs="eigenvalues eigenvectors",
    many=True,
    expression="eigh(A)",
    local={"A": "eigh_back(grad)"},
)

# --- other decompositions ------------------------------------------------------------------------------------------------


def _qr(A: np.ndarray, mode: Literal["reduced", "complete", "r"]) -> tuple[np.ndarray, np.ndarray]:
    found: Any = np.linalg.qr(A, mode)
    return (np.zeros(0, A.dtype), found) if mode == "r" else (found.Q, found.R)


def _qr_back(grads: Any, A_sym_sizes: tuple[int, ...], Q: Any, R: Any, mode: str) -> Any:
    if mode == "r":
        raise RuntimeError(
            "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
            "linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr."
        )
    m, n = A_sym_sizes[-2:]
    if mode == "complete" and m > n:
        raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols.")
    to_q, to_r = grads
    if m >= n:
        return _square_qr_back(to_q, to_r, Q, R)
    # A wide matrix: its first columns decide Q, and the others follow, R2 = Qᵀ A2.
    rest = Q @ to_r[..., m:]
    first = _square_qr_back(to_q + Q @ R[..., m:] @ transposed(to_r[..., m:]), to_r[..., :m], Q, R[..., :m])
    return np.concatenate([first, rest], -1)


def _square_qr_back(to_q: Any, to_r: Any, Q: Any, R: Any) -> Any:
    middle = R @ transposed(to_r) - transposed(to_q) @ Q
    symmetric = tril(middle, -1) + transposed(tril(middle, -1)) + middle * unit_matrix(middle)
    return _solve_triangular(transposed(R), to_q + Q @ symmetric, False, False, False)


qr = general(
    "linalg_qr",
    "LinalgQrBackward0",
    "QR",
    in_columns(_qr),
    "A",
    {"A": _qr_back},
    settings="mode",
    outputs="Q R",
    many=True,
    expression="qr(A)",
    local={"A": "qr_back(grad)"},
)


def _svd_back(grads: Any, U: Any, S: Any, Vh: Any) -> Any:
    k = np.shape(S)[-1]
    (m, n), V = (np.shape(U)[-2], np.shape(Vh)[-1]), transposed(Vh)[..., :k]
    to_u, to_s, to_v = grads[0][..., :k], grads[1], transposed(grads[2])[..., :k]
    U = U[..., :k]
    apart = beside_columns(S * S) - beside_rows(S * S)
    turn_u, turn_v = (transposed(x) @ to_x - transposed(to_x) @ x for x, to_x in ((U, to_u), (V, to_v)))
    inner = (
        ratio(turn_u, apart) * beside_columns(S) + beside_rows(S) * ratio(turn_v, apart) + on_diagonal(to_s, 0, -2, -1)
    )
    back = U @ inner @ transposed(V)
    if m > k:  # U may also turn to where it has no columns
        outside = ratio(to_u, beside_columns(S))
        back = back + (outside - U @ (transposed(U) @ outside)) @ transposed(V)
    if n > k:
        outside = ratio(to_v, beside_columns(S))
        back = back + U @ transposed(outside - V @ (transposed(V) @ outside))
    return back


svd = general(
    "linalg_svd",
    "LinalgSvdBackward0",
    "SVD",
    lambda A, full_matrices: tuple(np.linalg.svd(A, full_matrices)),
    "A",
    {"A": _svd_back},
    settings="full_matrices",
    outputs="U S Vh",
    many=True,
    expression="svd(A)",
    local={"A": "svd_back(grad)"},
)


def _lower_upper(A: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    packed, pivots = arrays.lu(A)
    lower, upper = arrays.unpacked(packed)
    return arrays.permutation(pivots, A.shape[-2]).astype(A.dtype), lower, upper


def _lu_back(to_l: Any, to_u: Any, P: Any, L: Any, U: Any) -> Any:
    k = np.shape(L)[-1]
    m, n = np.shape(L)[-2], np.shape(U)[-1]
    square_l, square_u = L[..., :k, :], U[..., :, :k]
    pull_l, pull_u, more = to_l[..., :k, :], to_u[..., :, :k], None
    if m > k:  # the rows below follow the square part: L2 = A2 inv(U)
        more = _solve_triangular(transposed(square_u), to_l[..., k:, :], False, False, False)
        pull_u = pull_u - transposed(L[..., k:, :]) @ more
    elif n > k:  # the columns beside it do: U2 = inv(L) A2
        more = _solve_triangular(transposed(square_l), to_u[..., :, k:], True, True, True)
        pull_l = pull_l - more @ transposed(U[..., :, k:])
    inner = tril(transposed(square_l) @ pull_l, -1) + triu(pull_u @ transposed(square_u), 0)
    inner = _solve_triangular(transposed(square_u), inner, False, False, False)
    inner = _solve_triangular(transposed(square_l), inner, True, True, True)
    return P @ (inner if more is None else np.concatenate([inner, more], -2 if m > k else -1))


lu = general(
    "linalg_lu",
    "LinalgLuBackward0",
    "LU",
    in_rows(_lower_upper),
    "A",
    {"A": lambda grads, P, L, U: _lu_back(grads[1], grads[2], P, L, U)},
    outputs="P L U",
    many=True,
    expression="lu(A)",
    local={"A": "lu_back(grad)"},
)


def _unpack(LU_data: np.ndarray, LU_pivots: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lower, upper = arrays.unpacked(LU_data)
    return arrays.permutation(LU_pivots, LU_data.shape[-2]).astype(LU_data.dtype), lower, upper


def _pack_back(grads: Any, LU_data_sym_sizes: tuple[int, ...]) -> Any:
    """Put the gradients of both factors into one matrix."""
    m, n = LU_data_sym_sizes[-2:]
    lower, upper = tril(grads[1], -1), triu(grads[2], 0)
    missing = np.zeros((*LU_data_sym_sizes[:-2], *((m, n - m) if n > m else (m - n, n))), kind_of(lower))
    if n > m:
        lower = np.concatenate([lower, missing], -1)
    elif m > n:
        upper = np.concatenate([upper, missing], -2)
    return lower + upper


lu_unpack = general(
    "lu_unpack",
    "LuUnpackBackward0",
    "LU",
    in_rows(_unpack),
    "LU_data",
    {"LU_data": _pack_back},
    settings="LU_pivots",
    outputs="P L U",
    many=True,
    expression="lu_unpack(LU_data)",
    local={"LU_data": "lu_unpack_T(grad)"},
)
_unpacked: Any = recorded(lu_unpack)


def _factored(A: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    packed, pivots = arrays.lu(A)
    return packed, pivots, arrays.first(np.diagonal(packed, axis1=-2, axis2=-1) == 0)


def _factored_back(grad: Any, LU: Any, pivots: Any) -> Any:
    P, L, U = _unpacked(LU, array_of(pivots))
    k = np.shape(L)[-1]
    return _lu_back(tril(grad[..., :, :k], -1), triu(grad[..., :k, :], 0), P, L, U)


lu_factor_ex = general(
    "linalg_lu_factor_ex",
    "LinalgLuFactorExBackward0",
    "LU",
    in_columns(_factored),
    "A",
    {"A": _factored_back},
    outputs="LU pivots info",
    expression="lu(A)",
    local={"A": "lu_back(grad)"},
)


def _back_to_packed(grad: Any, LU: Any, result: Any, pivots: Any, left: bool, adjoint: bool) -> Any:
    back = _lu_solve(LU, grad, pivots, left, not adjoint)
    P, L, U = _unpacked(LU, pivots)
    # What the whole matrix P L U gets, in which the two sides change places for a transposed or turned equation.
    columns, rows = (back, transposed(result)) if left else (transposed(result), back)
    whole = -(columns @ rows) if not adjoint else -transposed(columns @ rows)
    whole = transposed(P) @ whole
    return tril(whole @ transposed(U), -1) + triu(transposed(L) @ whole, 0)


lu_solve = general(
    "linalg_lu_solve",
    "LinalgLuSolveBackward0",
    "A⁻¹b",
    lambda LU, B, pivots, left, adjoint: (columns if left else rows)(lu_solved(LU, B, pivots, left, adjoint)),
    "LU B",
    {
        "LU": _back_to_packed,
        "B": lambda grad, LU, pivots, left, adjoint: _lu_solve(LU, grad, pivots, left, not adjoint),
    },
    settings="pivots left adjoint",
    expression="lu_solve(LU, B)",
    local={"LU": "lu_solve_back(grad)", "B": "lu_solve_T(grad)"},
)
_lu_solve: Any = recorded(lu_solve)
