"""The same recording with its modules folded to another depth, and which of its steps are the same moments."""

from __future__ import annotations

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


def places(shown: Recording, recording: Recording) -> list[int]:
    """Return, for each step of what is shown, which step of the whole recording it is.

    A fold is called by the first of its operations, which is also the last to pass its gradient on.
    """
    found = {(frame.phase, frame.current): place for place, frame in enumerate(recording.frames)}
    result: list[int] = []
    for frame in shown.frames:
        before = result[-1] if result else 0
        result.append(max(before, found.get((frame.phase, frame.current), before)))
    return result


def step_at(place: int, of: list[int]) -> int:
    """Return the last step that shows no more than step `place` of the whole recording."""
    return max((step for step, here in enumerate(of) if here <= place), default=0)
