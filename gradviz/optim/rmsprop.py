"""RMSprop: divide by how large the gradient has been of late."""

from __future__ import annotations

from typing import Any

from gradviz.engine.tensor import Tensor
from gradviz.optim.optimizer import Optimizer
from gradviz.optim.rule import Sheet, Term
from gradviz.optim.settings import checked, documented

ORDER = "lr momentum alpha eps centered weight_decay capturable foreach maximize differentiable"
"""The settings in the order of PyTorch's groups."""


@documented
class RMSprop(Optimizer):
    """Divide the gradient by its root mean square: ``p ← p − lr · grad / (√v + eps)``.

    Parameters
    ----------
    alpha
        How much of the average square ``v`` is kept in a step.
    momentum
        How much of the last step is made again.
    centered
        Divide by the standard deviation: take the square of the average gradient from ``v``.

    References
    ----------
    Hinton, "Neural networks for machine learning", lecture 6e (2012). Graves, "Generating sequences with recurrent
    neural networks" (2013), for `centered`.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        settings = checked(locals(), ORDER)
        if not alpha >= 0:
            raise ValueError(f"Invalid alpha value: {alpha}")
        super().__init__(params, settings)

    @staticmethod
    def _rule(sheet: Sheet) -> None:
        grad, lr, alpha = sheet.gradient(), sheet.setting("lr"), sheet.setting("alpha")
        square = sheet.memory("v", "square_avg", squares=True)
        if sheet.has("momentum"):
            momentum, before = sheet.setting("momentum"), sheet.memory("buffer", "momentum_buffer")
        spread: Term = sheet.average_square(square, alpha, grad)
        if sheet.has("centered"):
            mean = sheet.average(sheet.memory("g", "grad_avg"), alpha, grad)
            sentence = "centered: how much the gradient varies around its average."
            spread = sheet.line("s", spread - mean.squared(), sentence)
        below = spread.root() + sheet.setting("eps", "ε")
        if sheet.has("momentum"):
            sentence = "The gradient, divided by how large it has been of late, joins what is left of earlier ones."
            buffer = sheet.line("buffer", momentum * before + grad / below, sentence, keep=before)
            sheet.line("w", sheet.w - lr * buffer, "w moves against the buffer, lr times as far.")
        else:
            sentence = "The gradient is divided by how large it has been of late."
            sheet.line("w", sheet.w - lr * grad / below, sentence)
