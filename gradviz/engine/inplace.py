"""Changes in place: ``w.sub_(...)``, ``w += ...``, ``w[0] = ...``.

A change in place overwrites numbers that the backward pass may still need. Each is stamped with the number that the next
operation will have, so "was it changed after this operation saved it?" is one comparison, and costs
nothing where nothing is ever changed in place.

The graph is not changed, it grows: the operation is recorded as if it made a new tensor, and the tensor that was changed
is the new one from then on. Where it is a view, its base is the new one, made by `CopySlices`; and all views of the base
look at that.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from gradviz.engine import advice, dtypes
from gradviz.engine.copyslices import OVERLAPS, CopySlices, changes_so_far
from gradviz.engine.core.clock import moment
from gradviz.engine.memory import HALF, Memory, VersionCounter, counter_of, memory_of
from gradviz.engine.modes import barred, mode
from gradviz.engine.node import Node, caller
from gradviz.engine.operation import Operation
from gradviz.engine.operations import assignment
from gradviz.engine.strides import part_of
from gradviz.engine.tensor import Tensor, wrap
from gradviz.engine.views import living_views

latest = -1
"""The moment of the last change in place to any tensor."""

INFERENCE = (
    "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal tensor "
    "before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details."
)
NOT_WRITABLE = (
    "this tensor shares its memory with a NumPy array that is not writable, so it cannot be changed in place\n\n"
    "torch.tensor(array) makes one with memory of its own."
)
DEPRECATED_OVERLAP = (
    "Use of {}_ on expanded tensors is deprecated. Please clone() the tensor before performing this operation. This also "
    "applies to advanced indexing e.g. tensor[{}] = {}"
)
AMBIGUOUS = (
    " Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the "
    "view and the inplace either both inside the {}_mode block (if you don't want the inplace to be tracked) or both outside "
    "(if you want the inplace to be tracked)."
)
FORBIDDEN = {
    "no_grad": AMBIGUOUS.replace("{}_mode", "no_grad"),
    "inference": AMBIGUOUS.replace("{}", "inference"),
    "several": (
        " This view is the output of a function that returns multiple views. Such functions do not allow the output views "
        "to be modified inplace. You should replace the inplace operation by an out-of-place one."
    ),
    "function": (
        " This view was created inside a custom Function (or because an input was returned as-is) and the autograd logic to "
        "handle view+inplace would override the custom backward associated with the custom Function, leading to incorrect "
        "gradients. This behavior is forbidden. You can fix this by cloning the output of the custom Function."
    ),
}
"""By how a view was made, why a change in place to it, or behind its back, cannot be recorded."""

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


def change(tensor: Tensor, operation: Callable[..., Tensor], /, *arguments: Any, **named: Any) -> Tensor:
    """Replace a tensor's numbers by ``operation(tensor, *arguments)``, recorded if gradients flow.

    Parameters
    ----------
    tensor
        What is changed.
    operation
        The same operation out of place.
    arguments, named
        Its other arguments.

    Returns
    -------
    Tensor
        `tensor` itself.

    Raises
    ------
    RuntimeError
        If it is a leaf that requires a gradient or a view of one, or the result does not fit its shape or dtype.
    """
    global latest
    given = (*arguments, *named.values())
    refuse(tensor, given)
    root = tensor if tensor._base is None else tensor._base
    recorded = mode.enabled and (root._requires_grad or any(getattr(one, "_requires_grad", False) for one in given))
    if not recorded:  # the new numbers are all there is to it
        result = operation(wrap(tensor._writable()), *arguments, **named)
    else:
        if tensor is root:
            whole = before = _as_it_was(root)
        else:
            part = part_of(root.array, tensor.array)
            whole = _whole_as_it_was(root)
            before = assignment.as_strided(whole, *part)
            before.array = np.array(tensor.array)
        kept = [_kept(argument, root) for argument in arguments]
        result = operation(before, *kept, **{name: _kept(argument, root) for name, argument in named.items()})
    if result.shape != tensor.shape:
        raise RuntimeError(
            f"output with shape {list(tensor.shape)} doesn't match the broadcast shape {list(result.shape)}"
        )
    if "biuf".index(result.array.dtype.kind) > "biuf".index(tensor.array.dtype.kind):
        raise RuntimeError(
            f"result type {dtypes.scalar_type_name(result.dtype)} can't be cast to the desired output type "
            f"{dtypes.scalar_type_name(tensor.dtype)}"
        )
    write(tensor, result.array, operation=operation.__name__, by=result._grad_fn)
    if result._grad_fn is None:
        return tensor
    if type(result._grad_fn).__name__ in TWINS:
        result._grad_fn.__class__ = _twin(result._grad_fn.operation).node_type
    if tensor is root:
        _becomes(root, result._grad_fn, result._output_nr)
    else:
        _becomes(root, CopySlices(whole, result._grad_fn, part, _overlaps(tensor.array)), 0)
        latest = moment()  # the change itself may have overwritten what was read, and this node is younger
    for known in counter_of(root).told:  # those that cannot follow say so when they are used
        if (view := known()) is not None:
            view._requires_grad = True
    for view in living_views(root):
        _becomes(view, assignment.as_strided(root, *part_of(root.array, view.array))._grad_fn, 0)
    return tensor


def _as_it_was(tensor: Tensor) -> Tensor:
    """Return what an operation reads before the change: the old numbers, with the old place in the graph."""
    return wrap(np.array(tensor.array), tensor._grad_fn, tensor._output_nr)


def _whole_as_it_was(root: Tensor) -> Tensor:
    """Do the same for a tensor of which only a part changes: of a long line of such changes not all can keep it all."""
    if changes_so_far(root) * root.array.nbytes <= CopySlices.LIMIT:
        return _as_it_was(root)
    whole = wrap(root.array, root._grad_fn, root._output_nr)
    whole._memory = Memory()
    whole._memory.lost = sys.maxsize
    return whole


def _kept(argument: Any, root: Tensor) -> Any:
    """Return an argument of a change as the graph may keep it: not the tensor that is about to stand above it there."""
    if not isinstance(argument, Tensor) or (argument is not root and argument._base is not root):
        return argument
    kept = _as_it_was(argument)
    kept._counter = counter_of(argument)  # but as PyTorch: what it was is needed, and will have been overwritten
    return kept


def _becomes(tensor: Tensor, node: Any, output_nr: int) -> None:
    """Give a tensor another place in the graph; a gradient that it retains is that of the new one."""
    if tensor._retains_grad and tensor._grad_fn is not None:
        kept = tensor._grad_fn.all_hooks().retained.pop(tensor._output_nr, None)
        if kept is not None:
            node.all_hooks().retained[output_nr] = kept
    tensor._grad_fn, tensor._requires_grad, tensor._output_nr = node, True, output_nr
    if tensor._base is None:
        node.counts(output_nr, counter_of(tensor))


def reshape(tensor: Tensor, operation: Callable[..., Tensor], *arguments: Any) -> Tensor:
    """Give a tensor another shape, for ``unsqueeze_`` and its like: the memory stays, the way it is read changes.

    As in PyTorch this counts as a change to the memory.
    """
    global latest
    refuse(tensor)
    tensor._writable()
    tensor.keep_old_values()
    before = wrap(tensor.array, tensor._grad_fn, tensor._output_nr)
    out = operation(before, *arguments)
    tensor.array = out.array
    latest = moment()
    _count(counter_of(tensor), caller())
    if out._grad_fn is not None:
        out._grad_fn.__class__ = _twin(out._grad_fn.operation).node_type
        # As PyTorch: a gradient that it retains stays that of the shape before.
        tensor._grad_fn, tensor._output_nr = out._grad_fn, out._output_nr
    return tensor


def resize(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Give a tensor another number of entries, for ``resize_``: those that stay keep their values, the others are 0."""
    global latest
    if tensor._requires_grad and mode.enabled:
        raise RuntimeError("cannot resize variables that require grad")
    held, before = np.ravel(tensor._writable()), tensor.array.shape
    count = math.prod(shape)
    array = held[:count] if held.size >= count else np.concatenate([held, np.zeros(count - held.size, held.dtype)])
    tensor.keep_old_values()
    tensor.array = array.reshape(shape)
    if shape != before:
        latest = moment()
        _count(counter_of(tensor), caller())
    return tensor


