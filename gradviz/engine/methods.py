"""Give tensors their methods and operators: each is one of the functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import dtypes, functions, inplace
from gradviz.engine.functions.indexing import getitem, plain_index
from gradviz.engine.functions.shapes import flat_size
from gradviz.engine.modes import mode
from gradviz.engine.operation import array_of
from gradviz.engine.operations import elementwise
from gradviz.engine.tensor import Tensor, wrap


def _operator(function: Callable[..., Any], swapped: bool = False) -> Callable[[Tensor, Any], Any]:
    """Make an operator's method: it declines what is not a number, so that Python can say so."""

    def method(self: Tensor, other: Any) -> Any:
        if isinstance(other, Tensor) or type(other) is float or type(other) is int or _is_number(other):
            return function(other, self) if swapped else function(self, other)
        return NotImplemented

    return method


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float | np.generic | np.ndarray)


def _in_place(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return inplace.change(self, lambda old, *rest: function(old, *rest, **kwargs), *args)

    return method


def _reversed_sub(self: Tensor, other: Any) -> Tensor:
    return elementwise.rsub(self, array_of(other)) if not isinstance(other, Tensor) else other - self


def _reversed_div(self: Tensor, other: Any) -> Tensor:
    # PyTorch's 1 / x is the reciprocal, times 1.
    return functions.mul(functions.reciprocal(self), other)


def _matmul(self: Tensor, other: Any) -> Any:
    return functions.matmul(self, other) if isinstance(other, Tensor) else NotImplemented


def _setitem(self: Tensor, index: Any, value: Any) -> None:
    if self._grad_fn is not None or (isinstance(value, Tensor) and value._requires_grad and mode.enabled):
        raise NotImplementedError(
            "gradviz cannot record an assignment to part of a tensor yet; build the tensor with torch.where, cat or stack"
        )
    if self._requires_grad and mode.enabled:
        raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")
    inplace.write(self, value.array if isinstance(value, Tensor) else value, plain_index(index))


def _fill(self: Tensor, value: float = 0) -> Tensor:
    inplace.refuse_leaf(self)
    inplace.write(self, value)
    # Nothing of the old numbers is left, so no gradient flows to them.
    return self.detach_() if mode.enabled else self


def install() -> None:
    """Attach everything to `Tensor`."""
    for name in functions.__all__:
        if name not in functions.NOT_METHODS and name not in vars(Tensor):
            setattr(Tensor, name, getattr(functions, name))
    for name in functions.IN_PLACE:
        setattr(Tensor, f"{name}_", _in_place(getattr(functions, name)))
    for name, function in {
        "add": functions.add,
        "sub": functions.sub,
        "mul": functions.mul,
        "truediv": functions.div,
        "pow": functions.pow,
        "floordiv": functions.floor_divide,
    }.items():
        setattr(Tensor, f"__{name}__", _operator(function))
        setattr(Tensor, f"__i{name}__", _operator(_in_place(function)))
    # The hot ones skip the functions' extra arguments.
    for name in ("add", "sub", "mul"):
        setattr(Tensor, f"__{name}__", _operator(getattr(elementwise, name)))
    for name, function in {
        "radd": elementwise.add,
        "rmul": elementwise.mul,
        "rsub": _reversed_sub,
        "rtruediv": _reversed_div,
        "eq": functions.eq,
        "ne": functions.ne,
        "lt": functions.lt,
        "le": functions.le,
        "gt": functions.gt,
        "ge": functions.ge,
        "and": functions.logical_and,
        "or": functions.logical_or,
    }.items():
        setattr(Tensor, f"__{name}__", _operator(function))
    members: dict[str, Any] = {
        "__rpow__": _operator(functions.pow, swapped=True),
        "__matmul__": _matmul,
        "__neg__": functions.neg,
        "__pos__": lambda self: self,
        "__abs__": functions.abs,
        "__invert__": functions.logical_not,
        "__getitem__": getitem,
        "__setitem__": _setitem,
        "zero_": lambda self: _fill(self),
        "fill_": _fill,
        "copy_": lambda self, source: inplace.change(self, lambda old: source.to(old.dtype).expand(old.shape).clone()),
        "expand_as": lambda self, other: functions.expand(self, other.shape),
        "view_as": lambda self, other: functions.view(self, other.shape),
        "reshape_as": lambda self, other: functions.reshape(self, other.shape),
        "contiguous": lambda self: self if self.storage().flags.c_contiguous else functions.clone(self),
        "is_contiguous": lambda self: self.storage().flags.c_contiguous,
        "cpu": lambda self: self,
        "float": lambda self: functions.to(self, dtypes.float32),
        "double": lambda self: functions.to(self, dtypes.float64),
        "half": lambda self: functions.to(self, dtypes.float16),
        "long": lambda self: functions.to(self, dtypes.int64),
        "int": lambda self: functions.to(self, dtypes.int32),
        "bool": lambda self: functions.to(self, dtypes.bool),
        "T": property(lambda self: functions.permute(self, tuple(range(self.ndim))[::-1])),
        "mT": property(lambda self: functions.transpose(self, -2, -1)),
        "new_zeros": lambda self, *size: wrap(np.zeros(flat_size(size), self.array.dtype)),
    }
    for name, member in members.items():
        setattr(Tensor, name, member)
