"""Arithmetic: sums, products, quotients and their remainders, powers."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.arguments import promoting
from gradviz.engine.layout import as_operands
from gradviz.engine.notation import superscript
from gradviz.engine.numerals import number
from gradviz.engine.operation import binary, general, unary
from gradviz.engine.operations.formulas import not_differentiable, recorded
from gradviz.engine.tensor import Tensor

add = binary(
    "add",
    "AddBackward0",
    "+",
    operator.add,
    {"self": lambda grad: grad, "other": lambda grad: grad},
    expression="self + other",
    local={"self": "1", "other": "1"},
)


def no_difference(both: bool) -> str:
    """Say, in PyTorch's words, why there is no difference of bools."""
    if both:
        return (
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` "
            "operator instead."
        )
    return (
        "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the "
        "`~` or `logical_not()` operator instead."
    )


sub = binary(
    "sub",
    "SubBackward0",
    "−",
    operator.sub,
    {"self": lambda grad: grad, "other": lambda grad: -grad},
    expression="self - other",
    local={"self": "1", "other": "-1"},
    no_bools=no_difference,
)


def _from_number(self: np.ndarray, other: float) -> np.ndarray:
    """Take whole numbers from a number, in the dtype that PyTorch gives the two."""
    kind = dtypes.result_type(self, other)
    return np.asarray(other).astype(kind) - self.astype(kind)


rsub = general(
    "rsub",
    "RsubBackward1",
    lambda other: f"{number(other)} − x",
    as_operands(lambda self, other: other - self if self.dtype.kind == "f" else _from_number(self, other)),
    "self",
    {"self": lambda grad: -grad},
    settings="other",
    expression="other - self",
    local={"self": "-1"},
)
rsub_tensor = binary(
    "rsub",
    "RsubBackward0",
    "rsub",
    lambda self, other: other - self,
    {"self": lambda grad: -grad, "other": lambda grad: grad},
    expression="other - self",
    local={"self": "-1", "other": "1"},
)
mul = binary(
    "mul",
    "MulBackward0",
    "×",
    operator.mul,
    {"self": lambda grad, other: grad * other, "other": lambda grad, self: grad * self},
    expression="self * other",
    local={"self": "other", "other": "self"},
)
div = binary(
    "div",
    "DivBackward0",
    "÷",
    operator.truediv,
    {
        "self": lambda grad, other: grad / other,
        "other": lambda grad, self, other: -grad * ((self / other) / other),
    },
    expression="self / other",
    local={"self": "1 / other", "other": "-self / other ** 2"},
    to_float=True,
)


def _rounded_quotient(self: Any, other: Any, rounding_mode: str) -> Any:
    if rounding_mode == "floor":
        return np.floor_divide(self, other)
    if np.result_type(self, other).kind == "f":
        return np.trunc(self / other)
    return (self - np.fmod(self, other)) // other  # exact, where a quotient in floating point is not


div_rounded = general(
    "div",
    "DivBackward2",
    lambda rounding_mode: "⌊÷⌋" if rounding_mode == "floor" else "÷ trunc",
    as_operands(promoting(2, _rounded_quotient)),
    "self other",
    {"self": lambda grad, other: np.zeros_like(grad), "other": lambda grad, self, other: np.zeros_like(grad)},
    settings="rounding_mode",
    expression="rounded(self / other)",
    local={"self": "0", "other": "0"},
)
_quotient = recorded(div_rounded)


def _floored(self: Any, other: Any) -> Any:
    """Return what is left over, with the sign of the divisor; NumPy's differs in the sign of a zero."""
    left = np.fmod(self, other)
    return np.where((left != 0) & ((left < 0) != (np.asarray(other) < 0)), left + other, left).astype(left.dtype)[()]


def _remainder(name: str, number: str, tensor: str, forward: Any, mode: str, sign: str) -> tuple[Any, Any]:
    """Add the rows of a remainder of division by a number, and by a tensor."""
    written = "self % other" if mode == "floor" else "fmod(self, other)"
    by_number = general(
        name,
        number,
        f"{sign} n",
        as_operands(forward),
        "self",
        {"self": lambda grad: grad},
        settings="other",
        expression=written,
        local={"self": "1"},
    )
    by_tensor = binary(
        name,
        tensor,
        sign,
        forward,
        {"self": lambda grad: grad, "other": lambda grad, self, other: -grad * _quotient(self, other, mode)},
        expression=written,
        local={"self": "1", "other": f"-{mode}(self / other)"},
    )
    return by_number, by_tensor


remainder_number, remainder_tensor = _remainder(
    "remainder", "RemainderBackward0", "RemainderBackward1", _floored, "floor", "mod"
)
fmod_number, fmod_tensor = _remainder("fmod", "FmodBackward0", "FmodBackward1", np.fmod, "trunc", "fmod")
addcmul = general(
    "addcmul",
    "AddcmulBackward0",
    lambda value: "+ ×" if value == 1 else f"+ {number(value)}×",
    as_operands(promoting(3, lambda self, tensor1, tensor2, value: self + value * (tensor1 * tensor2))),
    "self tensor1 tensor2",
    {
        "self": lambda grad: grad,
        "tensor1": lambda grad, tensor2, value: grad * (tensor2 * value),
        "tensor2": lambda grad, tensor1, value: grad * (tensor1 * value),
    },
    settings="value",
    expression="self + value * tensor1 * tensor2",
    local={"self": "1", "tensor1": "value * tensor2", "tensor2": "value * tensor1"},
)
addcdiv = general(
    "addcdiv",
    "AddcdivBackward0",
    lambda value: "+ ÷" if value == 1 else f"+ {number(value)}÷",
    as_operands(promoting(3, lambda self, tensor1, tensor2, value: self + value * (tensor1 / tensor2))),
    "self tensor1 tensor2",
    {
        "self": lambda grad: grad,
        "tensor1": lambda grad, tensor2, value: grad * (value / tensor2),
        "tensor2": lambda grad, tensor1, tensor2, value: -grad * (value * tensor1 / (tensor2 * tensor2)),
    },
    settings="value",
    expression="self + value * tensor1 / tensor2",
    local={"self": "1", "tensor1": "value / tensor2", "tensor2": "-value * tensor1 / tensor2 ** 2"},
)


def _lerp(self: Any, end: Any, weight: Any) -> Any:
    # From whichever end is nearer, so that weights of 0 and 1 give exactly the ends.
    return np.where(np.abs(weight) < 0.5, self + weight * (end - self), end - (end - self) * (1 - weight)).astype(
        self.dtype, copy=False
    )


_LERP: dict[str, Any] = {
    "self": lambda grad, weight: grad * (1 - weight),
    "end": lambda grad, weight: grad * weight,
}
_LERP_LOCAL = {"self": "1 - weight", "end": "weight"}
lerp_number = general(
    "lerp",
    "LerpBackward0",
    lambda weight: f"lerp {number(weight)}",
    as_operands(_lerp),
    "self end",
    _LERP,
    settings="weight",
    expression="lerp(self, end)",
    local=_LERP_LOCAL,
)
lerp_tensor = general(
    "lerp",
    "LerpBackward1",
    "lerp",
    as_operands(_lerp),
    "self end weight",
    _LERP | {"weight": lambda grad, self, end: grad * (end - self)},
    expression="lerp(self, end)",
    local=_LERP_LOCAL | {"weight": "end - self"},
)
neg = unary(
    "neg",
    "NegBackward0",
    "−",
    operator.neg,
    lambda grad: -grad,
    expression="-self",
    local="-1",
)
reciprocal = unary(
    "reciprocal",
    "ReciprocalBackward0",
    "1/( )",
    lambda self: 1 / self,
    lambda grad, result: -grad * (result * result),
    expression="1 / self",
    local="-1 / self ** 2",
    to_float=True,
)


def _whole_power(base: Any, exponent: Any) -> Any:
    """Raise integers to powers: one over an integer, other than 1 and −1, is 0 without its decimals."""
    if np.result_type(base, exponent).kind == "f":
        return base**exponent
    return np.where((exponent < 0) & (np.abs(base) != 1), 0, base ** np.abs(exponent))


def _power(self: np.ndarray, exponent: float) -> np.ndarray:
    if exponent == 2:
        return self * self
    if exponent == 3:
        return self * self * self
    if self.dtype.kind == "f":  # PyTorch has these four by themselves, too: the last digit depends on it
        if exponent == 0.5:
            return np.sqrt(self)
        if exponent == -0.5:
            return 1 / np.sqrt(self)
        if exponent == -2:
            return 1 / (self * self)
    return self**exponent


def _lowered(self: Any, exponent: float) -> Any:
    """Return the power one lower: of an array, a first power is the array."""
    return self if exponent == 2 and not isinstance(self, Tensor) else self ** (exponent - 1)


pow_number = general(
    "pow",
    "PowBackward0",
    lambda exponent: f"( ){superscript(number(exponent))}",
    as_operands(_power),
    "self",
    {
        "self": lambda grad, self, exponent: (
            np.zeros_like(grad) if exponent == 0 else grad * (exponent * _lowered(self, exponent))
        )
    },
    settings="exponent",
    expression="self ** exponent",
    local={"self": "exponent * self ** (exponent - 1)"},
)


pow_tensor = binary(
    "pow",
    "PowBackward1",
    "pow",
    _whole_power,
    {
        "self": lambda grad, self, other: np.where(other == 0, 0, grad * (other * self ** (other - 1))),
        "other": lambda grad, self, other, result: np.where(
            (self == 0) & (other >= 0), 0, grad * (result * np.log(self))
        ),
    },
    expression="self ** other",
    local={"self": "other * self ** (other - 1)", "other": "self ** other * log(self)"},
)
number_pow = general(
    "pow",
    "PowBackward2",
    lambda base: f"{number(base)}^( )",
    as_operands(lambda exponent, base: _whole_power(base, exponent)),
    "exponent",
    {
        "exponent": lambda grad, exponent, base, result: (
            grad * (result * np.log(base)) if base else np.where(exponent >= 0, 0, grad * (result * np.log(base)))
        )
    },
    settings="base",
    expression="base ** exponent",
    local={"exponent": "base ** exponent * log(base)"},
)
floor_divide = not_differentiable("floor_divide", "⌊÷⌋", np.floor_divide, "self other")
remainder_of_number = not_differentiable("remainder", "mod", _floored, "self other")
