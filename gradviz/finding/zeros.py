"""Where on the way back a gradient became zero, or next to nothing: read off the numbers of a backward pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz.engine.core.backward import leading_to
from gradviz.engine.node import Node
from gradviz.engine.numerals import number
from gradviz.engine.tensor import Tensor
from gradviz.finding.answer import Finding, found
from gradviz.finding.lines import line_of
from gradviz.recording.told import Pass

if TYPE_CHECKING:
    from gradviz.finding.causes import Question
    from gradviz.finding.reach import Reach

Array = np.ndarray[Any, Any]

RECTIFIERS = {"relu", "relu6", "threshold", "hardtanh", "hardswish", "hardsigmoid"}
FLAT = {"sign", "round", "floor", "ceil", "trunc", "heaviside", "floor_divide"}
SATURATING = {"sigmoid", "tanh", "softmax", "_softmax", "log_softmax", "_log_softmax", "hardsigmoid", "erf"}

SMALL = 1e-2
"""A saturated operation lets less than this part of a gradient through."""

MOST_NAMED = 8
"""Units that are told one by one."""


def zeros_on_the_way(
    question: Question, reach: Reach, ran: Pass, zeros: int, size: int, length: float
) -> list[Finding]:
    """Say which operations keep a gradient from its tensor.

    Parameters
    ----------
    question, reach
        What is asked, and the graph.
    ran
        What the backward pass brought.
    zeros, size, length
        Of the gradient: how many entries are zero, how many there are, and its length.
    """
    path = _path(reach, question.tensor)
    told: list[Finding] = []
    if zeros == size:
        for node, upstream, sent in _steps(path, ran):
            if _any(upstream) and sent and not any(_any(one) for one in sent):
                told.append(_at(reach, node, _killer(question, node)))
        return told[:2]
    for node, upstream, sent in _steps(path, ran):
        if node.operation.name in RECTIFIERS and zeros:
            dead, units = dead_units(_input(node), node.operation.name)
            if len(dead):
                told.append(_at(reach, node, _dead(question, node, dead, units)))
        elif node.operation.name in SATURATING and length:
            arrived, passed = _length(upstream), sum(_length(one) for one in sent)
            if arrived and passed / arrived < SMALL:
                told.append(_at(reach, node, _saturated(question, node, passed / arrived)))
    return told[:3]


def _path(reach: Reach, tensor: Tensor) -> list[Node]:
    """Return the operations between the result and a leaf, the youngest first."""
    end = tensor._accumulate() if tensor._accumulate is not None else None
    ends = {end} if end is not None else set()
    leading = leading_to(ends, list(reversed(reach.nodes)))
    return [node for node in reversed(reach.nodes) if node in leading]


def _steps(path: list[Node], ran: Pass) -> Iterator[tuple[Node, Any, list[Any]]]:
    """Go along a path: each operation, what arrived, and what it sent on towards the leaf."""
    on_it = set(path)
    for node in path:
        if node not in ran.upstream:
            continue
        sent = [
            gradient
            for edge, gradient in zip(node.edges, ran.contributions[node], strict=False)
            if edge is not None and gradient is not None and (edge[0] in on_it or hasattr(edge[0], "variable"))
        ]
        yield node, ran.upstream[node], sent


def _any(gradient: Any) -> bool:
    parts = gradient if isinstance(gradient, tuple | list) else (gradient,)
    return any(part is not None and bool(np.any(part)) for part in parts)


def _length(gradient: Any) -> float:
    parts = gradient if isinstance(gradient, tuple | list) else (gradient,)
    return sum(float(np.linalg.norm(np.asarray(part, np.float64))) for part in parts if part is not None)


def _input(node: Node) -> Array:
    one = node.inputs[0]
    is_tensor = hasattr(one, "values_at")
    values = one.values_at(node.made) if is_tensor else one
    return np.asarray(one.array if values is None and is_tensor else values)


def _at(reach: Reach, node: Node, finding: Finding) -> Finding:
    """Say at which operation something was found: recordings number them as they were made."""
    return replace(finding, operation=f"o{reach.nodes.index(node)}")


def _killer(question: Question, node: Node) -> Finding:
    """Say why an operation sends on nothing but zeros."""
    name, line = node.operation.name, line_of(node.origin)
    given = {"name": question.name, "output": question.output_name, "operation": name}
    x = _input(node)
    if name in RECTIFIERS:
        dead, units = dead_units(x, name)
        if len(dead) == units:
            return found("dead", line, "all dead", advice="dead", **given, count=units, size=x.size)
        return _dead(question, node, dead, units)
    if name in FLAT:
        return found("flat", line, **given)
    if name in SATURATING:
        low, high = _ends(x)
        return found("saturated", line, "all saturated", advice="saturated", **given, low=low, high=high)
    if name in ("mul", "div", "masked_fill", "where", "dropout", "native_dropout"):
        others = [
            question.world.name_of(one) or "a factor" if hasattr(one, "values_at") else f"{float(one):g}"
            for one in node.inputs
            if not np.any(getattr(one, "array", one))
        ]
        return found(
            "masked", line, "factor zero" if others else "masked", advice="masked", **given, factor=(others or [""])[0]
        )
    if name.startswith("clamp"):
        return found("clamped", line, **given)
    return found("zero", line, "zero here", advice="zero here", **given)


def dead_units(x: Array, name: str = "relu") -> tuple[Array, int]:
    """Return which units pass nothing on for any example of the batch, and how many units there are.

    Parameters
    ----------
    x
        What goes into the rectifier: units along the second axis of a batch (channels of images), the only one otherwise.
    name
        Which one: some have an upper end, too.
    """
    closed: Any = x <= 0
    if name in ("relu6", "hardtanh"):
        closed = (x <= (0 if name == "relu6" else -1)) | (x >= (6 if name == "relu6" else 1))
    if x.ndim >= 2:
        closed = closed.all(axis=tuple(axis for axis in range(x.ndim) if axis != 1))
    closed = np.atleast_1d(closed)
    return np.flatnonzero(closed), closed.size


def _dead(question: Question, node: Node, dead: Array, units: int) -> Finding:
    which = ", ".join(map(str, dead[:MOST_NAMED])) + (", …" if len(dead) > MOST_NAMED else "")
    batch = _input(node).shape[0] if _input(node).ndim >= 2 else 1
    return found(
        "dead",
        line_of(node.origin),
        "dead one" if len(dead) == 1 else "dead",
        advice="dead",
        name=question.name,
        operation=node.operation.name,
        count=len(dead),
        units=units,
        which=which,
        batch=batch,
    )


def _saturated(question: Question, node: Node, share: float) -> Finding:
    low, high = _ends(_input(node))
    operation = node.operation.name
    return found(
        "saturated",
        line_of(node.origin),
        name=question.name,
        operation=operation.strip("_"),
        low=low,
        high=high,
        share=f"{share:.2g}",
    )


def _ends(x: Array) -> tuple[str, str]:
    finite = x[np.isfinite(x)]
    return (number(float(finite.min()), 3), number(float(finite.max()), 3)) if finite.size else ("nan", "nan")
