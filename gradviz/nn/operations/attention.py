"""What attention needs beside matrix products."""

from __future__ import annotations

import numpy as np

from gradviz.engine.layout import in_rows
from gradviz.engine.operation import general


def _safe_softmax(self: np.ndarray, dim: int) -> np.ndarray:
    if not self.size:
        return self
    top = np.maximum.reduce(self, dim, keepdims=True)
    raised = np.exp(self - np.where(np.isneginf(top), 0, top))
    total = np.add.reduce(raised, dim, keepdims=True)
    return raised / np.where(total == 0, self.dtype.type(1), total)


safe_softmax = general(
    "softmax",
    "SafeSoftmaxBackward0",
    "softmax",
    in_rows(_safe_softmax),
    "self",
    {"self": lambda grad, result, dim: result * (grad - np.sum(grad * result, axis=dim, keepdims=True))},
    settings="dim",
    expression="softmax(self, dim=dim)",
    local={"self": "softmax(self, dim=dim) * (grad - sum(grad * softmax(self, dim=dim), dim=dim))"},
)
