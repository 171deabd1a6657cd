"""NVIDIA's library for networks, as ``torch.backends.cudnn``: not used here. Settings may be made, and change nothing.

What gradviz computes is always the same for the same seed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__path__: list[str] = []
"""No files lie below: what PyTorch has there is in `absent`."""

enabled = True
benchmark = False
benchmark_limit = 10
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """Return False."""
    return False


def version() -> None:
    """Return ``None``: there is none."""


@contextmanager
def flags(*settings: Any, **named: Any) -> Iterator[None]:
    """Do nothing, for a block."""
    yield
