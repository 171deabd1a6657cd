"""Functions of statistics and physics."""

from __future__ import annotations
