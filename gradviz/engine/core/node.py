"""The nodes of the graph: one for each operation that ran.

A node knows its inputs, and so where gradients have to go: along its `edges`, to the nodes that made those inputs, or to
the end of the line at a leaf. Nothing points the other way, so there are no reference cycles, and a graph disappears
with the last tensor that needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz.engine.core.clock import next_number
from gradviz.engine.core.tensor import Edge, Tensor, mode, wrap
from gradviz.engine.core.unbroadcast import unbroadcast, unbroadcast_tensor

if TYPE_CHECKING:
    from gradviz.engine.core.operation import Operation


class Node:
    """One operation that was run, seen from behind."""

    operation: Operation  # the row of the table: each row has a class of nodes
    many = False  # whether gradients arrive at several results
    values: tuple[Any, ...] | None

    def __init__(
        self,
        inputs: tuple[Any, ...],
        edges: tuple[Edge | None, ...],
        values: tuple[Any, ...],
        output_shape: tuple[int, ...],
    ) -> None:
        self.inputs = inputs  # the arguments as they were given: tensors, and plain numbers for constants
        self.edges = edges  # for each, where its gradient goes, or ``None``
        self.values = values  # what the formulas read: arguments, results and settings, as arrays; dropped after use
        self.output_shape = output_shape
        self.made = next_number()  # whatever uses a result is younger than what made it

    def contributions(self, upstream: Any, create_graph: bool = False) -> list[Any]:
        """Multiply the upstream gradient by the local derivative of each argument.

        With `create_graph` on tensors: the same formulas are recorded in their turn. Where no gradient flows stands ``None``.
        """
        if self.values is None:
            raise self.used_twice()
        values = self.tensors() if create_graph else self.values
        if self.operation.reduction:  # the formulas see the axes that were reduced, with length 1
            upstream = upstream.reshape(np.shape(self.values[self.operation.fields["result"]]))
        result: list[Any] = []
        mode.formulas = create_graph
        try:
            for place, edge in enumerate(self.edges):
                gradient = None if edge is None else self.operation.rules[place](upstream, values)
                if gradient is None:  # the formula may say that nothing comes back, which not even zeros do
                    result.append(None)
                elif create_graph:
                    result.append(unbroadcast_tensor(gradient, values[place]))
                else:  # the dtype as it was given: what is read may have been brought to another's
                    result.append(unbroadcast(gradient, values[place].shape, self.inputs[place].array.dtype))
        finally:
            mode.formulas = False
        return result

    def tensors(self) -> tuple[Any, ...]:
        """The values as tensors that carry their graph, for derivatives of derivatives."""
        assert self.values is not None
        count = len(self.inputs)
        arguments = [
            given if isinstance(given, Tensor) else value
            for given, value in zip(self.inputs, self.values[:count], strict=True)
        ]
        end = count + len(self.operation.outputs)
        arrays = list(self.values[count:end])
        results = [wrap(array, self if self.many or not place else None, place) for place, array in enumerate(arrays)]
        if self.operation.reduction:  # the tensor has lost the axes that were reduced
            results[0] = wrap(arrays[0].reshape(self.output_shape), self).reshape(np.shape(arrays[0]))
        return (*arguments, *results, *self.values[end:])

    def release(self) -> None:
        """Drop the saved values."""
        self.values = None

    def used_twice(self) -> Exception:
        """Return the error for a node that has been released."""
        return RuntimeError(f"what {self.operation.name} had saved was dropped by the first backward pass")


class Gradients(tuple[Any, ...]):
    """The gradients of a node's several results (a matrix is taken apart into three): zeros where none has arrived."""

    arrived: tuple[bool, ...]  # where one has
