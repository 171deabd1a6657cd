"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import inplace
from gradviz.engine.tensor import Tensor, wrap
from gradviz.optim.arithmetic import add_multiple, multiply_add, number
from gradviz.optim.optimizer import Group, Optimizer, check_learning_rate


class SGD(Optimizer):
    """Stochastic gradient descent: step against the gradient, ``p ← p − lr · grad``.

    Parameters
    ----------
    params
        Tensors, or dictionaries with ``"params"`` and settings.
    lr
        The learning rate.
    momentum, dampening, nesterov
        With momentum, a velocity is kept: ``v ← momentum · v + (1 − dampening) · grad``, and the step is along ``v``
        (with Nesterov, along ``grad + momentum · v``).
    weight_decay
        Adds this share of the parameter to its gradient.
    maximize
        Step along the gradient instead.
    foreach, fused
        How PyTorch computes, not what. Accepted, and without effect.
    differentiable
        Only ``False``.

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
        check_learning_rate(lr)
        for what, value in (("momentum value", momentum), ("weight_decay value", weight_decay)):
            if value < 0:
                raise ValueError(f"Invalid {what}: {value}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                "foreach": foreach,
                "differentiable": differentiable,
                "fused": fused,
            },
        )

    def _move(self, parameter: Tensor, gradient: Any, group: Group) -> None:
        momentum = group["momentum"]
        if momentum:
            velocity = self._velocity(parameter, gradient, momentum, group["dampening"])
            gradient = multiply_add(velocity, momentum, gradient) if group["nesterov"] else velocity
            gradient = gradient.astype(velocity.dtype, copy=False)
        inplace.write(parameter, multiply_add(gradient, -number(group["lr"]), parameter.array))

    def _velocity(self, parameter: Tensor, gradient: Any, momentum: float, dampening: float) -> Any:
        """Update what is left of earlier steps; the first step starts with the gradient itself."""
        memory = self.state[parameter]
        if memory.get("momentum_buffer") is None:
            memory["momentum_buffer"] = wrap(np.array(gradient))
            return memory["momentum_buffer"].array
        velocity = memory["momentum_buffer"]._writable()
        velocity *= momentum
        add_multiple(velocity, 1 - dampening, gradient)
        return velocity
