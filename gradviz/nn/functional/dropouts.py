"""Dropout: leaving out at random."""

from __future__ import annotations

__all__: list[str] = []  # fmt: skip
