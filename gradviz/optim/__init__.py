"""Optimisers, as PyTorch's ``torch.optim``."""

from typing import Any

from gradviz.optim.sgd import SGD, Optimizer

__all__ = ["SGD", "Optimizer"]


def __getattr__(name: str) -> Any:
    raise AttributeError(f"gradviz has no optim.{name}; there are: {', '.join(__all__)}")
