"""Changes in place: ``w.sub_(...)``, ``w += ...``, ``w[0] = ...``.

A change in place overwrites numbers that the backward pass may still need. Each is stamped with a moment on the clock
that also numbers the operations, so "was it changed after this operation saved it?" is one comparison, and costs
nothing where nothing is ever changed in place.

The graph is not changed, it grows: the operation is recorded as if it made a new tensor, and the tensor that was changed
is the new one from then on. Where it is a view, its base is the new one, made by `CopySlices`; and all views of the base
look at that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from gradviz.engine import advice, dtypes
from gradviz.engine.modes import mode
from gradviz.engine.node import Node, next_sequence_nr
from gradviz.engine.operation import Operation, caller
from gradviz.engine.operations import assignment
from gradviz.engine.tensor import Tensor, VersionCounter, counter_of, wrap
from gradviz.engine.views import living_views, places

latest = -1
"""The moment of the last change in place to any tensor."""

INFERENCE = (
    "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal tensor "
    "before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details."
)
OVERLAPS = (
    "unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please "
    "clone() the tensor before performing the operation."
)
ONE_OF_SEVERAL_VIEWS = (
    "Output {} of {} is a view and is being modified inplace. This view is the output of a function that returns multiple "
    "views. Such functions do not allow the output views to be modified inplace. You should replace the inplace operation "
    "by an out-of-place one."
)
VIEW_MADE_IN_NO_GRAD = (
    "A view was created in no_grad mode and is being modified inplace with grad mode enabled. Given that this use case is "
    "ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and the inplace either "
    "both inside the no_grad block (if you don't want the inplace to be tracked) or both outside (if you want the inplace "
    "to be tracked)."
)

TWINS = {
    "CeluBackward0": "CeluBackward1",
    "EluBackward0": "EluBackward1",
    "LeakyReluBackward0": "LeakyReluBackward1",
    "RreluWithNoiseBackward0": "RreluWithNoiseBackward1",
    "SqueezeBackward0": "SqueezeBackward3",
    "SqueezeBackward1": "SqueezeBackward4",
    "SqueezeBackward2": "SqueezeBackward5",
    "TBackward0": "TBackward1",
    "ThresholdBackward0": "ThresholdBackward1",
    "TransposeBackward0": "TransposeBackward1",
    "UnsqueezeBackward0": "UnsqueezeBackward1",
}


def change(tensor: Tensor, operation: Callable[..., Tensor], *arguments: Any) -> Tensor:
    """Replace a tensor's numbers by ``operation(tensor, *arguments)``, recorded if gradients flow.

    Parameters
    ----------
    tensor
        What is changed.
    operation
        The same operation out of place.

    Returns
    -------
    Tensor
        `tensor` itself.

    Raises
    ------
    RuntimeError
        If it is a leaf that requires a gradient or a view of one, or the result does not fit its shape or dtype.
    """
    refuse(tensor)
    root = tensor if tensor._base is None else tensor._base
    whole = before = _as_it_was(root)
    if tensor is not root:
        seen = places(root.array, tensor.array)
        before = assignment.as_strided(whole, seen, tuple(root.shape))
    result = operation(before, *[_kept(argument, root) for argument in arguments])
    if result.shape != tensor.shape:
        raise RuntimeError(
            f"output with shape {list(tensor.shape)} doesn't match the broadcast shape {list(result.shape)}"
        )
    if "biuf".index(result.array.dtype.kind) > "biuf".index(tensor.array.dtype.kind):
        raise RuntimeError(
            f"result type {dtypes.scalar_type_name(result.dtype)} can't be cast to the desired output type "
            f"{dtypes.scalar_type_name(tensor.dtype)}"
        )
    write(tensor, result.array)
    if result._grad_fn is None:
        return tensor
    if type(result._grad_fn).__name__ in TWINS:
        result._grad_fn.__class__ = _twin(result._grad_fn.operation).node_type
    if tensor is root:
        _becomes(root, result._grad_fn, result._output_nr)
    else:
        _becomes(root, CopySlices(whole, result._grad_fn, seen, root.array), 0)
    for view in living_views(root):
        _becomes(view, assignment.as_strided(root, places(root.array, view.array), tuple(root.shape))._grad_fn, 0)
    return tensor


def _as_it_was(tensor: Tensor) -> Tensor:
    """Return what an operation reads before the change: the old numbers, with the old place in the graph."""
    return wrap(np.array(tensor.array), tensor._grad_fn, tensor._output_nr)


def _kept(argument: Any, root: Tensor) -> Any:
    """Return an argument of a change as the graph may keep it: not the tensor that is about to stand above it there."""
    if not isinstance(argument, Tensor) or (argument is not root and argument._base is not root):
        return argument
    kept = _as_it_was(argument)
    kept._counter = counter_of(argument)  # but as PyTorch: what it was is needed, and will have been overwritten
    return kept


def _becomes(tensor: Tensor, node: Any, output_nr: int) -> None:
    tensor._grad_fn, tensor._requires_grad, tensor._output_nr = node, True, output_nr


def reshape(tensor: Tensor, operation: Callable[..., Tensor], *arguments: Any) -> Tensor:
    """Give a tensor another shape, for ``unsqueeze_`` and its like: the memory stays, the way it is read changes."""
    refuse(tensor)
    tensor.storage()
    before = wrap(tensor.array, tensor._grad_fn, tensor._output_nr)
    out = operation(before, *arguments)
    tensor.array = out.array
    if out._grad_fn is not None:
        out._grad_fn.__class__ = _twin(out._grad_fn.operation).node_type
        _becomes(tensor, out._grad_fn, out._output_nr)
    return tensor


def resize(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Give a tensor another number of entries, for ``resize_``: those that stay keep their values, the others are 0."""
    if tensor._requires_grad and mode.enabled:
        raise RuntimeError("cannot resize variables that require grad")
    held = np.ravel(tensor.storage())
    count = math.prod(shape)
    array = held[:count] if held.size >= count else np.concatenate([held, np.zeros(count - held.size, held.dtype)])
    tensor.keep_old_values()
    tensor.array = array.reshape(shape)
    return tensor


