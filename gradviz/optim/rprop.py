"""Rprop: only the gradient's sign counts."""

from __future__ import annotations

from typing import Any

from gradviz.engine.tensor import Tensor
from gradviz.optim.optimizer import Optimizer
from gradviz.optim.rule import Sheet, choose, largest, rounded, sign, smallest
from gradviz.optim.settings import checked, documented

ORDER = "lr etas step_sizes foreach maximize differentiable capturable"
"""The settings in the order of PyTorch's groups."""


@documented
class Rprop(Optimizer):
    """Resilient backpropagation: every entry's step grows while its gradient keeps its sign, and shrinks when it turns.

    It is for gradients of the whole data set, not of batches.

    Parameters
    ----------
    lr
        The first step's length.
    etas
        What the length is multiplied with: when the sign has turned, when it has not.
    step_sizes
        The shortest and the longest step.

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
        settings = checked(locals(), ORDER)
        if not 0 < etas[0] < 1 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(params, settings)

    @staticmethod
    def _rule(sheet: Sheet) -> None:
        grad = sheet.gradient()
        shorter, longer = sheet.setting("etas", "η₋", 0), sheet.setting("etas", "η₊", 1)
        least, most = sheet.setting("step_sizes", "least", 0), sheet.setting("step_sizes", "most", 1)
        previous, length = sheet.memory("g", "prev"), sheet.memory("step", "step_size", start=sheet.setting("lr"))
        sentence = "g is the gradient of the step before: the product is negative where the sign has turned."
        agreement = sheet.line("agreement", grad * previous, sentence)
        factor = choose(agreement < 0, shorter, choose(agreement > 0, longer, 1))
        factor = sheet.line("factor", factor, "Shorter steps where it has turned, longer ones where it has not.")
        within = smallest(largest(length * factor, least), most)
        step = sheet.line("step", within, "Every entry has a step of its own.", keep=length)
        sentence = "Where the sign has turned, a minimum was overstepped: wait there for one step."
        kept = sheet.line("g", choose(agreement < 0, 0, grad), sentence, keep=previous)
        sheet.line("w", sheet.w - rounded(sign(kept) * step), "Only the gradient's sign counts, not its size.")
