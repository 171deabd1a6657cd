"""Products of vectors and matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.layout import as_operands, in_rows
from gradviz.engine.linalg.arrays import transposed
from gradviz.engine.operation import general
from gradviz.engine.operations.piecewise import only


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


def times(factor: Any, x: Any) -> Any:
    """Multiply by a setting that is nearly always 1."""
    return x if factor == 1 else x * factor


def _added(start: Any, products: Any, beta: Any, alpha: Any) -> Any:
    """Return ``beta * start + alpha * products``; with `beta` 0 nothing of `start` is left, not even a nan."""
    products = times(alpha, products)
    return products if beta == 0 else products + times(beta, start)


# --- one product ---------------------------------------------------------------------------------------------------------

_TURNED_BACK = {"self": "grad @ mat2.T", "mat2": "self.T @ grad"}

mm = general(
    "mm",
    "MmBackward0",
    "@",
    product,
    "self mat2",
    {
        "self": lambda grad, mat2: product(grad, mat2.T),
        "mat2": lambda grad, self: product(self.T, grad),
    },
    expression="self @ mat2",
    local=_TURNED_BACK,
    meets="ik,kj->ij",
)
bmm = general(
    "bmm",
    "BmmBackward0",
    "@",
    product,
    "self mat2",
    {
        "self": lambda grad, mat2: product(grad, transposed(mat2)),
        "mat2": lambda grad, self: product(transposed(self), grad),
    },
    expression="self @ mat2",
    local=_TURNED_BACK,
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
        "vec": lambda grad, self: self.T @ grad,
    },
    expression="self @ vec",
    local={"self": "outer(grad, vec)", "vec": "self.T @ grad"},
    meets="ik,k->i",
)
_DOT: dict[str, Any] = {
    "symbol": "·",
    "forward": product,
    "meets": "i,i->",
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
        "mat1": lambda grad, mat2, alpha: times(alpha, product(grad, mat2.T)),
        "mat2": lambda grad, mat1, alpha: times(alpha, product(mat1.T, grad)),
    },
    settings="beta alpha",
    expression="alpha * (mat1 @ mat2) + beta * self",
    local={"self": "beta", "mat1": "alpha * (grad @ mat2.T)", "mat2": "alpha * (mat1.T @ grad)"},
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
        "vec": lambda grad, mat, alpha: times(alpha, mat.T @ grad),
    },
    settings="beta alpha",
    expression="alpha * (mat @ vec) + beta * self",
    local={"self": "beta", "mat": "alpha * outer(grad, vec)", "vec": "alpha * (mat.T @ grad)"},
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
        "batch1": lambda grad, batch2, alpha: times(alpha, product(grad, transposed(batch2))),
        "batch2": lambda grad, batch1, alpha: times(alpha, product(transposed(batch1), grad)),
    },
    settings="beta alpha",
    expression="alpha * (batch1 @ batch2) + beta * self",
    local={"self": "beta", "batch1": "alpha * (grad @ batch2.T)", "batch2": "alpha * (batch1.T @ grad)"},
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
        "batch1": lambda grad, batch2, alpha: times(alpha, np.expand_dims(grad, 0) @ transposed(batch2)),
        "batch2": lambda grad, batch1, alpha: times(alpha, transposed(batch1) @ np.expand_dims(grad, 0)),
    },
    settings="beta alpha",
    expression="alpha * sum(batch1 @ batch2, dim=0, keepdim=False) + beta * self",
    local={"self": "beta", "batch1": "alpha * (grad @ batch2.T)", "batch2": "alpha * (batch1.T @ grad)"},
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
        "vec2": lambda grad, vec1, alpha: times(alpha, grad.T @ vec1),
    },
    settings="beta alpha",
    expression="alpha * outer(vec1, vec2) + beta * self",
    local={"self": "beta", "vec1": "alpha * (grad @ vec2)", "vec2": "alpha * (grad.T @ vec1)"},
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
    expression="cross(self, other, dim=dim)",
    local={"self": "cross(other, grad, dim=dim)", "other": "cross(grad, self, dim=dim)"},
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
    local={"self": "identity(self)"},
)
