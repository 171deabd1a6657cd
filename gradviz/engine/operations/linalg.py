"""Linear algebra: lengths, determinants, inverses, decompositions.

The formulas are those of M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008), and J. Townsend, "Differentiating the singular value decomposition" (2016). All of them work on
batches of matrices; ``turned(A)`` is each matrix transposed.
"""

# ruff: noqa: N803, N806 (a matrix is a capital letter, in PyTorch's names and in the formulas)

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from gradviz.engine import matrixmath
from gradviz.engine.layout import columns, in_columns, in_rows, rows
from gradviz.engine.operation import array_of, general, reduction
from gradviz.engine.operations import shapes
from gradviz.engine.operations.matrix import turned
from gradviz.engine.operations.shapes import recorded
from gradviz.engine.tensor import Tensor

_triu, _tril, _on_diagonal = recorded(shapes.triu), recorded(shapes.tril), recorded(shapes.diag_embed)


def _kind(x: Any) -> np.dtype:
    return x.array.dtype if isinstance(x, Tensor) else x.dtype


def _columns(x: Any) -> Any:
    """Let a vector multiply the columns of a matrix: the entries run along its last axis."""
    return np.expand_dims(x, -2)


def _rows(x: Any) -> Any:
    """Let a vector multiply the rows of a matrix."""
    return np.expand_dims(x, -1)


def _unit(matrix: Any) -> np.ndarray:
    """Return the matrix with ones on its diagonal of a matrix's last length."""
    return np.eye(np.shape(matrix)[-1], dtype=_kind(matrix))


def _halved(matrix: Any) -> Any:
    """Keep what is below the diagonal and half of the diagonal: L with ``L + L.T == A`` for a symmetric A."""
    return matrix * (np.tril(np.ones(np.shape(matrix)[-2:], _kind(matrix))) - _unit(matrix) / 2)


def _ratio(x: Any, y: Any) -> Any:
    """Divide; 0 where both are 0: nothing was asked for there."""
    none = (array_of(x) == 0) & (array_of(y) == 0)
    return x / np.where(none, 1, y)


# --- lengths -------------------------------------------------------------------------------------------------------------


def _norm(self: np.ndarray, axes: tuple[int, ...], ord: float) -> np.ndarray:
    size = np.abs(self)
    if ord == 2:
        return np.sqrt(np.add.reduce(size * size, axes, keepdims=True))
    if ord == 1:
        return np.add.reduce(size, axes, keepdims=True)
    if ord == 0:
        return np.add.reduce(size != 0, axes, keepdims=True, dtype=self.dtype)
    if math.isinf(ord):
        return (np.maximum if ord > 0 else np.minimum).reduce(size, axes, keepdims=True)
    return np.add.reduce(size**ord, axes, keepdims=True) ** (1 / ord)


def _norm_back(grad: Any, self: Any, result: Any, dim: Any, ord: float) -> Any:
    if ord == 0:
        return grad * self * 0
    if ord == 1:
        return grad * np.sign(self)
    if math.isinf(ord):  # the largest entries share the gradient
        won = np.abs(array_of(self)) == array_of(result)
        axes = tuple(dim) if isinstance(dim, tuple | list) else dim
        count = np.sum(won, axis=None if axes == () else axes, keepdims=True).reshape(np.shape(result))
        return grad * np.sign(self) * (won / count.astype(_kind(result)))
    none = array_of(result) == 0  # at 0 there is no direction; PyTorch takes the slope 0
    length = np.where(none, 1, result)
    if ord == 2:
        return np.where(none, 0, grad * (self / length))
    flat = array_of(self) == 0
    slope = np.sign(self) * (np.abs(np.where(flat, 1, self)) / length) ** (ord - 1)
    return np.where(flat | none, 0, grad * slope)


