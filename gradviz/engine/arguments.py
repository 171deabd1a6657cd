"""What comes in as an argument: numbers and arrays beside tensors, dtypes that differ, axes counted from the end."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.broadcast import check_broadcast
from gradviz.engine.tensor import Tensor

NUMBERS = (bool, int, float, np.generic, np.ndarray)
"""What may stand beside a tensor in arithmetic."""


def array_of(argument: Any) -> Any:
    """Return the array in a tensor; a Python number as it is; anything array-like as an array."""
    kind = type(argument)
    if kind is float or kind is int or kind is bool:
        return argument
    if isinstance(argument, Tensor):
        return argument.array
    if isinstance(argument, np.generic):
        # np.float64 would win over float32 in NumPy; in PyTorch a number never decides the precision.
        return argument.item()
    return argument


def promoted(*operands: Any) -> tuple[Any, ...]:
    """Bring operands to the dtype PyTorch computes in."""
    kind = dtypes.result_type(*operands)
    return tuple(
        x.astype(kind, copy=False) if isinstance(x, np.ndarray | np.generic) else kind.type(x) for x in operands
    )


ARRAYS = np.ndarray, np.generic


def promoting(count: int, compute: Callable[..., Any]) -> Callable[..., Any]:
    """Let a computation take its first arguments, `count` arrays, numbers or ``None``, in different dtypes.

    It is the computation that brings them to one: their gradients are of the dtype that each was given in, and there is no
    step for that in the graph.
    """

    @wraps(compute)
    def computed(*arguments: Any) -> Any:
        given = [x for x in arguments[:count] if x is not None]
        kind = next((x.dtype for x in given if isinstance(x, ARRAYS)), None)
        if [x for x in given if not isinstance(x, ARRAYS) or x.dtype != kind]:
            check_broadcast(*given)
            brought = iter(promoted(*given))
            arguments = (*(None if x is None else next(brought) for x in arguments[:count]), *arguments[count:])
        return compute(*arguments)

    return computed


def is_bool(operand: Any) -> bool:
    """Return True for True, False, and arrays of them."""
    return isinstance(operand, bool) or (isinstance(operand, np.ndarray | np.generic) and operand.dtype.kind == "b")


def normal_axes(dim: Any, ndim: int) -> tuple[int, ...]:
    """Turn PyTorch's `dim` (a number, several, or ``None`` for all) into a tuple of axes counted from the front."""
    if dim is None or (isinstance(dim, tuple | list) and not len(dim)):
        return tuple(range(ndim))
    if ndim == 0:
        for axis in dim if isinstance(dim, tuple | list) else (dim,):
            normal_axis(axis, 0)
        return ()  # a number has one axis to speak of, and nothing to reduce along it
    axes = tuple(normal_axis(axis, ndim) for axis in (dim if isinstance(dim, tuple | list) else (dim,)))
    if len(set(axes)) != len(axes):
        twice = next(axis for place, axis in enumerate(axes) if axis in axes[:place])
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return axes


def normal_axis(axis: int, ndim: int) -> int:
    """Count an axis from the front, or say which are possible."""
    limit = max(ndim, 1)
    if not -limit <= axis < limit:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-limit}, {limit - 1}], but got {axis})")
    return axis % limit


def watching(out: Tensor, **settings: Any) -> Tensor:
    """Let a result's node know the tensors that some of its settings were made from: it has saved them.

    Parameters
    ----------
    out
        What a row's function returned.
    settings
        By the name of the setting, what was given: a tensor or several; anything else cannot change in place.
    """
    if out._grad_fn is not None:
        given = tuple(
            (name, tensor)
            for name, given in settings.items()
            for tensor in (given if isinstance(given, tuple | list) else (given,))
            if isinstance(tensor, Tensor)
        )
        barred = next((tensor._barred for _, tensor in given if tensor._barred), None)
        if barred is not None:
            raise RuntimeError(barred)
        out._grad_fn.given = given
    return out
