"""Sampling an image at places that a grid names: what turns, shifts and bends it, with gradients to the places too.

A place lies between pixels. Along each axis it has *taps*, the pixels that count there, each with a weight that depends on
where exactly it lies; a sample is the sum of pixels times the product of their weights.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gradviz.engine.operation import beside, general


class Sampler(NamedTuple):
    """How to sample.

    Attributes
    ----------
    mode
        ``"bilinear"``, ``"nearest"`` or ``"bicubic"``.
    padding
        What lies outside: ``"zeros"``, the ``"border"``, or a ``"reflection"``.
    align_corners
        Whether −1 and 1 are the middles of the first and the last pixel, and not their outer edges.
    """

    mode: str
    padding: str
    align_corners: bool


class Tap(NamedTuple):
    """One pixel along one axis, for each place: which, whether it is inside, its weight and the slope of that."""

    pixel: np.ndarray
    inside: np.ndarray
    weight: np.ndarray
    slope: np.ndarray


def _moved_inside(places: np.ndarray, size: int, how: Sampler) -> tuple[np.ndarray, np.ndarray]:
    """Return places along an axis as the padding has them, and how they move with the given ones."""
    slope = np.ones_like(places)
    if how.padding == "zeros":
        return places, slope
    if how.padding == "reflection":
        low, span = (0.0, size - 1.0) if how.align_corners else (-0.5, float(size))
        if span == 0:
            return np.zeros_like(places), np.zeros_like(places)
        distance = np.abs(places - low)
        slope = np.where(places < low, -slope, slope)
        rest, even = np.fmod(distance, span), np.floor(distance / span) % 2 == 0
        places = np.where(even, rest + low, span - rest + low).astype(places.dtype)
        slope = np.where(even, slope, -slope)
    slope = np.where((places <= 0) | (places >= size - 1), 0, slope).astype(places.dtype)
    return np.clip(places, 0, size - 1), slope


def _cubic(t: np.ndarray) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Return the steps to four pixels, their weights and the slopes (Keys 1981, with a = −0.75)."""
    a = -0.75
    far: Callable[[Any], Any] = lambda x: ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    near: Callable[[Any], Any] = lambda x: ((a + 2) * x - (a + 3)) * x * x + 1
    far_slope: Callable[[Any], Any] = lambda x: (3 * a * x - 10 * a) * x + 8 * a
    near_slope: Callable[[Any], Any] = lambda x: (3 * (a + 2) * x - 2 * (a + 3)) * x
    return [
        (-1, far(t + 1), far_slope(t + 1)),
        (0, near(t), near_slope(t)),
        (1, near(1 - t), -near_slope(1 - t)),
        (2, far(2 - t), -far_slope(2 - t)),
    ]


def _taps(given: np.ndarray, size: int, how: Sampler) -> list[Tap]:
    """Return the taps along one axis, for places from −1 to 1."""
    if how.align_corners:
        places, stretch = (given + 1) / 2 * (size - 1), np.asarray((size - 1) / 2, given.dtype)
    else:
        places, stretch = ((given + 1) * size - 1) / 2, np.asarray(size / 2, given.dtype)
    if how.mode != "bicubic":
        places, slope = _moved_inside(places, size, how)
        stretch = slope * stretch
    low = np.rint(places) if how.mode == "nearest" else np.floor(places)
    t, one = places - low, np.ones_like(places)
    if how.mode == "nearest":
        steps = [(0, one, 0 * one)]
    elif how.mode == "bilinear":
        steps = [(0, 1 - t, -one), (1, t, one)]
    else:
        steps = _cubic(t)
    taps = []
    for step, weight, slope in steps:
        pixel = low + step
        if how.mode == "bicubic":
            pixel, _ = _moved_inside(pixel, size, how)
        inside = (pixel >= 0) & (pixel < size)
        index = np.where(inside, pixel, 0).astype(np.int64)
        taps.append(Tap(index, inside, weight, slope * stretch))
    return taps


def _corners(input: np.ndarray, grid: np.ndarray, how: Sampler) -> Any:
    """Go through the pixels that count: where they are, as an index, whether they are inside, and their taps."""
    sizes = input.shape[2:]
    along = [_taps(grid[..., -1 - axis], size, how) for axis, size in enumerate(sizes)]  # the grid has x first
    batch = np.arange(len(input)).reshape(-1, *(1,) * len(sizes))
    for taps in itertools.product(*along):
        inside = np.logical_and.reduce([tap.inside for tap in taps])
        yield (batch, *(tap.pixel for tap in taps)), inside, taps


