"""Padding, upsampling and the arrangement of pixels."""

from __future__ import annotations

__all__: list[str] = []  # fmt: skip
