"""Linear algebra: decompositions, inverses, determinants."""

from __future__ import annotations
