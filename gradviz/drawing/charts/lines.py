"""A small line chart as SVG: the loss of a run, or of several on the same axes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gradviz.catalogue import text as told
from gradviz.drawing.charts import paper
from gradviz.drawing.charts.geometry import Box, fixed, plot, wants_log
from gradviz.drawing.charts.paper import legend, legend_width, look, picture, saved, text
from gradviz.drawing.drawing import image_tag
from gradviz.drawing.shown import Shown
from gradviz.drawing.text import clean, shorten
from gradviz.recording import number_text

WIDTH, HEIGHT = 640.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 20.0, 40.0, 44.0
EMPTY_LEFT, EMPTY_HEIGHT = 16.0, 72.0
INSIDE = "gc-inside"


@dataclass(frozen=True)
class Line:
    """One line of a chart: a number for each step, from step 0 on; or for some of the steps, and then for which.

    Its `style` is which colour it has and which dashes; by default it has those of its place among the lines.
    """

    name: str
    numbers: tuple[float, ...]
    steps: tuple[int, ...] | None = None
    style: tuple[int, int] | None = None

    @property
    def places(self) -> Sequence[int]:
        """The step of each number."""
        return range(len(self.numbers)) if self.steps is None else self.steps


@dataclass(frozen=True)
class Chart(Shown):
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
        log = wants_log([(line.places, line.numbers) for line in lines])
    return Chart(tuple(lines), clean(title), across, log)


def _svg(drawn: Chart) -> str:
    if drawn.empty:
        return _empty(drawn)
    names, styles = [line.name for line in drawn.lines], [line.style for line in drawn.lines]
    box = Box(LEFT, TOP, WIDTH - RIGHT - (legend_width(names) if len(names) > 1 else 0), HEIGHT - BOTTOM)
    made = plot([(line.places, line.numbers) for line in drawn.lines], box, log=drawn.log)
    left, top, right, bottom = map(fixed, (box.left, box.top, box.right, box.bottom))
    parts = [text(drawn.title and shorten(drawn.title, 70), LEFT, 22, "gc-title")]
    for tick in made.y.ticks:
        parts.append(f'<path {look("gc-grid")} d="M{left} {fixed(made.y(tick))}H{right}"/>')
        parts.append(text(number_text(tick), box.left - 8, made.y(tick) + 4, "gc-tick", "end"))
    for tick in made.x.ticks:
        parts.append(text(number_text(int(tick)), made.x(tick), box.bottom + 18, "gc-tick", "middle"))
    parts.append(f'<path {look("gc-axis")} d="M{left} {bottom}H{right}"/>')
    parts.append(text(drawn.across, box.right, HEIGHT - 8, "gc-tick", "end"))
    parts.append(
        f'<clipPath id="{INSIDE}"><rect x="{left}" y="{fixed(box.top - 4)}" width="{fixed(box.right - box.left + 4)}" '
        f'height="{fixed(box.bottom - box.top + 4)}"/></clipPath>'
    )
    for number, d in enumerate(made.paths):
        parts.append(f'<path {paper.line(number, styles[number])} clip-path="url(#{INSIDE})" d="{d}"/>')
    for number, at in made.leaving.items():
        d = f"M{fixed(at - 5)} {fixed(box.top + 1)}l5 -7 5 7"
        parts.append(f'<path {paper.line(number, styles[number], dashed=False)} d="{d}"/>')
    if made.lost is not None:
        k, at = made.lost
        words = f"{number_text(drawn.lines[0].numbers[k])} from here"
        parts.append(f'<path {look("gc-lost")} d="M{fixed(at)} {top}V{bottom}"/>')
        parts.append(text(words, at - 5, box.bottom - 8, "gc-bad", "end"))
    if len(names) > 1:
        parts += legend(names, box.right + 14, TOP, styles)
    return picture(drawn.title, _words(drawn), parts, WIDTH, HEIGHT)


def _empty(drawn: Chart) -> str:
    """Say why there is nothing to see: a notebook keeps this picture of a player whose play button nobody has pressed."""
    parts = [
        text(drawn.title and shorten(drawn.title, 70), EMPTY_LEFT, 26, "gc-title"),
        text(told("nothing yet", "training"), EMPTY_LEFT, 52, "gc-name"),
    ]
    return picture(drawn.title, told("nothing yet", "training"), parts, WIDTH, EMPTY_HEIGHT)


def _words(drawn: Chart) -> str:
    told = [
        f"{clean(line.name)} from {number_text(line.numbers[0])} to {number_text(line.numbers[-1])}"
        for line in drawn.lines
        if line.numbers
    ]
    return f"Over the {drawn.across}s: {'; '.join(told)}."
