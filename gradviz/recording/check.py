"""What must hold in a recording beside the types of its fields: what a file says is checked once, when it is read.

Those who draw, step and save rely on all of it, and on nothing else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from itertools import pairwise
from typing import Any

from gradviz.recording.guards import DamageError
from gradviz.recording.histogram import BINS, LEAST, MOST
from gradviz.recording.links import ALL, ONE_BY_ONE
from gradviz.recording.model import (
    FULL_VALUE_LIMIT,
    Block,
    Equation,
    Frame,
    Graph,
    Link,
    Pixels,
    RecordedOperation,
    RecordedTensor,
    Recording,
    Summary,
    Value,
)
from gradviz.recording.pixels import matrices_in
from gradviz.recording.values import preview_shape

_SLOT = re.compile("0|[1-9][0-9]{0,8}")
_WHOLE = re.compile(r"(u?)int(8|16|32|64)")


def checked(recording: Recording) -> Recording:
    """Return a recording in which everything that is mentioned is there, and all numbers have their tensor's shape.

    Raises
    ------
    DamageError
        If something does not hold.
    """
    check_graph(recording.graph, "recording.graph")
    if not recording.frames:
        raise DamageError("recording.frames is empty: there is not even a first one")
    parts = _Parts(recording.graph)
    for id, _ in recording.updates:
        if id not in parts.shapes:
            raise DamageError(f"recording.updates tells of {shown(id)}, which is not there")
    for place, frame in enumerate(recording.frames):
        _check_frame(frame, parts, f"frame {place}")
    return recording


# --- the graph --------------------------------------------------------------------------------------------------------


def check_graph(graph: Graph, where: str) -> None:
    """See that every part that a graph mentions is there, and that nothing is used before it is made.

    Raises
    ------
    DamageError
        If something does not hold.
    """
    tensors = {tensor.id: tensor for tensor in graph.tensors}
    operations = {operation.id: operation for operation in graph.operations}
    if len(tensors) < len(graph.tensors) or len(operations) < len(graph.operations) or tensors.keys() & operations:
        raise DamageError(f"{where} uses an id twice")
    paths: set[str] = {""}
    for module in graph.modules:
        if module.path in paths or (module.parent or "") not in paths:
            raise DamageError(f"{where} has a module {shown(module.path)} twice, or one before what it is in")
        paths.add(module.path)
    for place, call in enumerate(graph.calls):
        if call.module not in paths or (call.outer is not None and call.outer >= place):
            raise DamageError(f"{where} has a call {place} of a module that is not there, or before the call around it")
    made: set[str] = set()
    for operation in graph.operations:
        _check_operation(operation, tensors, made, paths)
        if operation.call is not None and (
            operation.call >= len(graph.calls) or graph.calls[operation.call].module != operation.module
        ):
            raise DamageError(
                f"operation {operation.id} ran in call {operation.call} of its module, which there was not"
            )
    for tensor in graph.tensors:
        if tensor.producer is not None and tensor.producer not in operations:
            raise DamageError(f"tensor {tensor.id} is made by {shown(tensor.producer)}, which is not there")
        if tensor.producer is not None and tensor.id not in made:
            raise DamageError(f"tensor {tensor.id} is made by {tensor.producer}, which does not know it")
        if tensor.module not in paths:
            raise DamageError(f"tensor {tensor.id} belongs to the module {shown(tensor.module)}, which is not there")


def _check_operation(
    operation: RecordedOperation, tensors: dict[str, RecordedTensor], made: set[str], paths: Collection[str]
) -> None:
    """See that an operation comes after all that it uses; note what it makes."""
    where = f"operation {operation.id}"
    if not operation.outputs:
        raise DamageError(f"{where} makes nothing")
    after = -1  # an argument's id has its slot; slots in which there was nothing are left out
    for place, argument in enumerate(operation.inputs):
        if argument.tensor not in tensors:
            raise DamageError(f"{where} uses a tensor {shown(argument.tensor)} that is not there")
        slot = _SLOT.fullmatch(argument.id.removeprefix(f"{operation.id}_"))
        if slot is None or int(slot[0]) <= after:
            raise DamageError(f"{where} calls argument {place} {shown(argument.id)}")
        after = int(slot[0])
        if tensors[argument.tensor].producer is not None and argument.tensor not in made:
            raise DamageError(f"{where} uses the tensor {argument.tensor}, which is made after it")
        if argument.link is not None:
            _check_link(argument.link, operation, tensors, argument.tensor, f"{where}, at {argument.id},")
    for output in operation.outputs:
        if output not in tensors:
            raise DamageError(f"{where} makes a tensor {shown(output)} that is not there")
        if output in made or tensors[output].producer != operation.id:
            raise DamageError(f"{where} makes the tensor {output}, which something else has made")
        made.add(output)
    if operation.block is not None:
        _check_block(operation.block, where)
    if operation.module not in paths:
        raise DamageError(f"{where} runs in the module {shown(operation.module)}, which is not there")


def _check_block(block: Block, where: str) -> None:
    """See that a block's numbers are those of what is in it."""
    if block.operations != len(set(block.inside)) or len(block.inside) > block.operations:
        raise DamageError(f"{where} stands for {block.operations} operations, but not once for each that it has")
    if len(dict(block.weights)) < len(block.weights) or block.parameters != sum(size for _, size in block.weights):
        raise DamageError(f"{where} has {block.parameters} parameters, but not those of its tensors")
    for each in block.parts:
        _check_block(each, where)


