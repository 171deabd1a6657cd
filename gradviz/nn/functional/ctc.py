"""Connectionist temporal classification: a sequence is read, but nobody says what stands where."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import functions
from gradviz.engine.arguments import watching
from gradviz.engine.tensor import Tensor, wrap
from gradviz.nn.functional.reductions import reduced, reduction_number
from gradviz.nn.operations import losses as rows

__all__ = ["ctc_loss"]


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
    how = reduction_number(reduction)
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
    losses = reduced(losses, how)
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
