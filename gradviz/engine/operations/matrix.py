"""Products of vectors and matrices, and distances between the rows of two."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine.layout import as_operands, in_rows
from gradviz.engine.operation import array_of, general
from gradviz.engine.operations.elementwise import not_differentiable, signs
from gradviz.engine.operations.shapes import recorded
from gradviz.engine.operations.straight import only


def product(left: Any, right: Any) -> Any:
    """Multiply vectors, matrices, or batches of matrices.

    A column times a row has nothing to add up. NumPy's BLAS still adds each product to 0, which turns −0 into 0 where
    PyTorch prints ``-0.``; multiplying is exact, and faster. Half precision goes through single, for which there is BLAS.
    """
    if not isinstance(left, np.ndarray):
        return left @ right
    if left.dtype == np.float16:
        return product(left.astype(np.float32), right.astype(np.float32)).astype(np.float16)
    if left.ndim > 2:
        return left @ right
    if left.shape[-1] == 1 and right.ndim == 2:
        return left * right
    return left.dot(right)  # for small matrices `@` takes twice as long


def turned(matrix: Any) -> Any:
    """Transpose a matrix, or each of a batch."""
    return np.swapaxes(matrix, -2, -1)


def times(factor: Any, x: Any) -> Any:
    """Multiply by a setting that is nearly always 1."""
    return x if factor == 1 else x * factor


def _added(start: Any, products: Any, beta: Any, alpha: Any) -> Any:
    """Return ``beta * start + alpha * products``; with `beta` 0 nothing of `start` is left, not even a nan."""
    products = times(alpha, products)
    return products if beta == 0 else products + times(beta, start)


# --- one product ---------------------------------------------------------------------------------------------------------

_MATRIX_SENTENCE = "A matrix product sends each factor the gradient that arrives, times the other factor transposed, from the same side."
_TURNED_BACK = {"self": "grad @ mat2.T", "mat2": "self.T @ grad"}

mm = general(
    "mm",
    "MmBackward0",
    "@",
    product,
    "self mat2",
    {
        "self": lambda grad, mat2: product(grad, np.transpose(mat2)),
        "mat2": lambda grad, self: product(np.transpose(self), grad),
    },
    expression="self @ mat2",
    local=_TURNED_BACK,
    sentence=_MATRIX_SENTENCE,
    meets="ik,kj->ij",
)
bmm = general(
    "bmm",
    "BmmBackward0",
    "@",
    product,
    "self mat2",
    {
        "self": lambda grad, mat2: product(grad, turned(mat2)),
        "mat2": lambda grad, self: product(turned(self), grad),
    },
    expression="self @ mat2",
    local=_TURNED_BACK,
    sentence=_MATRIX_SENTENCE,
    meets="bik,bkj->bij",
)
mv = general(
    "mv",
    "MvBackward0",
    "@",
    product,
    "self vec",
    {
        "self": lambda grad, vec: np.expand_dims(grad, 1) * np.expand_dims(vec, 0),
        "vec": lambda grad, self: np.transpose(self) @ grad,
    },
    expression="self @ vec",
    local={"self": "outer(grad, vec)", "vec": "self.T @ grad"},
    sentence="The matrix gets the gradient of each row times the vector; the vector gets the transposed matrix times it.",
    meets="ik,k->i",
)
_DOT: dict[str, Any] = {
    "symbol": "·",
    "forward": product,
    "meets": "i,i->",
    "sentence": "A dot product sends each vector the gradient that arrives, times the other vector.",
}
dot = general(
    "dot",
    "DotBackward0",
    inputs="self tensor",
    derivatives={"self": lambda grad, tensor: grad * tensor, "tensor": lambda grad, self: grad * self},
    expression="self @ tensor",
    local={"self": "tensor", "tensor": "self"},
    **_DOT,
)
vdot = general(
    "vdot",
    "VdotBackward0",
    inputs="self other",
    derivatives={"self": lambda grad, other: grad * other, "other": lambda grad, self: grad * self},
    expression="self @ other",
    local={"self": "other", "other": "self"},
    **_DOT,
)

# --- a product and a sum -------------------------------------------------------------------------------------------------

_SUM_SENTENCE = "What is added gets the gradient unchanged; each factor gets it times the other factor transposed."


def _addmm(self: Any, mat1: Any, mat2: Any, beta: Any, alpha: Any) -> Any:
    out = product(mat1, mat2)
    if alpha == 1 == beta:
        out += self  # without another array for the sum
        return out
    return _added(self, out, beta, alpha)


addmm = general(
    "addmm",
    "AddmmBackward0",
    "@ +",
    _addmm,
    "self mat1 mat2",
    {
        "self": lambda grad, beta: times(beta, grad),
        "mat1": lambda grad, mat2, alpha: times(alpha, product(grad, np.transpose(mat2))),
        "mat2": lambda grad, mat1, alpha: times(alpha, product(np.transpose(mat1), grad)),
    },
    settings="beta alpha",
    expression="mat1 @ mat2 + self",
    local={"self": "1", "mat1": "grad @ mat2.T", "mat2": "mat1.T @ grad"},
    sentence=_SUM_SENTENCE,
    meets="ik,kj->ij",
)
addmv = general(
    "addmv",
    "AddmvBackward0",
    "@ +",
    lambda self, mat, vec, beta, alpha: _added(self, product(mat, vec), beta, alpha),
    "self mat vec",
    {
        "self": lambda grad, beta: times(beta, grad),
        "mat": lambda grad, vec, alpha: times(alpha, np.expand_dims(grad, 1) * np.expand_dims(vec, 0)),
        "vec": lambda grad, mat, alpha: times(alpha, np.transpose(mat) @ grad),
    },
    settings="beta alpha",
    expression="mat @ vec + self",
    local={"self": "1", "mat": "outer(grad, vec)", "vec": "mat.T @ grad"},
    sentence=_SUM_SENTENCE,
    meets="ik,k->i",
)
baddbmm = general(
    "baddbmm",
    "BaddbmmBackward0",
    "@ +",
    lambda self, batch1, batch2, beta, alpha: _added(self, product(batch1, batch2), beta, alpha),
    "self batch1 batch2",
    {
        "self": lambda grad, beta: times(beta, grad),
        "batch1": lambda grad, batch2, alpha: times(alpha, product(grad, turned(batch2))),
        "batch2": lambda grad, batch1, alpha: times(alpha, product(turned(batch1), grad)),
    },
    settings="beta alpha",
    expression="batch1 @ batch2 + self",
    local={"self": "1", "batch1": "grad @ batch2.T", "batch2": "batch1.T @ grad"},
    sentence=_SUM_SENTENCE,
    meets="bik,bkj->bij",
)
addbmm = general(
    "addbmm",
    "AddbmmBackward0",
    "Σ @ +",
    lambda self, batch1, batch2, beta, alpha: _added(self, np.add.reduce(product(batch1, batch2), 0), beta, alpha),
    "self batch1 batch2",
    {
        "self": lambda grad, beta: times(beta, grad),
        "batch1": lambda grad, batch2, alpha: times(alpha, np.expand_dims(grad, 0) @ turned(batch2)),
        "batch2": lambda grad, batch1, alpha: times(alpha, turned(batch1) @ np.expand_dims(grad, 0)),
    },
    settings="beta alpha",
    expression="sum(batch1 @ batch2) + self",
    local={"self": "1", "batch1": "grad @ batch2.T", "batch2": "batch1.T @ grad"},
    sentence="The products of all pairs are added up: each factor gets the same gradient times its partner transposed.",
    meets="bik,bkj->ij",
)
addr = general(
    "addr",
    "AddrBackward0",
    "⊗ +",
    as_operands(lambda self, vec1, vec2, beta, alpha: _added(self, np.multiply.outer(vec1, vec2), beta, alpha)),
    "self vec1 vec2",
    {
        "self": lambda grad, beta: times(beta, grad),
        "vec1": lambda grad, vec2, alpha: times(alpha, grad @ vec2),
        "vec2": lambda grad, vec1, alpha: times(alpha, np.transpose(grad) @ vec1),
    },
    settings="beta alpha",
    expression="outer(vec1, vec2) + self",
    local={"self": "1", "vec1": "grad @ vec2", "vec2": "grad.T @ vec1"},
    sentence="What is added gets the gradient unchanged; each vector gets it multiplied by the other.",
    meets="i,j->ij",
)

# --- other products ------------------------------------------------------------------------------------------------------


def _cross(self: Any, other: Any, dim: int) -> Any:
    """Return the cross product along an axis (counted from the end): each entry from the two that follow it."""
    return np.roll(self, -1, dim) * np.roll(other, -2, dim) - np.roll(self, -2, dim) * np.roll(other, -1, dim)


cross = general(
    "linalg_cross",
    "LinalgCrossBackward0",
    "×",
    in_rows(_cross),
    "self other",
    {
        "self": lambda grad, other, dim: _cross(other, grad, dim),
        "other": lambda grad, self, dim: _cross(grad, self, dim),
    },
    settings="dim",
    expression="cross(self, other)",
    local={"self": "cross(other, grad)", "other": "cross(grad, self)"},
    sentence="A vector only turns the product if it moves across: the gradients are cross products again.",
)
trace = general(
    "trace",
    "TraceBackward0",
    "tr",
    lambda self, self_sym_sizes: np.trace(self, dtype=None if self.dtype.kind == "f" else np.int64),
    "self",
    {"self": lambda grad, self_sym_sizes: only(np.eye(*self_sym_sizes) == 1, grad)},
    settings="self_sym_sizes",
    expression="trace(self)",
    local={"self": "1 if on_the_diagonal else 0"},
    sentence="The entries on the diagonal are added up, so each of them gets the whole gradient; the others get 0.",
)

# --- distances -----------------------------------------------------------------------------------------------------------


def _differences(x1: Any, x2: Any) -> Any:
    """Return each row of one matrix less each of another: (..., P, M) and (..., R, M) give (..., P, R, M)."""
    return np.expand_dims(x1, -2) - np.expand_dims(x2, -3)


def _lengths(x: Any, p: float) -> Any:
    """Return the p-norms along the last axis of an array."""
    size = np.abs(x)
    if p == 0:
        return np.add.reduce(size != 0, -1, dtype=x.dtype)
    if p == 1:
        return np.add.reduce(size, -1)
    if p == 2:
        return np.sqrt(np.add.reduce(size * size, -1))
    if math.isinf(p):
        return np.maximum.reduce(size, -1, initial=0)
    return np.add.reduce(size**p, -1) ** (1 / p)


def _directions(x: np.ndarray, length: np.ndarray, p: float) -> np.ndarray:
    """Return how fast p-norms along the last axis grow with each entry; 0 at the kink where a length is 0."""
    length = np.expand_dims(length, -1)
    if p == 0:
        return np.zeros_like(x)
    if p == 1:
        return np.sign(x)
    if math.isinf(p):
        return np.sign(x) * (np.abs(x) == length)
    none = length == 0
    length = np.where(none, 1, length)
    if p == 2:
        return np.where(none, 0, x / length)
    flat = x == 0
    return np.where(flat, 0, signs(x) * (np.abs(np.where(flat, 1, x)) / length) ** (p - 1))


def _pull(grad: np.ndarray, x1: np.ndarray, x2: np.ndarray, result: np.ndarray, p: float) -> np.ndarray:
    """Return what all distances from a row of `x1` ask of it."""
    return np.add.reduce(np.expand_dims(grad, -1) * _directions(_differences(x1, x2), result, p), -2)


_APART = "A distance grows as one of the two rows moves away from the other, along the line between them."
_cdist_back = recorded(
    not_differentiable("_cdist_backward", "slope", _pull, "grad x1 x2 result", "p", grad_fn="CdistBackwardBackward0")
)
cdist = general(
    "cdist",
    "CdistBackward0",
    "dist",
    in_rows(lambda x1, x2, p: _lengths(_differences(x1, x2), p)),
    "x1 x2",
    {
        "x1": lambda grad, x1, x2, result, p: _cdist_back(grad, x1, x2, result, p),
        "x2": lambda grad, x1, x2, result, p: _cdist_back(turned(grad), x2, x1, turned(result), p),
    },
    settings="p",
    expression="cdist(x1, x2)",
    local={"x1": "sum(grad * (x1 - x2) / cdist(x1, x2))", "x2": "sum(grad * (x2 - x1) / cdist(x1, x2))"},
    sentence=_APART,
)


def _euclidean(x1: np.ndarray, x2: np.ndarray) -> Any:
    """Return distances by |a − b|² = |a|² + |b|² − 2ab: a matrix product, where differences would fill the memory."""
    squares = [np.add.reduce(x * x, -1, keepdims=True) for x in (x1, x2)]
    return np.sqrt(np.maximum(squares[0] + turned(squares[1]) - 2 * product(x1, turned(x2)), 0))


def _euclidean_back(grad: Any, x1: Any, x2: Any, result: Any) -> Any:
    none = array_of(result) == 0
    ratio = np.where(none, 0, grad / np.where(none, 1, result))
    return x1 * np.sum(ratio, axis=-1, keepdims=True) - ratio @ x2


euclidean_dist = general(
    "_euclidean_dist",
    "EuclideanDistBackward0",
    "dist",
    in_rows(_euclidean),
    "x1 x2",
    {
        "x1": _euclidean_back,
        "x2": lambda grad, x1, x2, result: _euclidean_back(turned(grad), x2, x1, turned(result)),
    },
    expression="cdist(x1, x2)",
    local={"x1": "sum(grad * (x1 - x2) / cdist(x1, x2))", "x2": "sum(grad * (x2 - x1) / cdist(x1, x2))"},
    sentence=_APART,
)


def _pairs(self: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the rows in each pair, each pair once."""
    return np.triu_indices(np.shape(self)[-2], 1)


