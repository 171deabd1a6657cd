"""Lines of arrows: Bézier curves cut in pieces, and lines whose corners are round."""

from __future__ import annotations

from collections.abc import Sequence

from gradviz.drawing.layout import Point

RADIUS = 7.0
"""Of the corners of arrows."""


def rounded(corners: Sequence[Point]) -> list[Point]:
    """Return a line through corners, which it rounds, as a spline."""
    points = [corners[0]]

    def straight(end: Point) -> None:
        (x0, y0), (x1, y1) = points[-1], end
        points.extend([(x0 + (x1 - x0) / 3, y0 + (y1 - y0) / 3), (x0 + 2 * (x1 - x0) / 3, y0 + 2 * (y1 - y0) / 3), end])

    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        start, end = _near(corner, before), _near(corner, after)
        straight(start)
        points += [corner, corner, end]
    straight(corners[-1])
    return points


def _near(corner: Point, other: Point) -> Point:
    """Return a point on the way from a corner to another, where its rounding begins."""
    length = abs(other[0] - corner[0]) + abs(other[1] - corner[1])  # one of them is zero
    share = min(RADIUS, length / 2) / length if length else 0.0
    return corner[0] + (other[0] - corner[0]) * share, corner[1] + (other[1] - corner[1]) * share


def split(spline: tuple[Point, ...], x: float) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    """Cut a spline in two where it first reaches a place."""
    for start in range(0, len(spline) - 1, 3):
        a, b, c, d = spline[start : start + 4]
        if d[0] < x:
            continue
        low, high = 0.0, 1.0
        for _ in range(24):
            middle = (low + high) / 2
            low, high = (middle, high) if _bezier(a, b, c, d, middle)[0] < x else (low, middle)
        ab, bc, cd = _between(a, b, high), _between(b, c, high), _between(c, d, high)
        abc, bcd = _between(ab, bc, high), _between(bc, cd, high)
        here = _between(abc, bcd, high)
        return (*spline[: start + 1], ab, abc, here), (here, bcd, cd, *spline[start + 3 :])
    return spline, (spline[-1],) * 4


def point_at(spline: tuple[Point, ...], x: float) -> Point:
    """Return where a spline first reaches a place."""
    return split(spline, x)[1][0]


def samples(spline: tuple[Point, ...]) -> list[Point]:
    """Return points along a spline."""
    points = []
    for start in range(0, len(spline) - 1, 3):
        a, b, c, d = spline[start : start + 4]
        points += [_bezier(a, b, c, d, share / 6) for share in range(7)]
    return points


def _bezier(a: Point, b: Point, c: Point, d: Point, t: float) -> Point:
    s = 1 - t
    w0, w1, w2, w3 = s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t
    return w0 * a[0] + w1 * b[0] + w2 * c[0] + w3 * d[0], w0 * a[1] + w1 * b[1] + w2 * c[1] + w3 * d[1]


def _between(a: Point, b: Point, t: float) -> Point:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t
