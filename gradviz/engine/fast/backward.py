"""The backward pass, fast: what `gradviz.engine.core.backward` and the usual listener do, in one function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.engine import inplace
from gradviz.engine.core import backward as core
from gradviz.engine.core.node import unbroadcast
from gradviz.engine.core.tensor import mode, wrap
from gradviz.engine.listening import Usual
from gradviz.engine.node import AccumulateGrad, Node


class Pass(core.Pass):
    """The usual pass: on arrays, with `Usual` listening.

    Nodes with several results, with hooks, or with a way of their own, run as ever.
    """

    listener: Usual

    def run(self, gradients: Sequence[Any], retain_graph: bool = False) -> list[Any]:
        """Walk the graph once."""
        if self.create_graph:
            return super().run(gradients, retain_graph)
        before, mode.enabled = mode.enabled, False
        arriving, waiting, leading, found = self.arriving, self.waiting, self.leading, self.found
        reaches = None if leading is None else self.reaches
        number = self.listener.number
        try:
            self.deliver(self.starts, gradients, None)
            node: Any
            for node in self.order:
                upstream: Any
                if node.many:
                    upstream = self.gathered(node)
                else:
                    upstream = arriving.pop(node, None)
                    if upstream is not None and (found or node.hooks is not None):
                        upstream = self.completed(node, 0, upstream)
                edges = node.edges
                if upstream is None:
                    self.deliver(edges, [None] * len(edges), node)
                    continue
                if leading is not None and node not in leading:
                    continue
                rules, reduced, drops = node.plan or plan_of(type(node))
                if rules is None or node.hooks is not None:
                    contributions = self.contributions(node, upstream)
                else:
                    if inplace.latest > node.made:
                        inplace.check(node)
                    values, inputs = node.values, node.inputs
                    if values is None:
                        raise node.used_twice()
                    whole = upstream if reduced is None else upstream.reshape(np.shape(values[reduced]))
                    contributions = []
                    for place, edge in enumerate(edges):  # (twice as fast as a zip of the three)
                        if edge is None:
                            contributions.append(None)
                            continue
                        gradient, argument = rules[place](whole, values), values[place]
                        if gradient is not None:
                            dtype = inputs[place].array.dtype
                            if gradient.shape != argument.shape or gradient.dtype is not dtype:
                                gradient = unbroadcast(gradient, argument.shape, dtype)
                        contributions.append(gradient)
                    node.seen = (number, upstream, contributions, None)
                for place, edge in enumerate(edges):
                    if edge is None:
                        continue
                    target = edge[0]
                    if reaches is not None and target not in reaches:
                        continue
                    gradient = contributions[place]
                    key = edge if target.many else target
                    held = arriving.get(key)
                    if held is None:
                        arriving[key] = gradient
                    elif gradient is not None:
                        arriving[key] = held + gradient
                    if type(target) is AccumulateGrad:
                        if waiting[target] == 1:
                            self.finish(target, node)
                        else:
                            waiting[target] -= 1
                if not retain_graph:
                    if drops:
                        node.values = None
                    elif drops is None:
                        node.release()
        finally:
            mode.enabled = before
        return [found[edge] for edge in self.targets]

    def finish(self, end: Any, giver: Any) -> None:
        """Add to a leaf that no hook looks at."""
        leaf = end.variable
        if self.create_graph or self.found or end.hooks or leaf._hooks or leaf._post_accumulate_hooks:
            super().finish(end, giver)
            return
        gradient = self.arriving.pop(end)
        if gradient is None:
            return
        held = leaf._grad
        end.seen = (self.listener.number, None if held is None else held.array.copy(), gradient, gradient)
        if giver is not None:
            if giver.ended is None:
                giver.ended = {}
            giver.ended[end] = end.seen
        if self.accumulating and leaf._requires_grad:
            if held is None:
                leaf._grad = wrap(gradient.copy() if isinstance(gradient, np.ndarray) else gradient)
            else:
                end.add(gradient)


Plan = tuple[tuple[Any, ...] | None, int | None, bool | None]
"""Of a class of nodes: its rules, ``None`` if it has a way of its own; where the result stands that a reduction has kept
the axes of; and whether it drops what it saved, has nothing to drop, or has to look."""


def plan_of(kind: type[Any]) -> Plan:
    """Note for a class of nodes how they run."""
    operation = getattr(kind, "operation", None)
    if operation is None or kind.contributions is not Node.contributions:
        kind.plan = None, None, None
    else:
        reduced = operation.fields["result"] if operation.reduction else None
        looks = kind.release is not Node.release or operation.settings
        kind.plan = operation.rules, reduced, None if looks else operation.saves
    plan: Plan = kind.plan
    return plan
