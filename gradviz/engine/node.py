"""The nodes of the backward graph: what `grad_fn` points to.

An operation that runs on a tensor that requires a gradient leaves a `Node` behind. The node knows its inputs, and so
where gradients have to go: along its `edges`, to the nodes that made those inputs, or, for a leaf, to the
`AccumulateGrad` that adds to the leaf's ``.grad``. Nothing points the other way, so there are no reference cycles and
a graph disappears with the last tensor that needs it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from operator import length_hint
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz.engine import advice
from gradviz.engine.hooks import NodeHooks, RemovableHandle
from gradviz.engine.scope import running

if TYPE_CHECKING:
    from gradviz.engine.operation import Operation
    from gradviz.engine.tensor import Tensor, VersionCounter

Array = Any  # an ndarray, or a NumPy scalar where a result has no dimensions (faster, and interchangeable here)

LEAF_SEQUENCE_NR = 2**64 - 1
"""The sequence number of every `AccumulateGrad`: it runs as soon as its gradient is complete."""

_numbers = iter(range(sys.maxsize))
next_number = _numbers.__next__
"""Counts the nodes as they are made. (One call that no other thread can come between.)"""


def moment() -> int:
    """Return the number that the next node will have: the time at which something else happens than an operation."""
    return sys.maxsize - length_hint(_numbers)


class Node:
    """One operation that was run, seen from behind.

    Attributes
    ----------
    operation
        The row of the operations table: its derivative formulas and its words.
    inputs
        The arguments as they were given: tensors, and plain numbers for constants.
    edges
        For each argument, the node its gradient goes to and which of that node's outputs it was, or ``None``.
    values
        The arrays the derivative formulas read: the arguments, the result, the settings. Dropped after backward.
    origin
        The code object and bytecode offset of the line that ran it, for the source view; not the frame, which would
        keep the caller's variables alive.
    call
        The ``nn.Module`` call in which it ran, or ``None``.
    made
        Its number in the order in which nodes were made.
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
    many = False
    """Whether gradients arrive at several outputs."""

    # What most nodes never need is not stored in each: making nodes is what recording costs.
    values: tuple[Any, ...] | None
    seen: tuple[Any, ...] | None = None
    ended: dict[AccumulateGrad, tuple[Any, ...]] | None = None
    hooks: NodeHooks | None = None
    versions: dict[int, tuple[VersionCounter, int]] | None = None
    given: tuple[tuple[str, Tensor], ...] = ()

    def __init__(
        self,
        inputs: tuple[Any, ...],
        edges: tuple[tuple[Any, int] | None, ...],
        values: tuple[Any, ...],
        output_shape: tuple[int, ...],
        origin: tuple[Any, int],
    ) -> None:
        self.inputs = inputs
        self.edges = edges
        self.values = values
        self.output_shape = output_shape
        self.origin = origin
        self.call = running.call
        self.made = next_number()

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
        known = type(self).__name__ != "NotImplemented"
        return tuple(edge or (None, 0) for edge, possible in pairs if possible and (known or edge))

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
        return self.operation.saved_names(tuple(edge is not None for edge in self.edges))

    def saved(self, name: str) -> Any:
        """One saved value: the tensor itself (with its graph), or a setting.

        Raises
        ------
        RuntimeError
            If it has been freed by a backward pass.
        """
        if name in self.operation.tensors and self.values is None:
            raise RuntimeError(advice.second_time(self))
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
            raise RuntimeError(advice.second_time(self))
        return self.tensors()[self.operation.fields[name]]

    def tensors(self) -> tuple[Any, ...]:
        """The values as tensors that carry their graph, for derivatives of derivatives."""
        from gradviz.engine.tensor import Tensor, wrap

        assert self.values is not None
        count = len(self.inputs)
        arguments = [
            given if isinstance(given, Tensor) else value
            for given, value in zip(self.inputs, self.values[:count], strict=True)
        ]
        end = count + len(self.operation.outputs)
        outputs = [
            wrap(array, self if self.many or not place else None, place)
            for place, array in enumerate(self.values[count:end])
        ]
        return (*arguments, *outputs, *self.values[end:])

    def counts(self, output_nr: int, counter: VersionCounter) -> None:
        """Note from now on the changes to the memory of an output."""
        if self.versions is None:
            self.versions = {}
        self.versions[output_nr] = counter, counter.count

    # --- the backward step --------------------------------------------------------------------------------------

    def contributions(self, upstream: Array) -> list[Array | None]:
        """Multiply the upstream gradient by the local derivative of each argument.

        Parameters
        ----------
        upstream
            The gradient of the output, as an array of the output's shape.

        Returns
        -------
        list
            For each argument, an array of the argument's shape, or ``None`` where no gradient flows.
        """
        values = self.values
        if values is None:
            raise RuntimeError(advice.second_time(self))
        rules, inputs = self.operation.rules, self.inputs
        result: list[Array | None] = []
        for place, edge in enumerate(self.edges):  # (twice as fast as a zip of the three)
            if edge is None:
                result.append(None)
                continue
            gradient, argument = rules[place](upstream, values), values[place]
            if gradient is None:  # the formula says that nothing comes back, which not even zeros do
                result.append(None)
                continue
            dtype = inputs[place].array.dtype  # as it was given: what is read may have been brought to another's
            if gradient.shape != argument.shape or gradient.dtype is not dtype:
                gradient = fit(gradient, argument.shape, dtype)
            result.append(gradient)
        return result

    def differentiable_contributions(self, upstream: Tensor) -> list[Tensor | None]:
        """Do the same on tensors: the same formulas are recorded in their turn (``create_graph=True``)."""
        if self.values is None:
            raise RuntimeError(advice.second_time(self))
        values = self.tensors()
        result: list[Tensor | None] = []
        for edge, rule, argument in zip(self.edges, self.operation.rules, values, strict=False):
            gradient = None if edge is None else rule(upstream, values)
            result.append(None if gradient is None else fit_tensor(gradient, argument))
        return result

    def release(self) -> None:
        """Drop the saved values; a second backward pass then says so. A node that saved nothing allows one."""
        saves = self.operation.saves
        if self.values is not None and (saves or (saves is None and self.saved_names())):
            if self.operation.settings:
                self.settings_ = self.settings
            self.values = None

    @property
    def settings(self) -> tuple[Any, ...]:
        """The arguments that are not tensors, in the order of `Operation.settings`."""
        if not self.operation.settings:
            return ()
        return self.settings_ if self.values is None else self.values[len(self.inputs) + len(self.operation.outputs) :]


