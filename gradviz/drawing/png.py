"""Pixels as a PNG file, for a picture that is put into another."""

from __future__ import annotations

import base64
import struct
import zlib
from functools import lru_cache
from typing import Any

import numpy as np


def data_address(pixels: Any) -> str:
    """Return an address that has an image in itself.

    Parameters
    ----------
    pixels
        An array (rows, columns, 4) of bytes: red, green, blue, and how opaque it is.
    """
    rows, columns, _ = pixels.shape
    return _address(np.ascontiguousarray(pixels, np.uint8).tobytes(), rows, columns)


@lru_cache(maxsize=64)
def _address(raw: bytes, rows: int, columns: int) -> str:
    return "data:image/png;base64," + base64.b64encode(png(raw, rows, columns)).decode()


def png(raw: bytes, rows: int, columns: int) -> bytes:
    """Return a PNG file of 8 bits for each of four channels; `raw` has them pixel by pixel, row by row."""
    wide = 4 * columns
    lines = b"".join(b"\0" + raw[row * wide : (row + 1) * wide] for row in range(rows))  # 0: no filter
    header = struct.pack(">IIBBBBB", columns, rows, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines, 9)) + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
