"""Colours: the roles of tensors, and a diverging scale for heatmaps.

The scale runs from orange through white to blue. It is centred on zero, and orange and blue stay apart for every common
kind of colour blindness.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise
from types import MappingProxyType

from gradviz.recording.model import Number, Value

Stops = tuple[tuple[float, tuple[int, int, int]], ...]

PALETTES: dict[str, Stops] = {
    "orange-blue": (
        (-1.0, (179, 88, 6)),
        (-0.6, (224, 130, 20)),
        (-0.25, (253, 205, 150)),
        (0.0, (247, 247, 247)),
        (0.25, (170, 205, 235)),
        (0.6, (67, 138, 200)),
        (1.0, (5, 80, 174)),
    ),
    "purple-green": (
        (-1.0, (118, 42, 131)),
        (-0.6, (153, 112, 171)),
        (-0.25, (217, 196, 226)),
        (0.0, (247, 247, 247)),
        (0.25, (199, 229, 194)),
        (0.6, (90, 174, 97)),
        (1.0, (27, 120, 55)),
    ),
    # For copies in black and white: without hue, the sign has to be told by lightness.
    "grey": ((-1.0, (20, 20, 20)), (0.0, (150, 150, 150)), (1.0, (245, 245, 245))),
}
"""Colours from the most negative through zero to the most positive."""

NOTHING = "#818b98"
"""The dot in a cell whose value is not known yet: such a cell is empty, as a zero has a shade."""

STRANGE = "#57606a"
"""A cell that is nan or infinite."""


LEVELS = 24
"""Shades on each side of zero: two that are next to each other can just be told apart, if at all."""

SIGNS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM"
"""A shade is written as one sign, from the most negative to the most positive."""

NOT_YET, NOT_FINITE = ".", "!"
"""Signs of cells whose value is not known yet, and of those that are nan or infinite."""


@cache
def shades(palette: str) -> tuple[str, ...]:
    """Return all colours of a palette, from the most negative to the most positive."""
    return tuple(_mixed(PALETTES[palette], level / LEVELS) for level in range(-LEVELS, LEVELS + 1))


@cache
def inks(palette: str) -> Mapping[str, str]:
    """Return the colour of each sign that `shaded` writes."""
    return MappingProxyType({**dict(zip(SIGNS, shades(palette), strict=True)), NOT_YET: NOTHING, NOT_FINITE: STRANGE})


def _mixed(stops: Stops, place: float) -> str:
    for (low, first), (high, second) in pairwise(stops):
        if place <= high:
            share = (place - low) / (high - low)
            mixed = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
            return "#{:02x}{:02x}{:02x}".format(*mixed)
    raise AssertionError(place)


def shaded(values: Iterable[Number], scale: float) -> str:
    """Return the shades of numbers on a scale that runs from −`scale` to +`scale`, a sign for each.

    A number's shade goes with the square root of its size: one scale is for all that a picture shows, and what is a hundredth
    of the largest number still has a tenth of its colour.
    """
    return "".join(
        SIGNS[LEVELS + round(math.copysign(LEVELS * math.sqrt(min(abs(value) / scale, 1.0)), value) if scale else 0.0)]
        if math.isfinite(value)
        else NOT_FINITE
        for value in values
    )


def colours(values: Iterable[Number], scale: float, palette: str = "orange-blue") -> list[str]:
    """Return the colours of numbers, as their shades are drawn."""
    return [inks(palette)[shade] for shade in shaded(values, scale)]


def largest(values: Iterable[Value]) -> float:
    """Return the largest magnitude among values, for a scale that fits them all; 1 where there is none."""
    top = 0.0
    for value in values:
        shown = value if value.data is not None else value.preview
        if shown is not None and shown.data:
            ends: tuple[float, ...] = (max(shown.data), -min(shown.data))
            if not all(map(math.isfinite, [*ends, sum(shown.data)])):  # a sum is not finite if an entry is not
                ends = tuple(abs(number) for number in shown.data if math.isfinite(number)) or (0.0, 0.0)
            top = max(top, *ends)
    return top or 1.0
