"""What the front end needs to take a backward step apart, beyond the step itself.

Inside a step a gradient arrives, is multiplied with a local derivative for each argument, and is added to what has come
before. The page cuts these events from the step. Only where one tensor stands in several slots of an operation are there
sums on the way, which no step shows: those are drawn here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gradviz.drawing import View, steps
from gradviz.drawing.face import PARTS
from gradviz.recording.model import Contribution, Frame, Gradient, Recording, Value
from gradviz.recording.words import gradient_name


def brackets(recording: Recording) -> list[str]:
    """Return the ids of the tensors whose names stand in brackets in a fraction: ``∂y/∂(w·x)``."""
    return [t.id for t in recording.graph.tensors if gradient_name("y", t.name) != f"∂y/∂{t.name}"]


def sums(recording: Recording, view: View) -> dict[str, dict[str, Any]]:
    """Return what the picture shows of the sums on the way.

    Parameters
    ----------
    recording
        What was computed.
    view
        How it is shown.

    Returns
    -------
    dict
        By the number of a step, and the argument along which the last contribution came: what that changes, as
        `gradviz.drawing.steps` writes it. Steps in which each tensor gets one contribution have none.
    """
    target = {argument.id: argument.tensor for _, argument in recording.graph.arguments()}
    frames: list[Frame] = []
    places: list[
        tuple[int, str, str]
    ] = []  # where in the longer row of frames each sum is shown: step, argument, tensor
    here: dict[str, Value] = {}
    for step, frame in enumerate(recording.frames):
        for contribution, gradient in _on_the_way(frame, here, target):
            places.append((step, contribution.argument, gradient.tensor))
            frames.append(replace(frame, values=(), contributions=(contribution,), gradients=(gradient,)))
        places.append((step, "", ""))
        frames.append(frame)
        here.update((gradient.tensor, gradient.value) for gradient in frame.gradients)
    if len(frames) == len(recording.frames):
        return {}
    found: dict[str, dict[str, Any]] = {}
    for (step, argument, tensor), change in zip(
        places, steps(replace(recording, frames=tuple(frames)), view), strict=True
    ):
        if argument:
            found.setdefault(str(step), {})[argument] = {part: _about(tensor, change[part]) for part in PARTS}
    return found


def _on_the_way(
    frame: Frame, here: dict[str, Value], target: dict[str, str]
) -> Iterator[tuple[Contribution, Gradient]]:
    """Go through the contributions of a step that are not the last to their tensor, with the sum up to each."""
    final = {gradient.tensor: gradient for gradient in frame.gradients}
    so_far: dict[str, Value] = {}
    ends = {target[contribution.argument]: contribution for contribution in frame.contributions}
    for contribution in frame.contributions:
        tensor = target[contribution.argument]
        if ends[tensor] is contribution:
            continue
        before = so_far.get(tensor, here.get(tensor, final[tensor].before))
        so_far[tensor] = contribution.value if before is None else _sum(before, contribution.value)
        yield contribution, replace(final[tensor], value=so_far[tensor], complete=False)


def _about(tensor: str, changes: dict[str, Any]) -> dict[str, Any]:
    return {key: change for key, change in changes.items() if key == tensor or key.startswith(f"{tensor}_")}


def _sum(first: Value, second: Value) -> Value:
    if first.data is None or second.data is None:
        return second  # of large tensors, what the picture shows until the step is over
    return replace(second, data=tuple(a + b for a, b in zip(first.data, second.data, strict=True)))
