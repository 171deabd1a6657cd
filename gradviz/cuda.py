"""What PyTorch code asks about graphics cards before it falls back to the CPU, as ``torch.cuda``."""

from typing import Any

from gradviz import absent

__path__: list[str] = []
"""Nothing lies below, and what PyTorch has there is refused by name."""

__all__ = [
    "current_device",
    "device_count",
    "empty_cache",
    "is_available",
    "manual_seed",
    "manual_seed_all",
    "synchronize",
]


def is_available() -> bool:
    """Return False: gradviz computes on the CPU."""
    return False


def device_count() -> int:
    """Return 0."""
    return 0


def current_device() -> int:
    """Raise, as PyTorch does on a machine without a card."""
    raise AssertionError("gradviz computes on the CPU only: there is no CUDA device")


def manual_seed(seed: int) -> None:
    """Do nothing: there is no generator to seed. `gradviz.manual_seed` seeds the one there is."""


def manual_seed_all(seed: int) -> None:
    """Do nothing, as `manual_seed`."""


def empty_cache() -> None:
    """Do nothing: there is no cache."""


def synchronize(device: Any = None) -> None:
    """Do nothing: every operation has ended when it returns."""


def __getattr__(name: str) -> Any:
    return absent.attribute("cuda", name, __all__)
