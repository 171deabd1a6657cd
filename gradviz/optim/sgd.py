"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from gradviz.engine import inplace
from gradviz.engine.modes import enable_grad
from gradviz.engine.tensor import Tensor
from gradviz.nn.module import forget_gradient


class Optimizer:
    """Base class: parameters in groups, each with settings of its own.

    Attributes
    ----------
    param_groups
        Dictionaries of settings, each with a list ``"params"``.
    state
        What the optimiser remembers about each parameter.
    """

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                + params.type()
            )
        given = list(params)
        if not given:
            raise ValueError("optimizer got an empty parameter list")
        groups = given if isinstance(given[0], dict) else [{"params": given}]
        self.defaults = defaults
        self.state: dict[Tensor, dict[str, Any]] = {}
        self.param_groups: list[dict[str, Any]] = []
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add parameters with settings of their own; what is not given is as in the other groups."""
        inside = group["params"]
        parameters = [inside] if isinstance(inside, Tensor) else list(inside)
        for parameter in parameters:
            if not isinstance(parameter, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {type(parameter).__name__}"
                )
            if not parameter.is_leaf:
                raise ValueError("can't optimize a non-leaf Tensor")
        self.param_groups.append({**self.defaults, **group, "params": parameters})

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients; otherwise the next ``backward()`` adds to them."""
        for group in self.param_groups:
            for parameter in group["params"]:
                forget_gradient(parameter, set_to_none)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {number}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


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

    References
    ----------
    Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        for what, number in (("learning rate", lr), ("momentum value", momentum), ("weight_decay value", weight_decay)):
            if number < 0:
                raise ValueError(f"Invalid {what}: {number}")
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
                # Settings of PyTorch's that change how it computes, not what; they appear when it is printed.
                "foreach": None,
                "differentiable": False,
                "fused": None,
            },
        )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient by one step.

        Parameters
        ----------
        closure
            Computes the loss and its gradients anew; what it returns is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter._grad is not None:
                    self._move(parameter, parameter._grad.array, group)
        return loss

    def _move(self, parameter: Tensor, gradient: Any, group: dict[str, Any]) -> None:
        if group["maximize"]:
            gradient = -gradient
        if group["weight_decay"]:
            gradient = gradient + group["weight_decay"] * parameter.array
        if group["momentum"]:
            memory = self.state.setdefault(parameter, {})
            velocity = memory.get("momentum_buffer")
            if velocity is None:
                velocity = np.array(gradient)
            else:
                velocity = group["momentum"] * velocity + (1 - group["dampening"]) * gradient
            memory["momentum_buffer"] = velocity
            gradient = gradient + group["momentum"] * velocity if group["nesterov"] else velocity
        # PyTorch multiplies and adds in one rounding; through float64 the digits are the same.
        moved = parameter.array.astype(np.float64) - group["lr"] * np.asarray(gradient, np.float64)
        inplace.write(parameter, moved)