vector_norm = reduction(
    "linalg_vector_norm",
    "LinalgVectorNormBackward0",
    "norm",
    _norm,
    _norm_back,
    settings=("ord",),
    expression="norm(self, dim=dim, keepdim=keepdim, ord=ord)",
    local="self / norm(self, dim=dim, ord=ord) if ord == 2 else direction(self, dim=dim, ord=ord)",
    sentence="The length of a vector grows fastest along the vector itself, which is where its gradient points.",
)

# --- solving -------------------------------------------------------------------------------------------------------------

_CROSSED = (
    "The gradient of the {} goes back through the same {}, transposed; that of the matrix is its product with the {}."
)


def column_by_column(matrix: np.ndarray) -> np.ndarray:
    """Lay a matrix, or each of a batch, out as LAPACK does: `stride`, and what `reshape` can be a view of, show it."""
    return turned(np.ascontiguousarray(turned(matrix)))


def _inverted(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    try:
        return column_by_column(np.linalg.inv(A)), np.zeros(A.shape[:-2], np.int32)
    except np.linalg.LinAlgError:  # of some matrix in the batch: NumPy does not say which
        packed, pivots = matrixmath.lu(A)
        unit = np.broadcast_to(_unit(A), A.shape)
        return _lu_solved(packed, unit, pivots, True, False), matrixmath.first_zero_pivot(A)


inv_ex = general(
    "linalg_inv_ex",
    "LinalgInvExBackward0",
    "A⁻¹",
    in_columns(_inverted),
    "A",
    {"A": lambda grad, inverse: -(turned(inverse) @ (grad @ turned(inverse)))},
    outputs="inverse info",
    expression="inv(A)",
    local={"A": "-inv(A).T @ grad @ inv(A).T"},
    sentence="The inverse moves against its matrix: the gradient is multiplied by the inverse from both sides, with a minus.",
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
        x, info = _solved(turned(A), turned(B), True)
        return turned(x), info
    try:
        return column_by_column(np.linalg.solve(A, B)), np.zeros(A.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        packed, pivots = matrixmath.lu(A)
        return _lu_solved(packed, B, pivots, True, False), matrixmath.first_zero_pivot(A)


def _back_to_right_side(grad: Any, A: Any, left: bool) -> Any:
    return _solve(turned(A), grad, left)[0]


def _back_to_matrix(grad: Any, A: Any, B_sym_sizes: tuple[int, ...], result: Any, left: bool) -> Any:
    back = _back_to_right_side(grad, A, left)
    if is_vector(np.shape(A), B_sym_sizes):
        return -(_rows(back) * _columns(result))
    return -(back @ turned(result)) if left else -(turned(result) @ back)


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
        "A": "-times_turned(solve(A.T, grad, left=left), solve(A, B, left=left), left=left)",
        "B": "solve(A.T, grad, left=left)",
    },
    sentence=_CROSSED.format("right side", "equations", "solution, with a minus"),
)
_solve: Any = recorded(solve_ex)


def _triangular(self: np.ndarray, B: np.ndarray, upper: bool, left: bool, unitriangular: bool) -> np.ndarray:
    if left:
        return matrixmath.substituted(self, B, upper, unitriangular)
    return turned(matrixmath.substituted(turned(self), turned(B), not upper, unitriangular))


def _side(matrix: Any, upper: bool, unitriangular: bool) -> Any:
    """Keep the entries that a triangular matrix has."""
    return _triu(matrix, int(unitriangular)) if upper else _tril(matrix, -int(unitriangular))


def _back_to_triangle(grad: Any, self: Any, result: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    back = _solve_triangular(turned(self), grad, not upper, left, unitriangular)
    whole = back @ turned(result) if left else turned(result) @ back
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
            turned(self), grad, not upper, left, unitriangular
        ),
    },
    settings="upper left unitriangular",
    expression="solve_triangular(self, B)",
    local={"self": "solve_triangular_back(grad)", "B": "solve_triangular_T(grad)"},
    sentence=_CROSSED.format("right side", "equations", "solution, with a minus"),
)
_solve_triangular: Any = recorded(solve_triangular)


