"""A picture that plays by itself: an SVG that steps forward and back in an endless loop, without a script.

It plays wherever an image does: on a README page, in a slide, in a mail. Every mark is drawn once for each look that it
has during the run, and a style sheet says when each is seen. Where nothing plays, and for readers who prefer less motion,
the finished picture is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gradviz.drawing.face import PARTS, Face, show
from gradviz.drawing.layout import Layout
from gradviz.drawing.options import Theme
from gradviz.drawing.svg import MARGIN, Mark, Pen, background, marks, opening, size
from gradviz.drawing.text import lines
from gradviz.drawing.theme import BACK, INK, MUTED, VALUE
from gradviz.drawing.view import Card, Disc, View
from gradviz.drawing.writing import text_mark
from gradviz.recording.model import Frame, Recording

FORWARD, BACKWARD, END = 1.1, 2.2, 3.5
"""How many seconds a step of either kind is seen, and the finished picture at the end."""

MOST_STEPS = 150
PREFIX = "\x02"
"""Stands for the beginning of every id until it is known in which steps a mark is seen."""

TITLE_SIZE, SENTENCE_SIZE, CAPTION_HEIGHT = 15.0, 13.0, 68.0


@dataclass(frozen=True, slots=True)
class Look:
    """What a mark looks like from one step to another, without the last."""

    start: int
    end: int
    text: str


def animated(
    recording: Recording, view: View, layout: Layout, *, prefix: str, theme: Theme = "auto", panel: bool = False
) -> str:
    """Write a picture that steps through a recording.

    Parameters
    ----------
    recording, view, layout
        What was computed, how it is shown, and where everything is.
    prefix, theme, panel
        As for `svg`.

    Raises
    ------
    ValueError
        If the recording has too many steps for an animation that anyone would watch.
    """
    frames = recording.frames
    if len(frames) > MOST_STEPS:
        raise ValueError(
            f"an animation of {len(frames)} steps is too long to watch: fold the picture with depth= or focus=, or save it "
            "as .html, which steps at the reader's pace"
        )
    shown = []
    now = Face()
    for moment in recording.moments():
        show(now, view, moment, view.cards, view.discs, view.arrows)
        shown.append(replace(now, **{part: dict(getattr(now, part)) for part in PARTS}))
    scenes = [
        Scene(
            face,
            frame.equation[0].text if frame.equation else frame.title,
            frame.sentence,
            FORWARD if frame.phase == "forward" else BACKWARD,
            "".join(_ring(view, layout, frame)),
        )
        for face, frame in zip(shown, frames, strict=True)
    ]
    return played(scenes, view, layout, prefix=prefix, theme=theme, title=recording.title, panel=panel)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is seen for some time: a face, what is said under it, for how many seconds, and what is drawn around a mark."""

    face: Face
    title: str
    sentence: str
    seconds: float
    around: str = ""


def played(
    scenes: Sequence[Scene],
    view: View,
    layout: Layout,
    *,
    prefix: str,
    theme: Theme = "auto",
    title: str = "",
    panel: bool = False,
) -> str:
    """Write a picture that shows one scene after the other, in an endless loop; of a single one a picture that stands still.

    Parameters
    ----------
    scenes
        In their order; where nothing plays the last of them is seen.
    view, layout
        How the graph of all of them is shown, and where everything is.
    prefix, theme, title, panel
        As for `svg`.
    """
    looks = _looks(scenes, view, layout)
    times = [0.0]
    for scene in scenes:
        times.append(times[-1] + scene.seconds)
    times[-1] += END
    below = CAPTION_HEIGHT
    parts = [opening(view, layout, prefix, theme, title, below)]
    spans = {(look.start, look.end) for many in looks.values() for look in many}
    spans |= {(step, step + 1) for step in range(len(scenes))}
    parts.append(f"<style>{_timetable(spans, times, prefix)}</style>")
    parts += background(view, layout, panel, below)
    parts += Pen(view, layout, Face(), prefix).modules()
    for look in (look for many in looks.values() for look in many):
        # The ids of the last looks are those of a still picture; the others have their step in them.
        own = prefix if look.end == len(scenes) else f"{prefix}_{look.start}"
        parts.append(_shown(look.start, look.end, len(scenes), prefix, look.text.replace(PREFIX, own)))
    parts += Pen(view, layout, Face(), prefix).legend()
    wide, high = size(view, layout)
    for step, scene in enumerate(scenes):
        words = "".join(_caption(scene, wide, high - MARGIN + 8))
        parts.append(_shown(step, step + 1, len(scenes), prefix, scene.around + words))
    parts.append("</g></svg>")
    return "\n".join(parts)


