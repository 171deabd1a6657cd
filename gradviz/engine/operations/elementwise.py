"""Operations that work on each entry by itself."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from gradviz.engine.notation import number, superscript
from gradviz.engine.operation import binary, general, unary

# --- arithmetic ------------------------------------------------------------------------------------------------------

add = binary(
    "add",
    "AddBackward0",
    "+",
    operator.add,
    {"self": lambda grad: grad, "other": lambda grad: grad},
    expression="self + other",
    local={"self": "1", "other": "1"},
    sentence="A sum passes the gradient above it on to each of its terms unchanged.",
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
)
rsub = general(
    "rsub",
    "RsubBackward1",
    lambda other: f"{number(other)} − x",
    lambda self, other: other - self,
    "self",
    {"self": lambda grad: -grad},
    settings="other",
    expression="other - self",
    local={"self": "-1"},
    sentence="What is taken away from a number gets the gradient with its sign changed.",
)
mul = binary(
    "mul",
    "MulBackward0",
    "×",
    operator.mul,
    {"self": lambda grad, other: grad * other, "other": lambda grad, self: grad * self},
    expression="self * other",
    local={"self": "other", "other": "self"},
    sentence="A product sends each factor the gradient above it times the other factor.",
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
    quiet=True,
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
    "1/x",
    lambda self: 1 / self,
    lambda grad, result: -grad * (result * result),
    expression="1 / self",
    local="-1 / self ** 2",
    sentence="One over x has the slope −1 ÷ x².",
    to_float=True,
    quiet=True,
)


def _power(self: np.ndarray, exponent: float) -> np.ndarray:
    if exponent == 2:
        return self * self
    if exponent == 3:
        return self * self * self
    return self**exponent


pow_number = general(
    "pow",
    "PowBackward0",
    lambda exponent: f"x{superscript(number(exponent))}",
    _power,
    "self",
    {
        "self": lambda grad, self, exponent: (
            grad * 0 if exponent == 0 else grad * (exponent * (self if exponent == 2 else self ** (exponent - 1)))
        )
    },
    settings="exponent",
    expression="self ** exponent",
    local={"self": "exponent * self ** (exponent - 1)"},
    sentence="A power brings its exponent down in front and lowers it by one.",
    quiet=True,
)


pow_tensor = binary(
    "pow",
    "PowBackward1",
    "xʸ",
    operator.pow,
    {
        "self": lambda grad, self, other: np.where(other == 0, grad * 0, grad * (other * self ** (other - 1))),
        "other": lambda grad, self, other, result: np.where(
            (self == 0) & (other >= 0), grad * 0, grad * (result * np.log(self))
        ),
    },
    expression="self ** other",
    local={"self": "other * self ** (other - 1)", "other": "self ** other * log(self)"},
    sentence="A power brings its exponent down for the base; the exponent itself gets the result times log of the base.",
    quiet=True,
)
number_pow = general(
    "pow",
    "PowBackward2",
    lambda base: f"{number(base)}ˣ",
    lambda self, base: base**self,
    "self",
    {"self": lambda grad, base, result: grad * (result * np.log(base))},
    settings="base",
    expression="base ** self",
    local={"self": "base ** self * log(base)"},
    sentence="A number to the power x grows by itself times the logarithm of the number.",
    quiet=True,
)

# --- functions of one argument -----------------------------------------------------------------------------------------

abs = unary(
    "abs",
    "AbsBackward0",
    "|x|",
    np.abs,
    lambda grad, self: grad * np.sign(self),
    expression="abs(self)",
    local="sign(self)",
    sentence="The absolute value passes the gradient on, turned around where the input was negative.",
)
exp = unary(
    "exp",
    "ExpBackward0",
    "eˣ",
    np.exp,
    lambda grad, result: grad * result,
    expression="exp(self)",
    local="exp(self)",
    sentence="The exponential is its own slope: the gradient is multiplied by the result.",
    to_float=True,
    quiet=True,
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
    quiet=True,
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
    quiet=True,
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
    quiet=True,
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
    quiet=True,
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
    # exp of minus the magnitude never overflows; both branches are the same function.
    small = np.exp(-np.abs(self))
    return np.where(self >= 0, 1 / (1 + small), small / (1 + small))


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
relu = unary(
    "relu",
    "ReluBackward0",
    "relu",
    lambda self: np.maximum(self, 0),
    lambda grad, result: np.where(result > 0, grad, 0),
    expression="relu(self)",
    local="1 if self > 0 else 0",
    sentence="ReLU passes the gradient where its input was positive, and stops it everywhere else.",
)

# --- choosing ----------------------------------------------------------------------------------------------------------

maximum = binary(
    "maximum",
    "MaximumBackward0",
    "max",
    np.maximum,
    {
        "self": lambda grad, self, other: grad * ((self > other) + (self == other) * 0.5),
        "other": lambda grad, self, other: grad * ((other > self) + (self == other) * 0.5),
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
        "self": lambda grad, self, other: grad * ((self < other) + (self == other) * 0.5),
        "other": lambda grad, self, other: grad * ((other < self) + (self == other) * 0.5),
    },
    expression="minimum(self, other)",
    local={"self": "1 if self < other else 0", "other": "1 if other < self else 0"},
    sentence="The smaller of the two gets the whole gradient; where they are equal, each gets half.",
)
where = general(
    "where",
    "WhereBackward0",
    "where",
    np.where,
    "condition self other",
    {
        "self": lambda grad, condition: np.where(condition, grad, 0),
        "other": lambda grad, condition: np.where(condition, 0, grad),
    },
    expression="where(condition, self, other)",
    local={"self": "1 if chosen else 0", "other": "1 if chosen else 0"},
    sentence="Each entry passes its gradient to the side it was chosen from.",
)
to_copy = general(
    "to",
    "ToCopyBackward0",
    "cast",
    lambda self, dtype: self.astype(dtype),
    "self",
    {"self": lambda grad: grad},
    settings="dtype",
    expression="self",
    local={"self": "1"},
    sentence="The numbers are written in another precision; the gradient is written back in the old one.",
)

_FLAT = "is flat nearly everywhere, so no gradient comes back: it is 0."


def _flat(name: str, grad_fn: str, symbol: str, forward: Any, words: str) -> Any:
    return unary(
        name,
        grad_fn,
        symbol,
        forward,
        lambda grad: grad * 0,
        expression=f"{name}(self)",
        local="0",
        sentence=f"{words} {_FLAT}",
    )


sign = _flat("sign", "SignBackward0", "sign", np.sign, "The sign")
floor = _flat("floor", "FloorBackward0", "⌊x⌋", np.floor, "Rounding down")
ceil = _flat("ceil", "CeilBackward0", "⌈x⌉", np.ceil, "Rounding up")
round = _flat("round", "RoundBackward0", "round", np.round, "Rounding")
trunc = _flat("trunc", "TruncBackward0", "trunc", np.trunc, "Cutting off the decimals")
