"""Normalisation: means to 0, deviations to 1."""

from __future__ import annotations

__all__: list[str] = []  # fmt: skip