def _looks(scenes: Sequence[Scene], view: View, layout: Layout) -> dict[str, list[Look]]:
    """Draw every mark in every scene; keep what differs from the scene before."""
    looks: dict[str, list[Look]] = {}
    for step, scene in enumerate(scenes):
        pen = Pen(view, layout, scene.face, PREFIX)
        for mark in marks(view):
            so_far = looks.setdefault(_key(mark), [])
            text = "".join(pen.draw(mark))
            start = so_far.pop().start if so_far and so_far[-1].text == text else step
            so_far.append(Look(start, step + 1, text))
    return looks


def _key(mark: Mark) -> str:
    if isinstance(mark, Card):
        return mark.tensor.id
    return mark.operation.id if isinstance(mark, Disc) else mark.key


# --- the timetable -----------------------------------------------------------------------------------------------------


def _timetable(spans: set[tuple[int, int]], times: list[float], prefix: str) -> str:
    """Write when each span of steps is seen, for readers who do not mind motion."""
    total, last = times[-1], len(times) - 1
    rules = []
    for start, end in sorted(spans):
        if (start, end) == (0, last):
            continue
        first, then = 100 * times[start] / total, 100 * times[end] / total
        seen = [f"{first:.3f}%{{visibility:visible}}"]
        seen += ["0%{visibility:hidden}"] if start else []
        seen += [f"{then:.3f}%{{visibility:hidden}}"] if end != last else []
        name = f"{prefix}_{start}_{end}"
        rules.append(f"@keyframes {name}{{{''.join(seen)}}}")
        rules.append(
            f"@media (prefers-reduced-motion:no-preference){{.{name}{{animation:{name} {total:.1f}s step-end infinite}}}}"
        )
    return "".join(rules)


def _shown(start: int, end: int, steps: int, prefix: str, marks: str) -> str:
    """Wrap marks that are seen during some steps; where nothing plays, those of the last step are."""
    if (start, end) == (0, steps):
        return marks
    hidden = "" if end == steps else ' visibility="hidden"'
    return f'<g class="{prefix}_{start}_{end}"{hidden}>{marks}</g>'


# --- what is said at each step -----------------------------------------------------------------------------------------


def _ring(view: View, layout: Layout, frame: Frame) -> Iterator[str]:
    """Draw a line around the operation that runs, or the tensor where backward starts."""
    if frame.current not in layout.centres:
        return
    x, y = layout.centres[frame.current]
    boxes: list[Card | Disc] = [*view.discs, *view.cards]
    mark = next(mark for mark in boxes if _key(mark) == frame.current)
    wide, high = mark.width + 10, mark.height + 10
    ink, kind = (VALUE, "gv-ring-forward") if frame.phase == "forward" else (BACK, "gv-ring-backward")
    yield (
        f'<rect class="gv-ring {kind}" x="{x - wide / 2:.1f}" y="{y - high / 2:.1f}" width="{wide:.1f}" height="{high:.1f}" '
        f'rx="{min(wide, high, 40) / 2:.1f}" fill="none" stroke="{ink}" stroke-width="3"/>'
    )


def _caption(scene: Scene, wide: float, top: float) -> Iterator[str]:
    """Write what happens under the picture: the equation, and a sentence."""
    room = max(wide - 2 * MARGIN, 60.0)
    yield text_mark(lines(scene.title, room, TITLE_SIZE, 1)[0], 0, top + 16, TITLE_SIZE, INK, "gv-name", bold=True)
    for place, line in enumerate(lines(scene.sentence, room, SENTENCE_SIZE, 2)):
        yield text_mark(line, 0, top + 36 + 17 * place, SENTENCE_SIZE, MUTED, "gv-note")
