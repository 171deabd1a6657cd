"""Ready-made parametrizations, as PyTorch's ``torch.nn.utils.parametrizations``."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz import absent
from gradviz.engine import creation, functions
from gradviz.engine.linalg import functions as linalg
from gradviz.engine.modes import no_grad
from gradviz.engine.tensor import Tensor
from gradviz.nn import functional as F  # noqa: N812 (everybody's name for it)
from gradviz.nn.module import Module
from gradviz.nn.utils.normed import as_matrix, directed, norm_except_dim, output_axis, unit_vector
from gradviz.nn.utils.parametrize import register_parametrization

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def _weight_of(module: Module, name: str) -> Tensor:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


# --- a direction and a length -------------------------------------------------------------------------------------------


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return directed(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Learn the direction and the length of a weight separately: ``weight = g · v / ‖v‖``.

    Parameters
    ----------
    module
        The module.
    name
        Which of its parameters; ``parametrizations.weight.original0`` is g and ``original1`` v.
    dim
        The axis along which each slice has a length of its own; ``None`` for one length.
    """
    _weight_of(module, name)
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


# --- the largest singular value -----------------------------------------------------------------------------------------


class _SpectralNorm(Module):
    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        ndim = weight.ndim
        if not -ndim <= dim < ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim, self.eps = dim % ndim, eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight.detach(), self.dim)
            rows, columns = matrix.shape
            self.register_buffer("_u", unit_vector(weight, rows, eps))
            self.register_buffer("_v", unit_vector(weight, columns, eps))
            self._power_method(matrix, 15)

    def _power_method(self, matrix: Tensor, steps: int) -> None:
        with no_grad():
            for _ in range(steps):
                self._u.copy_(F.normalize(functions.mv(matrix, self._v), dim=0, eps=self.eps))
                self._v.copy_(F.normalize(functions.mv(matrix.t(), self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        return weight / functions.vdot(self._u.clone(), functions.mv(matrix, self._v.clone()))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value  # as if it were within the bound already


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Divide a weight by its largest singular value, so that the layer stretches nothing.

    Parameters
    ----------
    module
        The module.
    name
        Which of its parameters.
    n_power_iterations
        How many steps to search for the largest singular value at each use, in training.
    eps
        Keeps divisors away from 0.
    dim
        The axis of the outputs; by default 0, and 1 for transposed convolutions.
    """
    weight = _weight_of(module, name)
    dim = output_axis(module) if dim is None else dim
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))


# --- orthogonal columns -------------------------------------------------------------------------------------------------

MAPS = ("matrix_exp", "cayley", "householder")


def _reflections(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return a matrix's Householder reflections: below the diagonal their vectors, beside it how strong each is."""
    packed, strengths = zip(
        *(np.linalg.qr(part, "raw") for part in matrix.array.reshape(-1, *matrix.shape[-2:])), strict=True
    )
    kind = matrix.array.dtype
    vectors = np.stack([part.T for part in packed]).astype(kind).reshape(matrix.shape)
    taus = np.stack(strengths).astype(kind).reshape(*matrix.shape[:-2], -1)
    return creation.from_numpy(vectors), creation.from_numpy(taus)


def _product(vectors: Tensor, taus: Tensor) -> Tensor:
    """Multiply Householder reflections, one for each column, and return as many columns of the product."""
    n, k = vectors.shape[-2:]
    unit = creation.eye(n, k, dtype=vectors.dtype)
    vectors = vectors.tril(-1) + unit
    result = unit.expand(vectors.shape)
    for place in reversed(range(k)):
        vector = vectors[..., place : place + 1]
        strength = taus[..., place : place + 1].unsqueeze(-1)
        result = result - strength * vector @ (vector.mT @ result)
    return result


class _Orthogonal(Module):
    """A matrix with orthogonal columns (or rows, if there are fewer), made of any matrix."""

    def __init__(self, weight: Tensor, orthogonal_map: str, *, use_trivialization: bool = True) -> None:
        super().__init__()
        self.shape, self.orthogonal_map = weight.shape, orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)  # where to start from, once there is a value

    def forward(self, X: Tensor) -> Tensor:  # noqa: N803 (a matrix)
        transposed = X.shape[-2] < X.shape[-1]
        X = X.mT if transposed else X  # noqa: N806
        n, k = X.shape[-2:]
        if self.orthogonal_map == "householder":
            vectors = X.tril(-1)
            lengths = 2.0 / (1.0 + (vectors * vectors).sum(-2))
            Q = _product(vectors, lengths) * X.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)  # noqa: N806
        else:
            lower = X.tril()
            if n != k:
                lower = functions.cat([lower, creation.zeros(*X.shape[:-2], n, n - k, dtype=X.dtype)], -1)
            skew = lower - lower.mT
            if self.orthogonal_map == "matrix_exp":
                Q = linalg.matrix_exp(skew)  # noqa: N806
            else:
                unit = creation.eye(n, dtype=X.dtype)
                Q = linalg.solve(unit - 0.5 * skew, unit + 0.5 * skew)  # noqa: N806
            Q = Q[..., :k] if n != k else Q  # noqa: N806
        if "base" in self._buffers:
            Q = self.base @ Q  # noqa: N806
        return Q.mT if transposed else Q

    def right_inverse(self, Q: Tensor) -> Tensor:  # noqa: N803
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {Q.shape}."
            )
        with no_grad():
            transposed = Q.shape[-2] < Q.shape[-1]
            tall = Q.detach().mT if transposed else Q.detach()
            n, k = tall.shape[-2:]
            if "base" not in self._buffers:
                if self.orthogonal_map != "householder":
                    raise NotImplementedError(
                        "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                        "use_trivialization=False."
                    )
                vectors, taus = _reflections(tall)
                diagonal = vectors.diagonal(dim1=-2, dim2=-1)
                signs = diagonal.sign() * functions.where(taus.eq(0.0), -1.0, 1.0)
                whole = vectors - functions.diag_embed(diagonal) if n == k else vectors.tril(-1) + vectors.triu(1)
                whole = whole + creation.eye(n, k, dtype=tall.dtype) * signs.unsqueeze(-2)
                return whole.mT if transposed else whole
            if n == k:
                unit = creation.eye(k, dtype=tall.dtype)
                eps = 10.0 * n * functions.finfo(tall.dtype).eps
                done = functions.allclose(tall.mT @ tall, unit, atol=eps)
                base = tall.clone() if done else _made_orthogonal(tall)
            else:
                more = creation.randn(*tall.shape[:-2], n, n - k, dtype=tall.dtype)
                base = _made_orthogonal(functions.cat([tall, more], -1))
            self.base = base
            return creation.zeros_like(Q) - creation.eye(*Q.shape[-2:], dtype=Q.dtype)


def _made_orthogonal(matrix: Tensor) -> Tensor:
    """Return the nearest orthogonal matrix along the way of Gram and Schmidt."""
    vectors, taus = _reflections(matrix)
    return _product(vectors, taus) * vectors.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)


def orthogonal(
    module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Module:
    """Keep a weight orthogonal: its columns, or its rows if there are fewer, have length 1 and right angles.

    Parameters
    ----------
    module
        The module.
    name
        Which of its parameters; a matrix, or several along the first axes.
    orthogonal_map
        How it is made of any matrix: ``"matrix_exp"``, ``"cayley"``, or ``"householder"``, a product of reflections. By
        default the first for square matrices and the last for others.
    use_trivialization
        Whether to start from the matrix that was assigned last, which is kept as a buffer.
    """
    weight = _weight_of(module, name)
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    return register_parametrization(module, name, made, unsafe=True)


def __getattr__(name: str) -> Any:
    return absent.attribute("nn.utils.parametrizations", name, __all__)
