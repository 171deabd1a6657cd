"""Multiply and add in one rounding, as PyTorch's kernels on a CPU do, so that a trained parameter has PyTorch's digits.

A processor's fused multiply-add computes ``a * b + c`` and rounds once. NumPy has no such instruction, but the product
of two float32 numbers is exact in float64: computed there, the one rounding is the one of storing the result.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.tensor import Tensor

Array = np.ndarray[Any, Any]


def number(setting: Any) -> Any:
    """Return a setting, such as the learning rate, as a number; one given as a tensor keeps its precision."""
    return setting.array.reshape(())[()] if isinstance(setting, Tensor) else setting


def multiply_add(a: Any, b: Any, c: Any) -> Any:
    """Return ``a * b + c`` in float64, to be rounded by storing it.

    Parameters
    ----------
    a
        An array.
    b
        An array, or a number, which counts in the precision of `a`.
    c
        An array.
    """
    out = a.astype(np.float64)
    out *= b if isinstance(b, np.ndarray) else a.dtype.type(b)
    out += c
    return out


def add_multiple(total: Array, scale: float, x: Any) -> None:
    """Add `scale` times `x` to `total`, in place."""
    if scale == 1:
        total += x
    else:
        total[...] = multiply_add(x, scale, total)


def move_towards(average: Array, x: Any, share: float) -> None:
    """Move a running average towards `x` by a share of the distance, in place.

    This is ``average = (1 − share) · average + share · x``, computed from the nearer end.
    """
    distance = x - average
    if share < 0.5:
        average[...] = multiply_add(distance, share, average)
    else:
        average[...] = multiply_add(distance, average.dtype.type(share) - 1, x)


def average_squares(average: Array, x: Any, decay: float) -> None:
    """Update a running average of squares in place: ``average = decay · average + (1 − decay) · x²``."""
    average *= decay
    average[...] = multiply_add((1 - decay) * x, x, average)


def plus_quotient(x: Any, scale: float, above: Any, below: Any) -> Any:
    """Return ``x + scale · above / below``."""
    out = above * x.dtype.type(scale)
    out /= below
    out += x
    return out
