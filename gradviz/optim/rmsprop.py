"""RMSprop: divide by how large the gradient has been of late."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import inplace
from gradviz.engine.tensor import Tensor
from gradviz.optim.arithmetic import average_squares, move_towards, multiply_add, number, plus_quotient
from gradviz.optim.optimizer import Group, Optimizer, check_learning_rate, check_not_negative, counted


class RMSprop(Optimizer):
    """Divide the gradient by its root mean square: ``p ← p − lr · grad / (√v + eps)``.

    Parameters
    ----------
    params
        Tensors, or dictionaries with ``"params"`` and settings.
    lr
        The learning rate.
    alpha
        How much of the average square ``v`` is kept in a step.
    eps
        Keeps the quotient finite.
    weight_decay
        Adds this share of the parameter to its gradient.
    momentum
        How much of the last step is made again.
    centered
        Divide by the standard deviation: take the square of the average gradient from ``v``.
    capturable, differentiable
        Only ``False``.
    foreach
        How PyTorch computes, not what. Accepted, and without effect.
    maximize
        Step along the gradient instead.

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
        check_learning_rate(lr)
        check_not_negative("epsilon value", eps)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("alpha value", alpha)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "capturable": capturable,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
            },
        )

    def _move(self, parameter: Tensor, gradient: Any, group: Group) -> None:
        alpha, momentum, lr = group["alpha"], group["momentum"], number(group["lr"])
        memory = self._memory(
            parameter, "square_avg", *["momentum_buffer"] * (momentum > 0), *["grad_avg"] * bool(group["centered"])
        )
        counted(memory)
        spread = memory["square_avg"]._writable()
        average_squares(spread, gradient, alpha)
        if group["centered"]:
            mean = memory["grad_avg"]._writable()
            move_towards(mean, gradient, 1 - alpha)
            spread = multiply_add(-mean, mean, spread).astype(spread.dtype)
        below = np.sqrt(spread)
        below += group["eps"]
        if momentum > 0:
            velocity = memory["momentum_buffer"]._writable()
            velocity *= momentum
            velocity += gradient / below
            inplace.write(parameter, multiply_add(velocity, -lr, parameter.array))
        else:
            inplace.write(parameter, plus_quotient(parameter.array, -lr, gradient, below))
