"""Graphs of the same structure, and where in them the numbers are found that a recording keeps."""

from __future__ import annotations

from collections.abc import Sequence
from opcode import opmap
from types import CodeType
from typing import Any

import numpy as np

from gradviz.engine.node import AccumulateGrad, Node
from gradviz.engine.tensor import Tensor
from gradviz.recording.model import FULL_VALUE_LIMIT
from gradviz.training.run.program import Program

CACHE, PRECALL = opmap["CACHE"], opmap.get("PRECALL")

SAMPLE = 256
"""Of how many entries of large data it is looked at whether they have changed."""


class Plan:
    """Where, among the nodes of a graph of known structure, the numbers to keep are found.

    Attributes
    ----------
    number
        Of its program among the run's.
    found
        By slot of the program: where.
    owners
        By slot: which of the run's parameters goes in there.
    last
        By slot: what was kept last time, to be kept again if it has not changed.
    """

    def __init__(self, number: int, program: Program, found: list[Any], owners: dict[int, int]) -> None:
        self.number, self.program, self.found, self.owners = number, program, found, owners
        self.last: list[Any] = [None] * len(found)
        self._seen: list[Any] = [None] * len(found)  # of large data: the tensor it was in, and the tensor's version

    def leaf(self, slot: int, nodes: Sequence[Node]) -> AccumulateGrad:
        """Return where the gradient of the parameter in a slot arrives."""
        at, place = self.found[slot]
        edge = nodes[at].edges[place]
        assert edge is not None
        assert isinstance(edge[0], AccumulateGrad)
        return edge[0]

    def same(self, slot: int, array: Any, nodes: Sequence[Node]) -> bool:
        """Whether what stands in a slot is what was kept of it last time.

        To compare large data takes as long as to compute with it. A tensor whose version is the same was not changed by the
        engine; by NumPy it may have been, behind the engine's back, so some of its entries are compared all the same.
        """
        known = self.last[slot]
        if known is None or known.shape != array.shape:
            return False
        if array.size > FULL_VALUE_LIMIT:
            holder = _holder(nodes, self.found[slot])
            seen = None if holder is None else (holder, holder._version)
            before, self._seen[slot] = self._seen[slot], seen
            if seen is not None and before is not None and seen[0] is before[0] and seen[1] == before[1]:
                stride = array.size // SAMPLE
                return bool((known.ravel()[::stride] == array.ravel()[::stride]).all())
            return bool((known == array).all())
        return bool(known.tobytes() == array.tobytes())  # of few entries by far the fastest way to compare them


def _holder(nodes: Sequence[Node], where: tuple[int, Any]) -> Tensor | None:
    """Return the tensor that brings what stands in a slot, if it is one."""
    at, place = where
    argument = None if isinstance(place, tuple) else nodes[at].inputs[place]
    return argument if isinstance(argument, Tensor) else None


def signature_of(nodes: Sequence[Node]) -> tuple[Any, ...]:
    """Return what two graphs of the same structure have in common."""
    places = {node: place for place, node in enumerate(nodes)}
    leaves: dict[int, int] = {}
    parts: list[Any] = []
    for node in nodes:
        parts += (type(node), node.output_shape, _instruction(*node.origin))
        for argument, edge in zip(node.inputs, node.edges, strict=True):
            if edge is not None and type(edge[0]) is not AccumulateGrad:
                parts.append((places[edge[0]], edge[1]))
            elif isinstance(argument, Tensor):
                leaf = argument if edge is None else edge[0].variable
                known = leaves.setdefault(id(leaf), len(leaves))
                parts += (known if edge is None else -1 - known, argument.array.shape)
            else:
                parts.append(None)
        parts += [_told(setting) for setting in node.settings]
    return tuple(parts)


def _instruction(code: CodeType, offset: int) -> int:
    """Return where an instruction begins, however Python runs it.

    Before Python 3.13 one that was run often enough to be specialised stands at the end of its inline cache while it calls;
    and Python 3.11 writes a call as two, of which the specialised first does the work of both.
    """
    text = code.co_code
    while text[offset] == CACHE:
        offset -= 2
    return offset + 4 if text[offset] == PRECALL else offset


def _told(setting: Any) -> Any:
    if setting is None or isinstance(setting, int | float | str):
        return setting
    if isinstance(setting, np.ndarray):
        return setting.shape
    if isinstance(setting, tuple | list):
        return tuple(_told(part) for part in setting)
    return repr(setting)


def upstream_of(output: Tensor) -> Any:
    """Return what backpropagation has just started with, if it was not the number 1; else ``None``."""
    node = output._grad_fn
    assert node is not None
    if node.seen is None or node.seen[1] is None:
        return None
    upstream = node.seen[1][output._output_nr] if node.many else node.seen[1]
    if upstream is None or (output.array.size == 1 and upstream.item() == 1):
        return None
    return upstream
