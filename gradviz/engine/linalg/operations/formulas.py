"""What the formulas of linear algebra are written with: parts of matrices, and vectors beside them; of arrays and of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.arguments import array_of
from gradviz.engine.linalg.arrays import transposed
from gradviz.engine.operations import parts
from gradviz.engine.operations.formulas import recorded
from gradviz.engine.tensor import Tensor

triu, tril, on_diagonal = recorded(parts.triu), recorded(parts.tril), recorded(parts.diag_embed)


def kind_of(x: Any) -> np.dtype:
    """Return NumPy's dtype of an array or a tensor."""
    return x.array.dtype if isinstance(x, Tensor) else x.dtype


def beside_columns(x: Any) -> Any:
    """Let a vector multiply the columns of a matrix: the entries run along its last axis."""
    return np.expand_dims(x, -2)


def beside_rows(x: Any) -> Any:
    """Let a vector multiply the rows of a matrix."""
    return np.expand_dims(x, -1)


def unit_matrix(matrix: Any) -> np.ndarray:
    """Return the matrix with ones on its diagonal of a matrix's last length."""
    return np.eye(np.shape(matrix)[-1], dtype=kind_of(matrix))


def halved(matrix: Any) -> Any:
    """Keep what is below the diagonal and half of the diagonal: L with ``L + L.T == A`` for a symmetric A."""
    return matrix * (np.tril(np.ones(np.shape(matrix)[-2:], kind_of(matrix))) - unit_matrix(matrix) / 2)


def ratio(x: Any, y: Any) -> Any:
    """Divide; 0 where both are 0: nothing was asked for there."""
    none = (array_of(x) == 0) & (array_of(y) == 0)
    return x / np.where(none, 1, y)


def column_by_column(matrix: np.ndarray) -> np.ndarray:
    """Lay a matrix, or each of a batch, out as LAPACK does: `stride`, and what `reshape` can be a view of, show it."""
    return transposed(np.ascontiguousarray(transposed(matrix)))
