"""Connections that lead past the layers of a block, which are a sign on its card when it is folded."""

from __future__ import annotations

from collections.abc import Mapping

from gradviz.recording.model import Block, RecordedOperation, Recording

JOINS = ("add", "cat")
LAYERS = ("convolution", "conv_transpose", "addmm", "mm", "bmm", "baddbmm", "batch_norm", "group_norm", "layer_norm")
"""Operations with weights: a skip leads past at least one, and may go through some itself where it has to change its shape."""
SHAPES = ("view", "reshape", "permute", "t", "transpose", "squeeze", "unsqueeze", "contiguous", "avg_pool2d")

MOST = 2000
"""Operations in a block up to which it is looked for skips."""


def skip_of(recording: Recording, block: Block) -> str:
    """Return what leads past layers inside a block, in a word: ``"skip"``, ``"skip: 1×1 conv"``; ``""`` if nothing does.

    Parameters
    ----------
    recording
        The one that was folded.
    block
        One of its blocks.
    """
    inside = (block.parts[0] if block.parts else block).inside
    outline = recording.graph.outline
    if len(inside) > MOST or all(outline.names[outline.places[id]] not in JOINS for id in inside):
        return ""
    operations = [recording.graph.operation(id) for id in inside]
    made = {output: operation for operation in operations for output in operation.outputs}
    for operation in operations:
        ways = [argument.tensor for argument in operation.inputs]
        if operation.name not in JOINS or len(ways) < 2:
            continue
        behind = [_behind(tensor, made) for tensor in ways]
        for place, tensor in enumerate(ways):
            # Another way leads back to the same tensor, through a layer.
            if any(tensor in other and other[tensor] for at, other in enumerate(behind) if at != place):
                return "skip"
        for place, short in enumerate(behind):
            if any(_projects(ways[place], short, other, made) for at, other in enumerate(behind) if at != place):
                return f"skip: {_kind(recording, ways[place], made)}"
    return ""


def _behind(tensor: str, made: Mapping[str, RecordedOperation]) -> dict[str, bool]:
    """Return the tensors that one was made from inside a block, and whether a layer lies between."""
    found: dict[str, bool] = {tensor: False}
    waiting = [tensor]
    while waiting:
        current = waiting.pop()
        operation = made.get(current)
        if operation is None:
            continue
        layer = found[current] or operation.name in LAYERS
        for argument in operation.inputs:
            if argument.tensor not in found or (layer and not found[argument.tensor]):
                found[argument.tensor] = layer
                waiting.append(argument.tensor)
    return found


def _projects(
    end: str, short: Mapping[str, bool], other: Mapping[str, bool], made: Mapping[str, RecordedOperation]
) -> bool:
    """Return True if one way is a layer that only changes a shape, and the other leads from the same tensor to more."""

    def steps(way: Mapping[str, bool]) -> set[str]:
        return {made[tensor].name for tensor in way if tensor in made}

    common = [tensor for tensor in short if other.get(tensor) and short[tensor]]
    plain = {*LAYERS, *SHAPES}
    return bool(common) and end in made and steps(short) <= plain and not steps(other) <= plain


def _kind(recording: Recording, end: str, made: Mapping[str, RecordedOperation]) -> str:
    """Return what a skip goes through."""
    for tensor in _behind(end, made):
        operation = made.get(tensor)
        if operation is not None and operation.name == "convolution":
            sizes = recording.graph.tensor(operation.inputs[1].tensor).shape[2:]
            return f"{'×'.join(map(str, sizes))} conv"
    return "linear"
