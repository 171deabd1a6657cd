"""Functions that make many entries into few: sums, means, the largest."""

from __future__ import annotations

import builtins
import math
from typing import Any, NamedTuple

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.functions.arithmetic import maximum, minimum, sqrt, square
from gradviz.engine.operation import normal_axes, normal_axis
from gradviz.engine.operations import reductions, selection
from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "amax", "amin", "argmax", "argmin", "argsort", "logsumexp", "max", "mean", "min", "sort", "std", "sum", "topk",
    "var",
]  # fmt: skip


def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Add up all entries, or those along `dim`."""
    if dtype is not None:
        input = input.to(dtype)
    return reductions.sum_all(input) if dim is None else reductions.sum_dim(input, dim, keepdim)


def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Average all entries, or those along `dim`."""
    if dtype is not None:
        input = input.to(dtype)
    if input.array.dtype.kind != "f":
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {dtypes.scalar_type_name(input.dtype)}"
        )
    return reductions.mean_all(input) if dim is None else reductions.mean_dim(input, dim, keepdim)


def var(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """Return the variance: the mean squared distance from the mean, over n − `correction` (1 unless told otherwise)."""
    dim, correction = _spread(dim, unbiased, correction)
    axes = normal_axes(dim, input.ndim)
    count = math.prod(input.shape[axis] for axis in axes)
    distance = input - mean(input, axes, keepdim=True) if input.ndim else input - input
    return sum(square(distance), axes, keepdim) / builtins.max(count - correction, 0)


def std(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """Return the standard deviation: the root of the variance."""
    return sqrt(var(input, dim, unbiased, keepdim, correction=correction))


def _spread(dim: Any, unbiased: Any, correction: Any) -> tuple[Any, Any]:
    """Sort out PyTorch's two ways to call: ``var(unbiased)`` and ``var(dim, unbiased)``."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    return dim, correction


class MaxResult(NamedTuple):
    """What ``max(dim)`` returns."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _return_type("max", self)


class MinResult(MaxResult):
    """What ``min(dim)`` returns."""

    def __repr__(self) -> str:
        return _return_type("min", self)


class SortResult(MaxResult):
    """What ``sort`` returns."""

    def __repr__(self) -> str:
        return _return_type("sort", self)


class TopkResult(MaxResult):
    """What ``topk`` returns."""

    def __repr__(self) -> str:
        return _return_type("topk", self)


def _return_type(name: str, result: MaxResult) -> str:
    return f"torch.return_types.{name}(\nvalues={result.values!r},\nindices={result.indices!r})"


def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Return the largest entry; with `dim`, the largest along an axis and where it was; or the larger of two tensors."""
    if isinstance(dim, Tensor) or other is not None:
        return maximum(input, dim if other is None else other)
    if dim is None:
        return reductions.max_all(input)
    axis = normal_axis(dim, input.ndim)
    return MaxResult(*selection.max_dim(input, axis, keepdim, tuple(input.shape)))


def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Return the smallest entry; with `dim`, the smallest along an axis and where it was; or the smaller of two tensors."""
    if isinstance(dim, Tensor) or other is not None:
        return minimum(input, dim if other is None else other)
    if dim is None:
        return reductions.min_all(input)
    axis = normal_axis(dim, input.ndim)
    return MinResult(*selection.min_dim(input, axis, keepdim, tuple(input.shape)))


def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> SortResult:
    """Put the entries along an axis in order, and say where each was. Equal entries keep their order."""
    return SortResult(*selection.sort(input, normal_axis(dim, input.ndim), descending, tuple(input.shape)))


def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Return where the entries of the sorted tensor were."""
    return sort(input.detach(), dim, descending).indices


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> TopkResult:
    """Return the k largest (or smallest) entries along an axis, and where they were."""
    axis = normal_axis(dim, input.ndim)
    if input.ndim and not 0 <= k <= input.shape[axis]:
        raise RuntimeError("selected index k out of range")
    return TopkResult(*selection.topk(input, k, axis, largest, tuple(input.shape)))


def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """Return the largest entries along `dim`."""
    return reductions.amax(input, dim, keepdim)


def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """Return the smallest entries along `dim`."""
    return reductions.amin(input, dim, keepdim)


def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """Return the logarithm of the sum of exponentials along `dim`."""
    return reductions.logsumexp(input, dim, keepdim)


def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return where the largest entry is."""
    return wrap(np.asarray(np.argmax(input.array, axis=dim, keepdims=keepdim)))


def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return where the smallest entry is."""
    return wrap(np.asarray(np.argmin(input.array, axis=dim, keepdims=keepdim)))
