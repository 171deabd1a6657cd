"""Comparisons and questions, which have no gradient, and the choice between two tensors, which has."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.operation import array_of, broadcast_error
from gradviz.engine.operations import elementwise
from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "all", "allclose", "any", "eq", "equal", "ge", "gt", "is_tensor", "isnan", "le", "logical_and", "logical_not",
    "logical_or", "lt", "ne", "numel", "where",
]  # fmt: skip


def _comparison(name: str, compare: Any) -> Any:
    def function(input: Any, other: Any) -> Tensor:
        try:
            return wrap(compare(array_of(input), array_of(other)))
        except ValueError:
            raise broadcast_error(array_of(input), array_of(other)) from None

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Compare entry by entry; the result is a tensor of bools."
    return function


eq = _comparison("eq", np.equal)
ne = _comparison("ne", np.not_equal)
lt = _comparison("lt", np.less)
le = _comparison("le", np.less_equal)
gt = _comparison("gt", np.greater)
ge = _comparison("ge", np.greater_equal)
logical_and = _comparison("logical_and", np.logical_and)
logical_or = _comparison("logical_or", np.logical_or)


def logical_not(input: Tensor) -> Tensor:
    """Turn True into False, entry by entry."""
    return wrap(np.logical_not(input.array))


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Return True if all entries are nearly equal."""
    return bool(np.allclose(input.array, other.array, rtol, atol, equal_nan))


def equal(input: Tensor, other: Tensor) -> bool:
    """Return True if both have the same shape and the same entries."""
    return input.shape == other.shape and bool(np.all(input.array == other.array))


def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Return True where all entries are true."""
    return wrap(np.all(input.array, axis=dim, keepdims=keepdim))


def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Return True where any entry is true."""
    return wrap(np.any(input.array, axis=dim, keepdims=keepdim))


def isnan(input: Tensor) -> Tensor:
    """Return True where an entry is not a number."""
    return wrap(np.isnan(input.array))


def is_tensor(value: Any) -> bool:
    """Return True for a tensor."""
    return isinstance(value, Tensor)


def numel(input: Tensor) -> int:
    """Return the number of entries."""
    return input.numel()


def where(condition: Tensor, input: Any, other: Any) -> Tensor:
    """Choose from `input` where the condition holds, from `other` elsewhere."""
    x, y = array_of(input), array_of(other)
    if not (isinstance(input, Tensor) and isinstance(other, Tensor) and x.dtype is y.dtype):
        kind = dtypes.result_type(x, y)
        input = input.to(kind) if isinstance(input, Tensor) else wrap(np.asarray(x, kind))
        other = other.to(kind) if isinstance(other, Tensor) else wrap(np.asarray(y, kind))
    return elementwise.where(condition, input, other)
