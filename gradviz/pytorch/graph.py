"""PyTorch's own graph, as it stands behind results: its nodes, in the order in which they were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

Node = Any
"""``torch.autograd.graph.Node``; it is a class of C++ that says nothing of most that its objects have."""

Edge = tuple[Node, int]
"""A result: the node that made it, and which of that node's results it is."""


@dataclass(frozen=True, slots=True)
class Behind:
    """What results depend on.

    Attributes
    ----------
    nodes
        Every operation, oldest first.
    leaves
        The nodes that put gradients into leaves, each with its ``variable``.
    """

    nodes: tuple[Node, ...]
    leaves: tuple[Node, ...]


def is_leaf(node: Node) -> bool:
    """Return True for a node that adds what arrives to the ``.grad`` of a leaf."""
    return hasattr(node, "variable")


def is_own(node: Node) -> bool:
    """Return True for the node of a function that a user has written."""
    return isinstance(node, torch.autograd.function.BackwardCFunction)


def name_of(node: Node) -> str:
    """Return the name of a node's class, without where that stands."""
    name: str = node.name().rpartition("::")[2]
    return name


def edge_of(tensor: torch.Tensor) -> Edge:
    """Return where a gradient of a tensor enters the graph."""
    node, place = torch.autograd.graph.get_gradient_edge(tensor)
    return node, place


def behind(outputs: Sequence[torch.Tensor]) -> Behind:
    """Find everything that outputs depend on.

    Parameters
    ----------
    outputs
        Results; those without a graph are passed over.
    """
    nodes: dict[Node, None] = {}
    leaves: dict[Node, None] = {}
    waiting = [output.grad_fn for output in outputs if output.grad_fn is not None]
    while waiting:
        node = waiting.pop()
        if node in nodes or node in leaves:
            continue
        if is_leaf(node):
            leaves[node] = None
            continue
        nodes[node] = None
        waiting.extend(before for before, _ in node.next_functions if before is not None)
    return Behind(tuple(_oldest_first(nodes)), tuple(leaves))


def _oldest_first(nodes: dict[Node, None]) -> list[Node]:
    """Sort by PyTorch's sequence numbers, which each thread counts for itself; if several made this graph, by what needs what."""
    ordered = sorted(nodes, key=lambda node: node._sequence_nr())
    place = {node: number for number, node in enumerate(ordered)}
    befores = {node: [before for before, _ in node.next_functions if before in place] for node in ordered}
    if all(place[before] < place[node] for node in ordered for before in befores[node]):
        return ordered
    found: dict[Node, None] = {}
    waiting = list(reversed(ordered))
    while waiting:
        node = waiting.pop()
        if node in found:
            continue
        missing = [before for before in befores[node] if before not in found]
        if missing:
            waiting += [node, *missing]
        else:
            found[node] = None
    return list(found)
