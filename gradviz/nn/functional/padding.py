"""What stands around an image, and how its pixels are arranged."""

from __future__ import annotations

__all__: list[str] = []  # fmt: skip
