"""A block's card as SVG."""

from __future__ import annotations

from collections.abc import Iterator

from gradviz.drawing.block import BARS, BETWEEN, CAPTION, CHART, LINE, NUMBER, SIDE, SMALL, TITLE, BlockCard
from gradviz.drawing.blocknumbers import OF_UPDATE, RATIO
from gradviz.drawing.face import Face
from gradviz.drawing.marks import box, look_of
from gradviz.drawing.sharing import BELOW, HEADER, Shared
from gradviz.drawing.text import mono_width, width
from gradviz.drawing.theme import BLOCK, FAINT, GRADIENT, INK, MUTED, PENDING, TINT, TINTS, VALUE, VALUES
from gradviz.drawing.writing import short, text_mark


def block_marks(
    card: BlockCard, key: str, prefix: str, face: Face, corner: tuple[float, float], pending: bool
) -> Iterator[str]:
    """Draw what is on a block's card, and its outline.

    Parameters
    ----------
    card
        What is said on it.
    key
        The operation's id.
    prefix
        Begins every id in the picture.
    face
        What it shows now.
    corner
        Its upper left corner.
    pending
        Whether it has not run yet.
    """
    yield box(*corner, card.width, card.height, 9, look_of(*(PENDING if pending else BLOCK)))
    yield f'<g transform="translate({short(corner[0])} {short(corner[1])})">'
    ink = MUTED if pending else INK
    if card.form == "step":
        yield text_mark(card.title, card.width / 2, 19, TITLE, ink, "gv-symbol", anchor="middle", bold=True)
    elif card.form == "small":
        yield text_mark(card.title, 8, 16, NUMBER, ink, "gv-symbol", bold=True)
        yield text_mark(card.subtitle, 8, 30, SMALL, MUTED, "gv-note")
    else:
        yield text_mark(card.title, SIDE, 19, TITLE, ink, "gv-symbol", bold=True)
        yield text_mark(card.subtitle, SIDE, 35, LINE, MUTED, "gv-note")
    if card.skip:
        yield from _skip(card)
    yield from _lines(card)
    yield from _charts(card, key, prefix, face)
    yield from _band(card, key, prefix, face)
    yield "</g>"


def weight_marks(
    shared: Shared, id: str, told: str | None, corner: tuple[float, float], wide: float, ink: str
) -> Iterator[str]:
    """Draw what is on a card of tensors that are drawn together.

    Parameters
    ----------
    shared
        What it says.
    id, told
        Of the norm of their gradients or update, and what it is now; ``None`` where it is not told.
    corner, wide
        The card's upper left corner, and its width.
    ink
        Of its name.
    """
    left, top = corner[0] + SIDE, corner[1]
    right = corner[0] + wide - SIDE
    yield text_mark(shared.name, left, top + 19, TITLE, ink, "gv-name", bold=True)
    line = top + HEADER + 8
    yield text_mark(shared.size, left, line, LINE, ink, "gv-number")
    line += BELOW
    for words in shared.lines:
        yield text_mark(words, left, line, LINE, MUTED, "gv-note", mono=True)
        line += BELOW
    if told is not None:
        what = RATIO if shared.update is None else OF_UPDATE
        yield text_mark(what, left, line, LINE, GRADIENT, "gv-grad")
        yield text_mark(told, right, line, NUMBER, GRADIENT, "gv-grad", id=id, anchor="end", mono=True)


def _skip(card: BlockCard) -> Iterator[str]:
    """A bow over a line, that comes back to it: something leads past what is inside."""
    right = card.width - SIDE
    start = right - width(card.skip, SMALL) - 28
    yield f'<path class="gv-skip" d="M{short(start)} 33h6m10 0h6m-16 -3h10v6h-10zM{short(start + 2)} 33v-7h17v6m-2.4 -2.6l2.4 2.8l2.4 -2.8" fill="none" stroke="{MUTED}" stroke-width="1.3"/>'
    yield text_mark(card.skip, right, 35, SMALL, MUTED, "gv-note", anchor="end")


def _lines(card: BlockCard) -> Iterator[str]:
    if card.rows.shapes is not None:
        left = SIDE
        for text, new in card.shapes:
            kind, ink = ("gv-number", INK) if new else ("gv-shape", MUTED)
            yield text_mark(text, left, card.rows.shapes, LINE, ink, kind, mono=True, bold=new)
            left += mono_width(text, LINE)
    if card.rows.parameters is not None:
        yield text_mark(card.parameters, SIDE, card.rows.parameters, LINE, INK, "gv-number")