def _product(arrays: list[np.ndarray]) -> Any:
    result = arrays[0]
    for array in arrays[1:]:
        result = result * array
    return result


def _sample(input: np.ndarray, grid: np.ndarray, how: Sampler) -> np.ndarray:
    pixels = np.moveaxis(input, 1, -1)
    total = np.zeros((*grid.shape[:-1], input.shape[1]), input.dtype)
    for index, inside, taps in _corners(input, grid, how):
        weight = _product([tap.weight for tap in taps])
        total += np.where(inside[..., None], pixels[index] * weight[..., None], 0)
    return np.ascontiguousarray(np.moveaxis(total, -1, 1))


def _to_input(grad: np.ndarray, input: np.ndarray, grid: np.ndarray, how: Sampler) -> np.ndarray:
    given = np.moveaxis(grad, 1, -1)
    total = np.zeros((len(input), *input.shape[2:], input.shape[1]), input.dtype)
    for index, inside, taps in _corners(input, grid, how):
        weight = _product([tap.weight for tap in taps])
        np.add.at(total, index, np.where(inside[..., None], given * weight[..., None], 0))
    return np.moveaxis(total, -1, 1)


def _to_grid(grad: np.ndarray, input: np.ndarray, grid: np.ndarray, how: Sampler) -> np.ndarray:
    given, pixels = np.moveaxis(grad, 1, -1), np.moveaxis(input, 1, -1)
    total = np.zeros_like(grid)
    for index, inside, taps in _corners(input, grid, how):
        pull = np.where(inside, (given * pixels[index]).sum(-1), 0)
        for axis, tap in enumerate(taps):
            others = [other.weight for place, other in enumerate(taps) if place != axis]
            total[..., -1 - axis] += pull * _product([tap.slope, *others])
    return total


def _no_second(grad: Any) -> Any:
    raise NotImplementedError("gradviz has no second derivative of grid_sample, nor has PyTorch; supported: the first")


def _slope(name: str, slope: Any) -> Any:
    """Make a slope of a formula: computed on arrays, recorded on tensors, where it has no slope of its own."""
    recorded = beside(
        f"grid_sampler_backward_{name}",
        "NotImplemented",  # PyTorch's name for this node, too
        "grid ∂",
        slope,
        "grad input grid",
        dict.fromkeys(("grad", "input", "grid"), _no_second),
        settings="how",
        expression=f"sampled_slope_{name}(grad, input, grid)",
        local={},
        sentence="The derivative of a sampled image, which has none itself.",
    )
    return lambda grad, input, grid, how: (slope if isinstance(grad, np.ndarray) else recorded)(grad, input, grid, how)


_BACK = {"input": _slope("input", _to_input), "grid": _slope("grid", _to_grid)}

grid_sampler = {
    axes: general(
        "grid_sampler",
        f"GridSampler{axes}DBackward0",
        "sample",
        _sample,
        "input grid",
        _BACK,
        settings="how",
        expression="sampled(input, grid)",
        local={"input": "weights(grid)", "grid": "slope_of_weights(grid) * input"},
        sentence="Each sample sends its gradient to the pixels around it; how steep the image is there moves the place.",
    )
    for axes in (2, 3)
}


def base_grid(sizes: tuple[int, ...], align_corners: bool, dtype: np.dtype) -> np.ndarray:
    """Return the places of an image's pixels, x first and then a 1, from −1 to 1: one row for each pixel."""
    axes = []
    for size in sizes:
        places = np.linspace(-1, 1, size) if size > 1 else np.zeros(1)
        axes.append((places if align_corners else places * (size - 1) / size).astype(dtype))
    grids = np.meshgrid(*axes, indexing="ij")[::-1]
    return np.stack([*grids, np.ones(sizes, dtype)], -1).reshape(-1, len(sizes) + 1)


affine_grid = general(
    "affine_grid_generator",
    "AffineGridGeneratorBackward0",
    "grid",
    lambda theta, base, sizes: (base @ np.swapaxes(theta, 1, 2)).reshape(len(theta), *sizes, theta.shape[1]),
    "theta",
    {
        "theta": lambda grad, theta, base: (
            np.swapaxes(np.reshape(grad, (theta.shape[0], base.shape[0], theta.shape[1])), 1, 2) @ base
        )
    },
    settings="base sizes",
    expression="base @ theta.T",
    local={"theta": "base"},
    sentence="Every pixel's place is a product with the matrix, so the gradients of all places add up in it.",
)
