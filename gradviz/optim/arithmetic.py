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


FEW = 2048
"""Up to so many entries, fresh memory costs less than a call that computes in memory that is there."""


def fused(a: Any, b: Any, c: Any, out: Array, wide: Array | None) -> None:
    """Store ``a * b + c``, rounded once.

    Parameters
    ----------
    a, c
        Arrays.
    b
        An array; or a number, as float, in the precision of `a`.
    out
        Where to store it; it may be one of the others.
    wide
        An array of float64 to compute in; ``None`` where there are few entries.
    """
    if wide is None:
        out[...] = a.astype(np.float64) * (b if isinstance(b, float) else b.astype(np.float64)) + c.astype(np.float64)
        return
    wide[...] = a
    np.multiply(wide, b, wide)
    np.add(wide, c, wide)
    out[...] = wide


def multiply_add(a: Any, b: Any, c: Any) -> Any:
    """Return ``a * b + c``, rounded once; a number `b` counts in the precision of `a`."""
    out = np.empty_like(a)
    fused(a, b if isinstance(b, np.ndarray) else float(a.dtype.type(b)), c, out, None)
    return out


def move_towards(average: Array, x: Any, share: Any, out: Array, distance: Array, wide: Array | None) -> None:
    """Store ``(1 − share) · average + share · x``, computed from the nearer end.

    Parameters
    ----------
    average, x
        Arrays.
    share
        A number, in their precision.
    out, distance, wide
        Where to store it, an array of the same kind to compute in, and one of float64 (or None).
    """
    np.subtract(x, average, distance)
    if share < 0.5:
        fused(distance, float(share), average, out, wide)
    else:
        fused(distance, float(share - 1), x, out, wide)