def _pair_pull(grad: np.ndarray, self: np.ndarray, result: np.ndarray, p: float) -> np.ndarray:
    first, second = _pairs(self)
    pull = np.expand_dims(grad, -1) * _directions(self[first] - self[second], result, p)
    out = np.zeros_like(self)
    np.add.at(out, first, pull)
    np.subtract.at(out, second, pull)
    return out


_pdist_back = recorded(
    not_differentiable(
        "_pdist_backward", "slope", _pair_pull, "grad self result", "p", grad_fn="PdistBackwardBackward0"
    )
)


pdist = general(
    "pdist",
    "PdistBackward0",
    "dist",
    lambda self, p: _lengths(self[_pairs(self)[0]] - self[_pairs(self)[1]], p),
    "self",
    {"self": lambda grad, self, result, p: _pdist_back(grad, self, result, p)},
    settings="p",
    expression="pdist(self)",
    local={"self": "sum(grad * (self - others) / distances)"},
    sentence=_APART,
)


def _contracted(i1: np.ndarray, i2: np.ndarray, i3: np.ndarray, equation: str) -> np.ndarray:
    return np.ascontiguousarray(np.einsum(equation, i1, i2, i3, optimize=True))


def _in_place_of(which: int) -> Any:
    """Return the formula for one factor: the same sum, with the gradient in that factor's place."""

    def formula(grad: Any, *given: Any) -> Any:
        *factors, equation = given
        *axes, out = equation.replace("->", ",").split(",")
        factors.insert(which, grad)
        own, axes[which] = axes[which], out
        compute: Any = _contracted if isinstance(grad, np.ndarray) else trilinear
        return compute(*factors, f"{','.join(axes)}->{own}")

    return formula


_first, _second, _third = (_in_place_of(which) for which in range(3))

trilinear = general(
    "_trilinear",
    "TrilinearBackward0",
    "Σ × ×",
    _contracted,
    "i1 i2 i3",
    {
        "i1": lambda grad, i2, i3, equation: _first(grad, i2, i3, equation),
        "i2": lambda grad, i1, i3, equation: _second(grad, i1, i3, equation),
        "i3": lambda grad, i1, i2, equation: _third(grad, i1, i2, equation),
    },
    settings="equation",
    expression="sum(i1 * i2 * i3)",
    local={"i1": "sum(grad * i2 * i3)", "i2": "sum(grad * i1 * i3)", "i3": "sum(grad * i1 * i2)"},
    sentence="Three factors are multiplied and added up; each gets the same sum, with the gradient in its own place.",
    sparing=True,
)
