"""Losses: one number that says how wrong predictions are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import advice, dtypes, functions, inplace
from gradviz.engine.functions.shapes import broadcast_shape
from gradviz.engine.modes import no_grad
from gradviz.engine.operation import watching
from gradviz.engine.operations import elementwise, scalars
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor, wrap
from gradviz.nn.functional.activations import log_softmax, logsigmoid
from gradviz.nn.functional.distances import cosine_similarity, normalize, pairwise_distance, pdist
from gradviz.nn.functional.fixed import fixed
from gradviz.nn.operations import losses as rows

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss", "cosine_similarity",
    "cross_entropy", "ctc_loss", "gaussian_nll_loss", "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss",
    "margin_ranking_loss", "mse_loss", "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss",
    "nll_loss", "normalize", "pairwise_distance", "pdist", "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss",
    "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip


def _reduction(name: str, size_average: Any = None, reduce: Any = None) -> int:
    """Return PyTorch's number for a way to reduce."""
    if size_average is not None or reduce is not None:
        raise NotImplementedError(
            "gradviz has no size_average and reduce, which PyTorch gave up; supported: reduction='mean', 'sum' or 'none'"
        )
    if name not in rows.REDUCTIONS:
        raise ValueError(f"{name} is not a valid value for reduction")
    return rows.REDUCTIONS[name]


def _reduced(losses: Tensor, how: int) -> Tensor:
    return losses if how == 0 else functions.mean(losses) if how == 1 else functions.sum(losses)