def _old_triangular(
    self: np.ndarray, A: np.ndarray, upper: bool, transpose: bool, unitriangular: bool
) -> tuple[np.ndarray, np.ndarray]:
    triangle, side = (turned(A), not upper) if transpose else (A, upper)
    x = matrixmath.substituted(triangle, self, side, unitriangular)
    return x, np.array(np.broadcast_to(A, (*x.shape[:-2], *A.shape[-2:])))


def _old_back(grads: Any, A: Any, upper: bool, transpose: bool, unitriangular: bool) -> Any:
    triangle, side = (A, upper) if transpose else (turned(A), not upper)
    return _solve_triangular(triangle, grads[0], side, True, unitriangular)


def _old_back_to_triangle(grads: Any, A: Any, solution: Any, upper: bool, transpose: bool, unitriangular: bool) -> Any:
    back = _old_back(grads, A, upper, transpose, unitriangular)
    whole = solution @ turned(back) if transpose else back @ turned(solution)
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
    sentence=_CROSSED.format("right side", "equations", "solution, with a minus"),
)

# --- determinants --------------------------------------------------------------------------------------------------------


def _slopes_of_det(A: Any, result: Any) -> Any:
    """Return the slope of the determinant along each entry."""
    if not isinstance(A, Tensor):
        return matrixmath.gradients_of_det(A)
    if np.all(result.array):
        return np.expand_dims(np.expand_dims(result, -1), -1) * turned(_inverse(A)[0])
    return turned(_adjugate(A))


def _adjugate(A: Any) -> Any:
    """Return ``det(A) * inv(A)`` by products alone, so that all its derivatives exist where A has no inverse.

    This is the method of Faddeev and LeVerrier; for large matrices it loses digits.
    """
    unit = _unit(A)
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
    sentence="Each entry gets the gradient times its cofactor: the determinant of what remains without its row and column.",
)
slogdet = general(
    "linalg_slogdet",
    "LinalgSlogdetBackward0",
    "log|det|",
    lambda A: tuple(np.linalg.slogdet(A)),
    "A",
    {"A": lambda grads, A, sign: np.expand_dims(np.expand_dims(grads[1], -1), -1) * turned(_inverse(A)[0])},
    outputs="sign logabsdet",
    many=True,
    expression="slogdet(A)",
    local={"A": "per_matrix(grad[1]) * inv(A).T"},
    sentence="The slope of the logarithm of a determinant is the inverse, transposed. The sign has none.",
)

# --- symmetric matrices --------------------------------------------------------------------------------------------------