@lru_cache(maxsize=16)
def _twin(operation: Operation) -> Operation:
    """Return the row under the name that PyTorch has for it where it changes the tensor itself."""
    return replace(operation, grad_fn=TWINS.get(operation.grad_fn, operation.grad_fn))


def refuse(tensor: Tensor) -> None:
    """Raise PyTorch's error for a change in place that cannot be recorded.

    Raises
    ------
    RuntimeError
        If gradients are recorded and it is a leaf whose gradient is wanted, a view of one, one of several views that one
        operation made, or a view made under ``no_grad``.
    """
    if not mode.enabled:
        return
    root = tensor._base
    if root is None:
        if tensor._requires_grad and tensor._grad_fn is None:
            raise RuntimeError(advice.leaf_in_place(tensor))
    elif root._requires_grad:
        if root._grad_fn is None:
            raise RuntimeError(advice.leaf_in_place(root, view=True))
        if tensor._made_in_no_grad:
            raise RuntimeError(VIEW_MADE_IN_NO_GRAD)
        if tensor._grad_fn is not None and tensor._grad_fn.many:
            raise RuntimeError(ONE_OF_SEVERAL_VIEWS.format(tensor._output_nr, _plain_name(tensor._grad_fn)))


def write(tensor: Tensor, array: Any, where: Any = ...) -> None:
    """Overwrite a tensor's memory, or part of it, and note that this happened."""
    begin(tensor)[where] = array
    end(tensor, caller())


def begin(tensor: Tensor) -> np.ndarray[Any, Any]:
    """Return the array of a tensor that is about to be overwritten; what stands there is kept for pictures."""
    if tensor._inference and not mode.inference:
        raise RuntimeError(INFERENCE)
    if not tensor.array.flags.writeable and _overlaps(tensor.array):
        raise RuntimeError(OVERLAPS)
    for changed in (tensor,) if tensor._base is None else (tensor, tensor._base):
        changed.keep_old_values()
        if changed._grad_fn is not None and changed._grad_fn.changed is None:
            counter = counter_of(tensor)
            changed._grad_fn.changed = counter, counter.count
    return tensor.storage()


def end(tensor: Tensor, origin: tuple[Any, int]) -> None:
    """Note that a tensor was overwritten, by a line of somebody's code."""
    global latest
    latest = next_sequence_nr()
    counter_of(tensor).note(latest, origin)


