"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from gradviz.engine.tensor import Tensor
from gradviz.optim.optimizer import Optimizer
from gradviz.optim.rule import Sheet
from gradviz.optim.settings import checked, documented


@documented
class SGD(Optimizer):
    """Stochastic gradient descent: step against the gradient, ``p ← p − lr · grad``.

    Parameters
    ----------
    momentum, dampening, nesterov
        With momentum, a velocity is kept: ``v ← momentum · v + (1 − dampening) · grad``, and the step is along ``v``
        (with Nesterov, along ``grad + momentum · v``).

    References
    ----------
    Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 0.001,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        settings = checked(locals())
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, settings)

    @staticmethod
    def _rule(sheet: Sheet) -> None:
        sheet.counts = False
        grad, lr = sheet.gradient(), sheet.setting("lr")
        if not sheet.has("momentum"):
            sheet.line("w", sheet.w - lr * grad, "w moves against its gradient, lr times as far.")
            return
        momentum, before = sheet.setting("momentum"), sheet.memory("buffer", "momentum_buffer", start=grad)
        if sheet.has("dampening"):
            damped = (1 - sheet.setting("dampening", first=0)) * grad
            sentence = "The buffer remembers earlier gradients. In the first step nothing is dampened."
            buffer = sheet.line("buffer", momentum * before + damped, sentence, keep=before)
        else:
            sentence = "The buffer remembers earlier gradients: each counts momentum times as much a step later."
            buffer = sheet.line("buffer", momentum * before + grad, sentence, keep=before)
        if sheet.has("nesterov"):
            ahead = sheet.line("grad", grad + momentum * buffer, "Nesterov: look ahead to where the buffer leads.")
            sheet.line("w", sheet.w - lr * ahead, "w moves against it, lr times as far.")
        else:
            sheet.line("w", sheet.w - lr * buffer, "w moves against the buffer, lr times as far.")
