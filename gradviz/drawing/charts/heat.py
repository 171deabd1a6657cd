"""Heat strips: rows over columns, a colour for each number on a logarithmic scale with true ticks, regions that are marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from gradviz.drawing.charts.geometry import fixed
from gradviz.drawing.charts.paper import SIZE, look, picture, text
from gradviz.drawing.text import shorten
from gradviz.drawing.text import width as text_width

LEVELS = (
    ("#fff8ee", "#2a1a0c"), ("#ffeedb", "#3b220c"), ("#fee3c3", "#4d2b0b"), ("#fdd2a2", "#62360a"), ("#fdbe7f", "#794209"),
    ("#fba75a", "#924f09"), ("#f48f3c", "#ac5d0b"), ("#e67822", "#c76e16"), ("#cf6312", "#df832e"), ("#ae4f09", "#f09a4c"),
    ("#893d06", "#fab675"), ("#642c05", "#ffd6a8"),
)  # fmt: skip
"""Colours from the smallest number to the largest, on light paper and on dark."""

MOST_DECADES = 12
"""So many powers of ten a scale shows; what is smaller has the first colour."""

DARK = (
    "<style>@media (prefers-color-scheme:dark){"
    + "".join(f".gh{n}{{fill:{dark}}}" for n, (_, dark) in enumerate(LEVELS))
    + ".gh-none{fill:#161b22;stroke:#57606a}.gh-mark{stroke:#e6edf3}.gh-halo{fill:#0d1117}"
    + "}</style>"
)
"""The colours on dark pages, as a style sheet: what makes a PNG or PDF has to be given the picture without it."""

HIGH, LOW, LONGEST = 22.0, 7.0, 26
"""Height of a row where there are few, and where there are many; the longest name."""


@dataclass(frozen=True)
class Strip:
    """One strip of a picture.

    Attributes
    ----------
    title
        What its numbers are.
    rows
        The numbers, row by row from the top; nan where there is none.
    marked, word
        Which cells are marked, row by row, and what is written there.
    """

    title: str
    rows: tuple[tuple[float, ...], ...]
    marked: tuple[tuple[bool, ...], ...]
    word: str = ""


@dataclass(frozen=True)
class Scale:
    """A logarithmic scale from one power of ten to another."""

    low: int
    high: int

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Scale:
        """Return the scale for some numbers."""
        known = [math.log10(one) for one in numbers if math.isfinite(one) and one > 0]
        if not known:
            return cls(-1, 0)
        high = math.ceil(max(known) - 1e-9)
        low = max(math.floor(min(known) + 1e-9), high - MOST_DECADES)
        return cls(min(low, high - 1), high)

    def level(self, number: float) -> int | None:
        """Return the number of a colour; ``None`` for what has none: nan, and no number at all."""
        if number != number:
            return None
        if number <= 0:
            return 0
        place = (min(math.log10(number), self.high) - self.low) / (self.high - self.low)
        return max(0, min(int(place * len(LEVELS)), len(LEVELS) - 1))


def heat_strips(
    title: str,
    words: str,
    strips: Sequence[Strip],
    rows: Sequence[str],
    columns: Sequence[str],
    across: str,
    below: Sequence[str] = (),
    below_name: str = "",
) -> tuple[str, float, float]:
    """Draw strips beside each other, with one scale each.

    Parameters
    ----------
    title, words
        Above them, and a line or two of what is to be seen.
    strips
        What is drawn.
    rows, columns
        The names of rows, from the top, and of columns.
    across
        What the columns are.
    below, below_name
        A number under each column, and what it is.

    Returns
    -------
    tuple
        SVG text, its width and its height.
    """
    high = max(LOW, min(HIGH, 460.0 / max(len(rows), 1)))
    left = 20 + max([text_width(shorten(name, LONGEST), SIZE) for name in [*rows, below_name, across]], default=0)
    room = (1216.0 - left) / len(strips) - 28 if len(strips) > 1 else 620.0
    alone = len(columns) == 1
    wide = 120.0 if alone else max(6.0, min(46.0, room / max(len(columns), 1)))
    span = max(wide * len(columns), 236.0)
    width = max(left + len(strips) * (span + 28) + 4, 560.0)
    title = _cut(title, width - 32)
    lines = _wrapped(words, width - 32)
    top = 34 + 16 * len(lines) + 28
    bottom = top + high * len(rows)
    parts = [text(title, 16, 26, "gc-title")]
    parts += [text(line, 16, 46 + 16 * n, "gc-tick") for n, line in enumerate(lines)]
    every = math.ceil(12.5 / high)
    for n, name in enumerate(rows):
        if (len(rows) - 1 - n) % every == 0:
            parts.append(text(shorten(name, LONGEST), left - 8, top + high * (n + 0.5) + 4, "gc-name", "end"))
    for n, strip in enumerate(strips):
        x = left + n * (span + 28)
        parts.append(text(strip.title, x, top - 9, "gc-name"))
        parts += _strip(strip, x, top, wide, high)
        if alone and high > 11:  # there is room for the numbers themselves
            for i, (number,) in enumerate(strip.rows):
                parts.append(text(shown(number), x + wide + 8, top + high * (i + 0.5) + 4, "gc-tick"))
        parts += _columns(columns, x, bottom, wide, below)
        parts += _legend(Scale.of([one for row in strip.rows for one in row]), x, bottom + (58 if below else 40))
    parts.append(text(across, left - 8, bottom + 16, "gc-tick", "end"))
    if below:
        parts.append(text(below_name, left - 8, bottom + 33, "gc-name", "end"))
    height = bottom + (98 if below else 80)
    svg = picture(title, words, parts, width, height)
    return svg.replace("</desc>", f"</desc>{DARK}", 1), width, height


def _strip(strip: Strip, left: float, top: float, wide: float, high: float) -> list[str]:
    scale = Scale.of([one for row in strip.rows for one in row])
    gap = 1.2 if min(wide, high) > 9 else 0.4
    parts = []
    for i, row in enumerate(strip.rows):
        for k, number in enumerate(row):
            level = scale.level(number)
            kind = 'class="gh-none" fill="none" stroke="#afb8c1" stroke-dasharray="2 2"'
            if level is not None:
                kind = f'class="gh{level}" fill="{LEVELS[level][0]}"'
            place = f'x="{fixed(left + k * wide)}" y="{fixed(top + i * high)}"'
            size = f'width="{fixed(wide - gap)}" height="{fixed(high - gap)}"'
            parts.append(f'<rect {kind} {place} {size} rx="1.5"><title>{escape(shown(number))}</title></rect>')
    border = _border(strip.marked, left - gap / 2, top - gap / 2, wide, high)
    if border:
        parts.append(f'<path class="gh-mark" d="{border}" fill="none" stroke="#1f2328" stroke-width="2.2"/>')
        parts += _word(strip, left, top, wide, high)
    return parts


def _border(marked: Sequence[Sequence[bool]], left: float, top: float, wide: float, high: float) -> str:
    """Return the outline of the cells that are marked."""
    rows, columns = len(marked), len(marked[0]) if marked else 0

    def on(i: int, k: int) -> bool:
        return 0 <= i < rows and 0 <= k < columns and marked[i][k]

    path = []
    for i in range(rows):
        for k in range(columns):
            if not on(i, k):
                continue
            x, y = left + k * wide, top + i * high
            path += [f"M{fixed(x)} {fixed(y)}h{fixed(wide)}"] * (not on(i - 1, k))
            path += [f"M{fixed(x)} {fixed(y + high)}h{fixed(wide)}"] * (not on(i + 1, k))
            path += [f"M{fixed(x)} {fixed(y)}v{fixed(high)}"] * (not on(i, k - 1))
            path += [f"M{fixed(x + wide)} {fixed(y)}v{fixed(high)}"] * (not on(i, k + 1))
    return "".join(path)


def _word(strip: Strip, left: float, top: float, wide: float, high: float) -> list[str]:
    """Write what the marked cells are into their middle, if there is room."""
    cells = _largest_part(strip.marked)
    low, most = min(i for i, _ in cells), max(i for i, _ in cells)
    first, last = min(k for _, k in cells), max(k for _, k in cells)
    need = text_width(strip.word, SIZE, bold=True) + 10
    if (last - first + 1) * wide < need or (most - low + 1) * high < 18:
        return []
    x, y = left + (first + last + 1) / 2 * wide, top + (low + most + 1) / 2 * high
    halo = f'<rect class="gh-halo" fill="#ffffff" x="{fixed(x - need / 2)}" y="{fixed(y - 9)}" width="{fixed(need)}" height="18" rx="4"/>'
    return [halo, text(strip.word, x, y + 4, "gc-bad", "middle")]


def _largest_part(marked: Sequence[Sequence[bool]]) -> list[tuple[int, int]]:
    """Return the marked cells that hang together, of all such groups those of the largest."""
    left = {(i, k) for i, row in enumerate(marked) for k, one in enumerate(row) if one}
    best: list[tuple[int, int]] = []
    while left:
        part, waiting = [], [left.pop()]
        while waiting:
            i, k = waiting.pop()
            part.append((i, k))
            near = left & {(i - 1, k), (i + 1, k), (i, k - 1), (i, k + 1)}
            left -= near
            waiting += near
        best = max(best, part, key=len)
    return best


def _columns(columns: Sequence[str], left: float, bottom: float, wide: float, below: Sequence[str]) -> list[str]:
    parts = []
    for names, down, kind in ((columns, 16, "gc-tick"), (below, 33, "gc-name")):
        need = max([text_width(one, SIZE) for one in names], default=0) + 6
        every = max(1, math.ceil(need / wide))
        for k, name in enumerate(names):
            if k % every == 0:
                parts.append(text(name, left + (k + 0.5) * wide, bottom + down, kind, "middle"))
    return parts


def _legend(scale: Scale, left: float, top: float) -> list[str]:
    """Draw the colours with the powers of ten where they are."""
    wide = 216.0 / len(LEVELS)
    parts = [
        f'<rect class="gh{n}" fill="{light}" x="{fixed(left + n * wide)}" y="{fixed(top)}" width="{fixed(wide)}" height="10"/>'
        for n, (light, _) in enumerate(LEVELS)
    ]
    decades = scale.high - scale.low
    every = math.ceil(decades / 5)
    for power in range(scale.low, scale.high + 1):
        x = left + 216.0 * (power - scale.low) / decades
        parts.append(f'<path {look("gc-axis")} d="M{fixed(x)} {fixed(top + 10)}v4"/>')
        if (power - scale.low) % every == 0:
            parts.append(text(power_of_ten(power), x, top + 26, "gc-tick", "middle"))
    return parts


_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def power_of_ten(power: int) -> str:
    """Write a power of ten: ``10⁻⁴``."""
    return str(10**power) if power in (0, 1) else f"10{str(power).translate(_RAISED)}"


def shown(number: float) -> str:
    """Write a number as the table has it."""
    return "none" if number != number else f"{number:.3g}".replace("-", "−")


def _cut(words: str, width: float) -> str:
    while len(words) > 8 and text_width(words, 15, bold=True) > width:
        words = f"{words[:-2].rstrip()}…"
    return words


def _wrapped(words: str, width: float) -> list[str]:
    lines: list[str] = []
    for word in words.split():
        if lines and text_width(f"{lines[-1]} {word}", SIZE) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
