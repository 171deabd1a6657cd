"""PyTorch's dtypes over NumPy's, and PyTorch's rules for mixing them.

The two libraries agree on most things, but not on what ``int64 + float32`` is: float64 in NumPy, float32 in PyTorch,
where the *category* (bool < integer < floating point) counts more than the width. `result_type` is PyTorch's rule.
"""

from __future__ import annotations

import builtins
from functools import cache

import numpy as np

from gradviz.engine import mixed

Number = builtins.float | builtins.int | builtins.bool


class dtype:  # noqa: N801 (PyTorch's name)
    """The type of a tensor's entries. There is exactly one object for each, so ``is`` compares them.

    Attributes
    ----------
    name
        ``"float32"``.
    numpy
        The NumPy dtype of the array inside the tensor.
    is_floating_point
        True for float16, float32 and float64; only these can require a gradient.
    itemsize
        Bytes per entry.
    """

    __slots__ = ("is_floating_point", "itemsize", "name", "numpy")

    name: str
    numpy: np.dtype
    is_floating_point: builtins.bool
    itemsize: builtins.int

    def __init__(self, name: str) -> None:
        self.name = name
        self.numpy = np.dtype(name)
        self.is_floating_point = self.numpy.kind == "f"
        self.itemsize = self.numpy.itemsize

    def __repr__(self) -> str:
        return f"torch.{self.name}"  # what PyTorch prints, so that a notebook's output is the same

    def __reduce__(self) -> str:
        return self.name  # a copy or an unpickled dtype is this module's own object


float64 = double = dtype("float64")
float32 = float = dtype("float32")
float16 = half = dtype("float16")
int64 = long = dtype("int64")
int32 = int = dtype("int32")
int16 = short = dtype("int16")
int8 = dtype("int8")
uint8 = dtype("uint8")
bool = dtype("bool")

ALL = (float64, float32, float16, int64, int32, int16, int8, uint8, bool)

_SUPPORTED = ", ".join(d.name for d in ALL[:-1]) + f", and {bool.name}"
_FROM_NUMPY = {d.numpy: d for d in ALL}
_FROM_NAME = {d.name: d for d in ALL} | {
    "double": double, "float": float, "half": half, "long": long, "int": int, "short": short,
}  # fmt: skip
_FROM_PYTHON: dict[type, dtype] = {builtins.float: float64, builtins.int: int64, builtins.bool: bool}
_CATEGORY = {d.numpy: {"b": 0, "u": 1, "i": 1, "f": 2}[d.numpy.kind] for d in ALL}
_SCALAR_NAME = {
    float64: "Double", float32: "Float", float16: "Half",
    int64: "Long", int32: "Int", int16: "Short", int8: "Char", uint8: "Byte", bool: "Bool",
}  # fmt: skip

CPP_NAMES = {
    "float64": "double", "float32": "float", "float16": "c10::Half", "int64": "long int", "int32": "int", "int16": "short int",
    "int8": "signed char", "uint8": "unsigned char", "bool": "bool",
}  # fmt: skip
"""What C++ calls them, which some of PyTorch's errors do."""

_default = float32


def from_numpy(numpy_dtype: np.dtype) -> dtype:
    """Return the dtype of tensors that hold arrays of this NumPy dtype.

    Raises
    ------
    TypeError
        If tensors cannot hold such arrays: complex numbers, objects, text, another machine's byte order.

    Examples
    --------
    >>> from_numpy(np.dtype("float32"))
    torch.float32
    """
    try:
        return _FROM_NUMPY[numpy_dtype]
    except KeyError:
        raise _unsupported(numpy_dtype) from None


def _unsupported(numpy_dtype: np.dtype) -> TypeError:
    name = f"numpy.{numpy_dtype.type.__name__}"
    if numpy_dtype.newbyteorder("=") in _FROM_NUMPY:
        name += " in a byte order that is not this machine's (array.astype(array.dtype.newbyteorder('=')) converts it)"
    return TypeError(f"can't convert np.ndarray of type {name}. The only supported types are: {_SUPPORTED}.")


