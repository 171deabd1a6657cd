"""Arrows that lead far: in place of a line over several rows, a numbered tag where it leaves and one where it arrives.

A skip of a U-Net or a weight that is used again at the end is a line that one has to follow; a number is found at a glance. So it is
where many lines lead side by side past what stands between, as in a DenseNet, of which each layer reads all before it. Tags are laid
out as everything else is, so that they have room of their own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from gradviz.catalogue import text
from gradviz.drawing.text import shortened, width
from gradviz.drawing.theme import INK, LINE, MUTED
from gradviz.drawing.view import NOTE_SIZE, View
from gradviz.drawing.writing import short, text_mark

HIGH, ROUND = 20.0, 8.5
"""The height of a tag, and the radius of the circle around its number."""

BEFORE_WORDS, AFTER = 22.0, 8.0
LONGEST = 118.0
"""How wide the words of a tag may be."""


AGAIN, MOST_PAST = 3, 3
"""A result that so many operations use is used again and again; and so many lines may lead past the same place."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One end of an arrow that jumps.

    Attributes
    ----------
    number
        The same at both ends.
    beside
        The id of what it stands at.
    leaves
        Whether arrows lead to it, and go on where its number comes again; or one comes from it.
    width
        Of all of it.
    """

    number: int
    beside: str
    leaves: bool
    width: float


def key_of(key: str) -> str:
    """Return the key of the tag where an arrow arrives; or of that where all arrows of one tensor leave."""
    return f"{key}_j"


def past(view: View, centres: Mapping[str, tuple[float, float]]) -> frozenset[str]:
    """Return the arrows that lead from results that are used again and again past other operations, if they are too many to be followed.

    Parameters
    ----------
    view
        What was laid out.
    centres
        Where everything is, by its id.
    """
    along = 0 if view.direction == "LR" else 1
    uses = Counter(arrow.tail for arrow in view.arrows)
    again = {card.tensor.id for card in view.cards if card.tensor.producer and uses[card.tensor.id] >= AGAIN}
    stops = sorted(centres[disc.operation.id][along] for disc in view.discs)
    found, crossing = list[str](), [0] * len(stops)
    for arrow in view.arrows:
        if arrow.tail in again:
            start, end = (centres[id][along] for id in (arrow.tail, arrow.head))
            between = range(bisect_right(stops, start), bisect_left(stops, end))
            found += [arrow.key] * bool(between)
            for place in between:
                crossing[place] += 1
    return frozenset(found if max(crossing, default=0) > MOST_PAST else ())


def tags_of(view: View, jumps: Collection[str]) -> dict[str, Tag]:
    """Return the tags of some arrows, by their keys.

    Parameters
    ----------
    view
        What there is to draw.
    jumps
        The keys of the arrows.
    """
    tags: dict[str, Tag] = {}
    found = [arrow for arrow in view.arrows if arrow.key in jumps]
    tails = {arrow.tail for arrow in found}
    order = [card.tensor.id for card in view.cards] + [disc.operation.id for disc in view.discs]
    numbers = {id: number for number, id in enumerate((id for id in order if id in tails), start=1)}
    for arrow in found:
        number = numbers[arrow.tail]
        words = _widths(said(view, [other.head for other in found if other.tail == arrow.tail], leaves=True))
        tags[key_of(arrow.tail)] = Tag(number, arrow.tail, True, words)
        tags[key_of(arrow.key)] = Tag(number, arrow.head, False, _widths(said(view, [arrow.tail], leaves=False)))
    return tags


def _widths(words: str) -> float:
    return round(BEFORE_WORDS + min(width(words, NOTE_SIZE), LONGEST) + AFTER) if words else HIGH


def said(view: View, others: Collection[str], *, leaves: bool) -> str:
    """Say where an arrow goes on, or comes from; nothing where it has no name."""
    names = {name for name in map(_names(view).get, others) if name}
    if len(names) != 1 or len(others) > 1:
        return ""
    return text("jump to" if leaves else "jump from", name=names.pop())


def _names(view: View) -> Mapping[str, str]:
    # Of weights that blocks share, the module.
    found = {card.tensor.id: card.name.partition(":")[0] if card.shared else card.name for card in view.cards}
    words = {disc.operation.id: disc.symbol for disc in view.discs if disc.block is None and disc.symbol.isalpha()}
    return found | words | {disc.operation.id: disc.block.title for disc in view.discs if disc.block is not None}


def tag_marks(key: str, tag: Tag, view: View, tags: Mapping[str, Tag], centre: tuple[float, float]) -> Iterator[str]:
    """Draw a tag around a place."""
    x, y = centre
    if tag.leaves:
        others = [arrow.head for arrow in view.arrows if arrow.tail == tag.beside and key_of(arrow.key) in tags]
    else:
        others = [arrow.tail for arrow in view.arrows if key_of(arrow.key) == key]
    words = shortened(said(view, others, leaves=tag.leaves), tag.width - BEFORE_WORDS - AFTER + 1, NOTE_SIZE)
    left = x - tag.width / 2
    yield '<g class="gv-tag">'
    yield (
        f'<rect class="gv-box" x="{short(left)}" y="{short(y - HIGH / 2)}" width="{short(tag.width)}" height="{HIGH:g}" '
        f'rx="{HIGH / 2:g}" fill="#ffffff" stroke="{LINE}" stroke-width="1.2"/>'
    )
    if tag.width > HIGH:
        yield text_mark(words, left + BEFORE_WORDS, y + 4, NOTE_SIZE, MUTED, "gv-note")
    yield text_mark(str(tag.number), left + HIGH / 2, y + 4, NOTE_SIZE, INK, "gv-name", anchor="middle", bold=True)
    yield "</g>"
