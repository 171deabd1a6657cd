"""PyTorch's members of the nodes: what `grad_fn` points to shows its name, what it saved, its hooks, and its line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz.engine import advice
from gradviz.engine.broadcast import broadcast_error
from gradviz.engine.core import node as core
from gradviz.engine.core import tensor as leaf
from gradviz.engine.core.node import Gradients
from gradviz.engine.core.tensor import Array
from gradviz.engine.handles import RemovableHandle
from gradviz.engine.hooks import NodeHooks
from gradviz.engine.scope import line_above, running

if TYPE_CHECKING:
    from gradviz.engine.memory import VersionCounter
    from gradviz.engine.operation import Operation
    from gradviz.engine.tensor import Tensor

__all__ = ["AccumulateGrad", "Gradients", "Node", "arrived", "caller"]

LEAF_SEQUENCE_NR = 2**64 - 1
"""The sequence number of every `AccumulateGrad`: it runs as soon as its gradient is complete."""


def caller() -> tuple[Any, int]:
    """Return the code object and instruction that called into this package: the line a student wrote."""
    return line_above(sys._getframe(2)) or (sys._getframe(0).f_code, 0)  # called from no line of Python at all


class Node(core.Node):
    """One operation that was run, seen from behind.

    Attributes
    ----------
    origin
        The code object and bytecode offset of the line that ran it, for the source view; not the frame, which would
        keep the caller's variables alive.
    call
        The ``nn.Module`` call in which it ran, or ``None``.
    seen
        What the last backward pass brought: a number for the pass, the upstream gradient and the contributions it sent
        on, as arrays, and what hooks have replaced (or ``None``). This is what a picture drawn after ``backward()`` shows.
    ended
        The leaves whose last gradient came from here, with what `AccumulateGrad.seen` was then: the leaf itself forgets it
        in the next pass, which may be one of another graph.
    versions
        Of each output whose memory others may have changed: the counter of changes, and what it was when the node saved
        that output. It is the memory that is counted, so it does not matter through which tensor it was changed.
    given
        The tensors among the settings (an index, a mask), each with the setting's name.
    """

    operation: Operation

    # What most nodes never need is not stored in each: making nodes is what recording costs.
    seen: tuple[Any, ...] | None = None
    ended: dict[AccumulateGrad, tuple[Any, ...]] | None = None
    hooks: NodeHooks | None = None
    versions: dict[int, tuple[VersionCounter, int]] | None = None
    given: tuple[tuple[str, Tensor], ...] = ()
    plan: Any = None  # of its class: how `gradviz.engine.fast` runs it

    def __init__(
        self,
        inputs: tuple[Any, ...],
        edges: tuple[leaf.Edge | None, ...],
        values: tuple[Any, ...],
        output_shape: tuple[int, ...],
        origin: tuple[Any, int] | None = None,
    ) -> None:
        super().__init__(inputs, edges, values, output_shape)
        self.origin = caller() if origin is None else origin
        self.call = running.call

    # --- what PyTorch shows -------------------------------------------------------------------------------------

    def name(self) -> str:
        """Return the class name, as PyTorch does: ``"MulBackward0"``; with its namespace for those of no formula."""
        name = type(self).__name__
        return f"torch::autograd::{name}" if name in ("CopyBackwards", "CopySlices", "NotImplemented") else name

    def _sequence_nr(self) -> int:
        """Return its number in the order in which nodes were made."""
        return self.made

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self):#x}>"

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes that gradients go to next, each with the number of the output it was; ``(None, 0)`` for none.

        One for each argument that has a derivative: a condition or an index never gets a gradient. Where PyTorch has no
        formula, it notes only the arguments that require one.
        """
        pairs = zip(self.edges, self.operation.differentiable, strict=False)
        if type(self).__name__ == "NotImplemented":  # it has no formulas, and as many edges as gradients want to flow
            given = zip(self.edges, self.inputs, strict=False)
            return tuple(edge or (None, 0) for edge, argument in given if getattr(argument, "_requires_grad", False))
        return tuple(edge if edge is not None else (None, 0) for edge, possible in pairs if possible)

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dictionary for the user's own notes on this node."""
        try:
            return self.metadata_
        except AttributeError:
            self.metadata_: dict[Any, Any] = {}
            return self.metadata_

    @property
    def requires_grad(self) -> bool:
        """Always True: a node exists only where a gradient flows."""
        return True

    def register_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(grad_inputs, grad_outputs)`` after this node has run.

        `grad_inputs` are the gradients it sends on, `grad_outputs` those that arrived; a tuple that the hook returns takes
        the place of `grad_inputs`.
        """
        return self.all_hooks().after.add(hook)

    def register_prehook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(grad_outputs)`` before this node runs; a tuple that it returns takes their place."""
        return self.all_hooks().before.add(hook)

    def all_hooks(self) -> NodeHooks:
        """Return the node's hooks, made when first asked for."""
        if self.hooks is None:
            self.hooks = NodeHooks()
            self.plan = None  # not as its class
        return self.hooks

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_saved_"):
            return self.saved(name[len("_saved_") :])
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __dir__(self) -> list[str]:
        saved = {*self.saved_names(), *self.operation.settings}
        return [*super().__dir__(), *(f"_saved_{name}" for name in sorted(saved))]

    # --- saved tensors ------------------------------------------------------------------------------------------

    def saved_names(self) -> list[str]:
        """The names of what was kept for backward: exactly what the formulas that will run read."""
        return self.operation.saved_names(tuple([edge is not None for edge in self.edges]))

    def saved(self, name: str) -> Any:
        """One saved value: the tensor itself (with its graph), or a setting.

        Raises
        ------
        RuntimeError
            If it has been freed by a backward pass.
        """
        if name in self.operation.tensors and self.values is None:
            raise self.used_twice()
        given = tuple(tensor for setting, tensor in self.given if setting == name)
        if given:
            return given if len(given) > 1 else given[0]
        if name in self.operation.settings:
            return self.settings[self.operation.settings.index(name)]
        if name.endswith("_sym_sizes") and (argument := name.removesuffix("_sym_sizes")) in self.operation.inputs:
            return tuple(np.shape(self.inputs[self.operation.inputs.index(argument)]))
        if name not in self.operation.fields:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '_saved_{name}'")
        if name not in self.saved_names():
            return None
        if self.values is None:
            raise self.used_twice()
        return self.tensors()[self.operation.fields[name]]

    def counts(self, output_nr: int, counter: VersionCounter) -> None:
        """Note from now on the changes to the memory of an output."""
        if self.versions is None:
            self.versions = {}
        self.versions[output_nr] = counter, counter.count

    def release(self) -> None:
        """Drop the saved values; a second backward pass then says so. A node that saved nothing allows one."""
        saves = self.operation.saves
        if self.values is not None and (saves or (saves is None and self.saved_names())):
            if self.operation.settings:
                self.settings_ = self.settings
            self.values = None

    def used_twice(self) -> Exception:
        """Return PyTorch's error for a node that has been released."""
        return RuntimeError(advice.second_time(self))

    @property
    def settings(self) -> tuple[Any, ...]:
        """The arguments that are not tensors, in the order of `Operation.settings`."""
        if not self.operation.settings:
            return ()
        return self.settings_ if self.values is None else self.values[len(self.inputs) + len(self.operation.outputs) :]


