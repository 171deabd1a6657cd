"""Where the things of a chart go. Pure functions, the same as in the page: ``player/frontend/src/training/geometry.js``.

Numbers of the rules stand in ``look.json``, which both read, and ``tests/test_charts.py`` gives both the same data.

Attributes
----------
COLOURS
    Of lines, on light and on dark paper.
DASHES
    Lines differ in these too, for those who do not tell the colours apart.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOOK: dict[str, Any] = json.loads(Path(__file__).with_name("look.json").read_text(encoding="utf-8"))
COLOURS: list[list[str]] = LOOK["colours"]
DASHES: list[str] = LOOK["dashes"]

Numbers = Sequence[float]
Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Box:
    """The rectangle in which lines are drawn, in pixels."""

    left: float
    top: float
    right: float
    bottom: float


def colour_of(number: int) -> int:
    """Return which colour a line has, of those there are."""
    return number % len(COLOURS)


def dash_of(number: int) -> str:
    """Return the dashes of a line. Lines of the same colour have others."""
    return DASHES[(number + number // len(COLOURS)) % len(DASHES)]


def dash_at(number: int) -> str:
    """Return the dashes with a number, whatever colour the line has."""
    return DASHES[number % len(DASHES)]


def fixed(place: float) -> str:
    """Return a place to a tenth of a pixel, as it is written in a path.

    Examples
    --------
    >>> fixed(12.25), fixed(3.0), fixed(-0.01)
    ('12.3', '3', '0')
    """
    tenths = math.floor(place * 10 + 0.5) / 10 + 0.0
    return str(int(tenths)) if tenths == int(tenths) else repr(tenths)


def path(points: Iterable[tuple[float, float]]) -> str:
    """Return a line through some points, as SVG's ``d``; of one point a dot."""
    texts = [f"{fixed(x)} {fixed(y)}" for x, y in points]
    return f"M{'L'.join(texts)}{'h.01' * (len(texts) == 1)}" if texts else ""


def extent(numbers: Iterable[float], positive: bool = False) -> tuple[float, float]:
    """Return the smallest and the largest of the finite numbers; of those above 0 only, where that is asked for."""
    told = [n for n in numbers if math.isfinite(n) and (n > 0 or not positive)]
    return (min(told), max(told)) if told else (0.1 if positive else 0.0, 1.0)


# --- scales -----------------------------------------------------------------------------------------------------------


class Scale:
    """Gives a number its place along an axis.

    Parameters
    ----------
    low, high
        The numbers at its ends; if they are the same, a stretch around them is shown.
    start, end
        The places of its ends, in pixels.
    log
        Whether it is logarithmic.
    whole
        Whether it has ticks at whole numbers only.
    """

    def __init__(
        self, low: float, high: float, start: float, end: float, *, log: bool = False, whole: bool = False
    ) -> None:
        self._low, self._high = (math.log10(low), math.log10(high)) if log else (low, high)
        if not self._high > self._low:
            around = 0.5 if log else 0.5 * (abs(low) or 1.0)
            self._low, self._high = self._low - around, self._low + around
        self._start, self._end, self._log, self._whole = start, end, log, whole

    def __call__(self, number: float) -> float:
        """Return the place of a number."""
        inner = math.log10(number) if self._log else number
        return self._start + (inner - self._low) / (self._high - self._low) * (self._end - self._start)

    def places(self, numbers: Any) -> Any:
        """Return the places of the numbers in an array, on an axis that is not logarithmic."""
        return self._start + (numbers - self._low) / (self._high - self._low) * (self._end - self._start)

    @property
    def ticks(self) -> list[float]:
        """A few round numbers along it: as many as there is room for."""
        room = LOOK["pixelsPerTick"]["across" if self._end > self._start else "up"]
        count = math.floor(abs(self._end - self._start) / room)
        if self._log:
            found = powers(10.0**self._low, 10.0**self._high, count)
        else:
            found = round_numbers(self._low, self._high, count)
        return [tick for tick in found if tick == math.floor(tick)] if self._whole else found


