"""Changes in place: ``w.sub_(...)``, ``w += ...``, ``w[0] = ...``.

A change in place overwrites numbers that the backward pass may still need. Each is stamped with a moment on the clock
that also numbers the operations, so "was it changed after this operation saved it?" is one comparison, and costs
nothing where nothing is ever changed in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.modes import mode
from gradviz.engine.node import Node, next_sequence_nr
from gradviz.engine.tensor import Tensor, counter_of, wrap

latest = -1
"""The moment of the last change in place to any tensor."""


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
        If it is a leaf that requires a gradient, or the result does not fit its shape or dtype.
    """
    refuse_leaf(tensor)
    # What the operation read stays in the graph under the old name's old self, with the old numbers.
    before = wrap(np.array(tensor.array), tensor._grad_fn, tensor._output_nr)
    result = operation(before, *arguments)
    if result.shape != tensor.shape:
        raise RuntimeError(
            f"output with shape {list(tensor.shape)} doesn't match the broadcast shape {list(result.shape)}"
        )
    if result.array.dtype.kind == "f" and tensor.array.dtype.kind != "f":
        raise RuntimeError(
            f"result type {dtypes.scalar_type_name(result.dtype)} can't be cast to the desired output type "
            f"{dtypes.scalar_type_name(tensor.dtype)}"
        )
    write(tensor, result.array)
    if result._requires_grad:
        tensor._grad_fn, tensor._requires_grad, tensor._output_nr = result._grad_fn, True, result._output_nr
    return tensor


def refuse_leaf(tensor: Tensor) -> None:
    """Raise PyTorch's error for a change in place to a leaf whose gradient is wanted."""
    if mode.enabled and tensor._requires_grad and tensor._grad_fn is None:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")


def write(tensor: Tensor, array: Any, where: Any = ...) -> None:
    """Overwrite a tensor's memory, or part of it, and note that this happened."""
    global latest
    tensor.keep_old_values()
    if tensor._grad_fn is not None:
        tensor._grad_fn.changed = True
    tensor.storage()[where] = array
    counter = counter_of(tensor)
    counter.count += 1
    counter.last = latest = next_sequence_nr()


def check(node: Node) -> None:
    """Refuse to differentiate a node whose saved tensors have been changed since.

    Raises
    ------
    RuntimeError
        PyTorch's, naming the tensor that was changed.
    """
    needed = set(node.saved_names())
    for name, argument in zip(node.operation.inputs, node.inputs, strict=True):
        if name in needed and isinstance(argument, Tensor):
            counter = argument._counter
            if counter is not None and counter.last > node._sequence_nr:
                source = argument._grad_fn
                which = f", which is output {argument._output_nr} of {_plain_name(source)}," if source else ""
                raise _modified(argument.array, which, counter.count, counter.count - 1)
    if node.changed and "result" in needed and node.values is not None:
        result = node.values[node.operation.fields["result"]]
        raise _modified(result, f", which is output 0 of {_plain_name(node)},", 1, 0)


def _plain_name(node: Node) -> str:
    return node.name().rstrip("0123456789").removesuffix("Backward")


def _modified(array: Any, which: str, version: int, expected: int) -> RuntimeError:
    kind = dtypes.tensor_type_name(dtypes.from_numpy(array.dtype))
    return RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[{kind} {list(array.shape)}]{which} is at version {version}; expected version {expected} instead. Hint: "
        "enable anomaly detection to find the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False)."
    )
