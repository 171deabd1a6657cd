"""Operations that make one number out of many."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine.arguments import normal_axes, promoting
from gradviz.engine.layout import in_rows
from gradviz.engine.node import arrived
from gradviz.engine.operation import general, reduction
from gradviz.engine.operations.elementwise import signs
from gradviz.engine.operations.formulas import plain
from gradviz.engine.operations.piecewise import only
from gradviz.engine.operations.scans import has_zeros, products_of_others


def _sum(self: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    # As PyTorch, add up integers and booleans in int64.
    return np.add.reduce(self, axes, keepdims=True, dtype=None if self.dtype.kind == "f" else np.int64)


_SUM: dict[str, Any] = {
    "forward": _sum,
    "derivative": lambda grad: grad,
    "expression": "sum(self, dim=dim, keepdim=keepdim)",
    "local": "ones(self)",
}
sum_all = reduction("sum", "SumBackward0", "Σ", **_SUM)
sum_dim = reduction("sum", "SumBackward1", "Σ", **_SUM)

_MEAN: dict[str, Any] = {
    "forward": lambda self, axes: np.add.reduce(self, axes, keepdims=True) / self.dtype.type(_count(self, axes)),
    "derivative": lambda grad, self_sym_sizes: grad * (np.size(grad) / max(math.prod(self_sym_sizes), 1)),
    "expression": "mean(self, dim=dim, keepdim=keepdim)",
    "local": "ones(self) / n",
}
mean_all = reduction("mean", "MeanBackward0", "mean", **_MEAN)
mean_dim = reduction("mean", "MeanBackward1", "mean", **_MEAN)
nansum = reduction(
    "nansum",
    "NansumBackward0",
    "Σ",
    lambda self, axes: _sum(np.where(np.isnan(self), 0, self).astype(self.dtype, copy=False), axes),
    lambda grad, self: grad * ~np.isnan(self),
    expression="nansum(self, dim=dim, keepdim=keepdim)",
    local="0 if isnan(self) else 1",
)


def _count(self: np.ndarray, axes: tuple[int, ...]) -> int:
    count = 1
    for axis in axes:
        count *= self.shape[axis]
    return count


def to_winners(grad: Any, self: Any, result: Any) -> Any:
    """Share the gradient among all entries that are the result; where that is not a number, those that are not either."""
    entries, value = plain(self), plain(result)
    won = entries == value if np.all(value == value) else entries != entries
    return only(won, grad / max(np.count_nonzero(won), 1))


def _share(grad: Any, self: Any, result: Any) -> Any:
    """Do the same for each result along some axes, by a product, as PyTorch does: it lets through what is not a number."""
    won = (plain(self) == plain(result)).astype(plain(result).dtype)
    # The winners' shares add up to 1 along the axes that were reduced: those of length 1 in the result.
    axes = tuple(axis for axis, size in enumerate(np.shape(result)) if size == 1) or None
    return grad * (won / np.add.reduce(won, axes, keepdims=True))


_MAX: dict[str, Any] = {
    "forward": lambda self, axes: np.maximum.reduce(self, axes, keepdims=True),
    "derivative": _share,
    "expression": "max(self, dim=dim, keepdim=keepdim)",
    "local": "1 / ties if self == max(self, dim=dim) else 0",
}
_MIN: dict[str, Any] = {**_MAX, "forward": lambda self, axes: np.minimum.reduce(self, axes, keepdims=True)}
_MIN |= {
    "expression": "min(self, dim=dim, keepdim=keepdim)",
    "local": "1 / ties if self == min(self, dim=dim) else 0",
}
max_all = reduction("max", "MaxBackward1", "max", **_MAX | {"derivative": to_winners})
min_all = reduction("min", "MinBackward1", "min", **_MIN | {"derivative": to_winners})
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
    expression="logsumexp(self, dim=dim, keepdim=keepdim)",
    local="softmax(self, dim=dim)",
)


# --- products -----------------------------------------------------------------------------------------------------------


def _prod_back(grad: Any, self: Any, result: Any, dim: Any) -> Any:
    if not np.ndim(self):
        return grad
    if not has_zeros(self):
        return grad * (result / self)
    if dim is None and isinstance(self, np.ndarray) and self.size - np.count_nonzero(self) > 1:
        return np.zeros_like(self)
    if dim is not None:
        return grad * products_of_others(self, dim)
    return grad * np.reshape(products_of_others(np.reshape(self, (-1,)), 0), np.shape(self))


_PROD: dict[str, Any] = {
    "forward": lambda self, axes: np.multiply.reduce(
        self, axes, keepdims=True, dtype=None if self.dtype.kind == "f" else np.int64
    ),
    "derivative": _prod_back,
    "expression": "prod(self, dim=dim, keepdim=keepdim)",
    "local": "prod_of_others(self, dim=dim)",
}
prod_all = reduction("prod", "ProdBackward0", "Π", **_PROD)
prod_dim = reduction("prod", "ProdBackward1", "Π", **_PROD)

# --- spread -------------------------------------------------------------------------------------------------------------


def _freedom(self: Any, dim: Any, correction: float) -> float:
    """Return what the squared distances are divided by: how many there are, less the correction."""
    return math.prod(np.shape(self)[axis] for axis in normal_axes(dim, np.ndim(self))) - correction


def _around_mean(self: Any, dim: Any) -> Any:
    return self - np.mean(self, axis=normal_axes(dim, np.ndim(self)), keepdims=True) if np.ndim(self) else self - self


def _var(self: np.ndarray, axes: tuple[int, ...], correction: float) -> np.ndarray:
    distance = self - np.add.reduce(self, axes, keepdims=True) / self.dtype.type(_count(self, axes))
    squares = np.add.reduce(distance * distance, axes, keepdims=True)
    return squares / self.dtype.type(max(_count(self, axes) - correction, 0))


def _var_back(grad: Any, self: Any, dim: Any, correction: float) -> Any:
    freedom = _freedom(self, dim, correction)
    return grad * (_around_mean(self, dim) * (2 / freedom if freedom else math.inf))


def _std_back(grad: Any, self: Any, result: Any, dim: Any, correction: float) -> Any:
    halved = np.where(result == 0, 0, grad / np.where(result == 0, 1, 2 * result))
    return _var_back(halved, self, dim, correction)


var = reduction(
    "var",
    "VarBackward0",
    "var",
    _var,
    _var_back,
    expression="var(self, dim=dim, keepdim=keepdim, correction=correction)",
    local="2 * (self - mean(self, dim=dim)) / (n - correction)",
    settings=("correction",),
)
std = reduction(
    "std",
    "StdBackward0",
    "std",
    lambda self, axes, correction: np.sqrt(_var(self, axes, correction)),
    _std_back,
    expression="std(self, dim=dim, keepdim=keepdim, correction=correction)",
    local="(self - mean(self, dim=dim)) / (n - correction) / std(self, dim=dim, correction=correction)",
    settings=("correction",),
)


def _kept(grad: Any, self: Any, dim: Any) -> Any:
    """Put the axes that were reduced back, at length 1."""
    axes = normal_axes(dim, np.ndim(self))
    return np.reshape(grad, tuple(1 if axis in axes else size for axis, size in enumerate(np.shape(self))))


def _with_mean(
    name: str, grad_fn: str, spread: Callable[..., Any], back: Callable[..., Any], *, saves_result: bool
) -> Any:
    """Add the row of a spread and the mean that it is around."""

    def forward(self: np.ndarray, dim: Any, keepdim: bool, correction: float) -> tuple[np.ndarray, np.ndarray]:
        axes = normal_axes(dim, self.ndim)
        spread_kept = spread(self, axes, correction)
        mean_kept = np.add.reduce(self, axes, keepdims=True) / self.dtype.type(_count(self, axes))
        if np.isinf(mean_kept).any():  # a running mean, as in PyTorch: the number after an infinite one makes it nan
            rows = np.moveaxis(np.isinf(self), axes, range(-len(axes), 0)).reshape(*mean_kept.shape, -1)
            mean_kept = np.where(rows[..., :-1].any(-1), self.dtype.type(np.nan), mean_kept)
        shape = spread_kept.shape if keepdim else [n for axis, n in enumerate(self.shape) if axis not in axes]
        return spread_kept.reshape(shape), mean_kept.reshape(shape)

    def derivative(grad: Any, self: Any, result0: Any, dim: Any, correction: float) -> Any:
        of_spread, of_mean = (_kept(part, self, dim) for part in grad)
        shares = of_mean * (np.size(of_mean) / max(np.size(self), 1))
        if not arrived(grad)[0]:
            return shares
        pull = back(of_spread, self, result0, dim, correction)
        return pull + shares if arrived(grad)[1] else pull

    def without_result(grad: Any, self: Any, dim: Any, correction: float) -> Any:
        return derivative(grad, self, None, dim, correction)

    return general(
        name,
        grad_fn,
        name.replace("_", ", "),
        in_rows(forward),
        "self",
        {"self": derivative if saves_result else without_result},
        settings="dim keepdim correction",
        outputs="result0 result1",
        many=True,
        expression=f"{name}(self)",
        local={"self": f"{name}_back(grad)"},
    )


var_mean = _with_mean(
    "var_mean",
    "VarMeanBackward0",
    _var,
    lambda grad, self, result, dim, correction: _var_back(grad, self, dim, correction),
    saves_result=False,
)
std_mean = _with_mean(
    "std_mean",
    "StdMeanBackward0",
    lambda self, axes, correction: np.sqrt(_var(self, axes, correction)),
    lambda grad, self, result, dim, correction: _std_back(grad, self, _kept(result, self, dim), dim, correction),
    saves_result=True,
)


def _extremes(self: np.ndarray, dim: Any, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    axes = normal_axes(dim, self.ndim)
    return np.amin(self, axis=axes, keepdims=keepdim), np.amax(self, axis=axes, keepdims=keepdim)


aminmax = general(
    "aminmax",
    "AminmaxBackward0",
    "min, max",
    in_rows(_extremes),
    "self",
    {
        "self": lambda grad, self, min, max, dim: sum(
            _share(_kept(part, self, dim), self, _kept(extreme, self, dim))
            for part, extreme, came in zip(grad, (min, max), arrived(grad), strict=True)
            if came
        )
    },
    settings="dim keepdim",
    outputs="min max",
    many=True,
    expression="aminmax(self)",
    local={"self": "aminmax_back(grad)"},
)

# --- lengths ------------------------------------------------------------------------------------------------------------


def _length(self: Any, p: float, axes: tuple[int, ...]) -> Any:
    """Return the p-norm along axes, keeping them at length 1; of an array, or, recorded, of a tensor."""
    size = np.abs(self)
    if p in (math.inf, -math.inf):
        return (np.amax if p > 0 else np.amin)(size, axis=axes, keepdims=True) if np.size(self) else np.sum(size)
    if p == 0:
        return np.sum(np.where(self == 0, 0, np.ones_like(self)), axis=axes, keepdims=True)
    total = np.sum(size if p == 1 else size * size if p == 2 else size**p, axis=axes, keepdims=True)
    if p == 1:
        return total
    none = total == 0  # the root has no slope there
    return np.where(none, 0, np.where(none, 1, total) ** (1 / p))


def _length_slope(self: Any, result: Any, p: float, axes: tuple[int, ...]) -> Any:
    """Return the slope of the p-norm; 0 where it has a kink at 0."""
    if p == 0:
        return self * 0
    if p == 1:
        return signs(self)
    if p in (math.inf, -math.inf):
        won = (np.abs(self) == result) * 1.0
        return signs(self) * (won / np.sum(won, axis=axes, keepdims=True))
    nowhere = result == 0
    base = np.where(nowhere, 1, result)
    if p == 2:
        return np.where(nowhere, 0, self / base)
    flat = self == 0
    power = np.where(flat, 0, signs(self) * np.abs(np.where(flat, 1, self)) ** (p - 1))
    return np.where(nowhere, 0, power / base ** (p - 1))


def _all_axes(self: Any) -> tuple[int, ...]:
    return tuple(range(np.ndim(self)))


dist = general(
    "dist",
    "DistBackward0",
    "dist",
    promoting(2, lambda self, other, p: _length(self - other, p, _all_axes(self - other)).reshape(())[()]),
    "self other",
    {
        "self": lambda grad, self, other, result, p: (
            grad * _length_slope(self - other, result, p, _all_axes(self - other))
        ),
        "other": lambda grad, self, other, result, p: (
            -grad * _length_slope(self - other, result, p, _all_axes(self - other))
        ),
    },
    settings="p",
    expression="dist(self, other, p=p)",
    local={
        "self": "(self - other) / dist(self, other, p=p) if p == 2 else direction(self - other, ord=p)",
        "other": "(other - self) / dist(self, other, p=p) if p == 2 else direction(other - self, ord=p)",
    },
)


def _renorm(self: np.ndarray, p: float, dim: int, maxnorm: float) -> np.ndarray:
    length = _length(self, p, _others(self, dim))
    return np.where(length > maxnorm, self * (maxnorm / (length + 1e-7)), self).astype(self.dtype, copy=False)


def _others(self: Any, dim: int) -> tuple[int, ...]:
    return tuple(axis for axis in range(np.ndim(self)) if axis != dim)


def _renorm_back(grad: Any, self: Any, p: float, dim: int, maxnorm: float) -> Any:
    axes = _others(self, dim)
    length = _length(self, p, axes)
    slope = _length_slope(self, length, p, axes)
    inverse = 1 / (length + 1e-7)
    along = np.sum(grad * self, axis=axes, keepdims=True)
    return np.where(length > maxnorm, maxnorm * inverse * (grad - inverse * along * slope), grad)


renorm = general(
    "renorm",
    "RenormBackward0",
    "renorm",
    in_rows(_renorm),
    "self",
    {"self": _renorm_back},
    settings="p dim maxnorm",
    expression="renorm(self)",
    local={"self": "renorm_back(grad)"},
)
