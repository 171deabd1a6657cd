"""A small line chart as SVG: the loss of a run, or of several on the same axes."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from gradviz.drawing import image_tag
from gradviz.drawing.export import pdf, png
from gradviz.drawing.text import clean, shorten, width
from gradviz.recording import number_text
from gradviz.recording.files import write_file

WIDTH, HEIGHT = 640.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 20.0, 40.0, 44.0
SIZE = 12.0
LONGEST_NAME = 24
ABOVE_THE_REST = 10.0
"""Of several lines, how much higher one may go than all begin; what is beyond runs out of the picture."""

COLOURS = (
    ("#0550ae", "#79b8ff"),
    ("#b35806", "#f0883e"),
    ("#7a3e9d", "#c99bea"),
    ("#1a7f5a", "#56d4a0"),
    ("#b0306a", "#ff9bc8"),
    ("#6b5b00", "#e3c94c"),
)
"""Of the lines, on light and on dark paper."""

DASHES = ("", "7 4", "2 3", "9 3 2 3", "14 4", "5 2 1 2 1 2")
"""Lines differ in these too, for those who do not tell the colours apart."""

Scale = Callable[[float], float]


@dataclass(frozen=True)
class Line:
    """One line of a chart: a number for each step, from step 0 on."""

    name: str
    numbers: tuple[float, ...]


@dataclass(frozen=True)
class Chart:
    """A chart. Evaluate it in a notebook cell to see it.

    Attributes
    ----------
    lines
        What is drawn.
    title, across
        The heading, and what the horizontal axis counts.
    log
        Whether the vertical axis is logarithmic.
    """

    lines: tuple[Line, ...]
    title: str
    across: str
    log: bool

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
        writers: dict[str, Callable[[], str | bytes]] = {
            ".svg": lambda: self.svg,
            ".pdf": lambda: pdf(self.svg),
            ".png": lambda: png(self.svg, WIDTH, HEIGHT),
        }
        suffix = Path(path).suffix.lower()
        if suffix not in writers:
            raise ValueError(f"cannot save a chart as {os.fspath(path)!r}: the name must end in {', '.join(writers)}")
        return write_file(path, writers[suffix]())

    def __repr__(self) -> str:
        return f"<Chart {self.title!r}: {', '.join(line.name for line in self.lines)}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/html": image_tag(self.svg, self.title), "text/plain": repr(self)}


def chart(lines: Sequence[Line], *, title: str, across: str, log: bool | None = None) -> Chart:
    """Draw lines over the steps of a run.

    Parameters
    ----------
    lines
        The lines. Numbers that are not finite leave a gap, and it is said where.
    title, across
        The heading, and what the horizontal axis counts.
    log
        A logarithmic axis; by default where the numbers span a factor of 100 or more. What is not positive has no place on
        one.
    """
    if log is None:
        low, high = _extent(lines, positive=True)
        log = high / low >= 100
    return Chart(tuple(lines), clean(title), across, log)


def _extent(lines: Sequence[Line], *, positive: bool) -> tuple[float, float]:
    numbers = [n for line in lines for n in line.numbers if math.isfinite(n) and (n > 0 or not positive)]
    if len(lines) > 1 and numbers:
        # One run that diverges must not press the others flat.
        first = max((line.numbers[0] for line in lines if line.numbers and math.isfinite(line.numbers[0])), default=0.0)
        calm = [n for n in numbers if n <= ABOVE_THE_REST * first]
        numbers = calm or numbers
    return (min(numbers), max(numbers)) if numbers else (0.1 if positive else 0.0, 1.0)


def _svg(drawn: Chart) -> str:
    end = max([len(line.numbers) for line in drawn.lines], default=1) - 1
    right = WIDTH - RIGHT - (_legend_width(drawn) if len(drawn.lines) > 1 else 0)
    low, high = _extent(drawn.lines, positive=drawn.log)
    if not drawn.log and 0 < low < high / 2:
        low = 0.0
    x = _scale(0, max(end, 1), LEFT, right, log=False)
    y = _scale(low, high, HEIGHT - BOTTOM, TOP, log=drawn.log)
    parts = [_text(drawn.title and shorten(drawn.title, 70), LEFT, 22, "gc-title")]
    for tick in ticks(low, high, log=drawn.log):
        parts.append(f'<path class="gc-grid" d="M{LEFT} {y(tick):.1f}H{right:.1f}"/>')
        parts.append(_text(number_text(tick), LEFT - 8, y(tick) + 4, "gc-tick", "end"))
    for tick in ticks(0, max(end, 1), log=False):
        if tick == int(tick):
            parts.append(_text(number_text(int(tick)), x(tick), HEIGHT - BOTTOM + 18, "gc-tick", "middle"))
    parts.append(f'<path class="gc-axis" d="M{LEFT} {HEIGHT - BOTTOM}H{right:.1f}"/>')
    parts.append(_text(drawn.across, right, HEIGHT - 8, "gc-tick", "end"))
    parts.append(
        f'<clipPath id="gc-inside"><rect x="{LEFT}" y="{TOP - 4}" width="{right - LEFT + 4:.1f}" height="{HEIGHT - BOTTOM - TOP + 4}"/></clipPath>'
    )
    for number, line in enumerate(drawn.lines):
        parts.append(_line(line, number, x, y, log=drawn.log, pixels=right - LEFT))
        lost = next((k for k, n in enumerate(line.numbers) if not math.isfinite(n)), None)
        if lost is not None and len(drawn.lines) == 1:
            parts.append(f'<path class="gc-lost" d="M{x(lost):.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
            parts.append(
                _text(f"{number_text(line.numbers[lost])} from here", x(lost) - 5, HEIGHT - BOTTOM - 8, "gc-bad", "end")
            )
    if len(drawn.lines) > 1:
        parts += _legend(drawn, right + 14)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gc" width="{WIDTH:.0f}" height="{HEIGHT:.0f}" '
        f'viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" font-family="Helvetica, Arial, sans-serif">'
        f"<title>{escape(drawn.title)}</title><desc>{escape(_words(drawn))}</desc><style>{_STYLE}</style>"
        f'<rect class="gc-paper" width="100%" height="100%" rx="6"/>{"".join(parts)}</svg>'
    )


def _colours(dark: int) -> str:
    return "".join(f".gc .gc-c{n}{{stroke:{pair[dark]}}}" for n, pair in enumerate(COLOURS))


_STYLE = (
    ".gc-paper{fill:#fff}.gc text{fill:#59636e;font-size:12px}.gc .gc-title{fill:#1f2328;font-size:15px;font-weight:bold}"
    ".gc .gc-name{fill:#1f2328}.gc .gc-bad{fill:#b3261e;font-weight:bold}.gc-grid{stroke:#d0d7de;stroke-width:.8}"
    ".gc-axis{stroke:#59636e}.gc-lost{stroke:#b3261e;stroke-dasharray:3 3}.gc-line{fill:none;stroke-width:2;"
    "stroke-linejoin:round;stroke-linecap:round}"
    + _colours(0)
    + "@media (prefers-color-scheme:dark){.gc-paper{fill:#0d1117}.gc text{fill:#9aa4af}.gc .gc-title,.gc .gc-name{fill:#e6edf3}"
    ".gc .gc-bad{fill:#ff8a7a}.gc-grid{stroke:#3d444d}.gc-axis{stroke:#9aa4af}.gc-lost{stroke:#ff8a7a}"
    + _colours(1)
    + "}"
)


def _line(line: Line, number: int, x: Scale, y: Scale, *, log: bool, pixels: float) -> str:
    pieces = _pieces(line.numbers, log=log, most=int(pixels))
    path = "".join(
        "M"
        + "L".join(f"{x(k):.1f} {max(-999.0, y(line.numbers[k])):.1f}" for k in piece)
        + ("h.01" if len(piece) == 1 else "")
        for piece in pieces
    )
    dash = DASHES[number % len(DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path class="gc-line gc-c{number % len(COLOURS)}" clip-path="url(#gc-inside)"{dashed} d="{path}"/>'


def _pieces(numbers: Sequence[float], *, log: bool, most: int) -> list[list[int]]:
    """Return which steps a line goes through, no more than can be seen: of a column of pixels the lowest and the highest."""
    size = max(1, -(-len(numbers) // most))
    pieces: list[list[int]] = [[]]
    for start in range(0, len(numbers), size):
        steps = range(start, min(start + size, len(numbers)))
        seen = [k for k in steps if math.isfinite(numbers[k]) and (numbers[k] > 0 or not log)]
        if seen:
            pieces[-1] += sorted({min(seen, key=numbers.__getitem__), max(seen, key=numbers.__getitem__)})
        if len(seen) < len(steps) and pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _legend_width(drawn: Chart) -> float:
    return 44 + max(width(shorten(line.name, LONGEST_NAME), SIZE) for line in drawn.lines)


def _legend(drawn: Chart, left: float) -> list[str]:
    parts = []
    for number, line in enumerate(drawn.lines):
        at = TOP + 12 + 20 * number
        dash = DASHES[number % len(DASHES)]
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<path class="gc-line gc-c{number % len(COLOURS)}"{dashed} d="M{left:.1f} {at - 4:.1f}h24"/>')
        parts.append(_text(shorten(line.name, LONGEST_NAME), left + 30, at, "gc-name"))
    return parts


def _words(drawn: Chart) -> str:
    told = [
        f"{clean(line.name)} from {number_text(line.numbers[0])} to {number_text(line.numbers[-1])}"
        for line in drawn.lines
        if line.numbers
    ]
    return f"Over the {drawn.across}s: {'; '.join(told)}."


def _text(words: str, x: float, y: float, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


# --- scales -----------------------------------------------------------------------------------------------------------


def _scale(low: float, high: float, start: float, end: float, *, log: bool) -> Scale:
    if log:
        inner = _scale(math.log10(low), math.log10(high), start, end, log=False)
        return lambda number: inner(math.log10(number))
    if high <= low:
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    return lambda number: start + (number - low) / (high - low) * (end - start)


def ticks(low: float, high: float, *, log: bool, count: int = 5) -> list[float]:
    """Return a few round numbers between two.

    Examples
    --------
    >>> ticks(0, 9, log=False)
    [0, 2, 4, 6, 8]
    >>> ticks(0.02, 500, log=True)
    [0.1, 1.0, 10.0, 100.0]
    """
    if log:
        powers = [10.0**n for n in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
        whole = [power for power in powers if low <= power <= high]
        if len(whole) > 2:
            return whole[:: -(-len(whole) // count)]
        finer = [factor * power for power in powers for factor in (1, 2, 5) if low <= factor * power <= high]
        return finer if len(finer) > 1 else ticks(low, high, log=False)
    if not high > low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    made = [float(f"{place * step:.12g}") for place in range(first, last + 1)]
    return [int(tick) if tick == int(tick) and abs(tick) < 1e15 else tick for tick in made]
