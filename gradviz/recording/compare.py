"""Two recordings of one structure: whether they are, and the difference of their numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from gradviz.recording.model import Frame, Gradient, Pixels, Recording, Summary, Value
from gradviz.recording.pixels import matrices_in, pixels_of


class StructureError(ValueError):
    """Two recordings are not of one structure; the message says where they part."""


def structure_difference(before: Recording, after: Recording) -> str:
    """Return where two recordings part, in words; ``""`` if they are of the same computation on other numbers."""
    first, second = before.graph, after.graph
    for place, (one, other) in enumerate(zip(first.operations, second.operations, strict=False), start=1):
        if one.name != other.name:
            return f"operation {place} is {one.name} in the first and {other.name} in the second"
    if len(first.operations) != len(second.operations):
        return f"the first has {len(first.operations)} operations, the second {len(second.operations)}"
    for one_tensor, other_tensor in zip(first.tensors, second.tensors, strict=False):
        if one_tensor.shape != other_tensor.shape:
            return (
                f"{one_tensor.name} has shape {list(one_tensor.shape)} in the first and "
                f"{list(other_tensor.shape)} in the second"
            )
    wires = [
        [(argument.tensor, operation.outputs) for operation in graph.operations for argument in operation.inputs]
        for graph in (first, second)
    ]
    return "their operations are not connected in the same way" if wires[0] != wires[1] else ""


def check_structure(before: Recording, after: Recording) -> None:
    """Make sure that two recordings are of the same computation on other numbers.

    Raises
    ------
    StructureError
        If they are not.
    """
    if reason := structure_difference(before, after):
        raise StructureError(f"these two cannot be compared: {reason}")


def difference(before: Recording, after: Recording) -> Recording:
    """Return a recording of what changed: every value and gradient is that of `after` less that of `before`.

    Of tensors too large to be kept in full, the difference is that of the means of their blocks.

    Raises
    ------
    StructureError
        If the two are not of one structure.
    """
    check_structure(before, after)
    first, last = before.at(), after.at()
    values = _less(last.values, first.values)
    earlier = {id: gradient.value for id, gradient in first.gradients.items()}
    later = {id: gradient.value for id, gradient in last.gradients.items()}
    gradients = tuple(Gradient(id, value, complete=True) for id, value in _less(later, earlier).items())
    done = [operation.id for operation in after.graph.operations]
    frames = [
        Frame("forward", "", "Change", "What changed from the first to the second.", values=tuple(values.items()))
    ]
    frames += [Frame("forward", id, "Change", "") for id in done]
    frames += [Frame("backward", "", "Change of the gradients", "And of the gradients.", gradients=gradients)]
    return replace(after, frames=tuple(frames), title=f"{after.title}: what changed")


def _less(later: Mapping[str, Value], earlier: Mapping[str, Value]) -> dict[str, Value]:
    return {id: _minus(value, earlier[id]) for id, value in later.items() if id in earlier}


def _minus(value: Value, other: Value) -> Value:
    if value.data is not None and other.data is not None:
        return replace(value, data=tuple(float(a) - float(b) for a, b in zip(value.data, other.data, strict=True)))
    assert value.preview is not None
    assert other.preview is not None
    preview = _minus(value.preview, other.preview)
    assert preview.data is not None
    numbers = [float(number) for number in preview.data if math.isfinite(number)] or [0.0]
    mean = sum(numbers) / len(numbers)
    sd = math.sqrt(sum((number - mean) ** 2 for number in numbers) / len(numbers))
    unknown = len(preview.data) - len(numbers)
    return replace(
        value,
        preview=preview,
        image=_less_pixels(value.image, other.image),
        summary=Summary(mean, sd, min(numbers), max(numbers), 0, unknown, 0),
    )


def _less_pixels(pixels: Pixels | None, other: Pixels | None) -> Pixels | None:
    if pixels is None or other is None or pixels.shape != other.shape:
        return None
    return pixels_of(matrices_in(pixels) - matrices_in(other), pixels.shape)
