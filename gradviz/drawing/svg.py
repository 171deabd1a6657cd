"""From a view, its layout and a face to SVG.

Every mark is ours; Graphviz has only said where. The light look is in plain presentation attributes, which Inkscape,
PowerPoint, LaTeX and typst read; the dark look is a style sheet over it. Every part that a step may change has an id.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradviz.catalogue import text as words_of
from gradviz.drawing.alarms import ALARM
from gradviz.drawing.arrows import beside, one_line, two_lanes
from gradviz.drawing.bars import BAR, HEAD, Bars, columns
from gradviz.drawing.blockmarks import block_marks, weight_marks
from gradviz.drawing.body import NUMBER_SIZE, ROW, STAT_LINE, STAT_SIZE
from gradviz.drawing.cells import Grid, grids, shade_paths
from gradviz.drawing.face import THINNEST, Face
from gradviz.drawing.jumps import key_of, tag_marks
from gradviz.drawing.layout import Layout
from gradviz.drawing.legend import key_of_arrows, legend, legend_size
from gradviz.drawing.marks import box, look_of
from gradviz.drawing.options import Theme
from gradviz.drawing.palette import inks
from gradviz.drawing.text import lines, mono_width, shortened, width
from gradviz.drawing.theme import (
    BARS,
    DISC,
    FAINT,
    GRADIENT,
    INK,
    MODULE,
    MUTED,
    PENDING,
    ROLES,
    VALUE,
    dark_style,
    family,
    print_style,
)
from gradviz.drawing.view import (
    CAPTION_SIZE,
    DOT,
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
from gradviz.drawing.writing import quoted, short, text_mark

MARGIN = 12.0
CLUSTER_SIZE = 12.5


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
    parts += pen.tags()
    parts += pen.legend()
    parts.append("</g></svg>")
    return "\n".join(parts)


NOTE_WIDTH = 300.0
ABOVE_LEGENDS = 10.0


def size(view: View, layout: Layout) -> tuple[float, float]:
    """Return the width and height of a picture."""
    legends, _ = legend_size(view.scales, layout.width)
    wide = max(layout.width, legends, NOTE_WIDTH if _has_key(view) or view.note or view.about or view.remarks else 0)
    return wide + 2 * MARGIN, layout.height + below(view, layout) + 2 * MARGIN


def below(view: View, layout: Layout) -> float:
    """Return how much room the legends take under a picture, and what is said of it."""
    said = len(_note(view, layout)) + len(_told(view)) + _has_key(view)
    return _legends(view, layout) + NOTE_LINE * said + (4 if said else 0)


def _legends(view: View, layout: Layout) -> float:
    _, high = legend_size(view.scales, layout.width)
    return high + ABOVE_LEGENDS if high else 0.0


def _note(view: View, layout: Layout) -> list[tuple[str, str]]:
    """Return what is said below the picture, line by line, each with its hint."""
    room = max(layout.width, NOTE_WIDTH)
    jumps = words_of("jumps") if layout.tags else ""
    said = (*((remark, "") for remark in view.remarks), (view.note, view.hint), (jumps, ""), (view.about, ""))
    return [(line, hint) for words, hint in said if words for line in lines(words, room, NOTE_SIZE, 4)]


def _has_key(view: View) -> bool:
    """Return True if there are two kinds of arrows side by side, which are told apart below the picture."""
    return view.back == "beside"


def _told(view: View) -> list[str]:
    """Return the operations of which a sentence is said below the picture."""
    return [disc.operation.id for disc in view.discs if disc.block is not None and disc.block.told]


def opening(view: View, layout: Layout, prefix: str, theme: Theme, title: str, under: float = 0) -> str:
    """Begin a picture; `under` leaves room under it."""
    wide, high = size(view, layout)
    high += under
    scope = f"#{prefix}"
    look = {
        "light": "",
        "dark": dark_style(scope),
        "print": print_style(scope),
        "auto": f"@media (prefers-color-scheme:dark){{{dark_style(scope)}}}",
    }[theme]
    # A picture for a target is as large as that, unless it is smaller.
    target = view.options.target
    shrunk = 1.0
    if target is not None and target.shrinks:
        shrunk = min(1.0, target.width / wide, target.height / high)
    return (
        f'<svg id="{prefix}" class="gv" xmlns="http://www.w3.org/2000/svg" width="{wide * shrunk:.0f}" '
        f'height="{high * shrunk:.0f}" '
        f'viewBox="0 0 {wide:.0f} {high:.0f}" role="group" aria-label={quoted(title)} font-family={quoted(family(view.options.font))}>'
        + (f"<style>{look}</style>" if look else "")
    )


def background(view: View, layout: Layout, panel: bool, under: float = 0) -> Iterator[str]:
    """Draw what everything stands on, and move the origin to the layout's."""
    wide, high = size(view, layout)
    if panel:
        yield f'<rect class="gv-panel" width="{wide:.0f}" height="{high + under:.0f}" rx="8" fill="#ffffff"/>'
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
            if argument.tensor in cards:
                ordered.setdefault(argument.tensor, cards[argument.tensor])
        ordered[disc.operation.id] = disc
        for output in disc.operation.outputs:
            ordered[output] = cards[output]
    return [*view.arrows, *ordered.values(), *(card for id, card in cards.items() if id not in ordered)]


