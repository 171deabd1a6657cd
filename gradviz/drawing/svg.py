"""From a view, its layout and a face to SVG.

Every mark is ours; Graphviz has only said where. The light look is in plain presentation attributes, which Inkscape,
PowerPoint, LaTeX and typst read; the dark look is a style sheet over it. Every part that a step may change has an id.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from xml.sax.saxutils import escape

from gradviz.drawing.alarms import ALARM
from gradviz.drawing.bars import BAR, HEAD, Bars, columns
from gradviz.drawing.body import NUMBER_SIZE, ROW, STAT_SIZE
from gradviz.drawing.cells import Grid, grids, shade_paths, short
from gradviz.drawing.face import Face
from gradviz.drawing.layout import Layout, Point
from gradviz.drawing.options import Theme
from gradviz.drawing.palette import colours, inks
from gradviz.drawing.text import clean, mono_width
from gradviz.drawing.theme import (
    BACK,
    BARS,
    DISC,
    FAINT,
    GRADIENT,
    INK,
    LINE,
    MODULE,
    MONO,
    MUTED,
    PENDING,
    ROLES,
    SANS,
    VALUE,
    dark_style,
    print_style,
)
from gradviz.drawing.view import (
    CAPTION,
    CAPTION_SIZE,
    HEADER,
    LABEL_SIZE,
    NAME_SIZE,
    NOTE_LINE,
    NOTE_SIZE,
    PADDING,
    SHAPE_SIZE,
    Arrow,
    Card,
    Disc,
    View,
    symbol_size,
)

MARGIN = 12.0


def svg(
    view: View,
    layout: Layout,
    face: Face,
    *,
    prefix: str,
    theme: Theme = "auto",
    title: str = "",
    panel: bool = False,
) -> str:
    """Write a picture.

    Parameters
    ----------
    view, layout, face
        What there is, where it is, and what it shows.
    prefix
        Begins every id; letters, digits and underscores, unlike that of any other picture on the page.
    theme
        ``light``, ``dark``, or ``auto``: light, and dark where the reader prefers that.
    title
        For screen readers.
    panel
        Draw a background, so that the picture can be read on a page of any colour.

    Returns
    -------
    str
        An ``<svg>`` element, without an XML declaration, so that it can be put into a page as it is.
    """
    pen = Pen(view, layout, face, prefix)
    parts = [opening(view, layout, prefix, theme, title), *background(view, layout, panel)]
    parts += pen.modules()
    for mark in marks(view):
        parts += pen.draw(mark)
    parts += pen.legend()
    parts.append("</g></svg>")
    return "\n".join(parts)


LEGEND_HEIGHT, LEGEND_WIDTH = 26.0, 232.0


def size(view: View, layout: Layout) -> tuple[float, float]:
    """Return the width and height of a picture."""
    legends = sum(view.heatmaps)
    return (
        max(layout.width, legends * LEGEND_WIDTH) + 2 * MARGIN,
        layout.height + (LEGEND_HEIGHT if legends else 0) + 2 * MARGIN,
    )


def opening(view: View, layout: Layout, prefix: str, theme: Theme, title: str, below: float = 0) -> str:
    """Begin a picture; `below` leaves room under it."""
    wide, high = size(view, layout)
    high += below
    font = f"'{view.options.font}', {SANS}" if view.options.font else SANS
    scope = f"#{prefix}"
    look = {
        "light": "",
        "dark": dark_style(scope),
        "print": print_style(scope),
        "auto": f"@media (prefers-color-scheme:dark){{{dark_style(scope)}}}",
    }[theme]
    return (
        f'<svg id="{prefix}" class="gv" xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high:.0f}" '
        f'viewBox="0 0 {wide:.0f} {high:.0f}" role="group" aria-label={quoted(title)} font-family={quoted(font)}>'
        + (f"<style>{look}</style>" if look else "")
    )


def background(view: View, layout: Layout, panel: bool, below: float = 0) -> Iterator[str]:
    """Draw what everything stands on, and move the origin to the layout's."""
    wide, high = size(view, layout)
    if panel:
        yield f'<rect class="gv-panel" width="{wide:.0f}" height="{high + below:.0f}" rx="8" fill="#ffffff"/>'
    yield f'<g transform="translate({MARGIN:.0f} {MARGIN:.0f})">'


