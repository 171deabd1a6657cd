"""Where the labels of arrows go.

Graphviz makes room for a label beside its own arrow, but may let another arrow run through it. Such a label is moved along
its arrow, to where nothing crosses it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from gradviz.drawing.jumps import HIGH
from gradviz.drawing.layout import Layout, Point
from gradviz.drawing.view import LABEL_SIZE, View

Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom."""

ALONG = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)
"""Places along an arrow that are tried, in this order."""

PIECES = 8
"""Straight pieces that a Bézier segment is taken for."""

AIR = 4.0
"""Between a label and its arrow."""


def uncrossed(layout: Layout, view: View) -> Layout:
    """Move the labels that another arrow runs through; one for which there is no better place stays.

    Parameters
    ----------
    layout
        As Graphviz made it.
    view
        What was laid out.
    """
    around = [(key, *_bounds(spline)) for key, spline in layout.splines.items()]
    lines: dict[str, list[Point]] = {}  # worked out where a label is near

    def line(key: str) -> list[Point]:
        if key not in lines:
            lines[key] = _points(layout.splines[key])
        return lines[key]

    sizes = {arrow.key: (arrow.label_width - 8, LABEL_SIZE + 4) for arrow in view.arrows if arrow.key in layout.labels}
    labels = {key: _rectangle(layout.labels[key], size) for key, size in sizes.items()}
    taken = [_rectangle(layout.centres[card.tensor.id], (card.width, card.height)) for card in view.cards]
    taken += [_rectangle(layout.centres[disc.operation.id], (disc.width, disc.height)) for disc in view.discs]
    taken += [_rectangle(layout.centres[key], (tag.width, HIGH)) for key, tag in layout.tags.items()]
    centres = dict(layout.labels)

    def crossed(box: Rectangle, *, by_its_own: str = "") -> bool:
        x0, y0, x1, y1 = box
        near = [key for key, a, b, c, d in around if x0 < c and a < x1 and y0 < d and b < y1 and key != by_its_own]
        return any(_meets(box, *piece) for key in near for piece in pairwise(line(key)))

    for key, size in sizes.items():
        if not crossed(labels[key], by_its_own=key):
            continue
        others = [box for other, box in labels.items() if other != key]
        for centre in _beside(line(key), size):
            box = _rectangle(centre, size)
            inside = box[0] >= 0 and box[1] >= 0 and box[2] <= layout.width and box[3] <= layout.height
            if inside and not crossed(box) and not any(_overlap(box, other) for other in (*taken, *others)):
                centres[key], labels[key] = centre, box
                break
    return layout if centres == layout.labels else replace(layout, labels=centres)


def _points(spline: tuple[Point, ...]) -> list[Point]:
    """Return points along a spline, close enough together to take it for straight between them."""
    points = [spline[0]]
    for start in range(0, len(spline) - 1, 3):
        a, b, c, d = spline[start : start + 4]
        for step in range(1, PIECES + 1):
            t = step / PIECES
            weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3)
            x, y = (sum(w * p[axis] for w, p in zip(weights, (a, b, c, d), strict=True)) for axis in (0, 1))
            points.append((x, y))
    return points


def _beside(points: list[Point], size: tuple[float, float]) -> Iterator[Point]:
    """Return centres for a label beside its arrow, on either side."""
    for share in ALONG:
        place = min(int(share * (len(points) - 1)), len(points) - 2)
        (x, y), (to_x, to_y) = points[place], points[place + 1]
        length = math.dist((x, y), (to_x, to_y)) or 1.0
        across, down = (to_y - y) / length, (x - to_x) / length  # at a right angle to the arrow
        away = abs(across) * size[0] / 2 + abs(down) * size[1] / 2 + AIR
        yield x + across * away, y + down * away
        yield x - across * away, y - down * away


def _rectangle(centre: Point, size: tuple[float, float]) -> Rectangle:
    (x, y), (width, height) = centre, size
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _bounds(points: tuple[Point, ...]) -> Rectangle:
    """Return a rectangle around the control points of a spline, and so around all of it."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _overlap(first: Rectangle, other: Rectangle) -> bool:
    return first[0] < other[2] and other[0] < first[2] and first[1] < other[3] and other[1] < first[3]


def _meets(box: Rectangle, start: Point, end: Point) -> bool:
    """Return True if a straight line goes through a rectangle: what is left of it within both pairs of sides."""
    first, last = 0.0, 1.0
    for axis in (0, 1):
        low, high, step = box[axis], box[axis + 2], end[axis] - start[axis]
        if step == 0:
            if not low < start[axis] < high:
                return False
            continue
        enters, leaves = sorted(((low - start[axis]) / step, (high - start[axis]) / step))
        first, last = max(first, enters), min(last, leaves)
    return first < last
