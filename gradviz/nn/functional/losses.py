"""Losses of predicted numbers, and of predicted distributions: how wrong they are, as one number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine import functions, inplace
from gradviz.engine.modes import no_grad
from gradviz.engine.operations import scalars
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor, wrap
from gradviz.nn.functional.reductions import (
    check_fits,
    check_floating,
    reduced,
    reduction_number,
    same_size,
    weight_of_same_size,
)
from gradviz.nn.operations import losses as rows

__all__ = [
    "gaussian_nll_loss", "huber_loss", "kl_div", "l1_loss", "mse_loss",
    "poisson_nll_loss", "smooth_l1_loss",
]  # fmt: skip


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return the mean squared difference.

    Parameters
    ----------
    input, target
        Tensors of one shape.
    size_average, reduce
        Not supported: PyTorch's old names for `reduction`.
    reduction
        ``"mean"``, ``"sum"`` or ``"none"``.
    weight
        Of the same shape: how much each entry counts.

    Examples
    --------
    >>> import gradviz as torch
    >>> mse_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(2.)
    """
    how = reduction_number(reduction, size_average, reduce)
    input, target = same_size(input, target)
    if weight is None:
        check_floating("mse", input, target)
        return rows.mse_loss(input, target, how)
    losses = functions.square(input - target) * weight_of_same_size(weight, input)
    return losses if how == 0 else functions.sum(losses) / functions.sum(weight) if how == 1 else functions.sum(losses)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return the mean absolute difference; the arguments are those of `mse_loss`."""
    how = reduction_number(reduction, size_average, reduce)
    input, target = same_size(input, target)
    losses = functions.abs(input - target)
    if weight is None:
        return reduced(losses, how)
    losses = losses * weight_of_same_size(weight, input)
    return functions.sum(losses) / functions.sum(weight) if how == 1 else reduced(losses, how)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Return a loss that is squared up to a distance of `beta` and straight from there on, with slope 1.

    References
    ----------
    Girshick, "Fast R-CNN" (2015).
    """
    how = reduction_number(reduction, size_average, reduce)
    input, target = same_size(input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return reduced(functions.abs(input - target), how)
    check_floating("smooth_l1", input, target)
    return rows.smooth_l1_loss(input, target, how, beta)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Return a loss that is squared up to a distance of `delta` and straight from there on, with slope `delta`.

    References
    ----------
    Huber, "Robust estimation of a location parameter" (1964).
    """
    how = reduction_number(reduction)
    input, target = same_size(input, target)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    check_floating("huber", input, target)
    if weight is None:
        check_fits(input, target)
        return rows.huber_loss(input, target, how, delta)
    losses = rows.huber_loss(input, target, 0, delta) * weight_of_same_size(weight, input)
    return reduced(losses, how)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: Any = None,
    eps: float = 1e-8,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log-likelihood of counts that are Poisson distributed.

    Parameters
    ----------
    input
        The expected counts, or their logarithms.
    target
        The counts.
    log_input
        Whether `input` are logarithms.
    full
        Add Stirling's approximation of the constant term.
    eps
        Added inside of the logarithm where `input` are counts.
    """
    if reduction not in rows.REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction")
    how = reduction_number(reduction, size_average, reduce)
    if log_input:
        counted = target * input
        losses = functions.exp(input) - counted
    else:
        losses = input - target * functions.log(scalars.add(input, eps))
    if full:
        half = scalars.mul(functions.log(scalars.mul(target, 2 * math.pi)), 0.5)
        stirling = target * functions.log(target) - target + half
        losses = losses + functions.masked_fill(stirling, functions.le(target, 1), 0)
    return reduced(losses, how)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log-likelihood of numbers that are normally distributed around predictions.

    Parameters
    ----------
    input
        The predicted means.
    target
        The numbers, of the same shape, or broadcast to it.
    var
        The predicted variances: one number, or a tensor of the shape of `input`, without its last axis, or with 1 for one axis.
    full
        Add the constant term.
    eps
        The smallest variance; where `var` is smaller it counts as this, and the gradient passes all the same.
    """
    variance = (
        functions.expand(wrap(np.asarray(var, input.array.dtype)), input.shape) if isinstance(var, float) else var
    )
    if isinstance(variance, int):
        raise TypeError("var should be a float or a tensor")
    if variance.shape != input.shape:
        if variance.shape == input.shape[:-1]:
            variance = functions.unsqueeze(variance, -1)
        elif not (variance.ndim == input.ndim and _differing(variance, input) == [1]):
            raise ValueError("var is of incorrect size")
    if reduction not in rows.REDUCTIONS:
        raise ValueError(f"{reduction} is not valid")
    if (variance.array < 0).any():
        raise ValueError("var has negative entry/entries")
    variance = functions.clone(variance)
    with no_grad():
        inplace.write(variance, np.maximum(variance.array, eps))
    losses = 0.5 * (functions.log(variance) + functions.square(input - target) / variance)
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return reduced(losses, rows.REDUCTIONS[reduction])


def _differing(x: Tensor, y: Tensor) -> list[int]:
    """Return the lengths of x along the axes along which y has others."""
    return [length for length, other in zip(x.shape, y.shape, strict=True) if length != other]


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Return the Kullback-Leibler divergence of predicted log-probabilities from target probabilities.

    Parameters
    ----------
    input
        Log-probabilities.
    target
        Probabilities of the same shape; their logarithms with `log_target`.
    reduction
        ``"batchmean"`` divides the sum by the length of the first axis, which is the mathematical definition; or
        ``"mean"``, ``"sum"``, ``"none"``.
    """
    if reduction == "mean":
        warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release."
        )
    how = reduction_number("sum" if reduction == "batchmean" else reduction, size_average, reduce)
    if not input.is_floating_point() or not target.is_floating_point():
        raise RuntimeError("kl_div: Integral inputs not supported.")
    if log_target:
        apart = target - input
        losses = functions.exp(target) * apart
    else:
        surprise = target * input
        losses = functions.xlogy(target, target) - surprise
    total = reduced(losses, how)
    return total / input.shape[0] if reduction == "batchmean" and input.ndim else total
