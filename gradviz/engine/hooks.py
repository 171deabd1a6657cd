"""Hooks: the user's functions that are called when a gradient passes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradviz.engine.tensor import Tensor


class RemovableHandle:
    """What registering a hook returns: `remove` takes the hook away again. Also a context manager."""

    def __init__(self, hooks: list[Any], hook: Any) -> None:
        self._hooks, self._hook = hooks, hook

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        self._hooks[:] = [hook for hook in self._hooks if hook is not self._hook]

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def add(hooks: list[Any], hook: Callable[..., Any]) -> RemovableHandle:
    """Register a hook in a list."""
    hooks.append(hook)
    return RemovableHandle(hooks, hook)


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
    """

    __slots__ = ("after", "before", "outputs", "retained")

    def __init__(self) -> None:
        self.outputs: dict[int, list[Any]] = {}
        self.retained: dict[int, weakref.ref[Tensor]] = {}
        self.before: list[Any] = []
        self.after: list[Any] = []

    def gradient_complete(self, place: int, gradient: Any, create_graph: bool) -> Any:
        """Call the hooks of an output's tensor; return the gradient, or what they put in its place."""
        if place in self.outputs:
            gradient = replaced(self.outputs[place], gradient, create_graph)
        if place in self.retained:
            tensor = self.retained[place]()
            if tensor is not None:
                tensor._grad = as_tensor(gradient).detach().clone()
        return gradient

    def node_starts(self, upstream: Any, create_graph: bool) -> Any:
        """Call the hooks that come before the node."""
        for hook in tuple(self.before):
            arrived = upstream if isinstance(upstream, tuple) else (upstream,)
            answer = hook(tuple(as_tensor(gradient) for gradient in arrived))
            if answer is not None:
                given = _checked(hook, answer, arrived, create_graph)
                upstream = given if isinstance(upstream, tuple) else given[0]
        return upstream

    def node_done(self, contributions: list[Any], upstream: Any, create_graph: bool) -> list[Any]:
        """Call the hooks that come after the node."""
        arrived = upstream if isinstance(upstream, tuple) else (upstream,)
        for hook in tuple(self.after):
            leaving = tuple(None if gradient is None else as_tensor(gradient) for gradient in contributions)
            answer = hook(leaving, tuple(as_tensor(gradient) for gradient in arrived))
            if answer is not None:
                contributions = list(_checked(hook, answer, contributions, create_graph))
        return contributions


def replaced(hooks: Sequence[Any], gradient: Any, create_graph: bool) -> Any:
    """Show a complete gradient to a tensor's hooks in turn; each may replace it."""
    from gradviz.engine.tensor import Tensor

    tensor = as_tensor(gradient)
    for hook in tuple(hooks):
        answer = hook(tensor)
        if answer is None:
            continue
        if not isinstance(answer, Tensor):
            raise TypeError(f"expected Variable, but hook returned '{type(answer).__name__}'")
        if answer.shape != tensor.shape:
            raise RuntimeError(f"hook '{_name(hook)}' has changed the size of value")
        tensor = answer
    return tensor if create_graph else tensor.array


def as_tensor(gradient: Any) -> Tensor:
    """Hooks see tensors, whatever the pass computes on."""
    from gradviz.engine.tensor import Tensor, wrap

    return gradient if isinstance(gradient, Tensor) else wrap(gradient)


def _checked(hook: Any, answer: Any, before: Sequence[Any], create_graph: bool) -> tuple[Any, ...]:
    """Return what a hook put in the place of several gradients, if it is of their number and shapes."""
    from gradviz.engine.tensor import Tensor

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