def _same_size(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Broadcast predictions and targets to one shape, with PyTorch's warning: it is nearly always a mistake."""
    if target.shape == input.shape:
        return input, target
    words = (
        f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will "
        "likely lead to incorrect results due to broadcasting. Please ensure they have the same size."
    )
    warn(advice.broadcast_loss(words, input, target))
    input, target = functions.broadcast_tensors(input, target)
    return input, target


def _fits(input: Tensor, target: Tensor) -> None:
    """Say that a loss that is kept in the dtype of its input has no room there."""
    if input.array.dtype.kind != "f":
        kind = dtypes.result_type(input.array, target.array)
        names = [dtypes.scalar_type_name(dtypes.from_numpy(each)) for each in (kind, input.array.dtype)]
        raise RuntimeError("result type {} can't be cast to the desired output type {}".format(*names))


def _floating(name: str, input: Tensor, target: Tensor) -> None:
    """Say that there is no loss of whole numbers."""
    kind = dtypes.result_type(input.array, target.array)
    if kind.kind != "f":
        name_of = dtypes.scalar_type_name(dtypes.from_numpy(kind))
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{name_of}'")


def _weight_of_same_size(weight: Tensor, input: Tensor) -> Tensor:
    if weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")
    return weight


# --- numbers ---------------------------------------------------------------------------------------------------------


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
    how = _reduction(reduction, size_average, reduce)
    input, target = _same_size(input, target)
    if weight is None:
        _floating("mse", input, target)
        return rows.mse_loss(input, target, how)
    losses = functions.square(input - target) * _weight_of_same_size(weight, input)
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
    how = _reduction(reduction, size_average, reduce)
    input, target = _same_size(input, target)
    losses = functions.abs(input - target)
    if weight is None:
        return _reduced(losses, how)
    losses = losses * _weight_of_same_size(weight, input)
    return functions.sum(losses) / functions.sum(weight) if how == 1 else _reduced(losses, how)


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
    how = _reduction(reduction, size_average, reduce)
    input, target = _same_size(input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return _reduced(functions.abs(input - target), how)
    _floating("smooth_l1", input, target)
    return rows.smooth_l1_loss(input, target, how, beta)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Return a loss that is squared up to a distance of `delta` and straight from there on, with slope `delta`.

    References
    ----------
    Huber, "Robust estimation of a location parameter" (1964).
    """
    how = _reduction(reduction)
    input, target = _same_size(input, target)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    _floating("huber", input, target)
    if weight is None:
        _fits(input, target)
        return rows.huber_loss(input, target, how, delta)
    losses = rows.huber_loss(input, target, 0, delta) * _weight_of_same_size(weight, input)
    return _reduced(losses, how)


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
    how = _reduction(reduction, size_average, reduce)
    if log_input:
        counted = target * input
        losses = functions.exp(input) - counted
    else:
        losses = input - target * functions.log(scalars.add(input, eps))
    if full:
        half = scalars.mul(functions.log(scalars.mul(target, 2 * math.pi)), 0.5)
        stirling = target * functions.log(target) - target + half
        losses = losses + functions.masked_fill(stirling, functions.le(target, 1), 0)
    return _reduced(losses, how)


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
    return _reduced(losses, rows.REDUCTIONS[reduction])


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
    how = _reduction("sum" if reduction == "batchmean" else reduction, size_average, reduce)
    if not input.is_floating_point() or not target.is_floating_point():
        raise RuntimeError("kl_div: Integral inputs not supported.")
    if log_target:
        apart = target - input
        losses = functions.exp(target) * apart
    else:
        surprise = target * input
        losses = functions.xlogy(target, target) - surprise
    total = _reduced(losses, how)
    return total / input.shape[0] if reduction == "batchmean" and input.ndim else total


# --- yes or no -------------------------------------------------------------------------------------------------------


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the cross-entropy of probabilities and targets.

    Parameters
    ----------
    input
        Probabilities, between 0 and 1.
    target
        Of the same shape, between 0 and 1.
    weight
        How much each entry counts; broadcast.
    reduction
        ``"mean"``, ``"sum"`` or ``"none"``.
    """
    how = _reduction(reduction, size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. "
            "Please ensure they have the same size."
        )
    if weight is not None:
        broadcast_shape(input, weight)
    if target.dtype != input.dtype:
        raise RuntimeError(
            f"Found dtype {dtypes.scalar_type_name(target.dtype)} but expected {dtypes.scalar_type_name(input.dtype)}"
        )
    if not ((input.array >= 0) & (input.array <= 1)).all():
        words = "all elements of input should be between 0 and 1"
        raise RuntimeError(advice.not_probabilities(words, input))
    if not ((target.array >= 0) & (target.array <= 1)).all():
        raise RuntimeError("all elements of target should be between 0 and 1")
    loss = rows.binary_cross_entropy(input, target, fixed("binary_cross_entropy", "weight", weight), how)
    return watching(loss, weight=weight)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Return the cross-entropy of ``sigmoid(input)`` and targets, computed without overflow.

    Parameters
    ----------
    input
        Scores, of any size.
    target
        Of the same shape, between 0 and 1.
    weight
        How much each entry counts; broadcast.
    reduction
        ``"mean"``, ``"sum"`` or ``"none"``.
    pos_weight
        By how much to multiply the loss of positive targets; broadcast.
    """
    how = _reduction(reduction, size_average, reduce)
    if target.shape != input.shape:
        words = f"Target size ({target.shape}) must be the same as input size ({input.shape})"
        raise ValueError(advice.do_not_broadcast(words, target, input))
    if target.array.dtype.kind != "f":
        names = (dtypes.scalar_type_name(each.dtype) for each in (input, target))
        words = "result type {} can't be cast to the desired output type {}".format(*names)
        raise RuntimeError(advice.not_float_targets(words, target))
    for factor in (weight, pos_weight):
        if factor is not None:
            broadcast_shape(input, factor)
    name = "binary_cross_entropy_with_logits"
    settings = fixed(name, "weight", weight), fixed(name, "pos_weight", pos_weight), how
    loss = rows.binary_cross_entropy_with_logits(input, target, *settings)
    return watching(loss, weight=weight, pos_weight=pos_weight)


# --- classes ---------------------------------------------------------------------------------------------------------


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean negative log-probability of the right classes.

    Parameters
    ----------
    input
        Log-probabilities (N, C) or (C), or (N, C, ...) where each place of an image or a sequence has classes.
    target
        Class numbers (N), (), or (N, ...).
    weight
        Of shape (C): how much each class counts.
    ignore_index
        A class number that stands for "does not count".
    reduction
        ``"mean"`` (divided by the sum of the weights), ``"sum"`` or ``"none"``.
    """
    how = _reduction(reduction, size_average, reduce)
    if input.ndim < 1:
        raise ValueError(f"Expected 1 or more dimensions (got {input.ndim})")
    if input.ndim != 1 and (target.ndim < 1 or input.shape[0] != target.shape[0]):
        got = target.shape[0] if target.ndim else 0
        raise ValueError(f"Expected input batch_size ({input.shape[0]}) to match target batch_size ({got}).")
    if input.ndim > 2 and target.shape[1:] != input.shape[2:]:
        if input.ndim == 4 and target.ndim != 3:
            raise RuntimeError(
                f"only batches of spatial targets supported (3D tensors) but got targets of dimension: {target.ndim}"
            )
        if input.ndim == 4:
            raise RuntimeError(f"size mismatch (got input: {list(input.shape)} , target: {list(target.shape)}")
        wanted = [input.shape[0], *input.shape[2:]]
        raise RuntimeError(f"Expected target size {wanted}, got {list(target.shape)}")
    if input.ndim <= 2 and target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if target.array.dtype.kind not in "iu" or target.array.dtype.itemsize not in (1, 8):
        words = f"expected target dtype to be Long or Byte, but got {dtypes.scalar_type_name(target.dtype)}"
        raise RuntimeError(advice.class_numbers(words, target))
    if input.ndim == 1 and target.ndim == 1 and target.shape[0] != 1:
        raise ValueError(f"For 1D input, 1D target must have size 1, but got target size: {target.shape[0]}")
    classes = input.shape[0 if input.ndim == 1 else 1]
    if weight is not None and weight.shape != (classes,):
        if input.ndim > 2:
            raise RuntimeError("weight tensor should be defined either for all or no classes")
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but got weight tensor of "
            f"shape: {list(weight.shape)}"
        )
    name = "nll_loss_forward" if input.ndim <= 2 else "nll_loss2d_forward"
    settings = fixed(name, "weight", weight), how, ignore_index
    given = {"target": target, "weight": weight}
    if input.ndim <= 2:
        numbers = target.array.reshape(()) if input.ndim == 1 else target.array
        return watching(rows.nll_loss(input, numbers, *settings), **given)
    if input.ndim == 4:
        return watching(rows.nll_loss_2d(input, target.array, *settings), **given)
    flat = functions.reshape(input, (*input.shape[:2], 1, math.prod(input.shape[2:])))
    losses = watching(rows.nll_loss_2d(flat, target.array.reshape(target.shape[0], 1, -1), *settings), **given)
    return functions.view(losses, target.shape) if how == 0 else losses


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the cross-entropy of scores and classes.

    Parameters
    ----------
    input
        Scores (N, C) or (C), or (N, C, ...) where each place of an image or a sequence has classes.
    target
        Class numbers (N), (), or (N, ...); or the probability of each class, in the shape of `input`.
    weight
        Of shape (C): how much each class counts.
    ignore_index
        A class number that stands for "does not count".
    reduction
        ``"mean"``, ``"sum"`` or ``"none"``.
    label_smoothing
        Which share of the right class's probability to spread evenly over all classes.

    Examples
    --------
    >>> import gradviz as torch
    >>> cross_entropy(torch.tensor([[2.0, 0.0]]), torch.tensor([0]))
    tensor(0.1269)
    """
    how = _reduction(reduction, size_average, reduce)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing:g}")
    axis = 0 if input.ndim == 1 else 1
    if target.shape == input.shape:
        return _probability_loss(input, target, weight, how, ignore_index, label_smoothing)
    scores = log_softmax(input, axis)
    loss = nll_loss(scores, target, weight, ignore_index=ignore_index, reduction=reduction)
    if not label_smoothing:
        return loss
    classes = input.shape[axis]
    smooth = -functions.sum(scores if weight is None else scores * _per_class(weight, scores), axis)
    ignored = functions.eq(target, ignore_index)
    smooth = functions.masked_fill(smooth, ignored, 0.0)
    if how == 1:
        smooth = functions.sum(smooth) / _total_weight(target, weight, ignored)
    elif how == 2:
        smooth = functions.sum(smooth)
    spread = scalars.mul(smooth, label_smoothing / classes)
    return scalars.mul(loss, 1 - label_smoothing) + spread


def _per_class(weight: Tensor, scores: Tensor) -> Tensor:
    """Lay a weight for each class along the scores' axis of classes."""
    return weight if scores.ndim <= 2 else functions.reshape(weight, (-1, *(1,) * (scores.ndim - 2)))


def _total_weight(target: Tensor, weight: Tensor | None, ignored: Tensor) -> Any:
    counted = target.array[~ignored.array]
    return wrap(np.asarray(counted.size)) if weight is None else wrap(np.asarray(weight.array[counted].sum()))


def _probability_loss(
    input: Tensor, target: Tensor, weight: Tensor | None, how: int, ignore_index: int, label_smoothing: float
) -> Tensor:
    """Return the cross-entropy where the target gives a probability for each class."""
    if target.array.dtype.kind != "f":
        words = (
            "Expected floating point type for target with class probabilities, got "
            f"{dtypes.scalar_type_name(target.dtype)}"
        )
        raise RuntimeError(advice.one_hot_integers(words, target))
    if ignore_index >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    axis = 0 if input.ndim == 1 else 1
    classes = input.size(axis)
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(
            f"cross_entropy: weight tensor should be defined either for all {classes} classes or no classes but got weight "
            f"tensor of shape: {list(weight.shape)}"
        )
    scores = log_softmax(input, axis)
    if label_smoothing:
        target = scalars.add(scalars.mul(target, 1 - label_smoothing), label_smoothing / classes)
    products = scores * target
    if weight is not None:
        products = products * _per_class(weight, products)
    if how == 0:
        return -functions.sum(products, axis)
    total = -functions.sum(products)
    return scalars.div(total, input.numel() / classes if classes else math.nan) if how == 1 else total


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Return by how much other classes' scores come within a margin of the right one's.

    Parameters
    ----------
    input
        Scores (N, C) or (C).
    target
        Class numbers (N) or ().
    p
        1, or 2 to square what exceeds the margin.
    margin
        How far above the others the right class's score has to be.
    weight
        Of shape (C): how much each class counts.
    reduction
        ``"mean"``, ``"sum"`` or ``"none"``.
    """
    how = _reduction(reduction, size_average, reduce)
    if weight is not None and weight.ndim != 1:
        raise ValueError(f"weight must be one-dimensional, got {weight.ndim} dimensions.")
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if input.ndim == 0:
        input = functions.reshape(input, (1,))
    if input.ndim > 2 or not input.shape[-1]:
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(input.shape)}"
        )
    count = 1 if input.ndim == 1 else input.shape[0]
    if target.ndim > 1 or target.numel() != count:
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch size). "
            f"Expected target size [{count}], but got {list(target.shape)}. Input has shape {list(input.shape)}."
        )
    if weight is not None and weight.shape[0] != input.shape[-1]:
        raise RuntimeError(f"inconsistent weight size, expected {input.shape[-1]} but got {list(weight.shape)}")
    if target.numel() and not ((target.array >= 0) & (target.array < input.shape[-1])).all():
        raise RuntimeError("target out of range")
    places = target.array.reshape(input.shape[:-1])
    loss = rows.multi_margin_loss(input, places, p, margin, fixed("multi_margin_loss", "weight", weight), how)
    return watching(loss, target=target, weight=weight)


def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """Return by how much other classes' scores come within 1 of those of the labels.

    Parameters
    ----------
    input
        Scores (N, C) or (C).
    target
        Of the same shape: the class numbers of the labels, and −1 behind the last.
    reduction
        ``"mean"``, ``"sum"`` or ``"none"``.
    """
    how = _reduction(reduction, size_average, reduce)
    if input.ndim > 2 or not input.numel():
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(input.shape)}"
        )
    if target.numel() != input.numel() or target.ndim > 2:
        raise RuntimeError(f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}")
    if input.ndim == 0:
        input = functions.reshape(input, (1,))
    if not ((target.array >= -1) & (target.array < input.shape[-1])).all():
        raise RuntimeError("argument #2 'target' is out of range")
    return watching(rows.multilabel_margin_loss(input, target.array.reshape(input.shape), how), target=target)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the binary cross-entropy of scores (N, C) for labels that hold or not, averaged over the classes."""
    how = _reduction(reduction, size_average, reduce)
    losses = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        losses = losses * weight
    losses = functions.sum(losses, input.ndim - 1) / input.shape[-1]
    return _reduced(losses, how)


def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """Return ``log(1 + exp(−target·input))`` for targets 1 and −1."""
    how = _reduction(reduction, size_average, reduce)
    _fits(input, target)
    shape = broadcast_shape(input, target)
    if shape != input.shape:
        raise RuntimeError(f"output with shape {list(input.shape)} doesn't match the broadcast shape {list(shape)}")
    return watching(rows.soft_margin_loss(input, fixed("soft_margin_loss", "target", target), how), target=target)


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Return the negative log-probability that sequences are read as shorter ones.

    Parameters
    ----------
    log_probs
        Of shape (T, N, C), or (T, C) for a single example: at each step a log-probability for each class.
    targets
        Class numbers (N, S), or all targets one after the other.
    input_lengths, target_lengths
        How many of the T steps, and of the S class numbers, there are in each example.
    blank
        The class that stands for "no label".
    reduction
        ``"mean"`` (each divided by its target's length first), ``"sum"`` or ``"none"``.
    zero_infinity
        Return 0 where there are too few steps for the target, and no gradient.

    References
    ----------
    Graves et al., "Connectionist temporal classification" (2006).
    """
    how = _reduction(reduction)
    single = log_probs.ndim == 2
    if single:
        log_probs = functions.unsqueeze(log_probs, 1)
    if log_probs.ndim != 3:
        raise RuntimeError(
            f"Expected 3-dimensional tensor, but got {log_probs.ndim}-dimensional tensor for argument #1 'log_probs'"
        )
    steps, count, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    lengths = [_lengths(name, given) for name, given in (("input", input_lengths), ("target", target_lengths))]
    for name, numbers, most in zip(("input", "target"), lengths, (steps, None), strict=True):
        if numbers.shape != (count,):
            raise RuntimeError(f"{name}_lengths must be of size batch_size")
        for wrong in numbers[numbers < 0]:
            raise RuntimeError(f"Expected {name}_lengths to have value at least 0, but got value {wrong}")
        for wrong in numbers[numbers > (most if most is not None else np.inf)]:
            raise RuntimeError(f"Expected {name}_lengths to have value at most {most}, but got value {wrong}")
    losses = rows.ctc_loss(log_probs, _laid_out(targets, lengths[1], count, classes), *lengths, blank, zero_infinity)
    losses = watching(losses, targets=targets)
    if zero_infinity:
        losses = functions.where(functions.isinf(losses), wrap(np.zeros((), losses.array.dtype)), losses)
    if how == 1:
        divisor = wrap(np.maximum(lengths[1], 1).astype(log_probs.array.dtype))
        return functions.mean(losses / divisor)
    losses = _reduced(losses, how)
    return functions.squeeze(losses, 0) if single and how == 0 else losses


def _lengths(name: str, given: Any) -> np.ndarray:
    numbers = np.asarray(given.array if isinstance(given, Tensor) else given)
    if numbers.dtype.kind not in "iu":
        raise RuntimeError(f"{name}_lengths must be integral")
    return numbers.reshape(-1).astype(np.int64)


def _laid_out(targets: Tensor, lengths: np.ndarray, count: int, classes: int) -> np.ndarray:
    """Return targets as rows (N, S), with class 0 where a target is over."""
    numbers = np.asarray(targets.array).astype(np.int64)
    longest = int(lengths.max(initial=0))
    inside = np.arange(longest) < lengths[:, None]
    if numbers.ndim == 1:
        if numbers.size != lengths.sum():
            raise RuntimeError(
                f"Expected tensor to have size {lengths.sum()} at dimension 0, but got size {numbers.size} for argument #2 "
                "'targets'"
            )
        rows_of = np.zeros((count, longest), np.int64)
        rows_of[inside] = numbers
    else:
        if numbers.shape[0] != count or numbers.shape[1] < longest:
            axis, wanted = (0, f"{count}") if numbers.shape[0] != count else (1, f"at least {longest}")
            raise RuntimeError(
                f"Expected tensor to have size {wanted} at dimension {axis}, but got size {numbers.shape[axis]} for "
                "argument #2 'targets'"
            )
        rows_of = np.where(inside, numbers[:, :longest], 0)
    if ((rows_of < 0) | (rows_of >= classes)).any():
        raise RuntimeError(f"targets of ctc_loss must be class numbers from 0 to {classes - 1}")
    return rows_of


# --- pairs and triples -----------------------------------------------------------------------------------------------


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Return distances of pairs that belong together (target 1), and what the others' lack of `margin` (target −1)."""
    how = _reduction(reduction, size_average, reduce)
    apart = functions.where(functions.ne(target, 1), functions.clamp_min(elementwise.sub(margin, input), 0), 0.0)
    together = functions.where(functions.ne(target, -1), input, 0.0)
    return _reduced(apart + together, how)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Return 1 − cosine for pairs that belong together (target 1), and the cosine above `margin` for others (target −1).

    Parameters
    ----------
    input1, input2
        Vectors: (N, D) or (D).
    target
        1 or −1 for each pair: (N) or ().
    margin
        How small a cosine is small enough.
    reduction
        ``"mean"``, ``"sum"`` or ``"none"``.
    """
    how = _reduction(reduction, size_average, reduce)
    if target.ndim not in (0, 1):
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if target.ndim == 1 and (input1.ndim != 2 or input2.ndim != 2):
        raise RuntimeError(
            f"1D target tensor expects 2D input tensors, but found inputs with sizes {list(input1.shape)} and "
            f"{list(input2.shape)}."
        )
    if target.ndim == 0 and (input1.ndim != 1 or input2.ndim != 1):
        raise RuntimeError(
            f"0D target tensor expects 1D input tensors, but found inputs with sizes {list(input1.shape)} and "
            f"{list(input2.shape)}."
        )
    eps = 1e-12
    product = functions.sum(input1 * input2, target.ndim)
    size1 = scalars.add(functions.sum(input1 * input1, target.ndim), eps)
    size2 = scalars.add(functions.sum(input2 * input2, target.ndim), eps)
    cosine = product / functions.sqrt(size1 * size2)
    near, far = elementwise.sub(1, cosine), functions.clamp_min(scalars.sub(cosine, margin), 0)
    together = functions.where(functions.eq(target, 1), near, 0.0)
    apart = functions.where(functions.eq(target, -1), far, 0.0)
    return _reduced(together + apart, how)


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Return by how much the first of each pair is not ranked higher (target 1) or lower (target −1) by `margin`."""
    how = _reduction(reduction, size_average, reduce)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: "
            f"{input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    return _reduced(functions.clamp_min(scalars.add(-target * (input1 - input2), margin), 0), how)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Return by how much the positive of each triple is not closer to the anchor than the negative by `margin`.

    Parameters
    ----------
    anchor, positive, negative
        Vectors: (N, D) or (D).
    margin
        By how much the positive should be closer.
    p
        Which norm measures the distance.
    eps
        Added to each difference.
    swap
        Use the distance from the positive to the negative where it is smaller.
    reduction
        ``"mean"``, ``"sum"`` or ``"none"``.

    References
    ----------
    Balntas et al., "Learning shallow convolutional feature descriptors with triplet losses" (2016).
    """
    how = _reduction(reduction, size_average, reduce)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )
    return _triplet(anchor, positive, negative, lambda x, y: pairwise_distance(x, y, p, eps), margin, swap, how)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Return the same as `triplet_margin_loss` with any function of two tensors for the distance."""
    how = _reduction(reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )
    return _triplet(anchor, positive, negative, distance_function or pairwise_distance, margin, swap, how)


def _triplet(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance: Callable[..., Tensor],
    margin: float,
    swap: bool,
    how: int,
) -> Tensor:
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = functions.minimum(far, distance(positive, negative))
    return _reduced(functions.clamp_min(scalars.add(near, margin) - far, 0), how)
