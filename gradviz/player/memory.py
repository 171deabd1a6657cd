"""What is held for the backward pass at each step: how it grows going forward, and is let go on the way back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from gradviz.catalogue import text
from gradviz.recording.model import Graph, RecordedTensor, Recording

SIZES = {"float64": 8, "int64": 8, "float32": 4, "int32": 4, "float16": 2, "int16": 2}
VIEWS = {
    "t", "transpose", "permute", "view", "reshape", "expand", "squeeze", "unsqueeze", "select", "slice", "flatten", "alias",
    "narrow", "unflatten", "movedim", "mT", "detach",
}  # fmt: skip
"""Operations whose results have no memory of their own."""

MOST_TOLD = 3
"""So many operations are named that hold most."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a run holds for its backward pass.

    Attributes
    ----------
    bytes
        After each step.
    at
        Which step each one is, by its pass and what it is about.
    sentence
        How much it is at the most, and which operations hold most of it.
    """

    bytes: list[int]
    at: dict[tuple[str, str], int]
    sentence: str


def held_in(whole: Recording) -> Held | None:
    """Return what is held for backward after each step of a run; ``None`` if nothing is saved.

    It is counted what would be gone without it: results of operations, each once however many operations have saved it. Leaves
    are not counted; whoever made them holds them anyway. An operation lets go of what it has saved when it has run backward.

    Parameters
    ----------
    whole
        Of which nothing is folded.
    """
    graph = whole.graph
    tensors = {tensor.id: tensor for tensor in graph.tensors if tensor.producer is not None}
    savers: dict[str, int] = {}
    saves: dict[str, list[str]] = {}
    for operation in graph.operations:
        held_by = (_behind_views(what, graph) for _, what in operation.saved if what in tensors)
        saves[operation.id] = [one for one in dict.fromkeys(held_by) if one in tensors]
        for id in saves[operation.id]:
            savers[id] = savers.get(id, 0) + 1
    if not savers:
        return None
    held: list[int] = []
    at: dict[tuple[str, str], int] = {}
    holding, left, now = set[str](), dict(savers), 0
    share: dict[str, int] = {}
    for step, frame in enumerate(whole.frames):
        for id in saves.get(frame.current, ()):
            if frame.phase == "forward" and id not in holding:
                holding.add(id)
                share[frame.current] = share.get(frame.current, 0) + _bytes(tensors[id])
                now += _bytes(tensors[id])
            elif frame.phase == "backward" and id in holding:
                left[id] -= 1
                if not left[id]:
                    holding.discard(id)
                    now -= _bytes(tensors[id])
        held.append(now)
        at[frame.phase, frame.current] = step
    names = {operation.id: operation.symbol for operation in graph.operations}
    largest = sorted(share.items(), key=lambda item: -item[1])[:MOST_TOLD]
    parts = ", ".join(f"{names[id]} {size_text(size)}" for id, size in largest)
    said = "held at most" if len(savers) > 1 else "held at most, one"
    return Held(held, at, text(said, "why", most=size_text(max(held)), parts=parts, count=len(savers)))


def memory(shown: Recording, held: Held | None) -> dict[str, Any] | None:
    """Return what is held for backward after each step that is shown, for the front end.

    Parameters
    ----------
    shown
        The steps: those of what is drawn.
    held
        In the same run, before anything in it was folded.

    Returns
    -------
    dict or None
        ``held``: bytes after each step; ``most``: of the whole run; ``sentence``. ``None`` if nothing is saved.
    """
    if held is None:
        return None
    return {"held": _at_the_steps(shown, held.bytes, held.at), "most": max(held.bytes), "sentence": held.sentence}


def _behind_views(id: str, graph: Graph) -> str:
    """Return the tensor whose memory another one looks at, so that nothing is counted twice."""
    while (producer := graph.tensor(id).producer) is not None and graph.operation(producer).name in VIEWS:
        id = graph.operation(producer).inputs[0].tensor
    return id


def _at_the_steps(shown: Recording, held: list[int], at: dict[tuple[str, str], int]) -> list[int]:
    """Return what is held after each step that is shown: a fold's is over when the step after it begins."""
    found: list[int] = []
    following = len(held)
    for frame in reversed(shown.frames):
        step = at.get((frame.phase, frame.current))
        place = step if step is not None else max(following - 1, 0)
        found.append(held[min(place, len(held) - 1)])
        following = place
    return found[::-1]


def _bytes(tensor: RecordedTensor) -> int:
    return math.prod(tensor.shape) * SIZES.get(tensor.dtype, 1)


def size_text(count: int) -> str:
    """Write a number of bytes: ``"12.4 kB"``."""
    if count < 1000:
        return f"{count} bytes"
    for unit in ("kB", "MB", "GB"):
        count_in = count / 1000 ** ("kB", "MB", "GB").index(unit) / 1000
        if count_in < 1000 or unit == "GB":
            return f"{count_in:.3g} {unit}"
    raise AssertionError(count)
