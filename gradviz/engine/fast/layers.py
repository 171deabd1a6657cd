"""A linear layer, fast: the transpose of the weight and the product with it, both recorded in one go."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any

from gradviz.engine.core.tensor import mode
from gradviz.engine.fast.operation import end_of
from gradviz.engine.tensor import Tensor

if TYPE_CHECKING:
    from gradviz.engine.operation import Operation

Function = Callable[..., Any]


def linear(transpose: Operation, addmm: Operation, reference: Function) -> Function:
    """Make the function of a linear layer: quick for a matrix of examples and a layer's own weight and bias.

    That is for leaves that want a gradient, all of one floating-point dtype, and sizes that fit.
    """

    def function(input: Any, weight: Any, bias: Any = None) -> Any:
        if not (mode.enabled and isinstance(input, Tensor) and isinstance(weight, Tensor) and isinstance(bias, Tensor)):
            return reference(input, weight, bias)
        x, w, b = input.array, weight.array, bias.array
        if not (x.ndim == w.ndim == 2 and b.ndim == 1 and x.shape[1] == w.shape[1] and w.shape[0] == b.shape[0]):
            return reference(input, weight, bias)
        if not (x.dtype is w.dtype is b.dtype and x.dtype.kind == "f") or input._barred is not None:
            return reference(input, weight, bias)
        edge = None
        if input._requires_grad:
            node = input._grad_fn
            edge = end_of(input) if node is None else (node, input._output_nr)
            if edge is None:
                return reference(input, weight, bias)
        for leaf in (weight, bias):
            if leaf._grad_fn is not None or not leaf._requires_grad:
                return reference(input, weight, bias)
        weight_edge, bias_edge = end_of(weight), end_of(bias)
        if weight_edge is None or bias_edge is None:
            return reference(input, weight, bias)
        turned_array = w.T
        turned = transpose.result((weight,), (weight_edge,), (w, turned_array), turned_array)
        turned._base = weight  # a view of a leaf: nothing has to follow it
        out = addmm.forward(b, x, turned_array, 1, 1)
        edges = bias_edge, edge, (turned._grad_fn, 0)
        return addmm.result((bias, input, turned), edges, (b, x, turned_array, out, 1, 1), out)

    update_wrapper(function, reference)
    del function.__wrapped__  # type: ignore[attr-defined]
    return function
