"""Losses, and the softmax that goes with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.operation import general
from gradviz.engine.operations.activations import sigma

REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}
"""How PyTorch numbers the ways to reduce a loss."""


def _reduce(losses: np.ndarray, reduction: int) -> np.ndarray:
    if reduction == 0:
        return losses
    total = np.add.reduce(losses, axis=None)
    return total / losses.dtype.type(losses.size) if reduction == 1 else total


def _per_entry(self: np.ndarray, reduction: int) -> float:
    """Return how much of the loss one entry makes up."""
    return 1 / max(np.size(self), 1) if reduction == 1 else 1.0


mse_loss = general(
    "mse_loss",
    "MseLossBackward0",
    "MSE",
    lambda self, target, reduction: _reduce((self - target) ** 2, reduction),
    "self target",
    {
        "self": lambda grad, self, target, reduction: grad * ((self - target) * (2 * _per_entry(self, reduction))),
        "target": lambda grad, self, target, reduction: grad * ((target - self) * (2 * _per_entry(self, reduction))),
    },
    settings="reduction",
    expression="mse(self, target)",
    local={"self": "2 * (self - target) / n", "target": "2 * (target - self) / n"},
    sentence="The squared error pulls each prediction towards its target, in proportion to how far off it is.",
)


def _bce(self: np.ndarray, target: np.ndarray, reduction: int) -> np.ndarray:
    return _reduce(-(target * _log(self) + (1 - target) * _log(1 - self)), reduction)


def _log(self: np.ndarray) -> np.ndarray:
    # PyTorch stops the logarithm at −100, so that a prediction of exactly 0 or 1 gives a finite loss.
    return np.maximum(np.log(self), -100)


binary_cross_entropy = general(
    "binary_cross_entropy",
    "BinaryCrossEntropyBackward0",
    "BCE",
    _bce,
    "self target",
    {
        "self": lambda grad, self, target, reduction: (
            grad * ((self - target) / np.maximum(self * (1 - self), 1e-12) * _per_entry(self, reduction))
        ),
    },
    settings="reduction",
    expression="bce(self, target)",
    local={"self": "(self - target) / (self * (1 - self)) / n"},
    sentence="Cross-entropy pulls hardest on the predictions that are sure and wrong.",
    quiet=True,
)
binary_cross_entropy_with_logits = general(
    "binary_cross_entropy_with_logits",
    "BinaryCrossEntropyWithLogitsBackward0",
    "BCE σ",
    # log(1 + exp(−x)) + (1 − y)·x, arranged so that exp never overflows
    lambda self, target, reduction: _reduce(
        (1 - target) * self - np.minimum(self, 0) + np.log1p(np.exp(-np.abs(self))), reduction
    ),
    "self target",
    {
        "self": lambda grad, self, target, reduction: grad * ((sigma(self) - target) * _per_entry(self, reduction)),
        "target": lambda grad, self, reduction: grad * (-self * _per_entry(self, reduction)),
    },
    settings="reduction",
    expression="bce_with_logits(self, target)",
    local={"self": "(sigmoid(self) - target) / n", "target": "-self / n"},
    sentence="With a sigmoid inside, cross-entropy passes back just the prediction minus the target.",
)


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
    _softmax,
    "self",
    {"self": lambda grad, result, dim: result * (grad - _total(grad * result, dim))},
    settings="dim",
    expression="softmax(self)",
    local={"self": "softmax(self) * (grad - sum(grad * softmax(self)))"},
    sentence="Softmax entries compete: raising one lowers the others, so each gets its gradient minus the weighted mean.",
)
log_softmax = general(
    "log_softmax",
    "LogSoftmaxBackward0",
    "log softmax",
    _log_softmax,
    "self",
    {"self": lambda grad, result, dim: grad - np.exp(result) * _total(grad, dim)},
    settings="dim",
    expression="log_softmax(self)",
    local={"self": "grad - softmax(self) * sum(grad)"},
    sentence="Each entry gets its gradient minus its softmax share of all of them.",
)


def _nll(self: np.ndarray, target: np.ndarray, reduction: int) -> np.ndarray:
    rows = np.arange(self.shape[0])
    outside = target[(target < 0) | (target >= self.shape[1])]
    if outside.size:
        raise IndexError(f"Target {outside[0]} is out of bounds.")
    return _reduce(-self[rows, target], reduction)


def _nll_back(grad, self, target, reduction):
    hit = (np.arange(np.shape(self)[1]) == np.expand_dims(np.asarray(target), 1)) * 1.0
    if reduction == 0:
        grad = np.expand_dims(grad, 1)
    share = 1 / np.shape(self)[0] if reduction == 1 else 1.0
    return grad * (hit * -share)


nll_loss = general(
    "nll_loss",
    "NllLossBackward0",
    "NLL",
    _nll,
    "self",
    {"self": lambda grad, self, target, reduction: _nll_back(grad, self, target, reduction)},
    settings="target reduction",
    expression="nll(self, target)",
    local={"self": "-1 / rows if target else 0"},
    sentence="Only the log-probability of the right class counts: it is pushed up, the others are left alone.",
)
