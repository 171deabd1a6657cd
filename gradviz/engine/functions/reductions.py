"""Functions that make many entries into few: sums, products, means, the largest; and those that keep every step."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import advice, dtypes
from gradviz.engine.broadcast import check_broadcast
from gradviz.engine.functions import arithmetic, logic
from gradviz.engine.functions.arithmetic import maximum, minimum
from gradviz.engine.functions.joining import cat
from gradviz.engine.functions.results import return_type
from gradviz.engine.functions.shapes import clone, cumsum, squeeze
from gradviz.engine.operation import normal_axes, normal_axis
from gradviz.engine.operations import elementwise, reductions, scalars, scans, selection
from gradviz.engine.operations import softmax as softmaxes
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "amax", "amin", "aminmax", "argmax", "argmin", "argsort", "corrcoef", "count_nonzero", "cov", "cummax",
    "cummin", "cumprod", "cumulative_trapezoid", "diff", "dist", "gradient", "kthvalue", "log_softmax", "logcumsumexp",
    "logsumexp", "max", "mean", "median", "min", "mode", "nanmean", "nanmedian", "nanquantile", "nansum", "prod",
    "quantile", "renorm", "softmax", "sort", "std", "std_mean", "sum", "topk", "trapezoid", "trapz", "var", "var_mean",
]  # fmt: skip

IN_PLACE = ["renorm"]


def _axes(dim: Any) -> Any:
    """Check that no axis is named twice; a number of axes as a tuple."""
    if isinstance(dim, list | tuple):
        dim = tuple(dim)
        for axis in dim:
            if dim.count(axis) > 1:
                raise RuntimeError(f"dim {axis} appears multiple times in the list of dims")
    return dim


def _only_floating(input: Tensor, message: str) -> None:
    if input.array.dtype.kind != "f":
        raise RuntimeError(message.format(dtypes.scalar_type_name(input.dtype)))


def _as_dtype(input: Tensor, dtype: Any) -> Tensor:
    return input if dtype is None else input.to(dtype)


def _not_empty(name: str, input: Tensor, dim: Any = None, kind: type[Exception] = RuntimeError) -> None:
    """Refuse to look for an entry where there is none."""
    if input.array.size:
        return
    if dim is None or (isinstance(dim, tuple) and not dim):
        which = " Specify the reduction dim with the 'dim' argument." if kind is RuntimeError else ""
        raise kind(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.{which}")
    for axis in normal_axes(dim, input.ndim):
        if input.shape[axis] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")


# --- sums and means -----------------------------------------------------------------------------------------------------


def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Add up all entries, or those along `dim`.

    Parameters
    ----------
    input
        A tensor; integers and bools are added up in int64.
    dim
        An axis, or several; ``None`` for all.
    keepdim
        Whether to keep the axes, at length 1.
    dtype
        What to convert to first.
    """
    if dtype is not None:
        input = input.to(dtype)
    return reductions.sum_all(input) if dim is None else reductions.sum_dim(input, _axes(dim), keepdim)


def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Average all entries, or those along `dim`."""
    if dtype is not None:
        input = input.to(dtype)
    if input.array.dtype.kind != "f":
        words = (
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {dtypes.scalar_type_name(input.dtype)}"
        )
        raise RuntimeError(advice.only_floating_mean(words, input))
    return reductions.mean_all(input) if dim is None else reductions.mean_dim(input, _axes(dim), keepdim)


def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Add up the entries that are numbers."""
    input = _as_dtype(input, dtype)
    if input.array.dtype.kind != "f":
        return sum(input, dim, keepdim)
    return reductions.nansum(input, _axes(dim), keepdim)


def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Average the entries that are numbers."""
    _only_floating(input, "nanmean(): expected input to have floating point or complex dtype but got {}")
    numbers = logic.logical_not(logic.isnan(input.detach()))
    return nansum(input, dim, keepdim, dtype=dtype) / sum(numbers, dim, keepdim)


def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Multiply all entries, or those along an axis."""
    input = _as_dtype(input, dtype)
    if dim is None:
        return reductions.prod_all(input)
    return reductions.prod_dim(input, normal_axis(dim, input.ndim), keepdim)


def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """Return the logarithm of the sum of exponentials along `dim`, without overflow: a soft maximum."""
    return reductions.logsumexp(arithmetic.floating(input), _axes(dim), keepdim)


