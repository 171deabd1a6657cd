"""Activation functions of neural networks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine.operation import general
from gradviz.engine.operations.elementwise import sigmoid


def sigma(x: Any) -> Any:
    """Return the sigmoid of an array or, recorded, of a tensor."""
    if isinstance(x, np.ndarray | np.generic):
        return sigmoid.operation.forward(x)  # type: ignore[attr-defined]
    return sigmoid(x)


leaky_relu = general(
    "leaky_relu",
    "LeakyReluBackward0",
    "leaky",
    lambda self, negative_slope: np.where(self > 0, self, self * negative_slope),
    "self",
    {"self": lambda grad, self, negative_slope: np.where(self > 0, grad, grad * negative_slope)},
    settings="negative_slope",
    expression="leaky_relu(self)",
    local={"self": "1 if self > 0 else negative_slope"},
    sentence="Leaky ReLU passes the gradient where its input was positive, and a small part of it everywhere else.",
)
elu = general(
    "elu",
    "EluBackward0",
    "elu",
    lambda self, alpha, scale: np.where(self > 0, self, np.expm1(np.minimum(self, 0)) * alpha) * scale,
    "self",
    {
        "self": lambda grad, self, alpha, scale: (
            grad * (np.where(self > 0, self * 0 + 1, np.exp(np.minimum(self, 0)) * alpha) * scale)
        )
    },
    settings="alpha scale",
    expression="elu(self)",
    local={"self": "scale if self > 0 else scale * alpha * exp(self)"},
    sentence="ELU passes the gradient where its input was positive; below, less and less of it.",
)
silu = general(
    "silu",
    "SiluBackward0",
    "silu",
    lambda self: self * sigma(self),
    "self",
    {"self": lambda grad, self: grad * (sigma(self) * (self * (1 - sigma(self)) + 1))},
    expression="silu(self)",
    local={"self": "sigmoid(self) * (1 + self * (1 - sigmoid(self)))"},
    sentence="SiLU is x times its sigmoid: close to ReLU, with a soft knee.",
)


def _softplus(self: Any, beta: float, threshold: float) -> Any:
    scaled = self * beta
    return np.where(scaled > threshold, self, np.log1p(np.exp(np.minimum(scaled, threshold))) / beta)


softplus = general(
    "softplus",
    "SoftplusBackward0",
    "softplus",
    _softplus,
    "self",
    {
        "self": lambda grad, self, beta, threshold: np.where(
            self * beta > threshold, grad, grad * sigma(np.minimum(self * beta, threshold))
        )
    },
    settings="beta threshold",
    expression="softplus(self)",
    local={"self": "sigmoid(beta * self)"},
    sentence="Softplus is a smooth ReLU: its slope is the sigmoid.",
)
log_sigmoid = general(
    "log_sigmoid",
    "LogSigmoidBackward0",
    "log σ",
    lambda self: np.minimum(self, 0) - np.log1p(np.exp(-np.abs(self))),
    "self",
    {"self": lambda grad, self: grad * sigma(-self)},
    expression="logsigmoid(self)",
    local={"self": "1 - sigmoid(self)"},
    sentence="The logarithm of the sigmoid pulls hardest where the sigmoid is near 0.",
)
hardtanh = general(
    "hardtanh",
    "HardtanhBackward0",
    "hardtanh",
    lambda self, min_val, max_val: np.clip(self, min_val, max_val),
    "self",
    {
        "self": lambda grad, self, min_val, max_val: np.where((self > min_val) & (self < max_val), grad, 0),
    },
    settings="min_val max_val",
    expression="hardtanh(self)",
    local={"self": "1 if inside else 0"},
    sentence="Between its limits the gradient passes; outside of them, where the result is cut off, none does.",
)

_ROOT = math.sqrt(2 / math.pi)


def _gelu_inner(x: Any) -> Any:
    return _ROOT * (x + 0.044715 * (x * x * x))


gelu_tanh = general(
    "gelu",
    "GeluBackward0",
    "gelu",
    lambda self, approximate: 0.5 * self * (1 + np.tanh(_gelu_inner(self))),
    "self",
    {
        "self": lambda grad, self: (
            grad
            * (
                0.5 * (1 + np.tanh(_gelu_inner(self)))
                + 0.5
                * self
                * (1 - np.tanh(_gelu_inner(self)) * np.tanh(_gelu_inner(self)))
                * (_ROOT * (1 + 3 * 0.044715 * (self * self)))
            )
        )
    },
    settings="approximate",
    expression="gelu(self)",
    local={"self": "gelu_slope(self)"},
    sentence="GELU is a smooth ReLU: it passes nearly all of the gradient above 0 and nearly none far below.",
)
mish = general(
    "mish",
    "MishBackward0",
    "mish",
    lambda self: self * np.tanh(_softplus(self, 1.0, 20.0)),
    "self",
    {"self": lambda grad, self: grad * _mish_slope(self)},
    expression="mish(self)",
    local={"self": "tanh(softplus(self)) + self * (1 - tanh(softplus(self)) ** 2) * sigmoid(self)"},
    sentence="Mish is a smooth ReLU that dips a little below 0.",
)


def _mish_slope(x: Any) -> Any:
    soft = np.tanh(np.log1p(np.exp(np.minimum(x, 20.0))))
    return soft + x * (1 - soft * soft) * sigma(x)


clamp = general(
    "clamp",
    "ClampBackward1",
    "clamp",
    lambda self, min, max: np.clip(self, min, max),
    "self",
    {
        "self": lambda grad, self, min, max: np.where(
            (self >= (-math.inf if min is None else min)) & (self <= (math.inf if max is None else max)), grad, 0
        )
    },
    settings="min max",
    expression="clamp(self)",
    local={"self": "1 if inside else 0"},
    sentence="Between the limits, and on them, the gradient passes; outside, where the result is cut off, none does.",
)