Mark = Card | Disc | Arrow


def marks(view: View) -> list[Mark]:
    """Return all marks in the order in which they are drawn.

    Arrows first; then cards and discs in the order of the computation, which is also the order in which the keyboard
    goes through them.
    """
    cards = {card.tensor.id: card for card in view.cards}
    ordered: dict[str, Mark] = {}
    for disc in view.discs:
        for argument in disc.operation.inputs:
            ordered.setdefault(argument.tensor, cards[argument.tensor])
        ordered[disc.operation.id] = disc
        for output in disc.operation.outputs:
            ordered[output] = cards[output]
    return [*view.arrows, *ordered.values(), *(card for id, card in cards.items() if id not in ordered)]


def quoted(text: str) -> str:
    """Write a text as the value of an attribute."""
    return '"' + escape(clean(text), {'"': "&quot;", "'": "&#39;"}) + '"'


def _box(x: float, y: float, wide: float, high: float, round_: float, look: str) -> str:
    return (
        f'<rect class="gv-box" x="{short(x)}" y="{short(y)}" width="{short(wide)}" height="{short(high)}" '
        f'rx="{short(round_)}" {look}/>'
    )


def _look(fill: str, stroke: str, thick: float, dashes: str = "") -> str:
    look = f'fill="{fill}" stroke="{stroke}" stroke-width="{thick}"'
    return look + (f' stroke-dasharray="{dashes}"' if dashes else "")


def text_mark(
    text: str, x: float, y: float, size: float, fill: str, kind: str, *, id: str = "", anchor: str = "", mono: bool = False,
    bold: bool = False,
) -> str:  # fmt: skip
    """Write a line of text that begins at a place, or ends or has its middle there."""
    attributes = f' id="{id}"' if id else ""
    attributes += f' class="{kind}" x="{short(x)}" y="{short(y)}" font-size="{size:g}" fill="{fill}"'
    attributes += f' text-anchor="{anchor}"' if anchor else ""
    attributes += f' font-family="{MONO}"' if mono else ""
    attributes += ' font-weight="700"' if bold else ""
    return f"<text{attributes}>{escape(clean(text))}</text>"


