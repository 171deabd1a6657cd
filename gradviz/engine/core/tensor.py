"""The tensor: an array, whether a gradient is wanted for it, and how it was made."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gradviz.engine.core.node import Node

Array = Any
"""An ndarray; or a NumPy scalar where a result has no dimensions, which is faster, and interchangeable here."""

Edge = tuple[Any, int]
"""Where a gradient goes: to a node, and to which of that node's results."""


class Mode(threading.local):
    """What holds for all that is computed now, in each thread."""

    enabled = True
    """Whether operations leave nodes behind."""
    marks: tuple[Any, str | None] | None = None
    """What every result without a node gets to remember where nothing is recorded: which block that was, and what it bars."""
    formulas = False
    """Whether formulas run on tensors: NumPy's functions in them are to be recorded."""


mode = Mode()


class Tensor:
    """An array that remembers how it was computed."""

    array: Array  # the numbers
    _requires_grad: bool  # whether gradients flow to it
    _grad_fn: Node | None  # the node that made it, ``None`` for a leaf
    # What most tensors have never is not stored in them.
    _output_nr = 0  # which of that node's results it is
    _grad: Any = None  # what the backward pass collected here
    _accumulate: weakref.ref[AccumulateGrad] | None = None  # of a leaf: the end of the line, while a graph leads there
    _barred: str | None = None  # why it may not be part of a graph, where that is so

    if TYPE_CHECKING:  # the table of operations gives tensors their arithmetic

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Any: ...

    def _end(self) -> AccumulateGrad | None:
        """Make the end of the line for gradients of this leaf."""
        return AccumulateGrad(self)

    def _writable(self) -> np.ndarray[Any, Any]:
        """Return the array itself, to be written to (a NumPy scalar cannot be)."""
        if not isinstance(self.array, np.ndarray):
            self.array = np.array(self.array)
        return self.array


class AccumulateGrad:
    """The end of the line: adds the gradient that arrives to the ``.grad`` of a leaf."""

    many = False
    edges = ()

    def __init__(self, variable: Any) -> None:
        self.variable = variable

    def add(self, gradient: Any) -> None:
        """Add an array; or a tensor, if the backward pass is itself recorded.

        A copy is kept the first time: the same array may be on its way along other edges, too. After that ``.grad`` is
        changed in place, so that it stays one object.
        """
        held = self.variable._grad
        if isinstance(gradient, Tensor):
            self.variable._grad = gradient.clone() if held is None else held + gradient
        elif held is None:
            self.variable._grad = wrap(gradient.copy() if isinstance(gradient, np.ndarray) else gradient)
        else:
            held._writable()[...] += gradient


_kind: type[Any] = Tensor


def results_are(kind: type[Tensor]) -> None:
    """Say of which class results are: a program wants tensors with all of PyTorch's members."""
    global _kind
    _kind = kind


def wrap(array: Array, grad_fn: Any = None, output_nr: int = 0) -> Any:
    """Make a tensor around an array, without a copy: a result, with the node that made it where a gradient flows."""
    out = _new(_kind)  # past the constructor: a result has nothing to check
    out.array = array
    out._grad_fn = grad_fn
    if grad_fn is not None:
        out._requires_grad = True
        if output_nr:
            out._output_nr = output_nr
    else:
        out._requires_grad = False
        if mode.marks is not None:
            out._cut, out._barred = mode.marks
    return out


_new: Any = object.__new__


def edge_of(tensor: Tensor) -> Edge | None:
    """Return where a gradient of a tensor goes, ``None`` if nowhere.

    To the node that made it; from a leaf, to its `AccumulateGrad`, the same one as long as any graph needs it.
    """
    if not tensor._requires_grad:
        return None
    if tensor._grad_fn is not None:
        return tensor._grad_fn, tensor._output_nr
    # The end of the line holds the leaf, so the leaf may only know it weakly, or neither would ever be freed.
    end = tensor._accumulate() if tensor._accumulate is not None else None
    if end is None:
        end = tensor._end()
        if end is None:
            return None
        tensor._accumulate = weakref.ref(end)
    return end, 0