def round_numbers(low: float, high: float, count: int) -> list[float]:
    """Return round numbers between two, a step of 1, 2 or 5 apart.

    Examples
    --------
    >>> round_numbers(0, 9, 5)
    [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    rough = (high - low) / max(count, 1)
    if not 0 < rough < math.inf:
        return [low]
    power = float(f"1e{math.floor(math.log10(rough))}")
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{place * step:.12g}") for place in range(first, last + 1)]


def powers(low: float, high: float, count: int) -> list[float]:
    """Return powers of ten between two numbers; where there are few, their doubles and fivefolds too.

    Examples
    --------
    >>> powers(0.02, 500, 5)
    [0.1, 1.0, 10.0, 100.0]
    """
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)

    def within(numbers: Iterable[float]) -> list[float]:
        return [number for number in numbers if low * 0.999 <= number <= high * 1.001]

    whole = within(float(f"1e{n}") for n in exponents)
    if len(whole) > 2:
        return whole[:: -(-len(whole) // max(count, 2))]
    finer = within(float(f"{factor}e{n}") for n in exponents for factor in (1, 2, 5))
    return finer if len(finer) > 1 else [tick for tick in round_numbers(low, high, count) if tick > 0]


# --- lines over steps -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plot:
    """Where the lines of a chart go.

    Attributes
    ----------
    x, y
        The scales.
    paths
        By line, SVG's ``d``.
    lost
        Of a line that is alone: which of its numbers is the first that is not finite, and where that is; else ``None``.
    leaving
        By line that leaves the picture, where it does.
    """

    x: Scale
    y: Scale
    paths: list[str]
    lost: tuple[int, float] | None
    leaving: dict[int, float]


def wants_log(lines: Sequence[tuple[Numbers, Numbers]]) -> bool:
    """Return whether the numbers span so much that a logarithmic axis shows them better."""
    low, high = _extent(lines, log=True)
    return high / low >= LOOK["logarithmicFrom"]


def plot(lines: Sequence[tuple[Numbers, Numbers]], box: Box, *, log: bool) -> Plot:
    """Say where lines go.

    Parameters
    ----------
    lines
        For each the steps, which rise, and the numbers. What is not finite, or on a logarithmic axis not positive, leaves a
        gap.
    box
        Where there is room.
    log
        Whether the vertical axis is logarithmic.
    """
    low, high = _extent(lines, log=log)
    end = max([1.0, *(xs[-1] for xs, _ in lines if len(xs))])
    x = Scale(0.0, end, box.left, box.right, whole=True)
    y = Scale(_floor(low, high, log=log), high, box.bottom, box.top, log=log)
    paths, leaving = [], {}
    for number, (xs, ys) in enumerate(lines):
        parts = pieces([n if n > 0 or not log else math.nan for n in ys], int(box.right - box.left))
        paths.append("".join(path((x(xs[k]), max(-999.0, y(ys[k]))) for k in piece) for piece in parts))
        away = next((k for k, n in enumerate(ys) if not n <= high), None)
        if len(lines) > 1 and away is not None:
            leaving[number] = _where_it_leaves(xs, ys, away, x, y, box, log=log)
    alone = lines[0] if len(lines) == 1 else ((), ())
    lost = next(((k, x(alone[0][k])) for k, n in enumerate(alone[1]) if not math.isfinite(n)), None)
    return Plot(x, y, paths, lost, leaving)


def _extent(lines: Sequence[tuple[Numbers, Numbers]], *, log: bool) -> tuple[float, float]:
    """Return what the vertical axis has to hold: one line that diverges must not press the others flat."""
    numbers = [n for _, ys in lines for n in ys]
    first = max((ys[0] for _, ys in lines if len(ys) and math.isfinite(ys[0])), default=0.0)
    if len(lines) > 1 and first > 0:
        calm = [n for n in numbers if n <= LOOK["aboveTheRest"] * first]
        numbers = calm or numbers
    return extent(numbers, log)


def _floor(low: float, high: float, *, log: bool) -> float:
    """Return where the vertical axis begins: at 0 where that is near, else a little below the lines.

    A line that lay on the horizontal axis would look as if it had come down to 0.
    """
    if log:
        return float(low / (high / low) ** LOOK["gapBelow"])
    return 0.0 if 0 <= low < high / 2 else float(low - LOOK["gapBelow"] * (high - low))


def _where_it_leaves(xs: Numbers, ys: Numbers, away: int, x: Scale, y: Scale, box: Box, *, log: bool) -> float:
    at = x(xs[away])
    if away and math.isfinite(ys[away]) and math.isfinite(ys[away - 1]) and (ys[away - 1] > 0 or not log):
        below, above, before = y(ys[away - 1]), y(ys[away]), x(xs[away - 1])
        return before + (at - before) * (below - box.top) / (below - above)
    return at


def pieces(ys: Numbers, most: int) -> list[list[int]]:
    """Return which numbers a line goes through, no more than can be seen: of a column of pixels the lowest and the highest.

    Parameters
    ----------
    ys
        What is not finite splits the line.
    most
        How many columns of pixels there are.
    """
    size = max(1, -(-len(ys) // max(most, 1)))
    found: list[list[int]] = []
    piece: list[int] = []
    low = high = -1  # of this column
    for k, number in enumerate(ys):
        if k % size == 0 and low >= 0:
            piece += sorted({low, high})
            low = high = -1
        if math.isfinite(number):
            low = k if low < 0 or number < ys[low] else low
            high = k if high < 0 or number > ys[high] else high
            continue
        if low >= 0:
            piece += sorted({low, high})
            low = high = -1
        if piece:
            found.append(piece)
            piece = []
    if low >= 0:
        piece += sorted({low, high})
    return [*found, piece] if piece else found


# --- over a loss surface ----------------------------------------------------------------------------------------------


def levels(low: float, high: float) -> list[float]:
    """Return at which losses there is a contour: closer together near the minimum, where the surface is flat.

    Examples
    --------
    >>> [round(level, 3) for level in levels(0.0, 1.44)][:3]
    [0.001, 0.016, 0.051]
    """
    count = LOOK["levels"]
    return [low + (high - low) * ((place + 0.25) / count) ** 2 for place in range(count)]


def with_room(low: float, high: float) -> tuple[float, float]:
    """Return the ends of an axis that leaves room below and above a curve, for the marks where ways begin and end."""
    room = LOOK["room"] * (high - low)
    return low - room, high + room


def way(xs: Numbers, ys: Numbers, x: Scale, y: Scale) -> Points:
    """Return the points of a run's way over a surface: not more than can be seen, up to where it leaves it far behind.

    Parameters
    ----------
    xs, ys
        The values along both axes, before each step and after the last; NaN where there was none.
    x, y
        The scales.
    """
    there = [k for k in range(len(xs)) if not (math.isnan(xs[k]) or math.isnan(ys[k]))]
    every = max(1, -(-len(there) // LOOK["points"]))
    chosen = [k for at, k in enumerate(there) if at % every == 0 or at == len(there) - 1]
    most = LOOK["far"] * LOOK["surface"]["width"]  # a run that diverges goes on to 1e30
    points: Points = []
    for a, b in ((x(float(xs[k])), y(float(ys[k]))) for k in chosen):
        if not (math.isfinite(a) and math.isfinite(b)):
            break
        length = math.hypot(a - points[-1][0], b - points[-1][1]) if points else 0.0
        if length > most:
            (c, d), share = points[-1], most / length
            points.append((c + share * (a - c), d + share * (b - d)))
            break
        points.append((a, b))
    return points
