"""Tensors as images of their own: photographs in their colours, maps in those of the palette, a pixel for each entry or block.

Several stand side by side in one image, as the matrices of a heatmap do.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from gradviz.drawing.body import Body
from gradviz.drawing.palette import LEVELS, NOTHING, PALETTE_OF_PRINT, STRANGE, shades
from gradviz.drawing.photos import Photo
from gradviz.drawing.png import data_address
from gradviz.drawing.theme import GRADIENT
from gradviz.recording.model import Value
from gradviz.recording.pixels import in_blocks, matrices_of

LUMA = np.array([0.2126, 0.7152, 0.0722])
PALEST, FADED = 255, 0.35
"""Behind a saliency the image is pale: from white down by this share."""

DOTS_APART = 11.0
"""Pixels of the picture from one dot to the next, in what is not known yet."""


def numbers_in(value: Value, body: Body) -> Any:
    """Return the numbers behind the pixels of a raster, as matrices; None where too little was kept of them."""
    matrices = matrices_of(value)
    count = body.layers * body.channels
    if matrices is None or len(matrices) < count:
        return None
    return in_blocks(matrices[:count], body.rows, body.columns)


def map_raster(value: Value | None, body: Body, scale: float, palette: str) -> str:
    """Draw matrices in the colours of a palette."""
    numbers = None if value is None else numbers_in(value, body)
    if numbers is None:
        return waiting(body)
    return _mosaic(_colours(palette)[_levels(numbers, scale)], body)


def photo_raster(value: Value | None, body: Body, photo: Photo, palette: str) -> str:
    """Draw images in their own colours; in grey for print."""
    numbers = None if value is None else numbers_in(value, body)
    return waiting(body) if numbers is None else _mosaic(_opaque(_photo_bytes(numbers, photo, palette)), body)


def saliency_raster(
    gradient: Value | None, value: Value | None, body: Body, photo: Photo, scale: float, palette: str
) -> str:
    """Draw over a pale image how large its gradient is at each pixel: that of the channel where it is largest."""
    numbers = None if gradient is None else numbers_in(gradient, body)
    under = None if value is None else numbers_in(value, body)
    if numbers is None or under is None:
        return waiting(body)
    with np.errstate(all="ignore"):
        sizes = np.abs(numbers).reshape(body.layers, photo.channels, body.rows, body.columns).max(1)
        share = np.sqrt(np.clip(sizes / scale, 0, 1))[..., None]
    pale = PALEST - FADED * (255 - _photo_bytes(under, photo, PALETTE_OF_PRINT))
    mixed = pale + (np.array(_hue(palette)) - pale) * np.nan_to_num(share)
    strange = ~np.isfinite(sizes)[..., None]
    return _mosaic(_opaque(np.where(strange, _rgb(STRANGE), np.rint(mixed))), body)


def shade_of_saliency(share: float, palette: str) -> str:
    """Return the colour of a gradient whose root is this share of the largest one's, over white."""
    return "#{:02x}{:02x}{:02x}".format(*(round(255 + (part - 255) * share) for part in _hue(palette)))


def waiting(body: Body) -> str:
    """Draw the pixels of what is not known yet: some dots."""
    layer = np.zeros((body.rows, body.columns, 4), np.uint8)
    every = max(2, round(DOTS_APART / body.cell_width))
    layer[every // 2 :: every, every // 2 :: every] = (*_rgb(NOTHING), 255)
    return _mosaic(np.broadcast_to(layer, (body.layers, *layer.shape)), body)


def _levels(numbers: Any, scale: float) -> Any:
    """Return the places of numbers among the shades of a palette, as `palette.shaded` has them; one past the last for nan and inf."""
    with np.errstate(all="ignore"):
        levels = LEVELS + np.rint(np.copysign(LEVELS * np.sqrt(np.clip(np.abs(numbers) / scale, 0, 1)), numbers))
    return np.where(np.isfinite(numbers), np.nan_to_num(levels), 2 * LEVELS + 1).astype(int)


@cache
def _colours(palette: str) -> Any:
    return np.array([(*_rgb(code), 255) for code in (*shades(palette), STRANGE)], np.uint8)


def _photo_bytes(numbers: Any, photo: Photo, palette: str) -> Any:
    """Return the colours of images as bytes: (images, rows, columns, 3)."""
    with np.errstate(all="ignore"):
        shares = np.nan_to_num(np.clip((numbers - photo.low) / (photo.high - photo.low), 0, 1))
    planes = shares.reshape(-1, photo.channels, *shares.shape[1:]).transpose(0, 2, 3, 1)
    if photo.channels == 3 and palette == PALETTE_OF_PRINT:
        planes = (planes @ LUMA)[..., None]
    return np.rint(255 * np.broadcast_to(planes, (*planes.shape[:3], 3)))


def _hue(palette: str) -> tuple[int, int, int]:
    return (0, 0, 0) if palette == PALETTE_OF_PRINT else _rgb(GRADIENT)


def _rgb(code: str) -> tuple[int, int, int]:
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def _opaque(colours: Any) -> Any:
    return np.concatenate([colours, np.full((*colours.shape[:3], 1), 255.0)], axis=3).astype(np.uint8)


def _mosaic(layers: Any, body: Body) -> str:
    """Put layers beside and below each other, with nothing between them."""
    gap = round(body.gap / body.cell_width)
    down = -(-body.layers // body.across)
    rows, columns = body.rows + gap, body.columns + gap
    whole = np.zeros((down * rows - gap, body.across * columns - gap, 4), np.uint8)
    for place, layer in enumerate(layers):
        top, left = place // body.across * rows, place % body.across * columns
        whole[top : top + body.rows, left : left + body.columns] = layer
    return data_address(whole)
