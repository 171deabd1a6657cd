"""What charts are drawn with: marks on light and on dark paper, text, lines that can be told apart, a legend; and files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from gradviz.drawing.charts.geometry import COLOURS, colour_of, dash_at, dash_of, fixed
from gradviz.drawing.export import pdf, png
from gradviz.drawing.text import shorten
from gradviz.drawing.text import width as text_width
from gradviz.drawing.theme import SANS
from gradviz.recording.files import write_file

SIZE = 12.0
LONGEST_NAME = 24
MOST_NAMES = 16
"""Of the lines of a chart, how many are named."""

LIGHT = {
    "gc-paper": {"fill": "#ffffff"},
    "gc-title": {"fill": "#1f2328", "font-size": "15", "font-weight": "bold"},
    "gc-name": {"fill": "#1f2328", "font-size": "12"},
    "gc-tick": {"fill": "#59636e", "font-size": "12"},
    "gc-bad": {"fill": "#b3261e", "font-size": "12", "font-weight": "bold"},
    "gc-grid": {"stroke": "#d0d7de", "stroke-width": "0.8"},
    "gc-axis": {"stroke": "#59636e", "fill": "none"},
    "gc-lost": {"stroke": "#b3261e", "stroke-dasharray": "3 3"},
    "gc-curve": {"stroke": "#59636e", "stroke-width": "1.6", "fill": "none"},
    "gc-band": {
        "fill": "#0550ae", "fill-opacity": "0.06", "stroke": "#0550ae", "stroke-opacity": "0.35", "stroke-width": "0.7",
    },
    "gc-line": {"fill": "none", "stroke-width": "2", "stroke-linejoin": "round", "stroke-linecap": "round"},
    "gc-end": {"fill": "#ffffff"},
    **{f"gc-c{n}": {"stroke": light} for n, (light, _) in enumerate(COLOURS)},
}  # fmt: skip
"""How each kind of mark looks on light paper. It is written as attributes, which every program that reads SVG knows."""

DARK = {
    "gc-paper": "fill:#0d1117",
    "gc-title": "fill:#e6edf3",
    "gc-name": "fill:#e6edf3",
    "gc-tick": "fill:#9aa4af",
    "gc-bad": "fill:#ff8a7a",
    "gc-grid": "stroke:#3d444d",
    "gc-axis": "stroke:#9aa4af",
    "gc-lost": "stroke:#ff8a7a",
    "gc-curve": "stroke:#9aa4af",
    "gc-band": "fill:#79b8ff;fill-opacity:.07;stroke:#79b8ff",
    "gc-end": "fill:#0d1117",
    **{f"gc-c{n}": f"stroke:{dark}" for n, (_, dark) in enumerate(COLOURS)},
}
"""What is different where the page is dark, as a style sheet."""

STYLE = f"<style>@media (prefers-color-scheme:dark){{{''.join(f'.gc .{kind}{{{look}}}' for kind, look in DARK.items())}}}</style>"


def picture(title: str, words: str, parts: Sequence[str], width: float, height: float) -> str:
    """Put the parts of a chart together as SVG text, with its title and a description for those who do not see it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gc" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" font-family="{escape(SANS)}">'
        f"<title>{escape(title)}</title><desc>{escape(words)}</desc>{STYLE}"
        f'<rect {look("gc-paper")} width="{width:.0f}" height="{height:.0f}" rx="6"/>{"".join(parts)}</svg>'
    )


def look(*kinds: str) -> str:
    """Return the attributes of a mark: its kinds, and how they look on light paper."""
    attributes: dict[str, str] = {}
    for kind in kinds:
        attributes |= LIGHT[kind]
    return f'class="{" ".join(kinds)}" ' + " ".join(f'{name}="{value}"' for name, value in attributes.items())


def text(words: str, x: float, y: float, kind: str, anchor: str = "start") -> str:
    """Return a line of text at a place."""
    return f'<text {look(kind)} x="{fixed(x)}" y="{fixed(y)}" text-anchor="{anchor}">{escape(words)}</text>'


Style = tuple[int, int] | None
"""Which colour a line has, and which dashes; ``None`` for those of its number."""


def line(number: int, style: Style = None, *, dashed: bool = True) -> str:
    """Return what tells a line from others: its colour and its dashes."""
    colour, dash = (colour_of(number), dash_of(number)) if style is None else (colour_of(style[0]), dash_at(style[1]))
    dashes = f' stroke-dasharray="{dash}"' if dash and dashed else ""
    return f"{look('gc-line', f'gc-c{colour}')}{dashes}"


def legend_width(names: Sequence[str]) -> float:
    """Return how much room a legend needs."""
    return 44 + max(text_width(shorten(name, LONGEST_NAME), SIZE) for name in names)


def legend(names: Sequence[str], left: float, top: float, styles: Sequence[Style] = ()) -> list[str]:
    """Say which line is which."""
    parts = []
    looks = [*styles, *(None,) * (len(names) - len(styles))]
    for number, name in enumerate(names[:MOST_NAMES]):
        at = top + 12 + 16 * number
        parts.append(f'<path {line(number, looks[number])} d="M{fixed(left)} {fixed(at - 4)}h24"/>')
        parts.append(text(shorten(name, LONGEST_NAME), left + 30, at, "gc-name"))
    if len(names) > MOST_NAMES:
        more = f"and {len(names) - MOST_NAMES} more"
        parts.append(text(more, left + 30, top + 12 + 16 * MOST_NAMES, "gc-tick"))
    return parts


def saved(path: str | os.PathLike[str], svg: str, size: tuple[float, float], **others: Callable[[], str]) -> Path:
    """Write a picture to a file: ``.svg``, ``.pdf``, ``.png``, or as one of the others, by their endings.

    Raises
    ------
    ValueError
        For another ending.
    OSError
        If the file cannot be written; an older one stays as it was.
    """
    writers: dict[str, Callable[[], str | bytes]] = {
        ".svg": lambda: svg,
        # The library that makes these takes what is meant for dark pages as meant for all.
        ".pdf": lambda: pdf(svg.replace(STYLE, "")),
        ".png": lambda: png(svg.replace(STYLE, ""), *size),
        **{f".{ending}": writer for ending, writer in others.items()},
    }
    suffix = Path(path).suffix.lower()
    if suffix not in writers:
        raise ValueError(f"cannot save a chart as {os.fspath(path)!r}: the name must end in {', '.join(writers)}")
    return write_file(path, writers[suffix]())
