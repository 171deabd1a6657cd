"""Padding, interpolation, and the arrangement of pixels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine.layout import in_rows
from gradviz.engine.operation import general
from gradviz.nn.operations.convolution import Geometry, columns, image_of
from gradviz.nn.operations.pooling import separable

Pads = tuple[tuple[int, int], ...]


def padded(self: np.ndarray, pads: Pads, value: float) -> np.ndarray:
    """Put constants around an array; a negative number cuts entries off."""
    inner = tuple(slice(max(-a, 0), size - max(-b, 0)) for (a, b), size in zip(pads, self.shape, strict=True))
    return np.pad(self[inner], [(max(a, 0), max(b, 0)) for a, b in pads], constant_values=value)


def _unpadded(grad: Any, pads: Pads) -> Any:
    back = tuple((-a, -b) for a, b in pads)
    return padded(grad, back, 0) if isinstance(grad, np.ndarray) else constant(grad, back, 0)


constant = general(
    "pad",
    "ConstantPadNdBackward0",
    "pad",
    in_rows(padded),
    "self",
    {"self": lambda grad, pads: _unpadded(grad, pads)},
    settings="pads value",
    expression="pad(self)",
    local={"self": "pad_T(grad)"},
)

reflection = {
    axes: separable("reflection_pad", f"ReflectionPad{axes}DBackward0", "pad", saves=True) for axes in (1, 2, 3)
}
replication = {
    axes: separable("replication_pad", f"ReplicationPad{axes}DBackward0", "pad", saves=True) for axes in (1, 2, 3)
}
circular = separable("circular_pad", "CircularPadBackward0", "pad")

upsample = {
    name: separable("interpolate", f"Upsample{name}Backward0", "resize")
    for name in (
        "Nearest1D", "Nearest2D", "Nearest3D", "NearestExact1D", "NearestExact2D", "NearestExact3D", "Linear1D", "Bilinear2D",
        "Bicubic2D", "Trilinear3D",
    )
}  # fmt: skip


def border(size: int, before: int, after: int, mode: str) -> np.ndarray:
    """Return the matrix that pads an axis with copies of its entries: reflected, replicated, or from the other end.

    Negative numbers cut entries off: from the result; where the end is wrapped around, before that.
    """
    start, end = max(-before, 0), max(-after, 0)
    first, last = max(before, 0), max(after, 0)
    if mode == "circular":
        kept = size - start - end
        return np.eye(size)[start : size - end][np.arange(-first, kept + last) % kept]
    places = np.arange(-first, size + last)
    if mode == "reflect":
        places = np.abs(places)
        places = np.where(places >= size, 2 * (size - 1) - places, places)
    else:
        places = np.clip(places, 0, size - 1)
    return np.eye(size)[places[start : len(places) - end]]


def resized(mode: str, size: int, count: int, scale: float | None, align_corners: bool) -> np.ndarray:
    """Return the matrix that makes `count` entries of an axis, which is stretched by `scale`, if that is not their ratio."""
    ratio = 1 / scale if scale else size / count
    if mode.startswith("nearest"):
        return nearest(size, count, ratio, exact=mode == "nearest-exact")
    if align_corners:
        ratio = (size - 1) / (count - 1) if count > 1 else 0.0
    return (cubic if mode == "bicubic" else linear)(size, count, ratio, align_corners)


def nearest(size: int, count: int, scale: float, *, exact: bool) -> np.ndarray:
    """Return the matrix that takes the nearest entry of an axis for each of `count` new ones."""
    places = np.floor((np.arange(count) + (0.5 if exact else 0.0)) * scale).astype(int)
    return np.eye(size)[np.minimum(places, size - 1)]


def _sources(count: int, scale: float, align_corners: bool) -> np.ndarray:
    """Where the new entries lie among the old ones."""
    return np.arange(count) * scale if align_corners else (np.arange(count) + 0.5) * scale - 0.5


def linear(size: int, count: int, scale: float, align_corners: bool) -> np.ndarray:
    """Return the matrix that interpolates an axis between the two entries on either side."""
    sources = np.maximum(_sources(count, scale, align_corners), 0)
    low = np.minimum(sources.astype(int), size - 1)
    high = np.minimum(low + 1, size - 1)
    share = np.clip(sources - low, 0, 1)[:, None]
    return np.eye(size)[low] * (1 - share) + np.eye(size)[high] * share


def cubic(size: int, count: int, scale: float, align_corners: bool) -> np.ndarray:
    """Return the matrix that interpolates an axis by a cubic through four entries (Keys 1981, with a = −0.75)."""
    a = -0.75
    sources = _sources(count, scale, align_corners)
    low = np.floor(sources).astype(int)
    t = sources - low
    far: Callable[[Any], Any] = lambda x: ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    near: Callable[[Any], Any] = lambda x: ((a + 2) * x - (a + 3)) * x * x + 1
    matrix = np.zeros((count, size))
    for step, weight in zip((-1, 0, 1, 2), (far(t + 1), near(t), near(1 - t), far(2 - t)), strict=True):
        matrix += np.eye(size)[np.clip(low + step, 0, size - 1)] * weight[:, None]
    return matrix


# --- windows as columns ------------------------------------------------------------------------------------------------


def _unfold(self: np.ndarray, kernel: tuple[int, ...], geometry: Geometry) -> np.ndarray:
    channels = self.shape[1] * math.prod(kernel)
    windows = math.prod(geometry.outputs(self.shape[2:], kernel))
    laid = columns(self, kernel, geometry).reshape(channels, self.shape[0], windows)
    return np.ascontiguousarray(np.moveaxis(laid, 0, 1))


def _fold(self: np.ndarray, size: tuple[int, ...], kernel: tuple[int, ...], geometry: Geometry) -> np.ndarray:
    channels = self.shape[1] // math.prod(kernel)
    laid = np.moveaxis(self, 1, 0).reshape(1, self.shape[1], self.shape[0] * self.shape[2])
    return image_of(laid, (self.shape[0], channels, *size), kernel, geometry)


def _fold_back(grad: Any, size: tuple[int, ...], kernel: tuple[int, ...], geometry: Geometry) -> Any:
    return _fold(grad, size, kernel, geometry) if isinstance(grad, np.ndarray) else fold(grad, size, kernel, geometry)


def _unfold_back(grad: Any, kernel: tuple[int, ...], geometry: Geometry) -> Any:
    return _unfold(grad, kernel, geometry) if isinstance(grad, np.ndarray) else unfold(grad, kernel, geometry)


unfold = general(
    "unfold",
    "Im2ColBackward0",
    "windows",
    _unfold,
    "self",
    {"self": lambda grad, self_sym_sizes, kernel, geometry: _fold_back(grad, self_sym_sizes[2:], kernel, geometry)},
    settings="kernel geometry",
    expression="windows(self)",
    local={"self": "fold(grad)"},
)
fold = general(
    "fold",
    "Col2ImBackward0",
    "fold",
    _fold,
    "self",
    {"self": lambda grad, kernel, geometry: _unfold_back(grad, kernel, geometry)},
    settings="size kernel geometry",
    expression="fold(self)",
    local={"self": "windows(grad)"},
)


# --- pixels and channels -----------------------------------------------------------------------------------------------


def _shuffle(self: np.ndarray, factor: int) -> np.ndarray:
    *lead, channels, high, wide = self.shape
    parts = self.reshape(*lead, channels // factor**2, factor, factor, high, wide)
    n = len(lead)
    order = (*range(n + 1), n + 3, n + 1, n + 4, n + 2)
    return parts.transpose(order).reshape(*lead, channels // factor**2, high * factor, wide * factor)


def _unshuffle(self: np.ndarray, factor: int) -> np.ndarray:
    *lead, channels, high, wide = self.shape
    parts = self.reshape(*lead, channels, high // factor, factor, wide // factor, factor)
    n = len(lead)
    order = (*range(n + 1), n + 2, n + 4, n + 1, n + 3)
    return parts.transpose(order).reshape(*lead, channels * factor**2, high // factor, wide // factor)


def _shuffled_back(grad: Any, factor: int) -> Any:
    return _unshuffle(grad, factor) if isinstance(grad, np.ndarray) else pixel_unshuffle(grad, factor)


def _unshuffled_back(grad: Any, factor: int) -> Any:
    return _shuffle(grad, factor) if isinstance(grad, np.ndarray) else pixel_shuffle(grad, factor)


pixel_shuffle = general(
    "pixel_shuffle",
    "PixelShuffleBackward0",
    "shuffle",
    in_rows(_shuffle),
    "self",
    {"self": lambda grad, factor: _shuffled_back(grad, factor)},
    settings="factor",
    expression="pixel_shuffle(self)",
    local={"self": "pixel_shuffle_inverse(grad)"},
)
pixel_unshuffle = general(
    "pixel_unshuffle",
    "PixelUnshuffleBackward0",
    "unshuffle",
    in_rows(_unshuffle),
    "self",
    {"self": lambda grad, factor: _unshuffled_back(grad, factor)},
    settings="factor",
    expression="pixel_unshuffle(self)",
    local={"self": "pixel_unshuffle_inverse(grad)"},
)


def _dealt(self: np.ndarray, groups: int) -> np.ndarray:
    batch, channels, *rest = self.shape
    packs = self.reshape(batch, groups, channels // groups, *rest)
    return np.ascontiguousarray(packs.swapaxes(1, 2)).reshape(self.shape)


def _dealt_back(grad: Any, groups: int) -> Any:
    back = np.shape(grad)[1] // groups
    return _dealt(grad, back) if isinstance(grad, np.ndarray) else channel_shuffle(grad, back)


channel_shuffle = general(
    "channel_shuffle",
    "ChannelShuffleBackward0",
    "shuffle",
    _dealt,
    "self",
    {"self": _dealt_back},
    settings="groups",
    expression="channel_shuffle(self)",
    local={"self": "channel_shuffle_inverse(grad)"},
)
