"""The backward pass, fast: what `gradviz.engine.core.backward` and the usual listener do, in one function."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from gradviz.engine import inplace
from gradviz.engine.core import backward as core
from gradviz.engine.core.operation import Operation, parameters
from gradviz.engine.core.tensor import edge_of, mode, wrap
from gradviz.engine.core.unbroadcast import unbroadcast
from gradviz.engine.listening import Usual
from gradviz.engine.node import AccumulateGrad, Node

_age = attrgetter("made")


class Pass(core.Pass):
    """The usual pass: on arrays, with `Usual` listening.

    Nodes with several results, with hooks, or with a way of their own, run as ever.
    """

    listener: Usual

    def __init__(
        self,
        outputs: Sequence[Any],
        listener: Usual,
        *,
        create_graph: bool = False,
        wanted: Sequence[Any] = (),
        accumulating: bool = False,
    ) -> None:
        if wanted:
            super().__init__(outputs, listener, create_graph=create_graph, wanted=wanted, accumulating=accumulating)
            return
        self.starts = [edge_of(tensor) for tensor in outputs]
        self.listener, self.create_graph, self.accumulating = listener, create_graph, accumulating
        self.targets, self.found, self.arriving, self.leading = [], {}, {}, None
        seen: set[Any] = set()
        waiting: dict[Any, int] = {}
        self.waiting = waiting
        found: list[Any] = list(self.starts)
        while found:
            edge = found.pop()
            if edge is None:
                continue
            node = edge[0]
            if type(node) is AccumulateGrad:
                waiting[node] = waiting.get(node, 0) + 1
            elif node not in seen:
                seen.add(node)
                found.extend(node.edges)
        self.order = sorted(seen, key=_age, reverse=True)

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
                many, rules, reduced, drops, settings = node.plan or plan_of(node)
                if many:
                    upstream = self.gathered(node)
                else:
                    upstream = arriving.pop(node, None)
                    if upstream is not None and (found or rules is None):
                        upstream = self.completed(node, 0, upstream)
                edges = node.edges
                if upstream is None:
                    self.deliver(edges, [None] * len(edges), node)
                    continue
                if leading is not None and node not in leading:
                    continue
                if rules is None:
                    self.deliver(edges, self.contributions(node, upstream), node)
                    if not retain_graph:
                        node.release()
                    continue
                if inplace.latest > node.made:
                    inplace.check(node)
                values, inputs = node.values, node.inputs
                if values is None:
                    raise node.used_twice()
                whole = upstream if reduced is None else upstream.reshape(np.shape(values[reduced]))
                contributions: list[Any] = []
                ends = None
                for place, edge in enumerate(edges):  # (twice as fast as a zip of the three)
                    if edge is None:
                        contributions.append(None)
                        continue
                    formula, reads, first, second = rules[place]
                    if reads == 1:
                        gradient = formula(whole, values[first])
                    elif reads == 2:
                        gradient = formula(whole, values[first], values[second])
                    else:
                        gradient = formula(whole) if reads == 0 else formula(whole, values)
                    if gradient is not None:
                        shape, dtype = values[place].shape, inputs[place].array.dtype
                        if gradient.shape != shape or gradient.dtype is not dtype:
                            gradient = unbroadcast(gradient, shape, dtype)
                    contributions.append(gradient)
                    target = edge[0]
                    if reaches is not None and target not in reaches:
                        continue
                    key = edge if target.many else target
                    held = arriving.get(key)
                    if held is None:
                        arriving[key] = gradient
                    elif gradient is not None:
                        arriving[key] = held + gradient
                    if type(target) is AccumulateGrad:
                        if waiting[target] == 1:  # its hooks may change what the other formulas read
                            ends = [target] if ends is None else [*ends, target]
                        else:
                            waiting[target] -= 1
                node.seen = (number, upstream, contributions, None)
                if ends is not None:
                    for target in ends:
                        self.finish(target, node)
                if drops is not False and not retain_graph:
                    if drops is None:
                        node.release()
                    elif drops is True or node.operation.saved_names(tuple([edge is not None for edge in edges])):
                        if settings is not None:
                            node.settings_ = node.values[settings:]
                        node.values = None
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


DEPENDS = "depends"

Plan = tuple[bool, tuple[Any, ...] | None, int | None, Any, int | None]
"""Of a class of nodes: whether gradients arrive at several results; its rules, ``None`` if it has a way of its own; where the
result stands that a reduction has kept the axes of; whether it drops what it saved (True), has nothing to drop (False), has to
look at its edges, or has a way of its own (None); and where its settings begin, if it has any."""


def reading(operation: Operation, formula: Any, rule: Any) -> tuple[Any, int, int, int]:
    """Return a formula, how many values it reads if those are two at most, and where they stand; or else its rule."""
    names = () if formula is None else parameters(formula)[1:]
    if formula is None or len(names) > 2 or not operation.fields.keys() >= set(names):
        return rule, 3, 0, 0
    places = [operation.fields[name] for name in names]
    return formula, len(places), *[*places, 0, 0][:2]


def plan_of(node: Any) -> Plan:
    """Note for the class of a node how its nodes run; one that has hooks runs as ever."""
    kind = type(node)
    operation = getattr(kind, "operation", None)
    if node.hooks is not None or operation is None or kind.contributions is not Node.contributions:
        return node.many, None, None, None, None
    reduced = operation.fields["result"] if operation.reduction else None
    formulas = [operation.derivatives.get(name) for name in operation.inputs]
    rules = tuple(reading(operation, *pair) for pair in zip(formulas, operation.rules, strict=True))
    drops: Any = DEPENDS if operation.saves is None else operation.saves
    drops = drops if kind.release is Node.release else None
    settings = len(operation.inputs) + len(operation.outputs) if operation.settings else None
    kind.plan = node.many, rules, reduced, drops, settings
    return kind.plan