def _charts(card: BlockCard, key: str, prefix: str, face: Face) -> Iterator[str]:
    rows = card.rows
    wide = card.width - 2 * SIDE
    if rows.charts is not None:
        top, (first, second) = rows.charts, card.charts
        charts = (
            ("ha", SIDE, first, VALUES, "gv-bar-v", "activations", VALUE, "gv-value"),
            ("hg", SIDE + first + BETWEEN, second, TINT, "gv-bar-g", "log |∂|", GRADIENT, "gv-grad"),
        )
        for part, left, room, fill, kind, caption, ink, words in charts:
            if part == "hg" and card.numbers.gradients is None:
                continue
            yield from _bars(f"{key}_{part}", prefix, face, (left, top), room, CHART, fill, kind)
            yield text_mark(caption, left, top + CHART + CAPTION - 2, SMALL, ink, words)
        if card.numbers.gradients is not None and card.numbers.gradients.zeros:
            text, id = face.text.get(f"{key}_z", ""), f"{prefix}_{key}_z"
            yield text_mark(text, SIDE + wide, top + CHART + CAPTION - 2, SMALL, MUTED, "gv-note", id=id, anchor="end")
    elif rows.bars is not None and card.form == "full":
        yield from _bars(f"{key}_e", prefix, face, (SIDE, rows.bars), wide, CHART, TINT, "gv-bar-g")
        line = rows.bars + CHART + CAPTION - 2
        yield text_mark("of each", SIDE, line, SMALL, GRADIENT, "gv-grad")
        text, id = face.text.get(f"{key}_es", ""), f"{prefix}_{key}_es"
        yield text_mark(text, SIDE + wide, line, SMALL, GRADIENT, "gv-grad", id=id, anchor="end", mono=True)
    elif rows.bars is not None and rows.passed is not None:
        passed = card.numbers.passed
        left = SIDE if len(passed) > 1 else card.width / 2 - 15
        yield from _bars(f"{key}_e", prefix, face, (left, rows.bars), card.width - SIDE - left, BARS, TINT, "gv-bar-g")
        d, id = face.path.get(f"{key}_c", ""), f"{prefix}_{key}_c"
        where = f'transform="translate({short(left)} {short(rows.bars)})"'
        yield f'<path id="{id}" class="gv-mark" d="{d}" {where} fill="none" stroke="{INK}" stroke-width="2"/>'
        line = rows.passed
        for name in ("h", "c"):
            if any(name in dict(step) for step in passed):
                yield text_mark(name, SIDE, line, NUMBER, INK, "gv-symbol", bold=True)
                text, id = face.text.get(f"{key}_{name}n", ""), f"{prefix}_{key}_{name}n"
                yield text_mark(
                    text, card.width - SIDE, line, LINE, GRADIENT, "gv-grad", id=id, anchor="end", mono=True
                )
                line += 14


def _bars(
    key: str, prefix: str, face: Face, corner: tuple[float, float], wide: float, high: float, fill: str, kind: str
) -> Iterator[str]:
    left, top = corner
    yield f'<path class="gv-axis" d="M{short(left)} {short(top + high)}h{short(wide)}" stroke="{FAINT}" fill="none"/>'
    where = f'transform="translate({short(left)} {short(top)})"'
    yield f'<path id="{prefix}_{key}" class="{kind}" d="{face.path.get(key, "")}" {where} fill="{fill}"/>'


def _band(card: BlockCard, key: str, prefix: str, face: Face) -> Iterator[str]:
    top = card.rows.band
    if top is None:
        return
    level = round(card.scales.ratios.share(card.numbers.ratio) * (len(TINTS) - 1))
    look = f'class="gv-tint{level}" fill="{TINTS[level]}" transform="translate(0 {short(top)})"'
    yield f'<path id="{prefix}_{key}_b" {look} d="{face.path.get(f"{key}_b", "")}"/>'
    small = card.form == "small"
    line = top + (13.5 if not small else 13)
    what = RATIO if card.numbers.update is None else OF_UPDATE
    yield text_mark(what.partition("/")[0] if small else what, 8 if small else SIDE, line, SMALL, INK, "gv-symbol")
    text, id = face.text.get(f"{key}_n", ""), f"{prefix}_{key}_n"
    right = card.width - (8 if small else SIDE)
    yield text_mark(text, right, line, NUMBER, INK, "gv-number", id=id, anchor="end", mono=True, bold=True)
