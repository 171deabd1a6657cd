"""Making tensors that are filled with a number, evenly spaced, or like another tensor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine import cpumath, layout
from gradviz.engine.creation.data import tensor
from gradviz.engine.creation.options import creating, kind_of, number_of, shape_of
from gradviz.engine.formats import contiguous_format, preserve_format
from gradviz.engine.tensor import Tensor

__all__ = [
    "arange", "empty", "empty_like", "eye", "full", "full_like", "linspace", "logspace", "ones", "ones_like",
    "scalar_tensor", "zeros", "zeros_like",
]  # fmt: skip


@creating
def zeros(*size: Any, dtype: Any = None) -> Any:
    """Make a tensor of zeros: ``zeros(3)``, ``zeros(2, 3)``, ``zeros((2, 3))``.

    Parameters
    ----------
    *size
        The length of each axis.
    dtype
        The default dtype if not given, float32.
    device
        ``"cpu"``; there is no other.
    requires_grad
        Whether ``backward()`` should compute a gradient for it.
    """
    return np.zeros(shape_of(size), kind_of(dtype))


@creating
def ones(*size: Any, dtype: Any = None) -> Any:
    """Make a tensor of ones."""
    return np.ones(shape_of(size, "ones"), kind_of(dtype))


@creating
def empty(*size: Any, dtype: Any = None) -> Any:
    """Make a tensor to be filled later (with zeros, so that nobody sees what was in memory)."""
    return np.zeros(shape_of(size, "empty"), kind_of(dtype))


@creating
def full(size: Any, fill_value: Any, *, dtype: Any = None) -> Any:
    """Make a tensor of one number over and over."""
    if not isinstance(size, tuple | list):
        raise TypeError(f"full(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}")
    made = tensor(number_of(fill_value), dtype=dtype)
    return np.full(shape_of(tuple(size), "full"), made.array)


@creating
def eye(n: int, m: int | None = None, *, dtype: Any = None) -> Any:
    """Make a matrix with ones on its diagonal."""
    for name, length in (("n", n), ("m", n if m is None else m)):
        if length < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {length}")
    return np.eye(n, m, dtype=kind_of(dtype))


@creating
def scalar_tensor(s: Any, *, dtype: Any = None) -> Any:
    """Make a tensor of one number, in the default dtype."""
    return np.array(s).astype(kind_of(dtype))


# --- evenly spaced -------------------------------------------------------------------------------------------------------


@creating
def arange(start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None) -> Any:
    """Make numbers from start up to, not including, end: ``arange(3)``, ``arange(1, 10, 2)``."""
    if end is None:
        start, end = 0, start
    start, end, step = number_of(start), number_of(end), number_of(step)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (np.isfinite(start) and np.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if all(isinstance(number, int) for number in (start, end, step)):
        return np.arange(start, end, step).astype(np.int64 if dtype is None else kind_of(dtype))
    return (start + np.arange(math.ceil((end - start) / step)) * step).astype(kind_of(dtype))


@creating
def linspace(start: Any, end: Any, steps: int, *, dtype: Any = None) -> Any:
    """Make evenly spaced numbers from start to end, both included.

    Parameters
    ----------
    steps
        How many numbers.
    """
    return _spaced(number_of(start), number_of(end), steps, kind_of(dtype))


def _spaced(start: float, end: float, steps: int, kind: np.dtype) -> np.ndarray:
    """Count up from the start in the first half, and down from the end in the second, as PyTorch does."""
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    if steps == 1:
        return np.full(1, start).astype(kind)
    places, real = np.arange(steps), kind.kind == "f" and kind != np.float16
    scalar = kind.type if real else np.float64
    if not steps:
        return np.zeros(0, kind)
    first, last = scalar(start), scalar(end)
    step = (last - first) / scalar(steps - 1)
    up = cpumath.fma(places.astype(scalar), step, first) if real else first + step * places
    back = steps - 1 - places
    down = cpumath.fma(back.astype(scalar), -step, last) if real else last - step * back
    return np.where(places < steps // 2, up, down).astype(kind)


@creating
def logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None) -> Any:
    """Make numbers from ``base ** start`` to ``base ** end`` whose logarithms are evenly spaced."""
    powers = _spaced(number_of(start), number_of(end), steps, np.dtype(np.float64))
    return np.power(float(base), powers).astype(kind_of(dtype))


# --- like another tensor -------------------------------------------------------------------------------------------------


def like(input: Tensor, dtype: Any, memory_format: Any) -> np.ndarray[Any, Any]:
    """Return an array for the entries of a tensor like another, which lies in memory as that does unless told."""
    kind = kind_of(dtype or input.dtype)
    if memory_format is contiguous_format:
        return np.empty(input.shape, kind)
    if memory_format not in (None, preserve_format):
        raise NotImplementedError(f"gradviz has no memory_format={memory_format!r}; supported: the default")
    return layout.empty_like(input.array, kind)


@creating
def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, memory_format: Any = None) -> Any:
    """Make one number over and over in a tensor's shape and dtype."""
    made = like(input, dtype, memory_format)
    made[...] = number_of(fill_value)
    return made


def zeros_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    """Make zeros of a tensor's shape and dtype."""
    return full_like(input, 0, dtype=dtype, **options)


def ones_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    """Make ones of a tensor's shape and dtype."""
    return full_like(input, 1, dtype=dtype, **options)


def empty_like(input: Tensor, *, dtype: Any = None, **options: Any) -> Tensor:
    """Make a tensor of another's shape and dtype, to be filled later (with zeros until then)."""
    return full_like(input, 0, dtype=dtype, **options)


def _new(make: Any) -> Any:
    """Turn a function that makes tensors into the method that does so in a tensor's own dtype."""

    def method(self: Tensor, *args: Any, dtype: Any = None, **how: Any) -> Tensor:
        return make(*args, dtype=dtype or self.dtype, **how)

    method.__doc__ = f"As `{make.__name__}`, in this tensor's dtype if no other is given."
    return method


METHODS = {f"new_{make.__name__}": _new(make) for make in (zeros, ones, empty, full, tensor)}
"""Methods of tensors that make others."""
