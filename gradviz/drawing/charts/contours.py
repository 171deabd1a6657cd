"""The loss over one or two entries of the parameters as SVG: contours, with the ways of runs over them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from textwrap import wrap
from typing import Any

from gradviz.drawing.charts.geometry import LOOK, Box, Points, Scale, colour_of, fixed, path, way
from gradviz.drawing.charts.paper import Style, legend, legend_width, line, look, picture, saved, text
from gradviz.drawing.charts.relief import ASPECT, FINER, Array, Relief, bands, curve
from gradviz.drawing.drawing import image_tag
from gradviz.drawing.shown import Shown
from gradviz.drawing.text import clean, shorten
from gradviz.recording import number_text

WIDTH, HEIGHT = 640.0, 430.0
AREA = 384.0
"""How wide the surface is drawn, at most: as high as it may be then, a unit is as long along both axes."""

LEFT, RIGHT, TOP = 62.0, 20.0, 56.0
INSIDE = "gc-region"

RING, RING_APART = 4.5, 3.5
"""The size of a ring where a way ends, and of how much larger one is that lies around it."""


@dataclass(frozen=True)
class Way:
    """The way of one run: its values along both axes, before each step and after the last.

    Its `style` is which colour it has and which dashes; by default it has those of its place among the ways.
    """

    name: str
    x: Array
    y: Array
    style: Style = None


@dataclass(frozen=True)
class ContourChart(Shown):
    """A loss surface with the ways of runs. Evaluate it in a notebook cell to see it.

    Attributes
    ----------
    surface
        The loss. Where there is one entry only, its loss is the vertical axis.
    ways
        What goes over it.
    title
        The heading.
    """

    surface: Relief
    ways: tuple[Way, ...]
    title: str = "Over the loss surface"

    @cached_property
    def svg(self) -> str:
        """The picture as SVG text: light, and dark where the page around it is."""
        return _svg(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file: ``.svg``, ``.pdf`` or ``.png``.

        Raises
        ------
        ValueError
            For another ending.
        OSError
            If the file cannot be written; an older one stays as it was.
        """
        return saved(path, self.svg, (WIDTH, HEIGHT))

    def __repr__(self) -> str:
        return f"<ContourChart {self.title!r}: {', '.join(way.name for way in self.ways)}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/html": image_tag(self.svg, self.title), "text/plain": repr(self)}


def _svg(drawn: ContourChart) -> str:
    told, names = drawn.surface.finer(FINER), [one.name for one in drawn.ways]
    several = len(names) > 1
    right = LEFT + min(AREA, WIDTH - RIGHT - LEFT - (legend_width(names) if several else 0))
    box = Box(LEFT, TOP, right, TOP + (right - LEFT) / ASPECT)
    x, y = told.scales(box)
    labels = [clean(name) for name in (*told.names, "loss")][:2]
    seen = [way(one.x.tolist(), one.y.tolist(), x, y) for one in drawn.ways]
    inside = (
        f'x="{fixed(box.left)}" y="{fixed(box.top)}" width="{fixed(right - LEFT)}" height="{fixed(box.bottom - TOP)}"'
    )
    styles = [one.style for one in drawn.ways]
    parts = [
        text(shorten(clean(drawn.title), 70), LEFT, 22, "gc-title"),
        f'<clipPath id="{INSIDE}"><rect {inside}/></clipPath>',
        f'<g clip-path="url(#{INSIDE})">{"".join(_ground(told, x, y))}{"".join(_lines(seen, styles))}</g>',
    ]
    for tick in x.ticks:
        parts.append(text(number_text(tick), x(tick), box.bottom + 18, "gc-tick", "middle"))
    for tick in y.ticks:
        parts.append(text(number_text(tick), LEFT - 8, y(tick) + 4, "gc-tick", "end"))
    caption = "" if told.sentence == "The loss." else told.sentence
    for place, words in enumerate(wrap(clean(caption), 100)[:2]):
        parts.append(text(words, LEFT, box.bottom + 58 + 16 * place, "gc-tick"))
    parts.append(f'<path {look("gc-axis")} d="M{fixed(LEFT)} {fixed(TOP)}V{fixed(box.bottom)}H{fixed(right)}"/>')
    parts.append(text(shorten(labels[0], 40), right, box.bottom + 38, "gc-name", "end"))
    parts.append(text(shorten(labels[1], 40), LEFT, TOP - 9, "gc-name", "start"))
    if several:
        parts += legend(names, right + 14, TOP, styles)
    # Last, so that nothing covers them, and the frame cuts none.
    parts += _ends(seen, styles, lambda a, b: LEFT - 1 <= a <= right + 1 and TOP - 1 <= b <= box.bottom + 1)
    low, high = told.extent
    words = (
        f"{clean(told.sentence)} From {number_text(low)} to {number_text(high)}. Ways: {'; '.join(map(clean, names))}."
    )
    return picture(clean(drawn.title), words, parts, WIDTH, HEIGHT)


def _ground(told: Relief, x: Scale, y: Scale) -> Iterator[str]:
    if not told.y.size:
        yield f'<path {look("gc-curve")} d="{curve(told, x, y)}"/>'
        return
    for level, d in bands(told, x, y):
        title = f"<title>loss {number_text(level, 3)}</title>"
        yield f'<path {look("gc-band")} fill-rule="evenodd" d="{d}">{title}</path>'


def _lines(ways: Sequence[Points], styles: Sequence[Style]) -> Iterator[str]:
    """Draw each way, with a dot for each step where there are few, and a × where it begins."""
    for number, seen in enumerate(ways):
        if not seen:
            continue
        yield f'<path {line(number, styles[number])} d="{path(seen)}"/>'
        if len(seen) <= LOOK["marked"]:
            mark = line(number, styles[number], dashed=False)
            yield from (f'<circle {mark} cx="{fixed(a)}" cy="{fixed(b)}" r="1.6"/>' for a, b in seen)
        a, b = seen[0]
        yield f'<path {line(number, styles[number], dashed=False)} d="M{fixed(a - 4)} {fixed(b - 4)}l8 8m0 -8l-8 8"/>'


def _ends(ways: Sequence[Points], styles: Sequence[Style], inside: Callable[[float, float], bool]) -> Iterator[str]:
    """Draw a ring where each way ends. Of several in one place those that come later are larger, so that all are seen."""
    rings: list[tuple[float, int, float, float]] = []
    for number, seen in enumerate(ways):
        if seen and inside(*seen[-1]):
            radius = RING
            while any(math.dist(seen[-1], (c, d)) < RING and radius == known for known, _, c, d in rings):
                radius += RING_APART
            rings.append((radius, number, *seen[-1]))
    for radius, number, c, d in sorted(rings, reverse=True):
        style = styles[number]
        kinds = look("gc-line", "gc-end", f"gc-c{colour_of(number if style is None else style[0])}")
        yield f'<circle {kinds} cx="{fixed(c)}" cy="{fixed(d)}" r="{fixed(radius)}"/>'
