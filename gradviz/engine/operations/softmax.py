"""The softmax, in which entries compete."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.layout import in_rows
from gradviz.engine.operation import general


def _softmax(self: np.ndarray, dim: int) -> np.ndarray:
    if not self.size or not self.ndim:
        return np.ones_like(self)
    raised = np.exp(self - np.maximum.reduce(self, dim, keepdims=True))
    return raised / np.add.reduce(raised, dim, keepdims=True)


def _log_softmax(self: np.ndarray, dim: int) -> np.ndarray:
    if not self.size or not self.ndim:
        return np.zeros_like(self)
    shifted = self - np.maximum.reduce(self, dim, keepdims=True)
    return shifted - np.log(np.add.reduce(np.exp(shifted), dim, keepdims=True))


def _total(grad: Any, dim: int) -> Any:
    return np.sum(grad, axis=dim, keepdims=True) if np.ndim(grad) else grad


softmax = general(
    "softmax",
    "SoftmaxBackward0",
    "softmax",
    in_rows(_softmax),
    "self",
    {"self": lambda grad, result, dim: result * (grad - _total(grad * result, dim))},
    settings="dim",
    expression="softmax(self, dim=dim)",
    local={"self": "softmax(self, dim=dim) * (grad - sum(grad * softmax(self, dim=dim), dim=dim))"},
)
log_softmax = general(
    "log_softmax",
    "LogSoftmaxBackward0",
    "log softmax",
    in_rows(_log_softmax),
    "self",
    {"self": lambda grad, result, dim: grad - np.exp(result) * _total(grad, dim)},
    settings="dim",
    expression="log_softmax(self, dim=dim)",
    local={"self": "grad - softmax(self, dim=dim) * sum(grad, dim=dim)"},
)
