"""Distances between the rows of matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine.arguments import array_of
from gradviz.engine.layout import in_rows
from gradviz.engine.linalg.arrays import transposed
from gradviz.engine.linalg.operations.products import product
from gradviz.engine.operation import general
from gradviz.engine.operations.elementwise import signs
from gradviz.engine.operations.formulas import not_differentiable, recorded


def _differences(x1: Any, x2: Any) -> Any:
    """Return each row of one matrix less each of another: (..., P, M) and (..., R, M) give (..., P, R, M)."""
    return np.expand_dims(x1, -2) - np.expand_dims(x2, -3)


def _lengths(x: Any, p: float) -> Any:
    """Return the p-norms along the last axis of an array."""
    size = np.abs(x)
    if p == 0:
        return np.add.reduce(size != 0, -1, dtype=x.dtype)
    if p == 1:
        return np.add.reduce(size, -1)
    if p == 2:
        return np.sqrt(np.add.reduce(size * size, -1))
    if math.isinf(p):
        return np.maximum.reduce(size, -1, initial=0)
    return np.add.reduce(size**p, -1) ** (1 / p)


def _directions(x: np.ndarray, length: np.ndarray, p: float) -> np.ndarray:
    """Return how fast p-norms along the last axis grow with each entry; 0 at the kink where a length is 0."""
    length = np.expand_dims(length, -1)
    if p == 0:
        return np.zeros_like(x)
    if p == 1:
        return np.sign(x)
    if math.isinf(p):
        return np.sign(x) * (np.abs(x) == length)
    none = length == 0
    length = np.where(none, 1, length)
    if p == 2:
        return np.where(none, 0, x / length)
    flat = x == 0
    return np.where(flat, 0, signs(x) * (np.abs(np.where(flat, 1, x)) / length) ** (p - 1))


def _pull(grad: np.ndarray, x1: np.ndarray, x2: np.ndarray, result: np.ndarray, p: float) -> np.ndarray:
    """Return what all distances from a row of `x1` ask of it."""
    return np.add.reduce(np.expand_dims(grad, -1) * _directions(_differences(x1, x2), result, p), -2)


_cdist_back = recorded(
    not_differentiable("_cdist_backward", "slope", _pull, "grad x1 x2 result", "p", grad_fn="CdistBackwardBackward0")
)
cdist = general(
    "cdist",
    "CdistBackward0",
    "dist",
    in_rows(lambda x1, x2, p: _lengths(_differences(x1, x2), p)),
    "x1 x2",
    {
        "x1": lambda grad, x1, x2, result, p: _cdist_back(grad, x1, x2, result, p),
        "x2": lambda grad, x1, x2, result, p: _cdist_back(transposed(grad), x2, x1, transposed(result), p),
    },
    settings="p",
    expression="cdist(x1, x2)",
    local={"x1": "cdist_back(grad, x1, x2)", "x2": "cdist_back(grad, x2, x1)"},
)


def _euclidean(x1: np.ndarray, x2: np.ndarray) -> Any:
    """Return distances by |a − b|² = |a|² + |b|² − 2ab: a matrix product, where differences would fill the memory."""
    squares = [np.add.reduce(x * x, -1, keepdims=True) for x in (x1, x2)]
    return np.sqrt(np.maximum(squares[0] + transposed(squares[1]) - 2 * product(x1, transposed(x2)), 0))


def _euclidean_back(grad: Any, x1: Any, x2: Any, result: Any) -> Any:
    none = array_of(result) == 0
    ratio = np.where(none, 0, grad / np.where(none, 1, result))
    return x1 * np.sum(ratio, axis=-1, keepdims=True) - ratio @ x2


euclidean_dist = general(
    "_euclidean_dist",
    "EuclideanDistBackward0",
    "dist",
    in_rows(_euclidean),
    "x1 x2",
    {
        "x1": _euclidean_back,
        "x2": lambda grad, x1, x2, result: _euclidean_back(transposed(grad), x2, x1, transposed(result)),
    },
    expression="cdist(x1, x2)",
    local={"x1": "cdist_back(grad, x1, x2)", "x2": "cdist_back(grad, x2, x1)"},
)


def _pairs(self: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the rows in each pair, each pair once."""
    return np.triu_indices(np.shape(self)[-2], 1)


def _pair_pull(grad: np.ndarray, self: np.ndarray, result: np.ndarray, p: float) -> np.ndarray:
    first, second = _pairs(self)
    pull = np.expand_dims(grad, -1) * _directions(self[first] - self[second], result, p)
    out = np.zeros_like(self)
    np.add.at(out, first, pull)
    np.subtract.at(out, second, pull)
    return out


_pdist_back = recorded(
    not_differentiable(
        "_pdist_backward", "slope", _pair_pull, "grad self result", "p", grad_fn="PdistBackwardBackward0"
    )
)


pdist = general(
    "pdist",
    "PdistBackward0",
    "dist",
    lambda self, p: _lengths(self[_pairs(self)[0]] - self[_pairs(self)[1]], p),
    "self",
    {"self": lambda grad, self, result, p: _pdist_back(grad, self, result, p)},
    settings="p",
    expression="pdist(self)",
    local={"self": "pdist_back(grad, self)"},
)
