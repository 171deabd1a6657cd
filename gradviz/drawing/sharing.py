"""Weights that several blocks share: drawn once, and joined to each of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gradviz.catalogue import text
from gradviz.drawing.block import LINE, SIDE, TITLE, counted, sized
from gradviz.drawing.body import NO_BODY
from gradviz.drawing.options import Options
from gradviz.drawing.text import mono_width, shorten, width
from gradviz.recording.model import Graph, RecordedTensor

if TYPE_CHECKING:
    from gradviz.drawing.view import Arrow, Card

HEADER, BELOW = 27.0, 14.0
"""Heights of a card's first line and of those below it."""

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
        What their card says: in its first line, in its second, and in what follows.
    told
        Whether it says how large their gradients are, or their update.
    update
        In a training: by how much the step changed them.
    """

    tensors: tuple[str, ...]
    name: str
    size: str
    lines: tuple[str, ...]
    told: bool = False
    update: float | None = None


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
            f"{len(tensors)} × {sized(shape)}",
            (),
        )
        for (_, shape), tensors in entering.items()
        if len(tensors) > 1
    ]


def _shared(graph: Graph, used: tuple[str, ...], tensors: list[RecordedTensor]) -> Shared:
    blocks = [block for id in used if (block := graph.operation(id).block) is not None]
    paths = list(dict.fromkeys(block.path for block in blocks))
    ids = tuple(tensor.id for tensor in tensors)
    sizes = [sized(tensor.shape) for tensor in tensors]
    first = blocks[0]
    size = counted(sum(size for id, size in first.weights if id in ids))
    if len(paths) == 1:
        label = first.parts[0].label if first.parts else first.label
        name = text("same weights", path=first.path)
        return Shared(ids, name, size, (shorten(label, 30), shorten(" + ".join(sizes), 30)))
    # Only their modules differ: the tensors are tied.
    name = tensors[0].name if len(tensors) == 1 else text("same weights", path=paths[0])
    others = f" and {len(paths) - MOST_NAMED} more" if len(paths) > MOST_NAMED else ""
    where = text("tied", names=", ".join(path.rpartition(".")[2] or path for path in paths[:MOST_NAMED]) + others)
    return Shared(ids, name, size, (shorten(where, 48),))


# --- their cards ----------------------------------------------------------------------------------------------------------


def with_shared(
    groups: Iterable[Shared], cards: Iterable[Card], updates: Mapping[str, float], options: Options
) -> tuple[Card, ...]:
    """Put one card in the place of those of tensors that are drawn together."""
    stands = {group.tensors[0]: group for group in groups}
    gone = {id for group in stands.values() for id in group.tensors[1:]}
    left = (card for card in cards if card.tensor.id not in gone)
    return tuple(
        _together(card, stands[card.tensor.id], updates, options) if card.tensor.id in stands else card for card in left
    )


def without_others(groups: Iterable[Shared], arrows: Sequence[Arrow]) -> list[Arrow]:
    """Leave of the arrows from tensors that are drawn together those from the first.

    They say that weights are the same ones, in one line: the gradient is told on their card, and not along each.
    """
    first = {group.tensors[0] for group in groups}
    gone = {id for group in groups for id in group.tensors[1:]}
    return [
        replace(arrow, carries_gradient=False) if arrow.tail in first else arrow
        for arrow in arrows
        if arrow.tail not in gone
    ]


def _together(card: Card, group: Shared, updates: Mapping[str, float], options: Options) -> Card:
    told = card.tensor.requires_grad and options.shows("grads") and options.detail != "structure"
    texts = [width(group.name, TITLE, bold=True), width(group.size, LINE), *(mono_width(t, LINE) for t in group.lines)]
    wide = max(texts) + 2 * SIDE
    lines = 1 + len(group.lines) + told
    changes = [updates[id] for id in group.tensors if id in updates]
    return replace(
        card,
        name=group.name,
        shape=group.size,
        body=NO_BODY,
        has_value=False,
        has_gradient=False,
        form="card",
        width=round(wide),
        height=HEADER + BELOW * lines + 3,
        meets=(),
        shared=replace(group, told=told, update=math.hypot(*changes) if changes else None),
    )
