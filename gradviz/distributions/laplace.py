"""The Laplace distribution."""

from __future__ import annotations

from typing import Any

from gradviz.distributions import constraints
from gradviz.distributions.parameters import ByPlace
from gradviz.engine import creation, functions
from gradviz.engine.size import Size
from gradviz.engine.tensor import Tensor

__all__ = ["Laplace"]


class Laplace(ByPlace):
    """The Laplace distribution: it falls exponentially on both sides.

    Parameters
    ----------
    loc
        Its mean.
    scale
        How far it reaches: the mean distance from `loc`.
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    @property
    def variance(self) -> Tensor:
        return 2 * self.scale.pow(2)

    @property
    def stddev(self) -> Tensor:
        return 2**0.5 * self.scale

    def rsample(self, sample_shape: Any = Size()) -> Tensor:
        shape, dtype = tuple(self._extended_shape(sample_shape)), self.loc.dtype
        u = creation.empty(shape, dtype=dtype).uniform_(functions.finfo(dtype).eps - 1, 1)
        return self.loc - self.scale * u.sign() * (-u.abs()).log1p()

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def cdf(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        distance = value - self.loc
        return 0.5 - 0.5 * distance.sign() * (-distance.abs() / self.scale).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        term = value - 0.5
        return self.loc - self.scale * term.sign() * (-2 * term.abs()).log1p()

    def entropy(self) -> Tensor:
        return 1 + (2 * self.scale).log()
