"""Normalisation: means to 0, deviations to 1."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gradviz.engine import dtypes, functions, inplace
from gradviz.engine.arguments import watching
from gradviz.engine.modes import no_grad
from gradviz.engine.operations import scalars
from gradviz.engine.tensor import Tensor
from gradviz.nn.functional.fixed import fixed
from gradviz.nn.functional.padding import pad
from gradviz.nn.functional.pooling import avg_pool2d, avg_pool3d
from gradviz.nn.operations import normalization as rows

__all__ = [
    "batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "rms_norm",
]  # fmt: skip


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Standardise each row by its own mean and deviation, then stretch and shift the columns.

    Parameters
    ----------
    input
        Of shape ``(..., *normalized_shape)``.
    normalized_shape
        The last axes' lengths: what is a row.
    weight, bias
        Of shape `normalized_shape`; 1 and 0 if there are none.
    eps
        Added to the variance, so that rows of equal numbers do not divide by zero.

    References
    ----------
    Ba, Kiros and Hinton, "Layer normalization" (2016).
    """
    shape = _check_trailing(input, normalized_shape)
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and tuple(parameter.shape) != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(parameter.shape)} and normalized_shape = {list(shape)}"
            )
    if not input.is_floating_point():
        kind = dtypes.scalar_type_name(input.dtype)
        raise NotImplementedError(f"\"LayerNormKernelImpl\" not implemented for '{kind}'")
    _check_dtypes(input, weight, bias)
    return rows.layer_norm(input, weight, bias, shape, eps)[0]


def _check_dtypes(input: Tensor, *parameters: Tensor | None) -> None:
    """Say that parameters are of another dtype: only those of float16 numbers may be, and then of float32."""
    others = [each for each in parameters if each is not None and each.dtype != input.dtype]
    if any(each.dtype != dtypes.float32 for each in others):
        raise RuntimeError("mixed dtype (CPU): expect parameter to have scalar type of Float")
    if others and input.dtype != dtypes.float16:
        raise RuntimeError("mixed dtype (CPU): all inputs must share same datatype.")


def _check_trailing(input: Tensor, normalized_shape: Sequence[int]) -> tuple[int, ...]:
    shape = tuple(normalized_shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            "normalized_shape = []"
        )
    if tuple(input.shape[-len(shape) :]) != shape or len(shape) > input.ndim:
        wanted = ", ".join(map(str, shape))
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [*, {wanted}], but got input of "
            f"size{list(input.shape)}"
        )
    return shape


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Divide each row by the root of its mean square, then stretch the columns.

    Parameters
    ----------
    input
        Of shape ``(..., *normalized_shape)``.
    normalized_shape
        The last axes' lengths: what is a row.
    weight
        Of shape `normalized_shape`.
    eps
        Added to the mean square; by default the smallest step of the dtype from 1.

    References
    ----------
    Zhang and Sennrich, "Root mean square layer normalization" (2019).
    """
    shape = _check_trailing(input, normalized_shape)
    if weight is not None and tuple(weight.shape) != shape:
        raise RuntimeError(
            f"Expected weight to be of same shape as normalized_shape, but got weight of shape {list(weight.shape)} and "
            f"normalized_shape = {list(shape)}"
        )
    if eps is None:
        eps = float(np.finfo(input.array.dtype).eps)
    axes = tuple(range(input.ndim - len(shape), input.ndim))
    scale = functions.rsqrt(scalars.add(functions.mean(functions.square(input), axes, keepdim=True), eps))
    out = input * scale
    return out if weight is None else out * weight


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Standardise each channel, then stretch and shift it.

    Parameters
    ----------
    input
        Of shape (N, C, ...).
    running_mean, running_var
        Of shape (C): the statistics that are used unless `training`, and moved towards those of the batch if so.
    weight, bias
        Of shape (C); 1 and 0 if there are none.
    training
        Use the mean and the variance of the batch.
    momentum
        How far to move the running statistics.
    eps
        Added to the variance.

    References
    ----------
    Ioffe and Szegedy, "Batch normalization" (2015).
    """
    if not input.numel():
        return functions.clone(input)
    if training and math.prod((input.shape[0], *input.shape[2:])) == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}")
    count = input.numel() // input.size(1)
    if not input.is_floating_point():
        kind = dtypes.scalar_type_name(input.dtype)
        raise NotImplementedError(f"\"batch_norm\" not implemented for '{kind}'")
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, numbers in given.items():
        if numbers is None:
            if name.startswith("running") and not training:
                raise RuntimeError(f"{name} must be defined in evaluation mode")
        elif numbers.numel() != input.shape[1]:
            raise RuntimeError(f"{name} should contain {input.shape[1]} elements not {numbers.numel()}")
    _check_dtypes(input, *given.values())
    # Copies: the tensors are changed in place by later calls, and a picture of this one shows what was there.
    kept = [fixed("native_batch_norm", name, given[name]) for name in ("running_mean", "running_var")]
    settings = *(None if numbers is None else np.array(numbers) for numbers in kept), training, eps
    out, mean, rstd = rows.batch_norm(input, weight, bias, *settings)
    watching(out, running_mean=running_mean, running_var=running_var)
    if training:
        variance = 1 / rstd.array.ravel() ** 2 - eps
        _move(running_mean, mean.array.ravel(), momentum)
        _move(running_var, variance * count / (count - 1), momentum)
    return out


