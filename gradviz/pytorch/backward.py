"""One backward pass of PyTorch's, seen through hooks on its nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import torch

from gradviz.pytorch.graph import Behind, Node, behind
from gradviz.pytorch.kept import Kept

Gradients = tuple[Kept | None, ...]


@dataclass(slots=True, eq=False)
class Leaf:
    """What a pass brought a leaf.

    Attributes
    ----------
    variable
        The leaf.
    before
        What its ``.grad`` held already.
    total
        What this pass brought.
    """

    variable: torch.Tensor
    before: Kept | None
    total: Kept | None = None


@dataclass(slots=True, eq=False)
class Ran:
    """What one backward pass did. It holds none of the graph's nodes, only their sequence numbers.

    Attributes
    ----------
    root
        The number of the node it started from, and which of its results.
    order
        The nodes that ran.
    upstream, sent
        By node: the gradients of its results, as they arrived; and what it sent to each of those before it.
    leaves
        By the ``id`` of the leaf.
    when, origin
        Of one that a watch saw: see `Watch.count`; and the line that called it.
    """

    root: tuple[int, int]
    order: list[int] = field(default_factory=list)
    upstream: dict[int, Gradients] = field(default_factory=dict)
    sent: dict[int, Gradients] = field(default_factory=dict)
    leaves: dict[int, Leaf] = field(default_factory=dict)
    when: int = 0
    origin: tuple[CodeType, int] | None = None


Keep = Callable[[torch.Tensor], Kept]


class Listening:
    """Listens to the nodes behind results, from its making until `stop`.

    Parameters
    ----------
    outputs
        What the pass starts from.
    keep
        Keeps a gradient's values.
    """

    def __init__(self, outputs: Sequence[torch.Tensor], keep: Keep) -> None:
        self.behind: Behind = behind(outputs)
        self.keep = keep
        root = outputs[0].grad_fn
        self.ran = Ran((-1 if root is None else root._sequence_nr(), outputs[0].output_nr))
        self._handles: list[Any] = [node.register_hook(self._computed(node)) for node in self.behind.nodes]
        for node in self.behind.leaves:
            self._handles.append(node.register_prehook(self._arriving(node)))

    def stop(self) -> Ran:
        """Listen no more, and return what was seen."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        return self.ran

    def _kept(self, gradients: Sequence[torch.Tensor | None]) -> Gradients:
        return tuple([None if gradient is None else self.keep(gradient) for gradient in gradients])

    def _computed(self, node: Node) -> Callable[..., None]:
        number, ran = node._sequence_nr(), self.ran

        def hook(sent: Sequence[torch.Tensor | None], upstream: Sequence[torch.Tensor | None]) -> None:
            ran.order.append(number)
            ran.upstream[number], ran.sent[number] = self._kept(upstream), self._kept(sent)

        return hook

    def _arriving(self, node: Node) -> Callable[..., None]:
        leaf, ran = node.variable, self.ran
        held = leaf.grad
        ran.leaves[id(leaf)] = Leaf(leaf, None if held is None else Kept(held.detach().clone()))

        def hook(gradients: Sequence[torch.Tensor]) -> None:
            ran.leaves[id(leaf)].total = self.keep(gradients[0])

        return hook


def trial(outputs: Sequence[torch.Tensor], gradient: torch.Tensor | None, keep: Keep) -> Ran:
    """Run a backward pass for what can be seen in it, and leave every ``.grad`` and everything saved as it was.

    Parameters
    ----------
    outputs
        The first of them is differentiated.
    gradient
        What to start with, for a result that is not a single number.
    keep
        Keeps a gradient's values.

    Raises
    ------
    RuntimeError
        As PyTorch's ``backward()``: if the graph has been freed, or a tensor in it was changed in place.
    """
    listening = Listening(outputs[:1], keep)
    leaves = [node.variable for node in listening.behind.leaves]
    try:
        if leaves:
            found = torch.autograd.grad(outputs[0], leaves, gradient, retain_graph=True, allow_unused=True)
    finally:
        ran = listening.stop()
    for leaf, total in zip(leaves, found if leaves else (), strict=True):
        if total is not None:
            ran.leaves[id(leaf)].total = keep(total)
    return ran
