"""What a block's card shows at a moment, as texts and as paths: all that changes with a step."""

from __future__ import annotations

from collections.abc import Sequence

from gradviz.drawing.block import BAND, BARS, CHART, PENDING, BlockCard, each_of, zeros_of
from gradviz.drawing.blocknumbers import Numbers, Scales
from gradviz.drawing.options import Options
from gradviz.recording.histogram import BINS, LEAST


def shown_numbers(
    id: str, card: BlockCard, forward: bool, done: bool, options: Options
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the texts and paths of a card: of activations once it has run, of gradients once it has sent them back.

    Parameters
    ----------
    id
        Of the operation; all keys begin with it.
    card
        What is said on it.
    forward, done
        Whether it has run forward, and sent gradients back.
    options
        How numbers are written.
    """
    texts: dict[str, str] = {}
    paths: dict[str, str] = {}
    numbers, rows = card.numbers, card.rows
    if rows.charts is not None:
        bars = numbers.activations.counts if numbers.activations is not None and forward else ()
        paths[f"{id}_ha"] = histogram(bars, card.charts[0])
        bars = by_size(numbers, card.scales) if done else ()
        paths[f"{id}_hg"] = histogram(bars, card.charts[1])
        if zeros := zeros_of(numbers):
            texts[f"{id}_z"] = zeros if done else ""
    if rows.bars is not None and card.form == "full":
        paths[f"{id}_e"] = bars_of([card.scales.ratios.share(ratio) for ratio in numbers.each], CHART) if done else ""
        texts[f"{id}_es"] = _from_to(numbers.each, options) if done else PENDING
    if rows.band is not None:
        texts[f"{id}_n"] = options.number(numbers.ratio, 2) if done else PENDING
        high = BAND if card.form == "full" else card.height - rows.band
        paths[f"{id}_b"] = band(card.width, high) if done else ""
    if card.told:
        texts[f"{id}_t"] = card.told if done else ""
    if card.form == "step" and rows.bars is not None:
        share = card.scales.passed.share
        named = [dict(step) for step in numbers.passed]
        paths[f"{id}_e"] = bars_of([share(step.get("h")) for step in named], BARS) if done else ""
        paths[f"{id}_c"] = marks_of([share(step["c"]) if "c" in step else None for step in named]) if done else ""
        for name in ("h", "c"):
            found = [step[name] for step in named if name in step]
            texts |= {f"{id}_{name}n": _from_to(found, options) if done else PENDING} if found else {}
    return texts, paths


def _from_to(numbers: Sequence[float | None], options: Options) -> str:
    """Write the first and the last of some norms."""
    ends = numbers if len(numbers) == 1 else (numbers[0], numbers[-1])
    return " … ".join(PENDING if end is None else options.number(end, 2) for end in ends)


def by_size(numbers: Numbers, shared: Scales) -> tuple[int, ...]:
    """Return the counts of gradients by size, on the axis that all cards share, in as many bars as for activations."""
    if numbers.gradients is None:
        return ()
    found = [0] * BINS
    span = max(shared.last - shared.first, 1)
    for place, count in enumerate(numbers.gradients.counts):
        if count:
            found[min((place + LEAST - shared.first) * BINS // max(span, BINS), BINS - 1)] += count
    return tuple(found)


def histogram(counts: Sequence[int], wide: float) -> str:
    """Draw bars that stand side by side, the highest as high as there is room."""
    top = max(counts, default=0)
    if not top:
        return ""
    step = wide / len(counts)
    bars = ((place, max(count / top * CHART, 1.0)) for place, count in enumerate(counts) if count)
    return "".join(f"M{place * step:.1f} {CHART:g}v{-high:.1f}h{step - 0.6:.1f}v{high:.1f}z" for place, high in bars)


def bars_of(shares: Sequence[float], room: float) -> str:
    """Draw a bar for each of several norms; the smallest can still be seen."""
    each = each_of(len(shares))
    wide = 0.83 * each if len(shares) > 1 else 30.0
    return "".join(
        f"M{place * each:.2f} {room:g}v{-max(share * room, 1.5):.1f}h{wide:.2f}v{max(share * room, 1.5):.1f}z"
        for place, share in enumerate(shares)
    )


def marks_of(shares: Sequence[float | None]) -> str:
    """Draw a mark over each bar for the other norm."""
    each = each_of(len(shares))
    wide = 0.83 * each if len(shares) > 1 else 36.0
    return "".join(
        f"M{place * each - (3 if len(shares) == 1 else 0):.2f} {BARS - share * BARS:.1f}h{wide:.2f}"
        for place, share in enumerate(shares)
        if share is not None
    )


def band(wide: float, high: float) -> str:
    """Draw the ground of a norm, round at the bottom as the card is."""
    return f"M1 0H{wide - 1:g}V{high - 9:g}a8 8 0 0 1 -8 8H9a8 8 0 0 1 -8 -8z"
