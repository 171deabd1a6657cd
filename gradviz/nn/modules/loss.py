"""Losses: what training makes small."""

from __future__ import annotations

from gradviz.engine.tensor import Tensor
from gradviz.nn import functional as F  # noqa: N812 (everybody's name for it)
from gradviz.nn.module import Module

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "L1Loss", "MSELoss",
]  # fmt: skip


class _Loss(Module):
    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction


class BCELoss(_Loss):
    """Binary cross-entropy of probabilities."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Compare predictions with targets."""
        return F.binary_cross_entropy(input, target, self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of scores, with the sigmoid inside."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Compare predictions with targets."""
        return F.binary_cross_entropy_with_logits(input, target, self.reduction)


class CrossEntropyLoss(_Loss):
    """Cross-entropy of scores (N, C) and class numbers (N)."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Compare predictions with targets."""
        return F.cross_entropy(input, target, self.reduction)


class L1Loss(_Loss):
    """The mean absolute error."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Compare predictions with targets."""
        return F.l1_loss(input, target, self.reduction)


class MSELoss(_Loss):
    """The mean squared error."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Compare predictions with targets."""
        return F.mse_loss(input, target, self.reduction)
