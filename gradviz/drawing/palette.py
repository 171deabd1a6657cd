"""Colours of numbers: a diverging scale for heatmaps, centred on zero.

It runs from purple (negative) through white to teal (positive). Blue and brown are free then for what is a value and what is a
gradient, and purple and teal stay apart for every common kind of colour blindness. Purple is the darker of the two, and a cell
of a negative number has a minus in it, as a negative number has when it is written: so the sign is seen without colour too.

A number's colour goes with the square root of its size, so that what is a hundredth of the largest still has a tenth of its
colour; a legend says which number each colour is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from gradviz.recording.model import Number, Value
from gradviz.recording.values import entries_of

PALETTE, PALETTE_OF_PRINT = "purple-teal", "grey"

Stops = tuple[tuple[float, tuple[int, int, int]], ...]

PALETTES: dict[str, Stops] = {
    "purple-teal": (
        (-1.0, (64, 18, 107)),
        (-0.6, (122, 75, 168)),
        (-0.25, (201, 179, 224)),
        (0.0, (247, 247, 247)),
        (0.25, (166, 221, 210)),
        (0.6, (60, 175, 158)),
        (1.0, (0, 122, 108)),
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

MINUS_ON_PALE, MINUS_ON_DARK = "-", "="
"""Signs of the inks of a minus: in a cell of a pale shade, and in one of a dark shade."""

PALE, DARK = SIGNS[LEVELS // 2 : LEVELS - 1], SIGNS[: LEVELS // 2]
"""The negative shades, as a minus is seen on them; the palest is as good as zero."""


@cache
def shades(palette: str) -> tuple[str, ...]:
    """Return all colours of a palette, from the most negative to the most positive."""
    return tuple(_mixed(PALETTES[palette], level / LEVELS) for level in range(-LEVELS, LEVELS + 1))


@cache
def inks(palette: str) -> Mapping[str, str]:
    """Return the colour of each sign that `shaded` writes, and those of a minus."""
    codes = shades(palette)
    minus = {MINUS_ON_PALE: codes[0], MINUS_ON_DARK: "#ffffff"}
    return MappingProxyType({**dict(zip(SIGNS, codes, strict=True)), NOT_YET: NOTHING, NOT_FINITE: STRANGE, **minus})


def _mixed(stops: Stops, place: float) -> str:
    for (low, first), (high, second) in pairwise(stops):
        if place <= high:
            share = (place - low) / (high - low)
            mixed = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
            return "#{:02x}{:02x}{:02x}".format(*mixed)
    raise AssertionError(place)


def shaded(values: Iterable[Number], scale: float) -> str:
    """Return the shades of numbers on a scale that runs from −`scale` to +`scale`, a sign for each.

    A number's shade goes with the square root of its size, the inverse of `number_at`.
    """
    return "".join(
        SIGNS[LEVELS + round(math.copysign(LEVELS * math.sqrt(min(abs(value) / scale, 1.0)), value) if scale else 0.0)]
        if math.isfinite(value)
        else NOT_FINITE
        for value in values
    )


def number_at(place: float, scale: float) -> float:
    """Return the number that has the colour at a place of the palette, from −1 to 1: so the ticks of a legend are true."""
    return math.copysign(place * place * scale, place) if place else 0.0


def colours(values: Iterable[Number], scale: float, palette: str = PALETTE) -> list[str]:
    """Return the colours of numbers, as their shades are drawn."""
    return [inks(palette)[shade] for shade in shaded(values, scale)]


def largest(values: Iterable[Value]) -> float:
    """Return the largest magnitude among values, for a scale that fits them all; 0 where there is none."""
    top = 0.0
    for value in values:
        if value.image is not None and value.summary is not None:  # of which pixels are drawn
            top = max(top, value.image.scale if value.summary.min or value.summary.max else 0.0)
            continue
        entries = entries_of(value)
        if entries is None and value.preview is not None:
            entries = entries_of(value.preview)
        if entries is not None and entries.size:
            sizes = np.abs(entries if entries.dtype.kind == "f" else entries.astype(np.float64))
            known = sizes[np.isfinite(sizes)]
            if known.size:
                top = max(top, float(str(known.max())))  # 0.1, not 0.10000000149011612
    return top
