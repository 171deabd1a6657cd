"""The same recording with its modules folded to another depth, and which of its steps are the same moments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gradviz.drawing import Drawing
from gradviz.drawing.stretches import depth_of
from gradviz.recording.folding import as_written
from gradviz.recording.model import Recording


def at_depth(drawing: Drawing, depth: int) -> Drawing:
    """Return a drawing with its modules folded (or unfolded) to a depth: 0 shows each outermost module as one box."""
    return replace(drawing, options=replace(drawing.options, depth=depth))


def depths(drawing: Drawing) -> tuple[int, int]:
    """Return how deep modules are unfolded in a drawing, and how deep they nest in its recording."""
    return depth_of(drawing.shown.graph), depth_of(drawing.recording.graph)


def with_every_operation(drawing: Drawing, every: bool) -> Drawing:
    """Return a drawing with the helpers of products, or with products as they were written."""
    return replace(drawing, options=replace(drawing.options, every_operation=every))


def every_operation(drawing: Drawing) -> bool | None:
    """Return whether a drawing shows the helpers of products; ``None`` if there are none."""
    return None if as_written(drawing.recording) is drawing.recording else drawing.options.every_operation


def moments(recording: Recording) -> dict[tuple[str, str], int]:
    """Return which step of a recording each one is: by its pass, and what it is about."""
    return {(frame.phase, frame.current): place for place, frame in enumerate(recording.frames)}


def spans(shown: Recording, when: Mapping[tuple[str, str], int]) -> list[tuple[int, int]]:
    """Return, for each step of what is shown, the first and the last step of the whole recording that it stands for; `when` has its moments.

    A fold stands for those of its operations. A gradient that comes from outside has arrived a step before it is passed on.
    """
    inside = {o.id: o.block.inside for o in shown.graph.operations if o.block is not None}
    found: list[tuple[int, int] | None] = []
    for frame in shown.frames:
        ids = (frame.current, *inside.get(frame.current, ()))
        places = [when[moment] for id in ids if (moment := (frame.phase, id)) in when]
        found.append((min(places), max(places)) if places else None)
    following = max(when.values(), default=0) + 1
    for step in reversed(range(len(found))):
        start, end = found[step] or (following - 1, following - 1)
        following = min(start, following)
        found[step] = following, max(end, following)
    return [span for span in found if span is not None]


def step_at(place: int, of: list[int]) -> int:
    """Return the last step that shows no more than step `place` of the whole recording."""
    return max((step for step, here in enumerate(of) if here <= place), default=0)
