"""Differentiation, as PyTorch's ``torch.autograd``."""

from gradviz.engine.backward import backward, grad
from gradviz.engine.modes import enable_grad, is_grad_enabled, no_grad, set_grad_enabled

__all__ = ["backward", "enable_grad", "grad", "is_grad_enabled", "no_grad", "set_grad_enabled"]