def _check_link(
    link: Link, operation: RecordedOperation, tensors: dict[str, RecordedTensor], argument: str, where: str
) -> None:
    """See that a link speaks of entries that are there."""
    ids = [argument, *operation.outputs, *filter(None, [link.tensor])]
    if any(id not in tensors for id in ids):
        return  # of the results it is said elsewhere
    own, results = tensors[argument].shape, [tensors[id].shape for id in operation.outputs]
    if link.starts:
        steps = [after - before for before, after in pairwise(link.starts)]
        if (
            len(steps) != math.prod(own)
            or link.starts[0] != 0
            or min(steps, default=0) < 0
            or link.starts[-1] != len(link.results)
            or len(link.factors) not in (0, len(link.results))
            or max(link.results, default=-1) >= sum(map(math.prod, results))
        ):
            raise DamageError(f"{where} has a table of entries that are not there")
        return
    if link.argument == link.result == ALL:
        if math.prod(own) != math.prod(results[0]) or link.factor:
            raise DamageError(f"{where} has entries in the same order in tensors of other sizes")
        return
    shapes = [(link.argument, own), (link.result, results[0])]
    if link.tensor:
        shapes.append((link.factor, tensors[link.tensor].shape))
    elif link.value is not None:
        shapes.append((link.factor, link.value.shape))
    sizes: dict[str, int] = {}
    for letters, shape in shapes:
        if len(letters) != len(shape):
            raise DamageError(f"{where} has {len(letters)} letters for a tensor of shape {list(shape)}")
        for letter, size in zip(letters, shape, strict=True):
            if sizes.setdefault(letter, size) != size or (letter == ONE_BY_ONE and size != 1):
                raise DamageError(f"{where} has one letter for axes of {sizes[letter]} and {size} entries")
    if set(link.factor) - set(link.argument + link.result) - {ONE_BY_ONE}:
        raise DamageError(f"{where} has a factor with a letter of its own")
    if link.value is not None:
        _check_value(link.value, link.value.shape, where)


# --- the frames -------------------------------------------------------------------------------------------------------


class _Parts:
    """A graph's parts by their ids."""

    def __init__(self, graph: Graph) -> None:
        self.shapes = {tensor.id: tensor.shape for tensor in graph.tensors}
        self.operations = {operation.id for operation in graph.operations}
        self.edges = {argument.id: (operation.id, argument.tensor) for operation, argument in graph.arguments()}


def _check_frame(frame: Frame, parts: _Parts, where: str) -> None:
    if frame.current and frame.current not in parts.shapes and frame.current not in parts.operations:
        raise DamageError(f"{where} is about {shown(frame.current)}, which is not there")
    for id, value in (*frame.values, *((gradient.tensor, gradient.value) for gradient in frame.gradients)):
        if id not in parts.shapes:
            raise DamageError(f"{where} gives a value to {shown(id)}, which is not there")
        _check_value(value, parts.shapes[id], where)
    for gradient in frame.gradients:
        if gradient.before is not None:
            _check_value(gradient.before, parts.shapes[gradient.tensor], where)
    collected = {gradient.tensor for gradient in frame.gradients}
    for contribution in frame.contributions:
        if contribution.argument not in parts.edges:
            raise DamageError(f"{where} has a contribution along {shown(contribution.argument)}, which is not there")
        operation, tensor = parts.edges[contribution.argument]
        if operation != frame.current:
            raise DamageError(f"{where} has a contribution along {contribution.argument}, but is about something else")
        if tensor not in collected:
            raise DamageError(f"{where} has a contribution to {tensor}, but no gradient of it")
        _check_value(contribution.value, parts.shapes[tensor], where)
        if contribution.local is not None:
            _check_value(contribution.local, contribution.local.shape, where)
    sent = {contribution.argument for contribution in frame.contributions}
    for equation in frame.equation:
        _check_equation(equation, parts, where)
        if equation.kind == "contribution" and equation.argument not in sent:
            raise DamageError(f"{where} has an equation of what was sent along {shown(equation.argument)}: nothing was")


