"""What a backward pass did: one that has been, or one that is run to be watched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradviz.engine.backward import run
from gradviz.engine.hooks import Replaced
from gradviz.engine.node import AccumulateGrad, Node
from gradviz.engine.tensor import Tensor

Key = tuple[Any, ...]
"""A result: its node, and which of its outputs it is."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What one backward pass did.

    Attributes
    ----------
    order
        The nodes that ran, in order.
    upstream, contributions
        By node: the gradient that arrived, and what went to each argument.
    before
        By leaf: what its ``.grad`` held already, or ``None``.
    total
        By leaf: what this pass brought it.
    arrived
        By leaf: what of that had arrived, before its hooks were called.
    replaced
        By node: what its hooks were given, if it has any.
    """

    order: tuple[Node, ...]
    upstream: Mapping[Node, Any]
    contributions: Mapping[Node, Sequence[Any]]
    before: Mapping[Tensor, Any]
    total: Mapping[Tensor, Any]
    arrived: Mapping[Tensor, Any]
    replaced: Mapping[Node, Replaced]

    def gradient_of(self, key: Key) -> Any:
        """Return the gradient of a result: what arrived, or what the hooks of its tensor put in its place."""
        node, place = key
        given = self.replaced.get(node)
        gradient = self.upstream[node] if given is None or given.upstream is None else given.upstream
        return gradient[place] if node.many else gradient

    def arrived_at(self, key: Key) -> Any:
        """Return what had arrived at a result before the hooks of its tensor were called."""
        given = self.replaced.get(key[0])
        return given.outputs[key[1]] if given is not None and key[1] in given.outputs else self.gradient_of(key)

    def sent(self, node: Node) -> Sequence[Any]:
        """Return what a node computed for its arguments, before the hooks that come after it were called."""
        given = self.replaced.get(node)
        return self.contributions[node] if given is None or given.contributions is None else given.contributions


def nodes_behind(outputs: Sequence[Tensor]) -> list[Node]:
    """Every operation that the outputs depend on, oldest first."""
    found: set[Node] = set()
    waiting: list[Any] = [tensor._grad_fn for tensor in outputs if tensor._grad_fn is not None]
    while waiting:
        node = waiting.pop()
        if node in found:
            continue
        found.add(node)
        waiting.extend(edge[0] for edge in node.edges if edge is not None and isinstance(edge[0], Node))
    return sorted(found, key=lambda node: node.made)


def past_pass(outputs: Sequence[Tensor], nodes: Sequence[Node]) -> Pass | None:
    """Return what the last ``backward()`` through these outputs left with the nodes.

    ``None`` if there was none, or if a node could not keep what came (a long line of changes in place does not).
    """
    root = outputs[0]._grad_fn
    if root is None or root.seen is None:
        return None
    number = root.seen[0]
    order = [node for node in reversed(nodes) if node.seen is not None and node.seen[0] == number]
    if any(node.seen is None or node.seen[1] is None for node in order):
        return None
    leaves = {
        accumulator.variable: seen
        for node in nodes
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


def trial_pass(outputs: Sequence[Tensor], gradients: Sequence[Tensor]) -> Pass:
    """Run the engine's backward pass and watch it, leaving every ``.grad`` and every saved tensor as it was.

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
    replaced: dict[Node, Replaced] = {}

    def watch(node: Any, first: Any, second: Any, third: Any) -> None:
        if isinstance(node, AccumulateGrad):
            before[node.variable], total[node.variable], arrived[node.variable] = first, second, third
        else:
            order.append(node)
            upstream[node], contributions[node] = first, second
            if third is not None:
                replaced[node] = third

    run(outputs, [seed.array for seed in gradients], retain_graph=True, observer=watch)
    return Pass(tuple(order), upstream, contributions, before, total, arrived, replaced)


def places_of(node: Node) -> range:
    """Return the numbers of a node's outputs from which gradients flow."""
    return range(len(node.operation.outputs) if node.many else 1)


def freed(nodes: Sequence[Node]) -> bool:
    """Return True if a backward pass has dropped what these nodes had saved."""
    return any(node.values is None for node in nodes)


TARGETS = ("target", "targets")
"""Settings that are drawn as arguments are: what losses compare with."""


def targets_of(node: Node) -> list[tuple[str, Tensor]]:
    """Return the tensors that a loss compares with where they are settings of its row, with the settings' names."""
    return [(name, tensor) for name, tensor in node.given if name in TARGETS] if node.given else []
