"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from gradviz.engine.tensor import Tensor
from gradviz.optim.optimizer import Optimizer
from gradviz.optim.rule import Sheet, choose, equal, largest, rounded
from gradviz.optim.settings import checked, documented


@documented
class ASGD(Optimizer):
    """Averaged stochastic gradient descent: also keep the average of all places visited, under ``"ax"`` in the state.

    Parameters
    ----------
    lr
        The learning rate at the start; in step ``t`` it is ``lr / (1 + lambd · lr · t) ** alpha``.
    lambd, alpha
        How the learning rate falls; `lambd` also shrinks the parameters.
    t0
        The step at which averaging starts.

    References
    ----------
    Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(params, checked(locals()))

    @staticmethod
    def _rule(sheet: Sheet) -> None:
        grad, lr, lambd = sheet.gradient(), sheet.setting("lr"), sheet.setting("lambd", "λ")
        eta = sheet.memory("η", "eta", start=lr, whole=False)
        mu = sheet.memory("μ", "mu", start=1.0, whole=False)
        mean = sheet.memory("ax", "ax")
        sentence = "w moves against its gradient, η times as far; and λ pulls it towards 0."
        w = sheet.line("w", (1 - lambd * eta) * sheet.w - eta * grad, sentence)
        sentence = "ax is the average of all places since step t0; before, it goes along."
        sheet.line("ax", choose(equal(mu, 1), w, mean + rounded(mu * (w - mean))), sentence, keep=mean)
        rate = lr / (1 + lambd * lr * sheet.t) ** sheet.setting("alpha", "α")
        sheet.line("η", rate, "How far the next step goes: less with every step.", keep=eta)
        share = 1 / largest(1, sheet.t - sheet.setting("t0"))
        sheet.line("μ", share, "The share of the next place in the average.", keep=mu)
