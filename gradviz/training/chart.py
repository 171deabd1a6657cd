"""A small line chart as SVG: the loss of a run, or of several on the same axes."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gradviz.drawing import image_tag
from gradviz.drawing.text import clean, shorten
from gradviz.recording import number_text
from gradviz.training import axes
from gradviz.training.axes import Scale, legend, legend_width, look, picture, saved, scale, text, ticks

WIDTH, HEIGHT = 640.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 20.0, 40.0, 44.0
EMPTY_LEFT, EMPTY_HEIGHT = 16.0, 72.0
INSIDE = "gc-inside"
ABOVE_THE_REST = 10.0
"""Of several lines, how much higher one may go than all begin; what is beyond runs out of the picture."""
GAP_BELOW = 0.08
"""How much room is left below the lines where the axis does not start at 0, as a share of their height."""
NOT_YET = "Nothing has been trained yet. Run this cell, then press play."


@dataclass(frozen=True)
class Line:
    """One line of a chart: a number for each step, from step 0 on; or for some of the steps, and then for which."""

    name: str
    numbers: tuple[float, ...]
    steps: tuple[int, ...] | None = None

    def step(self, k: int) -> int:
        """Return which step the k-th number is of."""
        return k if self.steps is None else self.steps[k]

    @property
    def end(self) -> int:
        """The last step."""
        return self.step(len(self.numbers) - 1) if self.numbers else 0


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

    @property
    def empty(self) -> bool:
        """Whether there is no number to draw yet."""
        return not any(line.numbers for line in self.lines)

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
        return saved(path, self.svg, (WIDTH, EMPTY_HEIGHT if self.empty else HEIGHT))

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
    if drawn.empty:
        return _empty(drawn)
    end = max(line.end for line in drawn.lines)
    right = WIDTH - RIGHT - (legend_width([line.name for line in drawn.lines]) if len(drawn.lines) > 1 else 0)
    low, high = _extent(drawn.lines, positive=drawn.log)
    low = _floor(low, high, log=drawn.log)
    x = scale(0, max(end, 1), LEFT, right, log=False)
    y = scale(low, high, HEIGHT - BOTTOM, TOP, log=drawn.log)
    parts = [text(drawn.title and shorten(drawn.title, 70), LEFT, 22, "gc-title")]
    for tick in ticks(low, high, log=drawn.log):
        parts.append(f'<path {look("gc-grid")} d="M{LEFT} {y(tick):.1f}H{right:.1f}"/>')
        parts.append(text(number_text(tick), LEFT - 8, y(tick) + 4, "gc-tick", "end"))
    for tick in ticks(0, max(end, 1), log=False):
        if tick == int(tick):
            parts.append(text(number_text(int(tick)), x(tick), HEIGHT - BOTTOM + 18, "gc-tick", "middle"))
    parts.append(f'<path {look("gc-axis")} d="M{LEFT} {HEIGHT - BOTTOM}H{right:.1f}"/>')
    parts.append(text(drawn.across, right, HEIGHT - 8, "gc-tick", "end"))
    parts.append(
        f'<clipPath id="{INSIDE}"><rect x="{LEFT}" y="{TOP - 4}" width="{right - LEFT + 4:.1f}" height="{HEIGHT - BOTTOM - TOP + 4}"/></clipPath>'
    )
    for number, line in enumerate(drawn.lines):
        parts.append(_line(line, number, x, y, log=drawn.log, pixels=right - LEFT))
        lost = next((k for k, n in enumerate(line.numbers) if not math.isfinite(n)), None)
        away = next((k for k, n in enumerate(line.numbers) if not n <= high), None)
        if len(drawn.lines) > 1 and away is not None:
            parts.append(_leaving(line, number, away, x, y))
        if lost is not None and len(drawn.lines) == 1:
            at = x(line.step(lost))
            parts.append(f'<path {look("gc-lost")} d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
            parts.append(
                text(f"{number_text(line.numbers[lost])} from here", at - 5, HEIGHT - BOTTOM - 8, "gc-bad", "end")
            )
    if len(drawn.lines) > 1:
        parts += legend([line.name for line in drawn.lines], right + 14, TOP)
    return picture(drawn.title, _words(drawn), parts, WIDTH, HEIGHT)


def _empty(drawn: Chart) -> str:
    """Say why there is nothing to see: a notebook keeps this picture of a player whose play button nobody has pressed."""
    parts = [
        text(drawn.title and shorten(drawn.title, 70), EMPTY_LEFT, 26, "gc-title"),
        text(NOT_YET, EMPTY_LEFT, 52, "gc-name"),
    ]
    return picture(drawn.title, NOT_YET, parts, WIDTH, EMPTY_HEIGHT)


def _floor(low: float, high: float, *, log: bool) -> float:
    """Return where the vertical axis begins: at 0 where that is near, else a little below the lines.

    A line that lay on the horizontal axis would look as if it had come down to 0.
    """
    if log:
        return low / (high / low) ** GAP_BELOW
    if 0 <= low < high / 2:
        return 0.0
    return low - GAP_BELOW * (high - low)


def _line(line: Line, number: int, x: Scale, y: Scale, *, log: bool, pixels: float) -> str:
    pieces = _pieces(line.numbers, log=log, most=int(pixels))
    path = "".join(
        "M"
        + "L".join(f"{x(line.step(k)):.1f} {max(-999.0, y(line.numbers[k])):.1f}" for k in piece)
        + ("h.01" if len(piece) == 1 else "")
        for piece in pieces
    )
    return f'<path {axes.line(number)} clip-path="url(#{INSIDE})" d="{path}"/>'


def _leaving(line: Line, number: int, away: int, x: Scale, y: Scale) -> str:
    """Draw an arrow where a line leaves the picture: before its step `away`."""
    at = x(line.step(away))
    if away and math.isfinite(line.numbers[away]) and line.numbers[away - 1] > 0:
        below, above = y(line.numbers[away - 1]), y(line.numbers[away])
        before = x(line.step(away - 1))
        at = before + (at - before) * (below - TOP) / (below - above)
    return f'<path {axes.line(number, dashed=False)} d="M{at - 5:.1f} {TOP + 1}l5 -7 5 7"/>'


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


def _words(drawn: Chart) -> str:
    told = [
        f"{clean(line.name)} from {number_text(line.numbers[0])} to {number_text(line.numbers[-1])}"
        for line in drawn.lines
        if line.numbers
    ]
    return f"Over the {drawn.across}s: {'; '.join(told)}."
