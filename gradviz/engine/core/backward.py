"""The backward pass.

Gradients travel from the outputs back to the leaves. A node may run once all the gradients of its output have arrived,
and among the nodes that may, the one made last goes first. Now, whatever used a result was made after it. So the
youngest node that still waits is always ready, and the whole pass is one walk over the nodes from the youngest to the
oldest: no recursion, no queue, each node once however many paths lead to it. Only the leaves' ends are not made in any
order; each has its turn as soon as its last gradient has arrived.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from gradviz.engine.core.node import Gradients, Node
from gradviz.engine.core.tensor import AccumulateGrad, Edge, Tensor, edge_of, mode, wrap


class Listener:
    """What is told of a backward pass as it goes; it may put another gradient in the place of one that it is shown."""

    def complete(self, node: Any, place: int, gradient: Any) -> Any:
        """All of the gradient of a node's result, or of a leaf, has arrived."""
        return gradient

    def starts(self, node: Node, upstream: Any) -> Any:
        """A node is about to run."""
        return upstream

    def ran(self, node: Node, upstream: Any, contributions: list[Any]) -> list[Any]:
        """A node has multiplied what arrived by its local derivatives."""
        return contributions

    def failed(self, node: Node) -> None:
        """A node has raised an error."""

    def ends(self, end: AccumulateGrad, gradient: Any, arrived: Any, giver: Node | None) -> Any:
        """A leaf is about to get its gradient; `arrived` is what it was at first, and the last of it came from `giver`."""
        return gradient

    def added(self, end: AccumulateGrad, gradient: Any) -> None:
        """A leaf has got it."""


class Pass:
    """One backward pass, from some outputs.

    With `create_graph` it computes on tensors, recording; with `accumulating` it adds to the ``.grad`` of the leaves that it
    reaches; of `wanted` tensors it finds the gradients, and runs only what leads to them.
    """

    def __init__(
        self,
        outputs: Sequence[Tensor],
        listener: Listener,
        *,
        create_graph: bool = False,
        wanted: Sequence[Tensor] = (),
        accumulating: bool = False,
    ) -> None:
        self.starts = [edge_of(tensor) for tensor in outputs]
        self.listener, self.create_graph, self.accumulating = listener, create_graph, accumulating
        self.order, self.waiting = nodes_behind(self.starts)
        self.targets = [edge_of(tensor) for tensor in wanted]
        self.found: dict[Any, Any] = dict.fromkeys(self.targets)
        self.arriving: dict[Any, Any] = {}
        """By node (and result, where it has several): the sum of the gradients so far."""
        self.leading: set[Any] | None = None
        """The nodes from which a gradient goes on to a tensor that is wanted; ``None`` if all leaves are."""
        if wanted:
            ends = {edge[0] for edge in self.targets if edge is not None}
            self.leading = leading_to(ends, self.order)
            self.order = [node for node in self.order if node in self.leading or node in ends]
            self.reaches = self.leading | ends

    def run(self, gradients: Sequence[Any], retain_graph: bool = False) -> list[Any]:
        """Walk the graph once with these gradients of the outputs; return those of `wanted`, where any came."""
        before, mode.enabled = mode.enabled, self.create_graph
        try:
            self.deliver(self.starts, gradients, None)
            for node in self.order:
                # Its gradient is complete: whatever used its result was made later, and has had its turn.
                upstream = self.gathered(node) if node.many else self.completed(node, 0, self.arriving.pop(node, None))
                if upstream is None:  # no gradient comes this way, and none goes on
                    self.deliver(node.edges, [None] * len(node.edges), node)
                elif self.leading is None or node in self.leading:
                    self.deliver(node.edges, self.contributions(node, upstream), node)
                    if not retain_graph:
                        node.release()
        finally:
            mode.enabled = before
        return [self.found[edge] for edge in self.targets]

    def contributions(self, node: Node, upstream: Any) -> list[Any]:
        """Let a node run."""
        upstream = self.listener.starts(node, upstream)
        try:
            contributions = node.contributions(upstream, self.create_graph)
        except Exception:
            self.listener.failed(node)
            raise
        return self.listener.ran(node, upstream, contributions)

    def deliver(self, edges: Sequence[Edge | None], gradients: Sequence[Any], giver: Node | None) -> None:
        """Add each gradient to those that have arrived at the end of its edge."""
        for edge, gradient in zip(edges, gradients, strict=True):
            if edge is None or (self.leading is not None and edge[0] not in self.reaches):
                continue
            key = edge if edge[0].many else edge[0]
            held = self.arriving.get(key)
            if held is None:
                self.arriving[key] = gradient
            elif gradient is not None:
                self.arriving[key] = held + gradient
            if isinstance(edge[0], AccumulateGrad):
                self.waiting[edge[0]] -= 1
                if not self.waiting[edge[0]]:
                    self.finish(edge[0], giver)

    def completed(self, node: Any, place: int, arrived: Any) -> Any:
        """Return all of a result's gradient, as the listener leaves it; and note it if it was wanted."""
        if arrived is None:
            return None
        gradient = self.listener.complete(node, place, arrived)
        if (node, place) in self.found:
            # As the listener leaves it; as it arrived where the way goes on to something else that is wanted: PyTorch's rule.
            wished = arrived if self.leading and node in self.leading else gradient
            self.found[node, place] = wished if self.create_graph else wrap(wished)
        return gradient

    def gathered(self, node: Node) -> Gradients | None:
        """Collect the gradients of a node's several results: zeros where none has arrived, ``None`` if none has at all."""
        if node.values is None:
            raise node.used_twice()
        results = node.values[len(node.inputs) :][: len(node.operation.outputs)]
        places = range(len(results))
        arrived = [self.completed(node, place, self.arriving.pop((node, place), None)) for place in places]
        if all(gradient is None for gradient in arrived):
            return None
        gradients = Gradients(
            (wrap(np.zeros_like(result)) if self.create_graph else np.zeros_like(result)) if one is None else one
            for one, result in zip(arrived, results, strict=True)
        )
        gradients.arrived = tuple(one is not None for one in arrived)
        return gradients

    def finish(self, end: AccumulateGrad, giver: Node | None) -> None:
        """A leaf has all its gradients: the end of the line."""
        arrived = self.arriving.pop(end)
        gradient = self.completed(end, 0, arrived)
        if gradient is None:
            return
        gradient = self.listener.ends(end, gradient, arrived, giver)
        if self.accumulating:
            if end.variable._requires_grad:  # still
                end.add(gradient)
            self.listener.added(end, gradient)


def nodes_behind(edges: Sequence[Edge | None]) -> tuple[list[Node], dict[AccumulateGrad, int]]:
    """Find every node behind some edges, youngest first; and for each leaf, how many gradients it will get."""
    seen: set[Node] = set()
    waiting: dict[AccumulateGrad, int] = {}
    found: list[Any] = list(edges)
    while found:
        edge = found.pop()
        if edge is None:
            continue
        node = edge[0]
        if isinstance(node, AccumulateGrad):
            waiting[node] = waiting.get(node, 0) + 1
        elif node not in seen:
            seen.add(node)
            found.extend(node.edges)
    return sorted(seen, key=attrgetter("made"), reverse=True), waiting


def leading_to(ends: set[Any], order: Sequence[Node]) -> set[Any]:
    """Return the nodes from which a gradient goes on to one of some ends."""
    leading: set[Any] = set()
    for node in reversed(order):
        if any(edge is not None and (edge[0] in ends or edge[0] in leading) for edge in node.edges):
            leading.add(node)
    return leading
