"""Arithmetic and functions of each entry by itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.operation import array_of, promoted
from gradviz.engine.operations import activations, elementwise
from gradviz.engine.operations.elementary import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atanh,
    cosh,
    deg2rad,
    exp2,
    expm1,
    frac,
    log1p,
    log2,
    log10,
    rad2deg,
    rsqrt,
    sinh,
    tan,
)
from gradviz.engine.operations.elementwise import (
    abs,
    ceil,
    cos,
    exp,
    floor,
    log,
    maximum,
    minimum,
    neg,
    reciprocal,
    relu,
    round,
    sigmoid,
    sign,
    sin,
    sqrt,
    tanh,
    trunc,
)
from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "abs", "absolute", "acos", "acosh", "add", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh",
    "asin", "asinh", "atan", "atanh", "ceil", "clamp", "clamp_max", "clamp_min", "clip", "cos", "cosh", "deg2rad",
    "div", "divide", "exp", "exp2", "expm1", "fix", "floor", "floor_divide", "frac", "log", "log10", "log1p",
    "log2", "maximum", "minimum", "mul", "multiply", "neg", "negative", "pow", "rad2deg", "reciprocal", "relu",
    "round", "rsqrt", "sigmoid", "sign", "sin", "sinh", "sqrt", "square", "sub", "subtract", "tan", "tanh",
    "true_divide", "trunc",
]  # fmt: skip

IN_PLACE = [
    "add",
    "sub",
    "mul",
    "div",
    "pow",
    "neg",
    "abs",
    "exp",
    "log",
    "sqrt",
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "relu",
    "reciprocal",
    "square",
]
"""Functions that also change a tensor in place: ``x.add_(y)``."""

absolute, negative = abs, neg
arccos, arccosh, arcsin, arcsinh, arctan, arctanh, fix = acos, acosh, asin, asinh, atan, atanh, trunc


def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """Add, after multiplying `other` by `alpha`."""
    return elementwise.add(input, other if alpha == 1 else _scaled(other, alpha))


def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """Subtract `other`, multiplied by `alpha`."""
    return elementwise.sub(input, other if alpha == 1 else _scaled(other, alpha))


def _scaled(other: Any, alpha: float) -> Any:
    return other * alpha


subtract = sub


def mul(input: Any, other: Any) -> Tensor:
    """Multiply entry by entry."""
    return elementwise.mul(input, other) if isinstance(input, Tensor) else elementwise.mul(other, input)


multiply = mul


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """Divide entry by entry; integers divide to floating point."""
    if rounding_mode is None:
        return elementwise.div(input, other)
    rounding = {"floor": floor, "trunc": trunc}.get(rounding_mode)
    if rounding is not None:
        x, y = promoted(array_of(input), array_of(other))
        if x.dtype.kind == "f":
            return rounding(elementwise.div(input, other))
        with np.errstate(all="ignore"):
            return wrap(np.floor_divide(x, y) if rounding_mode == "floor" else np.trunc(x / y).astype(x.dtype))
    raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'")


divide = true_divide = div


def floor_divide(input: Any, other: Any) -> Tensor:
    """Divide and round down. No gradient flows through it: it is flat nearly everywhere."""
    return div(input, other, rounding_mode="floor")


def pow(input: Any, exponent: Any) -> Tensor:
    """Raise to a power; either side may be a number."""
    if not isinstance(exponent, Tensor):
        exponent = array_of(exponent)
        if isinstance(exponent, int) and exponent < 0 and input.array.dtype.kind in "iu":
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        if isinstance(exponent, float) and input.array.dtype.kind != "f":
            input = input.to(dtypes.get_default_dtype())
        return elementwise.pow_number(input, exponent)
    if not isinstance(input, Tensor):
        return elementwise.number_pow(exponent, array_of(input))
    return elementwise.pow_tensor(input, exponent)


def square(input: Tensor) -> Tensor:
    """Raise to the power of two."""
    return elementwise.pow_number(input, 2)


def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Cut off what is smaller than `min` or larger than `max`; each may be ``None``, a number or a tensor."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        out = input if min is None else maximum(input, min)
        return out if max is None else minimum(out, max)
    if input.array.dtype.kind != "f" and (isinstance(min, float) or isinstance(max, float)):
        input = input.to(dtypes.get_default_dtype())
    return activations.clamp(input, min, max)


clip = clamp


def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Replace what is smaller than `min`."""
    return clamp(input, min=min)


def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Replace what is larger than `max`."""
    return clamp(input, max=max)
