"""Which libraries may train while a recording is on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pkgutil import resolve_name
from typing import Any

from gradviz.optim.optimizer import Optimizer
from gradviz.training.loop.engine import LIBRARY
from gradviz.training.loop.told import Library


def libraries(*, fused: bool = True) -> tuple[Library, ...]:
    """Return the engine, and PyTorch if it is in the process: nothing here brings it there."""
    if not _has_pytorch():
        return (LIBRARY,)
    return LIBRARY, _pytorch(fused=fused)


def library_of(optimizer: Any) -> Library | None:
    """Return whose an optimiser is; ``None`` if it is no optimiser of theirs."""
    if isinstance(optimizer, Optimizer):
        return LIBRARY
    if _has_pytorch() and isinstance(optimizer, sys.modules["torch"].optim.Optimizer):
        return _pytorch()
    return None


def _pytorch(*, fused: bool = True) -> Library:
    # It stands above this, and is loaded where PyTorch is.
    found: Library = resolve_name("gradviz.pytorch.loop:TorchLibrary")(fused=fused)
    return found


def came_late(told: Sequence[Library]) -> bool:
    """Return True if PyTorch was imported after these were asked."""
    return len(told) == 1 and _has_pytorch()


def _has_pytorch() -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and not hasattr(torch, "__gradviz__") and hasattr(torch, "optim")
