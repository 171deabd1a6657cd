"""Weights that several blocks share: drawn once, and joined to each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gradviz.catalogue import text
from gradviz.drawing.block import counted
from gradviz.drawing.text import shorten
from gradviz.recording import shape_text
from gradviz.recording.model import Graph, RecordedTensor

MOST_NAMED = 3
"""Modules that are named where they share a weight."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Parameters that the same blocks use, in place of a card for each.

    Attributes
    ----------
    tensors
        Their ids.
    name, size, lines
        What their card says.
    """

    tensors: tuple[str, ...]
    name: str
    size: str
    lines: tuple[str, ...]


def shared(graph: Graph) -> list[Shared]:
    """Return the parameters that no operation but folded modules uses, together where they are in the same ones; and sequences."""
    users: dict[str, dict[str, None]] = {}
    for operation, argument in graph.arguments():
        users.setdefault(argument.tensor, {})[operation.id] = None
    together: dict[tuple[str, ...], list[RecordedTensor]] = {}
    for tensor in graph.tensors:
        used = tuple(users.get(tensor.id, ()))
        blocks = [graph.operation(id).block for id in used]
        if tensor.role == "parameter" and len(used) > 1 and all(block is not None and block.path for block in blocks):
            together.setdefault(used, []).append(tensor)
    weights = [_shared(graph, used, tensors) for used, tensors in together.items()]
    return weights + _sequences(graph, users)


def _sequences(graph: Graph, users: Mapping[str, Mapping[str, None]]) -> list[Shared]:
    """Return what enters several steps that are drawn as one: ``x[3] … x[27]``, in place of a card for each."""
    entering: dict[tuple[str, tuple[int, ...]], list[RecordedTensor]] = {}
    for tensor in graph.tensors:
        used = list(users.get(tensor.id, ()))
        block = graph.operation(used[0]).block if len(used) == 1 else None
        if tensor.role == "input" and block is not None and block.times > 1:
            entering.setdefault((used[0], tensor.shape), []).append(tensor)
    return [
        Shared(
            tuple(tensor.id for tensor in tensors),
            f"{shorten(tensors[0].name, 14)} … {shorten(tensors[-1].name, 14)}",
            f"{len(tensors)} × {shape_text(shape) or '1'}",
            (),
        )
        for (_, shape), tensors in entering.items()
        if len(tensors) > 1
    ]


def _shared(graph: Graph, used: tuple[str, ...], tensors: list[RecordedTensor]) -> Shared:
    blocks = [block for id in used if (block := graph.operation(id).block) is not None]
    paths = list(dict.fromkeys(block.path for block in blocks))
    ids = tuple(tensor.id for tensor in tensors)
    sizes = [shape_text(tensor.shape) or "1" for tensor in tensors]
    first = blocks[0]
    size = counted(sum(size for id, size in first.weights if id in ids))
    if len(paths) == 1:
        label = first.parts[0].label if first.parts else first.label
        return Shared(ids, text("same weights", path=first.path), size, (shorten(f"{label}: {' + '.join(sizes)}", 48),))
    # Only their modules differ: the tensors are tied.
    name = tensors[0].name if len(tensors) == 1 else text("same weights", path=paths[0])
    others = f" and {len(paths) - MOST_NAMED} more" if len(paths) > MOST_NAMED else ""
    where = text("tied", names=", ".join(path.rpartition(".")[2] or path for path in paths[:MOST_NAMED]) + others)
    return Shared(ids, name, size, (shorten(where, 48),))
