"""Entries written in another precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.cut import cut
from gradviz.engine.devices import check_device
from gradviz.engine.operations import elementwise
from gradviz.engine.tensor import Tensor

__all__ = ["to"]


def to(input: Tensor, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, **ignored: Any) -> Tensor:
    """Convert to another dtype; ``"cpu"`` is the only device.

    Parameters
    ----------
    *args
        A dtype, or another tensor to take it from, or a device.
    """
    if device is not None:
        check_device(device)
    for argument in args:
        if isinstance(argument, Tensor):
            dtype = argument.dtype
        elif isinstance(argument, dtypes.dtype | np.dtype | type):
            dtype = argument
        elif argument is not None and not isinstance(argument, bool):
            check_device(argument)
    kind = input.array.dtype if dtype is None else dtypes.to_numpy(dtype)
    copy = copy or [argument for argument in args if isinstance(argument, bool)][1:] == [True]  # after non_blocking
    if kind == input.array.dtype and not copy:
        return input
    made = elementwise.to_copy(input, kind)
    return made if kind.kind == "f" else cut(made, "integers", input, dtypes.from_numpy(kind).name)


def type_as(input: Tensor, other: Tensor) -> Tensor:
    """Convert to another tensor's dtype."""
    return to(input, other.dtype)


def _conversion(kind: dtypes.dtype) -> Any:
    def function(input: Tensor, *, memory_format: Any = None) -> Tensor:
        return to(input, kind)

    function.__doc__ = f"Convert to {kind.name}."
    return function


def _no_conversion(name: str) -> Any:
    def function(input: Tensor, memory_format: Any = None) -> Tensor:
        raise NotImplementedError(f"gradviz has no {name}; supported: {', '.join(kind.name for kind in dtypes.ALL)}")

    function.__doc__ = f"Say that there are no tensors of {name}."
    return function


METHODS = {
    "type_as": type_as,
    "double": _conversion(dtypes.float64),
    "float": _conversion(dtypes.float32),
    "half": _conversion(dtypes.float16),
    "long": _conversion(dtypes.int64),
    "int": _conversion(dtypes.int32),
    "short": _conversion(dtypes.int16),
    "char": _conversion(dtypes.int8),
    "byte": _conversion(dtypes.uint8),
    "bool": _conversion(dtypes.bool),
    "bfloat16": _no_conversion("bfloat16"),
    "chalf": _no_conversion("complex32"),
    "cfloat": _no_conversion("complex64"),
    "cdouble": _no_conversion("complex128"),
}