def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Turn scores along `dim` into probabilities: ``exp(x)`` over the sum of all of them."""
    return softmaxes.softmax(*_scores("softmax", input, dim, dtype))


def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return the logarithm of the softmax, computed without overflow."""
    return softmaxes.log_softmax(*_scores("log_softmax", input, dim, dtype))


def _scores(name: str, input: Tensor, dim: int, dtype: Any) -> tuple[Tensor, int]:
    input, axis = _as_dtype(input, dtype), normal_axis(dim, input.ndim)
    if input.array.dtype.kind != "f":
        kind = dtypes.scalar_type_name(input.dtype)
        raise NotImplementedError(f"\"{name}_lastdim_kernel_impl\" not implemented for '{kind}'")
    return input, axis


def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """Count the entries that are not 0."""
    axes = normal_axes(_axes(dim), input.ndim)
    return wrap(np.asarray(np.count_nonzero(input.array, axis=axes if input.ndim else None)))


# --- spread -------------------------------------------------------------------------------------------------------------


def var(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """Return the variance: the sum of squared distances from the mean, over n − `correction`.

    Parameters
    ----------
    input
        A tensor of floating-point numbers.
    dim
        An axis, or several; ``None`` for all. A bool here is `unbiased`, as in PyTorch.
    unbiased
        True for a correction of 1, False for 0.
    keepdim
        Whether to keep the axes, at length 1.
    correction
        1 unless told otherwise: Bessel's, for a sample whose mean is not known but taken from itself.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.var(torch.tensor([1.0, 2.0, 3.0])), torch.var(torch.tensor([1.0, 2.0, 3.0]), correction=0)
    (tensor(1.), tensor(0.6667))
    """
    return reductions.var(input, *_spread("var", input, dim, unbiased, keepdim, correction))


def std(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """Return the standard deviation: the root of the variance. See `var`."""
    return reductions.std(input, *_spread("std", input, dim, unbiased, keepdim, correction))


def var_mean(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:
    """Return the variance and the mean. See `var`."""
    return reductions.var_mean(input, *_spread("var_mean", input, dim, unbiased, keepdim, correction))


def std_mean(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:
    """Return the standard deviation and the mean. See `var`."""
    return reductions.std_mean(input, *_spread("std_mean", input, dim, unbiased, keepdim, correction))


def _spread(
    name: str, input: Tensor, dim: Any, unbiased: Any, keepdim: bool, correction: Any
) -> tuple[Any, bool, float]:
    """Sort out PyTorch's two ways to call: ``var(unbiased)`` and ``var(dim, unbiased)``."""
    _only_floating(input, "std and var only support floating point and complex dtypes")
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    dim = _axes(dim)
    if correction >= math.prod(input.shape[axis] for axis in normal_axes(dim, input.ndim)) > 0:
        warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor (input "
            "numel divided by output numel)."
        )
    return dim, keepdim, correction


def cov(input: Tensor, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Tensor:
    """Return the covariances of variables (rows) over observations (columns).

    Parameters
    ----------
    input
        (variables, observations), or (observations,) of a single variable.
    correction
        What is taken off the number of observations; 1 unless told otherwise.
    fweights
        How often each observation was made: integers.
    aweights
        How much each observation counts.

    Returns
    -------
    Tensor
        (variables, variables), or a number for a single variable.
    """
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    x = input if input.ndim == 2 else input.reshape(1, -1)
    weights = _cov_weights(x, fweights, aweights)
    if weights is None:
        total: Any = x.shape[1]
        middle = (x.sum(1) / total).unsqueeze(1)
    else:
        total = weights.sum()
        middle = (x * weights).sum(1, keepdim=True) / total
    if aweights is None or not correction:
        freedom = total - correction
    else:
        freedom = total - correction * (weights * aweights).sum() / total
    freedom = builtins.max(freedom, 0) if not isinstance(freedom, Tensor) else arithmetic.clamp(freedom, min=0)
    distance = x - middle
    weighted = distance if weights is None else distance * weights
    return squeeze((distance @ weighted.t()) / freedom)


def _cov_weights(x: Tensor, fweights: Tensor | None, aweights: Tensor | None) -> Tensor | None:
    for name, weights in (("fweights", fweights), ("aweights", aweights)):
        if weights is None:
            continue
        if weights.ndim > 1:
            raise RuntimeError(
                f"cov(): expected {name} to have one or fewer dimensions but got {name} with {weights.ndim} dimensions"
            )
        if (weights.array.dtype.kind in "iu") != (name == "fweights"):
            wanted = "integral" if name == "fweights" else "floating point"
            raise RuntimeError(
                f"cov(): expected {name} to have {wanted} dtype but got {name} with {dtypes.scalar_type_name(weights.dtype)} dtype"
            )
        if weights.numel() != x.shape[1]:
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are observations in the input but got {weights.numel()} != {x.shape[1]}"
            )
        if (weights.array < 0).any():
            raise RuntimeError(f"cov(): {name} cannot be negative")
    if fweights is None or aweights is None:
        return aweights if fweights is None else fweights
    return fweights * aweights


def corrcoef(input: Tensor) -> Tensor:
    """Return Pearson's correlations of variables (rows) over observations (columns), from −1 to 1."""
    if input.ndim > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    covariance = cov(input)
    if not covariance.ndim:
        return covariance / covariance
    deviation = covariance.diagonal().sqrt()
    return (covariance / deviation.view(-1, 1) / deviation.view(1, -1)).clip(-1, 1)


# --- the largest, the smallest, those between ---------------------------------------------------------------------------

MaxResult, MinResult = return_type("max", "values indices"), return_type("min", "values indices")
SortResult, TopkResult = return_type("sort", "values indices"), return_type("topk", "values indices")
MedianResult, NanmedianResult = return_type("median", "values indices"), return_type("nanmedian", "values indices")
ModeResult, KthvalueResult = return_type("mode", "values indices"), return_type("kthvalue", "values indices")
CummaxResult, CumminResult = return_type("cummax", "values indices"), return_type("cummin", "values indices")
AminmaxResult = return_type("aminmax", "min max")


def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Return the largest entry; with `dim`, the largest along an axis and where it was; or the larger of two tensors."""
    if isinstance(dim, Tensor) or other is not None:
        return maximum(input, dim if other is None else other)
    if not input.array.size:
        _not_empty("max", input, dim)
    if dim is None:
        return reductions.max_all(input)
    axis = normal_axis(dim, input.ndim)
    return MaxResult(*selection.max_dim(input, axis, keepdim, tuple(input.shape)))


def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Return the smallest entry; with `dim`, the smallest along an axis and where it was; or the smaller of two tensors."""
    if isinstance(dim, Tensor) or other is not None:
        return minimum(input, dim if other is None else other)
    if not input.array.size:
        _not_empty("min", input, dim)
    if dim is None:
        return reductions.min_all(input)
    axis = normal_axis(dim, input.ndim)
    return MinResult(*selection.min_dim(input, axis, keepdim, tuple(input.shape)))


def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """Return the largest entries along `dim`; entries that are equal share the gradient."""
    dim = _axes(dim)
    _not_empty("amax", input, dim)
    return reductions.amax(input, dim, keepdim)


def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """Return the smallest entries along `dim`; entries that are equal share the gradient."""
    dim = _axes(dim)
    _not_empty("amin", input, dim)
    return reductions.amin(input, dim, keepdim)


def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the smallest and the largest entry, of all or along an axis."""
    _not_empty("aminmax", input, dim)
    return AminmaxResult(*reductions.aminmax(input, dim, keepdim))


def _where(name: str, find: Callable[..., Any], words: str) -> Callable[..., Tensor]:
    def function(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
        if input.array.dtype.kind == "b":
            raise RuntimeError(f"{name}(): does not support bool input")
        _not_empty(name, input, dim, IndexError)
        axis = None if dim is None or not input.ndim else normal_axis(dim, input.ndim)
        if dim is not None:
            normal_axis(dim, input.ndim)
        return wrap(np.asarray(find(input.array, axis=axis, keepdims=keepdim and bool(input.ndim))))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = words
    return function


argmax = _where(
    "argmax", np.argmax, "Return where the largest entry is: along `dim`, or counted through all, row by row."
)
argmin = _where(
    "argmin", np.argmin, "Return where the smallest entry is: along `dim`, or counted through all, row by row."
)


def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool | None = None) -> Any:
    """Put the entries along an axis in order, and say where each was. If `stable`, equal entries keep their order."""
    axis, row = normal_axis(dim, input.ndim), selection.sort if stable is None else selection.sort_as_asked
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
    return TopkResult(*selection.topk(input, k, axis, largest, tuple(input.shape), sorted))


def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the entry in the middle, of an even number the lower one; with `dim`, along an axis and where it was."""
    _no_bools("median", input)
    if dim is None:
        return reductions.median_all(input)
    return MedianResult(*_ranked("median", reductions.median_dim, input, dim, keepdim))


def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the median of what is a number."""
    _no_bools("median", input)
    if dim is None:
        return reductions.nanmedian_all(input)
    return NanmedianResult(*_ranked("nanmedian", reductions.nanmedian_dim, input, dim, keepdim))


def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """Return the most frequent value along an axis, of several the smallest, and the last place it is at."""
    return ModeResult(*_ranked("mode", reductions.mode, input, dim, keepdim))


def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """Return the k-th smallest entry along an axis, counted from 1, and where it was."""
    _no_bools("kthvalue", input)
    axis = normal_axis(dim, input.ndim)
    _not_empty("kthvalue", input, axis)
    if not 1 <= k <= (input.shape[axis] if input.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}")
    return KthvalueResult(*_ranked("kthvalue", reductions.kthvalue, input, dim, keepdim, k))


def _no_bools(name: str, input: Tensor) -> None:
    if input.array.dtype.kind == "b":
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for 'Bool'")


def _ranked(name: str, row: Callable[..., Any], input: Tensor, dim: int, keepdim: bool, *more: Any) -> Any:
    axis = normal_axis(dim, input.ndim)
    _not_empty(name, input, axis)
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


# --- keeping every step -------------------------------------------------------------------------------------------------


def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Multiply along an axis, keeping every product on the way."""
    return scans.cumprod(_as_dtype(input, dtype), normal_axis(dim, input.ndim))


def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """Return the logarithm of the sums of exponentials along an axis, keeping every one on the way, without overflow."""
    if input.array.dtype.kind != "f":
        kind = dtypes.scalar_type_name(input.dtype)
        raise NotImplementedError(f"\"logcumsumexp_out_cpu\" not implemented for '{kind}'")
    return scans.logcumsumexp(input, normal_axis(dim, input.ndim))


def cummax(input: Tensor, dim: int) -> Any:
    """Return the largest entry so far, along an axis, and where it was; of equal ones the last."""
    return CummaxResult(*scans.cummax(input, normal_axis(dim, input.ndim), tuple(input.shape)))


def cummin(input: Tensor, dim: int) -> Any:
    """Return the smallest entry so far, along an axis, and where it was; of equal ones the last."""
    return CumminResult(*scans.cummin(input, normal_axis(dim, input.ndim), tuple(input.shape)))


def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """Return each entry less the one before it, along an axis, `n` times over.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.diff(torch.tensor([1, 4, 9, 16]))
    tensor([3, 5, 7])
    """
    if not input.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    axis = normal_axis(dim, input.ndim)
    if n == 0:
        return clone(input)  # and nothing is put before or behind it
    parts = [part for part in (prepend, input, append) if part is not None]
    out = cat(parts, axis) if len(parts) > 1 else input
    for _ in range(builtins.min(n, out.shape[axis])):
        earlier, later = _part(out, axis, 0, -1), _part(out, axis, 1, None)
        out = logic.logical_xor(later, earlier) if out.array.dtype.kind == "b" else later - earlier
    return out


def _part(input: Tensor, axis: int, start: int | None, end: int | None) -> Tensor:
    return input[(slice(None),) * axis + (slice(start, end),)]


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """Return the integral of `y` along an axis, by the trapezoidal rule.

    Parameters
    ----------
    y
        The heights.
    x
        Where they are; evenly spaced unless given.
    dx
        How far apart they are; 1 unless told otherwise.
    dim
        The axis.
    """
    if not y.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    axis = normal_axis(dim, y.ndim)
    if y.shape[axis] == 0:
        return wrap(np.zeros([n for i, n in enumerate(y.shape) if i != axis], y.array.dtype))
    steps = _steps("trapezoid", y, x, dx, axis)
    if isinstance(steps, Tensor):
        return scalars.div(sum(_heights(y, axis) * steps, axis), 2.0)
    last, first = y.select(axis, -1), y.select(axis, 0)
    ends = scalars.mul(first + last, 0.5)
    return scalars.mul(sum(y, axis) - ends, steps)


trapz = trapezoid


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """Return the integral of `y` along an axis, keeping every step of it. See `trapezoid`."""
    axis = normal_axis(dim, y.ndim)
    steps = _steps("cumulative_trapezoid", y, x, dx, axis)
    if isinstance(steps, Tensor):
        return scalars.div(cumsum(_heights(y, axis) * steps, axis), 2.0)
    return cumsum(scalars.mul(_heights(y, axis), steps / 2), axis)


def _heights(y: Tensor, axis: int) -> Tensor:
    """Return twice the height between two neighbours."""
    return _part(y, axis, 1, None) + _part(y, axis, 0, -1)


def _steps(name: str, y: Tensor, x: Tensor | None, dx: float | None, axis: int) -> Any:
    """Return how far apart neighbours are: a number, or a tensor."""
    if y.array.dtype.kind == "b":
        raise RuntimeError(f"{name}: received a bool input for `y`, but bool is not supported")
    if x is None:
        return 1.0 if dx is None else dx
    if dx is not None:
        raise TypeError(f"{name}() received an invalid combination of arguments: give x or dx, not both")
    if x.ndim == 1:
        if x.shape[0] != y.shape[axis]:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
        x = x.view([-1 if place == axis else 1 for place in range(y.ndim)])
    else:
        axis -= y.ndim - x.ndim
    earlier, later = _part(x, axis, 0, -1), _part(x, axis, 1, None)
    return later - earlier


def gradient(input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """Estimate the slopes of a function of which only some values are known, from each value's neighbours.

    Parameters
    ----------
    input
        The values on a grid.
    spacing
        How far apart they are; one number, one for each axis, or for each axis a vector of places.
    dim
        The axes; ``None`` for all.
    edge_order
        1, or 2 for the slope of a parabola at the ends.

    Returns
    -------
    tuple of Tensor
        For each axis the slopes along it.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.gradient(torch.tensor([0.0, 1.0, 4.0, 9.0]))
    (tensor([1., 2., 4., 5.]),)
    """
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    axes = normal_axes(dim, input.ndim)
    spacings = list(spacing) if isinstance(spacing, list | tuple) else [1 if spacing is None else spacing] * len(axes)
    if len(spacings) != len(axes):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim arguments to have the "
            f"same length, but got a spacing argument of length {len(spacings)} and a dim argument of length {len(axes)}."
        )
    for axis in axes:
        if input.shape[axis] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    return tuple(_slopes(input, axis, step, edge_order) for axis, step in zip(axes, spacings, strict=True))


def _slopes(input: Tensor, axis: int, spacing: Any, edge_order: int) -> Tensor:
    """Estimate slopes along one axis: inside, those of the parabola through a value and its neighbours."""
    length = input.shape[axis]
    if isinstance(spacing, Tensor):
        steps = np.diff(spacing.array).reshape([-1] + [1] * (input.ndim - axis - 1))
    else:
        steps = np.full([length - 1] + [1] * (input.ndim - axis - 1), spacing, float)
    rise = (_part(input, axis, 1, None) - _part(input, axis, 0, -1)) / wrap(steps.astype(input.array.dtype))
    before, after = (wrap(part.astype(input.array.dtype)) for part in (steps[:-1], steps[1:]))
    inner = (_part(rise, axis, 0, -1) * after + _part(rise, axis, 1, None) * before) / (before + after)
    first, last = _part(rise, axis, 0, 1), _part(rise, axis, length - 2, None)
    if edge_order == 2:
        # The slope of the same parabola, at its end.
        first = _end(first, _part(rise, axis, 1, 2), before[:1], after[:1])
        last = _end(last, _part(rise, axis, length - 3, length - 2), after[-1:], before[-1:])
    return cat([first, inner, last], axis)


def _end(rise: Tensor, next_rise: Tensor, step: Tensor, next_step: Tensor) -> Tensor:
    return rise + (rise - next_rise) * (step / (step + next_step))


# --- lengths ------------------------------------------------------------------------------------------------------------


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """Return the p-norm of the difference."""
    bools = [x.array.dtype.kind == "b" for x in (input, other)]
    if any(bools):
        raise RuntimeError(elementwise.no_difference(all(bools)))
    kind = dtypes.result_type(input.array, other.array)
    if kind.kind != "f":
        name = dtypes.scalar_type_name(dtypes.from_numpy(kind))
        raise RuntimeError(f"norm(): input dtype should be either floating point or complex. Got {name} instead.")
    check_broadcast(input.array, other.array)
    return reductions.dist(input, other, float(p))


def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Shorten every slice along `dim` whose p-norm is larger than `maxnorm`, to that."""
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm:g}")
    return reductions.renorm(input, float(p), normal_axis(dim, input.ndim), float(maxnorm))