class Pen:
    """Draws the parts of one picture."""

    def __init__(self, view: View, layout: Layout, face: Face, prefix: str) -> None:
        self.view, self.layout, self.face, self.prefix = view, layout, face, prefix

    def legend(self) -> Iterator[str]:
        """Say once what the colours of heatmaps and the arrows mean, and what was folded."""
        layout, view = self.layout, self.view
        yield from legend(view.scales, view.options, layout.height + ABOVE_LEGENDS, layout.width)
        top = layout.height + _legends(view, layout) + 4
        if _has_key(view):
            yield from key_of_arrows(top + NOTE_LINE / 2)
            top += NOTE_LINE
        said = [(line, hint, "") for line, hint in _note(view, layout)]
        said += [(self.face.text.get(f"{id}_t", ""), "", f"{self.prefix}_{id}_t") for id in _told(view)]
        for place, (line, hint, id) in enumerate(said, start=1):
            y = top + NOTE_LINE * place - 3
            yield text_mark(line, 0, y, NOTE_SIZE, MUTED, "gv-note gv-fitted", id=id, hint=hint)

    def tags(self) -> Iterator[str]:
        """Draw the ends of arrows that jump."""
        for key, tag in self.layout.tags.items():
            yield from tag_marks(key, tag, self.view, self.layout.tags, self.layout.centres[key])

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
            boxes = self.layout.clusters.get(cluster.key, ())
            if not boxes:
                continue
            yield f'<g id="{self.prefix}_{cluster.key}" class="gv-module">'
            look = f'fill="{fill}" stroke="{stroke}" stroke-dasharray="2 3"'
            for frame in boxes:
                yield box(frame.x, frame.y, frame.width, frame.height, 12, look)
            room = boxes[0].width - 16
            label = cluster.label if width(cluster.label, CLUSTER_SIZE) <= room else cluster.brief
            label = shortened(label, room, CLUSTER_SIZE)
            yield text_mark(label, boxes[0].x + 12, boxes[0].y + 18, CLUSTER_SIZE, MUTED, "gv-module-name")
            yield "</g>"

    def disc(self, disc: Disc) -> Iterator[str]:
        """Draw an operation."""
        key = disc.operation.id
        x, y = self.layout.centres[key]
        if disc.block is not None:
            corner = (x - disc.width / 2, y - disc.height / 2)
            yield self._group(key, f"gv-disc gv-block gv-block-{disc.block.form}")
            yield from block_marks(disc.block, key, self.prefix, self.face, corner, self._is_pending(key))
            yield "</g>"
            return
        pending = self._is_pending(key)
        look, ink = look_of(*(PENDING if pending else ALARM if disc.alarm else DISC)), MUTED if pending else INK
        yield self._group(key, "gv-disc gv-alarm" if disc.alarm else "gv-disc")
        if disc.round:
            yield f'<circle class="gv-box" cx="{short(x)}" cy="{short(y)}" r="{short(disc.width / 2)}" {look}/>'
        else:
            wide, high = disc.width, disc.height
            yield box(x - wide / 2, y - high / 2, wide, high, min(high / 2, 18 if disc.bars is None else 10), look)
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
            look_of(*(PENDING if self._is_pending(key) else ROLES[card.tensor.role])),
            MUTED if self._is_pending(key) else INK,
        )
        if card.form == "chip":
            yield from self._chip(card, x, y)
            return
        yield self._group(key, f"gv-card gv-role-{card.tensor.role}")
        yield box(left, top, card.width, card.height, card.height / 2 if card.form == "pill" else 10, look)
        if card.form == "pill":
            yield text_mark(card.name, x, y + 4.5, NUMBER_SIZE, INK, "gv-number", anchor="middle", mono=True)
            yield "</g>"
            return
        if card.shared is not None:
            told = self.face.text.get(f"{key}_n") if card.shared.told else None
            yield from weight_marks(card.shared, f"{self.prefix}_{key}_n", told, (left, top), card.width, ink)
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
        if not lines:
            look = look_of(*(PENDING if self._is_pending(key) else ROLES[card.tensor.role]))
            yield f'<circle class="gv-box" cx="{short(x)}" cy="{short(y)}" r="{DOT / 2:g}" {look}/>'
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
        caption, note = self.view.options.captions["vg".index(part)], body.note
        if part == "g" and body.raster == "photo":
            caption, note = words_of("image of gradient"), words_of("of channels") if body.channels > 1 else ""
        ink, kind = (VALUE, "gv-value") if part == "v" else (GRADIENT, "gv-grad")
        middle = grid.y + body.cells_height / 2 + 4
        yield text_mark(caption, left + PADDING, middle - 6 * bool(note), CAPTION_SIZE, MUTED, "gv-caption")
        if note:
            yield text_mark(note, left + PADDING, middle + 7, NOTE_SIZE, MUTED, "gv-caption")
        if body.kind in ("numbers", "empty"):
            for place, (x, y) in enumerate(body.corners()):
                right, line = grid.x + x + body.cell_width, grid.y + y + body.cell_height / 2 + 4.5
                text, id = self.face.text.get(f"{key}{place}", ""), f"{self.prefix}_{key}{place}"
                yield text_mark(text, right, line, NUMBER_SIZE, ink, kind, id=id, anchor="end", mono=True)
            return
        if body.raster:
            look = "gv-photo" if body.raster == "photo" else "gv-cells"
            yield (
                f'<image id="{self.prefix}_{key}" class="{look}" x="{short(grid.x)}" y="{short(grid.y)}" '
                f'width="{body.width:g}" height="{body.cells_height:g}" preserveAspectRatio="none" '
                f'image-rendering="pixelated" href="{self.face.image.get(key, "")}"/>'
            )
        else:
            paths = "".join(shade_paths(body, self.face.fill.get(key, ""), inks(self.view.options.palette)))
            thick = body.cell_height - 1
            where = f'transform="translate({short(grid.x)} {short(grid.y + thick / 2)})" stroke-width="{thick:g}"'
            yield f'<g id="{self.prefix}_{key}" class="gv-cells" {where}>{paths}</g>'
        right, line = left + card.width - PADDING, grid.y + body.cells_height + STAT_SIZE + 2
        for words in body.said:
            yield text_mark(words, right, line, STAT_SIZE, MUTED, "gv-stat", anchor="end")
            line += STAT_LINE
        for place in range(2 * body.has_statistics):
            id = f"{key}s{place}"
            words = self.face.text.get(id, "")
            yield text_mark(
                words, right, line, STAT_SIZE, ink, f"gv-stat {kind}", id=f"{self.prefix}_{id}", anchor="end", mono=True
            )
            line += STAT_LINE

    def arrow(self, arrow: Arrow) -> Iterator[str]:
        """Draw an edge: its line, an arrowhead, its label; and beside it the lane on which a gradient comes back."""
        points = self.layout.splines.get(arrow.key)
        if points is None:
            return
        jumps = key_of(arrow.key) in self.layout.tags
        pieces = (self.layout.splines[key_of(arrow.tail)], points) if jumps else (points,)
        state = self.face.state.get(arrow.key, "forward")
        thick = self.face.width.get(arrow.key, THINNEST)
        yield f'<g id="{self.prefix}_{arrow.key}" class="gv-edge gv-{state}'
        if self.view.back == "beside" and arrow.carries_gradient:
            yield from two_lanes(pieces, self.layout.turns.get(arrow.key, ()), state, thick)
        else:
            yield from one_line(pieces, self.layout.turns.get(arrow.key, ()), state, thick)
        if arrow.label:
            x, y = self.layout.labels.get(arrow.key) or beside(points)
            text, id = self.face.text.get(f"{arrow.key}_l", ""), f"{self.prefix}_{arrow.key}_l"
            yield text_mark(text, x, y + 4, LABEL_SIZE, GRADIENT, "gv-local", id=id, anchor="middle")
        yield "</g>"
