"""Windows for signals, and a few older ways to make tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import creation, dtypes
from gradviz.engine.creation.options import creating, kind_of, leaf
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor

__all__ = [
    "bartlett_window", "blackman_window", "empty_strided", "frombuffer", "get_device", "hamming_window", "hann_window", "imag",
    "is_storage", "kaiser_window", "range",
]  # fmt: skip

NOT_METHODS = [name for name in __all__ if name != "get_device"]


def _window(name: str, shape: Callable[..., Any], words: str) -> Callable[..., Tensor]:
    def function(window_length: int, periodic: bool = True, *shaped: float, dtype: Any = None) -> Any:
        if window_length < 0:
            raise RuntimeError(f"{name} requires non-negative window_length, got window_length={window_length}")
        kind = kind_of(dtype)
        if kind.kind != "f":
            raise RuntimeError(f"{name} expects floating point dtypes, got: {dtypes.scalar_type_name(dtype)}")
        if window_length < 2:
            return np.ones(window_length, kind)
        count = window_length + bool(periodic)
        return shape(np.arange(count), count - 1, *shaped)[:window_length].astype(kind)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = words
    return creating(function)


def _cosines(n: Any, last: int, alpha: float = 0.54, beta: float = 0.46) -> Any:
    return alpha - beta * np.cos(2 * np.pi * n / last)


def _blackman(n: Any, last: int) -> Any:
    return 0.42 - 0.5 * np.cos(2 * np.pi * n / last) + 0.08 * np.cos(4 * np.pi * n / last)


def _kaiser(n: Any, last: int, beta: float = 12.0) -> Any:
    return np.i0(beta * np.sqrt(1 - ((n - last / 2) / (last / 2)) ** 2)) / np.i0(beta)


bartlett_window = _window(
    "bartlett_window", lambda n, last: 1 - np.abs(2 * n / last - 1), "Return a triangle, from 0 to 1 to 0."
)
blackman_window = _window("blackman_window", _blackman, "Return Blackman's window: a sum of two cosines.")
hann_window = _window(
    "hann_window",
    lambda n, last: 0.5 - 0.5 * np.cos(2 * np.pi * n / last),
    "Return Hann's window: one wave of a cosine.",
)
hamming_window = _window("hamming_window", _cosines, "Return Hamming's window: a cosine that does not fall to 0.")
kaiser_window = _window("kaiser_window", _kaiser, "Return Kaiser's window; a larger `beta` makes it narrower.")


@creating
def range(start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None) -> Any:
    """Make numbers from start up to end, which is included; today: `arange`."""
    warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with "
        "Python's range builtin. Instead, use torch.arange, which produces values in [start, end)."
    )
    if end is None:
        start, end = 0, start
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    count = int((end - start) / step + 1)
    return (start + np.arange(count) * step).astype(kind_of(dtype))


def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """Make a tensor that shares memory with bytes."""
    return leaf(np.frombuffer(buffer, dtypes.to_numpy(dtype), count, offset), requires_grad)


def empty_strided(size: Any, stride: Any, **how: Any) -> Tensor:
    """Make a tensor to be filled later (with zeros until then), whose steps in memory are given."""
    return creation.empty(tuple(size), **how).as_strided(size, stride)


def get_device(input: Tensor) -> int:
    """Return −1: the CPU has no number."""
    return -1


def imag(input: Tensor) -> Tensor:
    """Raise, as PyTorch does: a real tensor has no imaginary part."""
    raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")


def is_storage(obj: Any) -> bool:
    """Return False: memory here is a NumPy array."""
    return False
