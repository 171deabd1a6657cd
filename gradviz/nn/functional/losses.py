"""Losses."""

from __future__ import annotations

import warnings

from gradviz.engine import dtypes, functions
from gradviz.engine.functions.shapes import broadcast_shape
from gradviz.engine.operations import losses as rows
from gradviz.engine.tensor import Tensor
from gradviz.nn.functional.activations import log_softmax

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "l1_loss", "mse_loss", "nll_loss",
]  # fmt: skip


def _reduction(name: str) -> int:
    if name not in rows.REDUCTIONS:
        raise ValueError(f"{name} is not a valid value for reduction")
    return rows.REDUCTIONS[name]


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the mean squared difference.

    Parameters
    ----------
    input, target
        Tensors of one shape.
    reduction
        ``"mean"``, ``"sum"`` or ``"none"``.
    """
    if target.shape != input.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will "
            "likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
            UserWarning,
            stacklevel=2,
        )
        shape = broadcast_shape(input, target)
        input, target = functions.expand(input, shape), functions.expand(target, shape)
    return rows.mse_loss(input, target, _reduction(reduction))


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the mean absolute difference."""
    distance = functions.abs(input - target)
    how = _reduction(reduction)
    return distance if how == 0 else distance.mean() if how == 1 else distance.sum()


def binary_cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the cross-entropy of probabilities between 0 and 1 and targets 0 or 1 of the same shape."""
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. "
            "Please ensure they have the same size."
        )
    if ((input.array < 0) | (input.array > 1)).any():
        raise RuntimeError("all elements of input should be between 0 and 1")
    return rows.binary_cross_entropy(input, target, _reduction(reduction))


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the cross-entropy of ``sigmoid(input)`` and targets between 0 and 1 of the same shape."""
    if target.shape != input.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    return rows.binary_cross_entropy_with_logits(input, target, _reduction(reduction))


def nll_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the mean negative log-probability of the right classes: input (N, C), target (N) of class numbers."""
    if target.array.dtype.kind not in "iu":
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {dtypes.scalar_type_name(target.dtype)}")
    return rows.nll_loss(input, target.array, _reduction(reduction))


def cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the cross-entropy of scores (N, C) and class numbers (N)."""
    return nll_loss(log_softmax(input, 1), target, reduction)
