"""Why a tensor of a recording has no gradient, or a gradient of zeros: what the player says of what is clicked."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.catalogue import text
from gradviz.finding.zeros import FLAT, MOST_NAMED, RECTIFIERS, SATURATING, dead_units
from gradviz.recording.model import Moment, RecordedOperation, Recording, Value

Array = np.ndarray[Any, Any]


def whys(recording: Recording) -> dict[str, str]:
    """Say of tensors and operations why no gradient comes, or only zeros.

    Parameters
    ----------
    recording
        The one that is drawn, with its backward pass.

    Returns
    -------
    dict
        Sentences, by the ids of those that there is something to be said of.
    """
    graph, now = recording.graph, recording.at()
    told = {tensor.id: tensor.cut for tensor in graph.tensors if tensor.cut}
    users: dict[str, list[RecordedOperation]] = {}
    for operation in graph.operations:
        for argument in operation.inputs:
            users.setdefault(argument.tensor, []).append(operation)
    zero = {id for id, gradient in now.gradients.items() if gradient.complete and _is_zero(gradient.value)}
    for operation in graph.operations:
        if operation.name in RECTIFIERS and (said := _dead(operation, now)):
            told[operation.id] = said
    for operation in reversed(graph.operations):  # what stands behind others takes its reason from them
        for id in [*operation.outputs, *(argument.tensor for argument in operation.inputs)]:
            if id in zero and id not in told:
                reason = _reason(users.get(id, []), zero, told, now)
                if reason:
                    told[id] = reason
    return told


def _reason(users: list[RecordedOperation], zero: set[str], told: dict[str, str], now: Moment) -> str:
    for operation in users:
        arrived = [id for id in operation.outputs if id in now.gradients]
        if any(id not in zero for id in arrived):
            return _closed(operation, now)
        known = next((told[id] for id in arrived if id in told), "")
        if known:
            return known
    return ""


def _closed(operation: RecordedOperation, now: Moment) -> str:
    """Say why an operation passes nothing back."""
    name = operation.name.strip("_")
    kind = (
        "dead" if name in RECTIFIERS else "flat" if name in FLAT else "saturated" if name in SATURATING
        else "clamped" if name.startswith("clamp") else "masked" if name in ("mul", "div", "where", "masked_fill") else "here"
    )  # fmt: skip
    line = f" (line {operation.source.line})" if operation.source is not None else ""
    return text(f"zero at {kind}", "why", operation=operation.symbol, line=line)


def _dead(operation: RecordedOperation, now: Moment) -> str:
    x = _array(now.values.get(operation.inputs[0].tensor))
    if x is None or not x.size:
        return ""
    dead, units = dead_units(x, operation.name)
    if not len(dead) or (x.ndim < 2 and units == 1 and len(dead) != 1):
        return ""
    which = ", ".join(map(str, dead[:MOST_NAMED])) + (", …" if len(dead) > MOST_NAMED else "")
    batch = x.shape[0] if x.ndim >= 2 else 1
    return text("dead units", "why", count=len(dead), units=units, which=which, batch=batch)


def _array(value: Value | None) -> Array | None:
    return None if value is None or value.data is None else np.array(value.data, np.float64).reshape(value.shape)


def _is_zero(value: Value) -> bool:
    if value.data is not None:
        return bool(value.data) and not any(value.data)
    return value.summary is not None and value.summary.zeros == int(np.prod(value.shape))
