"""Adadelta: no learning rate to choose."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import inplace
from gradviz.engine.tensor import Tensor
from gradviz.optim.arithmetic import average_squares, multiply_add, number
from gradviz.optim.optimizer import Group, Optimizer, check_learning_rate, check_not_negative, counted


class Adadelta(Optimizer):
    """Divide the gradient by its own recent size, and multiply it by the recent size of the steps.

    A step then has the units of the parameter, and `lr` can stay 1.

    Parameters
    ----------
    params
        Tensors, or dictionaries with ``"params"`` and settings.
    lr
        The step is multiplied with it.
    rho
        How much of each average square is kept in a step.
    eps
        Keeps the quotient finite, and the first step from being 0.
    weight_decay
        Adds this share of the parameter to its gradient.
    foreach
        How PyTorch computes, not what. Accepted, and without effect.
    capturable, differentiable
        Only ``False``.
    maximize
        Step along the gradient instead.

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
        check_learning_rate(lr)
        if not 0 <= rho <= 1:
            raise ValueError(f"Invalid rho value: {rho}")
        check_not_negative("epsilon value", eps)
        check_not_negative("weight_decay value", weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "rho": rho,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "capturable": capturable,
                "foreach": foreach,
                "differentiable": differentiable,
            },
        )

    def _move(self, parameter: Tensor, gradient: Any, group: Group) -> None:
        rho, eps = group["rho"], group["eps"]
        memory = self._memory(parameter, "square_avg", "acc_delta")
        counted(memory)
        square, moves = memory["square_avg"]._writable(), memory["acc_delta"]._writable()
        average_squares(square, gradient, rho)
        move = np.sqrt(moves + eps)
        move /= np.sqrt(square + eps)
        move *= gradient
        average_squares(moves, move, rho)
        inplace.write(parameter, multiply_add(move, -number(group["lr"]), parameter.array))
