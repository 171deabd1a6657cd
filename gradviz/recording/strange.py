"""The first operation that made a nan or an infinity, forward or backward, with the reason that its numbers give."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gradviz.catalogue import text
from gradviz.engine.numerals import number
from gradviz.recording.model import Argument, Contribution, Graph, RecordedOperation, Recording, Value

Array = np.ndarray[Any, Any]

WRITTEN = {"masked_fill", "where", "fill", "full", "scatter", "index_put", "copy", "fold", "cat", "stack"}
"""Operations that put an infinity where the program wants one, as attention's mask does."""

LARGEST = {"float16": "65504", "float32": "3.4e38", "float64": "1.8e308"}


@dataclass(frozen=True, slots=True)
class Strange:
    """Where the first number that is none was made.

    Attributes
    ----------
    step, phase
        In which step of the recording, and whether going forward or backward; ``"given"`` if a leaf has it from the beginning.
    operation
        The id of the operation; empty if none has made it.
    tensor
        The id of the tensor that got it: as a value, or as a gradient.
    what
        ``"nan"``, ``"∞"`` or ``"−∞"``.
    short, sentence
        The reason in symbols, ``"log(0) = −∞"``, and all of it in a sentence.
    """

    step: int
    phase: Literal["given", "forward", "backward"]
    operation: str
    tensor: str
    what: str
    short: str
    sentence: str


def first_strange(recording: Recording) -> Strange | None:
    """Find the first operation that made a nan or an infinity that matters; ``None`` if there is none.

    What is gone again in the result and in the gradients does not matter, as the infinities in attention's mask.

    Parameters
    ----------
    recording
        What was computed.
    """
    graph = recording.graph
    if not _shows(recording):
        return None
    values: dict[str, Value] = {}
    made: dict[str, int] = {}
    producers = {output: operation for operation in graph.operations for output in operation.outputs}
    first: str | None = None
    for step, frame in enumerate(recording.frames):
        if frame.phase == "forward":
            for id, value in frame.values:
                values[id], made[id] = value, step
                if first is None and id in producers and _odd(value) == "nan":
                    first = id
    if first is None:
        first = next((one.id for one in graph.tensors if one.role == "output" and _odd(values.get(one.id))), None)
        first = first if first in producers else None
    if first is not None:
        maker = _traced(first, values, producers)
        if maker not in producers:
            what, name = _odd(values[maker]), graph.tensor(maker).name
            told = text("strange, given", "why", what=what, name=name)
            return Strange(made[maker], "given", "", maker, what, f"{name} = {what}", told)
        operation = producers[maker]
        what = _odd(values[maker])
        short = _why_forward(operation, values, values[maker])
        return _strange(graph, made[maker], "forward", operation, maker, what, short)
    for step, frame in enumerate(recording.frames):
        if frame.phase == "backward":
            for contribution in frame.contributions:
                if what := _odd(contribution.value):
                    return _backward(graph, step, contribution, values, what)
    return None


def _shows(recording: Recording) -> bool:
    """Return whether the result or a leaf's gradient is strange: what is strange anywhere and matters gets there.

    To look through all numbers would be to write all of them.
    """
    ends = {tensor.id for tensor in recording.graph.tensors if tensor.role == "output"}
    leaves = {tensor.id for tensor in recording.graph.tensors if tensor.role == "parameter"}
    for frame in recording.frames:
        if frame.phase == "forward" and any(id in ends and _odd(value) for id, value in frame.values):
            return True
        if any(one.complete and one.tensor in leaves and _odd(one.value) for one in frame.gradients):
            return True
    return False


def _strange(
    graph: Graph, step: int, phase: Literal["forward", "backward"], operation: RecordedOperation, tensor: str, what: str,
    short: str,
) -> Strange:  # fmt: skip
    told = text(
        f"strange, {phase}", "why", what=what, operation=operation.symbol, name=graph.tensor(tensor).name, short=short,
        line=f" (line {operation.source.line})" if operation.source is not None else "",
    )  # fmt: skip
    return Strange(step, phase, operation.id, tensor, what, short, told)


def _odd(value: Value | None) -> str:
    """Return which number that is none is among some: nan before an infinity; nothing if all are finite."""
    if value is None or not value.dtype.startswith("float"):
        return ""
    if value.data is not None:
        total = sum(value.data)
        if math.isfinite(total):
            return ""
        if any(entry != entry for entry in value.data):
            return "nan"
        return "∞" if any(entry == math.inf for entry in value.data) else "−∞" if -math.inf in value.data else ""
    if value.summary is None:
        return ""
    return "nan" if value.summary.nans else "∞" if value.summary.infs else ""


def _traced(id: str, values: Mapping[str, Value], producers: Mapping[str, RecordedOperation]) -> str:
    """Go back from a result to the first on its way that was made of finite numbers, or to the leaf that has it already.

    A leaf may have an infinity where the program wants one, as attention's mask has: what made a nan of it is meant then.
    """
    start = id
    while True:
        operation = producers[id]
        odd = [a.tensor for a in operation.inputs if _odd(values.get(a.tensor))]
        if not odd:
            return start if operation.name in WRITTEN else id
        leaf = next((one for one in odd if one not in producers), None)
        if leaf is not None:
            return start if _odd(values[start]) == "nan" != _odd(values[leaf]) else leaf
        id = odd[0]


