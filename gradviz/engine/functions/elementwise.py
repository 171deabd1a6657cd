"""Functions of each entry by itself."""

from __future__ import annotations

from typing import Any

from gradviz.engine.arguments import array_of
from gradviz.engine.broadcast import check_broadcast
from gradviz.engine.functions.arithmetic import aligned, floating, no_kernel, pow, widened
from gradviz.engine.functions.results import return_type
from gradviz.engine.operations import arithmetic, choosing, elementary, elementwise, special
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
    sinc,
    sinh,
    tan,
)
from gradviz.engine.operations.elementwise import (
    angle,
    ceil,
    cos,
    exp,
    floor,
    log,
    relu,
    sgn,
    sigmoid,
    sign,
    sin,
    sqrt,
    tanh,
    trunc,
)
from gradviz.engine.operations.special import digamma, erf, erfc, erfinv, i0, lgamma
from gradviz.engine.tensor import Tensor

__all__ = [
    "abs", "absolute", "acos", "acosh", "angle", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "asin",
    "asinh", "atan", "atanh", "ceil", "clamp", "clamp_max", "clamp_min", "clip", "conj", "conj_physical", "copysign",
    "cos", "cosh", "deg2rad", "digamma", "erf", "erfc", "erfinv", "exp", "exp2", "expm1", "fix", "floor", "frac",
    "frexp", "heaviside", "i0", "lgamma", "log", "log10", "log1p", "log2", "logit", "mvlgamma", "nan_to_num", "neg",
    "negative", "polygamma", "positive", "rad2deg", "real", "relu", "resolve_conj", "resolve_neg", "round", "rsqrt",
    "sgn", "sigmoid", "sign", "sin", "sinc", "sinh", "sqrt", "square", "tan", "tanh", "trunc",
]  # fmt: skip

IN_PLACE = [
    "abs", "absolute", "acos", "acosh", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "asin", "asinh",
    "atan", "atanh", "ceil", "clamp", "clamp_max", "clamp_min", "clip", "copysign", "cos", "cosh", "deg2rad", "digamma",
    "erf", "erfc", "erfinv", "exp", "exp2", "expm1", "fix", "floor", "frac", "heaviside", "i0", "lgamma", "log",
    "log10", "log1p", "log2", "logit", "mvlgamma", "nan_to_num", "neg", "negative", "polygamma", "rad2deg", "relu",
    "round", "rsqrt", "sgn", "sigmoid", "sign", "sin", "sinc", "sinh", "sqrt", "square", "tan", "tanh", "trunc",
]  # fmt: skip
"""Functions that also change a tensor in place: ``x.add_(y)``."""

arccos, arccosh, arcsin, arcsinh, arctan, arctanh, fix = acos, acosh, asin, asinh, atan, atanh, trunc


def square(input: Tensor) -> Tensor:
    """Raise to the power of two."""
    return arithmetic.pow_number(input, 2) if input.array.dtype.kind == "f" else pow(input, 2)


# --- signs and limits ---------------------------------------------------------------------------------------------------


def abs(input: Tensor) -> Tensor:
    """Return the absolute value."""
    if input.array.dtype.kind == "b":
        raise no_kernel("abs", input.array.dtype)
    return elementwise.abs(input)


def neg(input: Tensor) -> Tensor:
    """Turn the sign around."""
    if input.array.dtype.kind == "b":
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the "
            "`~` or `logical_not()` operator instead."
        )
    return arithmetic.neg(input)


absolute, negative = abs, neg


def positive(input: Tensor) -> Tensor:
    """Return the tensor itself, as ``+x`` does."""
    if input.array.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


def real(input: Tensor) -> Tensor:
    """Return the tensor itself: all numbers here are real."""
    return input


conj = conj_physical = resolve_conj = resolve_neg = real


def copysign(input: Tensor, other: Any) -> Tensor:
    """Give numbers the signs of `other`; the sign of −0 counts."""
    if isinstance(other, Tensor):
        return elementary.copysign(input, other)
    return elementary.copysign_number(floating(input), array_of(other))


def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Cut off what is smaller than `min` or larger than `max`; each may be ``None``, a number or a tensor.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.clamp(torch.tensor([-2.0, 0.5, 2.0]), -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        check_broadcast(*(array_of(x) for x in (input, min, max) if x is not None))
        return choosing.clamp_tensor(input, min, max)
    return choosing.clamp(widened(input, min, max), array_of(min), array_of(max))


clip = clamp


def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Replace what is smaller than `min`."""
    if isinstance(min, Tensor):
        check_broadcast(input.array, min.array)
        return choosing.clamp_min_tensor(input, min)
    return choosing.clamp_min(widened(input, min), array_of(min))


def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Replace what is larger than `max`."""
    if isinstance(max, Tensor):
        check_broadcast(input.array, max.array)
        return choosing.clamp_max_tensor(input, max)
    return choosing.clamp_max(widened(input, max), array_of(max))


def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """Return 0 where the input is negative, 1 where it is positive, and `values` where it is 0."""
    if input.dtype != values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    x, y = aligned(input, values)
    out = elementwise.heaviside(x, y)
    return out if out.dtype == x.dtype else out.to(x.dtype)


def nan_to_num(
    input: Tensor, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """Replace what is not a number, and infinities (by the largest numbers there are, unless told otherwise)."""
    if input.array.dtype.kind != "f":
        return input.clone()
    return elementary.nan_to_num(input, 0.0 if nan is None else nan, posinf, neginf)


def round(input: Tensor, *, decimals: int | None = None) -> Tensor:
    """Round to the nearest; a half goes to the even neighbour.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.round(torch.tensor([0.5, 1.5, 2.5])), torch.round(torch.tensor(3.14159), decimals=2)
    (tensor([0., 2., 2.]), tensor(3.1400))
    """
    if decimals is None:
        return elementwise.round(input)
    if input.array.dtype.kind != "f":
        raise no_kernel("round", input.array.dtype)
    return elementwise.round_decimals(input, decimals)


def frexp(input: Tensor) -> tuple[Tensor, Tensor]:
    """Take numbers apart: ``mantissa · 2**exponent``, with mantissas from ½ up to 1."""
    if input.array.dtype.kind != "f":
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    return FrexpResult(*elementary.frexp(input))


FrexpResult = return_type("frexp", "mantissa exponent")


# --- the gamma function and the odds ------------------------------------------------------------------------------------


def polygamma(n: Any, input: Any) -> Tensor:
    """Return the n-th derivative of the digamma function.

    Parameters
    ----------
    n
        A number of derivatives, 0 or more; as a method ``x.polygamma(n)``.
    input
        A tensor.
    """
    n, input = (input, n) if isinstance(n, Tensor) else (n, input)
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return special.polygamma(floating(input), n)


def mvlgamma(input: Tensor, p: int) -> Tensor:
    """Return the logarithm of the gamma function of `p` dimensions: of positive definite p × p matrices."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    return special.mvlgamma(floating(input), p)


def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """Return the logarithm of the odds, ``log(x / (1 − x))``; with `eps`, of x kept from 0 and 1 by that much."""
    return special.logit(floating(input), eps)
