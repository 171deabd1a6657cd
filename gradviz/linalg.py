"""Linear algebra, as PyTorch's ``torch.linalg``."""

from __future__ import annotations

from typing import Any

from gradviz import absent
from gradviz.engine import calls
from gradviz.engine.linalg import functions
from gradviz.engine.linalg.functions import *  # noqa: F403

__all__: list[str] = []
__all__ += functions.__all__
calls.open_to("linalg", __all__, globals())


def __getattr__(name: str) -> Any:
    return absent.attribute("linalg", name, __all__)
