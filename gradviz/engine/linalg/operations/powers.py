"""The exponential of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.linalg import arrays
from gradviz.engine.linalg.arrays import transposed
from gradviz.engine.operation import general
from gradviz.engine.operations.formulas import recorded


def _exponential_back(grad: Any, self: Any) -> Any:
    """Read the gradient off the exponential of a matrix of twice the size: exp([[Aᵀ, G], [0, Aᵀ]])."""
    n, turned = np.shape(self)[-1], transposed(self)
    upper = np.concatenate([turned, grad], -1)
    lower = np.concatenate([grad * 0, turned], -1)
    return _exponential(np.concatenate([upper, lower], -2))[..., :n, n:]


matrix_exp = general(
    "linalg_matrix_exp",
    "LinalgMatrixExpBackward0",
    "exp",
    arrays.exponential,
    "self",
    {"self": _exponential_back},
    expression="matrix_exp(self)",
    local={"self": "matrix_exp_back(grad)"},
)
_exponential: Any = recorded(matrix_exp)
