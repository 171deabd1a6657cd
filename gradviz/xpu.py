"""What PyTorch code asks about Intel's graphics processors, as ``torch.xpu``: there are none here."""

from __future__ import annotations

from typing import Any

from gradviz import absent

__path__: list[str] = []
"""No files lie below: what PyTorch has there is in `absent`."""

__all__ = ["device_count", "empty_cache", "is_available", "manual_seed", "synchronize"]


def is_available() -> bool:
    """Return False: gradviz computes on the CPU."""
    return False


def device_count() -> int:
    """Return 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Do nothing: there is no generator to seed."""


def empty_cache() -> None:
    """Do nothing: there is no cache."""


def synchronize(device: Any = None) -> None:
    """Do nothing: every operation has ended when it returns."""


def __getattr__(name: str) -> Any:
    return absent.attribute("xpu", name, __all__)
