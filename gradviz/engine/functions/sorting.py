"""Functions that put entries in order, and those that pick by rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.arguments import normal_axis
from gradviz.engine.functions import arithmetic
from gradviz.engine.functions.reductions import not_empty
from gradviz.engine.functions.results import return_type
from gradviz.engine.operations import sorting
from gradviz.engine.tensor import Tensor, wrap

__all__ = ["argsort", "kthvalue", "median", "mode", "nanmedian", "nanquantile", "quantile", "sort", "topk"]
SortResult, TopkResult = return_type("sort", "values indices"), return_type("topk", "values indices")
MedianResult, NanmedianResult = return_type("median", "values indices"), return_type("nanmedian", "values indices")
ModeResult, KthvalueResult = return_type("mode", "values indices"), return_type("kthvalue", "values indices")


def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool | None = None) -> Any:
    """Put the entries along an axis in order, and say where each was. If `stable`, equal entries keep their order."""
    axis, row = normal_axis(dim, input.ndim), sorting.sort if stable is None else sorting.sort_as_asked
    return SortResult(*row(input, axis, descending, tuple(input.shape), bool(stable)))


def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Return where the entries of the sorted tensor were."""
    return sort(input.detach(), dim, descending, stable).indices


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """Return the k largest (or smallest) entries along an axis, and where they were."""
    axis = normal_axis(dim, input.ndim)
    if input.array.dtype.kind == "b":
        raise RuntimeError("topk does not support bool dtypes on CPU")
    if input.ndim and not 0 <= k <= input.shape[axis]:
        raise RuntimeError("selected index k out of range")
    return TopkResult(*sorting.topk(input, k, axis, largest, tuple(input.shape), sorted))


def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the entry in the middle, of an even number the lower one; with `dim`, along an axis and where it was."""
    _no_bools("median", input)
    if dim is None:
        return sorting.median_all(input)
    return MedianResult(*_ranked("median", sorting.median_dim, input, dim, keepdim))


def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the median of what is a number."""
    _no_bools("median", input)
    if dim is None:
        return sorting.nanmedian_all(input)
    return NanmedianResult(*_ranked("nanmedian", sorting.nanmedian_dim, input, dim, keepdim))


def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """Return the most frequent value along an axis, of several the smallest, and the last place it is at."""
    return ModeResult(*_ranked("mode", sorting.mode, input, dim, keepdim))


def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """Return the k-th smallest entry along an axis, counted from 1, and where it was."""
    _no_bools("kthvalue", input)
    axis = normal_axis(dim, input.ndim)
    not_empty("kthvalue", input, axis)
    if not 1 <= k <= (input.shape[axis] if input.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}")
    return KthvalueResult(*_ranked("kthvalue", sorting.kthvalue, input, dim, keepdim, k))


def _no_bools(name: str, input: Tensor) -> None:
    if input.array.dtype.kind == "b":
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for 'Bool'")


def _ranked(name: str, row: Callable[..., Any], input: Tensor, dim: int, keepdim: bool, *more: Any) -> Any:
    axis = normal_axis(dim, input.ndim)
    not_empty(name, input, axis)
    return row(input, axis, keepdim, tuple(input.shape), *more)


_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def quantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """Return the value that a share `q` of the entries lie below, between two of them where need be.

    Parameters
    ----------
    input
        A tensor of float32 or float64.
    q
        A number from 0 to 1, or a vector of them; a vector adds an axis in front.
    dim
        An axis; ``None`` for all entries.
    keepdim
        Whether to keep the axis, at length 1.
    interpolation
        What to take between two entries: ``"linear"``, ``"lower"``, ``"higher"``, ``"midpoint"`` or ``"nearest"``.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.quantile(torch.tensor([0.0, 1.0, 2.0, 3.0]), 0.5)
    tensor(1.5000)
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation)


def nanquantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """Return the quantile of what is a number. See `quantile`."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation)


def _quantile(name: str, input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str) -> Tensor:
    share = _checked_share(input, q, interpolation)
    one = not share.ndim
    axis = 0 if dim is None else normal_axis(dim, input.ndim)
    if not ((share.array >= 0) & (share.array <= 1)).all():
        raise RuntimeError("quantile() q values must be in the range [0, 1]")
    if dim is None:
        ordered, kept = sort(input.flatten(), -1)[0], (1,) * input.ndim if keepdim else ()
    else:
        last = axis == input.ndim - 1  # a scalar has no last axis, and gets one
        ordered = sort(input if last else input.unsqueeze(-1).transpose(axis, -1), -1)[0]
        kept = tuple(1 if place == axis else size for place, size in enumerate(input.shape))
        kept = kept if keepdim else (*kept[:axis], *kept[axis + 1 :])
    length, kind = ordered.array.shape[-1] if ordered.ndim else 1, input.array.dtype
    ordered = ordered.view(*kept, length)
    missing = np.isnan(ordered.array)
    share = share.reshape(-1) if share.ndim else share.unsqueeze(0)
    if name == "nanquantile":
        numbers = np.sum(~missing, axis=-1, keepdims=True)
        rank = share * wrap(np.maximum(numbers - 1, 0).astype(kind))
    else:  # what is not a number stands at the end, and is the answer for every share
        rank = (share * (length - 1)).broadcast_to((*kept, share.shape[0]))
        rank = rank.masked_fill(wrap(missing.any(-1, keepdims=True)), length - 1)
    below = np.floor(rank.array)
    if interpolation == "linear" or interpolation == "midpoint":
        result = ordered.gather(-1, wrap(below.astype(np.int64)))
        weight = rank - wrap(below) if interpolation == "linear" else wrap(np.full_like(below, 0.5))
        above = ordered.gather(-1, wrap(np.ceil(rank.array).astype(np.int64)))
        result = arithmetic.lerp(result, above, weight)
    else:
        rounding: dict[str, Callable[..., Any]] = {"lower": np.floor, "higher": np.ceil, "nearest": np.round}
        result = ordered.gather(-1, wrap(rounding[interpolation](rank.array).astype(np.int64)))
    # The quantiles stand in the last axis; several go to the front.
    return result.squeeze_(-1) if one else result.unsqueeze_(0).transpose_(0, -1).squeeze_(-1)


def _checked_share(input: Tensor, q: Any, interpolation: str) -> Tensor:
    """Return `q` as a tensor. PyTorch checks in this order, and says ``quantile()`` of both."""
    if not isinstance(q, Tensor) and not 0 <= q <= 1:
        raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {q:g}")
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            f"quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    if not input.numel():
        raise RuntimeError("quantile() input tensor must be non-empty")
    share = q if isinstance(q, Tensor) else wrap(np.asarray(q, input.array.dtype))
    if share.ndim > 1:
        raise RuntimeError("quantile() q must be a scalar or 1D tensor")
    if input.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError("quantile() input tensor must be either float or double dtype")
    if share.dtype != input.dtype:
        raise RuntimeError("quantile() q tensor must be same dtype as the input tensor")
    return share
