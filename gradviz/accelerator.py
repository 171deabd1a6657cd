"""What newer PyTorch code asks instead of ``torch.cuda``, as ``torch.accelerator``."""

from typing import Any

from gradviz import absent

__path__: list[str] = []
"""No files lie below: what PyTorch has there is in `absent`."""

__all__ = ["current_accelerator", "device_count", "is_available"]


def is_available() -> bool:
    """Return False: gradviz computes on the CPU."""
    return False


def current_accelerator(check_available: bool = False) -> None:
    """Return ``None``: there is none."""


def device_count() -> int:
    """Return 0."""
    return 0


def __getattr__(name: str) -> Any:
    return absent.attribute("accelerator", name, __all__)
