"""Where the entries of tensors stand in a picture, and heatmaps as one path for each shade.

The picture is drawn from these places, and the player finds by them which entry is under the pointer: no entry needs an
element of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gradviz.drawing.body import ROW, Body
from gradviz.drawing.layout import Layout
from gradviz.drawing.palette import DARK, MINUS_ON_DARK, MINUS_ON_PALE, NOT_YET, PALE
from gradviz.drawing.view import BETWEEN, CAPTION, HEADER, PADDING, Card, View


@dataclass(frozen=True, slots=True)
class Grid:
    """The entries of a tensor's value, or of its gradient, on its card.

    Attributes
    ----------
    x, y
        The top left of all cells, in pixels of the picture without its margin.
    body
        How many cells there are, and how large.
    """

    x: float
    y: float
    body: Body

    def encoded(self) -> dict[str, Any]:
        """Return this as plain JSON data, flat."""
        body = self.body
        return {
            "x": round(self.x, 1),
            "y": round(self.y, 1),
            "kind": body.kind,
            "rows": body.rows,
            "columns": body.columns,
            "wide": body.cell_width,
            "high": body.cell_height,
            "layers": body.layers,
            "across": body.across,
            "gap": body.gap,
            "raster": body.raster,
        }


def grids(card: Card, centre: tuple[float, float]) -> dict[str, Grid]:
    """Return where the entries of a card's value ("v") and gradient ("g") stand, for those that it shows."""
    parts = "v" * card.has_value + "g" * card.has_gradient
    body, (x, y) = card.body, centre
    if card.form == "chip":  # its lines are in its middle, the name first
        lines = bool(card.name) + bool(card.shape) + len(parts)
        top = y - lines / 2 * ROW + (bool(card.name) + bool(card.shape)) * ROW
        return {part: Grid(x - body.width / 2, top + place * ROW, body) for place, part in enumerate(parts)}
    left, top = x - card.width / 2 + PADDING, y - card.height / 2 + HEADER
    room = card.width - 2 * PADDING
    if body.kind in ("numbers", "empty"):
        left += room - body.columns * body.cell_width
    else:
        left += CAPTION + max(0.0, (room - CAPTION - body.width) / 2)
    return {part: Grid(left, top + place * (body.height + BETWEEN), body) for place, part in enumerate(parts)}


def all_grids(view: View, layout: Layout) -> dict[str, Grid]:
    """Return the grids of a whole picture, by the key of what they show: ``"t3_v"``."""
    return {
        f"{card.tensor.id}_{part}": grid
        for card in view.cards
        for part, grid in grids(card, layout.centres[card.tensor.id]).items()
    }


def shade_paths(body: Body, shades: str, colours: Mapping[str, str]) -> Iterator[str]:
    """Draw a heatmap: for each shade one path, with a stroke as thick as a cell through each cell of that shade.

    What is not known yet has a dot in its cell, as a number that is not known yet is written; what is negative has a minus.
    """
    strokes: dict[str, list[str]] = {}
    minus: dict[str, list[str]] = {}
    for place, shade in enumerate(shades[: body.count]):
        strokes.setdefault(shade, []).append(_strokes(body, DOT if shade == NOT_YET else 0.0)[place])
        if shade in DARK or shade in PALE:
            ink = MINUS_ON_DARK if shade in DARK else MINUS_ON_PALE
            minus.setdefault(ink, []).append(_strokes(body, MINUS * body.cell_width)[place])
    for shade, cells in strokes.items():
        thin = f' stroke-width="{DOT:g}"' if shade == NOT_YET else ""
        yield f'<path stroke="{colours[shade]}"{thin} d="{"".join(cells)}"/>'
    for ink, cells in minus.items():
        yield f'<path stroke="{colours[ink]}" stroke-width="{THIN:g}" d="{"".join(cells)}"/>'


DOT = 2.0
MINUS, THIN = 0.35, 1.2
"""How much of a cell a minus takes, and how thick it is."""


@lru_cache(maxsize=256)
def _strokes(body: Body, length: float) -> tuple[str, ...]:
    """Write a stroke of a length in the middle of each cell, or through it: the same for a shape."""
    length = length or body.cell_width - 1
    aside = (body.cell_width - 1 - length) / 2
    return tuple(f"M{x + aside:.4g} {y:.4g}h{length:.4g}" for x, y in body.corners())
