"""Activations: what bends a network."""

from __future__ import annotations

from gradviz.engine.tensor import Tensor
from gradviz.nn import functional as F  # noqa: N812 (everybody's name for it)
from gradviz.nn.module import Module

__all__ = [
    "ReLU", "Sigmoid", "Softmax", "Tanh",
]  # fmt: skip


class ReLU(Module):
    """``max(x, 0)``, entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.relu(input)


class Sigmoid(Module):
    """``1 / (1 + exp(−x))``, entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.sigmoid(input)


class Softmax(Module):
    """Probabilities from scores along `dim`."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        """Return the axis."""
        return f"dim={self.dim}"


class Tanh(Module):
    """The hyperbolic tangent, entry by entry."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply it."""
        return F.tanh(input)
