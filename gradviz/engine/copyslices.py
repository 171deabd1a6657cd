"""The node of a change in place to part of a tensor, as the whole tensor has it: `CopySlices`."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from gradviz.engine import strides
from gradviz.engine.node import Node
from gradviz.engine.notation import GRADIENT, names_in
from gradviz.engine.operation import Operation
from gradviz.engine.operations import assignment
from gradviz.engine.tensor import Tensor, edge_of, wrap

OVERLAPS = (
    "unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please "
    "clone() the tensor before performing the operation."
)


def changes_so_far(root: Tensor) -> int:
    """Return how many changes to parts of a tensor there will have been with the one to come."""
    return root._grad_fn.line + 1 if isinstance(root._grad_fn, CopySlices) else 1


class CopySlices(Node):
    """A change in place to part of a tensor, seen from the whole: the part's gradient takes another way.

    Attributes
    ----------
    inner
        What was done to the part.
    part
        Where the part stands in the whole: see `gradviz.engine.strides`.
    overlap
        Whether several of the part's entries stand at one place. Then, as in PyTorch, there is no way back.
    line
        How many such changes to this tensor follow each other up to this one, with nothing between.
    """

    LIMIT = 8 * 1024 * 1024
    """How many bytes a line of changes may keep for pictures: the whole before each, and the whole's gradients."""

    def __init__(self, before: Tensor, inner: Node, part: tuple[Any, ...], overlap: bool) -> None:
        edge = edge_of(before)
        count = len(inner.inputs)
        assert inner.values is not None
        super().__init__(
            (before, *inner.inputs[1:]),
            (edge, *inner.edges[1:]),
            (before.array, *inner.values[1:count], before.array, *inner.settings),
            before.array.shape,
            inner.origin,
        )
        self.operation = of_a_part(inner.operation)
        self.inner, self.part, self.overlap, self.given = inner, part, overlap, inner.given
        self.line = changes_so_far(before)

    @property
    def seen(self) -> tuple[Any, ...] | None:
        """What the last pass brought; only its number where the gradients are too much to be kept."""
        return self._seen

    @seen.setter
    def seen(self, seen: tuple[Any, ...] | None) -> None:
        assert seen is not None
        self._seen = seen if self.line * seen[1].nbytes <= self.LIMIT else (seen[0], None, None, None)

    _seen: tuple[Any, ...] | None = None

    def saved_names(self) -> list[str]:
        """Return what the operation on the part has saved."""
        return self.inner.saved_names()

    def contributions(self, upstream: Any, create_graph: bool = False) -> list[Any]:
        """Send the part's gradient through what was done to it; the rest passes unchanged."""
        part = (
            assignment.as_strided(upstream, *self.part) if create_graph else strides.part(upstream, *self.part).copy()
        )
        first, *others = self.inner.contributions(part, create_graph)
        if self.edges[0] is None:
            return [None, *others]
        if self.overlap:
            raise RuntimeError(OVERLAPS)
        if not create_graph:
            return [strides.with_part(upstream, 0 if first is None else first, *self.part), *others]
        size, stride, offset, lies = self.part
        shape = tuple(upstream.shape)
        whole = upstream * wrap(strides.with_part(np.ones(shape, bool), False, *self.part))
        if first is not None:
            whole = whole + assignment.back_to(first, size, stride, offset, lies, shape)
        return [whole, *others]

    def release(self) -> None:
        """Drop what was done to the part: as in PyTorch, no second pass goes through, whatever that had saved."""
        if self.inner.values is not None:
            if self.inner.operation.settings:
                self.inner.settings_ = self.inner.settings
            self.inner.values = None


@lru_cache(maxsize=256)
def of_a_part(operation: Operation) -> Operation:
    """Return the row for an operation on part of a tensor."""
    symbol, first, *rest = operation.symbol, *operation.inputs
    own, way_back = operation.local.get(first, "0"), "copy_slices_back(grad)"
    # The same for all entries of the part.
    alike = not names_in(own) & {GRADIENT, *operation.inputs, *operation.outputs}
    local = {name: "taken(grad)" if operation.local.get(name) == "1" else way_back for name in rest}
    return replace(
        operation,
        name="copy_slices",
        grad_fn="CopySlices",
        symbol=f"[…] {symbol}" if isinstance(symbol, str) else symbol,
        expression=f"changed({first})",
        local={first: f"{own} if changed else 1" if alike else way_back, **local},
        sentence="",
    )
