"""Outlines of cards, as SVG."""

from __future__ import annotations

from gradviz.drawing.writing import short


def box(x: float, y: float, wide: float, high: float, round_: float, look: str) -> str:
    """Write the outline of a card."""
    return (
        f'<rect class="gv-box" x="{short(x)}" y="{short(y)}" width="{short(wide)}" height="{short(high)}" '
        f'rx="{short(round_)}" {look}/>'
    )


def look_of(fill: str, stroke: str, thick: float, dashes: str = "") -> str:
    """Write how an outline looks, as attributes."""
    look = f'fill="{fill}" stroke="{stroke}" stroke-width="{thick}"'
    return look + (f' stroke-dasharray="{dashes}"' if dashes else "")
