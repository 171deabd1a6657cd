"""Tools around training, as PyTorch's ``torch.utils``."""

from typing import Any

from gradviz.engine import advice
from gradviz.utils import data

__all__ = ["data"]


def __getattr__(name: str) -> Any:
    raise advice.absent("utils", name, __all__)