def _lower_factor(self: np.ndarray, upper: bool) -> tuple[np.ndarray, np.ndarray]:
    if upper:
        factor, info = _lower_factor(turned(self), False)
        return turned(factor), info
    try:
        return np.linalg.cholesky(self), np.zeros(self.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        return matrixmath.cholesky_as_far_as_it_goes(self)


def _cholesky_back(grad: Any, L: Any, upper: bool) -> Any:
    lower, grad = (turned(L), turned(grad)) if upper else (L, grad)
    inner = _solve_triangular(turned(lower), _halved(turned(lower) @ grad), True, True, False)
    outer = _solve_triangular(lower, inner, False, False, False)
    return (outer + turned(outer)) * 0.5


_CHOLESKY: dict[str, Any] = {
    "symbol": "L",
    "inputs": "self",
    "settings": "upper",
    "expression": "cholesky(self)",
    "local": {"self": "cholesky_back(grad)"},
    "sentence": "The gradient is brought to the other side of the factor and its transpose, and made symmetric.",
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
    lower = turned(input2) if upper else input2
    return matrixmath.substituted(turned(lower), matrixmath.substituted(lower, self, False), True)


def _back_to_factor(grad: Any, self: Any, input2: Any, result: Any, upper: bool) -> Any:
    common = _cholesky_solve(grad, input2, upper) @ turned(result)
    common = common + turned(common)
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
    sentence=_CROSSED.format("right side", "equations", "solution and the factor, with a minus"),
)
_cholesky_solve: Any = recorded(cholesky_solve)


def _back_through_inverse(grad: Any, self: Any, result: Any, upper: bool) -> Any:
    common = result @ (grad + turned(grad)) @ result
    return -(self @ common) if upper else -(common @ self)


cholesky_inverse = general(
    "cholesky_inverse",
    "CholeskyInverseBackward0",
    "A⁻¹",
    lambda self, upper: _cholesky_solved(np.broadcast_to(_unit(self), self.shape), self, upper),
    "self",
    {"self": _back_through_inverse},
    settings="upper",
    expression="cholesky_inverse(self)",
    local={"self": "cholesky_inverse_back(grad)"},
    sentence="The gradient is multiplied by the inverse from both sides, with a minus, and then by the factor.",
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
    apart = _columns(eigenvalues) - _rows(eigenvalues)
    turning = turned(eigenvectors) @ grads[1]
    turning = (turning - turned(turning)) * 0.5  # the vectors turn together, and keep their lengths
    inner = _on_diagonal(grads[0], 0, -2, -1) + _ratio(turning, apart)
    return eigenvectors @ inner @ turned(eigenvectors)


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
    sentence="An eigenvalue moves with the matrix along its own vector; a vector turns towards others, the faster the closer "
    "their eigenvalues are.",
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
    first = _square_qr_back(to_q + Q @ R[..., m:] @ turned(to_r[..., m:]), to_r[..., :m], Q, R[..., :m])
    return np.concatenate([first, rest], -1)


def _square_qr_back(to_q: Any, to_r: Any, Q: Any, R: Any) -> Any:
    middle = R @ turned(to_r) - turned(to_q) @ Q
    symmetric = _tril(middle, -1) + turned(_tril(middle, -1)) + middle * _unit(middle)
    return _solve_triangular(turned(R), to_q + Q @ symmetric, False, False, False)


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
    sentence="Turning and stretching are told apart: what would turn Q and what would stretch R comes back together.",
)


def _svd_back(grads: Any, U: Any, S: Any, Vh: Any) -> Any:
    k = np.shape(S)[-1]
    (m, n), V = (np.shape(U)[-2], np.shape(Vh)[-1]), turned(Vh)[..., :k]
    to_u, to_s, to_v = grads[0][..., :k], grads[1], turned(grads[2])[..., :k]
    U = U[..., :k]
    apart = _columns(S * S) - _rows(S * S)
    turn_u, turn_v = (turned(x) @ to_x - turned(to_x) @ x for x, to_x in ((U, to_u), (V, to_v)))
    inner = _ratio(turn_u, apart) * _columns(S) + _rows(S) * _ratio(turn_v, apart) + _on_diagonal(to_s, 0, -2, -1)
    back = U @ inner @ turned(V)
    if m > k:  # U may also turn to where it has no columns
        outside = _ratio(to_u, _columns(S))
        back = back + (outside - U @ (turned(U) @ outside)) @ turned(V)
    if n > k:
        outside = _ratio(to_v, _columns(S))
        back = back + U @ turned(outside - V @ (turned(V) @ outside))
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
    sentence="A singular value moves with the matrix along its two vectors; the vectors turn towards others, the faster the "
    "closer their singular values are.",
)


