"""Convolutions, as matrix products over windows."""

from __future__ import annotations
