"""Connections that lead past the layers of a block, which are a sign on its card when it is folded."""

from __future__ import annotations

from collections.abc import Mapping

from gradviz.recording.model import Block
from gradviz.recording.outline import Outline

JOINS = ("add", "cat")
LAYERS = ("convolution", "conv_transpose", "addmm", "mm", "bmm", "baddbmm", "batch_norm", "group_norm", "layer_norm")
"""Operations with weights: a skip leads past at least one, and may go through some itself where it has to change its shape."""
SHAPES = ("view", "reshape", "permute", "t", "transpose", "squeeze", "unsqueeze", "contiguous", "avg_pool2d")

MOST = 2000
"""Operations in a block up to which it is looked for skips."""


def skip_of(outline: Outline, block: Block) -> str:
    """Return what leads past layers inside a block, in a word: ``"skip"``, ``"skip: 1×1 conv"``; ``""`` if nothing does.

    Parameters
    ----------
    outline
        The columns of the graph that was folded: nothing of a large one is made to look for this.
    block
        One of its blocks.
    """
    inside = (block.parts[0] if block.parts else block).inside
    if len(inside) > MOST:
        return ""
    names, inputs = outline.names, outline.inputs
    places = [outline.places[id] for id in inside]
    if all(names[place] not in JOINS for place in places):
        return ""
    made = {output: place for place in places for output in outline.outputs[place]}
    for place in places:
        ways = inputs[place]
        if names[place] not in JOINS or len(ways) < 2:
            continue
        behind = [_behind(outline, tensor, made) for tensor in ways]
        for at, tensor in enumerate(ways):
            # Another way leads back to the same tensor, through a layer.
            if any(tensor in other and other[tensor] for where, other in enumerate(behind) if where != at):
                return "skip"
        for at, short in enumerate(behind):
            others = (other for where, other in enumerate(behind) if where != at)
            if any(_projects(outline, ways[at], short, other, made) for other in others):
                return f"skip: {_kind(outline, ways[at], made)}"
    return ""


def _behind(outline: Outline, tensor: int, made: Mapping[int, int]) -> dict[int, bool]:
    """Return the tensors that one was made from inside a block, and whether a layer lies between."""
    found: dict[int, bool] = {tensor: False}
    waiting = [tensor]
    while waiting:
        current = waiting.pop()
        place = made.get(current)
        if place is None:
            continue
        layer = found[current] or outline.names[place] in LAYERS
        for entering in outline.inputs[place]:
            if entering not in found or (layer and not found[entering]):
                found[entering] = layer
                waiting.append(entering)
    return found


def _projects(
    outline: Outline, end: int, short: Mapping[int, bool], other: Mapping[int, bool], made: Mapping[int, int]
) -> bool:
    """Return True if one way is a layer that only changes a shape, and the other leads from the same tensor to more."""

    def steps(way: Mapping[int, bool]) -> set[str]:
        return {outline.names[made[tensor]] for tensor in way if tensor in made}

    common = [tensor for tensor in short if other.get(tensor) and short[tensor]]
    plain = {*LAYERS, *SHAPES}
    return bool(common) and end in made and steps(short) <= plain and not steps(other) <= plain


def _kind(outline: Outline, end: int, made: Mapping[int, int]) -> str:
    """Return what a skip goes through."""
    for tensor in _behind(outline, end, made):
        place = made.get(tensor)
        if place is not None and outline.names[place] == "convolution":
            sizes = outline.shapes[outline.inputs[place][1]][2:]
            return f"{'×'.join(map(str, sizes))} conv"
    return "linear"
