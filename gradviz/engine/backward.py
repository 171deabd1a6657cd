"""The backward pass.

Gradients travel from the outputs back to the leaves. A node may run once all the gradients of its output have arrived,
and among the nodes that may, the one made last goes first. Now, whatever used a result was made after it. So the
youngest node that still waits is always ready, and the whole pass is one walk over the nodes from the youngest to the
oldest: no recursion, no queue, each node once however many paths lead to it. Only the leaves' accumulators are not
made in any order; each runs as soon as its last gradient has arrived.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from gradviz.engine import advice, anomaly, hooks, inplace, mixed
from gradviz.engine.modes import mode
from gradviz.engine.node import AccumulateGrad, Gradients, Node
from gradviz.engine.tensor import Tensor, wrap

Observer = Callable[[Any, Any, Any, Any], None]
"""Told of each node that ran: ``(node, upstream, contributions, replaced)`` for an operation, ``(accumulator, before,
gradient, arrived)`` for a leaf; arrays all."""

CREATE_GRAPH_CYCLE = (
    "Using backward() with create_graph=True will create a reference cycle between the parameter and its gradient "
    "which can cause a memory leak. We recommend using autograd.grad when creating the graph to avoid this. If you "
    "have to use this function, make sure to reset the .grad fields of your parameters to None after use to break "
    "the cycle and avoid the leak."
)

_passes = itertools.count(1)
_age = attrgetter("made")

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
    outputs, grad_outputs, retain_graph, create_graph
        As `tensors`, `grad_tensors`, ... of `backward`.
    inputs
        The tensors to differentiate with respect to, leaves or not.
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
        from gradviz.engine.batched import grad_of_batch

        return grad_of_batch(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)
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


def run(
    outputs: Sequence[Tensor],
    gradients: Sequence[Any],
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
    wanted: Sequence[Tensor] | None = None,
    accumulating: bool = False,
    observer: Observer | None = None,
) -> list[Tensor | None]:
    """Walk the graph once, from the youngest node to the oldest.

    Parameters
    ----------
    outputs, gradients
        Where to start, and with what: arrays, or tensors with `create_graph`.
    retain_graph
        Keep the saved values.
    create_graph
        Compute on tensors, recording.
    wanted
        Collect the gradients of these tensors, and run only what leads to them.
    accumulating
        Add to the ``.grad`` of the leaves that are reached.
    observer
        Told of each node that ran; then no ``.grad`` changes at all. By default the nodes themselves remember, for
        pictures drawn afterwards.

    Returns
    -------
    list
        The gradients of `wanted`, ``None`` for those that were not reached; empty without `wanted`.
    """
    order, waiting = _walk(outputs)
    targets = [tensor.gradient_edge() for tensor in wanted] if wanted else []
    ends = {edge[0] for edge in targets}
    leading = _leading_to(ends, order) if wanted else None  # what leads to nothing that is wanted does not run
    if leading is not None:
        order = [node for node in order if node in leading or node in ends]
    found: dict[Any, Tensor | None] = dict.fromkeys(targets)
    arriving: dict[Any, Any] = {}  # by node (and output, where it has many): the sum of the gradients so far
    number = next(_passes)
    keep = observer is None  # what is only watched changes nothing

    def finish(accumulator: AccumulateGrad, giver: Node | None) -> None:
        """A leaf has all its gradients: the end of the line."""
        arrived = gradient = arriving.pop(accumulator)
        if gradient is None:
            return
        leaf, own = accumulator.variable, accumulator.hooks
        if leaf._hooks:
            gradient = hooks.replaced(leaf._hooks, gradient, create_graph)
        if found and (accumulator, 0) in found:
            found[accumulator, 0] = gradient if create_graph else wrap(gradient)
        if own is not None and (accumulating or not keep):
            gradient = own.node_starts(gradient, create_graph)
        before = None if leaf._grad is None else leaf._grad.array.copy()
        added = gradient
        if create_graph:
            added, arrived = hooks.array_of(gradient), hooks.array_of(arrived)
        if observer is not None:
            observer(accumulator, before, added, arrived)
            return
        accumulator.seen = (number, before, added, arrived)
        if giver is not None:
            if giver.ended is None:
                giver.ended = {}
            giver.ended[accumulator] = accumulator.seen
        if not accumulating:
            return
        if leaf._requires_grad:  # still
            accumulate(leaf, gradient)
        if leaf._post_accumulate_hooks:
            for hook in leaf._post_accumulate_hooks:
                hook(leaf)
        if own is not None:
            own.node_done([], gradient, create_graph)

    def deliver(edges: Sequence[tuple[Any, int] | None], gradients: Sequence[Any], giver: Node | None) -> None:
        """Add each gradient to those that have arrived at the end of its edge."""
        for place, edge in enumerate(edges):
            if edge is None or (leading is not None and edge[0] not in leading and edge[0] not in ends):
                continue
            target, gradient = edge[0], gradients[place]
            key = edge if target.many else target
            before = arriving.get(key)
            if before is None:
                arriving[key] = gradient
            elif gradient is not None:
                arriving[key] = before + gradient
            if type(target) is AccumulateGrad:
                if waiting[target] == 1:
                    finish(target, giver)
                else:
                    waiting[target] -= 1

    def complete(node: Node, place: int, gradient: Any) -> Any:
        """All of a result's gradient has arrived: its hooks are called, and it is found if it was wanted."""
        arrived = gradient
        if node.hooks is not None:
            gradient = node.hooks.gradient_complete(place, gradient, create_graph, keep)
        if found and (node, place) in found:
            # As PyTorch: what the hooks made of it, unless it goes on from here to something else that is wanted.
            wished = gradient if leading is None or node not in leading else arrived
            found[node, place] = wished if create_graph else wrap(wished)
        return gradient

    watching = anomaly.anomaly.enabled
    recording, mode.enabled = mode.enabled, create_graph
    try:
        deliver([tensor.gradient_edge() for tensor in outputs], gradients, None)
        for node in order:
            # Its gradient is complete: whatever used its result was made later, and has had its turn.
            if node.many:
                upstream = _gather(node, arriving, complete, create_graph)
            else:
                upstream = arriving.pop(node, None)
                if upstream is not None and (found or node.hooks is not None):
                    upstream = complete(node, 0, upstream)
            if upstream is None:  # no gradient comes this way, and none goes on
                deliver(node.edges, [None] * len(node.edges), node)
                continue
            if leading is not None and node not in leading:
                continue  # its gradient was wanted, and nothing beyond it is
            if node.hooks is not None:
                upstream = node.hooks.node_starts(upstream, create_graph)
            if inplace.latest > node.made:
                inplace.check(node)
            contributions: list[Any]
            if watching:
                contributions = anomaly.contributions(node, upstream, create_graph)
            elif create_graph:
                contributions = node.differentiable_contributions(upstream)
            else:
                contributions = node.contributions(upstream)
            replaced = None
            if node.hooks is not None:
                contributions = node.hooks.node_done(contributions, upstream, create_graph)
                replaced = node.hooks.ran()
            came, went = upstream, contributions
            if create_graph:
                came, went = hooks.array_of(upstream), [hooks.array_of(gradient) for gradient in contributions]
            if observer is None:
                node.seen = (number, came, went, replaced)
            else:
                observer(node, came, went, replaced)
            deliver(node.edges, contributions, node)
            if not retain_graph:
                node.release()
    finally:
        mode.enabled = recording
    return [found[edge] for edge in targets]


