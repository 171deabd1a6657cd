"""Which libraries may train while a recording is on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pkgutil import resolve_name

from gradviz.training.loop.engine import LIBRARY
from gradviz.training.loop.told import Library


def libraries() -> tuple[Library, ...]:
    """Return the engine, and PyTorch if it is in the process: nothing here brings it there."""
    if not _has_pytorch():
        return (LIBRARY,)
    # It stands above this, and is loaded where PyTorch is.
    return LIBRARY, resolve_name("gradviz.pytorch.loop:LIBRARY")


def came_late(told: Sequence[Library]) -> bool:
    """Return True if PyTorch was imported after these were asked."""
    return len(told) == 1 and _has_pytorch()


def _has_pytorch() -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and not hasattr(torch, "__gradviz__") and hasattr(torch, "optim")
