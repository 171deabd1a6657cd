"""What ``torch`` itself has of products and linear algebra, in one list."""

from typing import Any

from gradviz.engine import mixed
from gradviz.engine.functions.contractions import (
    einsum,
    inner,
    tensordot,
)  # fmt: skip
from gradviz.engine.functions.older import (
    chain_matmul,
    cholesky,
    cholesky_inverse,
    cholesky_solve,
    det,
    inverse,
    logdet,
    lu,
    lu_solve,
    lu_unpack,
    matrix_exp,
    matrix_power,
    norm,
    pinverse,
    qr,
    slogdet,
    svd,
    triangular_solve,
    vander,
)  # fmt: skip
from gradviz.engine.functions.products import (
    addbmm,
    addmm,
    addmv,
    addr,
    baddbmm,
    bmm,
    cdist,
    cross,
    dot,
    ger,
    kron,
    matmul,
    mm,
    mv,
    outer,
    pdist,
    trace,
    vdot,
)  # fmt: skip
from gradviz.engine.tensor import Tensor

__all__ = [
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "cdist", "chain_matmul", "cholesky", "cholesky_inverse",
    "cholesky_solve", "cross", "det", "dot", "einsum", "ger", "inner", "inverse", "kron", "logdet", "lu",
    "lu_solve", "lu_unpack", "matmul", "matrix_exp", "matrix_power", "mm", "mv", "norm", "outer", "pdist",
    "pinverse", "qr", "slogdet", "svd", "tensordot", "trace", "triangular_solve", "vander", "vdot",
]  # fmt: skip

NOT_METHODS = [
    "cdist", "chain_matmul", "einsum", "lu_unpack", "pdist", "tensordot", "vander",
]  # fmt: skip

IN_PLACE = ["addbmm", "addmm", "addmv", "addr", "baddbmm"]


def _swapped(self: Tensor, other: Any) -> Any:
    return matmul(other, self) if isinstance(other, Tensor) else mixed.declined(other)


METHODS = {"__rmatmul__": _swapped}
