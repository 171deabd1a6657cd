"""Pictures as PDF and PNG, by way of a library that is installed for it."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

PAGES = "to save a sequence of pictures as one .pdf, install what puts its pages together: pip install pypdf"
MISSING = "to save a picture as {ending}, install what converts it: pip install vl-convert-python (or save it as .svg)"
LONGEST_TITLE = 500
LARGEST = 16_000
"""Pixels along a side of a PNG: what viewers still open."""


def pdf(picture: str, title: str = "") -> bytes:
    """Return an SVG picture as a PDF of one page: vectors, text that can be selected, fonts embedded.

    Parameters
    ----------
    picture
        SVG text.
    title
        What a reader's window says in place of the file's name.

    Raises
    ------
    ImportError
        If the library for it is not installed; the message says how to install it.
    """
    return _in_order(_library(".pdf").svg_to_pdf(_readable(picture)), title)


def pages(pictures: Sequence[str], title: str = "") -> bytes:
    """Return SVG pictures as the pages of one PDF.

    Parameters
    ----------
    pictures
        SVG texts.
    title
        What a reader's window says in place of the file's name.

    Raises
    ------
    ImportError
        If a library for it is not installed; the message says how to install it.
    """
    try:
        from pypdf import PdfReader, PdfWriter
    except ImportError as error:
        raise ImportError(PAGES) from error
    writer = PdfWriter()
    for picture in pictures:
        writer.append(PdfReader(io.BytesIO(pdf(picture))))
    for page in writer.pages:
        page.compress_content_streams()
    writer.compress_identical_objects()  # each page brought the same fonts
    writer.add_metadata({"/Title": title[:LONGEST_TITLE]})
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


_REFERENCE = re.compile(rb"\b(\d+) 0 R\b")


def _in_order(made: bytes, title: str) -> bytes:
    """Number the objects of a PDF in the order in which one comes to them from its root, and write them in that order, with a title.

    The library numbers and lists them in any order; in one order, the same picture is the same file.
    """
    start = int(made[made.rindex(b"startxref") + 9 :].split()[0])
    table, trailer = made[start:].split(b"trailer", 1)
    entries = table.split(b"\n", 2)[2].splitlines()
    offsets = {number: int(entry[:10]) for number, entry in enumerate(entries) if entry[17:18] == b"n"}
    ordered = sorted(offsets.values())
    ends = dict(zip(ordered, [*ordered[1:], start], strict=True))
    objects: dict[int, tuple[bytes, bytes]] = {}
    # In UTF-16 every title can be written, and in hexadecimal digits none of its signs means anything.
    written = title[:LONGEST_TITLE].encode("utf-16-be", "replace").hex().upper().encode()
    named = b"/Title <FEFF%s>\n  " % written if title else b""
    for number, offset in offsets.items():
        text, mark, data = made[offset : ends[offset]].partition(b"stream\n")  # what is in a stream is no text
        text = re.sub(rb"(?:^ +/\w+ \d+ 0 R\n)+", lambda m: b"".join(sorted(m[0].splitlines(True))), text, flags=re.M)
        objects[number] = text.replace(b"/Producer", b"%s/Producer" % named), mark + data
    trailer = trailer.partition(b"startxref")[0]
    renumbered: dict[int, int] = {}
    waiting = [int(number) for number in reversed(_REFERENCE.findall(trailer))]
    while waiting:
        number = waiting.pop()
        if number not in renumbered:
            renumbered[number] = len(renumbered) + 1
            waiting += [int(found) for found in reversed(_REFERENCE.findall(objects[number][0]))]

    def new(text: bytes) -> bytes:
        return _REFERENCE.sub(lambda m: b"%d 0 R" % renumbered[int(m[1])], text)

    parts, lines = [made[: ordered[0]]], [b"0000000000 65535 f\r\n"]
    for number, own in renumbered.items():
        lines.append(b"%010d 00000 n\r\n" % sum(map(len, parts)))
        text, stream = objects[number]
        parts.append(new(re.sub(rb"^\d+ 0 obj", b"%d 0 obj" % own, text)) + stream)
    place = sum(map(len, parts))
    trailer = new(re.sub(rb"/Size \d+", b"/Size %d" % len(lines), trailer))
    end = b"trailer" + trailer + b"startxref\n%d\n%%%%EOF" % place
    return b"".join([*parts, b"xref\n0 %d\n" % len(lines), *lines, end])


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
    return _library(".png").svg_to_png(_readable(picture), scale=scale)


SYMBOLS = "'DejaVu Sans', 'Segoe UI', 'Lucida Grande', 'Arial Unicode MS', sans-serif"
_UNUSUAL = re.compile(r"<text\b(?=[^<]*>[^<]*[^\x00-\xff–—…−∂Σ√∞≈≤≥→←↑↓][^<]*</text>)(?![^>]*font-family)")


def _readable(picture: str) -> str:
    """Write a picture as the converter reads it."""
    # Its word for pixels with edges, which to browsers means nothing.
    return _with_fonts(picture).replace('image-rendering="pixelated"', 'image-rendering="optimizeSpeed"')


def _with_fonts(picture: str) -> str:
    """Name fonts that have them for texts with unusual signs, such as the superscript of a transpose.

    The converter, unlike a browser, gives up the font of the whole text for one sign that is not in it, and takes the
    first it finds: one with serifs.
    """
    return _UNUSUAL.sub(f'<text font-family="{SYMBOLS}"', picture)


def _library(ending: str) -> Any:
    try:
        import vl_convert
    except ImportError as error:
        raise ImportError(MISSING.format(ending=ending)) from error
    return vl_convert