def _check_equation(equation: Equation, parts: _Parts, where: str) -> None:
    if equation.argument and equation.argument not in parts.edges:
        raise DamageError(f"{where} has an equation about {shown(equation.argument)}, which is not there")
    if len(equation.relations) != max(len(equation.sides) - 1, 0):
        raise DamageError(
            f"{where} has an equation of {len(equation.sides)} sides with {len(equation.relations)} signs"
        )
    for side in equation.sides:
        if any(part.covers >= len(side) - place for place, part in enumerate(side)):
            raise DamageError(f"{where} has a function in an equation that covers more than there is")
    for part in (part for side in equation.sides for part in side):
        if part.tensor and part.tensor not in parts.shapes and part.tensor not in parts.edges:
            raise DamageError(f"{where} has numbers of {shown(part.tensor)} in an equation, which is not there")
        if part.value is not None:
            _check_value(part.value, part.value.shape, where)


def _check_value(value: Value, shape: tuple[int, ...], where: str) -> None:
    """See that a value has its tensor's shape, and either all of its numbers or statistics and a preview."""
    if value.shape != shape:
        raise DamageError(f"{where} has a value of shape {list(value.shape)} for a tensor of shape {list(shape)}")
    size = math.prod(shape)
    if value.data is not None:
        if len(value.data) != size:
            raise DamageError(f"{where} has {len(value.data)} numbers for a tensor of shape {list(shape)}")
        _check_numbers(value, where)
    elif value.summary is not None and not _counts_add_up(value.summary, size):
        raise DamageError(f"{where} has a summary whose counts are not those of {size} entries")
    elif size <= FULL_VALUE_LIMIT or value.summary is None or value.preview is None or value.preview.data is None:
        raise DamageError(f"{where} has a tensor with neither numbers nor a summary")
    if value.preview is not None:
        if value.preview.preview is not None or value.preview.data is None:
            raise DamageError(f"{where} has a preview that is none")
        _check_value(value.preview, preview_shape(shape), where)
    if value.image is not None:
        _check_pixels(value.image, shape, where)


def _check_pixels(pixels: Pixels, shape: tuple[int, ...], where: str) -> None:
    """See that what is kept for a picture is no more than there is, and can be unpacked."""
    most = (math.prod(shape[:-2]), *shape[-2:])
    if len(shape) < 2 or not all(0 < part <= whole for part, whole in zip(pixels.shape, most, strict=True)):
        raise DamageError(f"{where} has pixels of another shape than its tensor")
    if not (math.isfinite(pixels.scale) and pixels.scale > 0):
        raise DamageError(f"{where} has pixels without a scale")
    try:
        matrices_in(pixels)
    except DamageError as damage:
        raise DamageError(f"{where} has {damage}") from None


def _counts_add_up(summary: Summary, size: int) -> bool:
    finite = size - summary.nans - summary.infs
    wanted = [(summary.spread, BINS, finite), (summary.sizes, MOST - LEAST, finite - summary.zeros)]
    return all(not counts or (len(counts) == bins and sum(counts) == total) for counts, bins, total in wanted)


def _check_numbers(value: Value, where: str) -> None:
    """See that the numbers are such as a tensor of the dtype has."""
    assert value.data is not None
    kinds = set(map(type, value.data))
    whole = _WHOLE.fullmatch(value.dtype)
    wanted = {bool} if value.dtype == "bool" else {int} if whole else {int, float}
    if not kinds <= wanted:
        raise DamageError(f"{where} has a number that no tensor of dtype {shown(value.dtype)} has")
    if whole and int in kinds:
        bits = int(whole[2])
        low, high = (0, 2**bits) if whole[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1))
        if not all(low <= number < high for number in value.data):
            raise DamageError(f"{where} has a number that no tensor of dtype {shown(value.dtype)} has")


def shown(value: Any) -> str:
    """Return what a file has in a place, in few characters; also of what is very long."""
    if isinstance(value, str):
        value = value[:60]
    elif isinstance(value, list | dict):
        return f"{type(value).__name__}" if value else str(value)
    elif isinstance(value, int) and abs(value) > 10**30:
        return "a huge number"
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
