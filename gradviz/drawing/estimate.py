"""How large a picture becomes, estimated before it is laid out: of what is drawn, and even before that is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from gradviz.drawing.block import FULL_UP_TO
from gradviz.drawing.target import Target
from gradviz.drawing.text import width
from gradviz.drawing.view import View
from gradviz.recording.model import Recording
from gradviz.recording.outline import Outline

T = TypeVar("T")

APART, ACROSS, DOWN = 22.0, 32.0, 24.0
"""Between what stands side by side in a rank, and from rank to rank in either direction."""

SMALL_BLOCK, STEP, DISC, LEAF, RESULT = (96.0, 38.0), (84.0, 36.0), (38.0, 38.0), (30.0, 26.0), (10.0, 10.0)
"""What the plainest picture has at least: a block where there are many, any other block, an operation, what is given and made."""


def estimate(seen: View) -> dict[str, float]:
    """Return about how large the smallest text of a picture is at its target: in one row (LR), in rows, and from top to bottom (TB)."""
    sizes = [(card.tensor.id, card.width, card.height) for card in seen.cards]
    sizes += [(disc.operation.id, disc.width, disc.height) for disc in seen.discs]
    arrows = [(arrow.tail, arrow.head, arrow.label_width if arrow.label else 0.0) for arrow in seen.arrows]
    return _estimated(sizes, arrows, seen.options.room, nested=bool(seen.clusters))


def at_most(shown: Recording, target: Target) -> float:
    """Return about how large the smallest text can be in the plainest picture of a recording: nothing of it is made for that."""
    outline = shown.graph.outline
    small = SMALL_BLOCK if len(outline.blocks) > FULL_UP_TO else STEP
    sizes = [(number, *(LEAF if made < 0 else RESULT)) for number, made in enumerate(outline.makers)]
    arrows: list[tuple[int, int, float]] = []
    for place, (entering, leaving) in enumerate(zip(outline.inputs, outline.outputs, strict=True)):
        sizes.append((~place, *_plainest(outline, place, small)))
        arrows += [(tensor, ~place, 0.0) for tensor in entering]
        arrows += [(~place, tensor, 0.0) for tensor in leaving]
    return max(_estimated(sizes, arrows, target, nested=any(outline.modules)).values())


def _plainest(outline: Outline, place: int, small: tuple[float, float]) -> tuple[float, float]:
    """Return how large an operation is at least, from its symbol or its path."""
    if place in outline.blocks:
        last = outline.blocks[place].path.rpartition(".")[2]
        return max(small[0], width(last, 12.0, bold=True) + 16), small[1]
    symbol = outline.symbols[place]
    text = width(symbol, 15.0, bold=True) if 2 < len(symbol) <= 14 else 0
    return (text + 26, 36.0) if text > 26 else DISC


def _estimated(
    sizes: Iterable[tuple[T, float, float]], arrows: Sequence[tuple[T, T, float]], target: Target, *, nested: bool
) -> dict[str, float]:
    """Estimate it from the sizes of what is drawn, and the width of what stands on arrows, in the order of the computation.

    Everything stands just before what uses it first, as in the layout.
    """
    rank: dict[T, int] = {}
    for tail, head, _ in reversed(arrows):  # against the order of the computation
        rank[tail] = max(rank.get(tail, 0), rank.setdefault(head, 0) + 1)
    last = max(rank.values(), default=0)
    wide, high, tall, broad = ([0.0] * (last + 1) for _ in range(4))
    for id, across, height in sizes:
        at = rank.get(id, 0)
        wide[at], tall[at] = max(wide[at], across), max(tall[at], height)
        high[at], broad[at] = high[at] + height + APART, broad[at] + across + APART
    gaps = [ACROSS] * (last + 1)
    for tail, _, label in arrows:
        if label:
            gaps[rank[tail]] = max(gaps[rank[tail]], label + ACROSS / 2)
    line = [width + gap for width, gap in zip(wide, gaps, strict=True)][::-1]
    in_one_row = sum(line), max(high)
    down = max(broad), sum(tall) + DOWN * last
    frame = 48.0 * nested
    return {
        "LR": target.text(in_one_row[0], in_one_row[1] + frame),
        "rows": target.text(*_rows(line, high[::-1], target, frame)),
        "TB": target.text(down[0] + frame, down[1]),
    }


def _rows(line: list[float], high: list[float], target: Target, nested: float) -> tuple[float, float]:
    """Return about how large a picture is in rows as wide as there is room."""
    room, _ = target.room
    total = x = tallest = 0.0
    for across, height in zip(line, high, strict=True):
        if x and x + across > room:
            total, x, tallest = total + tallest + 40.0 + nested, 0.0, 0.0
        x, tallest = x + across, max(tallest, height)
    return min(sum(line), max(room, max(line, default=0.0))), total + tallest + nested