class AccumulateGrad(leaf.AccumulateGrad):
    """The end of the line: adds the gradient that arrives to the ``.grad`` of a leaf.

    Attributes
    ----------
    variable
        The leaf.
    seen
        What the last backward pass brought: its number, a copy of ``.grad`` before, the gradient that was added, and the
        one that had arrived, which hooks may have replaced.
    """

    seen: tuple[int, Array | None, Array, Array] | None = None
    hooks: NodeHooks | None = None

    variable: Tensor

    register_hook, register_prehook, all_hooks = Node.register_hook, Node.register_prehook, Node.all_hooks

    def name(self) -> str:
        """Return PyTorch's full name for it."""
        return "torch::autograd::AccumulateGrad"

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self):#x}>"

    def _sequence_nr(self) -> int:
        """Return the largest number there is: a leaf's turn comes as soon as its gradient is complete."""
        return LEAF_SEQUENCE_NR

    @property
    def next_functions(self) -> tuple[()]:
        """A leaf has nothing before it."""
        return ()

    def add(self, gradient: Any) -> None:
        """Add to ``.grad``; what stood there is kept for pictures of what was computed with it."""
        if self.variable._grad is not None and not isinstance(gradient, leaf.Tensor):
            self.variable._grad.keep_old_values()
        try:
            super().add(gradient)
        except ValueError:  # the leaf has another shape by now
            raise broadcast_error(self.variable._grad.array, gradient) from None  # type: ignore[union-attr]


def arrived(gradients: tuple[Any, ...]) -> tuple[bool, ...]:
    """Say which outputs a gradient has come to: one that has not counts as nothing, which 0 × ∞ is not."""
    return getattr(gradients, "arrived", (True,) * len(gradients))
