"""Tools around training, as PyTorch's ``torch.utils``."""

from typing import Any

from gradviz.utils import data

__all__ = ["data"]


def __getattr__(name: str) -> Any:
    raise AttributeError(f"gradviz has no utils.{name}; there are: {', '.join(__all__)}")
