"""The Kullback-Leibler divergence of one distribution from another: by pairs of kinds, each with its formula."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from gradviz.distributions.bernoulli import Bernoulli
from gradviz.distributions.beta import Beta
from gradviz.distributions.categorical import Categorical
from gradviz.distributions.dirichlet import Dirichlet
from gradviz.distributions.distribution import Distribution
from gradviz.distributions.exp_family import ExponentialFamily
from gradviz.distributions.exponential import Exponential
from gradviz.distributions.gamma import Gamma
from gradviz.distributions.independent import Independent
from gradviz.distributions.laplace import Laplace
from gradviz.distributions.multivariate_normal import MultivariateNormal, half_log_det, mahalanobis
from gradviz.distributions.normal import Normal
from gradviz.distributions.one_hot_categorical import OneHotCategorical
from gradviz.distributions.transformed_distribution import TransformedDistribution
from gradviz.distributions.uniform import Uniform
from gradviz.distributions.utils import sum_rightmost
from gradviz.engine import creation, functions
from gradviz.engine.linalg import functions as linalg
from gradviz.engine.tensor import Tensor
from gradviz.nn.functional import softplus

__all__ = ["kl_divergence", "register_kl"]

EULER = 0.5772156649015329

Formula = Callable[[Any, Any], Tensor]
_formulas: dict[tuple[type, type], Formula] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Formula], Formula]:
    """Decorate a function that computes the divergence of one kind of distribution from another.

    Parameters
    ----------
    type_p, type_q
        The two classes. Subclasses of them are served by it too, if they have no function that fits better.
    """

    def decorator(function: Formula) -> Formula:
        _formulas[type_p, type_q] = function
        return function

    return decorator


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """Return how far `p` is from `q`: the mean over `p` of log p(x) − log q(x).

    Parameters
    ----------
    p, q
        Two distributions.

    Returns
    -------
    Tensor
        Of the batch's shape.

    Raises
    ------
    NotImplementedError
        If there is no formula for the two kinds.

    Examples
    --------
    >>> import gradviz as torch
    >>> D = torch.distributions
    >>> D.kl_divergence(D.Normal(0.0, 1.0), D.Normal(1.0, 1.0))
    tensor(0.5000)
    """
    return _formula(type(p), type(q))(p, q)


def _formula(type_p: type, type_q: type) -> Formula:
    """Find the function registered for two classes, or for the nearest of what they are made from."""
    fitting = [(a, b) for a, b in _formulas if issubclass(type_p, a) and issubclass(type_q, b)]
    if not fitting:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type_p.__name__} and q type {type_q.__name__}"
        )
    depth_p, depth_q = type_p.__mro__.index, type_q.__mro__.index
    by_p = min(fitting, key=lambda pair: (depth_p(pair[0]), depth_q(pair[1])))
    by_q = min(fitting, key=lambda pair: (depth_q(pair[1]), depth_p(pair[0])))
    if _formulas[by_p] is not _formulas[by_q]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). Please register_kl({by_p[0].__name__}, "
            f"{by_q[1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return _formulas[by_p]


# --- two of a kind ------------------------------------------------------------------------------------------------------


@register_kl(Bernoulli, Bernoulli)
def _kl_bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    ones = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    ones[q.probs == 0] = math.inf
    ones[p.probs == 0] = 0
    zeros = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    zeros[q.probs == 1] = math.inf
    zeros[p.probs == 1] = 0
    return ones + zeros


@register_kl(Categorical, Categorical)
def _kl_categorical(p: Categorical, q: Categorical) -> Tensor:
    terms = p.probs * (p.logits - q.logits)
    terms[(q.probs == 0).expand_as(terms)] = math.inf
    terms[(p.probs == 0).expand_as(terms)] = 0
    return terms.sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _kl_one_hot(p: OneHotCategorical, q: OneHotCategorical) -> Tensor:
    return _kl_categorical(p._categorical, q._categorical)


@register_kl(Normal, Normal)
def _kl_normal(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(MultivariateNormal, MultivariateNormal)
def _kl_multivariate_normal(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two Multivariate Normals with                          different event shapes cannot be "
            "computed"
        )
    p_root, q_root = p._unbroadcasted_scale_tril, q._unbroadcasted_scale_tril
    batch, size = functions.broadcast_shapes(q_root.shape[:-2], p_root.shape[:-2]), p.event_shape[0]
    wide = (*batch, size, size)
    ratio = linalg.solve_triangular(q_root.expand(wide), p_root.expand(wide), upper=False).pow(2).sum((-2, -1))
    return half_log_det(q_root) - half_log_det(p_root) + 0.5 * (ratio + mahalanobis(q_root, q.loc - p.loc) - size)


@register_kl(Uniform, Uniform)
def _kl_uniform(p: Uniform, q: Uniform) -> Tensor:
    result = ((q.high - q.low) / (p.high - p.low)).log()
    result[q.low.gt(p.low) | q.high.lt(p.high)] = math.inf
    return result


@register_kl(Exponential, Exponential)
def _kl_exponential(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Laplace, Laplace)
def _kl_laplace(p: Laplace, q: Laplace) -> Tensor:
    ratio, distance = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + distance / q.scale + ratio * (-distance / p.scale).exp() - 1


@register_kl(Gamma, Gamma)
def _kl_gamma(p: Gamma, q: Gamma) -> Tensor:
    return (
        q.concentration * (p.rate / q.rate).log()
        + (q.concentration.lgamma() - p.concentration.lgamma())
        + (p.concentration - q.concentration) * p.concentration.digamma()
        + (q.rate - p.rate) * (p.concentration / p.rate)
    )


@register_kl(Beta, Beta)
def _kl_beta(p: Beta, q: Beta) -> Tensor:
    p_total, q_total = p.concentration1 + p.concentration0, q.concentration1 + q.concentration0
    return (
        (q.concentration1.lgamma() + q.concentration0.lgamma() + p_total.lgamma())
        - (p.concentration1.lgamma() + p.concentration0.lgamma() + q_total.lgamma())
        + (p.concentration1 - q.concentration1) * p.concentration1.digamma()
        + (p.concentration0 - q.concentration0) * p.concentration0.digamma()
        + (q_total - p_total) * p_total.digamma()
    )


@register_kl(Dirichlet, Dirichlet)
def _kl_dirichlet(p: Dirichlet, q: Dirichlet) -> Tensor:
    p_total, q_total = p.concentration.sum(-1), q.concentration.sum(-1)
    differences = p.concentration - q.concentration
    slopes = p.concentration.digamma() - p_total.digamma().unsqueeze(-1)
    return (
        (p_total.lgamma() - q_total.lgamma())
        - (p.concentration.lgamma() - q.concentration.lgamma()).sum(-1)
        + (differences * slopes).sum(-1)
    )


@register_kl(Independent, Independent)
def _kl_independent(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _kl_transformed(p: TransformedDistribution, q: TransformedDistribution) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(ExponentialFamily, ExponentialFamily)
def _kl_of_a_family(p: ExponentialFamily, q: ExponentialFamily) -> Tensor:
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot                             be computed "
            "using Bregman divergences"
        )
    log_normalizer, natural, slopes = p._slopes()
    result = q._log_normalizer(*q._natural_params) - log_normalizer
    for mine, other, slope in zip(natural, q._natural_params, slopes, strict=True):
        result = result - sum_rightmost((other - mine) * slope, len(q.event_shape))
    return result


# --- two of different kinds ---------------------------------------------------------------------------------------------


@register_kl(Exponential, Beta)
@register_kl(Exponential, Uniform)
@register_kl(Gamma, Beta)
@register_kl(Gamma, Uniform)
@register_kl(Laplace, Beta)
@register_kl(Laplace, Exponential)
@register_kl(Laplace, Gamma)
@register_kl(Laplace, Uniform)
@register_kl(Normal, Beta)
@register_kl(Normal, Exponential)
@register_kl(Normal, Gamma)
@register_kl(Normal, Uniform)
def _kl_infinite(p: Any, q: Any) -> Tensor:
    """Return infinity: p has values that q can never have."""
    return creation.full_like(getattr(p, next(iter(p.arg_constraints))), math.inf)


@register_kl(Beta, Exponential)
def _kl_beta_exponential(p: Beta, q: Exponential) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * (p.concentration1 / (p.concentration1 + p.concentration0))


@register_kl(Beta, Gamma)
def _kl_beta_gamma(p: Beta, q: Gamma) -> Tensor:
    total = p.concentration1 + p.concentration0
    return (
        -p.entropy()
        + (q.concentration.lgamma() - q.concentration * q.rate.log())
        - (q.concentration - 1) * (p.concentration1.digamma() - total.digamma())
        + q.rate * p.concentration1 / total
    )


@register_kl(Beta, Normal)
def _kl_beta_normal(p: Beta, q: Normal) -> Tensor:
    mean, variance = p.concentration1 / (p.concentration1 + p.concentration0), q.scale.pow(2)
    square = (mean * (1 - mean) / (p.concentration1 + p.concentration0 + 1) + mean.pow(2)) * 0.5
    constant = 0.5 * (variance * 2 * math.pi).log()
    return -p.entropy() + constant + (square - q.loc * mean + q.loc.pow(2) * 0.5) / variance


@register_kl(Beta, Uniform)
def _kl_beta_uniform(p: Beta, q: Uniform) -> Tensor:
    result = -p.entropy() + (q.high - q.low).log()
    result[(q.low > p.support.lower_bound) | (q.high < p.support.upper_bound)] = math.inf
    return result


@register_kl(Exponential, Gamma)
def _kl_exponential_gamma(p: Exponential, q: Gamma) -> Tensor:
    ratio = q.rate / p.rate
    first = -q.concentration * ratio.log()
    return first + ratio + q.concentration.lgamma() + q.concentration * EULER - (1 + EULER)


@register_kl(Exponential, Normal)
def _kl_exponential_normal(p: Exponential, q: Normal) -> Tensor:
    variance, square = q.scale.pow(2), p.rate.pow(2)
    constant = 0.5 * (square * variance * 2 * math.pi).log()
    return constant - 1 + (square.reciprocal() - q.loc / p.rate + q.loc.pow(2) * 0.5) / variance


@register_kl(Gamma, Exponential)
def _kl_gamma_exponential(p: Gamma, q: Exponential) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.concentration / p.rate


@register_kl(Gamma, Normal)
def _kl_gamma_normal(p: Gamma, q: Normal) -> Tensor:
    variance, square = q.scale.pow(2), p.rate.pow(2)
    constant = 0.5 * (square * variance * 2 * math.pi).log() - p.concentration - p.concentration.lgamma()
    second = 0.5 * (p.concentration.pow(2) + p.concentration) / square
    distance = second - q.loc * p.concentration / p.rate + 0.5 * q.loc.pow(2)
    return constant + (p.concentration - 1) * p.concentration.digamma() + distance / variance


@register_kl(Laplace, Normal)
def _kl_laplace_normal(p: Laplace, q: Normal) -> Tensor:
    variance = q.scale.pow(2)
    ratio = p.scale.pow(2) / variance
    distance = 0.5 * p.loc.pow(2) - p.loc * q.loc + 0.5 * q.loc.pow(2)
    return -(0.5 * (2 * ratio / math.pi).log()) + ratio + distance / variance - 1


@register_kl(Normal, Laplace)
def _kl_normal_laplace(p: Normal, q: Laplace) -> Tensor:
    distance = p.loc - q.loc
    deviations = distance / p.scale
    near = math.sqrt(2 / math.pi) * p.scale * (-0.5 * deviations.pow(2)).exp()
    far = distance * functions.erf(math.sqrt(0.5) * deviations)
    return -(p.scale / q.scale).log() + (near + far) / q.scale - 0.5 * (1 + math.log(0.5 * math.pi))


@register_kl(Uniform, Beta)
def _kl_uniform_beta(p: Uniform, q: Beta) -> Tensor:
    width = p.high - p.low
    ones = (q.concentration1 - 1) * (_x_log_x(p.high) - _x_log_x(p.low) - width) / width
    zeros = (q.concentration0 - 1) * (_x_log_x(1 - p.high) - _x_log_x(1 - p.low) + width) / width
    constant = q.concentration1.lgamma() + q.concentration0.lgamma() - (q.concentration1 + q.concentration0).lgamma()
    result = zeros + constant - width.log() - ones
    result[(p.high > q.support.upper_bound) | (p.low < q.support.lower_bound)] = math.inf
    return result


@register_kl(Uniform, Exponential)
def _kl_uniform_exponential(p: Uniform, q: Exponential) -> Tensor:
    result = q.rate * (p.high + p.low) / 2 - ((p.high - p.low) * q.rate).log()
    result[p.low < q.support.lower_bound] = math.inf
    return result


@register_kl(Uniform, Gamma)
def _kl_uniform_gamma(p: Uniform, q: Gamma) -> Tensor:
    width = p.high - p.low
    constant = q.concentration.lgamma() - q.concentration * q.rate.log()
    logs = (1 - q.concentration) * (_x_log_x(p.high) - _x_log_x(p.low) - width) / width
    result = -width.log() + constant + logs + q.rate * (p.high + p.low) / 2
    result[p.low < q.support.lower_bound] = math.inf
    return result


@register_kl(Uniform, Normal)
def _kl_uniform_normal(p: Uniform, q: Normal) -> Tensor:
    width = p.high - p.low
    constant = (math.sqrt(math.pi * 2) * q.scale / width).log()
    middle = ((p.high + p.low - 2 * q.loc) / 2).pow(2)
    return constant + 0.5 * (width.pow(2) / 12 + middle) / q.scale.pow(2)


def _x_log_x(x: Tensor) -> Tensor:
    return functions.xlogy(x, x)
