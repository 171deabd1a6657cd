"""Single marks of a picture as SVG: boxes and lines of text."""

from __future__ import annotations

from xml.sax.saxutils import escape

from gradviz.drawing.cells import short
from gradviz.drawing.text import clean
from gradviz.drawing.theme import MONO


def quoted(text: str) -> str:
    """Write a text as the value of an attribute."""
    return '"' + escape(clean(text), {'"': "&quot;", "'": "&#39;"}) + '"'


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


def text_mark(
    text: str, x: float, y: float, size: float, fill: str, kind: str, *, id: str = "", anchor: str = "", mono: bool = False,
    bold: bool = False,
) -> str:  # fmt: skip
    """Write a line of text that begins at a place, or ends or has its middle there."""
    attributes = f' id="{id}"' if id else ""
    attributes += f' class="{kind}" x="{short(x)}" y="{short(y)}" font-size="{size:g}" fill="{fill}"'
    attributes += f' text-anchor="{anchor}"' if anchor else ""
    attributes += f' font-family="{MONO}"' if mono else ""
    attributes += ' font-weight="700"' if bold else ""
    return f"<text{attributes}>{escape(clean(text))}</text>"
