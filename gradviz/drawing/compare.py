"""Drawings of two recordings of one structure, side by side."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gradviz.drawing.drawing import Drawing, image_tag
from gradviz.drawing.scales import shared
from gradviz.drawing.shown import Shown
from gradviz.drawing.svg import size
from gradviz.drawing.writing import quoted
from gradviz.recording.compare import check_structure
from gradviz.recording.files import write_file

BETWEEN = 24.0
TITLE = 24.0


@dataclass(frozen=True)
class Comparison(Shown):
    """Two drawings of one structure, one above or beside the other. Evaluate it in a notebook cell to see it.

    Attributes
    ----------
    before, after
        The drawings.

    Examples
    --------
    >>> import gradviz as gv
    >>> w = gv.tensor(2.0, requires_grad=True)
    >>> before = gv.draw(w * 3).recording
    >>> w.data += 1.0
    >>> both = gv.draw(before, gv.draw(w * 3).recording)
    >>> both.to_svg().startswith("<svg")
    True
    """

    before: Drawing
    after: Drawing

    def diff(self) -> Drawing:
        """Return the drawing of what changed between the two."""
        return self.before.diff(self.after)

    def to_svg(self, *, prefix: str | None = None, panel: bool = False) -> str:
        """Return both pictures as one, in SVG text.

        Parameters
        ----------
        prefix
            Begins every id; by default derived from the recordings.
        panel
            Draw a background, so that the picture can be read on a page of any colour.
        """
        sizes = [tuple(map(math.ceil, size(drawing.view, drawing.layout))) for drawing in (self.before, self.after)]
        below = self.before.view.direction == "LR"  # long pictures one below the other, tall ones side by side
        titles = [drawing.recording.title for drawing in (self.before, self.after)]
        if titles[0] == titles[1]:
            titles = ["before", "after"]
        wide = max(w for w, _ in sizes) if below else sum(w for w, _ in sizes) + BETWEEN
        high = sum(h + TITLE for _, h in sizes) + BETWEEN if below else max(h for _, h in sizes) + TITLE
        name = prefix or f"{self.before.prefix}_{self.after.prefix[2:]}"
        label = f"{titles[0]} and {titles[1]}"
        parts = [
            f'<svg id="{name}" xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high:.0f}" '
            f'viewBox="0 0 {wide:.0f} {high:.0f}" role="group" aria-label={quoted(label)}>'
        ]
        if panel:
            parts.append(f'<rect width="{wide:.0f}" height="{high:.0f}" rx="8" fill="#ffffff"/>')
        x = y = 0.0
        for drawing, title, (w, h), part in zip((self.before, self.after), titles, sizes, "ab", strict=True):
            parts.append(
                f'<text x="{x + 12:.0f}" y="{y + 18:.0f}" font-family="Helvetica, Arial, sans-serif" font-size="14" '
                f'font-weight="700" fill="#59636e">{quoted(title)[1:-1]}</text>'
            )
            picture = drawing.to_svg(prefix=f"{name}_{part}", theme=drawing.paper_theme if panel else None)
            parts.append(picture.replace("<svg ", f'<svg x="{x:.0f}" y="{y + TITLE:.0f}" ', 1))
            x, y = (x, y + h + TITLE + BETWEEN) if below else (x + w + BETWEEN, y)
        parts.append("</svg>")
        return "\n".join(parts)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write both pictures to one ``.svg`` file, whole or not at all.

        Parameters
        ----------
        path
            Ends in ``.svg``.

        Raises
        ------
        ValueError
            For another ending.
        """
        if Path(path).suffix.lower() != ".svg":
            raise ValueError(f"cannot save a comparison as {os.fspath(path)!r}: the name must end in .svg")
        return write_file(path, self.to_svg())

    def __repr__(self) -> str:
        return f"<Comparison of {self.before!r} and {self.after!r}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        picture = self.to_svg(panel=True)
        return {"image/svg+xml": picture, "text/html": image_tag(picture, repr(self)), "text/plain": repr(self)}


def compare(before: Drawing, after: Drawing) -> Comparison:
    """Put two drawings of one structure next to each other, their heatmaps on one scale.

    Raises
    ------
    StructureError
        If they are not of one structure.
    """
    check_structure(before.recording, after.recording)
    scales = shared(drawing.view.scales for drawing in (before, after))
    both = []
    for drawing in (before, after):
        same = replace(drawing)
        object.__setattr__(same, "view", replace(drawing.view, scales=scales))
        both.append(same)
    return Comparison(*both)
