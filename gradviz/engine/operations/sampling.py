"""Random numbers. How they were drawn has no slope, so nothing flows back."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine.operation import general

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


def finite(array: np.ndarray) -> bool:
    """Return True if an array can be probabilities: no entry is negative, infinite or not a number."""
    return bool((array >= 0).all() and np.isfinite(array).all())
