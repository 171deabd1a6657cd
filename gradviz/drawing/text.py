"""How wide text is, and how to shorten it: what a layout has to know before anything is drawn."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Advance widths in thousandths of the size, for the signs 32 to 126: of Helvetica (whose widths Arial and Liberation Sans share)
# or of DejaVu Sans, which stands in for it on many a Linux machine, whichever is wider.
_REGULAR = (
    "318 401 460 838 637 951 780 275 391 391 500 838 318 361 318 337 637 637 637 637 637 637 637 637 637 637 337 337 838 "
    "838 838 556 1015 685 687 722 771 667 611 778 752 295 500 667 558 863 749 788 667 788 722 667 611 732 685 989 686 "
    "667 686 391 337 391 838 556 500 613 635 550 635 616 353 635 634 278 278 580 278 975 634 612 635 635 412 521 393 634 "
    "592 818 592 592 525 637 337 637 838"
)
_BOLD = (
    "349 457 521 838 696 1002 873 307 458 458 523 838 380 416 380 366 696 696 696 696 696 696 696 696 696 696 400 400 "
    "838 838 838 611 1000 774 763 734 831 684 684 821 837 373 556 775 638 996 837 851 733 851 771 721 683 813 774 1104 "
    "771 725 726 458 366 458 838 556 500 675 716 593 716 679 436 716 712 343 343 666 343 1042 712 688 716 716 494 596 "
    "479 712 652 924 646 652 583 712 366 712 838"
)
_OTHERS = {
    "·′": 380, "⁰¹²³⁴⁵⁶⁷⁸⁹ᵀˣʸⁿ⁽⁾₀₁₂₄⌈⌉⌊⌋": 460, "∂‖⁻⁺": 550, "−×÷±←→↑↓≈≠≤≥∞⊗": 840, "…—": 1000, "�": 1120,
}  # fmt: skip
_UNKNOWN = 850
"""As wide as the widest Greek letters in bold."""


def _widths(table: str) -> dict[str, float]:
    ascii_signs = {chr(32 + place): int(width) / 1000 for place, width in enumerate(table.split())}
    return ascii_signs | {sign: width / 1000 for signs, width in _OTHERS.items() for sign in signs}


_WIDTHS = {False: _widths(_REGULAR), True: _widths(_BOLD)}

MONOSPACED = 0.602


@lru_cache(maxsize=4096)
def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide a text may become in the sans-serif font, in pixels."""
    known = _WIDTHS[bold]
    return sum(known.get(sign) or _unusual(sign) for sign in text) * size


def _unusual(sign: str) -> float:
    if unicodedata.combining(sign):
        return 0.0
    return 1.0 if unicodedata.east_asian_width(sign) in "WF" else _UNKNOWN / 1000


def mono_width(text: str, size: float) -> float:
    """Return how wide a text is in the monospaced font."""
    return len(text) * size * MONOSPACED


def shorten(text: str, most: int) -> str:
    """Make one clean line of at most `most` characters; what is left out is shown by an ellipsis."""
    line = clean(text)
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def shortened(text: str, room: float, size: float) -> str:
    """Shorten a text until it is no wider than the room there is."""
    count = len(text)
    while count > 1 and width(shorten(text, count), size) > room:
        count -= 1
    return shorten(text, count)


def lines(text: str, room: float, size: float, most: int) -> list[str]:
    """Break a text into lines that fit; what does not fit into so many ends in dots."""
    found = [""]
    for word in shorten(text, 400).split():
        longer = f"{found[-1]} {word}".strip()
        if width(longer, size, bold=True) <= room or not found[-1]:
            found[-1] = longer
        else:
            found.append(word)
    if len(found) > most:
        found = [*found[: most - 1], shorten(" ".join(found[most - 1 :]), max(4, len(found[most - 1])))]
    return found


@lru_cache(maxsize=4096)
def clean(text: str) -> str:
    """Make one line of printable text.

    Control characters and lone surrogates cannot be written in XML at all; signs that change the direction of the
    text around them could make a label read as something else.
    """
    line = " ".join(text.split())
    return "".join("�" if unicodedata.category(sign) in ("Cc", "Cs", "Cf", "Cn", "Co") else sign for sign in line)
