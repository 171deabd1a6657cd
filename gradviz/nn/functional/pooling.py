"""Pooling: a window becomes one number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import functions
from gradviz.engine.arguments import watching
from gradviz.engine.functions.shapes import squeeze, unsqueeze
from gradviz.engine.tensor import Tensor
from gradviz.nn.operations import pooling

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d",
    "max_pool2d", "max_pool3d", "max_unpool1d", "max_unpool2d", "max_unpool3d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d_with_indices", "adaptive_max_pool3d_with_indices",
    "max_pool1d_with_indices", "max_pool2d_with_indices", "max_pool3d_with_indices",
]  # fmt: skip


def several(value: Any, count: int, name: str, what: str) -> tuple[int, ...]:
    """Read a setting: one number for every axis, or one for each."""
    numbers = tuple(value) if isinstance(value, tuple | list) else (value,)
    if len(numbers) == 1:
        return tuple(numbers) * count
    if len(numbers) != count:
        raise RuntimeError(f"{name}: {what} must either be a single int, or a tuple of {count} ints")
    return numbers


def _check(name: str, input: Tensor, count: int) -> None:
    if input.ndim not in (count + 1, count + 2):
        if name == "max_pool1d":
            raise RuntimeError(
                "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got:"
                f"{list(input.shape)}"
            )
        if name.startswith("max_pool"):
            raise RuntimeError(f"non-empty {count + 1}D or {count + 2}D (batch mode) tensor expected for input")
        raise RuntimeError(
            f"{name}: Expected {count + 1}D (unbatched) or {count + 2}D (batched) input, but got input of size: "
            f"{list(input.shape)}"
        )


def _check_padding(padding: tuple[int, ...], kernel: tuple[int, ...]) -> None:
    for pad, size in zip(padding, kernel, strict=True):
        if not 0 <= pad <= size // 2:
            raise RuntimeError(
                "pad should be at most half of effective kernel size, but got pad="
                f"{pad}, kernel_size={size} and dilation=1"
                if pad > 0
                else f"pad must be non-negative, but got pad: {pad}"
            )


def _check_size(name: str, input: Tensor, kernel: tuple[int, ...], outputs: tuple[int, ...]) -> None:
    """Say, in the words PyTorch has for each, that a window does not fit."""
    if all(number >= 1 for number in outputs):
        return
    if name == "max_pool1d":
        raise RuntimeError(f"max_pool1d() Invalid computed output size: {outputs[0]}")
    size = tuple(input.shape[-len(outputs) :])
    if name == "avg_pool3d":
        image, window = (
            " ".join(f"{k}{n}: {v}" for n, v in zip("THW", x, strict=True)) for k, x in (("", size), ("k", kernel))
        )
        raise RuntimeError(f"input image ({image}) smaller than kernel size ({window})")
    channels = tuple(input.shape[-len(outputs) - 1 : -len(outputs)])
    before, after = channels + size, channels + outputs
    if len(outputs) == 1:
        before, after = (*channels, 1, *size), (*channels, 1, *outputs)
    crossed = ("x".join(map(str, numbers)) for numbers in (before, after))
    raise RuntimeError(
        "Given input size: ({}). Calculated output size: ({}). Output size is too small".format(*crossed)
    )


# --- averages --------------------------------------------------------------------------------------------------------


def _avg_pool(
    name: str, input: Tensor, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool,
    divisor_override: int | None,
) -> Tensor:  # fmt: skip
    count = int(name[-2])
    _check(name, input, count)
    kernel = several(kernel_size, count, name, "kernel_size")
    steps = kernel if stride is None or stride == () else several(stride, count, name, "stride")
    pads = several(padding, count, name, "padding")
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    _check_padding(pads, kernel)
    axes = list(zip(input.shape[-count:], kernel, steps, pads, strict=True))
    _check_size(name, input, kernel, tuple(pooling.pooled(n, k, s, p, 1, ceil_mode) for n, k, s, p in axes))
    divide = divisor_override is None
    matrices = [pooling.averages(n, k, s, p, ceil_mode, count_include_pad, divide) for n, k, s, p in axes]
    if divisor_override is not None:
        matrices[0] = matrices[0] / divisor_override
    if count == 1:
        # As PyTorch: a line is an image of one row.
        flat = pooling.avg_pool2d(unsqueeze(input, -2), (np.ones((1, 1)), *matrices))
        return squeeze(flat, -2)
    return (pooling.avg_pool2d if count == 2 else pooling.avg_pool3d)(input, tuple(matrices))


def avg_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """Average windows of a line: input (N, C, length)."""
    return _avg_pool("avg_pool1d", input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """Average windows of an image.

    Parameters
    ----------
    input
        Of shape (N, C, height, width), or without N.
    kernel_size, stride, padding
        Numbers, or one for each axis. By default windows do not overlap.
    ceil_mode
        Count a last window that reaches over the end.
    count_include_pad
        Whether the zeros around the image count.
    divisor_override
        Divide by this in place of the number of entries.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.nn.functional.avg_pool2d(torch.arange(4.0).reshape(1, 1, 2, 2), 2)
    tensor([[[[1.5000]]]])
    """
    return _avg_pool("avg_pool2d", input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """Average windows of a volume: input (N, C, depth, height, width)."""
    return _avg_pool("avg_pool3d", input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _adaptive(name: str, input: Tensor, output_size: Any, count: int) -> tuple[int, ...]:
    _check(name, input, count)
    wanted = several(output_size, count, name, "output_size")
    return tuple(
        int(size) if number is None else int(number) for number, size in zip(wanted, input.shape[-count:], strict=True)
    )


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Average a line in so many stretches, as equal as can be."""
    wanted = _adaptive("adaptive_avg_pool1d", input, output_size, 1)
    return squeeze(adaptive_avg_pool2d(unsqueeze(input, -2), (1, *wanted)), -2)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Average an image in so many stretches along each axis (``None`` leaves an axis as it is)."""
    wanted = _adaptive("adaptive_avg_pool2d", input, output_size, 2)
    if wanted == (1, 1):
        return functions.mean(input, (-1, -2), keepdim=True)  # as PyTorch
    matrices = tuple(pooling.shares(n, o) for n, o in zip(input.shape[-2:], wanted, strict=True))
    return pooling.adaptive_avg_pool2d(input, matrices)


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Average a volume in so many stretches along each axis."""
    wanted = _adaptive("adaptive_avg_pool3d", input, output_size, 3)
    if wanted == (1, 1, 1):
        return functions.mean(input, (-1, -2, -3), keepdim=True)
    matrices = tuple(pooling.shares(n, o) for n, o in zip(input.shape[-3:], wanted, strict=True))
    return pooling.adaptive_avg_pool3d(input, matrices)


