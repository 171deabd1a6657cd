"""Adam and AdamW."""

from __future__ import annotations

from typing import Any

from gradviz.engine.tensor import Tensor
from gradviz.optim.optimizer import Optimizer
from gradviz.optim.rule import Sheet, largest
from gradviz.optim.settings import checked, documented

ORDER = "lr betas eps weight_decay amsgrad maximize foreach capturable differentiable fused decoupled_weight_decay"
"""The settings in the order of PyTorch's groups."""


@documented
class Adam(Optimizer):
    """Adaptive moments: every entry has a step size of its own, and a momentum.

    Running averages are kept of the gradient, ``m``, and of its square, ``v``. Both start at 0 and are corrected for
    it; the step is ``p ← p − lr · m / (√v + eps)``. Where the gradient keeps its sign, that is about `lr`, however
    large or small the gradient is.

    Parameters
    ----------
    lr
        The learning rate: about how far an entry moves in a step.
    amsgrad
        Divide by the largest ``√v`` so far.

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
        settings = checked(locals(), ORDER)
        if not (all(isinstance(beta, float) for beta in betas) or all(isinstance(beta, Tensor) for beta in betas)):
            raise ValueError("betas must be either both floats or both Tensors")
        for place, beta in enumerate(betas):
            if isinstance(beta, Tensor) and foreach and not capturable:
                raise ValueError(f"betas[{place}] as a Tensor is not supported for capturable=False and foreach=True")
            if isinstance(beta, Tensor) and beta.numel() != 1:
                raise ValueError(f"Tensor betas[{place}] must be 1-element")
        super().__init__(params, settings | {"betas": tuple(betas)})

    @staticmethod
    def _rule(sheet: Sheet) -> None:
        grad, lr, (beta1, beta2) = sheet.gradient(), sheet.setting("lr"), sheet.betas()
        w = sheet.decayed(lr)
        m = sheet.average(sheet.memory("m", "exp_avg"), beta1, grad)
        v = sheet.average_square(sheet.memory("v", "exp_avg_sq", squares=True), beta2, grad)
        m_hat = sheet.corrected("m̂", m, beta1, "β₁ᵗ")
        if sheet.has("amsgrad"):
            earlier = sheet.memory("v_max", "max_exp_avg_sq", squares=True)
            sentence = "amsgrad: the largest v so far, so that steps do not grow again."
            v = sheet.line("v_max", largest(earlier, v), sentence, keep=earlier)
        v_hat = sheet.corrected("v̂", v, beta2, "β₂ᵗ")
        step = w - lr * m_hat / (v_hat.root() + sheet.setting("eps", "ε"))
        sheet.line("w", step, "w moves about lr where gradients agree, however large they are.")


@documented
class AdamW(Adam):
    """Adam with decoupled weight decay: it shrinks the parameter itself, by ``lr · weight_decay`` of it in a step.

    In `Adam` weight decay is a part of the gradient, and so divided by its size: it hardly acts where gradients are
    large. Here it acts on all alike.

    Parameters
    ----------
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
        super().__init__(params, **checked(locals()), decoupled_weight_decay=True)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over settings and memory from a `state_dict`, be it of `Adam`."""
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
