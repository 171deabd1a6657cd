"""Differences between neighbours, and what they are made for: slopes, and areas under a curve."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from gradviz.engine.arguments import normal_axes, normal_axis
from gradviz.engine.functions import logic
from gradviz.engine.functions.joining import cat
from gradviz.engine.functions.reductions import sum
from gradviz.engine.functions.repeating import clone
from gradviz.engine.functions.scans import cumsum
from gradviz.engine.operations import scalars
from gradviz.engine.tensor import Tensor, wrap

__all__ = ["cumulative_trapezoid", "diff", "gradient", "trapezoid", "trapz"]


def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """Return each entry less the one before it, along an axis, `n` times over.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.diff(torch.tensor([1, 4, 9, 16]))
    tensor([3, 5, 7])
    """
    if not input.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    axis = normal_axis(dim, input.ndim)
    if n == 0:
        return clone(input)  # and nothing is put before or behind it
    parts = [part for part in (prepend, input, append) if part is not None]
    out = cat(parts, axis) if len(parts) > 1 else input
    for _ in range(builtins.min(n, out.shape[axis])):
        earlier, later = _part(out, axis, 0, -1), _part(out, axis, 1, None)
        out = logic.logical_xor(later, earlier) if out.array.dtype.kind == "b" else later - earlier
    return out


def _part(input: Tensor, axis: int, start: int | None, end: int | None) -> Tensor:
    return input[(slice(None),) * axis + (slice(start, end),)]


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """Return the integral of `y` along an axis, by the trapezoidal rule.

    Parameters
    ----------
    y
        The heights.
    x
        Where they are; evenly spaced unless given.
    dx
        How far apart they are; 1 unless told otherwise.
    dim
        The axis.
    """
    if not y.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    axis = normal_axis(dim, y.ndim)
    if y.shape[axis] == 0:
        return wrap(np.zeros([n for i, n in enumerate(y.shape) if i != axis], y.array.dtype))
    steps = _steps("trapezoid", y, x, dx, axis)
    if isinstance(steps, Tensor):
        return scalars.div(sum(_heights(y, axis) * steps, axis), 2.0)
    last, first = y.select(axis, -1), y.select(axis, 0)
    ends = scalars.mul(first + last, 0.5)
    return scalars.mul(sum(y, axis) - ends, steps)


trapz = trapezoid


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """Return the integral of `y` along an axis, keeping every step of it. See `trapezoid`."""
    axis = normal_axis(dim, y.ndim)
    steps = _steps("cumulative_trapezoid", y, x, dx, axis)
    if isinstance(steps, Tensor):
        return scalars.div(cumsum(_heights(y, axis) * steps, axis), 2.0)
    return cumsum(scalars.mul(_heights(y, axis), steps / 2), axis)


def _heights(y: Tensor, axis: int) -> Tensor:
    """Return twice the height between two neighbours."""
    return _part(y, axis, 0, -1) + _part(y, axis, 1, None)


def _steps(name: str, y: Tensor, x: Tensor | None, dx: float | None, axis: int) -> Any:
    """Return how far apart neighbours are: a number, or a tensor."""
    if y.array.dtype.kind == "b":
        raise RuntimeError(f"{name}: received a bool input for `y`, but bool is not supported")
    if x is None:
        return 1.0 if dx is None else dx
    if dx is not None:
        raise TypeError(f"{name}() received an invalid combination of arguments: give x or dx, not both")
    if x.ndim == 1:
        if x.shape[0] != y.shape[axis]:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
        x = x.view([-1 if place == axis else 1 for place in range(y.ndim)])
    else:
        axis -= y.ndim - x.ndim
    earlier, later = _part(x, axis, 0, -1), _part(x, axis, 1, None)
    return later - earlier


def gradient(input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """Estimate the slopes of a function of which only some values are known, from each value's neighbours.

    Parameters
    ----------
    input
        The values on a grid.
    spacing
        How far apart they are; one number, one for each axis, or for each axis a vector of places.
    dim
        The axes; ``None`` for all.
    edge_order
        1, or 2 for the slope of a parabola at the ends.

    Returns
    -------
    tuple of Tensor
        For each axis the slopes along it.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.gradient(torch.tensor([0.0, 1.0, 4.0, 9.0]))
    (tensor([1., 2., 4., 5.]),)
    """
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    axes = normal_axes(dim, input.ndim)
    spacings = list(spacing) if isinstance(spacing, list | tuple) else [1 if spacing is None else spacing] * len(axes)
    if len(spacings) != len(axes):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim arguments to have the "
            f"same length, but got a spacing argument of length {len(spacings)} and a dim argument of length {len(axes)}."
        )
    for axis in axes:
        if input.shape[axis] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    return tuple(_slopes(input, axis, step, edge_order) for axis, step in zip(axes, spacings, strict=True))


def _slopes(input: Tensor, axis: int, spacing: Any, edge_order: int) -> Tensor:
    """Estimate slopes along one axis: inside, those of the parabola through a value and its neighbours."""
    length = input.shape[axis]
    if isinstance(spacing, Tensor):
        steps = np.diff(spacing.array).reshape([-1] + [1] * (input.ndim - axis - 1))
    else:
        steps = np.full([length - 1] + [1] * (input.ndim - axis - 1), spacing, float)
    rise = (_part(input, axis, 1, None) - _part(input, axis, 0, -1)) / wrap(steps.astype(input.array.dtype))
    before, after = (wrap(part.astype(input.array.dtype)) for part in (steps[:-1], steps[1:]))
    inner = (_part(rise, axis, 0, -1) * after + _part(rise, axis, 1, None) * before) / (before + after)
    first, last = _part(rise, axis, 0, 1), _part(rise, axis, length - 2, None)
    if edge_order == 2:
        # The slope of the same parabola, at its end.
        first = _end(first, _part(rise, axis, 1, 2), before[:1], after[:1])
        last = _end(last, _part(rise, axis, length - 3, length - 2), after[-1:], before[-1:])
    return cat([first, inner, last], axis)


def _end(rise: Tensor, next_rise: Tensor, step: Tensor, next_step: Tensor) -> Tensor:
    return rise + (rise - next_rise) * (step / (step + next_step))
