"""What PyTorch code asks about Intel's graphics processors, as ``torch.xpu``: there are none here, as on `gradviz.mps`."""

from __future__ import annotations

from typing import Any

from gradviz import absent
from gradviz.mps import device_count, empty_cache, is_available, manual_seed, synchronize

__path__: list[str] = []
"""No files lie below: what PyTorch has there is in `absent`."""

__all__ = ["device_count", "empty_cache", "is_available", "manual_seed", "synchronize"]


def __getattr__(name: str) -> Any:
    return absent.attribute("xpu", name, __all__)
