"""Adam and AdamW."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import inplace
from gradviz.engine.tensor import Tensor
from gradviz.optim.arithmetic import average_squares, move_towards, number, plus_quotient
from gradviz.optim.optimizer import (
    Group,
    Optimizer,
    check_betas,
    check_learning_rate,
    check_not_negative,
    counted,
)


class Adam(Optimizer):
    """Adaptive moments: every entry has a step size of its own, and a momentum.

    Running averages are kept of the gradient, ``m``, and of its square, ``v``. Both start at 0 and are corrected for
    it; the step is ``p ← p − lr · m / (√v + eps)``. Where the gradient keeps its sign, that is about `lr`, however
    large or small the gradient is.

    Parameters
    ----------
    params
        Tensors, or dictionaries with ``"params"`` and settings.
    lr
        The learning rate: about how far an entry moves in a step.
    betas
        How much of each average is kept in a step: of the gradient's, of its square's.
    eps
        Keeps the quotient finite.
    weight_decay
        Adds this share of the parameter to its gradient.
    amsgrad
        Divide by the largest ``√v`` so far.
    foreach, fused
        How PyTorch computes, not what. Accepted, and without effect.
    maximize
        Step along the gradient instead.
    capturable, differentiable
        Only ``False``.
    decoupled_weight_decay
        Let weight decay shrink the parameter itself, as `AdamW` does.

    References
    ----------
    Kingma and Ba, "Adam: A method for stochastic optimization" (2015). Reddi et al., "On the convergence of Adam and
    beyond" (2018), for `amsgrad`.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        if isinstance(lr, Tensor) and foreach and not capturable:
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
        check_learning_rate(lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        if not (all(isinstance(beta, float) for beta in betas) or all(isinstance(beta, Tensor) for beta in betas)):
            raise ValueError("betas must be either both floats or both Tensors")
        for place, beta in enumerate(betas):
            if isinstance(beta, Tensor) and foreach and not capturable:
                raise ValueError(f"betas[{place}] as a Tensor is not supported for capturable=False and foreach=True")
            if isinstance(beta, Tensor) and beta.numel() != 1:
                raise ValueError(f"Tensor betas[{place}] must be 1-element")
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": tuple(betas),
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def _move(self, parameter: Tensor, gradient: Any, group: Group) -> None:
        lr, (beta1, beta2) = number(group["lr"]), map(number, group["betas"])
        memory = self._memory(parameter, "exp_avg", "exp_avg_sq", *["max_exp_avg_sq"] * group["amsgrad"])
        steps = counted(memory)
        mean, square = memory["exp_avg"]._writable(), memory["exp_avg_sq"]._writable()
        move_towards(mean, gradient, 1 - beta1)
        average_squares(square, gradient, beta2)
        if group["amsgrad"]:
            largest = memory["max_exp_avg_sq"]._writable()
            square = np.maximum(largest, square, out=largest)
        # The averages started at 0: after so many steps, this much is missing.
        scale = lr / (1 - beta1**steps)
        below = np.sqrt(square)
        below /= (1 - beta2**steps) ** 0.5
        below += group["eps"]
        inplace.write(parameter, plus_quotient(shrunk(parameter, lr, group), -scale, mean, below))


class AdamW(Adam):
    """Adam with decoupled weight decay: it shrinks the parameter itself, by ``lr · weight_decay`` of it in a step.

    In `Adam` weight decay is a part of the gradient, and so divided by its size: it hardly acts where gradients are
    large. Here it acts on all alike.

    Parameters
    ----------
    params
        Tensors, or dictionaries with ``"params"`` and settings.
    lr, betas, eps, amsgrad, maximize, foreach, capturable, differentiable, fused
        As in `Adam`.
    weight_decay
        How fast parameters shrink.

    References
    ----------
    Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over settings and memory from a `state_dict`, be it of `Adam`."""
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True


def shrunk(parameter: Tensor, lr: Any, group: Group) -> Any:
    """Return a parameter's numbers, after weight decay if that is decoupled from the gradient."""
    values = parameter.array
    if group["decoupled_weight_decay"] and group["weight_decay"]:
        values = values * values.dtype.type(1 - lr * group["weight_decay"])
    return values
