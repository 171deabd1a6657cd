"""A recording cut down to a part of its graph, with what its steps say of that part."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from gradviz.recording.later import changed
from gradviz.recording.model import Frame, Recording


def part(recording: Recording, tensors: Collection[str], places: Collection[int]) -> Recording:
    """Cut a recording down to some of its tensors and operations.

    Parameters
    ----------
    recording
        What was computed.
    tensors
        The ids of those that stay.
    places
        Those of the operations, among the graph's.
    """
    graph = recording.graph
    operations = tuple(operation for place, operation in enumerate(graph.operations) if place in places)
    ids = {operation.id for operation in operations}
    kept = tuple(
        tensor if tensor.producer in ids or tensor.producer is None else replace(tensor, producer=None)
        for tensor in graph.tensors
        if tensor.id in tensors
    )
    edges = {argument.id for operation in operations for argument in operation.inputs}

    def visible(frame: Frame) -> Frame:
        return changed(
            frame,
            values=tuple((id, value) for id, value in frame.values if id in tensors),
            contributions=tuple(c for c in frame.contributions if c.argument in edges),
            gradients=tuple(gradient for gradient in frame.gradients if gradient.tensor in tensors),
        )

    frames = []
    for frame in map(visible, recording.frames):
        mine = frame.current in ids or frame.current in tensors or not frame.current
        if mine or frame.values or frame.gradients:
            frames.append(frame)
    return replace(recording, graph=replace(graph, tensors=kept, operations=operations), frames=tuple(frames))
