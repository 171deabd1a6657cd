"""Adadelta: no learning rate to choose."""

from __future__ import annotations

from typing import Any

from gradviz.engine.tensor import Tensor
from gradviz.optim.optimizer import Optimizer
from gradviz.optim.rule import Sheet
from gradviz.optim.settings import checked, documented

ORDER = "lr rho eps weight_decay maximize capturable foreach differentiable"
"""The settings in the order of PyTorch's groups."""


@documented
class Adadelta(Optimizer):
    """Divide the gradient by its own recent size, and multiply it by the recent size of the steps.

    A step then has the units of the parameter, and `lr` can stay 1.

    Parameters
    ----------
    lr
        The step is multiplied with it.
    rho
        How much of each average square is kept in a step.
    eps
        Keeps the quotient finite, and the first step from being 0.

    References
    ----------
    Zeiler, "ADADELTA: An adaptive learning rate method" (2012).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        settings = checked(locals(), ORDER)
        if not 0 <= rho <= 1:
            raise ValueError(f"Invalid rho value: {rho}")
        super().__init__(params, settings)

    @staticmethod
    def _rule(sheet: Sheet) -> None:
        grad, lr, rho, eps = sheet.gradient(), sheet.setting("lr"), sheet.setting("rho", "ρ"), sheet.setting("eps", "ε")
        square, before = sheet.memory("v", "square_avg", squares=True), sheet.memory("u", "acc_delta", squares=True)
        v = sheet.average_square(square, rho, grad)
        change = (before + eps).root() / (v + eps).root() * grad
        delta = sheet.line("Δ", change, "The gradient, scaled to the size of the changes so far.")
        sentence = "u is a running average of the squared change; the next step uses it."
        sheet.line("u", rho * before + (1 - rho) * delta.squared(), sentence, keep=before)
        sheet.line("w", sheet.w - lr * delta, "w moves against it, lr times as far.")
