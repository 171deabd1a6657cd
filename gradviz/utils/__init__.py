"""Tools around training, as PyTorch's ``torch.utils``."""

from typing import Any

from gradviz import absent
from gradviz.utils import data

__all__ = ["data"]


def __getattr__(name: str) -> Any:
    return absent.attribute("utils", name, __all__)