def to_numpy(spec: dtype | np.dtype | type | str) -> np.dtype:
    """Return the NumPy dtype for a dtype given in any of the usual ways.

    Parameters
    ----------
    spec
        ``float32`` of this module, a NumPy dtype or scalar type, a name (``"float32"``, ``"long"``), or Python's
        ``float``, ``int`` or ``bool``, which mean float64, int64 and bool, as they do in PyTorch.

    Raises
    ------
    TypeError
        If it is not a dtype, or not one a tensor can have.
    """
    if isinstance(spec, dtype):
        return spec.numpy
    if isinstance(spec, str):
        # Our names first: NumPy's "long" and "float" are other types, depending on the system.
        known = _FROM_NAME.get(spec.removeprefix("torch."))
    else:
        known = _FROM_PYTHON.get(spec) if isinstance(spec, type) else None
    if known is not None:
        return known.numpy
    try:
        numpy_dtype = np.dtype(spec) if spec is not None else None  # np.dtype(None) is float64
    except TypeError:
        numpy_dtype = None
    if numpy_dtype is None:
        words = f"dtype must be a dtype such as torch.float32, not {spec!r}"
        raise TypeError(mixed.explained(words, spec))
    return from_numpy(numpy_dtype).numpy


def get_default_dtype() -> dtype:
    """Return the dtype of a tensor made from Python floats; float32 unless `set_default_dtype` changed it."""
    return _default


def set_default_dtype(d: dtype) -> None:
    """Set the dtype of tensors made from Python floats.

    Raises
    ------
    TypeError
        If it is not a floating-point dtype.
    """
    global _default
    if not isinstance(d, dtype):
        words = "invalid dtype object: only floating-point types are supported as the default type"
        raise TypeError(mixed.explained(words, d))
    if not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    _default = d


def category(numpy_dtype: np.dtype) -> builtins.int:
    """Return 0 for bool, 1 for integers, 2 for floating point: what decides before the width does."""
    try:
        return _CATEGORY[numpy_dtype]
    except KeyError:
        raise _unsupported(numpy_dtype) from None


@cache
def promote_types(a: np.dtype, b: np.dtype) -> np.dtype:
    """Return the smallest dtype of the higher category that holds both; symmetric in its arguments.

    Examples
    --------
    >>> promote_types(np.dtype("int64"), np.dtype("float16"))
    dtype('float16')
    """
    if category(a) != category(b):
        return a if category(a) > category(b) else b
    return np.promote_types(a, b)


def result_type(*operands: np.ndarray | np.generic | Number) -> np.dtype:
    """Return the dtype of an operation on these operands, by PyTorch's rules.

    The operands of the highest category decide, and among them those with dimensions before 0-dim arrays, and these
    before Python numbers. A Python float counts as the default dtype, an int as int64.

    Parameters
    ----------
    *operands
        Arrays (or NumPy scalars, which count as 0-dim arrays) and Python numbers; at least one.

    Raises
    ------
    TypeError
        If one of them has a dtype that tensors do not support.

    Examples
    --------
    >>> result_type(np.ones(2, np.int64), np.float64(1.5))
    dtype('float64')
    >>> result_type(np.ones(2, np.float32), np.ones((), np.float64))
    dtype('float32')
    >>> result_type(np.ones(2, np.int16), 1.5)
    dtype('float32')
    """
    best, result = (-1, -1), bool.numpy  # the strongest category and kind of operand so far, and their dtype
    for operand in operands:
        if isinstance(operand, (np.ndarray, np.generic)):
            numpy_dtype, rank = operand.dtype, 2 if operand.ndim else 1
        else:
            numpy_dtype, rank = _number_dtype(operand), 0
        strength = (category(numpy_dtype), rank)
        if strength > best:
            best, result = strength, numpy_dtype
        elif strength == best and numpy_dtype is not result:
            result = promote_types(result, numpy_dtype)
    return result


def _number_dtype(number: Number) -> np.dtype:
    if isinstance(number, builtins.bool):
        return bool.numpy
    if isinstance(number, builtins.int):
        return int64.numpy
    if isinstance(number, builtins.float):
        return _default.numpy
    raise TypeError(f"expected a tensor or a number, not {type(number).__name__}: {number!r}")


def scalar_type_name(d: dtype) -> str:
    """Return the name PyTorch's error texts use: ``"Float"``, ``"Double"``, ``"Long"``, ``"Byte"``, ..."""
    return _SCALAR_NAME[d]


def tensor_type_name(d: dtype) -> str:
    """Return what ``tensor.type()`` returns: ``"torch.FloatTensor"``."""
    return f"torch.{_SCALAR_NAME[d]}Tensor"
