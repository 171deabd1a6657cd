"""What gradviz's own engine tells. No other module of this folder reads the engine's graph."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from gradviz.engine.backward import run
from gradviz.engine.copyslices import CopySlices
from gradviz.engine.memory import HALF
from gradviz.engine.node import AccumulateGrad, Node
from gradviz.engine.tensor import Tensor, wrap
from gradviz.recording.model import Pixels
from gradviz.recording.pixels import pixels_of
from gradviz.recording.told import Identity, Key, Pass, Printed
from gradviz.recording.values import copied, dtype_text, kept

TARGETS = ("target", "targets")
"""Settings that are drawn as arguments are: what losses compare with."""


class Engine:
    """The engine as a source of recordings: see `gradviz.recording.told.Source`."""

    operation = Node

    # --- what the learner's variables hold -----------------------------------------------------------------------

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, Tensor)

    def is_module(self, value: Any) -> bool:
        # Without importing nn: this folder stands beside it.
        return hasattr(type(value), "named_parameters") and hasattr(type(value), "_tag")

    def tags_of(self, module: Any) -> Sequence[tuple[str, int]]:
        return [(path, id(part._tag())) for path, part in module.named_modules()]

    def parameters_of(self, module: Any) -> Sequence[tuple[str, Any]]:
        return list(module.named_parameters())

    # --- the graph ------------------------------------------------------------------------------------------------

    def operations_behind(self, outputs: Sequence[Tensor]) -> list[Node]:
        found: set[Node] = set()
        waiting: list[Any] = [tensor._grad_fn for tensor in outputs if tensor._grad_fn is not None]
        while waiting:
            node = waiting.pop()
            if node in found:
                continue
            found.add(node)
            for edge in node.edges:
                if edge is not None and isinstance(edge[0], Node):
                    waiting.append(edge[0])
        return sorted(found, key=attrgetter("made"))

    def past_pass(self, outputs: Sequence[Tensor], operations: Sequence[Node]) -> Pass | None:
        """Return what the last ``backward()`` left; ``None`` too if a node could not keep what came, as in a long line of changes in place."""
        root = outputs[0]._grad_fn
        if root is None or root.seen is None:
            return None
        number = root.seen[0]
        order = [node for node in reversed(operations) if node.seen is not None and node.seen[0] == number]
        if any(node.seen is None or node.seen[1] is None for node in order):
            return None
        leaves = {
            accumulator.variable: seen
            for node in operations
            if node.ended is not None
            for accumulator, seen in node.ended.items()
            if seen[0] == number
        }
        return Pass(
            tuple(order),
            {node: node.seen[1] for node in order if node.seen},
            {node: node.seen[2] for node in order if node.seen},
            {leaf: seen[1] for leaf, seen in leaves.items()},
            {leaf: seen[2] for leaf, seen in leaves.items()},
            {leaf: seen[3] for leaf, seen in leaves.items()},
            {node: node.seen[3] for node in order if node.seen and node.seen[3] is not None},
        )

    def trial_pass(self, outputs: Sequence[Tensor], gradient: Tensor | None) -> Pass:
        """Run the engine's backward pass and watch it.

        Raises
        ------
        RuntimeError
            As ``backward()``: if the graph has been freed, or a tensor in it was changed in place.
        """
        order: list[Node] = []
        upstream: dict[Node, Any] = {}
        contributions: dict[Node, Sequence[Any]] = {}
        before: dict[Tensor, Any] = {}
        total: dict[Tensor, Any] = {}
        arrived: dict[Tensor, Any] = {}
        replaced: dict[Node, Any] = {}

        def watch(node: Any, first: Any, second: Any, third: Any) -> None:
            if isinstance(node, AccumulateGrad):
                before[node.variable], total[node.variable], arrived[node.variable] = first, second, third
            else:
                order.append(node)
                upstream[node], contributions[node] = first, second
                if third is not None:
                    replaced[node] = third

        seed = wrap(np.ones_like(outputs[0].array)) if gradient is None else gradient
        run(outputs[:1], [seed.array], retain_graph=True, observer=watch)
        return Pass(tuple(order), upstream, contributions, before, total, arrived, replaced)

    def remarks(self, ran: Pass | None) -> Sequence[str]:
        return ()

    def freed(self, operations: Sequence[Node]) -> bool:
        return any(node.values is None for node in operations)

    def is_freed(self, operation: Node) -> bool:
        return operation.values is None

    def name_of(self, operation: Node) -> str:
        return type(operation).__name__

    def targets_of(self, operation: Node) -> list[tuple[str, Tensor]]:
        return [(name, tensor) for name, tensor in operation.given if name in TARGETS] if operation.given else []

    def part_of(self, operation: Node) -> tuple[Any, ...] | None:
        return operation.part if isinstance(operation, CopySlices) else None

    # --- tensors --------------------------------------------------------------------------------------------------

    def identity(self, tensor: Tensor) -> Identity:
        return id(tensor) if tensor._grad_fn is None else (id(tensor._grad_fn), tensor._output_nr)

    def made_by(self, tensor: Tensor) -> Key:
        return tensor._grad_fn, tensor._output_nr

    def requires_grad(self, tensor: Tensor) -> bool:
        return tensor._requires_grad

    def base_of(self, tensor: Tensor) -> Tensor | None:
        return tensor._base

    def view_of(self, tensor: Tensor) -> Any:
        if tensor._base is None or tensor._requires_grad or tensor._memory is not None:
            return None
        array = tensor.array
        return id(tensor._base), array.shape, array.strides, array.__array_interface__["data"][0]

    def detached_from(self, tensor: Tensor) -> Tensor | None:
        return None if tensor._source is None else tensor._source()

    def cut_of(self, tensor: Tensor) -> tuple[str, str, Any] | None:
        return None if tensor._cut is None else (tensor._cut.kind, tensor._cut.word, tensor._cut.origin)

    def layout_of(self, tensor: Tensor) -> Any:
        return tensor.array

    def reference_to(self, tensor: Tensor) -> Callable[[], Any]:
        return weakref.ref(tensor)

    # --- numbers --------------------------------------------------------------------------------------------------

    def numbers_in(self, tensor: Tensor, operation: Node, *, done: bool = False) -> Any:
        base = tensor._base
        if tensor._memory is None and (base is None or base._memory is None):  # nothing has ever been written into it
            return tensor.array
        values = tensor.values_at(operation.made + HALF if done else operation.made)
        return tensor.array if values is None else values

    def written_number(self, tensor: Tensor, operation: Node) -> Any:
        values = tensor.values_at(operation.made)
        return None if values is None else values.item()

    def kind_of(self, numbers: Any) -> tuple[tuple[int, ...], str]:
        return numbers.shape, dtype_text(numbers.dtype)

    def copied(self, numbers: Any) -> Any:
        return copied(numbers)

    def kept(self, numbers: Any, printed: Printed | None = None) -> tuple[Any, Any]:
        return kept(numbers, printed)

    def pixels(self, numbers: Any, shape: tuple[int, int, int]) -> Pixels | None:
        return pixels_of(numbers, shape)

    def same(self, numbers: Any, others: Any) -> bool:
        return numbers is others or (
            numbers is not None and others is not None and np.array_equal(numbers, others, equal_nan=True)
        )

    def all_ones(self, numbers: Any) -> bool:
        return bool(np.all(np.asarray(numbers) == 1))


ENGINE = Engine()
