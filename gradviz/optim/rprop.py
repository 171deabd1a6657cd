"""Rprop: only the gradient's sign counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import inplace
from gradviz.engine.tensor import Tensor, wrap
from gradviz.optim.arithmetic import number
from gradviz.optim.optimizer import Group, Optimizer, check_learning_rate, counted


class Rprop(Optimizer):
    """Resilient backpropagation: every entry's step grows while its gradient keeps its sign, and shrinks when it turns.

    It is for gradients of the whole data set, not of batches.

    Parameters
    ----------
    params
        Tensors, or dictionaries with ``"params"`` and settings.
    lr
        The first step's length.
    etas
        What the length is multiplied with: when the sign has turned, when it has not.
    step_sizes
        The shortest and the longest step.
    capturable, differentiable
        Only ``False``.
    foreach
        How PyTorch computes, not what. Accepted, and without effect.
    maximize
        Step along the gradient instead.

    References
    ----------
    Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm" (1993).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_learning_rate(lr)
        if not 0 < etas[0] < 1 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(
            params,
            {
                "lr": lr,
                "etas": etas,
                "step_sizes": step_sizes,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def _move(self, parameter: Tensor, gradient: Any, group: Group) -> None:
        shorter, longer = group["etas"]
        memory = self._memory(parameter, "prev")
        if "step_size" not in memory:
            memory["step_size"] = wrap(np.full_like(parameter.array, number(group["lr"])))
        counted(memory)
        previous, length = memory["prev"]._writable(), memory["step_size"]._writable()
        agreement = gradient * previous
        turned = agreement < 0
        length *= np.where(turned, shorter, np.where(agreement > 0, longer, 1)).astype(length.dtype)
        np.clip(length, *group["step_sizes"], out=length)
        # Where the sign has turned, a minimum was overstepped: wait there for one step.
        previous[...] = np.where(turned, 0, gradient)
        inplace.write(parameter, parameter.array - np.sign(previous) * length)
