"""Operations that go along an axis and keep every step: cumulative sums, products, maxima."""

from __future__ import annotations
