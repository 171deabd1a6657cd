"""NAdam: Adam with Nesterov momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import inplace
from gradviz.engine.tensor import Tensor
from gradviz.optim.adam import shrunk
from gradviz.optim.arithmetic import average_squares, move_towards, number, plus_quotient
from gradviz.optim.optimizer import (
    Group,
    Optimizer,
    check_betas,
    check_learning_rate,
    check_not_negative,
    counted,
    scalar,
)


class NAdam(Optimizer):
    """Adam with Nesterov momentum: the step looks ahead to where the momentum will have led.

    Parameters
    ----------
    params
        Tensors, or dictionaries with ``"params"`` and settings.
    lr
        The learning rate.
    betas
        How much of each average is kept in a step: of the gradient's, of its square's.
    eps
        Keeps the quotient finite.
    weight_decay
        Adds this share of the parameter to its gradient.
    momentum_decay
        How fast the momentum grows to its full size: in step ``t`` it is ``β₁ · (1 − 0.96 ** (t · momentum_decay) / 2)``.
    decoupled_weight_decay
        Let weight decay shrink the parameter itself, as `AdamW` does.
    foreach
        How PyTorch computes, not what. Accepted, and without effect.
    maximize
        Step along the gradient instead.
    capturable, differentiable
        Only ``False``.

    References
    ----------
    Dozat, "Incorporating Nesterov momentum into Adam" (2016).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_learning_rate(lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("momentum_decay value", momentum_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
            },
        )

    def _move(self, parameter: Tensor, gradient: Any, group: Group) -> None:
        lr, (beta1, beta2) = number(group["lr"]), group["betas"]
        memory = self._memory(parameter)
        if "mu_product" not in memory:
            memory["mu_product"] = scalar(1.0)
        memory = self._memory(parameter, "exp_avg", "exp_avg_sq")
        steps = counted(memory)
        mean, square = memory["exp_avg"]._writable(), memory["exp_avg_sq"]._writable()
        move_towards(mean, gradient, 1 - beta1)
        average_squares(square, gradient, beta2)

        def momentum(step: float) -> float:
            return beta1 * (1 - 0.5 * 0.96 ** (step * group["momentum_decay"]))

        now, ahead = momentum(steps), momentum(steps + 1)
        product = memory["mu_product"]._writable()
        product *= now
        below = square / (1 - beta2**steps)
        below = np.sqrt(below)
        below += group["eps"]
        moved = plus_quotient(shrunk(parameter, lr, group), -lr * (1 - now) / (1 - product.item()), gradient, below)
        inplace.write(parameter, plus_quotient(moved, -lr * ahead / (1 - product.item() * ahead), mean, below))
