"""Frames around what belongs to a module."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gradviz.drawing.block import counted
from gradviz.drawing.text import shorten
from gradviz.recording.model import Graph, RecordedTensor


@dataclass(frozen=True, slots=True)
class Cluster:
    """A module's frame around what belongs to it: what it is called there, and where there is less room."""

    key: str
    path: str
    label: str
    brief: str
    parent: str | None
    members: tuple[str, ...]


def clusters_of(graph: Graph, tensors: Iterable[RecordedTensor]) -> tuple[Cluster, ...]:
    """Return the frames of a graph's modules.

    Parameters
    ----------
    graph
        What is drawn.
    tensors
        Those that have a card.
    """
    paths = {module.path for module in graph.modules}
    members: dict[str, list[str]] = {path: [] for path in paths}
    for id, module in [
        *((t.id, t.module) for t in tensors),
        *((o.id, o.module) for o in graph.operations),
    ]:
        if module in members:
            members[module].append(id)
    weights = _weights(graph)
    return tuple(
        Cluster(
            f"m{place}",
            frame.path,
            _frame_label(f"{frame.path} : {frame.label}", weights[frame.path]),
            _frame_label(frame.path, weights[frame.path]),
            frame.parent if frame.parent in paths else None,
            tuple(members[frame.path]),
        )
        for place, frame in enumerate(graph.modules)
    )


def _frame_label(name: str, weights: Mapping[str, int]) -> str:
    return " · ".join(filter(None, [shorten(name, 40), counted(sum(weights.values()))]))


def _weights(graph: Graph) -> dict[str, dict[str, int]]:
    """Return the parameters in each module, by their ids with how many numbers they are: shared ones once."""
    parents = {module.path: module.parent or "" for module in graph.modules}
    found: dict[str, dict[str, int]] = {path: {} for path in parents}
    for operation in graph.operations:
        own = {a.tensor: graph.tensor(a.tensor) for a in operation.inputs}
        weights = {
            id: math.prod(tensor.shape) for id, tensor in own.items() if tensor.role == "parameter" and tensor.module
        }
        weights.update(operation.block.weights if operation.block is not None else ())
        path = operation.module if weights else ""
        while path in found:
            found[path].update(weights)
            path = parents[path]
    return found
