"""Tools around training, as PyTorch's ``torch.utils``."""

from typing import Any

from gradviz import absent
from gradviz.engine.later import later
from gradviz.utils import data

__all__ = ["checkpoint", "data"]


def __getattr__(name: str) -> Any:
    if name == "checkpoint":
        return later(__name__, name, name)
    return absent.attribute("utils", name, __all__)