def _move(running: Tensor | None, batch: np.ndarray, momentum: float) -> None:
    """Move a running statistic towards that of a batch; in PyTorch this is no change that autograd counts."""
    if running is not None:
        with no_grad():
            inplace.write(running, (1 - momentum) * running.array + momentum * batch, counted=False)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Standardise each channel of each example by itself: batch normalisation as if each were a channel of its own.

    The arguments are those of `batch_norm`, with `use_input_stats` for `training`.

    References
    ----------
    Ulyanov, Vedaldi and Lempitsky, "Instance normalization" (2016).
    """
    if use_input_stats and input.numel() // max(input.shape[0] * input.shape[1], 1) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
    n, c, *rest = input.shape
    mean, var, weight, bias = (
        None if part is None else functions.repeat(part, n) for part in (running_mean, running_var, weight, bias)
    )
    flat = functions.reshape(input, (1, n * c, *rest))
    out = batch_norm(flat, mean, var, weight, bias, use_input_stats, momentum, eps)
    for running, moved in ((running_mean, mean), (running_var, var)):
        if running is not None and moved is not None:
            with no_grad():
                inplace.write(running, moved.array.reshape(n, c).mean(0))
    return functions.view(out, input.shape)


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Standardise groups of channels of each example, then stretch and shift the channels.

    Parameters
    ----------
    input
        Of shape (N, C, ...).
    num_groups
        Into how many groups to divide the C channels.
    weight, bias
        Of shape (C); 1 and 0 if there are none.
    eps
        Added to the variance.

    References
    ----------
    Wu and He, "Group normalization" (2018).
    """
    if input.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.ndim}")
    if num_groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    if input.shape[1] % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(input.shape)} and num_groups={num_groups}"
        )
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and tuple(parameter.shape) != (input.shape[1],):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of "
                f"shape {list(parameter.shape)} and input of shape {list(input.shape)}"
            )
    if input.numel() and input.numel() // (input.shape[0] * num_groups) * input.shape[0] == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {list(input.shape)}")
    return rows.group_norm(input, weight, bias, num_groups, eps)[0]


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Divide each channel by what its neighbours add up to: ``x / (k + alpha · mean of x² nearby) ** beta``.

    Parameters
    ----------
    input
        Of shape (N, C, ...).
    size
        How many channels are nearby, the channel itself among them.
    alpha, beta, k
        The constants of the formula.

    References
    ----------
    Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks" (2012).
    """
    if input.ndim < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality                          input (got {input.ndim} dimensions)"
        )
    if input.numel() == 0:
        return input
    # The mean over neighbouring channels is an average pooling along the axis of channels.
    squares = input * input
    around = (size // 2, (size - 1) // 2)
    if input.ndim == 3:
        lines = functions.unsqueeze(squares, 1)
        means = functions.squeeze(avg_pool2d(pad(lines, (0, 0, *around)), (size, 1), 1), 1)
    else:
        batch, channels, *rest = input.shape
        volume = functions.view(squares, batch, 1, channels, rest[0], -1)
        means = functions.squeeze(avg_pool3d(pad(volume, (0, 0, 0, 0, *around)), (size, 1, 1), 1), 1)
        means = functions.view(means, *input.shape)
    return input / functions.pow(means * alpha + k, beta)
