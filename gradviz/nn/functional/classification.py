"""Losses of classifications: yes or no, one class of several, any of several."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine import advice, dtypes, functions
from gradviz.engine.arguments import watching
from gradviz.engine.functions.repeating import broadcast_shape
from gradviz.engine.operations import scalars
from gradviz.engine.tensor import Tensor, wrap
from gradviz.nn.functional.activations import log_softmax, logsigmoid
from gradviz.nn.functional.fixed import fixed
from gradviz.nn.functional.reductions import check_fits, reduced, reduction_number
from gradviz.nn.operations import losses as rows

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss", "soft_margin_loss",
]  # fmt: skip


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
    how = reduction_number(reduction, size_average, reduce)
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
    weights = fixed("binary_cross_entropy", "weight", weight)
    if weights is not None:
        weights = np.broadcast_to(weights, input.shape)
    loss = rows.binary_cross_entropy(input, target, weights, how)
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
    how = reduction_number(reduction, size_average, reduce)
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
    how = reduction_number(reduction, size_average, reduce)
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
    how = reduction_number(reduction, size_average, reduce)
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
    return (
        functions.view(weight, tuple(-1 if axis == 1 else 1 for axis in range(scores.ndim)))
        if scores.ndim > 1
        else weight
    )


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
    how = reduction_number(reduction, size_average, reduce)
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
    how = reduction_number(reduction, size_average, reduce)
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
    how = reduction_number(reduction, size_average, reduce)
    losses = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        losses = losses * weight
    losses = functions.sum(losses, input.ndim - 1) / input.shape[-1]
    return reduced(losses, how)


def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """Return ``log(1 + exp(−target·input))`` for targets 1 and −1."""
    how = reduction_number(reduction, size_average, reduce)
    check_fits(input, target)
    shape = broadcast_shape(input, target)
    if shape != input.shape:
        raise RuntimeError(f"output with shape {list(input.shape)} doesn't match the broadcast shape {list(shape)}")
    return watching(rows.soft_margin_loss(input, fixed("soft_margin_loss", "target", target), how), target=target)