@lru_cache(maxsize=16)
def _twin(operation: Operation) -> Operation:
    """Return the row under the name that PyTorch has for it where it changes the tensor itself."""
    sentence = "" if operation.cases else operation.sentence
    return replace(operation, grad_fn=TWINS.get(operation.grad_fn, operation.grad_fn), sentence=sentence)


def refuse(tensor: Tensor, arguments: Sequence[Any] = ()) -> None:
    """Raise PyTorch's error for a change in place that cannot be recorded.

    Raises
    ------
    RuntimeError
        If gradients are recorded and it is a leaf whose gradient is wanted, a view of one, or a view that was made in a way
        that the graph cannot follow: one of several, in ``no_grad``, in a custom function.
    """
    if not mode.enabled:
        return
    root = tensor if tensor._base is None else tensor._base
    tracked = root._requires_grad or tensor._requires_grad
    if not tracked and not any(isinstance(given, Tensor) and given._requires_grad for given in arguments):
        return
    if tensor._creation:
        raise RuntimeError(_cannot_follow(tensor, "is being"))
    if tracked and root._grad_fn is None:
        raise RuntimeError(advice.leaf_in_place(root, view=root is not tensor))


def _cannot_follow(view: Tensor, happens: str) -> str:
    """Say why a change to a view, or behind its back, cannot be recorded."""
    node, way = view._grad_fn, view._creation
    mode_ = "inference" if way == "inference" else "no_grad"
    made = "" if node is None else f"Output {view._output_nr} of {plain_name(node)} is a view"
    if way in ("no_grad", "inference") or node is None:
        made = f"{made} of a view which" if made else "A view"
        where = "in normal mode" if way == "inference" else "with grad mode enabled"
        text = f"{made} was created in {mode_} mode and {happens} modified inplace {where}."
    else:
        text = f"{made} and {happens} modified inplace."
    return text + FORBIDDEN[way]