# --- the largest -----------------------------------------------------------------------------------------------------


def _max_pool(
    name: str, input: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool,
    return_indices: bool,
) -> Any:  # fmt: skip
    count = int(name[-2])
    _check(name, input, count)
    kernel = several(kernel_size, count, name, "kernel_size")
    steps = kernel if stride is None or stride == () else several(stride, count, name, "stride")
    pads, apart = several(padding, count, name, "padding"), several(dilation, count, name, "dilation")
    _check_padding(pads, kernel)
    axes = list(zip(input.shape[-count:], kernel, steps, pads, apart, strict=True))
    _check_size(name, input, kernel, tuple(pooling.pooled(*axis, ceil_mode) for axis in axes))
    places = tuple(pooling.windows(*axis, ceil_mode) for axis in axes)
    return _largest(name, input, places, count, return_indices)


def _largest(name: str, input: Tensor, places: tuple[np.ndarray, ...], count: int, return_indices: bool) -> Any:
    image = unsqueeze(input, -2) if count == 1 else input
    places = (np.zeros((1, 1), int), *places) if count == 1 else places
    row = getattr(pooling, name.replace("1d", "2d"))
    values, indices = row(image, places)
    if count == 1:
        values, indices = squeeze(values, -2), squeeze(indices, -2)
    return (values, indices) if return_indices else values


