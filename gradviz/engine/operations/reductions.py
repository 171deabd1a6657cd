"""Operations that make one number out of many."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.operation import reduction


def _sum(self: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    # As PyTorch, add up integers and booleans in int64.
    return np.add.reduce(self, axes, keepdims=True, dtype=None if self.dtype.kind == "f" else np.int64)


_SUM: dict[str, Any] = {
    "forward": _sum,
    "derivative": lambda grad: grad,
    "expression": "sum(self)",
    "local": "1",
    "sentence": "Every entry adds 1 for 1 to a sum, so every entry gets the gradient above it, unchanged.",
}
sum_all = reduction("sum", "SumBackward0", "Σ", **_SUM)
sum_dim = reduction("sum", "SumBackward1", "Σ", **_SUM)

_MEAN: dict[str, Any] = {
    "forward": lambda self, axes: np.add.reduce(self, axes, keepdims=True) / self.dtype.type(_count(self, axes)),
    "derivative": lambda grad, self, result: grad * (np.size(result) / np.size(self)),
    "expression": "mean(self)",
    "local": "1 / n",
    "sentence": "Each of n entries moves a mean by 1/n, so each gets 1/n of the gradient above it.",
}
mean_all = reduction("mean", "MeanBackward0", "mean", **_MEAN)
mean_dim = reduction("mean", "MeanBackward1", "mean", **_MEAN)


def _count(self: np.ndarray, axes: tuple[int, ...]) -> int:
    count = 1
    for axis in axes:
        count *= self.shape[axis]
    return count


_SHARED = "The entry that won gets the whole gradient; winners that are equal share it."


def _share(grad: Any, self: Any, result: Any) -> Any:
    won = (self == result) * 1.0
    # The winners' shares add up to 1 along the axes that were reduced: those of length 1 in the result.
    axes = tuple(axis for axis, size in enumerate(np.shape(result)) if size == 1) or None
    return grad * (won / np.sum(won, axis=axes, keepdims=True))


_MAX: dict[str, Any] = {
    "forward": lambda self, axes: np.maximum.reduce(self, axes, keepdims=True),
    "derivative": _share,
    "expression": "max(self)",
    "local": "1 if self == max(self) else 0",
    "sentence": _SHARED,
}
_MIN: dict[str, Any] = {**_MAX, "forward": lambda self, axes: np.minimum.reduce(self, axes, keepdims=True)}
_MIN |= {"expression": "min(self)", "local": "1 if self == min(self) else 0"}
max_all = reduction("max", "MaxBackward1", "max", **_MAX)
min_all = reduction("min", "MinBackward1", "min", **_MIN)
amax = reduction("amax", "AmaxBackward0", "max", **_MAX)
amin = reduction("amin", "AminBackward0", "min", **_MIN)


def _logsumexp(self: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    # Taking out the largest entry keeps every exponential below 1.
    top = np.maximum.reduce(self, axes, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        return top + np.log(np.add.reduce(np.exp(self - top), axes, keepdims=True))


logsumexp = reduction(
    "logsumexp",
    "LogsumexpBackward0",
    "LSE",
    _logsumexp,
    lambda grad, self, result: grad * np.exp(self - result),
    expression="logsumexp(self)",
    local="softmax(self)",
    sentence="A soft maximum: each entry gets its softmax share of the gradient.",
)