class Pen:
    """Draws the parts of one picture."""

    def __init__(self, view: View, layout: Layout, face: Face, prefix: str) -> None:
        self.view, self.layout, self.face, self.prefix = view, layout, face, prefix

    def legend(self) -> Iterator[str]:
        """Say once what the colours of heatmaps mean."""
        top, left = self.layout.height + 12.0, 0.0
        scales = (self.view.value_scale, self.view.gradient_scale)
        for shown, caption, scale in zip(self.view.heatmaps, self.view.options.captions, scales, strict=True):
            if not shown:
                continue
            yield '<g class="gv-legend">'
            yield text_mark(caption, left, top + 10, CAPTION_SIZE, MUTED, "gv-caption")
            start = left + CAPTION
            low, high = (self.view.options.number(end, 2) for end in (-scale, scale))
            yield text_mark(low, start + 40, top + 10, STAT_SIZE, MUTED, "gv-stat", anchor="end", mono=True)
            fills = colours([(place - 5) / 5 * scale for place in range(11)], scale, self.view.options.palette)
            steps = (f'<path d="M{place * 8} 0h8v10h-8z" fill="{fill}"/>' for place, fill in enumerate(fills))
            yield f'<g class="gv-cells" transform="translate({short(start + 46)} {short(top + 1)})">{"".join(steps)}</g>'
            yield text_mark(high, start + 140, top + 10, STAT_SIZE, MUTED, "gv-stat", mono=True)
            yield "</g>"
            left += LEGEND_WIDTH

    def draw(self, mark: Mark) -> Iterator[str]:
        """Draw a card, a disc or an arrow."""
        if isinstance(mark, Card):
            return self.card(mark)
        return self.disc(mark) if isinstance(mark, Disc) else self.arrow(mark)

    def _group(self, key: str, kind: str) -> str:
        """Open the group of a card or disc."""
        state = self.face.state.get(key, "forward")
        label = quoted(self.face.label.get(key, ""))
        return f'<g id="{self.prefix}_{key}" class="{kind} gv-{state}" tabindex="0" role="img" aria-label={label}>'

    def _is_pending(self, key: str) -> bool:
        return self.face.state.get(key) == "pending"

    def modules(self) -> Iterator[str]:
        """Frames around what belongs to a module, the outer ones first."""
        fill, stroke = MODULE
        order = sorted(self.view.clusters, key=lambda cluster: cluster.path.count("."))
        for cluster in order:
            box = self.layout.clusters.get(cluster.key)
            if box is None:
                continue
            yield f'<g id="{self.prefix}_{cluster.key}" class="gv-module">'
            look = f'fill="{fill}" stroke="{stroke}" stroke-dasharray="2 3"'
            yield _box(box.x, box.y, box.width, box.height, 12, look)
            yield text_mark(cluster.label, box.x + 12, box.y + 18, 12.5, MUTED, "gv-module-name")
            yield "</g>"

    def disc(self, disc: Disc) -> Iterator[str]:
        """Draw an operation."""
        key = disc.operation.id
        x, y = self.layout.centres[key]
        pending = self._is_pending(key)
        look, ink = _look(*(PENDING if pending else ALARM if disc.alarm else DISC)), MUTED if pending else INK
        yield self._group(key, "gv-disc gv-alarm" if disc.alarm else "gv-disc")
        if disc.round:
            yield f'<circle class="gv-box" cx="{short(x)}" cy="{short(y)}" r="{short(disc.width / 2)}" {look}/>'
        else:
            wide, high = disc.width, disc.height
            yield _box(x - wide / 2, y - high / 2, wide, high, min(high / 2, 18 if disc.bars is None else 10), look)
        size = symbol_size(disc.symbol)
        first = y - NOTE_LINE * len(disc.notes) / 2
        gap = 4 + 5 * disc.alarm
        if disc.bars is not None:
            top = y - disc.height / 2
            yield text_mark(disc.symbol, x, top + 19, NAME_SIZE, ink, "gv-symbol", anchor="middle", bold=True)
            yield from self._bars(key, disc.bars, x - disc.width / 2 + PADDING, top + HEADER)
            for place, note in enumerate(disc.notes, start=1):
                line = top + HEADER + disc.bars.height + NOTE_LINE * place
                yield text_mark(note, x, line, NOTE_SIZE, MUTED, "gv-note", anchor="middle")
            yield "</g>"
            return
        yield text_mark(disc.symbol, x, first + size * 0.35, size, ink, "gv-symbol", anchor="middle", bold=True)
        for place, note in enumerate(disc.notes, start=1):
            yield text_mark(note, x, first + gap + NOTE_LINE * place, NOTE_SIZE, MUTED, "gv-note", anchor="middle")
        yield "</g>"

    def _bars(self, key: str, bars: Bars, left: float, top: float) -> Iterator[str]:
        """Draw a softmax's or a loss's bars: a column of predictions, of targets and of differences."""
        face, prefix = self.face, self.prefix
        for line, label in enumerate(bars.labels):
            yield text_mark(label, left, top + bars.top(line) + 4, STAT_SIZE, MUTED, "gv-stat", mono=True)
        widths = columns(bars, left, mono_width("0", STAT_SIZE))
        parts = (("p", VALUE, "gv-value"), ("y", INK, "gv-number"), ("d", GRADIENT, "gv-grad"))
        for (part, ink, kind), (caption, start, end) in zip(parts, widths, strict=False):
            yield text_mark(caption, end, top + 11, CAPTION_SIZE, MUTED, "gv-caption", anchor="end")
            for line in range(len(bars.labels)):
                id, y = f"{key}_{part}{line}", top + bars.top(line) + 4
                text = face.text.get(id, "")
                yield text_mark(text, end, y, STAT_SIZE, ink, kind, id=f"{prefix}_{id}", anchor="end", mono=True)
            if part != "y":
                signed = part == "d" or bars.signed
                zero = start + (BAR / 2 if signed else 0)
                axis = f"M{short(zero)} {short(top + HEAD)}V{short(top + bars.height)}"
                yield f'<path class="gv-axis" d="{axis}" stroke="{FAINT}" fill="none"/>'
                where = f'transform="translate({short(start)} {short(top)})"'
                d, fill = face.path.get(f"{key}_b{part}", ""), BARS[part]
                yield f'<path id="{prefix}_{key}_b{part}" class="gv-bar-{part}" d="{d}" fill="{fill}" {where}/>'
            if part == "p" and len(bars.captions) > 1:
                d = face.path.get(f"{key}_by", "")
                look = f'class="gv-bar-y" stroke="{INK}" stroke-width="2" fill="none"'
                yield f'<path id="{prefix}_{key}_by" {look} d="{d}" {where}/>'

    def card(self, card: Card) -> Iterator[str]:
        """Draw a tensor."""
        key = card.tensor.id
        x, y = self.layout.centres[key]
        left, top = x - card.width / 2, y - card.height / 2
        look, ink = (
            _look(*(PENDING if self._is_pending(key) else ROLES[card.tensor.role])),
            MUTED if self._is_pending(key) else INK,
        )
        if card.form == "chip":
            yield from self._chip(card, x, y)
            return
        yield self._group(key, f"gv-card gv-role-{card.tensor.role}")
        yield _box(left, top, card.width, card.height, card.height / 2 if card.form == "pill" else 10, look)
        if card.form == "pill":
            yield text_mark(card.name, x, y + 4.5, NUMBER_SIZE, INK, "gv-number", anchor="middle", mono=True)
            yield "</g>"
            return
        yield text_mark(card.name, left + PADDING, top + 18.5, NAME_SIZE, ink, "gv-name", bold=True)
        if card.shape:
            right = left + card.width - PADDING
            yield text_mark(card.shape, right, top + 18, SHAPE_SIZE, MUTED, "gv-shape", anchor="end")
        for part, grid in grids(card, (x, y)).items():
            yield from self._numbers(card, part, grid, left)
        yield "</g>"

    def _chip(self, card: Card, x: float, y: float) -> Iterator[str]:
        """Draw an intermediate result on the line it travels: its name, its number over its gradient, or its shape."""
        key = card.tensor.id
        parts = [("v", VALUE, "gv-value")] * card.has_value + [("g", GRADIENT, "gv-grad")] * card.has_gradient
        lines = bool(card.name) + bool(card.shape) + len(parts)
        line = y + 4.5 - (lines - 1) / 2 * ROW
        yield self._group(key, f"gv-chip gv-role-{card.tensor.role}")
        if card.name:
            yield text_mark(card.name, x, line, SHAPE_SIZE, INK, "gv-name", anchor="middle", bold=True)
            line += ROW
        if card.shape:
            yield text_mark(card.shape, x, line, SHAPE_SIZE, MUTED, "gv-shape", anchor="middle")
        for part, ink, kind in parts:
            id = f"{key}_{part}0"
            text = self.face.text.get(id, "")
            yield text_mark(text, x, line, NUMBER_SIZE, ink, kind, id=f"{self.prefix}_{id}", anchor="middle", mono=True)
            line += ROW
        yield "</g>"

    def _numbers(self, card: Card, part: str, grid: Grid, left: float) -> Iterator[str]:
        """Draw a tensor's values, or its gradient: cells with numbers or colours, to the right of a caption."""
        body, key = card.body, f"{card.tensor.id}_{part}"
        caption = self.view.options.captions["vg".index(part)]
        ink, kind = (VALUE, "gv-value") if part == "v" else (GRADIENT, "gv-grad")
        middle = grid.y + body.cells_height / 2 + 4
        yield text_mark(caption, left + PADDING, middle - 6 * bool(body.note), CAPTION_SIZE, MUTED, "gv-caption")
        if body.note:
            yield text_mark(body.note, left + PADDING, middle + 7, NOTE_SIZE - 1, MUTED, "gv-caption")
        if body.kind in ("numbers", "empty"):
            for place, (x, y) in enumerate(body.corners()):
                right, line = grid.x + x + body.cell_width, grid.y + y + body.cell_height / 2 + 4.5
                text, id = self.face.text.get(f"{key}{place}", ""), f"{self.prefix}_{key}{place}"
                yield text_mark(text, right, line, NUMBER_SIZE, ink, kind, id=id, anchor="end", mono=True)
            return
        paths = "".join(shade_paths(body, self.face.fill.get(key, ""), inks(self.view.options.palette)))
        thick = body.cell_height - 1
        where = f'transform="translate({short(grid.x)} {short(grid.y + thick / 2)})" stroke-width="{thick:g}"'
        yield f'<g id="{self.prefix}_{key}" class="gv-cells" {where}>{paths}</g>'
        if body.kind == "preview":
            text, id = self.face.text.get(f"{key}s", ""), f"{self.prefix}_{key}s"
            right, line = left + card.width - PADDING, grid.y + body.cells_height + STAT_SIZE + 2
            yield text_mark(text, right, line, STAT_SIZE, ink, f"gv-stat {kind}", id=id, anchor="end", mono=True)

    def arrow(self, arrow: Arrow) -> Iterator[str]:
        """Draw an edge: its line, an arrowhead, and its label."""
        points = self.layout.splines.get(arrow.key)
        if points is None:
            return
        state = self.face.state.get(arrow.key, "forward")
        back = state == "backward"
        ink = BACK if back else FAINT if state == "pending" else LINE
        thick = self.face.width.get(arrow.key, 1.4)
        dashes = ' stroke-dasharray="4 3"' if state == "pending" else ""
        yield f'<g id="{self.prefix}_{arrow.key}" class="gv-edge gv-{state}" fill="{ink}">'
        yield (
            f'<path class="gv-line" d="{_path(points)}" fill="none" stroke="{ink}" stroke-width="{thick:g}"{dashes}/>'
        )
        tip, behind = (points[0], _behind(points)) if back else (points[-1], _behind(points[::-1]))
        kind = "backward" if back else "forward"  # where it points the other way at another step, the player adds one
        yield f'<path class="gv-head gv-head-{kind}" d="{_arrowhead(tip, behind)}"/>'
        if arrow.label:
            x, y = self.layout.labels.get(arrow.key) or _beside(points)
            text, id = self.face.text.get(f"{arrow.key}_l", ""), f"{self.prefix}_{arrow.key}_l"
            yield text_mark(text, x, y + 4, LABEL_SIZE, GRADIENT, "gv-local", id=id, anchor="middle")
        yield "</g>"


