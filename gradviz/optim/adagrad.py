"""Adagrad: step sizes that fall with all gradients so far."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import inplace
from gradviz.engine.tensor import Tensor, wrap
from gradviz.optim.arithmetic import multiply_add, number, plus_quotient
from gradviz.optim.optimizer import Group, Optimizer, check_learning_rate, check_not_negative, counted, scalar


class Adagrad(Optimizer):
    """Adaptive gradients: divide by the root of the sum of all squared gradients so far.

    Entries with rare or small gradients keep taking large steps; the others slow down.

    Parameters
    ----------
    params
        Tensors, or dictionaries with ``"params"`` and settings.
    lr
        The learning rate.
    lr_decay
        In step ``t`` the learning rate is ``lr / (1 + (t − 1) · lr_decay)``.
    weight_decay
        Adds this share of the parameter to its gradient.
    initial_accumulator_value
        What the sums of squares start from.
    eps
        Keeps the quotient finite.
    foreach, fused
        How PyTorch computes, not what. Accepted, and without effect.
    maximize
        Step along the gradient instead.
    differentiable
        Only ``False``.

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
        check_learning_rate(lr)
        check_not_negative("lr_decay value", lr_decay)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("initial_accumulator_value value", initial_accumulator_value)
        check_not_negative("epsilon value", eps)
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "fused": fused,
            },
        )
        for group in self.param_groups:
            for parameter in group["params"]:
                self._begin(parameter, group)

    def _begin(self, parameter: Tensor, group: Group) -> None:
        start = np.full_like(parameter.array, group["initial_accumulator_value"])
        self.state[parameter] = {"step": scalar(0.0), "sum": wrap(start)}

    def _move(self, parameter: Tensor, gradient: Any, group: Group) -> None:
        if not self.state[parameter]:  # it came later, with add_param_group
            self._begin(parameter, group)
        memory = self.state[parameter]
        steps = counted(memory)
        total = memory["sum"]._writable()
        total[...] = multiply_add(gradient, gradient, total)
        below = np.sqrt(total)
        below += group["eps"]
        scale = number(group["lr"]) / (1 + (steps - 1) * group["lr_decay"])
        inplace.write(parameter, plus_quotient(parameter.array, -scale, gradient, below))
