"""Fully connected layers."""

from __future__ import annotations

import math

from gradviz.engine import advice, dtypes, fast, functions
from gradviz.engine.fast import layers as quick
from gradviz.engine.linalg.operations import products
from gradviz.engine.operations import shapes
from gradviz.engine.tensor import Tensor
from gradviz.nn.operations import bilinear as rows

__all__ = [
    "bilinear", "linear",
]  # fmt: skip


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiply by a weight and add a bias: ``input @ weight.T + bias``.

    Parameters
    ----------
    input
        Of shape (..., in).
    weight
        Of shape (out, in); or (in), for one output without an axis.
    bias
        Of shape (out).

    Returns
    -------
    Tensor
        Of shape (..., out).
    """
    if not isinstance(input, Tensor):
        words = f"linear(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        raise TypeError(advice.not_a_tensor(words, input))
    if bias is not None and weight.ndim == 2 == input.ndim:
        return functions.addmm(bias, input, weight.t())
    if bias is None or weight.ndim == 1 or not input._writable().flags.c_contiguous:
        product = functions.matmul(input, weight.t())
        return product if bias is None else product + bias
    rows = functions.reshape(input, (math.prod(input.shape[:-1]), input.shape[-1]))
    return functions.view(functions.addmm(bias, rows, weight.t()), (*input.shape[:-1], weight.shape[0]))


if fast.enabled:
    linear = quick.linear(shapes.t.operation, products.addmm.operation, linear)  # type: ignore[attr-defined]


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Compare two inputs by a weight for each output: ``y[k] = input1 @ weight[k] @ input2 + bias[k]``.

    Parameters
    ----------
    input1, input2
        Of shapes (..., n) and (..., m), with the same axes in front.
    weight
        Of shape (out, n, m).
    bias
        Of shape (out).

    Returns
    -------
    Tensor
        Of shape (..., out).
    """
    if not input1.dtype == input2.dtype == weight.dtype:
        raise RuntimeError(
            "All tensors must have the same dtype, got input1: {}, input2: {}, weight: {}".format(
                *(dtypes.CPP_NAMES[x.dtype.name] for x in (input1, input2, weight))
            )
        )
    if input1.ndim != input2.ndim:
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {input1.ndim} and {input2.ndim}")
    if input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(
            f"bilinear(): input batch dimensions do not match: got {list(input1.shape)} and {list(input2.shape)}"
        )
    for number, x in enumerate((input1, input2), start=1):
        if x.size(-1) != (length := weight.size(number)):
            raise RuntimeError(
                f"bilinear(): input{number} size does not match weight size: got {x.size(-1)} but expected {length}"
            )
    x, y = functions.reshape(input1, (-1, input1.shape[-1])), functions.reshape(input2, (-1, input2.shape[-1]))
    outputs = rows.trilinear(x, weight, y, "bn,onm,bm->bo")
    result = functions.reshape(outputs, (*input1.shape[:-1], weight.shape[0]))
    return result if bias is None else result + bias