def _gather(node: Node, arriving: dict[Any, Any], complete: Callable[..., Any], create_graph: bool) -> Any:
    """Collect the gradients of a node with many outputs: zeros where none has arrived, ``None`` if none has at all."""
    if node.values is None:
        raise RuntimeError(advice.second_time(node))
    first = len(node.inputs)
    outputs = node.values[first : first + len(node.operation.outputs)]
    arrived = [arriving.pop((node, place), None) for place in range(len(outputs))]
    arrived = [None if gradient is None else complete(node, place, gradient) for place, gradient in enumerate(arrived)]
    if all(gradient is None for gradient in arrived):
        return None
    zeros = (np.zeros_like(output) for output in outputs)
    gradients = Gradients(
        gradient if gradient is not None else wrap(zero) if create_graph else zero
        for gradient, zero in zip(arrived, zeros, strict=True)
    )
    gradients.arrived = tuple(gradient is not None for gradient in arrived)
    return gradients


def _walk(outputs: Sequence[Tensor]) -> tuple[list[Node], dict[AccumulateGrad, int]]:
    """Find every node behind the outputs, youngest first; and for each leaf, how many gradients it will get."""
    seen: set[Node] = set()
    waiting: dict[AccumulateGrad, int] = {}
    edges: list[Any] = [tensor.gradient_edge() for tensor in outputs]
    while edges:
        edge = edges.pop()
        if edge is None:
            continue
        node = edge[0]
        if type(node) is AccumulateGrad:
            waiting[node] = waiting.get(node, 0) + 1
        elif node not in seen:
            seen.add(node)
            edges.extend(node.edges)
    return sorted(seen, key=_age, reverse=True), waiting


def _leading_to(ends: set[Any], order: Sequence[Node]) -> set[Node]:
    """Return the nodes from which a gradient goes on to one of some ends."""
    leading: set[Node] = set()
    for node in reversed(order):
        if any(edge is not None and (edge[0] in ends or edge[0] in leading) for edge in node.edges):
            leading.add(node)
    return leading


def accumulate(leaf: Tensor, gradient: Any) -> None:
    """Add a gradient to a leaf's ``.grad``: a copy the first time, in place after that, so that it stays one object.

    Parameters
    ----------
    leaf
        The leaf.
    gradient
        An array; or a tensor, if the backward pass is itself recorded.
    """
    held = leaf._grad
    if isinstance(gradient, Tensor):
        leaf._grad = gradient.clone() if held is None else held + gradient
    elif held is None:
        # The same array may be on its way along other edges, too. (A NumPy scalar cannot be changed by anyone.)
        leaf._grad = wrap(gradient.copy() if isinstance(gradient, np.ndarray) else gradient)
    else:
        held.keep_old_values()
        held.storage()[...] += gradient


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
