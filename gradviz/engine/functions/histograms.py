"""Functions that count: how often each number comes up, and how many entries fall into each stretch of a histogram."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine import creation, dtypes
from gradviz.engine.arguments import array_of
from gradviz.engine.functions.results import return_type
from gradviz.engine.operations import histograms
from gradviz.engine.tensor import Tensor, wrap

__all__ = ["bincount", "histc", "histogram"]


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Count how often each of the numbers 0, 1, 2, ... comes up, or add up the weights of those that do."""
    x = input.array
    if x.dtype.kind not in "iu":
        name = dtypes.scalar_type_name(input.dtype)
        raise NotImplementedError(f"\"bincount_cpu\" not implemented for '{name}'")
    if x.ndim != 1 or (x < 0).any():
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if weights is None:
        return wrap(np.bincount(x, minlength=minlength))
    if weights.shape != input.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    kind = weights.array.dtype if weights.dtype == dtypes.float32 else np.dtype(np.float64)
    return wrap(np.bincount(x, weights.array, minlength).astype(kind))


def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Count how many entries fall into each of `bins` equal stretches from `min` to `max`; of all entries if both are 0."""
    _check_bins(bins)
    if input.array.dtype.kind != "f":
        raise NotImplementedError(f"\"histogram_cpu\" not implemented for '{dtypes.scalar_type_name(input.dtype)}'")
    x = input.array.ravel()
    low, high = float(array_of(min)), float(array_of(max))
    if low == high and x.size:
        low, high = float(np.min(x)), float(np.max(x))
    if low == high:
        low, high = low - 1, high + 1
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"histogram: range of [{low:g}, {high:g}] is not finite")
    if low > high:
        raise RuntimeError("max must be larger than min")
    first, last = x.dtype.type(low), x.dtype.type(high)
    inside = x[(first <= x) & (x <= last)]
    places = ((inside - first) * x.dtype.type(bins) / (last - first)).astype(np.int64)
    return wrap(np.bincount(np.minimum(places, bins - 1), minlength=bins).astype(x.dtype))


HistogramResult = return_type("histogram", "hist bin_edges")


def histogram(
    input: Tensor,
    bins: Any = 100,
    *,
    range: Any = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """Count how many entries lie between each two neighbouring edges.

    Parameters
    ----------
    input
        A tensor of float32 or float64, of any shape.
    bins
        The number of stretches of equal length; or their edges, (stretches + 1,), in ascending order and of the input's dtype.
    range
        For a number of stretches: where the first begins and where the last ends; from the smallest entry to the largest
        unless given.
    weight
        What each entry counts, in the input's shape; 1 unless given.
    density
        Whether to divide, so that the area under the histogram is 1.

    Returns
    -------
    hist : Tensor
        (stretches,). The last stretch includes its right edge, and the others do not.
    bin_edges : Tensor
        (stretches + 1,)

    Raises
    ------
    RuntimeError
        If the range is not finite or the wrong way round, or dtypes or sizes do not fit. No gradient goes through a count: the
        results of an input that requires one know it, and going back from them is an error.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.histogram(torch.tensor([1.0, 2.0, 1.0]), bins=4, range=(0.0, 3.0))
    torch.return_types.histogram(
    hist=tensor([0., 2., 1., 0.]),
    bin_edges=tensor([0.0000, 0.7500, 1.5000, 2.2500, 3.0000]))
    """
    if isinstance(bins, Tensor):
        if range is not None:
            return NotImplemented
        edges = bins
    else:
        if isinstance(bins, bool) or not isinstance(bins, int | np.integer):
            return NotImplemented
        _check_bins(bins)
        edges = creation.linspace(*_ends(input, range), int(bins) + 1, dtype=input.dtype)
    _check_edges(input, edges, weight)
    return HistogramResult(*histograms.histogram(input, edges, weight, density))


def _check_bins(bins: int | np.integer[Any]) -> None:
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")


def _ends(input: Tensor, range: Any) -> tuple[float, float]:
    """Return where the first of some equal stretches begins and where the last ends."""
    if range is not None:
        if len(range) != 2:
            raise RuntimeError(
                f"torch.histogramdd: for a 1-dimensional histogram range should have 2 elements, but got {len(range)}"
            )
        low, high = (float(array_of(end)) for end in range)
    else:
        _check_kind("histogramdd", input, "fd")
        low, high = (float(np.min(input.array)), float(np.max(input.array))) if input.array.size else (0.0, 1.0)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"torch.histogramdd: dimension 0's range [{low:g}, {high:g}] is not finite")
    if low > high:
        raise RuntimeError(
            f"torch.histogramdd: min should not exceed max, but got min {low:g} max {high:g} for dimension 0"
        )
    return (low - 0.5, high + 0.5) if low == high else (low, high)


def _check_kind(name: str, input: Tensor, kinds: str) -> None:
    if input.array.dtype.char not in kinds:
        raise NotImplementedError(f"\"{name}\" not implemented for '{dtypes.scalar_type_name(input.dtype)}'")


def _check_edges(input: Tensor, edges: Tensor, weight: Tensor | None) -> None:
    kind = dtypes.CPP_NAMES[input.dtype.name]
    if edges.dtype != input.dtype:
        raise RuntimeError(
            "torch.histogramdd: input tensor and bins tensors should have the same dtype, but got input with dtype "
            f"{kind} and bins for dimension 0 with dtype {dtypes.CPP_NAMES[edges.dtype.name]}"
        )
    if edges.ndim != 1:
        raise RuntimeError(
            f"torch.histogramdd: bins tensor should have one dimension, but got {edges.ndim} dimensions in the bins tensor "
            "for dimension 0"
        )
    if not edges.array.size:
        raise RuntimeError(
            "torch.histogramdd: bins tensor should have at least 1 element, but got 0 elements in the bins tensor for dimension 0"
        )
    if weight is not None and weight.dtype != input.dtype:
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor should have the same dtype, but "
            f"got input({kind}), and weight({dtypes.CPP_NAMES[weight.dtype.name]})"
        )
    if weight is not None and weight.array.size != input.array.size:
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor excluding its "
            f"innermost dimension, but got input with shape [{input.array.size}, 1] and weight with shape [{weight.array.size}]"
        )
    _check_bins(edges.array.size - 1)
    _check_kind("histogram_cpu", input, "fd")
