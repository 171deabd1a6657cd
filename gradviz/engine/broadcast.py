"""Shapes that do not go together, in PyTorch's words."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from gradviz.engine import advice


def broadcast_error(x: Any, y: Any) -> RuntimeError:
    """Say which sizes do not match, in PyTorch's words."""
    a, b = np.shape(x), np.shape(y)
    longest = max(len(a), len(b))
    padded_a, padded_b = (1,) * (longest - len(a)) + a, (1,) * (longest - len(b)) + b
    for axis in range(longest - 1, -1, -1):
        m, n = padded_a[axis], padded_b[axis]
        if m != n and 1 not in (m, n):
            words = (
                f"The size of tensor a ({m}) must match the size of tensor b ({n}) at non-singleton dimension {axis}"
            )
            return RuntimeError(advice.do_not_broadcast(words, x, y))
    raise AssertionError(f"shapes {a} and {b} do broadcast")


def check_broadcast(*arrays: Any) -> None:
    """Say which two of several arrays, if any, have shapes that do not go together."""
    for x, y in itertools.combinations(arrays, 2):
        if any(m != n and 1 not in (m, n) for m, n in zip(np.shape(x)[::-1], np.shape(y)[::-1], strict=False)):
            raise broadcast_error(x, y)