HEAD_LENGTH, HEAD_WIDTH, TRIM = 9.0, 7.5, 3.5


def _behind(points: tuple[Point, ...]) -> Point:
    """Return the first point of a spline that is not its beginning, for the direction it starts in."""
    return next((point for point in points[1:] if math.dist(point, points[0]) > 0.5), points[-1])


def _beside(points: tuple[Point, ...]) -> Point:
    """Return a place for a label that the layout has made no room for: near the head, where arrows are apart."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points[-4:]
    return (x0 + 3 * x1 + 3 * x2 + x3) / 8, (y0 + 3 * y1 + 3 * y2 + y3) / 8 - 8


def _towards(start: Point, end: Point, length: float) -> Point:
    distance = math.dist(start, end) or 1.0
    return (
        start[0] + (end[0] - start[0]) * length / distance,
        start[1] + (end[1] - start[1]) * length / distance,
    )


def _path(points: tuple[Point, ...]) -> str:
    """Write a spline that ends just short of what it joins, so that no line shows beyond an arrow's tip."""
    first = _towards(points[0], _behind(points), TRIM)
    last = _towards(points[-1], _behind(points[::-1]), TRIM)
    inner = [first, *points[1:-1], last]
    curves = " ".join(f"{short(x)},{short(y)}" for x, y in inner[1:])
    return f"M{short(inner[0][0])},{short(inner[0][1])} C{curves}"


def _arrowhead(tip: Point, behind: Point) -> str:
    base = _towards(tip, behind, HEAD_LENGTH)
    across = ((tip[1] - base[1]) * HEAD_WIDTH / (2 * HEAD_LENGTH), (base[0] - tip[0]) * HEAD_WIDTH / (2 * HEAD_LENGTH))
    to_corner = (base[0] + across[0] - tip[0], base[1] + across[1] - tip[1])
    place, first, second = (f"{short(x)},{short(y)}" for x, y in (tip, to_corner, (-2 * across[0], -2 * across[1])))
    return f"M{place}l{first} {second}z"
