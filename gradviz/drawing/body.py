"""How the numbers of a tensor are shown: in numbers where they fit, else as a heatmap, of what is large in means of blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from gradviz.drawing import room
from gradviz.drawing.options import Options
from gradviz.drawing.text import mono_width
from gradviz.recording import preview_shape
from gradviz.recording.model import RecordedTensor, Value

NUMBER_SIZE, STAT_SIZE = 13.0, 11.0
ROW, GAP, LAYER_GAP = 19.0, 10.0, 5.0

MOST_NUMBERS, LONGEST_LINE, WIDEST_LINE = 16, 8, 540.0
"""A tensor is shown in numbers where they fit: so many of them, so many in a row or a column, and so many pixels wide."""

HEATMAP_UP_TO = 12


@dataclass(frozen=True, slots=True)
class Body:
    """How the numbers of a tensor are shown.

    Attributes
    ----------
    kind
        ``numbers``, ``heatmap``, ``preview`` (a small heatmap of means, with a line of statistics), ``empty``, or
        ``none`` where no numbers are shown.
    rows, columns
        Of the cells shown.
    cell_width, cell_height
        Of one cell.
    layers, across
        A tensor with more than two axes is shown as several such matrices, so many of them side by side.
    note
        What is not shown: ``"8 of 64"`` layers.
    """

    kind: Literal["numbers", "heatmap", "preview", "empty", "none"]
    rows: int
    columns: int
    cell_width: float
    cell_height: float
    layers: int = 1
    across: int = 1
    note: str = ""

    @property
    def count(self) -> int:
        """How many cells there are."""
        return self.layers * self.rows * self.columns

    @property
    def width(self) -> float:
        """Width of all cells."""
        return self.across * (self.columns * self.cell_width + LAYER_GAP) - LAYER_GAP

    @property
    def cells_height(self) -> float:
        """Height of all cells."""
        down = -(-self.layers // self.across)
        return down * (self.rows * self.cell_height + LAYER_GAP) - LAYER_GAP

    @property
    def height(self) -> float:
        """Height of all cells, and of the line of statistics where there is one."""
        return self.cells_height + (STAT_SIZE + 5 if self.kind == "preview" else 0)

    def corners(self) -> tuple[tuple[float, float], ...]:
        """Return where each cell begins, from the top left of all."""
        wide, high = self.columns * self.cell_width + LAYER_GAP, self.rows * self.cell_height + LAYER_GAP
        return tuple(
            (
                layer % self.across * wide + column * self.cell_width,
                layer // self.across * high + row * self.cell_height,
            )
            for layer in range(self.layers)
            for row in range(self.rows)
            for column in range(self.columns)
        )


NO_BODY = Body("none", 0, 0, 0.0, 0.0)


def grid(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return how many matrices there are in a tensor, and their rows and columns: its last axis goes across."""
    rows, columns = ((1, 1, *shape) if len(shape) < 2 else shape)[-2:]
    return math.prod(shape[:-2]), rows, columns


def body_of(tensor: RecordedTensor, shown: list[Value], options: Options) -> Body:
    """Choose how the numbers of a tensor are shown: in numbers where they fit, else in colours; `shown` is all it ever shows."""
    layers, rows, columns = grid(tensor.shape)
    if layers * rows * columns == 0:
        return Body("empty", 1, 1, 40.0, ROW)
    stacked = layers * rows  # a few small matrices are as easy to read below each other
    if stacked * columns <= MOST_NUMBERS and max(stacked, columns) <= LONGEST_LINE:
        texts = [options.entry(value, place) for value in shown for place in range(len(value.data or ()))]
        longest = max((len(text) for text in texts), default=1)
        if columns == 1:
            return Body("numbers", stacked, 1, alone(room.room(longest, room.ALONE)), ROW)
        for length in (room.characters(longest, columns), longest):
            wide = mono_width("0" * length, NUMBER_SIZE) + GAP
            if columns * wide <= WIDEST_LINE:
                return Body("numbers", stacked, columns, wide, ROW)
    if layers > 1:
        return _layers(tensor, layers, rows, columns)
    if rows <= HEATMAP_UP_TO and columns <= HEATMAP_UP_TO:
        return Body("heatmap", rows, columns, 14.0, 12.0)
    _, rows, columns = grid(preview_shape(tensor.shape))
    return Body("preview", rows, columns, min(max(11.0, 132.0 / columns), 24.0), 11.0)


def alone(characters: int) -> float:
    """Return how wide the cell of a text is that has a row to itself: it may reach a little to the left, below its caption."""
    return mono_width("0" * (characters - 1), NUMBER_SIZE)


def _layers(tensor: RecordedTensor, layers: int, rows: int, columns: int) -> Body:
    """Several small heatmaps: the channels of an image, the heads of an attention."""
    whole = layers, rows, columns
    seen, rows, columns = shown = preview_shape(tensor.shape)
    cell = 11.0 if max(rows, columns) <= 4 else 7.0
    across = tensor.shape[-3] if seen == layers and 1 < tensor.shape[-3] <= 4 else min(seen, 4)
    note = f"{seen} of {layers:,}".replace(",", " ") if seen < layers else ""
    return Body("heatmap" if shown == whole else "preview", rows, columns, cell, cell, seen, across, note)
