"""Pooling: a window becomes one number."""

from __future__ import annotations

__all__: list[str] = []  # fmt: skip
