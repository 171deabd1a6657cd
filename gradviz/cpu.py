"""What PyTorch code asks about the CPU, as ``torch.cpu``."""

from __future__ import annotations

from typing import Any

from gradviz import absent

__path__: list[str] = []
"""No files lie below: what PyTorch has there is in `absent`."""

__all__ = ["current_device", "device_count", "is_available", "synchronize"]


def is_available() -> bool:
    """Return True."""
    return True


def device_count() -> int:
    """Return 1."""
    return 1


def current_device() -> str:
    """Return ``"cpu"``."""
    return "cpu"


def synchronize(device: Any = None) -> None:
    """Do nothing: every operation has ended when it returns."""


def __getattr__(name: str) -> Any:
    return absent.attribute("cpu", name, __all__)
