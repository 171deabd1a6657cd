"""Special functions, as PyTorch's ``torch.special``."""

from __future__ import annotations

from typing import Any

__all__: list[str] = []  # fmt: skip


def __getattr__(name: str) -> Any:
    raise AttributeError(f"gradviz has no special.{name}; there are: {', '.join(sorted(__all__))}")
