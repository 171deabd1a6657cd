"""Probability distributions, as PyTorch's ``torch.distributions``: sampled with its digits, with gradients and pictures.

Examples
--------
>>> import gradviz as torch
>>> policy = torch.distributions.Categorical(logits=torch.tensor([0.0, 1.0], requires_grad=True))
>>> policy.log_prob(torch.tensor(1))
tensor(-0.3133, grad_fn=<SqueezeBackward1>)
"""

from typing import Any

from gradviz import absent
from gradviz.distributions import constraints, kl, transforms, utils
from gradviz.distributions.bernoulli import Bernoulli
from gradviz.distributions.beta import Beta
from gradviz.distributions.categorical import Categorical
from gradviz.distributions.constraint_registry import biject_to, transform_to
from gradviz.distributions.dirichlet import Dirichlet
from gradviz.distributions.distribution import Distribution
from gradviz.distributions.exp_family import ExponentialFamily
from gradviz.distributions.exponential import Exponential
from gradviz.distributions.gamma import Gamma
from gradviz.distributions.independent import Independent
from gradviz.distributions.kl import kl_divergence, register_kl
from gradviz.distributions.laplace import Laplace
from gradviz.distributions.log_normal import LogNormal
from gradviz.distributions.multivariate_normal import MultivariateNormal
from gradviz.distributions.normal import Normal
from gradviz.distributions.one_hot_categorical import OneHotCategorical, OneHotCategoricalStraightThrough
from gradviz.distributions.transformed_distribution import TransformedDistribution
from gradviz.distributions.transforms import *
from gradviz.distributions.uniform import Uniform

__all__ = [
    "Bernoulli", "Beta", "Categorical", "Dirichlet", "Distribution", "Exponential",
    "ExponentialFamily", "Gamma", "Independent", "Laplace",
    "LogNormal", "MultivariateNormal", "Normal", "OneHotCategorical", "OneHotCategoricalStraightThrough",
    "TransformedDistribution", "Uniform", "biject_to", "constraints", "kl",
    "kl_divergence", "register_kl", "transform_to", "transforms", "utils",
    *transforms.__all__,
]  # fmt: skip


def __getattr__(name: str) -> Any:
    return absent.attribute("distributions", name, __all__)
