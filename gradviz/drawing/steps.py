"""Steps for the player: each is what changes in the picture, and what is said about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from gradviz.drawing.face import Face, face
from gradviz.drawing.view import View
from gradviz.recording.model import Frame, Recording


def steps(recording: Recording, view: View) -> list[dict[str, Any]]:
    """Return a recording's steps as plain JSON data; the first holds the whole picture, the others what changes.

    Parameters
    ----------
    recording
        What was computed.
    view
        How it is shown.
    """
    result = []
    before = Face()
    for place, frame in enumerate(recording.frames):
        now = face(recording, view, place)
        result.append({**_words(recording, frame), **_highlights(recording, frame), **now.since(before)})
        before = now
    return result


def _words(recording: Recording, frame: Frame) -> dict[str, Any]:
    operation = _operation(recording, frame)
    source = operation.source if operation is not None else None
    return {
        "phase": frame.phase,
        "title": frame.title,
        "sentence": frame.sentence,
        "reason": frame.reason,
        "equation": list(frame.equation),
        "source": None if source is None else asdict(source),
    }


def _operation(recording: Recording, frame: Frame) -> Any:
    return next((o for o in recording.graph.operations if o.id == frame.current), None)


def _highlights(recording: Recording, frame: Frame) -> dict[str, list[str]]:
    """What is at work in a step: the operation with the edges in use, and the tensors it reads and writes."""
    operation = _operation(recording, frame)
    if operation is None:
        current = [frame.current] if frame.current else []
        return {"current": current, "touched": [] if current else [id for id, _ in frame.values]}
    if frame.phase == "forward":
        edges = [argument.id for argument in operation.inputs]
        tensors = [argument.tensor for argument in operation.inputs]
    else:
        edges = [contribution.argument for contribution in frame.contributions]
        tensors = [gradient.tensor for gradient in frame.gradients]
    out = [f"{operation.id}_{output}" for output in operation.outputs]
    return {
        "current": [operation.id, *edges, *out],
        "touched": list(dict.fromkeys([*tensors, *operation.outputs])),
    }
