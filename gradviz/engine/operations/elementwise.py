"""Functions of each entry by itself: the exponential and its kin, signs, rounding."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine.layout import as_first, as_operands
from gradviz.engine.numerals import number
from gradviz.engine.operation import beside, general, unary
from gradviz.engine.operations.formulas import not_differentiable, on_both
from gradviz.engine.operations.piecewise import only, straight

abs = unary(
    "abs",
    "AbsBackward0",
    "abs",
    np.abs,
    lambda grad, self: grad * signs(self),
    expression="abs(self)",
    local="sign(self)",
)
exp = unary(
    "exp",
    "ExpBackward0",
    "exp",
    np.exp,
    lambda grad, result: grad * result,
    expression="exp(self)",
    local="exp(self)",
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
)


def _flat(name: str, grad_fn: str, symbol: str, forward: Any, slope: Any = lambda grad: np.zeros_like(grad)) -> Any:
    return unary(
        name,
        grad_fn,
        symbol,
        lambda self: forward(self) if self.dtype.kind == "f" else _of_whole_numbers(self, name),
        slope,
        expression=f"{name}(self)",
        local="0",
    )


def _of_whole_numbers(self: np.ndarray, name: str) -> np.ndarray:
    """Whole numbers have nothing to round, and a sign of their own kind."""
    if self.dtype.kind == "b" and name not in ("sign", "sgn"):
        raise NotImplementedError(f"\"{name}_vml_cpu\" not implemented for 'Bool'")
    return np.sign(self) if name in ("sign", "sgn") and self.dtype.kind != "b" else np.array(self)


def _sign(self: Any) -> Any:
    """Return 1, 0 or −1; of what is not a number 0, where NumPy's is not a number either."""
    return np.where(self == self, np.sign(self), 0)


sign = _flat("sign", "SignBackward0", "sign", _sign)
sgn = _flat("sgn", "SgnBackward0", "sgn", _sign, lambda grad, self, result: np.zeros_like(grad))
signs: Callable[..., Any] = on_both(sgn)
floor = _flat("floor", "FloorBackward0", "floor", np.floor)
ceil = _flat("ceil", "CeilBackward0", "ceil", np.ceil)
round = _flat("round", "RoundBackward0", "round", np.round)
trunc = _flat("trunc", "TruncBackward0", "trunc", np.trunc)
angle = unary(
    "angle",
    "AngleBackward0",
    "angle",
    lambda self: np.where(self < 0, math.pi, np.where(self == self, 0, self)).astype(self.dtype, copy=False),
    lambda grad, self: np.zeros_like(grad),
    expression="angle(self)",
    local="0",
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
)


heaviside = not_differentiable(
    "heaviside", "step", lambda self, values: np.where(self == 0, values, self > 0).astype(self.dtype), "self values"
)
nextafter = beside(
    "nextafter",
    "NextafterBackward0",
    "next",
    as_operands(np.nextafter),
    "self other",
    dict.fromkeys(("self", "other"), lambda grad: np.zeros_like(grad)),
    expression="nextafter(self, other)",
    local={"self": "0", "other": "0"},
)
