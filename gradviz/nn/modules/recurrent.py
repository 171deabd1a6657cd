"""Layers that read a sequence step by step."""

from __future__ import annotations

__all__: list[str] = []  # fmt: skip
