"""Adamax: Adam with the largest gradient in place of the average square."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import inplace
from gradviz.engine.tensor import Tensor
from gradviz.optim.arithmetic import move_towards, number, plus_quotient
from gradviz.optim.optimizer import (
    Group,
    Optimizer,
    check_betas,
    check_learning_rate,
    check_not_negative,
    counted,
)


class Adamax(Optimizer):
    """Adam with a maximum: divide by the largest gradient of late, ``u ← max(β₂ · u, |grad| + eps)``.

    Parameters
    ----------
    params
        Tensors, or dictionaries with ``"params"`` and settings.
    lr
        The learning rate.
    betas
        How much is kept in a step: of the gradient's average, of the maximum.
    eps
        Keeps the quotient finite.
    weight_decay
        Adds this share of the parameter to its gradient.
    foreach
        How PyTorch computes, not what. Accepted, and without effect.
    maximize
        Step along the gradient instead.
    differentiable, capturable
        Only ``False``.

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
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def _move(self, parameter: Tensor, gradient: Any, group: Group) -> None:
        beta1, beta2 = group["betas"]
        memory = self._memory(parameter, "exp_avg", "exp_inf")
        steps = counted(memory)
        mean, largest = memory["exp_avg"]._writable(), memory["exp_inf"]._writable()
        move_towards(mean, gradient, 1 - beta1)
        largest *= beta2
        size = np.abs(gradient)
        size += group["eps"]
        np.maximum(largest, size, out=largest)
        scale = number(group["lr"]) / (1 - beta1**steps)
        inplace.write(parameter, plus_quotient(parameter.array, -scale, mean, largest))
