"""Linear algebra, as PyTorch's ``torch.linalg``."""

from __future__ import annotations

from typing import Any

__all__: list[str] = []  # fmt: skip


def __getattr__(name: str) -> Any:
    raise AttributeError(f"gradviz has no linalg.{name}; there are: {', '.join(sorted(__all__))}")
