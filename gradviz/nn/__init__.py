"""Modules, losses and their functions, as PyTorch's ``torch.nn``."""

from typing import Any

from gradviz import absent
from gradviz.nn import functional, init, modules, utils
from gradviz.nn.module import Module
from gradviz.nn.modules import *
from gradviz.nn.parameter import Buffer, Parameter

__all__ = ["Buffer", "Module", "Parameter", "functional", "init", "utils", *modules.__all__]


def __getattr__(name: str) -> Any:
    return absent.attribute("nn", name, __all__)
