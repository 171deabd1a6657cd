"""Operations that work on each entry by itself."""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.layout import as_first, as_operands
from gradviz.engine.notation import superscript
from gradviz.engine.numerals import number
from gradviz.engine.operation import beside, binary, general, promoting, unary
from gradviz.engine.operations.piecewise import only, straight
from gradviz.engine.operations.shapes import recorded
from gradviz.engine.tensor import Tensor


def on_both(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a formula use a row that NumPy has no function for: computed on arrays, recorded on tensors."""
    forward = function.operation.forward  # type: ignore[attr-defined]

    def of(x: Any, *others: Any) -> Any:
        return forward(x, *others) if isinstance(x, np.ndarray | np.generic) else function(x, *others)

    return of


# --- arithmetic ------------------------------------------------------------------------------------------------------

add = binary(
    "add",
    "AddBackward0",
    "+",
    operator.add,
    {"self": lambda grad: grad, "other": lambda grad: grad},
    expression="self + other",
    local={"self": "1", "other": "1"},
    sentence="A sum passes the gradient that arrives on to each of its terms unchanged.",
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
    sentence="A difference passes the gradient on to its first term, and with the sign changed to its second.",
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
    sentence="What is taken away from a number gets the gradient with its sign changed.",
)
rsub_tensor = binary(
    "rsub",
    "RsubBackward0",
    "rsub",
    lambda self, other: other - self,
    {"self": lambda grad: -grad, "other": lambda grad: grad},
    expression="other - self",
    local={"self": "-1", "other": "1"},
    sentence="What is taken away gets the gradient with its sign changed; what it is taken from gets it unchanged.",
)
mul = binary(
    "mul",
    "MulBackward0",
    "×",
    operator.mul,
    {"self": lambda grad, other: grad * other, "other": lambda grad, self: grad * self},
    expression="self * other",
    local={"self": "other", "other": "self"},
    sentence="A product sends each factor the gradient that arrives times the other factor.",
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
    sentence="A quotient divides the gradient for the numerator; the denominator gets −numerator ÷ denominator² of it.",
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
    sentence="A quotient without its decimals is flat nearly everywhere, so no gradient comes back: it is 0.",
)
_quotient = recorded(div_rounded)
_REST = (
    "What is left over by a division moves as the number itself does; for the divisor, it goes down by the quotient."
)


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
        sentence="What is left over by a division moves as the number itself does.",
    )
    by_tensor = binary(
        name,
        tensor,
        sign,
        forward,
        {"self": lambda grad: grad, "other": lambda grad, self, other: -grad * _quotient(self, other, mode)},
        expression=written,
        local={"self": "1", "other": f"-{mode}(self / other)"},
        sentence=_REST,
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
    sentence="The sum passes its gradient on unchanged, and each factor of the product gets it times the other.",
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
    sentence="The sum passes its gradient on unchanged; numerator and denominator get it as those of a quotient do.",
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
    sentence="A point between two others: the gradient is shared out between them, by the weight.",
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
    sentence="A point between two others: each gets its share of the gradient, and the weight gets it times the distance.",
)
neg = unary(
    "neg",
    "NegBackward0",
    "−",
    operator.neg,
    lambda grad: -grad,
    expression="-self",
    local="-1",
    sentence="A minus sign turns the gradient around.",
)
reciprocal = unary(
    "reciprocal",
    "ReciprocalBackward0",
    "1/( )",
    lambda self: 1 / self,
    lambda grad, result: -grad * (result * result),
    expression="1 / self",
    local="-1 / self ** 2",
    sentence="One over x has the slope −1 ÷ x².",
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
    sentence="A power brings its exponent down in front and lowers it by one.",
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
    sentence="A power brings its exponent down for the base; the exponent itself gets the result times log of the base.",
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
    sentence="A number to the power x grows by itself times the logarithm of the number.",
)

# --- functions of one argument -----------------------------------------------------------------------------------------

abs = unary(
    "abs",
    "AbsBackward0",
    "abs",
    np.abs,
    lambda grad, self: grad * signs(self),
    expression="abs(self)",
    local="sign(self)",
    sentence="The absolute value passes the gradient on, turned around where the input was negative.",
)
exp = unary(
    "exp",
    "ExpBackward0",
    "exp",
    np.exp,
    lambda grad, result: grad * result,
    expression="exp(self)",
    local="exp(self)",
    sentence="The exponential is its own slope: the gradient is multiplied by the result.",
    to_float=True,
)
log = unary(
    "log",
    "LogBackward0",
    "log",
    np.log,
    lambda grad, self: grad / self,
    expression="log(self)",
    local="1 / self",
    sentence="The logarithm divides the gradient by its input: the smaller the input, the steeper.",
    to_float=True,
)
sqrt = unary(
    "sqrt",
    "SqrtBackward0",
    "√",
    np.sqrt,
    lambda grad, result: grad / (2 * result),
    expression="sqrt(self)",
    local="1 / (2 * sqrt(self))",
    sentence="The square root divides the gradient by twice the root.",
    to_float=True,
)
sin = unary(
    "sin",
    "SinBackward0",
    "sin",
    np.sin,
    lambda grad, self: grad * np.cos(self),
    expression="sin(self)",
    local="cos(self)",
    sentence="The slope of sine is cosine.",
    to_float=True,
)
cos = unary(
    "cos",
    "CosBackward0",
    "cos",
    np.cos,
    lambda grad, self: grad * -np.sin(self),
    expression="cos(self)",
    local="-sin(self)",
    sentence="The slope of cosine is minus sine.",
    to_float=True,
)
tanh = unary(
    "tanh",
    "TanhBackward0",
    "tanh",
    np.tanh,
    lambda grad, result: grad * (1 - result * result),
    expression="tanh(self)",
    local="1 - tanh(self) ** 2",
    sentence="Tanh is steepest at zero, where it passes the whole gradient; far from zero it passes almost none.",
    to_float=True,
)


def _sigmoid(self: np.ndarray) -> np.ndarray:
    # No exponential here is larger than 1, so none overflows; and 1 of the two is 1, on either side of 0.
    return np.exp(np.minimum(self, 0)) / (1 + np.exp(-np.abs(self)))


sigmoid = unary(
    "sigmoid",
    "SigmoidBackward0",
    "σ",
    _sigmoid,
    lambda grad, result: grad * (result * (1 - result)),
    expression="sigmoid(self)",
    local="sigmoid(self) * (1 - sigmoid(self))",
    sentence="The sigmoid passes at most a quarter of the gradient, and almost none where it is near 0 or 1.",
    to_float=True,
)


def _relu(self: np.ndarray) -> np.ndarray:
    if self.dtype.kind == "b":
        raise RuntimeError("Boolean inputs not supported for relu")
    return np.maximum(self, 0)


threshold_backward = straight(
    "threshold_backward",
    "ThresholdBackwardBackward0",
    lambda grad_output, self, threshold: only(~(self <= threshold), grad_output),
    local="1 if self > threshold else 0",
)
relu = unary(
    "relu",
    "ReluBackward0",
    "relu",
    _relu,
    lambda grad, result: threshold_backward(grad, result, 0),
    expression="relu(self)",
    local="1 if self > 0 else 0",
    sentence="ReLU passes the gradient where its input was positive, and stops it everywhere else.",
)

# --- choosing ----------------------------------------------------------------------------------------------------------


def _halved_if(equal: Any, grad: Any) -> Any:
    return np.where(equal, grad / 2, grad)


maximum = binary(
    "maximum",
    "MaximumBackward0",
    "max",
    np.maximum,
    {
        "self": lambda grad, self, other: only(~(self < other), _halved_if(self == other, grad)),
        "other": lambda grad, self, other: only(~(other < self), _halved_if(self == other, grad)),
    },
    expression="maximum(self, other)",
    local={"self": "1 if self > other else 0", "other": "1 if other > self else 0"},
    sentence="The larger of the two gets the whole gradient; where they are equal, each gets half.",
)
minimum = binary(
    "minimum",
    "MinimumBackward0",
    "min",
    np.minimum,
    {
        "self": lambda grad, self, other: only(~(self > other), _halved_if(self == other, grad)),
        "other": lambda grad, self, other: only(~(other > self), _halved_if(self == other, grad)),
    },
    expression="minimum(self, other)",
    local={"self": "1 if self < other else 0", "other": "1 if other < self else 0"},
    sentence="The smaller of the two gets the whole gradient; where they are equal, each gets half.",
)
_SKIPPING = "Of the two, the one taken gets the gradient: the {}, or the one that is a number where the other is nan."
fmax = binary(
    "fmax",
    "FmaxBackward0",
    "fmax",
    np.fmax,
    {
        "self": lambda grad, self, other: only((self >= other) | np.isnan(other), grad),
        "other": lambda grad, self, other: only(~((self >= other) | np.isnan(other)), grad),
    },
    expression="fmax(self, other)",
    local={"self": "1 if self >= other else 0", "other": "1 if other > self else 0"},
    sentence=_SKIPPING.format("larger"),
)
fmin = binary(
    "fmin",
    "FminBackward0",
    "fmin",
    np.fmin,
    {
        "self": lambda grad, self, other: only((self <= other) | np.isnan(other), grad),
        "other": lambda grad, self, other: only(~((self <= other) | np.isnan(other)), grad),
    },
    expression="fmin(self, other)",
    local={"self": "1 if self <= other else 0", "other": "1 if other < self else 0"},
    sentence=_SKIPPING.format("smaller"),
)

# Cutting off comes with limits that are numbers, or tensors, which get the gradient of what was replaced by them.


def _clamp(self: Any, min: Any = None, max: Any = None) -> Any:
    out = self if min is None else np.maximum(self, min)
    out = out if max is None else np.minimum(out, max)
    return out.astype(self.dtype, copy=False)


def _inside(self: Any, min: Any, max: Any) -> Any:
    return (self >= (-np.inf if min is None else min)) & (self <= (np.inf if max is None else max))


_CUT = "Between the limits, and on them, the gradient passes; outside, where the result is cut off, none does."
_CUT_BY_TENSOR = "Where a tensor's entry is within the limits it gets the gradient; elsewhere the limit gets it."
clamp = general(
    "clamp",
    "ClampBackward1",
    "clamp",
    as_operands(_clamp),
    "self",
    {"self": lambda grad, self, min, max: only(_inside(self, min, max), grad)},
    settings="min max",
    expression="clamp(self)",
    local={"self": "1 if min <= self <= max else 0"},
    sentence=_CUT,
)
clamp_tensor = general(
    "clamp",
    "ClampBackward0",
    "clamp",
    as_operands(promoting(3, _clamp)),
    "self min max",
    {
        "self": lambda grad, self, min, max: only(_inside(self, min, max), grad),
        "min": lambda grad, self, min, max: np.where(
            (self < min) if max is None else (self < min) & (min < max), grad, 0
        ),
        "max": lambda grad, self, min, max: np.where(
            (self > max) if min is None else (self > max) | (max < min), grad, 0
        ),
    },
    expression="clamp(self, min, max)",
    local={
        "self": "1 if min <= self <= max else 0",
        "min": "1 if self < min < max else 0",
        "max": "1 if maximum(self, min) > max else 0",
    },
    sentence=_CUT_BY_TENSOR,
)


def _one_limit(
    name: str,
    limit: str,
    symbol: str,
    names: tuple[str, str],
    cut: Callable[..., Any],
    keep: Any,
    signs: tuple[str, str],
) -> tuple[Any, Any]:
    """Add the rows that cut off on one side: by a number, and by a tensor."""
    words: dict[str, Any] = {"expression": f"clamp(self, {limit})"}
    local = {"self": f"1 if self {signs[0]} {limit} else 0", limit: f"1 if self {signs[1]} {limit} else 0"}
    by_number = general(
        name,
        names[0],
        symbol,
        as_operands(cut),
        "self",
        {"self": keep["self"]},
        settings=limit,
        local={"self": local["self"]},
        sentence=_CUT,
        **words,
    )
    by_tensor = general(
        name,
        names[1],
        symbol,
        as_operands(promoting(2, cut)),
        f"self {limit}",
        keep,
        local=local,
        sentence=_CUT_BY_TENSOR,
        **words,
    )
    return by_number, by_tensor


clamp_min, clamp_min_tensor = _one_limit(
    "clamp_min",
    "min",
    "clamp ≥",
    ("ClampMinBackward0", "ClampMinBackward1"),
    lambda self, min: np.maximum(self, min),
    {
        "self": lambda grad, self, min: only(self >= min, grad),
        "min": lambda grad, self, min: only(self < min, grad),
    },
    (">=", "<"),
)
clamp_max, clamp_max_tensor = _one_limit(
    "clamp_max",
    "max",
    "clamp ≤",
    ("ClampMaxBackward0", "ClampMaxBackward1"),
    lambda self, max: np.minimum(self, max),
    {
        "self": lambda grad, self, max: only(self <= max, grad),
        "max": lambda grad, self, max: only(self > max, grad),
    },
    ("<=", ">"),
)
_where = promoting(2, lambda self, other, condition: np.where(condition, self, other))
where = general(
    "where",
    "WhereBackward0",
    "where",
    as_operands(lambda condition, self, other: _where(self, other, condition)),
    "condition self other",
    {
        "self": lambda grad, condition: only(condition, grad),
        "other": lambda grad, condition: only(~condition, grad),
    },
    expression="where(condition, self, other)",
    local={"self": "1 if condition else 0", "other": "0 if condition else 1"},
    sentence="Each entry passes its gradient to the side it was chosen from.",
)
to_copy = general(
    "to",
    "ToCopyBackward0",
    "cast",
    as_first(lambda self, dtype: self.astype(dtype)),
    "self",
    {"self": lambda grad: grad},
    settings="dtype",
    expression="self",
    local={"self": "1"},
    sentence="The numbers are written in another precision; the gradient is written back in the old one.",
)

_FLAT = "is flat nearly everywhere, so no gradient comes back: it is 0."


def _flat(
    name: str, grad_fn: str, symbol: str, forward: Any, words: str, slope: Any = lambda grad: np.zeros_like(grad)
) -> Any:
    return unary(
        name,
        grad_fn,
        symbol,
        lambda self: forward(self) if self.dtype.kind == "f" else _of_whole_numbers(self, name),
        slope,
        expression=f"{name}(self)",
        local="0",
        sentence=f"{words} {_FLAT}",
    )


def _of_whole_numbers(self: np.ndarray, name: str) -> np.ndarray:
    """Whole numbers have nothing to round, and a sign of their own kind."""
    if self.dtype.kind == "b" and name not in ("sign", "sgn"):
        raise NotImplementedError(f"\"{name}_vml_cpu\" not implemented for 'Bool'")
    return np.sign(self) if name in ("sign", "sgn") and self.dtype.kind != "b" else np.array(self)


def _sign(self: Any) -> Any:
    """Return 1, 0 or −1; of what is not a number 0, where NumPy's is not a number either."""
    return np.where(self == self, np.sign(self), 0)


sign = _flat("sign", "SignBackward0", "sign", _sign, "The sign")
sgn = _flat("sgn", "SgnBackward0", "sgn", _sign, "The sign", lambda grad, self, result: np.zeros_like(grad))
signs: Callable[..., Any] = on_both(sgn)
floor = _flat("floor", "FloorBackward0", "floor", np.floor, "Rounding down")
ceil = _flat("ceil", "CeilBackward0", "ceil", np.ceil, "Rounding up")
round = _flat("round", "RoundBackward0", "round", np.round, "Rounding")
trunc = _flat("trunc", "TruncBackward0", "trunc", np.trunc, "Cutting off the decimals")
angle = unary(
    "angle",
    "AngleBackward0",
    "angle",
    lambda self: np.where(self < 0, math.pi, np.where(self == self, 0, self)).astype(self.dtype, copy=False),
    lambda grad, self: np.zeros_like(grad),
    expression="angle(self)",
    local="0",
    sentence=f"The angle of a number, 0 or π, {_FLAT}",
    to_float=True,
)


def _round_to(self: np.ndarray, decimals: int) -> np.ndarray:
    scale = 10.0 ** builtins.abs(decimals)
    return np.round(self * scale) / scale if decimals > 0 else np.round(self / scale) * scale


round_decimals = general(
    "round",
    "RoundBackward1",
    lambda decimals: f"round {number(decimals)}",
    as_operands(_round_to),
    "self",
    {"self": lambda grad: np.zeros_like(grad)},
    settings="decimals",
    expression="round(self)",
    local={"self": "0"},
    sentence=f"Rounding to some decimals {_FLAT}",
)


def not_differentiable(
    name: str,
    symbol: str,
    forward: Any,
    inputs: str,
    settings: str = "",
    *,
    grad_fn: str = "NotImplemented",
    **words: Any,
) -> Any:
    """Make an operation that PyTorch records, and whose derivative it does not have: going back through it is an error.

    A few of these have a `grad_fn` of their own in PyTorch, and an error of their own.
    """

    def refuse(grad: Any) -> Any:
        if grad_fn == "NotImplemented":
            raise RuntimeError(f"derivative for aten::{name} is not implemented")
        raise NotImplementedError(f"the derivative for '{name}' is not implemented.")

    return beside(
        name,
        grad_fn,
        symbol,
        forward,
        inputs,
        dict.fromkeys(inputs.split(), refuse),
        settings=settings,
        expression=f"{name}({', '.join(inputs.split())})",
        local={},
        sentence=f"There is no derivative of {name}: as in PyTorch, no gradient can go through it.",
        **words,
    )


heaviside = not_differentiable(
    "heaviside", "step", lambda self, values: np.where(self == 0, values, self > 0).astype(self.dtype), "self values"
)
floor_divide = not_differentiable("floor_divide", "⌊÷⌋", np.floor_divide, "self other")
remainder_of_number = not_differentiable("remainder", "mod", _floored, "self other")
nextafter = beside(
    "nextafter",
    "NextafterBackward0",
    "next",
    as_operands(np.nextafter),
    "self other",
    dict.fromkeys(("self", "other"), lambda grad: np.zeros_like(grad)),
    expression="nextafter(self, other)",
    local={"self": "0", "other": "0"},
    sentence=f"Going to the next number {_FLAT}",
)
