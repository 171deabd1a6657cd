"""PyTorch's ways into the backward pass: ``backward()`` and ``autograd.grad``, what they take and what they refuse."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from gradviz.engine import advice, fast, listening, mixed
from gradviz.engine.core.backward import Pass
from gradviz.engine.creation import zeros_like
from gradviz.engine.cut import happened
from gradviz.engine.fast import backward as quick
from gradviz.engine.functions import stack
from gradviz.engine.listening import Observer
from gradviz.engine.tensor import Tensor, wrap

CREATE_GRAPH_CYCLE = (
    "Using backward() with create_graph=True will create a reference cycle between the parameter and its gradient "
    "which can cause a memory leak. We recommend using autograd.grad when creating the graph to avoid this. If you "
    "have to use this function, make sure to reset the .grad fields of your parameters to None after use to break "
    "the cycle and avoid the leak."
)

watchers: list[Callable[[list[Tensor]], None]] = []
"""Told of the outputs after each ``backward()``, while the caller's variables are still as they were."""


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add the gradient of the given tensors to the ``.grad`` of every leaf they depend on.

    Parameters
    ----------
    tensors
        Where to start: scalars, or tensors with a gradient of their own in `grad_tensors`.
    grad_tensors
        The gradient of each, of the same shape; ``None`` stands for 1.
    retain_graph, create_graph, inputs
        As for `Tensor.backward`.

    Raises
    ------
    RuntimeError
        As for `Tensor.backward`.
    """
    outputs = _several(tensors)
    wanted = None
    if inputs is not None:
        wanted = _several(inputs)
        if not wanted:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    if create_graph:
        warnings.warn(CREATE_GRAPH_CYCLE, UserWarning, stacklevel=3)
    gradients = _seeds(outputs, grad_tensors, create_graph)
    keep = create_graph if retain_graph is None else retain_graph
    if outputs:
        happened.backward(outputs[0])
    for tensor in wanted or ():
        tensor.retain_grad()
    run(outputs, gradients, retain_graph=keep, create_graph=create_graph, wanted=wanted, accumulating=True)
    for watcher in tuple(watchers):
        watcher(outputs)


def tensor_backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Compute the gradient of this tensor with respect to every leaf it depends on, and add it to their ``.grad``.

    Parameters
    ----------
    gradient
        The gradient to start with, of this tensor's shape. A tensor with one entry starts with 1.
    retain_graph
        Keep what was saved, so that ``backward()`` can run again. By default as `create_graph`.
    create_graph
        Record the backward pass too, so that it can be differentiated.
    inputs
        Collect gradients for these tensors only.

    Raises
    ------
    RuntimeError
        If this tensor has no graph, has more than one entry and no `gradient`, or its graph has been freed.

    Examples
    --------
    >>> import gradviz as torch
    >>> x = torch.tensor(7.0, requires_grad=True)
    >>> (x**2 + 3).backward()
    >>> x.grad
    tensor(14.)
    """
    backward(self, gradient, retain_graph, create_graph, inputs=inputs)


