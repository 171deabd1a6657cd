"""Arithmetic and functions of each entry by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.arguments import array_of, is_bool
from gradviz.engine.broadcast import check_broadcast
from gradviz.engine.operations import arithmetic, choosing, elementary, scalars
from gradviz.engine.operations.arithmetic import reciprocal
from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "add", "addcdiv", "addcmul", "arctan2", "atan2", "div", "divide", "float_power", "floor_divide", "fmax", "fmin",
    "fmod", "gcd", "hypot", "lcm", "ldexp", "lerp", "logaddexp", "logaddexp2", "maximum", "minimum", "mul", "multiply",
    "pow", "reciprocal", "remainder", "rsub", "sub", "subtract", "true_divide", "xlogy",
]  # fmt: skip

IN_PLACE = [
    "add", "addcdiv", "addcmul", "arctan2", "atan2", "div", "divide", "floor_divide", "fmod", "gcd", "hypot", "lcm",
    "ldexp", "lerp", "mul", "multiply", "pow", "reciprocal", "remainder", "sub", "subtract", "true_divide", "xlogy",
]  # fmt: skip
"""Functions that also change a tensor in place: ``x.add_(y)``."""


# --- bringing operands together -----------------------------------------------------------------------------------------


def floating(input: Tensor) -> Tensor:
    """Return a tensor of floating-point numbers: integers and bools in the default dtype."""
    return input if input.array.dtype.kind == "f" else input.to(dtypes.get_default_dtype())


def aligned(*operands: Any) -> list[Tensor]:
    """Return operands, tensors and numbers, as tensors of the dtype PyTorch computes in; say if they do not broadcast."""
    arrays = [array_of(operand) for operand in operands]
    kind = dtypes.result_type(*arrays)
    check_broadcast(*arrays)
    return [_of_dtype(operand, array, kind) for operand, array in zip(operands, arrays, strict=True)]


def _of_dtype(operand: Any, array: Any, kind: np.dtype[Any]) -> Tensor:
    if not isinstance(operand, Tensor):
        return wrap(np.asarray(array, kind))
    return operand if array.dtype == kind else operand.to(kind)


def _of_two(name: str, row: Callable[..., Any], words: str, *, whole: bool = True) -> Callable[..., Tensor]:
    """Make the function of a row of two tensors; without `whole` PyTorch has it for floating-point numbers only."""

    def function(input: Tensor, other: Tensor) -> Tensor:
        if not isinstance(input, Tensor):
            raise _not_a_tensor(name, "input", 1, input)
        if not isinstance(other, Tensor):
            raise _not_a_tensor(name, "other", 2, other)
        if not whole and _whole(input.array, other.array):
            raise no_kernel(name, dtypes.result_type(input.array, other.array))
        return row(input, other)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = words
    return function


def _not_a_tensor(name: str, argument: str, position: int, value: Any) -> TypeError:
    return TypeError(
        f"{name}(): argument '{argument}' (position {position}) must be Tensor, not {type(value).__name__}"
    )


def no_kernel(name: str, dtype: np.dtype[Any], more: str = "") -> NotImplementedError:
    kind = dtypes.scalar_type_name(dtypes.from_numpy(dtype))
    return NotImplementedError(f"\"{name}_cpu{more}\" not implemented for '{kind}'")


def _whole(*arrays: Any) -> bool:
    return dtypes.result_type(*arrays).kind != "f"


# --- sums, products, quotients ------------------------------------------------------------------------------------------


def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """Add, after multiplying `other` by `alpha`."""
    return arithmetic.add(input, other) if alpha == 1 else scalars.add_scaled(*_scaled(input, other, alpha))


def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """Subtract `other`, multiplied by `alpha`."""
    if alpha == 1:
        return arithmetic.sub(input, other)
    bools = [is_bool(array_of(operand)) for operand in (input, other)]
    if any(bools):
        raise RuntimeError(arithmetic.no_difference(all(bools)))
    return scalars.sub_scaled(*_scaled(input, other, alpha))


def _scaled(input: Any, other: Any, alpha: float) -> tuple[Any, Any, float]:
    """Check the terms of a sum of which the second has a factor."""
    arrays = array_of(input), array_of(other)
    alpha = alpha.item() if isinstance(alpha, Tensor) else alpha
    if isinstance(alpha, float) and _whole(*arrays):
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    check_broadcast(*arrays)
    return input, other, alpha


subtract = sub


def rsub(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """Subtract `input`, multiplied by `alpha`, from `other`."""
    bools = input.array.dtype.kind == "b"
    if bools or isinstance(other, bool):
        raise RuntimeError(arithmetic.no_difference(bools and is_bool(array_of(other))))
    if alpha == 1:
        return (arithmetic.rsub_tensor if isinstance(other, Tensor) else arithmetic.rsub)(input, other)
    x, y, alpha = _scaled(input, other, alpha)
    return (scalars.rsub_scaled if isinstance(other, Tensor) else scalars.rsub_scaled_from_number)(x, y, alpha)


def mul(input: Any, other: Any) -> Tensor:
    """Multiply entry by entry."""
    return arithmetic.mul(input, other) if isinstance(input, Tensor) else arithmetic.mul(other, input)


multiply = mul


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """Divide entry by entry.

    Parameters
    ----------
    input, other
        Tensors or numbers.
    rounding_mode
        ``None``: integers divide to floating point. ``"floor"`` rounds the quotient down and ``"trunc"`` towards 0, and
        integers stay integers; no gradient flows through either, as both are flat nearly everywhere.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.div(torch.tensor([-7, 7]), 2, rounding_mode="floor")
    tensor([-4,  3])
    """
    if rounding_mode is None:
        return arithmetic.div(input, other)
    if rounding_mode not in ("floor", "trunc"):
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    _divisible(f"div_{rounding_mode}", input, other)
    return arithmetic.div_rounded(input, other, rounding_mode)


divide = true_divide = div


def floor_divide(input: Any, other: Any) -> Tensor:
    """Divide and round down. As PyTorch's, it has no derivative: `div` with a rounding mode has, and it is 0."""
    return arithmetic.floor_divide(*_divisible("div_floor", input, other))