def _array(value: Value | None) -> Array | None:
    return None if value is None or value.data is None else np.array(value.data, np.float64).reshape(value.shape)


def _inputs(operation: RecordedOperation, values: Mapping[str, Value]) -> list[Array | None]:
    return [_array(values.get(argument.tensor)) for argument in operation.inputs]


def _why_forward(operation: RecordedOperation, values: Mapping[str, Value], result: Value) -> str:
    """Write the entry that went wrong in symbols."""
    out, given, name = _array(result), _inputs(operation, values), operation.name.strip("_")
    what = _odd(result)
    if out is None:
        return text("out of finite", "why", operation=operation.symbol, what=what)
    place = np.unravel_index(int(np.flatnonzero(~np.isfinite(out))[0]), out.shape) if out.shape else ()
    shown = _shown(float(out[place]))
    at = [_entry(each, place, out.shape) for each in given]
    x = at[0] if at else None
    if name in SIGNS and len(at) == 2 and None not in at:
        return f"{_term(at[0])} {SIGNS[name]} {_term(at[1])} = {shown}{_too_large(at, out[place], result)}"
    if name == "pow" and x is not None:
        power = at[1] if len(at) > 1 else dict(operation.attributes).get("exponent", "n")
        return f"{_term(x)} ^ {power if isinstance(power, str) else _term(power)} = {shown}"
    if name == "softmax" and given and given[0] is not None and not np.isfinite(given[0]).all():
        return text("softmax of −∞", "why")
    if (
        x is not None
        and len([one for one in at if one is not None]) == 1
        and given[0] is not None
        and given[0].shape == out.shape
    ):
        return f"{operation.symbol}({_shown(x)}) = {shown}{_too_large(at, out[place], result)}"
    if name in ("std", "var") and given and given[0] is not None and given[0].size == 1:
        return text("spread of one", "why", operation=name)
    if what != "nan":
        return text("too large", "why", dtype=result.dtype, largest=LARGEST.get(result.dtype, ""))
    return text("out of finite", "why", operation=operation.symbol, what=what)


SIGNS = {"add": "+", "sub": "−", "mul": "·", "div": "/"}


def _too_large(at: list[Any], result: float, value: Value) -> str:
    """Say that a number is larger than any of its dtype, where that is the reason."""
    finite = all(one is None or math.isfinite(one) for one in at)
    if not (finite and math.isinf(result)) or 0.0 in at or value.dtype not in LARGEST:
        return ""
    return text("larger than", "why", dtype=value.dtype, largest=LARGEST[value.dtype])


def _entry(array: Array | None, place: tuple[Any, ...], shape: tuple[int, ...]) -> float | None:
    if array is None:
        return None
    try:
        return float(np.broadcast_to(array, shape)[place])
    except ValueError:
        return None


def _shown(value: float) -> str:
    return "nan" if value != value else "∞" if value == math.inf else "−∞" if value == -math.inf else number(value)


def _term(value: float | None) -> str:
    told = "?" if value is None else _shown(value)
    return f"({told})" if told.startswith("−") else told


# --- backward ------------------------------------------------------------------------------------------------------------

SLOPES: dict[str, tuple[str, Callable[[float], bool]]] = {
    "sqrt": ("1 / (2·√{x})", lambda x: x == 0),
    "rsqrt": ("−1 / (2·{x}·√{x})", lambda x: x == 0),
    "log": ("1 / {x}", lambda x: x == 0),
    "log2": ("1 / ({x}·ln 2)", lambda x: x == 0),
    "log10": ("1 / ({x}·ln 10)", lambda x: x == 0),
    "reciprocal": ("−1 / {x}²", lambda x: x == 0),
    "asin": ("1 / √(1 − {x}²)", lambda x: abs(x) == 1),
    "acos": ("−1 / √(1 − {x}²)", lambda x: abs(x) == 1),
}
"""Slopes that are infinite somewhere: how they are written, and where."""


def _backward(graph: Graph, step: int, contribution: Contribution, values: Mapping[str, Value], what: str) -> Strange:
    operation, argument = _edge(graph, contribution.argument)
    sent, x = _array(contribution.value), _array(values.get(argument.tensor))
    short = text("slope at", "why", operation=operation.symbol, what=what)
    if sent is not None and x is not None and sent.shape == x.shape:
        place = np.unravel_index(int(np.flatnonzero(~np.isfinite(sent))[0]), sent.shape) if sent.shape else ()
        at = float(x[place])
        slope = SLOPES.get(operation.name)
        if slope is not None and slope[1](at):
            short = f"{slope[0].format(x=_shown(at))} = ∞"
            if what == "nan":
                short = f"0 · ∞ = nan: {short}"
        elif operation.name == "pow" and at == 0:
            power = dict(operation.attributes).get("exponent", "n")
            short = f"{power} · 0^({power} − 1) = ∞"
        elif operation.name == "div" and argument.slot == "other" and at == 0:
            short = "−a / 0² = −∞"
        elif "norm" in operation.name and not np.any(x):
            short = "0 / ‖0‖ = nan"
        else:
            short = text("slope at x", "why", operation=operation.symbol, x=_shown(at), what=what)
    return _strange(graph, step, "backward", operation, argument.tensor, what, short)


def _edge(graph: Graph, id: str) -> tuple[RecordedOperation, Argument]:
    return next((operation, argument) for operation, argument in graph.arguments() if argument.id == id)
