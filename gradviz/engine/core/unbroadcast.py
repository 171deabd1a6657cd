"""Undoing what broadcasting did: a gradient gets the shape of the argument that it belongs to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine.core.tensor import Array


def unbroadcast(gradient: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Bring a gradient into the shape and dtype of the argument it belongs to.

    Where the forward pass broadcast an argument, every copy of an entry collects a gradient of its own, and the entry
    gets their sum: axes that were stretched are summed over. Where a formula gives one number for a whole axis (the
    gradient of a sum), it is copied along that axis.
    """
    if gradient.shape != shape and (axes := summed_axes(gradient.shape, shape)):
        gradient = np.add.reduce(gradient, axes, keepdims=True)
        gradient = gradient.reshape(gradient.shape[gradient.ndim - len(shape) :] if shape else ())[()]
    if gradient.dtype != dtype:
        gradient = gradient.astype(dtype)
    if gradient.shape != shape:
        if math.prod(shape) > 4096:
            return np.broadcast_to(gradient, shape)
        wide = np.empty(shape, dtype)  # for a small tensor, filling is faster than making a view
        wide[...] = gradient
        return wide
    return gradient


def unbroadcast_tensor(gradient: Any, argument: Any) -> Any:
    """Do the same to a tensor, recorded: `sum`, `reshape` and `expand` are rows of the table, as all others."""
    if gradient.dtype != argument.dtype:
        gradient = gradient.to(argument.dtype)
    shape = argument.shape
    if gradient.shape != shape and (axes := summed_axes(gradient.shape, shape)):
        gradient = gradient.sum(axes, keepdim=True)
        gradient = gradient.reshape(tuple(gradient.shape)[gradient.ndim - len(shape) :])
    return gradient if gradient.shape == shape else gradient.expand(shape)


def summed_axes(gradient: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes of a gradient that were broadcast from an argument of this shape.

    Examples
    --------
    >>> summed_axes((10, 2), (2,))
    (0,)
    >>> summed_axes((4, 3), (4, 1))
    (1,)
    """
    extra = len(gradient) - len(shape)
    stretched = (
        extra + axis for axis, size in enumerate(shape) if extra + axis >= 0 and size == 1 != gradient[extra + axis]
    )
    return (*range(extra), *stretched)
