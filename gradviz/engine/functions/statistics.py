"""How far entries lie from their mean: variances, covariances, correlations."""

from __future__ import annotations

import builtins
import math
from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.arguments import normal_axes
from gradviz.engine.functions import elementwise
from gradviz.engine.functions.reductions import distinct_axes, only_floating
from gradviz.engine.functions.shapes import squeeze
from gradviz.engine.operations import reductions
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor

__all__ = ["corrcoef", "cov", "std", "std_mean", "var", "var_mean"]


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
    only_floating(input, "std and var only support floating point and complex dtypes")
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    dim = distinct_axes(dim)
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
    freedom = builtins.max(freedom, 0) if not isinstance(freedom, Tensor) else elementwise.clamp(freedom, min=0)
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
