"""Functions that make many entries into few: sums, products, means, the largest; and those that keep every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import advice, dtypes
from gradviz.engine.arguments import normal_axes, normal_axis
from gradviz.engine.broadcast import check_broadcast
from gradviz.engine.cut import cut
from gradviz.engine.functions import arithmetic, logic
from gradviz.engine.functions.arithmetic import maximum, minimum
from gradviz.engine.functions.results import return_type
from gradviz.engine.operations import reductions, sorting
from gradviz.engine.operations import softmax as softmaxes
from gradviz.engine.operations.arithmetic import no_difference
from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "amax", "amin", "aminmax", "argmax", "argmin", "count_nonzero", "dist", "log_softmax", "logsumexp", "max", "mean",
    "min", "nanmean", "nansum", "prod", "renorm", "softmax", "sum",
]  # fmt: skip

IN_PLACE = ["renorm"]


def distinct_axes(dim: Any) -> Any:
    """Check that no axis is named twice; a number of axes as a tuple."""
    if isinstance(dim, list | tuple):
        dim = tuple(dim)
        for axis in dim:
            if dim.count(axis) > 1:
                raise RuntimeError(f"dim {axis} appears multiple times in the list of dims")
    return dim


def only_floating(input: Tensor, message: str) -> None:
    if input.array.dtype.kind != "f":
        raise RuntimeError(message.format(dtypes.scalar_type_name(input.dtype)))


def as_dtype(input: Tensor, dtype: Any) -> Tensor:
    return input if dtype is None else input.to(dtype)


def not_empty(name: str, input: Tensor, dim: Any = None, kind: type[Exception] = RuntimeError) -> None:
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
    return reductions.sum_all(input) if dim is None else reductions.sum_dim(input, distinct_axes(dim), keepdim)


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
    return reductions.mean_all(input) if dim is None else reductions.mean_dim(input, distinct_axes(dim), keepdim)


def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Add up the entries that are numbers."""
    input = as_dtype(input, dtype)
    if input.array.dtype.kind != "f":
        return sum(input, dim, keepdim)
    return reductions.nansum(input, distinct_axes(dim), keepdim)


def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Average the entries that are numbers."""
    only_floating(input, "nanmean(): expected input to have floating point or complex dtype but got {}")
    numbers = logic.logical_not(logic.isnan(input.detach()))
    return nansum(input, dim, keepdim, dtype=dtype) / sum(numbers, dim, keepdim)


def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Multiply all entries, or those along an axis."""
    input = as_dtype(input, dtype)
    if dim is None:
        return reductions.prod_all(input)
    return reductions.prod_dim(input, normal_axis(dim, input.ndim), keepdim)


def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """Return the logarithm of the sum of exponentials along `dim`, without overflow: a soft maximum."""
    return reductions.logsumexp(arithmetic.floating(input), distinct_axes(dim), keepdim)


def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Turn scores along `dim` into probabilities: ``exp(x)`` over the sum of all of them."""
    return softmaxes.softmax(*_scores("softmax", input, dim, dtype))


def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return the logarithm of the softmax, computed without overflow."""
    return softmaxes.log_softmax(*_scores("log_softmax", input, dim, dtype))


def _scores(name: str, input: Tensor, dim: int, dtype: Any) -> tuple[Tensor, int]:
    input, axis = as_dtype(input, dtype), normal_axis(dim, input.ndim)
    if input.array.dtype.kind != "f":
        kind = dtypes.scalar_type_name(input.dtype)
        raise NotImplementedError(f"\"{name}_lastdim_kernel_impl\" not implemented for '{kind}'")
    return input, axis


def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """Count the entries that are not 0."""
    axes = normal_axes(distinct_axes(dim), input.ndim)
    return wrap(np.asarray(np.count_nonzero(input.array, axis=axes if input.ndim else None)))


# --- the largest, the smallest, those between ---------------------------------------------------------------------------

MaxResult, MinResult = return_type("max", "values indices"), return_type("min", "values indices")
AminmaxResult = return_type("aminmax", "min max")


def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Return the largest entry; with `dim`, the largest along an axis and where it was; or the larger of two tensors."""
    if isinstance(dim, Tensor) or other is not None:
        return maximum(input, dim if other is None else other)
    if not input.array.size:
        not_empty("max", input, dim)
    if dim is None:
        return reductions.max_all(input)
    axis = normal_axis(dim, input.ndim)
    return MaxResult(*sorting.max_dim(input, axis, keepdim, tuple(input.shape)))


def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Return the smallest entry; with `dim`, the smallest along an axis and where it was; or the smaller of two tensors."""
    if isinstance(dim, Tensor) or other is not None:
        return minimum(input, dim if other is None else other)
    if not input.array.size:
        not_empty("min", input, dim)
    if dim is None:
        return reductions.min_all(input)
    axis = normal_axis(dim, input.ndim)
    return MinResult(*sorting.min_dim(input, axis, keepdim, tuple(input.shape)))


def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """Return the largest entries along `dim`; entries that are equal share the gradient."""
    dim = distinct_axes(dim)
    not_empty("amax", input, dim)
    return reductions.amax(input, dim, keepdim)


def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """Return the smallest entries along `dim`; entries that are equal share the gradient."""
    dim = distinct_axes(dim)
    not_empty("amin", input, dim)
    return reductions.amin(input, dim, keepdim)


def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the smallest and the largest entry, of all or along an axis."""
    not_empty("aminmax", input, dim)
    return AminmaxResult(*reductions.aminmax(input, dim, keepdim))


def _where(name: str, find: Callable[..., Any], words: str) -> Callable[..., Tensor]:
    def function(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
        if input.array.dtype.kind == "b":
            raise RuntimeError(f"{name}(): does not support bool input")
        not_empty(name, input, dim, IndexError)
        axis = None if dim is None or not input.ndim else normal_axis(dim, input.ndim)
        if dim is not None:
            normal_axis(dim, input.ndim)
        found = wrap(np.asarray(find(input.array, axis=axis, keepdims=keepdim and bool(input.ndim))))
        return cut(found, "choice", input, name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = words
    return function


argmax = _where(
    "argmax", np.argmax, "Return where the largest entry is: along `dim`, or counted through all, row by row."
)
argmin = _where(
    "argmin", np.argmin, "Return where the smallest entry is: along `dim`, or counted through all, row by row."
)


# --- lengths ------------------------------------------------------------------------------------------------------------


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """Return the p-norm of the difference."""
    bools = [x.array.dtype.kind == "b" for x in (input, other)]
    if any(bools):
        raise RuntimeError(no_difference(all(bools)))
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
