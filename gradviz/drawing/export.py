"""Pictures as PDF and PNG, by way of a library that is installed for it."""

from __future__ import annotations

import re
from typing import Any

MISSING = (
    "to save a picture as {ending}, install what converts it: pip install 'gradviz-studio[export]' (or save it as .svg)"
)
LARGEST = 16_000
"""Pixels along a side of a PNG: what viewers still open."""


def pdf(picture: str) -> bytes:
    """Return an SVG picture as a PDF of one page: vectors, text that can be selected, fonts embedded.

    Raises
    ------
    ImportError
        If the library for it is not installed; the message says how to install it.
    """
    made = _library(".pdf").svg_to_pdf(picture)
    # The library lists a page's resources in any order; in one order, the same picture is the same file.
    return re.sub(
        rb"(?:^ +/\w+ \d+ 0 R\n)+", lambda lines: b"".join(sorted(lines[0].splitlines(True))), made, flags=re.M
    )


def png(picture: str, width: float, height: float, scale: float = 2.0) -> bytes:
    """Return an SVG picture as a PNG image with a transparent background.

    Parameters
    ----------
    picture
        SVG text.
    width, height
        Its size in pixels.
    scale
        How many pixels of the image there are to one of the picture: 2 is sharp on most screens.

    Raises
    ------
    ImportError
        If the library for it is not installed.
    ValueError
        If the image would be too large for any viewer.
    """
    if not 0 < scale * max(width, height) <= LARGEST:
        raise ValueError(
            f"scale={scale!r} makes an image of {scale * width:.0f} × {scale * height:.0f} pixels; the longer side can be "
            f"{LARGEST}: use a smaller scale, or save as .svg or .pdf"
        )
    return _library(".png").svg_to_png(picture, scale=scale)


def _library(ending: str) -> Any:
    try:
        import vl_convert
    except ImportError as error:
        raise ImportError(MISSING.format(ending=ending)) from error
    return vl_convert