def max_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """Take the largest of each window of a line: input (N, C, length)."""
    return _max_pool("max_pool1d", input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """Take the largest of each window of an image.

    Parameters
    ----------
    input
        Of shape (N, C, height, width), or without N.
    kernel_size, stride, padding, dilation
        Numbers, or one for each axis. By default windows do not overlap.
    ceil_mode
        Count a last window that reaches over the end.
    return_indices
        Also return where each was, counted through the image row by row.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.nn.functional.max_pool2d(torch.arange(4.0).reshape(1, 1, 2, 2), 2)
    tensor([[[[3.]]]])
    """
    return _max_pool("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """Take the largest of each window of a volume: input (N, C, depth, height, width)."""
    return _max_pool("max_pool3d", input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _adaptive_max_pool(name: str, input: Tensor, output_size: Any, return_indices: bool) -> Any:
    count = int(name[-2])
    wanted = _adaptive(name, input, output_size, count)
    places = tuple(pooling.adaptive_windows(n, o) for n, o in zip(input.shape[-count:], wanted, strict=True))
    return _largest(name, input, places, count, return_indices)


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Take the largest of so many stretches of a line."""
    return _adaptive_max_pool("adaptive_max_pool1d", input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Take the largest of so many stretches along each axis of an image."""
    return _adaptive_max_pool("adaptive_max_pool2d", input, output_size, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Take the largest of so many stretches along each axis of a volume."""
    return _adaptive_max_pool("adaptive_max_pool3d", input, output_size, return_indices)


# --- and back ----------------------------------------------------------------------------------------------------------


def _max_unpool(
    name: str, input: Tensor, indices: Tensor, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
    count = int(name[-2])
    kernel = several(kernel_size, count, name, "kernel_size")
    steps = kernel if stride is None else several(stride, count, name, "stride")
    pads = several(padding, count, name, "padding")
    axes = zip(input.shape[-count:], kernel, steps, pads, strict=True)
    size = tuple((n - 1) * s - 2 * p + k for n, k, s, p in axes)
    if output_size is not None:
        size = tuple(output_size)[-count:]
    if count == 1:
        flat = pooling.max_unpool2d(unsqueeze(input, -1), indices.array[..., None], 2, (*size, 1))
        return squeeze(watching(flat, indices=indices), -1)
    row = pooling.max_unpool2d if count == 2 else pooling.max_unpool3d
    places = indices.array
    if places.size and not 0 <= places.min() <= places.max() < int(np.prod(size)):
        raise RuntimeError(
            f"found an invalid max index: {places.max()} (output volumes are of size {'x'.join(map(str, size))}"
        )
    return watching(row(input, places, count, size), indices=indices)


def max_unpool1d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Put the largest entries of `max_pool1d` back where they were, with zeros between them."""
    return _max_unpool("max_unpool1d", input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Put the largest entries of `max_pool2d` back where they were, with zeros between them."""
    return _max_unpool("max_unpool2d", input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Put the largest entries of `max_pool3d` back where they were, with zeros between them."""
    return _max_unpool("max_unpool3d", input, indices, kernel_size, stride, padding, output_size)


def _lp_pool(
    name: str, pool: Any, input: Tensor, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool
) -> Tensor:
    count = int(name[-2])
    kernel = several(kernel_size, count, name, "kernel_size")
    mean = pool(functions.pow(input, norm_type), kernel, stride, 0, ceil_mode)
    # Averages of powers, times the number of entries, are their sums; the signs keep a root of rounding errors real.
    return functions.pow(
        functions.mul(functions.sign(mean) * functions.relu(functions.abs(mean)), int(np.prod(kernel))), 1 / norm_type
    )


def lp_pool1d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """Take the p-norm of each window of a line."""
    return _lp_pool("lp_pool1d", avg_pool1d, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """Take the p-norm of each window of an image."""
    return _lp_pool("lp_pool2d", avg_pool2d, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """Take the p-norm of each window of a volume."""
    return _lp_pool("lp_pool3d", avg_pool3d, input, norm_type, kernel_size, stride, ceil_mode)


def _with_indices(pool: Callable[..., Any]) -> Callable[..., Any]:
    def function(input: Tensor, *settings: Any, **by_name: Any) -> Any:
        return pool(input, *settings, **{**by_name, "return_indices": True})

    function.__name__ = function.__qualname__ = f"{pool.__name__}_with_indices"
    function.__doc__ = f"Do as `{pool.__name__}` does, and return where the entries stood as well."
    return function


max_pool1d_with_indices, max_pool2d_with_indices, max_pool3d_with_indices = map(
    _with_indices, (max_pool1d, max_pool2d, max_pool3d)
)
adaptive_max_pool1d_with_indices, adaptive_max_pool2d_with_indices, adaptive_max_pool3d_with_indices = map(
    _with_indices, (adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d)
)
