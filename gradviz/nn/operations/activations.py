"""Activation functions of neural networks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine import specialmath
from gradviz.engine.layout import as_operands
from gradviz.engine.operation import general
from gradviz.engine.operations.elementwise import sigmoid, threshold_backward
from gradviz.engine.operations.formulas import not_differentiable, on_both, recorded
from gradviz.engine.operations.piecewise import only, straight
from gradviz.engine.operations.special import erf

sigma = on_both(sigmoid)
_erf = on_both(erf)


leaky_relu = general(
    "leaky_relu",
    "LeakyReluBackward0",
    "leaky",
    as_operands(lambda self, negative_slope: np.where(self > 0, self, self * negative_slope)),
    "self",
    {
        "self": straight(
            "leaky_relu_backward",
            "LeakyReluBackwardBackward0",
            lambda grad_output, self, negative_slope: np.where(self > 0, grad_output, grad_output * negative_slope),
            local="1 if self > 0 else negative_slope",
        )
    },
    settings="negative_slope",
    expression="leaky_relu(self)",
    local={"self": "1 if self > 0 else negative_slope"},
)


def _elu(self: Any, alpha: float, scale: float = 1.0, input_scale: float = 1.0) -> Any:
    # No exponential of a positive number is taken: it could overflow, and would not be used.
    return np.where(self > 0, self, np.expm1(np.minimum(self, 0) * input_scale) * alpha) * scale


def _elu_slope(self: Any, alpha: float, scale: float = 1.0, input_scale: float = 1.0) -> Any:
    return np.where(self <= 0, np.exp(np.where(self < 0, self, 0) * input_scale) * (alpha * input_scale), 1) * scale


elu = general(
    "elu",
    "EluBackward0",
    "elu",
    as_operands(_elu),
    "self",
    {"self": lambda grad, self, alpha, scale: grad * _elu_slope(self, alpha, scale)},
    settings="alpha scale",
    expression="elu(self)",
    local={"self": "scale if self > 0 else scale * alpha * exp(self)"},
)
celu = general(
    "celu",
    "CeluBackward0",
    "celu",
    as_operands(lambda self, alpha: _elu(self, alpha, 1.0, 1 / alpha)),
    "self",
    {"self": lambda grad, self, alpha: grad * _elu_slope(self, alpha, 1.0, 1 / alpha)},
    settings="alpha",
    expression="celu(self)",
    local={"self": "1 if self > 0 else exp(self / alpha)"},
)


def _silu_slope(self: Any) -> Any:
    open_ = sigma(self)
    return open_ * (self * (1 - open_) + 1)


silu = general(
    "silu",
    "SiluBackward0",
    "silu",
    as_operands(lambda self: self * sigma(self)),
    "self",
    {"self": lambda grad, self: grad * _silu_slope(self)},
    expression="silu(self)",
    local={"self": "sigmoid(self) * (1 + self * (1 - sigmoid(self)))"},
)


def _softplus(self: Any, beta: float, threshold: float) -> Any:
    scaled = self * beta
    return np.where(scaled > threshold, self, np.log1p(np.exp(np.minimum(scaled, threshold))) / beta)


softplus = general(
    "softplus",
    "SoftplusBackward0",
    "softplus",
    as_operands(_softplus),
    "self",
    {
        "self": lambda grad, self, beta, threshold: np.where(
            self * beta > threshold, grad, grad * sigma(np.minimum(self * beta, threshold))
        )
    },
    settings="beta threshold",
    expression="softplus(self, beta=beta, threshold=threshold)",
    local={"self": "1 if beta * self > threshold else sigmoid(beta * self)"},
)
log_sigmoid = general(
    "log_sigmoid",
    "LogSigmoidBackward0",
    "log σ",
    as_operands(lambda self: np.minimum(self, 0) - np.log1p(np.exp(-np.abs(self)))),
    "self",
    {"self": lambda grad, self: grad * sigma(-self)},
    expression="logsigmoid(self)",
    local={"self": "1 - sigmoid(self)"},
)
hardtanh = general(
    "hardtanh",
    "HardtanhBackward0",
    "hardtanh",
    as_operands(lambda self, min_val, max_val: np.clip(self, min_val, max_val)),
    "self",
    {
        "self": straight(
            "hardtanh_backward",
            "HardtanhBackwardBackward0",
            lambda grad_output, self, min_val, max_val: only(~((self <= min_val) | (self >= max_val)), grad_output),
            local="1 if min_val < self < max_val else 0",
        )
    },
    settings="min_val max_val",
    expression="hardtanh(self)",
    local={"self": "1 if min_val < self < max_val else 0"},
)

_ROOT = math.sqrt(2 / math.pi)


def _gelu_inner(x: Any) -> Any:
    return _ROOT * (x + 0.044715 * (x * x * x))


def _gelu(self: Any, approximate: str) -> Any:
    if approximate == "tanh":
        return 0.5 * self * (1 + np.tanh(_gelu_inner(self)))
    return 0.5 * self * (1 + specialmath.erf(self * math.sqrt(0.5)))


def _gelu_slope(self: Any, approximate: str) -> Any:
    if approximate == "tanh":
        bend = np.tanh(_gelu_inner(self))
        steepness = _ROOT * (1 + 3 * 0.044715 * (self * self))
        return 0.5 * (1 + bend) + 0.5 * self * ((1 - bend * bend) * steepness)
    bell = np.exp(self * self * -0.5) * (1 / math.sqrt(2 * math.pi))
    return 0.5 * (1 + _erf(self * math.sqrt(0.5))) + self * bell


gelu = general(
    "gelu",
    "GeluBackward0",
    "gelu",
    as_operands(_gelu),
    "self",
    {"self": lambda grad, self, approximate: grad * _gelu_slope(self, approximate)},
    settings="approximate",
    expression="gelu(self)",
    local={"self": "gelu_slope(self) if approximate == 'tanh' else Phi(self) + self * phi(self)"},
)
mish = general(
    "mish",
    "MishBackward0",
    "mish",
    as_operands(lambda self: self * np.tanh(_softplus(self, 1.0, 20.0))),
    "self",
    {"self": lambda grad, self: grad * _mish_slope(self)},
    expression="mish(self)",
    local={"self": "tanh(softplus(self)) + self * (1 - tanh(softplus(self)) ** 2) * sigmoid(self)"},
)


def _mish_slope(x: Any) -> Any:
    soft = np.tanh(np.log1p(np.exp(np.minimum(x, 20.0))))
    return soft + x * (1 - soft * soft) * sigma(x)


# --- made of straight lines ---------------------------------------------------------------------------------------------

threshold = general(
    "threshold",
    "ThresholdBackward0",
    lambda threshold, value: "threshold",
    as_operands(lambda self, threshold, value: np.where(self <= threshold, self.dtype.type(value), self)),
    "self",
    {"self": lambda grad, self, threshold: threshold_backward(grad, self, threshold)},
    settings="threshold value",
    expression="threshold(self)",
    local={"self": "1 if self > threshold else 0"},
)


def _shrunk(name: str, grad_fn: str) -> Any:
    return straight(
        name,
        grad_fn,
        lambda grad_output, self, lambd: only(~((self >= -lambd) & (self <= lambd)), grad_output),
        local="1 if abs(self) > lambd else 0",
    )


hardshrink = general(
    "hardshrink",
    "HardshrinkBackward0",
    "hardshrink",
    as_operands(
        lambda self, lambd: np.where((self >= -lambd) & (self <= lambd), 0, self).astype(self.dtype, copy=False)
    ),
    "self",
    {"self": _shrunk("hardshrink_backward", "HardshrinkBackwardBackward0")},
    settings="lambd",
    expression="hardshrink(self)",
    local={"self": "1 if abs(self) > lambd else 0"},
)
softshrink = general(
    "softshrink",
    "SoftshrinkBackward0",
    "softshrink",
    as_operands(lambda self, lambd: self - np.clip(self, -lambd, lambd)),
    "self",
    {"self": _shrunk("softshrink_backward", "SoftshrinkBackwardBackward0")},
    settings="lambd",
    expression="softshrink(self)",
    local={"self": "1 if abs(self) > lambd else 0"},
)
_hardsigmoid_backward = recorded(
    not_differentiable(
        "hardsigmoid_backward",
        "slope",
        lambda grad_output, self: np.where((self > -3) & (self < 3), grad_output / 6, 0),
        "grad_output self",
    )
)
hardsigmoid = general(
    "hardsigmoid",
    "HardsigmoidBackward0",
    "hardσ",
    as_operands(lambda self: np.clip(self + 3, 0, 6) / 6),
    "self",
    {"self": lambda grad, self: _hardsigmoid_backward(grad, self)},
    expression="hardsigmoid(self)",
    local={"self": "1 / 6 if -3 < self < 3 else 0"},
)
hardswish = general(
    "hardswish",
    "HardswishBackward0",
    "hardswish",
    as_operands(lambda self: self * np.clip(self + 3, 0, 6) / 6),
    "self",
    {"self": lambda grad, self: np.where(self <= -3, 0, np.where(self < 3, grad * (self / 3 + 0.5), grad))},
    expression="hardswish(self)",
    local={"self": "self / 3 + 1 / 2 if -3 < self < 3 else (1 if self > 0 else 0)"},
)
prelu = general(
    "prelu",
    "PreluKernelBackward0",
    "prelu",
    as_operands(lambda self, weight: np.where(self > 0, self, weight * self)),
    "self weight",
    {
        "self": lambda grad, self, weight: np.where(self > 0, grad, weight * grad),
        "weight": lambda grad, self: np.where(self > 0, 0, self * grad),
    },
    together=True,
    expression="prelu(self, weight)",
    local={"self": "1 if self > 0 else weight", "weight": "0 if self > 0 else self"},
)
rrelu = general(
    "rrelu",
    "RreluWithNoiseBackward0",
    "rrelu",
    lambda self, noise, lower, upper, training: self * noise,
    "self",
    {
        "self": straight(
            "rrelu_with_noise_backward",
            "RreluWithNoiseBackwardBackward0",
            lambda grad_output, self, noise: grad_output * noise,
            local="noise",
        )
    },
    settings="noise lower upper training",
    tensors="noise",
    expression="rrelu(self)",
    local={"self": "noise"},
)


# --- with gates ---------------------------------------------------------------------------------------------------------


def _halves(self: Any, dim: int) -> tuple[Any, Any]:
    front = (slice(None),) * dim
    half = np.shape(self)[dim] // 2
    return self[(*front, slice(0, half))], self[(*front, slice(half, 2 * half))]


def _glu(self: Any, dim: int) -> Any:
    content, gate = _halves(self, dim)
    return content * sigma(gate)


def _glu_back(grad: Any, self: Any, dim: int) -> Any:
    content, gate = _halves(self, dim)
    opened = sigma(gate)
    return np.concatenate([grad * opened, grad * content * (opened * (1 - opened))], dim)


glu = general(
    "glu",
    "GluBackward0",
    "glu",
    _glu,
    "self",
    {"self": _glu_back},
    settings="dim",
    expression="glu(self)",
    local={
        "self": "joined(grad * sigmoid(gate(self, dim=dim)), "
        "grad * content(self, dim=dim) * sigmoid(gate(self, dim=dim)) * (1 - sigmoid(gate(self, dim=dim))), dim=dim)"
    },
)
