"""A surface over one or two numbers, as a grid of heights; and its contours."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np

from gradviz.drawing.charts.geometry import Box, Scale, levels, path, with_room

Array = np.ndarray[Any, Any]

ASPECT = 350 / 270
"""How much wider than high a surface over two entries is drawn."""

FINER = 4
"""How much finer than the loss was computed the grid is along which its contours are drawn."""

MOST_IN_BAND = 0.5
"""Where more than this share of a surface would lie between two contours, they are chosen by how much of it lies below each."""

UNSEEN = 0.05
"""How far from a line a point may lie without being missed, in pixels."""


@dataclass(frozen=True)
class Relief:
    """The loss over one or two numbers.

    Attributes
    ----------
    x, y
        The values along the axes; `y` is empty where there is one number only.
    loss
        Of shape ``(len(y), len(x))``, or ``(len(x),)``; NaN where it is not finite.
    names
        Of the numbers.
    sentence
        What is shown, in words.
    """

    x: Array
    y: Array
    loss: Array
    names: tuple[str, ...]
    sentence: str

    @property
    def extent(self) -> tuple[float, float]:
        """The lowest and the highest finite loss."""
        finite = self.loss[np.isfinite(self.loss)]
        return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)

    def scales(self, box: Box) -> tuple[Scale, Scale]:
        """Return the scales of both axes; over one number the second one is that of the loss."""
        bottom, top = (float(self.y[0]), float(self.y[-1])) if self.y.size else with_room(*self.extent)
        return Scale(float(self.x[0]), float(self.x[-1]), box.left, box.right), Scale(bottom, top, box.bottom, box.top)

    def finer(self, times: int) -> Self:
        """Return the surface on a grid so many times as fine, for contours without corners.

        In between it is bent as it is on both sides, the less of both: a parabola is met exactly, and where the surface has a
        kink or a cliff, a straight line does not swing beyond it. What is no number is taken to be as high as the highest.
        """
        missing = ~np.isfinite(self.loss)
        if missing.all() or (missing.any() and not self.y.size):  # a curve has a gap there
            return self
        with np.errstate(all="ignore"):
            loss = _between(np.where(missing, self.loss[~missing].max(), self.loss), times)
            loss = _between(loss.T, times).T if self.y.size else loss
        x, y = (np.linspace(at[0], at[-1], (len(at) - 1) * times + 1) if at.size else at for at in (self.x, self.y))
        return replace(self, x=x, y=y, loss=loss)


def _between(values: Array, times: int) -> Array:
    """Interpolate along the last axis: each stretch by the parabola that is bent as little as the surface at its two ends."""
    bent = np.zeros_like(values)
    bent[..., 1:-1] = np.diff(values, 2)
    bent[..., 0], bent[..., -1] = bent[..., 1], bent[..., -2]
    a, b = bent[..., :-1, None], bent[..., 1:, None]
    bend = np.where(np.sign(a) == np.sign(b), np.where(np.abs(a) < np.abs(b), a, b), 0)
    t = np.arange(times) / times
    made = values[..., :-1, None] * (1 - t) + values[..., 1:, None] * t - bend * t * (1 - t) / 2
    return np.concatenate([made.reshape(*values.shape[:-1], -1), values[..., -1:]], axis=-1)


def bands(relief: Relief, x: Scale, y: Scale) -> Iterator[tuple[float, str]]:
    """Yield the bands of a surface over two numbers: the loss from which each goes up, and SVG's ``d``.

    Each is drawn over the one below, so that the surface darkens as it rises.
    """
    from contourpy import FillType, contour_generator

    low, high = relief.extent
    if not high > low:
        return
    loss = np.where(np.isfinite(relief.loss), relief.loss, high)
    found = contour_generator(relief.x, relief.y, loss, fill_type=FillType.OuterOffset)
    for level in _levels(loss):
        d = []
        for points, offsets in zip(*found.filled(level, math.inf), strict=True):
            for start, end in pairwise(offsets):
                across, up = points[start : end - 1].T
                ring = _needed(np.stack([x.places(across), y.places(up)], axis=1))
                d.append(f"{path(ring.tolist())}Z")
        if d:
            yield level, "".join(d)


def _levels(loss: Array) -> list[float]:
    """Return at which losses there is a contour; where a cliff would leave most of the surface in one band, as far apart as it is wide."""
    found = levels(float(loss.min()), float(loss.max()))
    band = np.bincount(np.searchsorted(found, loss.ravel()))
    if band.max() <= MOST_IN_BAND * loss.size:
        return found
    shares = (np.arange(len(found)) + 0.5) / len(found)
    return sorted(set(np.quantile(loss, shares).tolist()) - {float(loss.min())}) or found


def curve(relief: Relief, x: Scale, y: Scale) -> str:
    """Return the curve of a loss over one number, as SVG's ``d``; it has a gap where the loss is not finite."""
    parts: list[str] = []
    piece: list[tuple[float, float]] = []
    for a, b in [*zip(relief.x.tolist(), relief.loss.tolist(), strict=True), (math.nan, math.nan)]:
        if math.isfinite(b):
            piece.append((x(a), y(b)))
        elif piece:
            parts.append(path(piece))
            piece = []
    return "".join(parts)


def _needed(points: Array) -> Array:
    """Leave out the points of a line that lie, as far as one can see, straight between others (Ramer, Douglas and Peucker)."""
    kept = np.zeros(len(points), bool)
    kept[[0, -1]] = True
    waiting = [(0, len(points) - 1)]
    while waiting:
        start, end = waiting.pop()
        if end - start < 2:
            continue
        (across, down), beside = points[end] - points[start], points[start + 1 : end] - points[start]
        length = math.hypot(across, down)
        far = np.abs(across * beside[:, 1] - down * beside[:, 0]) / length if length else np.hypot(*beside.T)
        furthest = int(far.argmax())
        if far[furthest] > UNSEEN:
            place = start + 1 + furthest
            kept[place] = True
            waiting += [(start, place), (place, end)]
    return points[kept]
