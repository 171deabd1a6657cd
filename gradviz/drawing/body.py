"""How the numbers of a tensor are shown: in numbers where they fit, else as a heatmap, of what is large in means of blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from gradviz.catalogue import text
from gradviz.drawing import room
from gradviz.drawing.options import Options
from gradviz.drawing.photos import Photo
from gradviz.drawing.text import mono_width
from gradviz.recording import number_text, preview_shape
from gradviz.recording.model import RecordedTensor, Value
from gradviz.recording.pixels import (
    LEAST_SIDE,
    MOST_MAPS,
    SIDE_OF_IMAGE,
    SIDE_OF_MAP,
    images_shown,
    resolution,
)
from gradviz.recording.values import is_whole

NUMBER_SIZE, STAT_SIZE = 13.0, 11.0
ROW, GAP, LAYER_GAP, STAT_LINE = 19.0, 10.0, 5.0, 14.0

MOST_NUMBERS, LONGEST_LINE, WIDEST_LINE = 16, 8, 540.0
"""A tensor is shown in numbers where they fit: so many of them, so many in a row or a column, and so many pixels wide."""

HEATMAP_UP_TO = 12


Kind = Literal["numbers", "heatmap", "preview", "image", "empty", "none"]


@dataclass(frozen=True, slots=True)
class Body:
    """How the numbers of a tensor are shown.

    Attributes
    ----------
    kind
        ``numbers``, ``heatmap``, ``preview`` (a small heatmap of means, with two lines of statistics), ``image`` (whose
        pixels are none of the entries that are kept), ``empty``, or ``none`` where no numbers are shown.
    rows, columns
        Of the cells shown.
    cell_width, cell_height
        Of one cell.
    layers, across
        A tensor with more than two axes is shown as several such matrices, so many of them side by side.
    note
        What is not shown: ``"8 of 64"`` layers.
    gap
        Between layers.
    raster
        Whether it is an image of its own with a pixel for each cell, as what has many cells is: ``"maps"`` in the colours of the
        palette, or a ``"photo"``.
    channels
        How many matrices make a layer of a photo.
    said
        Lines below the cells: what of them is shown.
    """

    kind: Kind
    rows: int
    columns: int
    cell_width: float
    cell_height: float
    layers: int = 1
    across: int = 1
    note: str = ""
    gap: float = LAYER_GAP
    raster: Literal["", "maps", "photo"] = ""
    channels: int = 1
    said: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many cells there are."""
        return self.layers * self.rows * self.columns

    @property
    def width(self) -> float:
        """Width of all cells."""
        return self.across * (self.columns * self.cell_width + self.gap) - self.gap

    @property
    def cells_height(self) -> float:
        """Height of all cells."""
        down = -(-self.layers // self.across)
        return down * (self.rows * self.cell_height + self.gap) - self.gap

    @property
    def height(self) -> float:
        """Height of all cells, and of the lines below them."""
        lines = len(self.said) + 2 * self.has_statistics
        return self.cells_height + (STAT_LINE * lines + 2 if lines else 0)

    @property
    def has_statistics(self) -> bool:
        """Whether there are two lines of statistics below the cells."""
        return self.raster != "photo" and self.kind in ("preview", "image")

    @property
    def coloured(self) -> bool:
        """Whether numbers are shown as colours."""
        return self.kind in ("heatmap", "preview", "image")

    def corners(self) -> tuple[tuple[float, float], ...]:
        """Return where each cell begins, from the top left of all."""
        wide, high = self.columns * self.cell_width + self.gap, self.rows * self.cell_height + self.gap
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


def _are_whole(values: list[Value]) -> bool:
    """Say whether all of them are known in full."""
    return all(is_whole(value) or value.image is not None for value in values)


def body_of(tensor: RecordedTensor, shown: list[Value], options: Options, photo: Photo | None = None) -> Body:
    """Choose how the numbers of a tensor are shown: in numbers where they fit, else in colours; `shown` is all it ever shows."""
    if photo is not None and _are_whole(shown):
        return _photos(tensor, shown, photo)
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
    if len(tensor.shape) > 2 and min(rows, columns) >= LEAST_SIDE < max(rows, columns) and shown and _are_whole(shown):
        return _maps(tensor, shown, layers)
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
    note = text("so many", part=seen, whole=_many(layers)) if seen < layers else ""
    return Body("heatmap" if shown == whole else "preview", rows, columns, cell, cell, seen, across, note)


def _maps(tensor: RecordedTensor, shown: list[Value], layers: int) -> Body:
    """Maps at their own resolution, as far as it is kept: those of a convolution, the heads of an attention."""
    seen, rows, columns = _most(tensor, shown, min(layers, MOST_MAPS), SIDE_OF_MAP)
    cell = float(min(max(64 // max(rows, columns), 1), 7))
    heads = tensor.shape[-3]
    across = heads if seen == layers and 1 < heads <= 4 else min(seen, 4)
    kind = _kind(shown, seen == layers and (rows, columns) == tensor.shape[-2:])
    note = text("so many", part=seen, whole=_many(layers)) if seen < layers else ""
    said = _resized(tensor.shape, rows, columns)
    return Body(kind, rows, columns, cell, cell, seen, across, note, _gap(cell), "maps", said=said)


def _photos(tensor: RecordedTensor, shown: list[Value], photo: Photo) -> Body:
    """One image, or some of a batch side by side."""
    count = math.prod(tensor.shape[:-2]) // photo.channels
    kept, rows, columns = _most(tensor, shown, images_shown(count) * photo.channels, SIDE_OF_IMAGE)
    seen = max(kept // photo.channels, 1)
    cell = float(min(max(round((112 if seen == 1 else 84) / max(rows, columns)), 1), 8))
    said = [text("so many images", part=seen, whole=_many(count))] if seen < count else []
    said += _resized(tensor.shape, rows, columns)
    if photo.told:
        said.append(text("black to white", low=number_text(photo.low, 2), high=number_text(photo.high, 2)))
    every = seen == count and (rows, columns) == tensor.shape[-2:]
    kind = "image" if photo.channels > 1 else _kind(shown, every)
    gap, channels = _gap(cell), photo.channels
    return Body(kind, rows, columns, cell, cell, seen, seen, "", gap, "photo", channels, tuple(said))


def _kind(shown: list[Value], every: bool) -> Kind:
    """Return what the pixels of a raster are: entries, if `every` one is there, or blocks of them; or neither, where none are kept."""
    if any(value.data is None for value in shown):
        return "image"
    return "heatmap" if every else "preview"


def _most(tensor: RecordedTensor, shown: list[Value], layers: int, side: int) -> tuple[int, int, int]:
    """Return how many matrices can be shown of all values, and their rows and columns."""
    rows, columns = resolution(tensor.shape, side)
    for value in shown:
        if value.data is None and value.image is not None:
            kept = value.image.shape
            layers, rows, columns = min(layers, kept[0]), min(rows, kept[1]), min(columns, kept[2])
    return layers, rows, columns


def _resized(shape: tuple[int, ...], rows: int, columns: int) -> tuple[str, ...]:
    if (rows, columns) == shape[-2:]:
        return ()
    return (text("resized", whole=f"{shape[-2]}×{shape[-1]}", part=f"{rows}×{columns}"),)


def _gap(cell: float) -> float:
    """Return about the usual gap: a whole number of cells, which have a pixel each."""
    return max(1, round(LAYER_GAP / cell)) * cell


def _many(count: int) -> str:
    return f"{count:,}".replace(",", " ")
