"""Exponential families: entropy and divergence from one function, the logarithm of what normalises the density."""

from __future__ import annotations

from typing import Any

from gradviz.autograd import grad
from gradviz.distributions.distribution import Parametrized
from gradviz.engine.tensor import Tensor

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Parametrized):
    """A distribution with density exp(⟨t(x), θ⟩ − F(θ) + k(x)).

    A subclass that has no formula of its own for its entropy defines the *natural parameters* θ, the function F, and the
    mean of k, and has the entropy from the slope of F.
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> float:
        raise NotImplementedError

    def _slopes(self) -> tuple[Tensor, list[Tensor], Any]:
        """Return F(θ), θ and the slopes of F."""
        natural = [parameter.detach().requires_grad_() for parameter in self._natural_params]
        log_normalizer = self._log_normalizer(*natural)
        return log_normalizer, natural, grad(log_normalizer.sum(), natural, create_graph=True)

    def entropy(self) -> Tensor:
        """Return the entropy, F − ⟨θ, F'⟩ less the mean of k."""
        log_normalizer, natural, slopes = self._slopes()
        result = -self._mean_carrier_measure + log_normalizer
        for parameter, slope in zip(natural, slopes, strict=True):
            result = result - (parameter * slope).reshape((*self._batch_shape, -1)).sum(-1)
        return result
