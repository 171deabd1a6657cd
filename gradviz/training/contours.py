"""The loss over one or two entries of the parameters as SVG: contours, with the ways of runs over them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np

from gradviz.drawing import image_tag
from gradviz.drawing.text import clean, shorten
from gradviz.recording import number_text
from gradviz.training.axes import COLOURS, Scale, legend, legend_width, line, look, picture, saved, scale, text, ticks
from gradviz.training.surface import ASPECT, Array, Surface

WIDTH, HEIGHT = 640.0, 430.0
AREA = 384.0
"""How wide the surface is drawn, at most: as high as it may be then, a unit is as long along both axes."""

LEFT, RIGHT, TOP = 62.0, 20.0, 56.0
INSIDE = "gc-region"
LEVELS = 12
POINTS = 600
"""Steps of a way that are drawn, at most."""

MARKED = 60
"""Up to so many steps have a dot each."""

FINER = 4
"""How much finer than the surface the grid is along which its contours are drawn."""

UNSEEN = 0.05
"""How far from a line a point may lie without being missed, in pixels."""

ROOM = 0.06
"""Room below and above a curve, as a share of its height: for the marks where ways begin and end."""

RING, RING_APART = 4.5, 3.5
"""The size of a ring where a way ends, and of how much larger one is that lies around it."""

FAR = 5.0
"""How far out of the picture a line may go, in widths of it, before it is cut: a run that diverges goes on to 1e30."""


@dataclass(frozen=True)
class Way:
    """The way of one run: its values along both axes, before each step and after the last."""

    name: str
    x: Array
    y: Array


@dataclass(frozen=True)
class ContourChart:
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

    surface: Surface
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
    told, names = drawn.surface.finer(FINER), [way.name for way in drawn.ways]
    several = len(names) > 1
    right = LEFT + min(AREA, WIDTH - RIGHT - LEFT - (legend_width(names) if several else 0))
    floor = TOP + (right - LEFT) / ASPECT
    low, high = _extent(told.loss)
    x = scale(told.x[0], told.x[-1], LEFT, right, log=False)
    bottom, top = (told.y[0], told.y[-1]) if told.y.size else (low - ROOM * (high - low), high + ROOM * (high - low))
    y = scale(bottom, top, floor, TOP, log=False)
    labels = [clean(name) for name in (*told.names, "loss")][:2]
    ground = _bands(told, low, high, x, y) if told.y.size else _curve(told, x, y)
    seen = [list(_cut(_points(way, x, y))) for way in drawn.ways]
    parts = [
        text(shorten(clean(drawn.title), 70), LEFT, 22, "gc-title"),
        f'<clipPath id="{INSIDE}"><rect x="{LEFT}" y="{TOP}" width="{right - LEFT:.1f}" height="{floor - TOP:.1f}"/></clipPath>',
        f'<g clip-path="url(#{INSIDE})">{"".join(ground)}{"".join(_lines(seen))}</g>',
    ]
    for tick in ticks(told.x[0], told.x[-1], log=False):
        parts.append(text(number_text(tick), x(tick), floor + 18, "gc-tick", "middle"))
    for tick in ticks(bottom, top, log=False):
        parts.append(text(number_text(tick), LEFT - 8, y(tick) + 4, "gc-tick", "end"))
    caption = "" if told.sentence == "The loss." else told.sentence
    for place, words in enumerate(wrap(clean(caption), 100)[:2]):
        parts.append(text(words, LEFT, floor + 58 + 16 * place, "gc-tick"))
    parts.append(f'<path {look("gc-axis")} d="M{LEFT} {TOP}V{floor:.1f}H{right:.1f}"/>')
    parts.append(text(shorten(labels[0], 40), right, floor + 38, "gc-name", "end"))
    parts.append(text(shorten(labels[1], 40), LEFT, TOP - 9, "gc-name", "start"))
    if several:
        parts += legend(names, right + 14, TOP)
    # Last, so that nothing covers them, and the frame cuts none.
    parts += _ends(seen, lambda a, b: LEFT - 1 <= a <= right + 1 and TOP - 1 <= b <= floor + 1)
    words = (
        f"{clean(told.sentence)} From {number_text(low)} to {number_text(high)}. Ways: {'; '.join(map(clean, names))}."
    )
    return picture(clean(drawn.title), words, parts, WIDTH, HEIGHT)


def _extent(loss: Array) -> tuple[float, float]:
    finite = loss[np.isfinite(loss)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def levels(low: float, high: float) -> list[float]:
    """Return at which losses there is a contour: closer together near the minimum, where the surface is flat.

    Examples
    --------
    >>> [round(level, 3) for level in levels(0.0, 1.44)][:3]
    [0.001, 0.016, 0.051]
    """
    return [low + (high - low) * ((place + 0.25) / LEVELS) ** 2 for place in range(LEVELS)]


def _bands(told: Surface, low: float, high: float, x: Scale, y: Scale) -> Iterator[str]:
    """Draw each band over the one below, so that the surface darkens as it rises."""
    from contourpy import FillType, contour_generator

    if not high > low:
        return
    loss = np.where(np.isfinite(told.loss), told.loss, high)
    found = contour_generator(told.x, told.y, loss, fill_type=FillType.OuterOffset)
    for level in levels(low, high):
        d = []
        for points, offsets in zip(*found.filled(level, math.inf), strict=True):
            for start, end in pairwise(offsets):
                ring = _needed(np.array([(x(a), y(b)) for a, b in points[start : end - 1]]))
                d.append("M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in ring) + "Z")
        if d:
            yield f'<path {look("gc-band")} fill-rule="evenodd" d="{"".join(d)}"><title>loss {number_text(level, 3)}</title></path>'


def _needed(points: Array) -> Array:
    """Leave out the points of a line that lie, as far as one can see, straight between others (Ramer, Douglas and Peucker)."""
    kept = np.zeros(len(points), bool)
    kept[[0, -1]] = True
    waiting = [(0, len(points) - 1)]
    while waiting:
        start, end = waiting.pop()
        if end - start < 2:
            continue
        (across, down), beside = points[end] - points[start], points[start + 1 : end] - points[start]
        length = math.hypot(across, down)
        far = np.abs(across * beside[:, 1] - down * beside[:, 0]) / length if length else np.hypot(*beside.T)
        furthest = int(far.argmax())
        if far[furthest] > UNSEEN:
            place = start + 1 + furthest
            kept[place] = True
            waiting += [(start, place), (place, end)]
    return points[kept]


def _curve(told: Surface, x: Scale, y: Scale) -> Iterator[str]:
    run: list[str] = []
    for a, b in [*zip(told.x, told.loss, strict=True), (math.nan, math.nan)]:
        if math.isfinite(b):
            run.append(f"{x(a):.1f} {y(b):.1f}")
        elif run:
            yield f'<path {look("gc-curve")} d="M{"L".join(run)}"/>'
            run = []


def _points(way: Way, x: Scale, y: Scale) -> list[tuple[float, float]]:
    every = max(1, -(-len(way.x) // POINTS))
    chosen = [*range(0, len(way.x) - 1, every), len(way.x) - 1]
    return [(x(float(way.x[k])), y(float(way.y[k]))) for k in chosen]


def _lines(ways: Sequence[Sequence[tuple[float, float]]]) -> Iterator[str]:
    """Draw each way, with a dot for each step where there are few, and a × where it begins."""
    for number, seen in enumerate(ways):
        if not seen:
            continue
        yield f'<path {line(number)} d="M{"L".join(f"{a:.1f} {b:.1f}" for a, b in seen)}{"h.01" * (len(seen) == 1)}"/>'
        if len(seen) <= MARKED:
            mark = look("gc-line", f"gc-c{number % len(COLOURS)}")
            yield from (f'<circle {mark} cx="{a:.1f}" cy="{b:.1f}" r="1.6"/>' for a, b in seen)
        a, b = seen[0]
        yield f'<path {line(number, dashed=False)} d="M{a - 4:.1f} {b - 4:.1f}l8 8m0 -8l-8 8"/>'


def _ends(ways: Sequence[Sequence[tuple[float, float]]], inside: Callable[[float, float], bool]) -> Iterator[str]:
    """Draw a ring where each way ends. Of several in one place those that come later are larger, so that all are seen."""
    rings: list[tuple[float, int, float, float]] = []
    for number, seen in enumerate(ways):
        if seen and inside(*seen[-1]):
            radius = RING
            while any(math.dist(seen[-1], (c, d)) < RING and radius == known for known, _, c, d in rings):
                radius += RING_APART
            rings.append((radius, number, *seen[-1]))
    for radius, number, c, d in sorted(rings, reverse=True):
        kinds = look("gc-line", "gc-end", f"gc-c{number % len(COLOURS)}")
        yield f'<circle {kinds} cx="{c:.1f}" cy="{d:.1f}" r="{radius:.1f}"/>'


def _cut(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Go along a way up to where it leaves the picture far behind, or is no number."""
    before: tuple[float, float] | None = None
    for a, b in points:
        if not (math.isfinite(a) and math.isfinite(b)):
            return
        length = 0.0 if before is None else math.hypot(a - before[0], b - before[1])
        if before is not None and length > FAR * WIDTH:
            share = FAR * WIDTH / length
            yield before[0] + share * (a - before[0]), before[1] + share * (b - before[1])
            return
        yield a, b
        before = a, b