def _lower_upper(A: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    packed, pivots = matrixmath.lu(A)
    lower, upper = matrixmath.unpacked(packed)
    return matrixmath.permutation(pivots, A.shape[-2]).astype(A.dtype), lower, upper


def _lu_back(to_l: Any, to_u: Any, P: Any, L: Any, U: Any) -> Any:
    k = np.shape(L)[-1]
    m, n = np.shape(L)[-2], np.shape(U)[-1]
    square_l, square_u = L[..., :k, :], U[..., :, :k]
    pull_l, pull_u, more = to_l[..., :k, :], to_u[..., :, :k], None
    if m > k:  # the rows below follow the square part: L2 = A2 inv(U)
        more = _solve_triangular(turned(square_u), to_l[..., k:, :], False, False, False)
        pull_u = pull_u - turned(L[..., k:, :]) @ more
    elif n > k:  # the columns beside it do: U2 = inv(L) A2
        more = _solve_triangular(turned(square_l), to_u[..., :, k:], True, True, True)
        pull_l = pull_l - more @ turned(U[..., :, k:])
    inner = _tril(turned(square_l) @ pull_l, -1) + _triu(pull_u @ turned(square_u), 0)
    inner = _solve_triangular(turned(square_u), inner, False, False, False)
    inner = _solve_triangular(turned(square_l), inner, True, True, True)
    return P @ (inner if more is None else np.concatenate([inner, more], -2 if m > k else -1))


_LU_SENTENCE = (
    "What would move the lower factor and what would move the upper one comes back together, as through equations."
)
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
    sentence=_LU_SENTENCE,
)


def _unpack(LU_data: np.ndarray, LU_pivots: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lower, upper = matrixmath.unpacked(LU_data)
    return matrixmath.permutation(LU_pivots, LU_data.shape[-2]).astype(LU_data.dtype), lower, upper


def _pack_back(grads: Any, LU_data_sym_sizes: tuple[int, ...]) -> Any:
    """Put the gradients of both factors into one matrix."""
    m, n = LU_data_sym_sizes[-2:]
    lower, upper = _tril(grads[1], -1), _triu(grads[2], 0)
    missing = np.zeros((*LU_data_sym_sizes[:-2], *((m, n - m) if n > m else (m - n, n))), _kind(lower))
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
    sentence="Two factors stored in one matrix are taken apart; each sends its gradient to its own side of the diagonal.",
)
_unpacked: Any = recorded(lu_unpack)


def _factored(A: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    packed, pivots = matrixmath.lu(A)
    return packed, pivots, matrixmath.first(np.diagonal(packed, axis1=-2, axis2=-1) == 0)


def _factored_back(grad: Any, LU: Any, pivots: Any) -> Any:
    P, L, U = _unpacked(LU, array_of(pivots))
    k = np.shape(L)[-1]
    return _lu_back(_tril(grad[..., :, :k], -1), _triu(grad[..., :k, :], 0), P, L, U)


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
    sentence=_LU_SENTENCE,
)


def _lu_solved(LU: np.ndarray, B: np.ndarray, pivots: np.ndarray, left: bool, adjoint: bool) -> np.ndarray:
    if not left:
        return turned(_lu_solved(LU, turned(B), pivots, True, not adjoint))
    P = matrixmath.permutation(pivots, LU.shape[-1]).astype(LU.dtype)
    if adjoint:
        inner = matrixmath.substituted(turned(LU), B, False)
        return P @ matrixmath.substituted(turned(LU), inner, True, True)
    return matrixmath.substituted(LU, matrixmath.substituted(LU, turned(P) @ B, False, True), True)


def _back_to_packed(grad: Any, LU: Any, result: Any, pivots: Any, left: bool, adjoint: bool) -> Any:
    back = _lu_solve(LU, grad, pivots, left, not adjoint)
    P, L, U = _unpacked(LU, pivots)
    # What the whole matrix P L U gets, in which the two sides change places for a transposed or turned equation.
    columns, rows = (back, turned(result)) if left else (turned(result), back)
    whole = -(columns @ rows) if not adjoint else -turned(columns @ rows)
    whole = turned(P) @ whole
    return _tril(whole @ turned(U), -1) + _triu(turned(L) @ whole, 0)


lu_solve = general(
    "linalg_lu_solve",
    "LinalgLuSolveBackward0",
    "A⁻¹b",
    lambda LU, B, pivots, left, adjoint: (columns if left else rows)(_lu_solved(LU, B, pivots, left, adjoint)),
    "LU B",
    {
        "LU": _back_to_packed,
        "B": lambda grad, LU, pivots, left, adjoint: _lu_solve(LU, grad, pivots, left, not adjoint),
    },
    settings="pivots left adjoint",
    expression="lu_solve(LU, B)",
    local={"LU": "lu_solve_back(grad)", "B": "lu_solve_T(grad)"},
    sentence=_CROSSED.format("right side", "equations", "solution and the factors, with a minus"),
)
_lu_solve: Any = recorded(lu_solve)