def _divisible(kernel: str, input: Any, other: Any) -> list[Tensor]:
    """Return what is to be divided, in one dtype; there is no division of bools, nor of integers by 0."""
    operands = aligned(input, other)
    kind = operands[0].array.dtype
    if kind.kind == "b":
        raise no_kernel(kernel, kind)
    if kind.kind != "f" and not np.all(operands[1].array):
        raise RuntimeError("ZeroDivisionError")
    return operands


def remainder(input: Any, other: Any) -> Tensor:
    """Return what division leaves over, with the sign of the divisor: Python's ``%``.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.remainder(torch.tensor([-7, 7]), 3)
    tensor([2, 1])
    """
    operands = _divisible("remainder", input, other)
    if not isinstance(input, Tensor):
        return arithmetic.remainder_of_number(*operands)
    if isinstance(other, Tensor):
        return arithmetic.remainder_tensor(input, other)
    return arithmetic.remainder_number(operands[0], array_of(other))


def fmod(input: Any, other: Any) -> Tensor:
    """Return what division leaves over, with the sign of the dividend: C's ``fmod``.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.fmod(torch.tensor([-7, 7]), 3)
    tensor([-1,  1])
    """
    operands = _divisible("fmod", input, other)
    if isinstance(other, Tensor):
        return arithmetic.fmod_tensor(input, other)
    return arithmetic.fmod_number(operands[0], array_of(other))


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """Add `value` times the product of two tensors: ``input + value · tensor1 · tensor2``."""
    kind = dtypes.result_type(input.array, tensor1.array, tensor2.array)
    if kind.kind == "b":
        raise no_kernel("addcmul", kind, "_out")
    check_broadcast(input.array, tensor1.array, tensor2.array)
    return arithmetic.addcmul(input, tensor1, tensor2, value if kind.kind == "f" else int(value))


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """Add `value` times the quotient of two tensors: ``input + value · tensor1 / tensor2``."""
    if _whole(array_of(tensor1), array_of(tensor2)):
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a true "
            "division of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value * "
            "torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / "
            "tensor2) for float inputs. The future addcdiv behavior is just the latter implementation: (input + value * "
            "tensor1 / tensor2), for all dtypes."
        )
    check_broadcast(input.array, tensor1.array, tensor2.array)
    return arithmetic.addcdiv(input, tensor1, tensor2, value)


def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """Return the point between `input` (weight 0) and `end` (weight 1): ``input + weight · (end − input)``."""
    for name, other in (("end", end), ("weight", weight)):
        if isinstance(other, Tensor) and other.dtype != input.dtype:
            raise RuntimeError(f"expected dtype {_name(input)} for `{name}` but got dtype {_name(other)}")
    if _whole(input.array):
        kernel = "lerp_kernel_tensor" if isinstance(weight, Tensor) else "lerp_kernel_scalar"
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtypes.scalar_type_name(input.dtype)}'")
    if isinstance(weight, Tensor):
        return arithmetic.lerp_tensor(*aligned(input, end, weight))
    return arithmetic.lerp_number(*aligned(input, end), weight)


