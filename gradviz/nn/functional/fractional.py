"""Pooling whose windows lie at random distances, so that a size can shrink by any factor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.engine import creation
from gradviz.engine.tensor import Tensor
from gradviz.nn.operations import pooling

__all__ = ["fractional_max_pool2d", "fractional_max_pool3d"]

NAMES = {2: {0: "height", 1: "width"}, 3: {0: "time", 2: "width", 1: "height"}}
"""The axes, in the order in which PyTorch looks whether their windows are too large."""
COUNTED = {2: "Ints", 3: "three Ints"}


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Take the largest of windows of an image that begin at random places.

    Parameters
    ----------
    input
        Of shape (N, C, height, width), or without N.
    kernel_size
        The size of the windows: a number, or one for each axis.
    output_size, output_ratio
        How many windows: numbers, or a share of the input's size for each axis.
    return_indices
        Also return where each was, counted through the image row by row.
    _random_samples
        The random numbers, from 0 to 1, of shape (N, C, 2); drawn by default.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.nn.functional.fractional_max_pool2d(torch.rand(1, 1, 5, 5), 2, output_size=3).shape
    torch.Size([1, 1, 3, 3])
    """
    return _fractional(2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Take the largest of windows of a volume, (N, C, depth, height, width), that begin at random places.

    As in PyTorch, an axis needs one entry more than the windows would: ``size >= windows + kernel``.
    """
    return _fractional(3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def _fractional(
    count: int, input: Tensor, kernel_size: Any, output_size: Any, output_ratio: Any, return_indices: bool, samples: Any
) -> Any:
    name = f"fractional_max_pool{count}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    if input.ndim not in (count + 1, count + 2):
        limit = f"[{-input.ndim}, {input.ndim - 1}]"
        raise IndexError(f"Dimension out of range (expected to be in range of {limit}, but got {-count - 1})")
    sizes = tuple(input.shape[-count:])
    if output_size is None:
        ratios = output_ratio if isinstance(output_ratio, tuple | list) else (output_ratio,) * count
        output_size = tuple(int(size * ratio) for size, ratio in zip(sizes, ratios, strict=True))
    kernel, wanted = _each(kernel_size, count, name, "kernel_size"), _each(output_size, count, name, "output_size")
    _check_room(name if count == 2 else f"{name}_out", list(input.shape), kernel, wanted)
    lead = input.shape[:-count]
    planes = (1, *lead) if input.ndim == count + 1 else tuple(lead)
    if samples is None:
        samples = creation.rand(*planes, count, dtype=input.dtype)
    if samples.shape[2] != count:
        raise RuntimeError(f"Expect _random_samples.size(2) equals to {count}; got {samples.shape[2]}.")
    places = windows_at(samples.array.reshape(-1, count)[: math.prod(planes)], sizes, kernel, wanted)
    pool = pooling.fractional_max_pool2d if count == 2 else pooling.fractional_max_pool3d
    values, indices = pool(input, places)
    return (values, indices) if return_indices else values


def _check_room(name: str, shape: list[int], kernel: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if 0 in shape[1:]:
        raise RuntimeError(
            f"{name}(): Expected input to have non-zero size for non-batch dimensions, but got{shape} with dimension "
            f"{1 + shape[1:].index(0)} being empty."
        )
    count = len(kernel)
    spare = count - 2  # in a volume PyTorch wants one entry more than the windows need
    for place, axis in NAMES[count].items():
        size, length = shape[-count:][place], kernel[place]
        if wanted[place] + length - 1 + spare > size:
            raise RuntimeError(f"{name}(): pool {axis} {length} too large relative to input {axis} {size}")


def _each(value: Any, count: int, name: str, what: str) -> tuple[int, ...]:
    numbers = tuple(value) if isinstance(value, tuple | list) else (value,) * count
    if len(numbers) != count:
        raise RuntimeError(f"{name}: {what} must either be a single Int or tuple of {COUNTED[count]}")
    return numbers


def windows_at(
    chances: np.ndarray, sizes: tuple[int, ...], kernel: tuple[int, ...], wanted: tuple[int, ...]
) -> tuple[np.ndarray, ...]:
    """Return for each axis the places that each window of each channel sees.

    Parameters
    ----------
    chances
        The random numbers, one row for each channel (or image of it); for an image the first is that of the width.
    sizes, kernel, wanted
        The size of the image, that of the windows, and how many there are to be.
    """
    count = len(sizes)
    chances = chances.reshape(-1, count)[:, :: -1 if count == 2 else 1]
    return tuple(
        _windows(chances[:, axis], size, length, windows)
        for axis, (size, length, windows) in enumerate(zip(sizes, kernel, wanted, strict=True))
    )


def _windows(chances: np.ndarray, size: int, kernel: int, count: int) -> np.ndarray:
    """Return the places that each window of each channel sees along an axis: the last ends where the axis does."""
    starts = np.full((len(chances), count), size - kernel)
    if count > 1:
        step = chances.dtype.type(size - kernel) / chances.dtype.type(count - 1)
        chances = chances[:, None]
        each = np.arange(count - 1, dtype=chances.dtype)
        starts[:, :-1] = ((each + chances) * step).astype(np.int64) - (chances * step).astype(np.int64)
    return starts[..., None] + np.arange(kernel)