# --- functions of matrices -----------------------------------------------------------------------------------------------


def _exponential_back(grad: Any, self: Any) -> Any:
    """Read the gradient off the exponential of a matrix of twice the size: exp([[Aᵀ, G], [0, Aᵀ]])."""
    n, A = np.shape(self)[-1], turned(self)
    upper = np.concatenate([A, grad], -1)
    lower = np.concatenate([grad * 0, A], -1)
    return _exponential(np.concatenate([upper, lower], -2))[..., :n, n:]


matrix_exp = general(
    "linalg_matrix_exp",
    "LinalgMatrixExpBackward0",
    "exp",
    matrixmath.exponential,
    "self",
    {"self": _exponential_back},
    expression="matrix_exp(self)",
    local={"self": "matrix_exp_back(grad)"},
    sentence="The exponential of a matrix is its own slope, except that matrices do not change places: the gradient runs "
    "through another exponential.",
)
_exponential: Any = recorded(matrix_exp)


def _pseudoinverse(self: np.ndarray, atol: Any, rtol: Any, hermitian: bool) -> np.ndarray:
    if not self.size:
        return np.zeros((*self.shape[:-2], self.shape[-1], self.shape[-2]), self.dtype)
    u, s, vh = np.linalg.svd(self, full_matrices=False, hermitian=hermitian)
    keep = s > np.maximum(np.asarray(atol)[..., None], np.asarray(rtol)[..., None] * s.max(-1, keepdims=True))
    inverse = np.where(keep, 1 / np.where(keep, s, 1), 0).astype(self.dtype)
    return turned(vh) @ (inverse[..., None] * turned(u))


def _pseudoinverse_back(grad: Any, self: Any, result: Any) -> Any:
    pull, P, Pt = turned(grad), result, turned(result)
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
    sentence="As for an inverse, the gradient is multiplied from both sides, with a minus; what the matrix does not reach adds "
    "two terms.",
)
_pinv: Any = recorded(pinv)


def _least_squares(
    self: np.ndarray, b: np.ndarray, rcond: float, driver: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    m, n = self.shape[-2:]
    u, s, vh = np.linalg.svd(self, full_matrices=False)
    keep = s > rcond * s.max(-1, keepdims=True, initial=0)
    inverse = np.where(keep, 1 / np.where(keep, s, 1), 0).astype(self.dtype)
    x = turned(vh) @ (inverse[..., None] * (turned(u) @ b))
    rank = np.sum(keep, axis=-1)
    left_over = np.zeros(0, self.dtype)
    if m > n and driver != "gelsy" and np.all(rank == n):
        left_over = np.sum((self @ x - b) ** 2, axis=-2)
    return x, left_over, rank, s if driver in ("gelsd", "gelss") else np.zeros(0, s.dtype)


def _misses(self: Any, b: Any, solution: Any) -> Any:
    return self @ solution - b


def _squares_back(grads: Any, self: Any, b: Any, solution: Any, rcond: float) -> Any:
    out = _pseudoinverse_back(grads[0] @ turned(b), self, _pinv(self, 0.0, rcond, False))
    if np.size(grads[1]):
        out = out + 2 * (_columns(grads[1]) * _misses(self, b, solution)) @ turned(solution)
    return out


def _squares_back_to_right(grads: Any, self: Any, b: Any, solution: Any, rcond: float) -> Any:
    out = turned(_pinv(self, 0.0, rcond, False)) @ grads[0]
    if np.size(grads[1]):
        out = out - 2 * (_columns(grads[1]) * _misses(self, b, solution))
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
    sentence=_CROSSED.format("right side", "pseudoinverse", "solution and with what the solution misses"),
)
