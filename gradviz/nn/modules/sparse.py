"""Layers that look numbers up."""

from __future__ import annotations

__all__: list[str] = []  # fmt: skip