class AccumulateGrad:
    """The end of the line: adds the gradient that arrives to the ``.grad`` of a leaf.

    Attributes
    ----------
    variable
        The leaf.
    seen
        What the last backward pass brought: its number, a copy of ``.grad`` before, the gradient that was added, and the
        one that had arrived, which hooks may have replaced.
    """

    many = False
    seen: tuple[int, Array | None, Array, Array] | None = None
    hooks: NodeHooks | None = None

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable

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


class Gradients(tuple[Any, ...]):
    """The gradients of a node's outputs: zeros where none has arrived, and `arrived` says where one has."""

    arrived: tuple[bool, ...]


def arrived(gradients: tuple[Any, ...]) -> tuple[bool, ...]:
    """Say which outputs a gradient has come to: one that has not counts as nothing, which 0 × ∞ is not."""
    return getattr(gradients, "arrived", (True,) * len(gradients))


def fit(gradient: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Bring a gradient into the shape and dtype of the tensor it belongs to.

    Where the forward pass broadcast a tensor, every copy of an entry collects a gradient of its own, and the entry
    gets their sum: axes that were stretched are summed over. Where a formula gives one number for a whole axis (the
    gradient of a sum), it is copied along that axis.
    """
    if gradient.shape != shape and (axes := summed_axes(gradient.shape, shape)):
        gradient = np.add.reduce(gradient, axes, keepdims=True)
        gradient = gradient.reshape(gradient.shape[gradient.ndim - len(shape) :] if shape else ())[()]
    if gradient.dtype != dtype:
        gradient = gradient.astype(dtype)
    if gradient.shape != shape:
        if math.prod(shape) > 4096:
            return np.broadcast_to(gradient, shape)
        wide = np.empty(shape, dtype)  # for a small tensor, filling is faster than making a view
        wide[...] = gradient
        return wide
    return gradient


def fit_tensor(gradient: Tensor, like: Tensor) -> Tensor:
    """Do the same to a tensor, recorded."""
    if gradient.dtype != like.dtype:
        gradient = gradient.to(like.dtype)
    shape = like.shape
    if gradient.shape == shape:
        return gradient
    axes = summed_axes(gradient.shape, shape)
    if axes:
        gradient = gradient.sum(axes, keepdim=True)
        gradient = gradient.reshape(tuple(gradient.shape)[gradient.ndim - len(shape) :])
    if gradient.shape != shape:
        gradient = gradient.expand(shape)
    return gradient


def summed_axes(gradient: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes of a gradient that were broadcast from a tensor of this shape.

    Examples
    --------
    >>> summed_axes((10, 2), (2,))
    (0,)
    >>> summed_axes((4, 3), (4, 1))
    (1,)
    """
    extra = len(gradient) - len(shape)
    stretched = (
        extra + axis for axis, size in enumerate(shape) if extra + axis >= 0 and size == 1 != gradient[extra + axis]
    )
    return (*range(extra), *stretched)
