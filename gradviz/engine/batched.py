"""``autograd.grad(…, is_grads_batched=True)``: gradients for several gradients to start with."""

from __future__ import annotations

from typing import Any

from gradviz.engine import advice
from gradviz.engine.backward import grad
from gradviz.engine.creation import zeros_like
from gradviz.engine.functions import stack
from gradviz.engine.tensor import Tensor


def grad_of_batch(
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
