"""RAdam: Adam that waits until its averages can be trusted."""

from __future__ import annotations

from typing import Any

from gradviz.engine.tensor import Tensor
from gradviz.optim.optimizer import Optimizer
from gradviz.optim.rule import Sheet, abbreviation, choose, rounded
from gradviz.optim.settings import checked, documented

ORDER = "lr betas eps weight_decay maximize foreach capturable decoupled_weight_decay differentiable"
"""The settings in the order of PyTorch's groups."""


@documented
class RAdam(Optimizer):
    """Rectified Adam: in the first steps, when the average square is of few gradients, go along the momentum alone.

    Parameters
    ----------
    lr
        The learning rate: about how far an entry moves in a step, once the average square can be trusted.

    References
    ----------
    Liu et al., "On the variance of the adaptive learning rate and beyond" (2020).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
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
        w = sheet.decayed(lr)
        m = sheet.average(sheet.memory("m", "exp_avg"), beta1, grad)
        v = sheet.average_square(sheet.memory("v", "exp_avg_sq", squares=True), beta2, grad)
        m_hat = sheet.corrected("m̂", m, beta1, "β₁ᵗ", folded=False)
        power = abbreviation("β₂ᵗ", beta2**sheet.t)
        most = sheet.line("ρ∞", 2 / (1 - beta2) - 1, "Of about how many gradients v is an average, in the long run.")
        count = most - 2 * sheet.t * power / (1 - power)
        count = sheet.line("ρ", count, "And in step t.")
        spread = (count - 4) * (count - 2) * most / ((most - 4) * (most - 2) * count)
        sentence = "Of more than 5 gradients v says something, the more the closer r is to 1."
        trust = sheet.line("r", choose(count > 5, spread.root(), 1), sentence)
        inverse = (1 - power).root() / (v.root() + sheet.setting("eps", "ε"))
        sentence = "Then the average is divided by how large gradients have been; before, it is taken as it is."
        scale = sheet.line("s", choose(count > 5, inverse, 1), sentence)
        sheet.line("w", w - rounded(lr * m_hat * scale * trust), "w moves against the average gradient.")
