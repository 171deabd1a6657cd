"""Hooks: the user's functions that are called when a gradient passes."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from gradviz.engine.core.tensor import Tensor, wrap
from gradviz.engine.handles import Hooks


class NodeHooks:
    """All hooks of one node, in the order in which they are called.

    Attributes
    ----------
    outputs
        By output number: hooks of the tensor, each called with its complete gradient.
    retained
        By output number: the tensors that keep their gradient (``retain_grad``); weakly, since a node must not keep its
        own result alive.
    before
        Called with the tuple of gradients that arrived (``register_prehook``).
    after
        Called with the gradients that leave and those that arrived (``register_hook``).
    replaced
        What hooks have replaced in the pass that is on its way, for those who want to see it.
    """

    __slots__ = ("after", "before", "outputs", "replaced", "retained")

    def __init__(self) -> None:
        self.outputs: dict[int, Hooks[Any]] = {}
        self.retained: dict[int, weakref.ref[Tensor]] = {}
        self.before: Hooks[Any] = Hooks()
        self.after: Hooks[Any] = Hooks()
        self.replaced = Replaced()

    def gradient_complete(self, place: int, gradient: Any, create_graph: bool, keep: bool = True) -> Any:
        """Call the hooks of an output's tensor; return the gradient, or what they put in its place.

        A tensor that retains its gradient adds it to its ``.grad``, unless `keep` is False.
        """
        if place in self.outputs:
            arrived, gradient = gradient, replaced(self.outputs[place], gradient, create_graph)
            self.replaced.outputs[place] = array_of(arrived)
        tensor = self.retained[place]() if keep and place in self.retained else None
        if tensor is not None:
            held, new = tensor._grad, as_tensor(gradient)
            tensor._grad = new.clone() if held is None else held + new
        return gradient

    def node_starts(self, upstream: Any, create_graph: bool) -> Any:
        """Call the hooks that come before the node."""
        if self.before:
            self.replaced.upstream = array_of(upstream)
        for hook in self.before:
            arrived = upstream if isinstance(upstream, tuple) else (upstream,)
            answer = hook(tuple(as_tensor(gradient) for gradient in arrived))
            if answer is not None:
                given = _checked(hook, answer, arrived, create_graph)
                upstream = given if isinstance(upstream, tuple) else given[0]
        return upstream

    def node_done(self, contributions: list[Any], upstream: Any, create_graph: bool) -> list[Any]:
        """Call the hooks that come after the node."""
        arrived = upstream if isinstance(upstream, tuple) else (upstream,)
        if self.after:
            self.replaced.contributions = [array_of(gradient) for gradient in contributions]
        for hook in self.after:
            leaving = tuple(None if gradient is None else as_tensor(gradient) for gradient in contributions)
            answer = hook(leaving, tuple(as_tensor(gradient) for gradient in arrived))
            if answer is not None:
                contributions = list(_checked(hook, answer, contributions, create_graph))
        return contributions

    def ran(self) -> Replaced:
        """Return what was replaced while the node ran, and forget it."""
        found, self.replaced = self.replaced, Replaced()
        return found


class Replaced:
    """What stood where hooks may have put something else, during one pass through one node; arrays all.

    Attributes
    ----------
    outputs
        By output number: what had arrived, before the hooks of that output's tensor.
    upstream
        What the hooks before the node were given.
    contributions
        What the hooks after the node were given.
    """

    __slots__ = ("contributions", "outputs", "upstream")

    def __init__(self) -> None:
        self.outputs: dict[int, Any] = {}
        self.upstream: Any = None
        self.contributions: list[Any] | None = None


def replaced(hooks: Hooks[Any], gradient: Any, create_graph: bool) -> Any:
    """Show a complete gradient to a tensor's hooks in turn; each may replace it."""
    tensor = as_tensor(gradient)
    for hook in hooks:
        answer = hook(tensor)
        if answer is None:
            continue
        if not isinstance(answer, Tensor):
            raise TypeError(f"expected Variable, but hook returned '{type(answer).__name__}'")
        if answer.shape != tensor.shape:
            raise RuntimeError(f"hook '{_name(hook)}' has changed the size of value")
        tensor = answer
    return tensor if create_graph else tensor.array


def array_of(gradient: Any) -> Any:
    """Return what a gradient is in numbers, whatever the pass computes on."""
    if isinstance(gradient, tuple):
        return tuple(array_of(part) for part in gradient)
    return getattr(gradient, "array", gradient)


def as_tensor(gradient: Any) -> Tensor:
    """Hooks see tensors, whatever the pass computes on."""
    return gradient if isinstance(gradient, Tensor) else wrap(gradient)


def _checked(hook: Any, answer: Any, before: Sequence[Any], create_graph: bool) -> tuple[Any, ...]:
    """Return what a hook put in the place of several gradients, if it is of their number and shapes."""
    if not isinstance(answer, tuple | list):
        if len(before) != 1 or not isinstance(answer, Tensor):
            raise TypeError(f"expected tuple, but hook returned '{type(answer).__name__}'")
        answer = (answer,)
    if len(answer) != len(before):
        raise RuntimeError(
            f"hook '{_name(hook)}' has returned an incorrect number of values (got {len(answer)}, but expected "
            f"{len(before)})"
        )
    for old, new in zip(before, answer, strict=True):
        if new is not None and old is not None and tuple(new.shape) != tuple(old.shape):
            raise RuntimeError(f"hook '{_name(hook)}' has changed the size of value")
    return tuple(new if new is None or create_graph else new.array for new in answer)


def _name(hook: Any) -> str:
    return getattr(hook, "__name__", type(hook).__name__)