def write(
    tensor: Tensor,
    array: Any,
    where: Any = ...,
    operation: str = "copy",
    *,
    counted: bool = True,
    by: Node | None = None,
) -> None:
    """Overwrite a tensor's memory, or part of it, and note that this happened.

    Parameters
    ----------
    tensor, array
        What is changed, and the new numbers.
    where
        An index, as NumPy takes it. Where it does not fit, nothing has happened.
    operation
        What does it. It matters where entries share their memory.
    counted
        Whether this is a change that the backward pass has to know of.
    by
        The node that stands for the change, if it is recorded: what was there is what the node read, not what it made.
    """
    memory, before = begin(tensor, where, operation, counted=counted)
    if where is ... and operation in DEPRECATED and memory is not tensor.array:
        where = (array != memory) & ((array == array) | (memory == memory))
        array = array[where]  # what it left alone must not overwrite what it changed
    memory[where] = array
    end(tensor, before, caller(), counted, by)


Before = list[tuple[Memory, Any]]
"""What stood where something is about to be written, and the memory that keeps it for pictures."""


def begin(
    tensor: Tensor, where: Any = ..., operation: str = "copy", *, counted: bool = True
) -> tuple[np.ndarray[Any, Any], Before]:
    """Return the array of a tensor that is about to be overwritten, and what is there."""
    if counted and tensor._barred and tensor._counter is None and not barred():
        raise RuntimeError(INFERENCE)
    before = [(memory_of(each), Memory.copied(each.array)) for each in (tensor, tensor._base) if each is not None]
    memory = tensor._writable()
    if not memory.flags.writeable:
        memory = _expanded_memory(memory, where, operation)
    return memory, before


def end(tensor: Tensor, before: Before, origin: tuple[Any, int], counted: bool = True, by: Node | None = None) -> None:
    """Note that a tensor has been overwritten, by a line of somebody's code."""
    global latest
    latest = moment()
    for changed, old in before:
        changed.keep(latest if by is None else by.made + HALF, old)
    if counted:
        _count(counter_of(tensor), origin)