tensor_backward.__name__, tensor_backward.__qualname__ = "backward", "Tensor.backward"
tensor_backward.__module__ = Tensor.__module__


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """Return the gradients of outputs with respect to inputs, leaving every ``.grad`` as it is.

    Parameters
    ----------
    outputs
        What is differentiated: one tensor or several, of any shapes.
    inputs
        The tensors to differentiate with respect to, leaves or not.
    grad_outputs
        The gradient of each output to begin with, of its shape; not needed for a single number.
    retain_graph, create_graph
        As for `backward`.
    allow_unused
        Return ``None`` for an input that the outputs do not depend on, instead of an error.
    is_grads_batched
        Take the first dimension of each of `grad_outputs` as a batch, and return the gradients for each, stacked.
    materialize_grads
        Return zeros instead of ``None``.

    Returns
    -------
    tuple of Tensor
        One for each input, of its shape.

    Raises
    ------
    RuntimeError
        If an input does not require a gradient, or is not used and that is not allowed.

    Examples
    --------
    >>> import gradviz as torch
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> torch.autograd.grad(x**2, x)
    (tensor(6.),)
    """
    if is_grads_batched:
        return _batched(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    starts, wanted = _several(outputs), _several(inputs)
    if not wanted:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    if not all(tensor.requires_grad for tensor in wanted):
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    gradients = _seeds(starts, grad_outputs, create_graph)
    keep = create_graph if retain_graph is None else retain_graph
    found = run(starts, gradients, retain_graph=keep, create_graph=create_graph, wanted=wanted)
    for index, gradient in enumerate(found):
        if gradient is None and not allow_unused and not materialize_grads:
            words = (
                f"The differentiated Tensor at index {index} appears to not have been used in the graph. "
                "Set allow_unused=True if this is the desired behavior."
            )
            raise RuntimeError(advice.unused(words, wanted[index]))
    if materialize_grads:
        return tuple(
            wrap(np.zeros_like(tensor.array)) if gradient is None else gradient
            for tensor, gradient in zip(wanted, found, strict=True)
        )
    return tuple(found)


def _batched(
    outputs: Any,
    inputs: Any,
    given: Any,
    retain_graph: bool | None,
    create_graph: bool,
    allow_unused: bool | None,
    materialize_grads: bool,
) -> tuple[Tensor | None, ...]:
    """Find gradients for each of a batch of gradients to start with, one after the other."""
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    batches = [given] if given is None or isinstance(given, Tensor) else list(given)
    for index, (batch, output) in enumerate(zip(batches, outputs, strict=False)):
        if batch is not None and (first := batch[0]).shape != output.shape:
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch dimension. "
                "The sizes of the remaining dimensions are expected to match the shape of corresponding output, but a "
                f"mismatch was detected: grad_output[{index}] has a shape of {first.shape[1:]} and output[{index}] has a shape "
                f"of {output.shape}. If you only want some tensors in `grad_output` to be considered batched, consider "
                "using vmap."
            )
    sizes = [len(batch) for batch in batches if batch is not None]
    if not sizes:
        raise RuntimeError(advice.not_a_scalar(outputs[0]))
    if len(set(sizes)) > 1:
        raise ValueError(
            f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for the mapped "
            "dimension"
        )
    keep = create_graph if retain_graph is None else retain_graph
    found = []
    for place in range(sizes[0]):
        starts = [None if batch is None else batch[place] for batch in batches]
        last = place == sizes[0] - 1
        allowed = allow_unused or materialize_grads
        found.append(grad(outputs, inputs, starts, keep or not last, create_graph, allowed))
    columns = zip(*found, strict=True)
    together = [None if column[0] is None else stack(column) for column in columns]
    if not materialize_grads:
        return tuple(together)
    inputs = [inputs] if isinstance(inputs, Tensor) else inputs
    return tuple(zeros_like(x) if one is None else one for x, one in zip(inputs, together, strict=True))


def run(
    outputs: Sequence[Tensor],
    gradients: Sequence[Any],
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
    wanted: Sequence[Tensor] | None = None,
    accumulating: bool = False,
    observer: Observer | None = None,
) -> list[Any]:
    """Walk the graph once.

    Parameters
    ----------
    outputs, gradients
        Where to start, and with what: arrays, or tensors with `create_graph`.
    retain_graph
        Keep the saved values.
    create_graph, wanted, accumulating
        As for `gradviz.engine.core.backward.Pass`.
    observer
        Told of each node that ran; then no ``.grad`` changes at all. By default the nodes themselves remember, for
        pictures drawn afterwards.

    Returns
    -------
    list
        The gradients of `wanted`, ``None`` for those that were not reached; empty without `wanted`.
    """
    hears = listening.listener(create_graph, accumulating, observer)
    kind = quick.Pass if fast.enabled and type(hears) is listening.Usual else Pass
    walk = kind(outputs, hears, create_graph=create_graph, wanted=wanted or (), accumulating=accumulating)
    return walk.run(gradients, retain_graph)


def _several(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    if isinstance(tensors, Tensor):
        return [tensors]
    if mixed.is_pytorchs(tensors):
        raise TypeError(mixed.explained("expected gradviz's tensors, but got PyTorch's", tensors))
    return list(tensors)


def _seeds(outputs: Sequence[Tensor], given: Any, create_graph: bool) -> list[Any]:
    """Return the gradient each output starts with: the one given, or 1 for a scalar."""
    if given is None:
        given = [None] * len(outputs)
    elif isinstance(given, Tensor):
        given = [given]
    seeds: list[Any] = []
    for index, (output, gradient) in enumerate(zip(outputs, given, strict=True)):
        array = output.array
        if not output._requires_grad or output._inherits:
            raise RuntimeError(advice.nothing_to_do(output, index))
        if gradient is None:
            if array.size != 1:
                raise RuntimeError(advice.not_a_scalar(output))
            one = np.ones(array.shape, array.dtype) if array.shape else array.dtype.type(1)
            seeds.append(wrap(one) if create_graph else one)
            continue
        if not isinstance(gradient, Tensor):
            words = f"gradients can be either Tensors or None, but got {type(gradient).__name__}"
            raise TypeError(mixed.explained(words, gradient))
        if gradient.shape != output.shape:
            words = (
                f"Mismatch in shape: grad_output[{index}] has a shape of {gradient.shape} and output[{index}] has a "
                f"shape of {output.shape}."
            )
            raise RuntimeError(advice.gradient_shape(words, output, gradient))
        if gradient.array.dtype != array.dtype:
            gradient = gradient.to(output.dtype)
        seeds.append(gradient if create_graph else gradient.array)
    return seeds
