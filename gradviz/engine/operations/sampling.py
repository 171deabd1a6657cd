"""Random numbers. How they were drawn has no slope, so nothing flows back."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import advice, gammamath
from gradviz.engine.operation import beside, general
from gradviz.engine.operations.formulas import not_differentiable, recorded
from gradviz.engine.tensor import Tensor


def _filled(name: str, grad_fn: str) -> Any:
    return general(
        name,
        grad_fn,
        "random",
        lambda self, numbers: numbers,
        "self",
        {"self": lambda grad: np.zeros_like(grad)},
        settings="numbers",
        expression=f"{name}(self)",
        local={"self": "0"},
    )


uniform = _filled("uniform", "UniformBackward0")
normal = _filled("normal", "NormalBackward0")
exponential = _filled("exponential", "ExponentialBackward0")
cauchy = _filled("cauchy", "CauchyBackward0")
log_normal = _filled("log_normal", "LogNormalBackward0")
geometric = _filled("geometric", "GeometricBackward0")
random_between = _filled("random", "RandomBackward0")
random_below = _filled("random", "RandomBackward1")
random = _filled("random", "RandomBackward2")
bernoulli = _filled("bernoulli", "BernoulliBackward0")
bernoulli_of_tensor = general(
    "bernoulli",
    "BernoulliBackward1",
    "random",
    lambda self, p, numbers: numbers,
    "self p",
    {"self": lambda grad: np.zeros_like(grad), "p": lambda grad: np.zeros_like(grad)},
    settings="numbers",
    expression="bernoulli(p)",
    local={"self": "0", "p": "0"},
)
bernoulli_of_number = _filled("bernoulli", "BernoulliBackward2")
normal_of_mean = _filled("normal", "NormalBackward1")
normal_of_std = _filled("normal", "NormalBackward2")
normal_of_both = general(
    "normal",
    "NormalBackward3",
    "random",
    lambda mean, std, numbers: numbers,
    "mean std",
    {"mean": lambda grad: np.zeros_like(grad), "std": lambda grad: np.zeros_like(grad)},
    settings="numbers",
    expression="normal(mean, std)",
    local={"mean": "0", "std": "0"},
)


# --- draws that gradients flow through ----------------------------------------------------------------------------------


_gamma_slope = recorded(
    not_differentiable(
        "_standard_gamma_grad", "Γ ∂", gammamath.gamma_slope, "self output", grad_fn="StandardGammaGradBackward0"
    )
)
standard_gamma = general(
    "_standard_gamma",
    "StandardGammaBackward0",
    "random",
    lambda self, numbers: numbers,
    "self",
    {"self": lambda grad, self, result: grad * _gamma_slope(self, result)},
    settings="numbers",
    expression="gamma_draw(self)",
    local={"self": "gamma_slope(self, result)"},
)


def _shares_slope(grad: np.ndarray, concentration: np.ndarray, shares: np.ndarray) -> np.ndarray:
    slope = gammamath.dirichlet_slope(shares, concentration, concentration.sum(-1, keepdims=True))
    return slope * (grad - (shares * grad).sum(-1, keepdims=True))


def _twice(grad: Any) -> Any:
    raise RuntimeError(advice.TWICE)


# In PyTorch this is a `Function` marked with @once_differentiable: a gradient without a graph gets none here.
_recorded_shares_slope = beside(
    "_dirichlet_grad",
    "Error",
    "Dir ∂",
    _shares_slope,
    "grad concentration shares",
    {"grad": _twice},
    expression="dirichlet_slope(grad, concentration, shares)",
    local={"grad": "0"},
)


def _shares_back(grad: Any, concentration: Any, result: Any) -> Any:
    if not isinstance(grad, Tensor):
        return _shares_slope(grad, concentration, result)
    return _recorded_shares_slope(grad.detach().requires_grad_(grad.requires_grad), concentration, result)


sample_dirichlet = general(
    "_sample_dirichlet",
    "_DirichletBackward",
    "random",
    lambda concentration, numbers: numbers,
    "concentration",
    {"concentration": _shares_back},
    settings="numbers",
    expression="dirichlet_draw(concentration)",
    local={"concentration": "dirichlet_draw_back(grad)"},
)


def finite(array: np.ndarray) -> bool:
    """Return True if an array can be probabilities: no entry is negative, infinite or not a number."""
    return bool((array >= 0).all() and np.isfinite(array).all())
