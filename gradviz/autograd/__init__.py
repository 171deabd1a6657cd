"""Differentiation, as PyTorch's ``torch.autograd``."""

from typing import Any

from gradviz import absent
from gradviz.autograd import function, functional, variable
from gradviz.autograd.function import Function
from gradviz.autograd.gradcheck import gradcheck, gradgradcheck
from gradviz.autograd.variable import Variable
from gradviz.engine.anomaly import detect_anomaly, set_detect_anomaly
from gradviz.engine.backward import backward, grad
from gradviz.engine.modes import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled

__all__ = [
    "Function",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "function",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
    "variable",
]


def __getattr__(name: str) -> Any:
    return absent.attribute("autograd", name, __all__)
