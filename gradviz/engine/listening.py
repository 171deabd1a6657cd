"""What listens to a backward pass: hooks and retained gradients, changes in place, the memory for pictures, anomaly mode."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from gradviz.engine import anomaly, hooks, inplace
from gradviz.engine.core.backward import Listener
from gradviz.engine.node import AccumulateGrad, Node

Observer = Callable[[Any, Any, Any, Any], None]
"""Told of each node that ran: ``(node, upstream, contributions, replaced)`` for an operation, ``(accumulator, before,
gradient, arrived)`` for a leaf; arrays all."""

_passes = itertools.count(1)


class Usual(Listener):
    """What every pass does besides multiplying.

    The user's hooks are called, tensors retain their gradients, nodes whose saved tensors were changed in place are refused,
    and the nodes remember what passed, for pictures drawn afterwards.

    Parameters
    ----------
    create_graph, accumulating
        As the pass.
    """

    keeps = True
    """Whether anything is changed by the pass: what is only watched leaves all as it was."""

    def __init__(self, create_graph: bool, accumulating: bool) -> None:
        self.create_graph, self.accumulating = create_graph, accumulating
        self.number = next(_passes)

    def complete(self, node: Any, place: int, gradient: Any) -> Any:
        """Call the hooks of a tensor, and let it retain its gradient."""
        if isinstance(node, AccumulateGrad):
            leaf = node.variable
            return hooks.replaced(leaf._hooks, gradient, self.create_graph) if leaf._hooks else gradient
        if node.hooks is None:
            return gradient
        return node.hooks.gradient_complete(place, gradient, self.create_graph, self.keeps)

    def starts(self, node: Any, upstream: Any) -> Any:
        """Call the hooks before a node, and refuse it if what it needs is no longer what it was."""
        if node.hooks is not None:
            upstream = node.hooks.node_starts(upstream, self.create_graph)
        if inplace.latest > node.made:
            inplace.check(node)
        return upstream

    def ran(self, node: Any, upstream: Any, contributions: list[Any]) -> list[Any]:
        """Call the hooks after a node, and remember what passed."""
        replaced = None
        if node.hooks is not None:
            contributions = node.hooks.node_done(contributions, upstream, self.create_graph)
            replaced = node.hooks.ran()
        if self.create_graph:
            self.remember(node, hooks.array_of(upstream), [hooks.array_of(one) for one in contributions], replaced)
        else:
            self.remember(node, upstream, contributions, replaced)
        return contributions

    def ends(self, end: Any, gradient: Any, arrived: Any, giver: Any) -> Any:
        """Call the hooks before a leaf's gradient is added, and remember what stood there."""
        if end.hooks is not None and (self.accumulating or not self.keeps):
            gradient = end.hooks.node_starts(gradient, self.create_graph)
        held = end.variable._grad
        before = None if held is None else held.array.copy()
        if self.create_graph:
            self.remember_end(end, giver, before, hooks.array_of(gradient), hooks.array_of(arrived))
        else:
            self.remember_end(end, giver, before, gradient, arrived)
        return gradient

    def added(self, end: Any, gradient: Any) -> None:
        """Call the hooks after that."""
        for hook in end.variable._post_accumulate_hooks or ():
            if hook(end.variable) is not None:
                raise RuntimeError("Tensor post accumulate grad hooks should return None.")
        if end.hooks is not None:
            end.hooks.node_done([], gradient, self.create_graph)

    def remember(self, node: Node, upstream: Any, contributions: list[Any], replaced: Any) -> None:
        """Leave with a node what passed it."""
        node.seen = (self.number, upstream, contributions, replaced)

    def remember_end(self, end: AccumulateGrad, giver: Node | None, before: Any, gradient: Any, arrived: Any) -> None:
        """Leave with a leaf what it got; and with the node from which the last of it came."""
        end.seen = (self.number, before, gradient, arrived)
        if giver is not None:
            if giver.ended is None:
                giver.ended = {}
            giver.ended[end] = end.seen


class Observed(Usual):
    """A pass that somebody watches: it changes nothing."""

    keeps = False

    def __init__(self, create_graph: bool, observer: Observer) -> None:
        super().__init__(create_graph, False)
        self.observer = observer

    def remember(self, node: Node, upstream: Any, contributions: list[Any], replaced: Any) -> None:
        """Tell of a node."""
        self.observer(node, upstream, contributions, replaced)

    def remember_end(self, end: AccumulateGrad, giver: Node | None, before: Any, gradient: Any, arrived: Any) -> None:
        """Tell of a leaf."""
        self.observer(end, before, gradient, arrived)


class Suspicious(Usual):
    """A pass in anomaly mode."""

    def ran(self, node: Any, upstream: Any, contributions: list[Any]) -> list[Any]:
        """Look for gradients that are not numbers."""
        try:
            anomaly.check(node, contributions)
        except RuntimeError:
            self.failed(node)
            raise
        return super().ran(node, upstream, contributions)

    def failed(self, node: Any) -> None:
        """Say which line of the forward pass it was."""
        anomaly.warn_of(node)


def listener(create_graph: bool, accumulating: bool, observer: Observer | None = None) -> Usual:
    """Return what listens to a pass."""
    if observer is not None:
        return Observed(create_graph, observer)
    return (Suspicious if anomaly.anomaly.enabled else Usual)(create_graph, accumulating)
