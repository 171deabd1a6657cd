"""Padding, and the arrangement of pixels."""

from __future__ import annotations
