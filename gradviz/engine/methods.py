"""Give tensors their methods and operators: each is one of the functions."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from gradviz.engine import calls, functions, inplace, mixed, subclasses
from gradviz.engine.arguments import array_of, watching
from gradviz.engine.backward import tensor_backward
from gradviz.engine.creation import data, filled
from gradviz.engine.functions.indexing import check_same_dtype, getitem, index_error, index_of, plain_index, viewed
from gradviz.engine.functions.repeating import broadcast_shape
from gradviz.engine.modes import mode
from gradviz.engine.operations import arithmetic, assignment
from gradviz.engine.operations.indexing import basic, place_of
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor, wrap


def _operator(function: Callable[..., Any], swapped: bool = False) -> Callable[[Tensor, Any], Any]:
    """Make an operator's method: it declines what is not a number, so that Python can say so."""

    def method(self: Tensor, other: Any) -> Any:
        if isinstance(other, Tensor) or type(other) is float or type(other) is int or _is_number(other):
            return function(other, self) if swapped else function(self, other)
        return mixed.declined(other)

    return method


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float | np.generic | np.ndarray)


def _in_place(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return inplace.change(self, function, *args, **kwargs)

    return method


def _reversed_sub(self: Tensor, other: Any) -> Tensor:
    return functions.rsub(self, other if isinstance(other, Tensor) else array_of(other))


def _reversed_div(self: Tensor, other: Any) -> Tensor:
    # PyTorch's 1 / x is the reciprocal, times 1.
    return functions.mul(functions.reciprocal(self), other)


def _matmul(self: Tensor, other: Any) -> Any:
    return functions.matmul(self, other) if isinstance(other, Tensor) else mixed.declined(other)


def _setitem(self: Tensor, index: Any, value: Any) -> None:
    if index is False:
        return  # nothing of it, whatever the value
    if type(value) is not float and type(value) is not int:
        mixed.refuse(value)
    tracked = mode.enabled and (
        (self if self._base is None else self._base)._requires_grad
        or (isinstance(value, Tensor) and value._requires_grad)
    )
    if not tracked:
        inplace.refuse(self)
        _overwrite(self, index, value)
        return
    # As PyTorch: a view of the part is made, and the new numbers are copied into it.
    source = value if isinstance(value, Tensor) else wrap(np.asarray(value, self.array.dtype))
    part, picks = viewed(self, index)
    if picks:
        source = _without_leading_ones(source) if source.array.shape[:1] == (1,) else source

        def index_put(old: Tensor, new: Tensor) -> Tensor:
            return watching(functions.index_put(old, index_of(picks), new), indices=index)

        inplace.change(part, index_put, source)
    elif source.ndim or not part.ndim:
        if source.shape != part.shape:
            source = _without_leading_ones(source)
            source = source if source.shape == part.shape else functions.expand(source, part.shape)
        inplace.change(part, _copied, source)
    else:
        inplace.change(part, assignment.fill, source)


def _overwrite(self: Tensor, index: Any, value: Any) -> None:
    """Put numbers into a part of a tensor that no gradient flows through."""
    part, where, plain = self, plain_index(index), True
    if not basic(where):
        part, picks = viewed(self, index)
        where, plain = place_of(index_of(picks)), not picks
    numbers = _without_leading_ones(value.detach()).array if isinstance(value, Tensor) else value
    try:
        if isinstance(value, Tensor) and value.dtype != self.dtype and not plain:
            np.broadcast_to(numbers, part.array[where].shape)
            check_same_dtype(self, value)
        inplace.write(part, numbers, where, "copy" if plain else "index_put")
    except IndexError:
        raise index_error(self, index) from None
    except ValueError:
        shape = part.array[where].shape
        if not plain:
            raise RuntimeError(
                f"shape mismatch: value tensor of shape {list(np.shape(array_of(value)))} cannot be broadcast to "
                f"indexing result of shape {list(shape)}"
            ) from None
        functions.expand(wrap(np.asarray(array_of(value))), shape)  # says which size does not fit
        raise


def _without_leading_ones(source: Tensor) -> Tensor:
    """Return what is assigned to a part as PyTorch takes it."""
    return functions.view(source, tuple(itertools.dropwhile(lambda length: length == 1, source.array.shape)))


def _copied(old: Tensor, source: Tensor) -> Tensor:
    together = broadcast_shape(old, source)  # or it says which size does not fit
    if together != old.array.shape:
        raise RuntimeError(f"output with shape {list(old.shape)} doesn't match the broadcast shape {list(together)}")
    return assignment.copy(old, source)


def _copied_onto_itself(old: Tensor, source: Tensor) -> Tensor:
    return _copied(old, source)


def _fill(self: Tensor, value: Any = 0) -> Tensor:
    """Make every entry the same number."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions."
            )
        return inplace.change(self, assignment.fill, value)
    mixed.refuse(value)
    return inplace.change(self, assignment.fill_number, value)


def _copy(self: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:
    """Copy another tensor's numbers, or a number, into this one."""
    mixed.refuse(source)
    source = source if isinstance(source, Tensor) else wrap(np.asarray(source))
    here, there = (each._writable().__array_interface__ for each in (self, source))
    return inplace.change(self, _copied_onto_itself if here == there else _copied, source)


def _reversed_axes(self: Tensor) -> Tensor:
    if self.ndim != 2:
        warn(T_OF_OTHERS)
    return functions.permute(self, tuple(range(self.ndim))[::-1])


RESHAPING = ["squeeze", "swapaxes", "swapdims", "t", "transpose", "unsqueeze"]
"""Functions whose twin with an underscore changes the shape of the tensor itself."""

T_OF_OTHERS = (
    "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it will throw an "
    "error in a future release. Consider `x.mT` to transpose batches of matrices or `x.permute(*torch.arange(x.ndim - 1, "
    "-1, -1))` to reverse the dimensions of a tensor."
)


ON_TOP = [
    "abs", "acos", "acosh", "addmv", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "asin", "asinh", "atan", "atanh",
    "ceil", "clamp", "clamp_max", "clamp_min", "clip", "conj_physical", "cos", "cosh", "deg2rad", "detach", "erf", "erfc", "exp",
    "exp2", "expm1", "fill", "fix", "floor", "frac", "gcd", "i0", "index_put", "lcm", "ldexp", "log", "log10", "log1p", "log2",
    "logit", "nan_to_num", "neg", "negative", "rad2deg", "reciprocal", "relu", "resize_as", "round", "rsqrt", "sigmoid", "sin",
    "sinc", "sinh", "sqrt", "square", "tan", "tanh", "trunc", "xlogy", "zero",
]  # fmt: skip
"""Methods that change a tensor in place and are functions, too: ``torch.relu_(x)``."""


def on_top() -> dict[str, Any]:
    """Return the methods that stand in ``torch`` as functions, besides those of `functions`."""
    return {name: getattr(Tensor, name).__wrapped__ for name in (*(f"{name}_" for name in ON_TOP), "detach")}


def _reshaping(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda self, *args: inplace.reshape(self, function, *args)


def install() -> None:
    """Attach everything to `Tensor`."""
    Tensor.__new__ = staticmethod(data.new)  # type: ignore[method-assign]
    for name in functions.__all__:
        if name not in functions.NOT_METHODS and name not in vars(Tensor):
            setattr(Tensor, name, getattr(functions, name))
    for name, member in {**functions.METHODS, **filled.METHODS}.items():
        setattr(Tensor, name, member)
    for name in functions.IN_PLACE:
        setattr(Tensor, f"{name}_", _in_place(getattr(functions, name)))
    for name in RESHAPING:
        setattr(Tensor, f"{name}_", _reshaping(getattr(functions, name)))
    for name, function in {
        "add": functions.add,
        "sub": functions.sub,
        "mul": functions.mul,
        "truediv": functions.div,
        "pow": functions.pow,
        "floordiv": functions.floor_divide,
        "mod": functions.remainder,
        "and": functions.bitwise_and,
        "or": functions.bitwise_or,
        "xor": functions.bitwise_xor,
        "lshift": functions.bitwise_left_shift,
        "rshift": functions.bitwise_right_shift,
    }.items():
        setattr(Tensor, f"__{name}__", _operator(function))
        setattr(Tensor, f"__i{name}__", _operator(_in_place(function)))
    # The ones that run most often are the rows themselves.
    for name, operation in {
        "add": arithmetic.add,
        "radd": arithmetic.add,
        "sub": arithmetic.sub,
        "mul": arithmetic.mul,
        "rmul": arithmetic.mul,
        "truediv": arithmetic.div,
    }.items():
        setattr(Tensor, f"__{name}__", operation)
    for name, function in {
        "rsub": _reversed_sub,
        "rtruediv": _reversed_div,
        "rdiv": _reversed_div,
        "eq": functions.eq,
        "ne": functions.ne,
        "lt": functions.lt,
        "le": functions.le,
        "gt": functions.gt,
        "ge": functions.ge,
        "rand": functions.bitwise_and,
        "ror": functions.bitwise_or,
        "rxor": functions.bitwise_xor,
    }.items():
        setattr(Tensor, f"__{name}__", _operator(function))
    members: dict[str, Any] = {
        "backward": tensor_backward,
        "__rpow__": _operator(functions.pow, swapped=True),
        "__rmod__": _operator(functions.remainder, swapped=True),
        "__rfloordiv__": _operator(functions.floor_divide, swapped=True),
        "__matmul__": _matmul,
        "__neg__": functions.neg,
        "__pos__": lambda self: self,
        "__abs__": functions.abs,
        "__invert__": functions.bitwise_not,
        "__getitem__": getitem,
        "__setitem__": _setitem,
        "zero_": lambda self: inplace.change(self, assignment.zero),
        "fill_": _fill,
        "copy_": _copy,
        "where": lambda self, condition, other: functions.where(condition, self, other),
        "T": property(_reversed_axes),
        "__init_subclass__": classmethod(lambda cls, **words: subclasses.made(cls)),
        "__torch_function__": classmethod(subclasses.torch_function),
        "as_subclass": subclasses.as_subclass,
    }
    for name, member in members.items():
        setattr(Tensor, name, member)
    for name, member in list(vars(Tensor).items()):
        if isinstance(member, FunctionType):
            made = "<" in member.__qualname__  # by another function, or a lambda
            if not name.startswith("_"):
                member, made = calls.public(f"Tensor.{name}", member), True
                setattr(Tensor, name, member)
            if made:
                member.__name__, member.__qualname__, member.__module__ = name, f"Tensor.{name}", Tensor.__module__
