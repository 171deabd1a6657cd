"""What is kept of a large tensor for its picture: a few of its matrices, at their own resolution as far as there is room.

Of a leaf that may be an image (N, C, H, W or C, H, W with one channel or three, or H, W) its first images are kept; of any other
tensor of three axes and more, such as the maps of a convolution, its first matrices. Numbers are kept as half floats of a common
scale, which has them all to a part in two thousand, packed, as text.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz.recording.guards import DamageError
from gradviz.recording.model import FULL_VALUE_LIMIT, Pixels, RecordedTensor, Value
from gradviz.recording.told import Source

if TYPE_CHECKING:
    from gradviz.recording.applied import Operand

SIDE_OF_IMAGE, SIDE_OF_MAP = 64, 32
"""Pixels along a side; of more the means of blocks are kept."""

LEAST_SIDE = 8
MOST_IMAGES, MOST_MAPS = 4, 8
CHANNELS = (1, 3)

ROOM = 400_000
"""Pixels of all values in a recording together, and as many of all gradients: the first come first."""


def may_be_image(shape: tuple[int, ...]) -> bool:
    """Return True for the shapes of an image or several: (N, C, H, W), (C, H, W) with one channel or three, or (H, W)."""
    return 2 <= len(shape) <= 4 and min(shape[-2:]) >= LEAST_SIDE and (len(shape) == 2 or shape[-3] in CHANNELS)


def images_shown(count: int) -> int:
    """Return how many of so many images are shown: a few all, of many the first."""
    return count if count <= MOST_IMAGES else MOST_IMAGES - 1


def kept_shape(tensor: RecordedTensor | Operand) -> tuple[int, int, int] | None:
    """Return how many matrices of a tensor are kept for its picture, and their rows and columns; None for none."""
    shape = tensor.shape
    leaf = tensor.role not in ("intermediate", "output")
    if leaf and may_be_image(shape) and (len(shape) > 2 or tensor.role == "input"):
        channels = 1 if len(shape) == 2 else shape[-3]
        return images_shown(math.prod(shape[:-2]) // channels) * channels, *resolution(shape, SIDE_OF_IMAGE)
    if len(shape) < 3 or min(shape[-2:]) < LEAST_SIDE or (leaf and tensor.role == "parameter"):
        return None
    return min(math.prod(shape[:-2]), MOST_MAPS), *resolution(shape, SIDE_OF_MAP)


def resolution(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Return the rows and columns that are kept of the matrices of a tensor, which are blocks of a whole number of entries.

    Examples
    --------
    >>> resolution((3, 224, 224), 64), resolution((28, 28), 64)
    ((56, 56), (28, 28))
    """
    block = -(-max(shape[-2:]) // side)
    return -(-shape[-2] // block), -(-shape[-1] // block)


def in_blocks(matrices: Any, rows: int, columns: int) -> Any:
    """Return matrices of at most so many rows and columns: the means of blocks."""
    for axis, most in ((1, rows), (2, columns)):
        length = matrices.shape[axis]
        if length > most:
            edges = [place * length // most for place in range(most + 1)]
            lengths = np.array([end - start for start, end in pairwise(edges)]).reshape(
                [-1 if i == axis else 1 for i in range(3)]
            )
            with np.errstate(all="ignore"):
                matrices = np.add.reduceat(matrices, edges[:-1], axis=axis) / lengths
    return matrices


def pixels_of(array: Any, shape: tuple[int, int, int]) -> Pixels:
    """Keep of an array its first matrices, in so many rows and columns."""
    first = array.reshape(-1, *array.shape[-2:])[: shape[0]].astype(np.float64)
    matrices = in_blocks(first, *shape[1:])
    finite = np.abs(matrices[np.isfinite(matrices)])
    scale = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    with np.errstate(all="ignore"):
        packed = zlib.compress((matrices / scale).astype("<f2").tobytes(), 6)
    return Pixels(matrices.shape, scale, base64.b64encode(packed).decode())


def matrices_in(pixels: Pixels) -> Any:
    """Return the numbers that were kept, as an array of matrices.

    Raises
    ------
    DamageError
        If they are not as many as their shape says.
    """
    wanted = 2 * math.prod(pixels.shape)
    try:
        unpack = zlib.decompressobj()
        raw = unpack.decompress(base64.b64decode(pixels.data.encode("ascii"), validate=True), wanted + 1)
    except (binascii.Error, UnicodeEncodeError, zlib.error):
        raise DamageError("pixels that cannot be unpacked") from None
    if len(raw) != wanted or not unpack.eof:
        raise DamageError(f"pixels of another size than {list(pixels.shape)}")
    return np.frombuffer(raw, "<f2").astype(np.float64).reshape(pixels.shape) * pixels.scale


def matrices_of(value: Value) -> Any:
    """Return the first matrices of a value: all there are, or what was kept of them; None where nothing was."""
    if value.data is not None:
        shape = value.shape if len(value.shape) >= 2 else (1, *value.shape)
        return np.array(value.data, np.float64).reshape(-1, *shape[-2:])
    return None if value.image is None else matrices_in(value.image)


class Room:
    """How many pixels may still be kept."""

    def __init__(self) -> None:
        self.left = ROOM

    def take(self, tensor: RecordedTensor | Operand, source: Source, numbers: Any) -> Pixels | None:
        """Return what is kept of numbers for the picture of a tensor: if they are many, it has one, and there is room."""
        if len(tensor.shape) < 2 or math.prod(tensor.shape) <= FULL_VALUE_LIMIT:
            return None
        shape = kept_shape(tensor)
        if shape is None or self.left < (size := math.prod(shape)):
            return None
        self.left -= size
        return source.pixels(numbers, shape)
