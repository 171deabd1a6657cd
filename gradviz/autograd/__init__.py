"""Differentiation, as PyTorch's ``torch.autograd``."""

from typing import TYPE_CHECKING, Any

from gradviz import absent
from gradviz.autograd.gradcheck import gradcheck, gradgradcheck
from gradviz.engine.anomaly import detect_anomaly, set_detect_anomaly
from gradviz.engine.backward import backward, grad
from gradviz.engine.later import later
from gradviz.engine.modes import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled

if TYPE_CHECKING:
    from gradviz.autograd import function, functional, variable
    from gradviz.autograd.function import Function
    from gradviz.autograd.variable import Variable

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


_LATER = {
    "Function": "function",
    "Variable": "variable",
    "function": "function",
    "functional": "functional",
    "variable": "variable",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        globals()[name] = found = later(__name__, name, _LATER[name])
        return found
    return absent.attribute("autograd", name, __all__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
