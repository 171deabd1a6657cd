"""Normalisation: numbers with mean 0 and deviation 1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine.layout import in_rows
from gradviz.engine.linalg.operations import norms
from gradviz.engine.operation import general, reduction

# A layer that normalises does two things: it standardises numbers in groups, and then stretches and shifts the result by
# what it has learned, if it learns. Batch, layer and group normalisation differ in what is a group.


def _learned(standard: Any, weight: Any, bias: Any) -> Any:
    """Stretch and shift standardised numbers."""
    stretched = _stretched(standard, weight)
    return stretched if bias is None else stretched + bias


def _stretched(x: Any, weight: Any) -> Any:
    return x if weight is None else x * weight


def _statistics(x: Any, axes: tuple[int, ...], eps: float) -> tuple[Any, Any]:
    """Return mean and 1 / standard deviation along some axes, which are kept with length 1."""
    mean = np.mean(x, axis=axes, keepdims=True)
    distance = x - mean
    variance = np.mean(distance * distance, axis=axes, keepdims=True)
    return mean, 1 / np.sqrt(variance + eps)


def _standardised(x: Any, axes: tuple[int, ...], eps: float, mean: Any, rstd: Any) -> tuple[Any, Any]:
    """Return the standardised numbers and what they were multiplied by.

    On arrays, with the statistics that were saved; on tensors they are computed anew, since they depend on `x`.
    """
    if not isinstance(x, np.ndarray):
        mean, rstd = _statistics(x, axes, eps)
    return (x - mean) * rstd, rstd


def _standardised_back(grad: Any, x: Any, axes: tuple[int, ...], eps: float, mean: Any, rstd: Any) -> Any:
    """Return the gradient of x from that of the standardised numbers.

    Mean and deviation depend on every entry of a group, so what would move the mean, or change the deviation, is taken
    out of the gradient.
    """
    standard, rstd = _standardised(x, axes, eps, mean, rstd)
    along = np.mean(grad * standard, axis=axes, keepdims=True)
    return (grad - np.mean(grad, axis=axes, keepdims=True) - standard * along) * rstd


def _local(groups: str, *, per_channel: bool) -> dict[str, str]:
    """Write the local derivatives of a layer whose groups are given by some of its settings."""
    given = f"eps=eps, {groups}"
    if not per_channel:
        scaled, weight, bias = "grad * weight", f"standard(input, {given})", "1"
    else:
        scaled, weight = "grad * per_channel(weight, input)", f"sum_positions(grad * standard(input, {given}))"
        bias = "sum_positions(grad)"
    left = f"residual({scaled}, of=input, {given})"
    if "training" in groups:
        left = f"({left} if training else {scaled})"
    return {"input": f"{left} / sd(input, {given})", "weight": weight, "bias": bias}


def _trailing(x: Any, normalized_shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(range(np.ndim(x) - len(normalized_shape), np.ndim(x)))


def _layer_norm(input: np.ndarray, weight: Any, bias: Any, normalized_shape: tuple[int, ...], eps: float) -> Any:
    mean, rstd = _statistics(input, _trailing(input, normalized_shape), eps)
    return _learned((input - mean) * rstd, weight, bias).astype(input.dtype, copy=False), mean, rstd


layer_norm = general(
    "layer_norm",
    "NativeLayerNormBackward0",
    "layer norm",
    in_rows(_layer_norm),
    "input weight bias",
    {
        "input": lambda grad, input, weight, bias, result1, result2, normalized_shape, eps: _standardised_back(
            _stretched(grad, weight), input, _trailing(input, normalized_shape), eps, result1, result2
        ),
        "weight": lambda grad, input, result1, result2, normalized_shape, eps: (
            grad * _standardised(input, _trailing(input, normalized_shape), eps, result1, result2)[0]
        ),
        "bias": lambda grad: grad,
    },
    settings="normalized_shape eps",
    outputs="result result1 result2",
    together=True,
    expression="layer_norm(input)",
    local=_local("normalized_shape=normalized_shape", per_channel=False),
)


def _others(x: Any) -> tuple[int, ...]:
    """Return all axes but the one of the channels."""
    return (0, *range(2, np.ndim(x)))


def _channels(numbers: Any, x: Any) -> Any:
    """Lay a number for each channel along the axis of the channels."""
    if numbers is None:
        return None
    return np.reshape(numbers, (1, -1, *(1,) * (np.ndim(x) - 2)))


def _batch_norm(
    input: np.ndarray,
    weight: Any,
    bias: Any,
    running_mean: np.ndarray | None,
    running_var: np.ndarray | None,
    training: bool,
    eps: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if training:
        mean, rstd = _statistics(input, _others(input), eps)
    else:
        mean = _channels(running_mean, input).astype(input.dtype, copy=False)
        rstd = (1 / np.sqrt(_channels(running_var, input) + eps)).astype(input.dtype, copy=False)
    out = _learned((input - mean) * rstd, _channels(weight, input), _channels(bias, input))
    return out.astype(input.dtype, copy=False), mean, rstd


def _batch_norm_back(
    grad: Any,
    input: Any,
    weight: Any,
    running_mean: Any,
    running_var: Any,
    result1: Any,
    result2: Any,
    training: bool,
    eps: float,
) -> Any:
    scaled = _stretched(grad, _channels(weight, input))
    if not training:
        return scaled * result2
    return _standardised_back(scaled, input, _others(input), eps, result1, result2)


def _batch_norm_weight(grad: Any, input: Any, result1: Any, result2: Any, training: bool, eps: float) -> Any:
    if training:
        standard = _standardised(input, _others(input), eps, result1, result2)[0]
    else:
        standard = (input - result1) * result2
    return np.sum(grad * standard, axis=_others(grad))


batch_norm = general(
    "batch_norm",
    "NativeBatchNormBackward0",
    "batch norm",
    in_rows(_batch_norm),
    "input weight bias",
    {
        "input": _batch_norm_back,
        "weight": _batch_norm_weight,
        "bias": lambda grad: np.sum(grad, axis=_others(grad)),
    },
    settings="running_mean running_var training eps",
    tensors="running_mean running_var",
    outputs="result result1 result2",
    together=True,
    expression="batch_norm(input)",
    local=_local("training=training, mean=running_mean, var=running_var", per_channel=True),
)


def _grouped(x: Any, group: int) -> Any:
    """Let each group be a row: (N, groups, rest)."""
    return np.reshape(x, (np.shape(x)[0], group, math.prod(np.shape(x)[1:]) // group))


def _group_norm(input: np.ndarray, weight: Any, bias: Any, group: int, eps: float) -> Any:
    rows = _grouped(input, group)
    mean, rstd = _statistics(rows, (2,), eps)
    standard = ((rows - mean) * rstd).reshape(input.shape)
    out = _learned(standard, _channels(weight, input), _channels(bias, input))
    return out.astype(input.dtype, copy=False), mean, rstd


group_norm = general(
    "group_norm",
    "NativeGroupNormBackward0",
    "group norm",
    in_rows(_group_norm),
    "input weight bias",
    {
        "input": lambda grad, input, weight, result1, result2, group, eps: np.reshape(
            _standardised_back(
                _grouped(_stretched(grad, _channels(weight, input)), group),
                _grouped(input, group),
                (2,),
                eps,
                result1,
                result2,
            ),
            np.shape(input),
        ),
        "weight": lambda grad, input, result1, result2, group, eps: np.sum(
            grad * np.reshape(_standardised(_grouped(input, group), (2,), eps, result1, result2)[0], np.shape(input)),
            axis=_others(grad),
        ),
        "bias": lambda grad: np.sum(grad, axis=_others(grad)),
    },
    settings="group eps",
    outputs="result result1 result2",
    together=True,
    expression="group_norm(input)",
    local=_local("group=group", per_channel=True),
)


# The norm of a difference is a row of its own in PyTorch, with the formulas of any other norm.

_vector_norm = norms.vector_norm.operation  # type: ignore[attr-defined]
norm = reduction(
    "norm",
    "NormBackward1",
    _vector_norm.symbol,
    _vector_norm.forward,
    _vector_norm.derivatives["self"],
    settings=_vector_norm.settings[2:],
    expression=_vector_norm.expression,
    local=_vector_norm.local["self"],
)
