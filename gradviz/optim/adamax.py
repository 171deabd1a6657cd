"""Adamax: Adam with the largest gradient in place of the average square."""

from __future__ import annotations

from typing import Any

from gradviz.engine.tensor import Tensor
from gradviz.optim.optimizer import Optimizer
from gradviz.optim.rule import Sheet, largest
from gradviz.optim.settings import checked, documented


@documented
class Adamax(Optimizer):
    """Adam with a maximum: divide by the largest gradient of late, ``u ← max(β₂ · u, |grad| + eps)``.

    Parameters
    ----------
    betas
        How much is kept in a step: of the gradient's average, of the maximum.

    References
    ----------
    Kingma and Ba, "Adam: A method for stochastic optimization" (2015), section 7.1.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(params, checked(locals()))

    @staticmethod
    def _rule(sheet: Sheet) -> None:
        grad, lr, (beta1, beta2) = sheet.gradient(), sheet.setting("lr"), sheet.betas()
        m = sheet.average(sheet.memory("m", "exp_avg"), beta1, grad)
        before = sheet.memory("u", "exp_inf")
        size = abs(grad) + sheet.setting("eps", "ε")
        u = sheet.line("u", largest(beta2 * before, size), "u is the largest gradient of late.", keep=before)
        m_hat = sheet.corrected("m̂", m, beta1, "β₁ᵗ")
        sheet.line("w", sheet.w - lr * m_hat / u, "w moves at most about lr, however large the gradients are.")
