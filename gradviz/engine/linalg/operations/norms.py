"""The length of vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine.arguments import array_of
from gradviz.engine.linalg.operations.formulas import kind_of
from gradviz.engine.operation import reduction


def _norm(self: np.ndarray, axes: tuple[int, ...], ord: float) -> np.ndarray:
    size = np.abs(self)
    if ord == 2:
        return np.sqrt(np.add.reduce(size * size, axes, keepdims=True))
    if ord == 1:
        return np.add.reduce(size, axes, keepdims=True)
    if ord == 0:
        return np.add.reduce(size != 0, axes, keepdims=True, dtype=self.dtype)
    if math.isinf(ord):
        return (np.maximum if ord > 0 else np.minimum).reduce(size, axes, keepdims=True)
    return np.add.reduce(size**ord, axes, keepdims=True) ** (1 / ord)


def _norm_back(grad: Any, self: Any, result: Any, dim: Any, ord: float) -> Any:
    if ord == 0:
        return grad * self * 0
    if ord == 1:
        return grad * np.sign(self)
    if math.isinf(ord):  # the largest entries share the gradient
        won = np.abs(array_of(self)) == array_of(result)
        axes = tuple(dim) if isinstance(dim, tuple | list) else dim
        count = np.sum(won, axis=None if axes == () else axes, keepdims=True).reshape(np.shape(result))
        return grad * np.sign(self) * (won / count.astype(kind_of(result)))
    none = result == 0  # at 0 there is no direction; PyTorch takes the slope 0
    length = np.where(none, 1, result)
    if ord == 2:
        return np.where(none, 0, grad * (self / length))
    flat = self == 0
    slope = np.sign(self) * (np.abs(np.where(flat, 1, self)) / length) ** (ord - 1)
    return np.where(flat | none, 0, grad * slope)


vector_norm = reduction(
    "linalg_vector_norm",
    "LinalgVectorNormBackward0",
    "norm",
    _norm,
    _norm_back,
    settings=("ord",),
    expression="norm(self, dim=dim, keepdim=keepdim, ord=ord)",
    local="self / norm(self, dim=dim, ord=ord) if ord == 2 else direction(self, dim=dim, ord=ord)",
)