def _count(counter: VersionCounter, origin: tuple[Any, int]) -> None:
    """Note a change that has just happened, and tell those that cannot follow it."""
    counter.note(latest, origin)
    for known in counter.told:
        view = known()
        if view is not None and view._stale is None:
            view._stale = _cannot_follow(view, "its base or another view of its base has been")
            if view._grad_fn is not None:
                view._grad_fn, view._requires_grad, view._inherits = None, True, False


ONE_NUMBER = {"zero", "fill_number", "tril", "triu", "_copied_onto_itself"}
"""What may write to entries that share their memory, since it writes the same number to all."""
DEPRECATED = {"masked_fill": ("mask", "scalar"), "index_fill": ("mask", "scalar"), "index_put": ("indices", "tensor")}
"""What may do so too, with a warning."""


def _expanded_memory(array: np.ndarray[Any, Any], where: Any, operation: str) -> np.ndarray[Any, Any]:
    """Return the memory of an expanded tensor to be written to, which NumPy protects: several entries are one number.

    Raises
    ------
    RuntimeError
        If several of the entries that would be written to are one.
    """
    if operation in DEPRECATED:
        warnings.warn(DEPRECATED_OVERLAP.format(operation, *DEPRECATED[operation]), UserWarning, stacklevel=6)
    elif operation not in ONE_NUMBER and _overlaps(array[where]):
        raise RuntimeError(OVERLAPS)
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    first = (array.__array_interface__["data"][0] - owner.__array_interface__["data"][0]) // array.itemsize
    if owner.dtype != array.dtype or not owner.flags.writeable:
        raise RuntimeError(NOT_WRITABLE)
    return np.lib.stride_tricks.as_strided(owner.ravel("K")[first:], array.shape, array.strides)


def _overlaps(array: Any) -> bool:
    return array.size > 0 and any(
        stride == 0 and size > 1 for stride, size in zip(array.strides, array.shape, strict=True)
    )


def check(node: Node) -> None:
    """Refuse to differentiate a node whose saved tensors have been changed since.

    Raises
    ------
    RuntimeError
        PyTorch's, naming the tensor that was changed.
    """
    needed = node.operation.saved_names(tuple(edge is not None for edge in node.edges))
    ran = node.inner if isinstance(node, CopySlices) else node
    for name, argument in (*zip(node.operation.inputs, node.inputs, strict=False), *node.given):
        if name in needed and isinstance(argument, Tensor):
            counter = (argument if argument._base is None else argument._base)._counter
            if counter is not None and counter.last > ran.made:
                raise _modified(argument.array, _which(argument), counter, counter.at(ran.made), node)
    for place, (counter, count) in (node.versions or {}).items():
        name = node.operation.outputs[place]
        if name in needed and counter.count != count and ran.values is not None:
            result = ran.values[ran.operation.fields[name]]
            result = result if ran.many else result.reshape(ran.output_shape)
            which = f", which is output {place} of {plain_name(ran)}," if node.many or not place else ""
            raise _modified(result, which, counter, count, node)


def _which(argument: Tensor) -> str:
    """Say which tensor this is, by what made it; a view whose base was changed is, in PyTorch, a new one of that."""
    if argument._grad_fn is None:
        return ""
    source = plain_name(argument._grad_fn) if argument._base is None else "AsStrided"
    return f", which is output {argument._output_nr} of {source},"


def plain_name(node: Node) -> str:
    """Return what PyTorch's errors call a node: ``"Exp"`` for ``ExpBackward0``, ``"Sum1"`` for ``SumBackward1``."""
    name = node.name()
    stem, backward, number = name.rpartition("Backward")
    return stem + ("" if number == "0" else number) if backward and (number.isdigit() or not number) else name


def _modified(array: Any, which: str, counter: VersionCounter, expected: int, node: Node) -> RuntimeError:
    kind = dtypes.tensor_type_name(dtypes.from_numpy(array.dtype))
    return RuntimeError(advice.modified(kind, list(array.shape), which, counter.count, expected, node, counter.origin))
