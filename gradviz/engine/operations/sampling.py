"""Random numbers. How they were drawn has no slope, so nothing flows back."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import gammamath
from gradviz.engine.operation import beside, general

_NOTHING = "A random number has no slope: how it was drawn does not depend smoothly on this, so the gradient is 0."


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
        sentence=f"Every entry is a random number now. {_NOTHING}",
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
    sentence=f"Every entry is a random number now. {_NOTHING}",
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
    sentence=_NOTHING,
)


# --- draws that gradients flow through ----------------------------------------------------------------------------------


def _no_second(grad: Any) -> Any:
    raise NotImplementedError("the derivative of the slope of a gamma or Dirichlet draw is not implemented")


_gamma_slope = beside(
    "_standard_gamma_grad",
    "NotImplemented",  # PyTorch's name for this node, too
    "Γ ∂",
    lambda self, output: gammamath.gamma_slope(self, output),
    "self output",
    {"self": _no_second, "output": _no_second},
    expression="gamma_slope(self, output)",
    local={},
    sentence="How a gamma random number moves with its concentration; its own derivative is not known.",
)
standard_gamma = general(
    "_standard_gamma",
    "StandardGammaBackward0",
    "random",
    lambda self, numbers: numbers,
    "self",
    {"self": lambda grad, self, result: grad * _gamma_slope_of(self, result)},
    settings="numbers",
    expression="gamma_draw(self)",
    local={"self": "gamma_slope(self, result)"},
    sentence="The draw keeps its place in the distribution: where its concentration grows, the number moves along.",
)


def _gamma_slope_of(alpha: Any, drawn: Any) -> Any:
    arrays = isinstance(alpha, np.ndarray | np.generic)
    return gammamath.gamma_slope(alpha, drawn) if arrays else _gamma_slope(alpha, drawn)


def _shares_back(grad: Any, concentration: Any, result: Any) -> Any:
    arrays = isinstance(grad, np.ndarray | np.generic)
    return (_shares_slope if arrays else _recorded_shares_slope)(grad, concentration, result)


def _shares_slope(grad: Any, concentration: Any, shares: Any) -> Any:
    slope = gammamath.dirichlet_slope(shares, concentration, concentration.sum(-1, keepdims=True))
    return slope * (grad - (shares * grad).sum(-1, keepdims=True))


_recorded_shares_slope = beside(
    "_dirichlet_grad",
    "NotImplemented",
    "Dir ∂",
    _shares_slope,
    "grad concentration shares",
    {"grad": _no_second, "concentration": _no_second, "shares": _no_second},
    expression="dirichlet_slope(grad, concentration, shares)",
    local={},
    sentence="How Dirichlet shares move with their concentrations; its own derivative is not known.",
)
sample_dirichlet = general(
    "_sample_dirichlet",
    "_DirichletBackward",
    "random",
    lambda concentration, numbers: numbers,
    "concentration",
    {"concentration": _shares_back},
    settings="numbers",
    expression="dirichlet_draw(concentration)",
    local={"concentration": "slope(result, concentration) * (grad - sum(result * grad))"},
    sentence=(
        "Each share keeps its place in its distribution; a share that grows takes from the others, for their sum is 1."
    ),
)


def finite(array: np.ndarray) -> bool:
    """Return True if an array can be probabilities: no entry is negative, infinite or not a number."""
    return bool((array >= 0).all() and np.isfinite(array).all())