def _name(tensor: Tensor) -> str:
    return dtypes.CPP_NAMES[tensor.dtype.name]


# --- powers and roots ---------------------------------------------------------------------------------------------------


def pow(input: Any, exponent: Any) -> Tensor:
    """Raise to a power; either side may be a number."""
    if not isinstance(exponent, Tensor):
        exponent = array_of(exponent)
        if isinstance(exponent, int) and exponent < 0 and input.array.dtype.kind in "iu":
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        if input.array.dtype.kind != "f":
            input = widened(input, exponent)
        return arithmetic.pow_number(input, exponent)
    if not isinstance(input, Tensor):
        base = array_of(input)
        kind = dtypes.result_type(base, exponent.array)
        return arithmetic.number_pow(exponent if exponent.array.dtype == kind else exponent.to(kind), base)
    if input.array.dtype.kind == exponent.array.dtype.kind == "b":
        raise NotImplementedError("\"pow\" not implemented for 'Bool'")
    return arithmetic.pow_tensor(input, exponent)


def float_power(input: Any, exponent: Any) -> Tensor:
    """Raise to a power in float64."""
    input, exponent = (x.to(dtypes.float64) if isinstance(x, Tensor) else x for x in (input, exponent))
    return pow(input, exponent)


def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """Multiply by powers of two: ``input · 2**other``."""
    if input.array.dtype.kind == "f" and other.array.dtype.kind == "b":
        raise no_kernel("ldexp", other.array.dtype, "_exp")
    return elementary.ldexp(input, other)


def widened(input: Tensor, *limits: Any) -> Tensor:
    kind = dtypes.result_type(input.array, *(array_of(limit) for limit in limits if limit is not None))
    return input if kind == input.array.dtype else input.to(kind)


# --- functions of two arguments -----------------------------------------------------------------------------------------

atan2 = arctan2 = _of_two(
    "atan2", elementary.atan2, "Return the angle of the points (`other`, `input`) in the plane, from −π to π."
)
hypot = _of_two("hypot", elementary.hypot, "Return the root of the sum of two squares, without overflow.", whole=False)
logaddexp = _of_two(
    "logaddexp", elementary.logaddexp, "Return ``log(exp(x) + exp(y))``, without overflow.", whole=False
)
logaddexp2 = _of_two(
    "logaddexp2", elementary.logaddexp2, "Return ``log2(2**x + 2**y)``, without overflow.", whole=False
)
maximum = _of_two("maximum", choosing.maximum, "Return the larger of two; nan where one is.")
minimum = _of_two("minimum", choosing.minimum, "Return the smaller of two; nan where one is.")
fmax = _of_two("fmax", choosing.fmax, "Return the larger of two; where one is nan, the other.")
fmin = _of_two("fmin", choosing.fmin, "Return the smaller of two; where one is nan, the other.")


def _of_integers(name: str, function: Any, words: str) -> Callable[[Tensor, Tensor], Tensor]:
    def of(input: Tensor, other: Tensor) -> Tensor:
        x, y = aligned(input, other)
        if x.array.dtype.kind not in "iu":
            raise no_kernel(name, x.array.dtype)
        return wrap(function(x.array, y.array))

    of.__name__ = of.__qualname__ = name
    of.__doc__ = words
    return of


gcd = _of_integers("gcd", np.gcd, "Return the greatest common divisor of integers.")
lcm = _of_integers("lcm", np.lcm, "Return the least common multiple of integers.")


def xlogy(input: Any, other: Any) -> Tensor:
    """Return ``input · log(other)``, and 0 where `input` is 0: what entropies are made of.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.xlogy(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0]))
    tensor([0., 0.])
    """
    return x_log(input, other, (elementary.xlogy, elementary.xlogy_number, elementary.xlogy_of_number))


def x_log(input: Any, other: Any, rows: tuple[Any, Any, Any]) -> Tensor:
    """Choose among the rows of `xlogy` or of its kin: two tensors, or one of them a number."""
    if isinstance(input, Tensor) and isinstance(other, Tensor):
        return rows[0](input, other)
    if isinstance(other, Tensor):
        return rows[1](floating(other), array_of(input))
    return rows[2](floating(input), array_of(other))
