"""Adagrad: step sizes that fall with all gradients so far."""

from __future__ import annotations

from typing import Any

from gradviz.engine.tensor import Tensor
from gradviz.optim.compiled import compiled
from gradviz.optim.optimizer import Optimizer
from gradviz.optim.rule import Sheet, Term
from gradviz.optim.settings import checked, documented

ORDER = "lr lr_decay eps weight_decay initial_accumulator_value foreach maximize differentiable fused"
"""The settings in the order of PyTorch's groups."""


@documented
class Adagrad(Optimizer):
    """Adaptive gradients: divide by the root of the sum of all squared gradients so far.

    Entries with rare or small gradients keep taking large steps; the others slow down.

    Parameters
    ----------
    lr_decay
        In step ``t`` the learning rate is ``lr / (1 + (t − 1) · lr_decay)``.
    initial_accumulator_value
        What the sums of squares start from.

    References
    ----------
    Duchi et al., "Adaptive subgradient methods for online learning and stochastic optimization" (2011).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, checked(locals(), ORDER))
        for group in self.param_groups:
            for parameter in group["params"]:
                compiled(self._rule, group).begin(self.state[parameter], parameter._writable(), group)

    @staticmethod
    def _rule(sheet: Sheet) -> None:
        grad, lr = sheet.gradient(), sheet.setting("lr")
        rate: Term = lr
        before = sheet.memory("G", "sum", sheet.setting("initial_accumulator_value"), squares=True)
        sentence = "G is the sum of all squared gradients so far."
        total = sheet.line("G", before + grad.squared(), sentence, keep=before)
        if sheet.has("lr_decay"):
            rate = lr / (1 + (sheet.t - 1) * sheet.setting("lr_decay"))
            rate = sheet.line("lr", rate, "lr_decay makes lr smaller with every step.")
        step = sheet.w - rate * grad / (total.root() + sheet.setting("eps", "ε"))
        sheet.line("w", step, "The larger the gradients have been, the smaller the step.")
