"""Looking up: class numbers become rows of a table, and gradients go back to the rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.operation import general
from gradviz.engine.operations.indexing import scatter


def _embedding_back(
    grad: Any, weight_sym_sizes: tuple[int, ...], indices: np.ndarray, padding_idx: int, scale_grad_by_freq: bool
) -> Any:
    keep = (indices != padding_idx) * 1.0
    if scale_grad_by_freq and indices.size:
        keep = keep / np.bincount(indices.ravel())[indices]
    if padding_idx >= 0 or scale_grad_by_freq:
        grad = grad * keep[..., None]
    return scatter(grad, (indices,), tuple(weight_sym_sizes))


embedding = general(
    "embedding",
    "EmbeddingBackward0",
    "lookup",
    lambda weight, indices, padding_idx, scale_grad_by_freq: weight[indices],
    "weight",
    {"weight": _embedding_back},
    settings="indices padding_idx scale_grad_by_freq",
    tensors="indices",
    expression="embedding(weight)",
    local={
        "weight": "embedding_back(grad) if scale_grad_by_freq else put(grad) if padding_idx == -1 else embedding_back(grad)"
    },
)
