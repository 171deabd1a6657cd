"""Where a picture will be seen: a slide, a column of a paper, a notebook's cell.

What does not fit there at a size that can be read is folded.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

LEAST = 9.05
"""Pixels at the target that the smallest text has, at 96 to an inch: nine, and what is lost where sizes are rounded."""

SMALLEST_TEXT = 11.0
"""The size of the smallest text that a picture is written with."""

MILLIMETRE = 96 / 25.4


@dataclass(frozen=True, slots=True)
class Target:
    """Room for a picture, in pixels."""

    width: float
    height: float
    shrinks: bool = True
    """Whether a picture that is larger is to be shown as large as this, and not as its reader's program likes."""

    @property
    def room(self) -> tuple[float, float]:
        """How large a picture may be that is scaled down to its room and can still be read."""
        most = SMALLEST_TEXT / LEAST
        return self.width * most, self.height * most

    def text(self, width: float, height: float, smallest: float = SMALLEST_TEXT) -> float:
        """Return the size of the smallest text of a picture of this size, as it is seen there."""
        return smallest * min(1.0, self.width / width, self.height / height)


SLIDE = Target(1280.0, 720.0)

PLAYER = Target(736.0, 1040.0, shrinks=False)
"""A player's stage on a page of 1280×720: as wide as that, and twice as high, for it scrolls the way one reads."""

TARGETS = {"slide": SLIDE, "column": Target(84 * MILLIMETRE, 200 * MILLIMETRE), "cell": Target(900.0, 640.0)}
"""Those that have a name: a 16:9 slide, a column of a two-column paper, a notebook's cell."""

_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(px|mm|cm|in)?")
_UNITS = {None: 1.0, "px": 1.0, "mm": MILLIMETRE, "cm": 10 * MILLIMETRE, "in": 96.0}
SHORTEST, LONGEST = 50.0, 20_000.0


def length(name: str, given: Any) -> float:
    """Read a width or a height: a number of pixels, or a text such as ``"84mm"``.

    Raises
    ------
    ValueError
        If it is none, or nothing could be drawn at that size.
    """
    found: float | None = None
    if isinstance(given, str):
        match = _LENGTH.fullmatch(given.strip())
        found = float(match[1]) * _UNITS[match[2]] if match else None
    elif isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given):
        found = float(given)
    if found is None:
        names = ", ".join(map(repr, TARGETS))
        raise ValueError(
            f"{name} is {given!r}; it can be a number of pixels, a length such as '84mm', or one of {names}"
        )
    if not SHORTEST <= found <= LONGEST:
        raise ValueError(f"{name} is {given!r}; it has to be between {SHORTEST:.0f} and {LONGEST:,.0f} pixels")
    return found


def target(width: Any = None, height: Any = None) -> Target | None:
    """Return the room that was asked for; ``None`` if none was. A side that is not given is the slide's.

    Examples
    --------
    >>> round(target("column").width)
    317
    >>> target("120mm", 400).height
    400.0
    """
    if width is None and height is None:
        return None
    named = TARGETS.get(width if width is not None else height) if isinstance(width or height, str) else None
    if named is not None:
        return named if width is None or height is None else Target(named.width, length("height", height))
    return Target(
        SLIDE.width if width is None else length("width", width),
        SLIDE.height if height is None else length("height", height),
    )
