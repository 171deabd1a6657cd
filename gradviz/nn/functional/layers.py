"""Fully connected layers."""

from __future__ import annotations

from gradviz.engine import functions
from gradviz.engine.tensor import Tensor

__all__ = [
    "linear",
]  # fmt: skip


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiply by a weight (out, in) and add a bias (out): ``input @ weight.T + bias``, input of shape (..., in)."""
    if bias is None:
        return functions.matmul(input, weight.t())
    if input.ndim == 2:
        return functions.addmm(bias, input, weight.t())
    rows = functions.reshape(input, (-1, input.shape[-1]))
    return functions.view(functions.addmm(bias, rows, weight.t()), (*input.shape[:-1], weight.shape[0]))
