"""Modules, losses and their functions, as PyTorch's ``torch.nn``."""

from typing import Any

from gradviz.nn import functional, init
from gradviz.nn.layers import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    Flatten,
    L1Loss,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from gradviz.nn.module import Module
from gradviz.nn.parameter import Parameter

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "Flatten",
    "L1Loss",
    "Linear",
    "MSELoss",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "functional",
    "init",
]


def __getattr__(name: str) -> Any:
    raise AttributeError(f"gradviz has no nn.{name}; there are: {', '.join(__all__)}")
