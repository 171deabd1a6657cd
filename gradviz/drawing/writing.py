"""Text in a picture, as SVG."""

from __future__ import annotations

from xml.sax.saxutils import escape

from gradviz.drawing.text import clean
from gradviz.drawing.theme import MONO


def short(length: float) -> str:
    """Write a length or a place, to a tenth of a pixel."""
    return f"{length:.1f}".removesuffix(".0")


def quoted(text: str) -> str:
    """Write a text as the value of an attribute."""
    return '"' + escape(clean(text), {'"': "&quot;", "'": "&#39;"}) + '"'


def text_mark(
    text: str, x: float, y: float, size: float, fill: str, kind: str, *, id: str = "", anchor: str = "", mono: bool = False,
    bold: bool = False, hint: str = "",
) -> str:  # fmt: skip
    """Write a line of text that begins at a place, or ends or has its middle there; a hint is seen by who points at it."""
    attributes = f' id="{id}"' if id else ""
    attributes += f' class="{kind}" x="{short(x)}" y="{short(y)}" font-size="{size:g}" fill="{fill}"'
    attributes += f' text-anchor="{anchor}"' if anchor else ""
    attributes += f' font-family="{MONO}"' if mono else ""
    attributes += ' font-weight="700"' if bold else ""
    tip = f"<title>{escape(clean(hint))}</title>" if hint else ""
    return f"<text{attributes}>{tip}{escape(clean(text))}</text>"
