"""The normal distribution of vectors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gradviz.distributions import constraints
from gradviz.distributions.distribution import Parametrized
from gradviz.distributions.utils import lazy_property, standard_normal
from gradviz.engine import creation, functions
from gradviz.engine.linalg import functions as linalg
from gradviz.engine.size import Size
from gradviz.engine.tensor import Tensor

__all__ = ["MultivariateNormal"]


class MultivariateNormal(Parametrized):
    """The normal distribution of vectors, whose entries may depend on each other.

    One of the three matrices says how; they follow from each other.

    Parameters
    ----------
    loc
        The mean, along the last axis.
    covariance_matrix
        The covariances of the entries.
    precision_matrix
        The inverse of the covariances.
    scale_tril
        The lower triangular matrix L, with positive diagonal, for which ``L @ L.T`` are the covariances.
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True
    loc: Tensor

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
        matrices = {
            "scale_tril": scale_tril, "covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix,
        }  # fmt: skip
        given = [(name, matrix) for name, matrix in matrices.items() if matrix is not None]
        if len(given) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        ((name, matrix),) = given
        if matrix.ndim < 2:
            what = "scale_tril matrix" if name == "scale_tril" else name
            raise ValueError(f"{what} must be at least two-dimensional, with optional leading batch dimensions")
        batch_shape = Size(functions.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1]))
        setattr(self, name, matrix.expand((*batch_shape, -1, -1)))
        self.loc = loc.expand((*batch_shape, -1))
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args=validate_args)
        roots: dict[str, Callable[[Tensor], Tensor]] = {
            "covariance_matrix": linalg.cholesky,
            "precision_matrix": _root_of_inverse,
        }
        self._unbroadcasted_scale_tril = roots[name](matrix) if name in roots else matrix

    def _stretched(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The lower triangular root of the covariances."""
        return self._stretched(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariances."""
        return self._stretched(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariances."""
        return self._stretched(functions.cholesky_inverse(self._unbroadcasted_scale_tril))

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self._unbroadcasted_scale_tril.pow(2).sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:
        noise = standard_normal(self._extended_shape(sample_shape), self.loc.dtype)
        return self.loc + (self._unbroadcasted_scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        distance = mahalanobis(self._unbroadcasted_scale_tril, value - self.loc)
        size = self._event_shape[0]
        return -0.5 * (size * math.log(2 * math.pi) + distance) - half_log_det(self._unbroadcasted_scale_tril)

    def entropy(self) -> Tensor:
        size = self._event_shape[0]
        entropy = 0.5 * size * (1.0 + math.log(2 * math.pi)) + half_log_det(self._unbroadcasted_scale_tril)
        return entropy.expand(self._batch_shape)


def half_log_det(tril: Tensor) -> Tensor:
    """Return half the logarithm of the determinant of ``L @ L.T``."""
    return tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def mahalanobis(tril: Tensor, vectors: Tensor) -> Tensor:
    """Return the squared length of vectors, measured in deviations: of ``L⁻¹ @ x``."""
    return linalg.solve_triangular(tril, vectors.unsqueeze(-1), upper=False).squeeze(-1).pow(2).sum(-1)


def _root_of_inverse(precision: Tensor) -> Tensor:
    """Return the lower triangular root of a matrix's inverse."""
    turned = linalg.cholesky(functions.flip(precision, (-2, -1)))
    upper = functions.flip(turned, (-2, -1)).mT
    return linalg.solve_triangular(upper, creation.eye(precision.shape[-1], dtype=precision.dtype), upper=False)
