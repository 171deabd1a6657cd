"""Differentiation, as PyTorch's ``torch.autograd``."""

from gradviz.engine.anomaly import detect_anomaly, set_detect_anomaly
from gradviz.engine.backward import backward, grad
from gradviz.engine.modes import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled

__all__ = [
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]
