"""RAdam: Adam that waits until its averages can be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import inplace
from gradviz.engine.tensor import Tensor
from gradviz.optim.adam import shrunk
from gradviz.optim.arithmetic import average_squares, move_towards, number
from gradviz.optim.optimizer import (
    Group,
    Optimizer,
    check_betas,
    check_learning_rate,
    check_not_negative,
    counted,
)


class RAdam(Optimizer):
    """Rectified Adam: in the first steps, when the average square is of few gradients, go along the momentum alone.

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
    Liu et al., "On the variance of the adaptive learning rate and beyond" (2020).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
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
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "decoupled_weight_decay": decoupled_weight_decay,
                "differentiable": differentiable,
            },
        )

    def _move(self, parameter: Tensor, gradient: Any, group: Group) -> None:
        lr, (beta1, beta2) = number(group["lr"]), group["betas"]
        memory = self._memory(parameter, "exp_avg", "exp_avg_sq")
        steps = counted(memory)
        mean, square = memory["exp_avg"]._writable(), memory["exp_avg_sq"]._writable()
        move_towards(mean, gradient, 1 - beta1)
        average_squares(square, gradient, beta2)
        move = mean / (1 - beta1**steps)
        move *= lr
        # Of about how many gradients the average square is, in the long run and now.
        lengths = 2 / (1 - beta2) - 1
        missing = 1 - beta2**steps
        length = lengths - 2 * steps * beta2**steps / missing
        if length > 5:
            below = np.sqrt(square)
            below += group["eps"]
            move *= missing**0.5 * np.reciprocal(below)
            move *= ((length - 4) * (length - 2) * lengths / ((lengths - 4) * (lengths - 2) * length)) ** 0.5
        inplace.write(parameter, shrunk(parameter, lr, group) - move)
