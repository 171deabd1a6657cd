"""Comparisons, questions and the arithmetic of bits, which have no gradient, and the choice between two tensors, which has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.arguments import array_of, normal_axes, promoted
from gradviz.engine.broadcast import broadcast_error, check_broadcast
from gradviz.engine.core.tensor import mode, wrap
from gradviz.engine.cut import cut
from gradviz.engine.operations import choosing
from gradviz.engine.tensor import Tensor

__all__ = [
    "all", "allclose", "any", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "eq", "equal", "ge", "greater", "greater_equal", "gt", "is_tensor", "isclose", "isfinite", "isin", "isinf",
    "isnan", "isneginf", "isposinf", "isreal", "le", "less", "less_equal", "logical_and", "logical_not", "logical_or",
    "logical_xor", "lt", "ne", "not_equal", "numel", "signbit", "where",
]  # fmt: skip

IN_PLACE = [
    "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "eq", "ge",
    "greater", "greater_equal", "gt", "le", "less", "less_equal", "logical_and", "logical_not", "logical_or",
    "logical_xor", "lt", "ne", "not_equal",
]  # fmt: skip


SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
"""How comparisons are written."""


def _asked(made: Tensor, name: str, *about: Any) -> Tensor:
    """Note with an answer what was asked, where formulas run on tensors: whoever runs them again asks again."""
    if mode.formulas:
        made._asked = name, about
    return made


def _comparison(name: str, compare: Any) -> Any:
    def function(input: Any, other: Any) -> Tensor:
        x, y = array_of(input), array_of(other)
        try:
            if isinstance(input, Tensor) and isinstance(other, Tensor) and x.dtype != y.dtype:
                x, y = promoted(x, y)
            made = _asked(wrap(compare(x, y)), name, input, other)
            for one in (input, other):
                if isinstance(one, Tensor):
                    cut(made, "comparison", one, SIGNS.get(name, name))
            return made
        except ValueError:
            raise broadcast_error(x, y) from None

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Compare entry by entry; the result is a tensor of bools."
    return function


eq = _comparison("eq", np.equal)
ne = not_equal = _comparison("ne", np.not_equal)
lt = less = _comparison("lt", np.less)
le = less_equal = _comparison("le", np.less_equal)
gt = greater = _comparison("gt", np.greater)
ge = greater_equal = _comparison("ge", np.greater_equal)
logical_and = _comparison("logical_and", np.logical_and)
logical_or = _comparison("logical_or", np.logical_or)
logical_xor = _comparison("logical_xor", np.logical_xor)


def logical_not(input: Tensor) -> Tensor:
    """Turn True into False, entry by entry."""
    return _asked(wrap(np.logical_not(input.array)), "logical_not", input)


def _of_bits(name: str, kernel: str, function: Any, words: str) -> Callable[[Any, Any], Tensor]:
    def of(input: Any, other: Any) -> Tensor:
        x, y = promoted(array_of(input), array_of(other))
        check_broadcast(x, y)
        if x.dtype.kind == "f" or (x.dtype.kind == "b" and "shift" in name):
            kind = dtypes.scalar_type_name(dtypes.from_numpy(x.dtype))
            raise NotImplementedError(f"\"{kernel}_cpu\" not implemented for '{kind}'")
        return _asked(wrap(function(x, y)), name, input, other)

    of.__name__ = of.__qualname__ = name
    of.__doc__ = words
    return of


def _shift_left(x: np.ndarray, by: np.ndarray) -> np.ndarray:
    return np.where((by < 0) | (by >= x.dtype.itemsize * 8), 0, np.left_shift(x, by)).astype(x.dtype)


def _shift_right(x: np.ndarray, by: np.ndarray) -> np.ndarray:
    most = x.dtype.itemsize * 8 - 1  # shifted by more, all that is left is the sign
    return np.right_shift(x, np.where((by < 0) | (by > most), most, by))


bitwise_and = _of_bits("bitwise_and", "bitwise_and", np.bitwise_and, "Return the bits that both integers have.")
bitwise_or = _of_bits("bitwise_or", "bitwise_or", np.bitwise_or, "Return the bits that either of two integers has.")
bitwise_xor = _of_bits("bitwise_xor", "bitwise_xor", np.bitwise_xor, "Return the bits that one of two integers has.")
bitwise_left_shift = _of_bits("bitwise_left_shift", "lshift", _shift_left, "Move the bits of integers to the left.")
bitwise_right_shift = _of_bits("bitwise_right_shift", "rshift", _shift_right, "Move the bits of integers to the right.")


def bitwise_not(input: Tensor) -> Tensor:
    """Turn every bit around; of a bool, True into False."""
    if input.array.dtype.kind == "f":
        kind = dtypes.scalar_type_name(input.dtype)
        raise NotImplementedError(f"\"bitwise_not_cpu\" not implemented for '{kind}'")
    return _asked(wrap(np.invert(input.array)), "bitwise_not", input)


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Return True if all entries are nearly equal."""
    return bool(isclose(input, other, rtol, atol, equal_nan).array.all())


