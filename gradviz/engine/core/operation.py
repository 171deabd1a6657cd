"""A row of the table of operations: how to compute, and how to differentiate. And how a row is run.

A derivative is one formula per argument, in which `grad` is the upstream gradient and every other parameter names an
argument, a setting, or the ``result``; or the size of one of them, ``self_sym_sizes``. What a formula names is what has
to be saved for it, so nothing needs to be listed twice. A formula uses only operators and NumPy functions: it runs on
arrays, or on tensors, where it is recorded in its turn. It need not undo broadcasting, nor copy a gradient along a
reduced axis: every node does both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradviz.engine.core.node import Node
from gradviz.engine.core.tensor import Edge, Tensor, edge_of, mode, wrap

SIZES = "_sym_sizes"
"""What a formula appends to a name to read no more than its size."""

Rule = Callable[[Any, tuple[Any, ...]], Any]


@dataclass(frozen=True, eq=False)
class Operation:
    """One row of the table."""

    name: str  # PyTorch's name for the function: "mul"
    forward: Callable[..., Any]  # the computation on arrays: takes the `inputs`, then the `settings`
    inputs: tuple[str, ...]  # the arguments that may be tensors
    derivatives: Mapping[str, Callable[..., Any]]  # a formula for each argument that has one
    settings: tuple[str, ...] = ()  # the other arguments
    reduction: bool = False  # whether it reduces axes: its formulas see those kept, with length 1
    outputs: tuple[str, ...] = ("result",)  # what it computes: this, or a tuple; gradients come to the first only, ...
    many: bool = False  # ... unless this is set: its formulas then take the gradients of all as a tuple

    @cached_property
    def fields(self) -> dict[str, int]:
        """Where each name stands in a node's `values`: arguments, then the outputs, then the settings."""
        return {name: place for place, name in enumerate((*self.inputs, *self.outputs, *self.settings))}

    @cached_property
    def differentiable(self) -> tuple[bool, ...]:
        """For each argument, whether it has a derivative."""
        return tuple(name in self.derivatives for name in self.inputs)

    @cached_property
    def rules(self) -> tuple[Any, ...]:
        """For each argument, its formula as a function of the upstream gradient and a node's `values`."""
        formulas = (self.derivatives.get(name) for name in self.inputs)
        return tuple(None if formula is None else self.rule(formula) for formula in formulas)

    def rule(self, formula: Callable[..., Any]) -> Rule:
        """Let a formula pick what it reads from a node's values."""
        fields = {name: (place, False) for name, place in self.fields.items()}
        sizes = {name + SIZES: (place, True) for name, place in self.fields.items()}
        reads = [{**sizes, **fields}[name] for name in parameters(formula)[1:]]
        return lambda grad, values: formula(grad, *[np.shape(values[at]) if size else values[at] for at, size in reads])

    def refuse(self, inputs: tuple[Any, ...], edges: Sequence[Any]) -> None:
        """Raise an error for an argument that may not be part of a graph."""
        for argument in inputs:
            if isinstance(argument, Tensor) and argument._barred:
                raise RuntimeError(argument._barred)

    @cached_property
    def node_type(self) -> type[Node]:
        """The class of its nodes."""
        return type(self.name, (Node,), {"operation": self, "many": self.many})


def parameters(formula: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a formula's parameters (`inspect.signature` would do, at fifty times the cost)."""
    code = getattr(formula, "__wrapped__", formula).__code__
    return code.co_varnames[: code.co_argcount]


def apply(operation: Operation, inputs: tuple[Any, ...], settings: tuple[Any, ...] = ()) -> Any:
    """Run a row on tensors and numbers: compute on their arrays, and note how that was done."""
    arrays = tuple(argument.array if isinstance(argument, Tensor) else argument for argument in inputs)
    result = operation.forward(*arrays, *settings)
    if operation.outputs == ("result",):
        return record(operation, inputs, (*arrays, result, *settings), result)
    first = record(operation, inputs, (*arrays, *result, *settings), result[0])
    node = first._grad_fn if operation.many else None
    return first, *(wrap(array, node, place) for place, array in enumerate(result[1:], start=1))


def record(operation: Operation, inputs: tuple[Any, ...], values: tuple[Any, ...], output: Any) -> Any:
    """Wrap an output as a tensor and, when a gradient may flow, leave the node that made it.

    `values` is what the formulas may read, in the order of `Operation.fields`.
    """
    if not mode.enabled or output.dtype.kind != "f":
        return wrap(output)
    edges: list[Edge | None] = []
    flows = False
    for argument, differentiable in zip(inputs, operation.differentiable, strict=True):
        wants = isinstance(argument, Tensor) and argument._requires_grad and differentiable
        edges.append(edge_of(argument) if wants else None)
        flows = flows or wants
    if not flows:
        return wrap(output)
    operation.refuse(inputs, edges)
    return wrap(output, operation.node_type(inputs, tuple(edges), values, output.shape))
