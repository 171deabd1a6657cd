"""What the colours of a picture mean: for each scale a strip of them, with the numbers they stand for.

The strip is even in its colours, and the ticks say the numbers: half of the colour is a quarter of the number.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradviz.catalogue import text
from gradviz.drawing import theme
from gradviz.drawing.cells import THIN
from gradviz.drawing.options import DIFFERENCE, Options
from gradviz.drawing.palette import MINUS_ON_DARK, MINUS_ON_PALE, NOTHING, colours, inks, number_at
from gradviz.drawing.rasters import shade_of_saliency
from gradviz.drawing.scales import ROLES, Role, Scales
from gradviz.drawing.text import width
from gradviz.drawing.theme import MUTED
from gradviz.drawing.writing import short, text_mark

SIZE = 11.0
STRIP, TALL, MOST = 247.0, 10.0, 6
"""A strip is so wide and so high; and has so many steps on each side of zero."""

LINE, NAME = 36.0, 78.0
"""The height of a legend, and the room for its name."""

ARROW, HEAD, THICK = 26.0, 9.0, (1.4, 2.6)
"""Lengths of an arrow in the key and of its head; how thick it is forward, and back."""

WIDE = NAME + STRIP + 46.0


def legend_size(scales: Scales, room: float) -> tuple[float, float]:
    """Return how wide and how high all legends are, side by side as far as there is room."""
    if not scales:
        return 0.0, 0.0
    across = max(1, min(len(scales), int(room // WIDE)))
    return across * WIDE, -(-len(scales) // across) * LINE


def legend(scales: Scales, options: Options, top: float, room: float) -> Iterator[str]:
    """Draw the legends below a picture."""
    across = max(1, int(room // WIDE))
    shown: list[Role] = [role for role in ROLES if role in scales]
    for place, role in enumerate(shown):
        left, line = place % across * WIDE, top + place // across * LINE
        yield f'<g class="gv-legend" transform="translate({short(left)} {short(line)})">'
        yield _text(_name(role, options), 0, TALL)
        yield _text(text("legend: root"), 0, TALL + 14)
        yield from _strip(role, scales[role], options)
        yield "</g>"


def key_of_arrows(middle: float) -> Iterator[str]:
    """Say which arrows are values and which are gradients, in one line."""
    x = 0.0
    for kind, ink, (tip, end), words in (
        ("gv-key", theme.LINE, (ARROW, 0.0), text("key: values")),
        ("gv-key gv-key-back", theme.BACK, (0.0, ARROW), text("key: gradients")),
    ):
        inner = tip + (HEAD if end > tip else -HEAD)
        yield f'<g class="{kind}">'
        look = f'stroke="{ink}" stroke-width="{THICK[end > tip]:g}" fill="none"'
        yield f'<path class="gv-line" d="M{short(x + end)} {short(middle)}H{short(x + inner)}" {look}/>'
        head = f"M{short(x + tip)} {short(middle)}L{short(x + inner)} {short(middle - 4)}V{short(middle + 4)}z"
        yield f'<path class="gv-head" d="{head}" fill="{ink}"/></g>'
        yield text_mark(words, x + ARROW + 6, middle + 4, SIZE, MUTED, "gv-note")
        x += ARROW + 6 + width(words, SIZE) + 24


def _name(role: Role, options: Options) -> str:
    names = {
        "values": text("legend: values"),
        "weights": text("legend: weights"),
        "gradients": text("legend: gradients"),
        "saliency": text("legend: saliency"),
    }
    return f"Δ {names[role]}" if options.captions == DIFFERENCE else names[role]


def _strip(role: Role, scale: float, options: Options) -> Iterator[str]:
    lowest = 0 if role == "saliency" else -MOST
    steps = range(lowest, MOST + 1)
    fills = [shade_of_saliency(step / MOST, options.palette) for step in steps]
    if role != "saliency":
        fills = colours([number_at(step / MOST, scale) for step in steps], scale, options.palette)
    wide = STRIP / len(steps)
    parts = (
        f'<path d="M{place * wide:.4g} 0h{wide:.4g}v{TALL:g}h-{wide:.4g}z" fill="{fill}"/>'
        for place, fill in enumerate(fills)
    )
    minus = "".join(_minus(step, options) for step in steps if step < 0)
    kind = "gv-saliency" if role == "saliency" else "gv-cells"
    yield f'<g class="{kind}" transform="translate({NAME:g} 2)">{"".join(parts)}{minus}</g>'
    for step in steps:
        if step % (MOST // 2) == 0:
            x = NAME + (step - lowest + 0.5) * wide
            yield f'<path class="gv-axis" d="M{short(x)} {TALL + 2:g}v3" stroke="{NOTHING}" fill="none"/>'
            yield _text(options.number(number_at(step / MOST, scale), 2), x, TALL + 16, anchor="middle")


def _minus(step: int, options: Options) -> str:
    ink = inks(options.palette)[MINUS_ON_DARK if step < -MOST // 2 else MINUS_ON_PALE]
    x = (step + MOST + 0.5) * STRIP / (2 * MOST + 1)
    return f'<path stroke="{ink}" stroke-width="{THIN:g}" d="M{x - 2:g} {TALL / 2:g}h4"/>'


def _text(words: str, x: float, y: float, anchor: str = "start") -> str:
    kind, mono = ("gv-stat", True) if anchor == "middle" else ("gv-caption", False)
    return text_mark(words, x, y, SIZE, MUTED, kind, anchor="" if anchor == "start" else anchor, mono=mono)
