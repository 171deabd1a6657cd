"""What of a recording is drawn, and how, so that it can be read where it is seen.

Ever smaller pictures are looked at, from the one that says most. How large each becomes is estimated by the sizes of what is in
it; what may fit is laid out and measured; the first that fits is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from gradviz.catalogue import text
from gradviz.drawing.blocknumbers import Whole
from gradviz.drawing.dot import dot
from gradviz.drawing.estimate import at_most, estimate
from gradviz.drawing.jumps import past, tags_of
from gradviz.drawing.labels import uncrossed
from gradviz.drawing.layout import Layout, layout
from gradviz.drawing.options import Detail, Options
from gradviz.drawing.photos import Photo
from gradviz.drawing.reduce import bounded, folded, size, wanted
from gradviz.drawing.rows import MOST_LANES, in_rows
from gradviz.drawing.svg import MARGIN, below
from gradviz.drawing.svg import size as picture_size
from gradviz.drawing.target import LEAST
from gradviz.drawing.view import View, view
from gradviz.recording.later import all_kept
from gradviz.recording.model import Recording

FULL_UP_TO = 300
"""Tensors and operations together that a picture which need not fit shows with a card each."""

SMALLEST_PART = 12_000.0
"""About how many square pixels an operation takes at least, with its result and the room around both."""

FEW = 24
"""Operations up to which a picture may well show all: of more, the plainest one is looked at first."""

MOST_LAYOUTS = 12
MOST_TRIES, HOPELESS = 4, 1.3
"""Times that a picture in rows is looked at, as more of its arrows jump; and how much too high it may be at first."""

SLACK = 0.8
"""An estimate may be so much too pessimistic."""

Direction = Literal["LR", "TB"]


@dataclass(frozen=True)
class Picture:
    """What is drawn, and where.

    Attributes
    ----------
    shown
        The recording, folded.
    view
        What there is to draw, and how large.
    layout
        Where everything goes.
    """

    shown: Recording
    view: View
    layout: Layout

    @property
    def text(self) -> float:
        """The size of the smallest text, in pixels, at the target."""
        return self.view.options.room.text(*picture_size(self.view, self.layout))


def fitted(
    recording: Recording,
    options: Options,
    images: Mapping[str, Photo] = MappingProxyType({}),
) -> Picture:
    """Choose what of a recording is drawn, in which detail and direction, and lay it out.

    Parameters
    ----------
    recording
        What was computed.
    options
        What was asked for.
    images
        Which tensors are drawn as images, by their ids.

    Raises
    ------
    ValueError
        If the tensor to focus on is not in the recording.
    LayoutError
        If no layout could be made.
    """
    with all_kept():
        whole = wanted(recording, options)
        views = _views(whole, options, images)
        if not options.fit:
            return _as_asked(*next(views))
        best: Picture | None = None
        crowded: Picture | None = None
        left = MOST_LAYOUTS
        guesses: list[tuple[float, Recording, View]] = []
        for shown, seen in views:
            if crowded is not None and shown is not crowded.shown:
                return crowded
            guess = estimate(seen)
            guesses.append((max(guess.values()), shown, seen))
            if max(guess.values()) < SLACK * LEAST:
                continue
            for picture in _arranged(shown, seen, guess):
                if best is None or picture.text > best.text:
                    best = picture
                left -= 1
            if best is not None and (best.text >= LEAST or left <= 0):
                if best.layout.apart <= MOST_LANES or left <= 0:
                    return best
                crowded, best = crowded or best, None  # in less detail the same may be clearer
        if crowded is not None:
            return crowded
        if best is None:
            _, shown, seen = max(guesses, key=lambda guess: guess[0])
            best = max(_arranged(shown, seen, estimate(seen), whatever=True), key=lambda picture: picture.text)
        return best


def _views(whole: Recording, options: Options, images: Mapping[str, Photo]) -> Iterator[tuple[Recording, View]]:
    """Go through what can be drawn of a recording, from what says most; at least the last is small."""
    count = len(whole.graph.operations)
    if not options.fit:
        shown = bounded(whole)
        full = size(shown) <= FULL_UP_TO
        if options.detail == "auto":
            options = replace(options, detail="full" if full else "compact")
        yield shown, view(shown, options, images)
        return
    inside: list[Whole] = []

    def seen_as(shown: Recording, detail: Detail, *, leaves: bool) -> View:
        if shown.whole is not None and not inside:
            inside.append(Whole(shown.whole))  # the same for all
        looked_up = inside[0] if shown.whole is not None else None
        seen = view(shown, replace(options, detail=detail), images, leaves=leaves, whole=looked_up)
        note, hint = _note(shown, count, detail, options)
        return replace(seen, note=note, hint=hint)

    most = int(math.prod(options.room.room) / SMALLEST_PART)
    if options.depth is not None:
        asked: Iterator[tuple[Recording, tuple[Detail, ...]]] = iter([(bounded(whole), ("full", "compact"))])
    else:
        asked = folded(whole, most)
    plainest: dict[int, View] = {}  # by the id of what is shown, of which the whole comes twice
    for shown, worth in asked:
        if len(shown.graph.operations) > most and options.depth is None:
            continue
        details = worth
        if options.detail == "auto" and len(shown.graph.operations) > FEW:
            # What says more is no smaller: if not even this can be read, nothing else is made of it.
            if options.depth is None and at_most(shown, options.room) < SLACK * LEAST:
                continue
            plain = plainest.get(id(shown)) or seen_as(shown, "compact", leaves=False)
            if max(estimate(plain).values()) < SLACK * LEAST:
                plainest[id(shown)] = plain
                if "compact" in worth:
                    yield shown, plain
                continue
        if options.detail != "auto":
            details = (options.detail,) if "full" in worth else ()  # what is worth one more look has been there
        for detail in details:
            # Of a compact picture the parameters and inputs have their numbers, where that fits.
            for leaves in (True, False) if detail == "compact" else (True,):
                yield shown, seen_as(shown, detail, leaves=leaves)


def _note(shown: Recording, count: int, detail: Detail, options: Options) -> tuple[str, str]:
    """Say what was folded; and which option shows it, for those who wrote the program."""
    folds = [operation for operation in shown.graph.operations if operation.block is not None]
    if folds and options.depth is None:
        boxes = text("one box") if len(folds) == 1 else text("boxes", boxes=len(folds))
        inside = count - (len(shown.graph.operations) - len(folds))
        if inside > len(folds):  # else each box is one operation, with its parameters in it
            told = {"count": inside, "all": count}
            numbers = {name: f"{n:,}".replace(",", " ") for name, n in told.items()}
            return text("folded to fit", boxes=boxes, **numbers), text("folded to fit hint")
    if detail == "compact" and options.detail == "auto":
        return text("shortened to fit"), text("shortened to fit hint")
    return "", ""


# --- how it is arranged ------------------------------------------------------------------------------------------------


def _arranged(shown: Recording, seen: View, guess: dict[str, float], whatever: bool = False) -> Iterator[Picture]:
    """Lay a view out: left to right, in rows, top to bottom; until it can be read."""
    wanted: tuple[Direction, ...] = ("LR", "TB") if seen.options.direction == "auto" else (seen.options.direction,)
    crowded: Picture | None = None
    for direction in wanted:
        ways = [guess["LR"], guess["rows"]] if direction == "LR" else [guess["TB"]]
        if max(ways) < SLACK * LEAST and not whatever:
            continue
        picture = arranged(shown, seen, direction)
        if picture.layout.apart > MOST_LANES and len(wanted) > 1:
            crowded = picture  # only if it is not clearer from top to bottom
            continue
        if picture.text >= LEAST:
            yield picture
            return
        if crowded is None:
            yield picture
    if crowded is not None:
        yield crowded


def arranged(shown: Recording, seen: View, direction: Direction) -> Picture:
    """Lay a view out in a direction; from left to right in rows where one would be too long."""
    turned = replace(seen, direction=direction)
    picture = Picture(shown, turned, laid_out(turned))
    crowd = past(turned, picture.layout.centres)
    if crowd:
        picture = replace(picture, layout=laid_out(turned, crowd))
    if direction == "LR" and picture.text < LEAST:
        rows = _rowed(turned, picture.layout, crowd)
        return picture if rows is None else replace(picture, layout=rows)
    return picture


def _rowed(seen: View, one_row: Layout, crowd: frozenset[str]) -> Layout | None:
    """Lay a view out in rows; what leads far, from row to row, jumps, as a `crowd` does anyway. ``None`` if it does not fit."""
    wide, high = seen.options.room.room
    wide, high = wide - 2 * MARGIN, high - 2 * MARGIN
    jumps = crowd
    found: list[tuple[tuple[int, int, int], Layout]] = []
    refused: frozenset[str] = frozenset()
    for _ in range(MOST_TRIES):
        room = high - below(seen, one_row)
        rows = in_rows(one_row, seen, wide, room)
        if rows is None or rows.layout.height > HOPELESS * room:
            break
        needless, more = rows.together(jumps - crowd), rows.far()
        if rows.layout.width <= wide and rows.layout.height <= room:
            lanes = max(rows.layout.lanes, MOST_LANES)
            found.append(((lanes, len(needless), len(more)), rows.layout))
        # Where rows end is known only when arrows that jump take no room any more.
        refused |= needless
        wanted = (jumps | more) - refused
        if wanted == jumps:
            break
        jumps = wanted
        one_row = laid_out(seen, jumps)
    return min(found, key=lambda one: one[0])[1] if found else None


def laid_out(seen: View, jumps: Collection[str] = ()) -> Layout:
    """Lay out a view in its direction; some arrows as their two ends."""
    tags = tags_of(seen, jumps)
    made = layout(dot(seen, words=False, tags=tags))
    return uncrossed(replace(made, tags=tags) if tags else made, seen)


def _as_asked(shown: Recording, seen: View) -> Picture:
    """Lay out what need not fit, in the direction that suits a screen better."""
    if seen.options.direction == "auto":
        guess = estimate(seen)
        seen = replace(seen, direction="LR" if guess["LR"] >= min(0.85 * guess["TB"], LEAST) else "TB")
    return Picture(shown, seen, laid_out(seen))
