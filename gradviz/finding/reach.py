"""What a result was computed from: the leaves that its gradient reaches, and where its graph ends before them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gradviz.engine.cut import Cut
from gradviz.engine.node import Node
from gradviz.engine.tensor import Tensor
from gradviz.finding.world import World

MOST_CUTS = 64
"""So many cuts are followed on the way back."""


@dataclass(frozen=True)
class End:
    """A tensor at which the graph ends, since no gradient goes on from there.

    Attributes
    ----------
    tensor
        The tensor.
    node
        The operation that used it; ``None`` for the result itself.
    place
        Which of the operation's arguments it is.
    """

    tensor: Tensor
    node: Node | None = None
    place: int = 0


class Reach:
    """The graph behind a result.

    Attributes
    ----------
    output, world
        The result, and whose it is.
    nodes
        The operations it depends on, oldest first.
    leaves
        The leaves that its gradient reaches, by their ids.
    ends
        The tensors at which no gradient goes on.
    """

    def __init__(self, output: Tensor, world: World) -> None:
        self.output, self.world = output, world
        self.nodes: list[Node] = world.operations_behind(output)
        self.leaves: dict[int, Tensor] = {}
        self.ends: list[End] = []
        if output._grad_fn is None:
            if output._requires_grad:
                self.leaves[id(output)] = output
            else:
                self.ends.append(End(output))
        seen: set[int] = set()
        for node in self.nodes:
            for place, (argument, edge) in enumerate(zip(node.inputs, node.edges, strict=False)):
                if edge is not None:
                    if (leaf := world.tensor(getattr(edge[0], "variable", None))) is not None:
                        self.leaves[id(leaf)] = leaf
                        if leaf._cut is not None and id(leaf) not in seen:  # a new leaf, made of what was computed
                            seen.add(id(leaf))
                            self.ends.append(End(leaf, node, place))
                elif (tensor := world.tensor(argument)) is not None and id(tensor) not in seen:
                    seen.add(id(tensor))
                    self.ends.append(End(tensor, node, place))
            for _, given in node.given:
                if (tensor := world.tensor(given)) is not None and id(tensor) not in seen:
                    seen.add(id(tensor))
                    self.ends.append(End(tensor, node, -1))

    def reaches(self, tensor: Tensor) -> bool:
        """Return whether a gradient comes back to a tensor, a leaf or a result."""
        if tensor._grad_fn is None:
            return id(tensor) in self.leaves
        return tensor is self.output or tensor._grad_fn in set(self.nodes)


@dataclass(frozen=True)
class Way:
    """How a tensor is cut off from a result: one cut, or several one behind the other.

    Attributes
    ----------
    cut
        The cut nearest to the result.
    end
        The tensor that it made, which the result's graph ends at.
    source
        What that was cut off from, while it is there.
    sure
        Whether the tensor is known to stand behind it; else what stood there is gone.
    """

    cut: Cut
    end: End
    source: Tensor | None
    sure: bool


def ways(reach: Reach, wanted: Tensor) -> list[Way]:
    """Return the cuts that a tensor may stand behind; those it is known to stand behind, if there are any."""
    found: list[Way] = []
    for end in reach.ends:
        if end.tensor._cut is not None:
            sure = _stands_behind(end.tensor._cut, wanted, reach.world)
            if sure is not False:
                source = None if end.tensor._cut.source is None else end.tensor._cut.source()
                found.append(Way(end.tensor._cut, end, source, sure is True))
    return [way for way in found if way.sure] or found


def _stands_behind(cut: Cut, wanted: Tensor, world: World) -> bool | None:
    """Return whether a tensor stands behind a cut; ``None`` if that cannot be known any more."""
    waiting, seen, unknown = [cut], set[int](), False
    while waiting and len(seen) < MOST_CUTS:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        source = None if one.source is None else one.source()
        if source is None:
            unknown = True
            continue
        if source is wanted:
            return True
        reach = Reach(source, world)
        if reach.reaches(wanted):
            return True
        waiting += [end.tensor._cut for end in reach.ends if end.tensor._cut is not None]
    return None if unknown else False


def results_in(values: Iterator[Any]) -> list[Tensor]:
    """Return the results of recorded operations among some tensors, the youngest first."""
    found = [value for value in values if value._grad_fn is not None]
    return sorted(found, key=lambda tensor: -tensor._grad_fn.made if tensor._grad_fn else 0)
