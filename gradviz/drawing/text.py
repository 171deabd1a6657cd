"""How wide text is, and how to shorten it: what a layout has to know before anything is drawn."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Advance widths of Helvetica (and Arial, and Liberation Sans) in thousandths of the size, for the signs 32 to 126.
_REGULAR = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 584 "
    "584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667 667 "
    "611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 "
    "722 500 500 500 334 260 334 584"
)
_WIDTHS = {chr(32 + place): int(width) / 1000 for place, width in enumerate(_REGULAR.split())}

SLACK = 1.13
"""DejaVu Sans, which stands in for Helvetica on many a Linux machine, is this much wider."""

BOLD = 1.06
MONOSPACED = 0.602


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide a text may become in the sans-serif font, in pixels."""
    ems = sum(_WIDTHS.get(sign) or _unusual(sign) for sign in text)
    return ems * size * SLACK * (BOLD if bold else 1)


def _unusual(sign: str) -> float:
    if unicodedata.combining(sign):
        return 0.0
    return 1.0 if unicodedata.east_asian_width(sign) in "WF" else 0.62


def mono_width(text: str, size: float) -> float:
    """Return how wide a text is in the monospaced font."""
    return len(text) * size * MONOSPACED


def shorten(text: str, most: int) -> str:
    """Make one clean line of at most `most` characters; what is left out is shown by an ellipsis."""
    line = clean(text)
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


@lru_cache(maxsize=4096)
def clean(text: str) -> str:
    """Make one line of printable text.

    Control characters and lone surrogates cannot be written in XML at all; signs that change the direction of the
    text around them could make a label read as something else.
    """
    line = " ".join(text.split())
    return "".join("�" if unicodedata.category(sign) in ("Cc", "Cs", "Cf", "Cn", "Co") else sign for sign in line)
