"""An edge in SVG: one line whose head may turn, or two lanes, values forward and gradients back beside them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from gradviz.drawing.face import THINNEST
from gradviz.drawing.layout import Point
from gradviz.drawing.theme import BACK, FAINT, LINE
from gradviz.drawing.writing import short

Spline = Sequence[Point]
"""A piece of an edge: there are two where it jumps."""

HEAD_LENGTH, HEAD_WIDTH, TRIM = 9.0, 7.5, 3.5
ASIDE = 2.8
"""How far either lane is from where a single line would be."""


def one_line(pieces: Sequence[Spline], turns: Sequence[Point], state: str, thick: float) -> Iterator[str]:
    """Draw an edge as one line, after the beginning of its group; the head is where it leads now."""
    back = state == "backward"
    ink = BACK if back else FAINT if state == "pending" else LINE
    yield f'" fill="{ink}">'
    yield _line("gv-line", pieces, ink, thick, state)
    kind = "backward" if back else "forward"  # where it points the other way at another step, the player adds one
    heads = _heads(pieces, back=back) + ("" if back else _turning(turns, 0.0, -1.0))
    yield f'<path class="gv-head gv-head-{kind}" d="{heads}"/>'


def two_lanes(pieces: Sequence[Spline], turns: Sequence[Point], state: str, thick: float) -> Iterator[str]:
    """Draw an edge as two lines side by side, after the beginning of its group: the second is seen once a gradient is back."""
    ink = FAINT if state == "pending" else LINE
    forward, back = ([shifted(points, aside) for points in pieces] for aside in (-ASIDE, ASIDE))
    yield f' gv-two" fill="{ink}">'
    yield _line("gv-line", forward, ink, THINNEST, state)
    heads = _heads(forward) + _turning(turns, ASIDE, -1.0)
    yield f'<path class="gv-head gv-head-forward" d="{heads}"/>'
    hidden = "" if state == "backward" else ' display="none"'
    heads = _heads(back, back=True) + _turning(turns, -ASIDE, 1.0)
    yield f'<g class="gv-lane" fill="{BACK}"{hidden}>'
    yield _line("gv-back", back, BACK, thick, "backward")
    yield f'<path class="gv-head" d="{heads}"/></g>'


def shifted(points: Sequence[Point], aside: float) -> tuple[Point, ...]:
    """Return a spline that runs beside another: to the right of its direction, or to the left where `aside` is negative."""
    moved = []
    for place, (x, y) in enumerate(points):
        before = next((p for p in reversed(points[:place]) if math.dist(p, (x, y)) > 0.5), (x, y))
        after = next((p for p in points[place + 1 :] if math.dist(p, (x, y)) > 0.5), (x, y))
        length = math.dist(before, after) or 1.0
        across, down = (before[1] - after[1]) / length, (after[0] - before[0]) / length
        # At a right angle of a rounded corner, both of its sides move.
        sharp = 1.0 if before == (x, y) or after == (x, y) else _spread(before, (x, y), after)
        moved.append((x + across * aside * sharp, y + down * aside * sharp))
    return tuple(moved)


def _spread(before: Point, here: Point, after: Point) -> float:
    """Return how much further a corner moves than the lines that meet there."""
    a, b = math.dist(before, here), math.dist(here, after)
    cosine = ((here[0] - before[0]) * (after[0] - here[0]) + (here[1] - before[1]) * (after[1] - here[1])) / (a * b)
    return 1.0 / max(math.sqrt((1.0 + max(-1.0, min(1.0, cosine))) / 2.0), 0.7)


def beside(points: Sequence[Point]) -> Point:
    """Return a place for a label that the layout has made no room for: near the head, where arrows are apart."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points[-4:]
    return (x0 + 3 * x1 + 3 * x2 + x3) / 8, (y0 + 3 * y1 + 3 * y2 + y3) / 8 - 8


def _heads(pieces: Sequence[Spline], *, back: bool = False) -> str:
    """Draw the heads of an edge, at the end of each of its pieces, or at the beginning."""
    turned = [points if back else points[::-1] for points in pieces]
    return "".join(_arrowhead(points[0], _behind(points)) for points in turned)


def _line(kind: str, pieces: Sequence[Spline], ink: str, thick: float, state: str) -> str:
    dashes = ' stroke-dasharray="4 3"' if state == "pending" else ""
    d = " ".join(map(_path, pieces))
    return f'<path class="{kind}" d="{d}" fill="none" stroke="{ink}" stroke-width="{thick:g}"{dashes}/>'


def _turning(turns: Sequence[Point], down: float, across: float) -> str:
    """Draw the heads that an arrow has on its way back to the left, so that one sees where it leads."""
    tips = ((x + across * HEAD_LENGTH, y + down) for x, y in turns)
    return "".join(_arrowhead((x, y), (x - across * HEAD_LENGTH, y)) for x, y in tips)


def _behind(points: Sequence[Point]) -> Point:
    """Return the first point of a spline that is not its beginning, for the direction it starts in."""
    return next((point for point in points[1:] if math.dist(point, points[0]) > 0.5), points[-1])


def _towards(start: Point, end: Point, length: float) -> Point:
    distance = math.dist(start, end) or 1.0
    return (
        start[0] + (end[0] - start[0]) * length / distance,
        start[1] + (end[1] - start[1]) * length / distance,
    )


def _path(points: Sequence[Point]) -> str:
    """Write a spline that ends just short of what it joins, so that no line shows beyond an arrow's tip."""
    first = _towards(points[0], _behind(points), TRIM)
    last = _towards(points[-1], _behind(points[::-1]), TRIM)
    inner = [first, *points[1:-1], last]
    curves = " ".join(f"{short(x)},{short(y)}" for x, y in inner[1:])
    return f"M{short(inner[0][0])},{short(inner[0][1])} C{curves}"


def _arrowhead(tip: Point, behind: Point) -> str:
    base = _towards(tip, behind, HEAD_LENGTH)
    across = ((tip[1] - base[1]) * HEAD_WIDTH / (2 * HEAD_LENGTH), (base[0] - tip[0]) * HEAD_WIDTH / (2 * HEAD_LENGTH))
    to_corner = (base[0] + across[0] - tip[0], base[1] + across[1] - tip[1])
    place, first, second = (f"{short(x)},{short(y)}" for x, y in (tip, to_corner, (-2 * across[0], -2 * across[1])))
    return f"M{place}l{first} {second}z"
