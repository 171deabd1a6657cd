"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import inplace
from gradviz.engine.tensor import Tensor, wrap
from gradviz.optim.arithmetic import multiply_add, number
from gradviz.optim.optimizer import Group, Optimizer, check_learning_rate, check_not_negative, counted, scalar


class ASGD(Optimizer):
    """Averaged stochastic gradient descent: also keep the average of all places visited, under ``"ax"`` in the state.

    Parameters
    ----------
    params
        Tensors, or dictionaries with ``"params"`` and settings.
    lr
        The learning rate at the start; in step ``t`` it is ``lr / (1 + lambd · lr · t) ** alpha``.
    lambd, alpha
        How the learning rate falls; `lambd` also shrinks the parameters.
    t0
        The step at which averaging starts.
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
        check_learning_rate(lr)
        check_not_negative("weight_decay value", weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "lambd": lambd,
                "alpha": alpha,
                "t0": t0,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def _move(self, parameter: Tensor, gradient: Any, group: Group) -> None:
        lr, lambd = number(group["lr"]), group["lambd"]
        memory = self.state[parameter]
        if not memory:
            memory["step"] = scalar(0.0)
            memory["eta"] = scalar(lr)
            memory["mu"] = scalar(1.0)
            memory["ax"] = wrap(np.zeros_like(parameter.array))
        steps = counted(memory)
        eta, share = memory["eta"].item(), memory["mu"].item()
        shrunk = parameter.array * parameter.array.dtype.type(1 - lambd * eta)
        inplace.write(parameter, multiply_add(gradient, -eta, shrunk))

        average = memory["ax"]._writable()
        if share == 1:
            average[...] = parameter.array
        else:
            average += (parameter.array - average) * average.dtype.type(share)
        memory["eta"]._writable()[...] = lr / (1 + lambd * lr * steps) ** group["alpha"]
        memory["mu"]._writable()[...] = 1 / max(1, steps - group["t0"])