def _overlaps(array: Any) -> bool:
    """Return True for an expanded tensor: several of its entries are one number in memory."""
    if not isinstance(array, np.ndarray) or array.flags.writeable:
        return False
    return any(stride == 0 and size > 1 for stride, size in zip(array.strides, array.shape, strict=True))


class CopySlices(Node):
    """A change in place to part of a tensor, seen from the whole: the part's gradient takes another way.

    Attributes
    ----------
    inner
        What was done to the part.
    places
        Where the part's entries stand in the whole.
    """

    def __init__(self, before: Tensor, inner: Node, places: np.ndarray[Any, Any], array: Any) -> None:
        edge = before.gradient_edge() if before._requires_grad else None
        count = len(inner.inputs)
        assert inner.values is not None
        super().__init__(
            (before, *inner.inputs[1:]),
            (edge, *inner.edges[1:]),
            (before.array, *inner.values[1:count], np.array(array), *inner.settings),
            array.shape,
            inner.origin,
        )
        self.operation = _of_a_part(inner.operation)
        self.inner, self.places = inner, places

    def saved_names(self) -> list[str]:
        """Return what the operation on the part has saved."""
        return self.inner.saved_names()

    def contributions(self, upstream: Any) -> list[Any]:
        """Send the part's gradient through what was done to it; the rest passes unchanged."""
        first, *others = self.inner.contributions(np.ravel(upstream)[self.places])
        if self.edges[0] is None:
            return [None, *others]
        whole = np.array(upstream)
        whole.reshape(-1)[self.places] = 0 if first is None else first
        return [whole, *others]

    def differentiable_contributions(self, upstream: Tensor) -> list[Tensor | None]:
        """Do the same on tensors."""
        shape = tuple(upstream.shape)
        first, *others = self.inner.differentiable_contributions(assignment.as_strided(upstream, self.places, shape))
        if self.edges[0] is None:
            return [None, *others]
        untouched = np.ones(shape, bool)
        untouched.reshape(-1)[self.places] = False
        whole = upstream * wrap(untouched)
        return [whole if first is None else whole + assignment.back_to(first, self.places, shape), *others]

    def release(self) -> None:
        """Drop what was saved."""
        self.inner.release()


@lru_cache(maxsize=256)
def _of_a_part(operation: Operation) -> Operation:
    """Return the row for an operation on part of a tensor."""
    symbol, first = operation.symbol, operation.inputs[0]
    return replace(
        operation,
        name="copy_slices",
        grad_fn="CopySlices",
        symbol=f"[…] {symbol}" if isinstance(symbol, str) else symbol,
        expression=f"changed({first})",
        local={**operation.local, first: f"{operation.local.get(first, '0')} if changed else 1"},
        sentence=f"Part of the tensor was changed in place; the rest passes its gradient on. {operation.sentence}",
    )


def check(node: Node) -> None:
    """Refuse to differentiate a node whose saved tensors have been changed since.

    Raises
    ------
    RuntimeError
        PyTorch's, naming the tensor that was changed.
    """
    needed = set(node.saved_names())
    for name, argument in zip(node.operation.inputs, node.inputs, strict=False):
        if name in needed and isinstance(argument, Tensor):
            counter = (argument if argument._base is None else argument._base)._counter
            if counter is not None and counter.last > node._sequence_nr:
                source = argument._grad_fn
                which = f", which is output {argument._output_nr} of {_plain_name(source)}," if source else ""
                raise _modified(argument.array, which, counter, counter.at(node._sequence_nr), node)
    if node.changed is not None and "result" in needed and node.values is not None:
        result = node.values[node.operation.fields["result"]]
        raise _modified(result, f", which is output 0 of {_plain_name(node)},", *node.changed, node)


def _plain_name(node: Node) -> str:
    return node.name().rstrip("0123456789").removesuffix("Backward")


def _modified(array: Any, which: str, counter: VersionCounter, expected: int, node: Node) -> RuntimeError:
    kind = dtypes.tensor_type_name(dtypes.from_numpy(array.dtype))
    return RuntimeError(advice.modified(kind, list(array.shape), which, counter.count, expected, node, counter.origin))