def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Return True where two entries differ by at most ``atol + rtol · |other|``."""
    if input.dtype != other.dtype:
        names = (dtypes.scalar_type_name(tensor.dtype) for tensor in (input, other))
        raise RuntimeError("{} did not match {}".format(*names))
    try:
        return wrap(np.isclose(input.array, other.array, rtol, atol, equal_nan))
    except ValueError:
        raise broadcast_error(input.array, other.array) from None


def equal(input: Tensor, other: Tensor) -> bool:
    """Return True if both have the same shape and the same entries."""
    return input.shape == other.shape and bool(np.all(input.array == other.array))


def _quantifier(name: str, reduce: Any, words: str) -> Callable[..., Tensor]:
    def function(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
        out = np.asarray(reduce(input.array, axis=normal_axes(dim, input.ndim), keepdims=keepdim))
        # Of bytes the answer is a byte: from before there were bools.
        return wrap(out.astype(np.uint8) if input.array.dtype == np.uint8 else out)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = words
    return function


all = _quantifier("all", np.all, "Return True where all entries, or all along `dim`, are true.")
any = _quantifier("any", np.any, "Return True where any entry, or any along `dim`, is true.")


def _question(name: str, ask: Any, words: str) -> Callable[[Tensor], Tensor]:
    def function(input: Tensor) -> Tensor:
        return _asked(wrap(ask(input.array)), name, input)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = words
    return function


isnan = _question("isnan", np.isnan, "Return True where an entry is not a number.")
isinf = _question("isinf", np.isinf, "Return True where an entry is infinite.")
isfinite = _question("isfinite", np.isfinite, "Return True where an entry is neither infinite nor nan.")
isposinf = _question("isposinf", lambda x: x == np.inf, "Return True where an entry is plus infinity.")
isneginf = _question("isneginf", lambda x: x == -np.inf, "Return True where an entry is minus infinity.")
isreal = _question("isreal", lambda x: np.ones(x.shape, np.bool_), "Return True where an entry is real: everywhere.")
signbit = _question(
    "signbit",
    lambda x: np.signbit(x) if x.dtype.kind == "f" else x < 0,
    "Return True where an entry is negative, −0 among them.",
)


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Return True where an entry is among those of `test_elements`; with `invert`, where it is not."""
    return wrap(np.isin(array_of(elements), array_of(test_elements), assume_unique, invert))


def is_tensor(value: Any) -> bool:
    """Return True for a tensor."""
    return isinstance(value, Tensor)


def numel(input: Tensor) -> int:
    """Return the number of entries."""
    return input.numel()


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """Choose from `input` where the condition holds, from `other` elsewhere; without them, return where it holds."""
    if input is None and other is None:
        return tuple(wrap(places) for places in np.nonzero(np.atleast_1d(condition.array)))
    if condition.array.dtype.kind != "b":
        if condition.array.dtype != np.uint8:
            given = dtypes.scalar_type_name(condition.dtype)
            raise RuntimeError(f"where expected condition to be a boolean tensor, but got a tensor with dtype {given}")
        condition = condition.bool()
    if isinstance(input, Tensor) is not isinstance(other, Tensor):  # PyTorch makes a tensor of the number
        kind = dtypes.result_type(array_of(input), array_of(other))
        input, other = (x if isinstance(x, Tensor) else wrap(np.asarray(x, kind)) for x in (input, other))
    try:
        return choosing.where(condition, input, other)
    except ValueError:
        check_broadcast(condition.array, array_of(input), array_of(other))
        raise
