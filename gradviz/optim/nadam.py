"""NAdam: Adam with Nesterov momentum."""

from __future__ import annotations

from typing import Any

from gradviz.engine.tensor import Tensor
from gradviz.optim.optimizer import Optimizer
from gradviz.optim.rule import Sheet, Term
from gradviz.optim.settings import checked, documented

ORDER = "lr betas eps weight_decay momentum_decay decoupled_weight_decay maximize foreach capturable differentiable"
"""The settings in the order of PyTorch's groups."""


@documented
class NAdam(Optimizer):
    """Adam with Nesterov momentum: the step looks ahead to where the momentum will have led.

    Parameters
    ----------
    momentum_decay
        How fast the momentum grows to its full size: in step ``t`` it is ``β₁ · (1 − 0.96 ** (t · momentum_decay) / 2)``.

    References
    ----------
    Dozat, "Incorporating Nesterov momentum into Adam" (2016).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, checked(locals(), ORDER))

    @staticmethod
    def _rule(sheet: Sheet) -> None:
        grad, lr, (beta1, beta2) = sheet.gradient(), sheet.setting("lr"), sheet.betas()
        w, decay = sheet.decayed(lr), sheet.setting("momentum_decay")
        product = sheet.memory("Π", "mu_product", start=1.0, whole=False)
        m = sheet.average(sheet.memory("m", "exp_avg"), beta1, grad)
        v = sheet.average_square(sheet.memory("v", "exp_avg_sq", squares=True), beta2, grad)

        def share(step: Term) -> Term:
            return beta1 * (1 - 0.5 * 0.96 ** (step * decay))

        now = sheet.line("μ", share(sheet.t), "The share of momentum in step t; it grows towards β₁.")
        ahead = sheet.line("μ′", share(sheet.t + 1), "The share of momentum in the next step.")
        so_far = sheet.line("Π", product * now, "The product of all shares so far.", keep=product)
        v_hat = sheet.corrected("v̂", v, beta2, "β₂ᵗ", folded=False)
        sentence = "How large the gradients have been of late; ε keeps it from being 0."
        below = sheet.line("s", v_hat.root() + sheet.setting("eps", "ε"), sentence)
        moved = w - lr * (1 - now) / (1 - so_far) * grad / below
        moved = sheet.line("w", moved, "w moves against the gradient, divided by how large it has been.")
        moved = moved - lr * ahead / (1 - so_far * ahead) * m / below
        sheet.line("w", moved, "Nesterov: and against the average, as much as the next step will count it.")
