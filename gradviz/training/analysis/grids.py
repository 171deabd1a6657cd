"""Runs of all combinations of two settings: which line has which colour and dashes, and a table of their last losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from gradviz.drawing.text import clean
from gradviz.recording import number_text

CELL = "text-align: right; padding: 3px 12px; border: 1px solid #d0d7de"
WORST, BEST = (241, 243, 245), (0, 122, 108)
"""From the largest loss to the smallest; a loss that diverges has no colour."""


@dataclass(frozen=True)
class Grid:
    """Two settings and their values, as the labels of runs name them.

    Attributes
    ----------
    names
        Of the settings: ``("lr", "momentum")``.
    first, second
        Their values, in the order in which they come.
    places
        By run: which of the first values it has, and which of the second.
    """

    names: tuple[str, str]
    first: tuple[str, ...]
    second: tuple[str, ...]
    places: tuple[tuple[int, int], ...]


def grid_of(labels: Sequence[str]) -> Grid | None:
    """Read the labels of runs as values of two settings.

    Returns
    -------
    Grid or None
        ``None`` where they are no two settings, or no two values of each.

    Examples
    --------
    >>> grid_of(["lr=0.1, momentum=0", "lr=0.1, momentum=0.9", "lr=1, momentum=0", "lr=1, momentum=0.9"]).places
    ((0, 0), (0, 1), (1, 0), (1, 1))
    """
    told = [[part.partition("=")[::2] for part in label.split(", ")] for label in labels]
    if not told or any(len(parts) != 2 or not all(name and value for name, value in parts) for parts in told):
        return None
    names = tuple(name for name, _ in told[0])
    if any(tuple(name for name, _ in parts) != names for parts in told):
        return None
    first, second = (tuple(dict.fromkeys(parts[at][1] for parts in told)) for at in (0, 1))
    if len(first) < 2 or len(second) < 2:
        return None
    places = tuple((first.index(one[1]), second.index(other[1])) for one, other in told)
    return Grid((names[0], names[1]), first, second, places)


def table(grid: Grid, losses: Sequence[float], diverging: Sequence[bool]) -> str:
    """Write the last losses as a table of the two settings, as HTML: the smaller, the darker; the smallest in a frame.

    Parameters
    ----------
    grid
        The settings.
    losses, diverging
        By run, its last loss, and whether it diverges.
    """
    by_place = {place: run for run, place in enumerate(grid.places)}
    good = [loss for loss, away in zip(losses, diverging, strict=True) if not away and math.isfinite(loss)]
    low, high = (min(good), max(good)) if good else (0.0, 1.0)
    rows = []
    for at, value in enumerate(grid.first):
        cells = []
        for other in range(len(grid.second)):
            run = by_place.get((at, other))
            if run is None:
                cells.append(f"<td style='{CELL}'></td>")
            elif diverging[run] or not math.isfinite(losses[run]):
                cells.append(f"<td style='{CELL}'>diverges</td>")
            else:
                cells.append(_cell(losses[run], low, high))
        rows.append(
            f"<tr><th scope='row' style='{CELL}'>{escape(clean(f'{grid.names[0]}={value}'))}</th>{''.join(cells)}</tr>"
        )
    heads = "".join(
        f"<th scope='col' style='{CELL}'>{escape(clean(f'{grid.names[1]}={value}'))}</th>" for value in grid.second
    )
    return (
        f"<table style='border-collapse: collapse; margin: 8px 0'><caption style='text-align: left'>last loss</caption>"
        f"<thead><tr><td style='{CELL}'></td>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _cell(loss: float, low: float, high: float) -> str:
    share = _share(loss, low, high)
    red, green, blue = (round(worst + (best - worst) * share) for worst, best in zip(WORST, BEST, strict=True))
    ink = "#ffffff" if share > 0.6 else "#1f2328"
    framed = "; outline: 3px solid #1f2328; outline-offset: -3px" if loss == low else ""
    return f"<td style='{CELL}; background: rgb({red}, {green}, {blue}); color: {ink}{framed}'>{number_text(loss)}</td>"


def _share(loss: float, low: float, high: float) -> float:
    """Return how good a loss is, from 0 to 1: by its logarithm, where all are above 0."""
    if high <= low:
        return 1.0
    if low > 0:
        return (math.log(high) - math.log(loss)) / (math.log(high) - math.log(low))
    return (high - loss) / (high - low)


def unique(labels: Sequence[str]) -> list[str]:
    """Number the labels that occur more than once.

    Examples
    --------
    >>> unique(["a", "b", "a"])
    ['a', 'b', 'a (2)']
    """
    made: list[str] = []
    for label in labels:
        own, count = label, 2
        while own in made:
            own, count = f"{label} ({count})", count + 1
        made.append(own)
    return made
