"""Sampling an image at places that a grid names: what turns, shifts and bends it, with gradients to the places too.

A place lies between pixels. Along each axis it has *taps*, the pixels that count there, each with a weight that depends on
where exactly it lies; a sample is the sum of pixels times the product of their weights. The weights are polynomials. So all
derivatives are again samples, with the derivatives of some weights in place of the weights.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import reduce
from operator import add, mul
from typing import Any, NamedTuple

import numpy as np

from gradviz.engine.operation import beside, general
from gradviz.engine.operations.formulas import plain, recorded


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
    orders
        Along each axis, x first: which derivative of the weights is taken.
    """

    mode: str
    padding: str
    align_corners: bool
    orders: tuple[int, ...] = (0, 0, 0)

    def steeper(self, axis: int) -> Sampler:
        """Return the derivative along an axis."""
        return self._replace(orders=tuple(order + (place == axis) for place, order in enumerate(self.orders)))

    @property
    def most(self) -> int:
        """How many derivatives the weights have along one axis that are not 0."""
        return max(map(len, WEIGHTS[self.mode].values())) - 1


WEIGHTS: dict[str, dict[int, tuple[float, ...]]] = {
    "nearest": {0: (1.0,)},
    "bilinear": {0: (1.0, -1.0), 1: (0.0, 1.0)},
    "bicubic": {
        -1: (0.0, -0.75, 1.5, -0.75),
        0: (1.0, 0.0, -2.25, 1.25),
        1: (0.0, 0.75, 1.5, -1.25),
        2: (0.0, 0.0, -0.75, 0.75),
    },
}
"""For each tap, by its step from the pixel before the place: a polynomial in how far behind that pixel the place lies, from
the lowest power up. (The cubic ones are Keys' of 1981, with a = −0.75.)"""


class Tap(NamedTuple):
    """One pixel along one axis, for each place: which, whether it is inside, its weight and the slope of that."""

    pixel: np.ndarray
    inside: np.ndarray
    weight: np.ndarray
    slope: np.ndarray


def _moved_inside(places: np.ndarray, size: int, how: Sampler, lost: int) -> tuple[np.ndarray, np.ndarray]:
    """Return places along an axis as the padding has them, and how they move with the given ones; nan is at `lost`."""
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
    places = np.clip(places, 0, size - 1)
    return np.where(np.isnan(places), lost, places), slope


def _polynomial(coefficients: tuple[float, ...], t: np.ndarray, order: int) -> np.ndarray:
    """Evaluate a polynomial, or one of its derivatives."""
    for _ in range(order):
        coefficients = tuple(power * coefficient for power, coefficient in enumerate(coefficients))[1:]
    total = np.full_like(t, coefficients[-1] if coefficients else 0)
    for coefficient in coefficients[-2::-1]:
        total = total * t + coefficient
    return total


def _taps(grid: np.ndarray, axis: int, size: int, how: Sampler) -> list[Tap]:
    """Return the taps along one axis, for places from −1 to 1."""
    given, order = grid[..., axis], how.orders[axis]
    lost = 0 if grid.shape[-1] == 2 else size - 1  # as PyTorch has it: an image's first pixel, a volume's last
    if how.align_corners:
        places, stretch = (given + 1) / 2 * (size - 1), np.asarray((size - 1) / 2, given.dtype)
    else:
        places, stretch = ((given + 1) * size - 1) / 2, np.asarray(size / 2, given.dtype)
    if how.mode != "bicubic":
        places, slope = _moved_inside(places, size, how, lost)
        stretch = slope * stretch
    low = np.rint(places) if how.mode == "nearest" else np.floor(places)
    taps = []
    for step, weight in WEIGHTS[how.mode].items():
        pixel = low + step
        if how.mode == "bicubic":
            pixel, _ = _moved_inside(pixel, size, how, lost)
        inside = (pixel >= 0) & (pixel < size)
        both = (_polynomial(weight, places - low, n) * stretch**n for n in (order, order + 1))
        taps.append(Tap(np.where(inside, pixel, 0).astype(np.int64), inside, *both))
    return taps


Corner = tuple[tuple[np.ndarray, ...], np.ndarray, tuple[Tap, ...]]


def _corners(input: np.ndarray, grid: np.ndarray, how: Sampler) -> Iterator[Corner]:
    """Go through the pixels that count: where they are, as an index, whether they are inside, and their taps."""
    sizes = input.shape[2:]
    along = [_taps(grid, axis, size, how) for axis, size in enumerate(sizes[::-1])]
    batch = np.arange(len(input)).reshape(-1, *(1,) * len(sizes))
    for taps in itertools.product(*along[::-1]):  # of the grid x comes first, of the image last
        inside = np.logical_and.reduce([tap.inside for tap in taps])
        yield (batch, *(tap.pixel for tap in taps)), inside, taps


def _sample(input: np.ndarray, grid: np.ndarray, how: Sampler) -> np.ndarray:
    pixels = np.moveaxis(input, 1, -1)
    total = np.zeros((*grid.shape[:-1], input.shape[1]), input.dtype)
    for index, inside, taps in _corners(input, grid, how):
        weight = reduce(mul, [tap.weight for tap in taps])[..., None]
        if len(taps) == 2:  # in an image PyTorch gives what is outside the value 0, in a volume it has no weight
            total += np.where(inside[..., None], pixels[index], 0) * weight
        else:
            total += np.where(inside[..., None], pixels[index] * weight, 0)
    return np.ascontiguousarray(np.moveaxis(total, -1, 1))


def _to_input(grad_output: np.ndarray, input: np.ndarray, grid: np.ndarray, how: Sampler) -> np.ndarray:
    given = np.moveaxis(grad_output, 1, -1)
    total = np.zeros((len(input), *input.shape[2:], input.shape[1]), input.dtype)
    for index, inside, taps in _corners(input, grid, how):
        weight = reduce(mul, [tap.weight for tap in taps])
        np.add.at(total, index, np.where(inside[..., None], given * weight[..., None], 0))
    return np.moveaxis(total, -1, 1)


def _to_grid(grad_output: np.ndarray, input: np.ndarray, grid: np.ndarray, how: Sampler) -> np.ndarray:
    given, pixels = np.moveaxis(grad_output, 1, -1), np.moveaxis(input, 1, -1)
    total = np.zeros_like(grid)
    for index, inside, taps in _corners(input, grid, how):
        pull = (given * pixels[index]).sum(-1)
        for axis, tap in enumerate(taps):
            others = [other.weight for place, other in enumerate(taps) if place != axis]
            total[..., -1 - axis] += np.where(inside, pull * reduce(mul, [tap.slope, *others]), 0)
    return total


def _seen(grid: Any, how: Sampler, slopes: int) -> Any:
    """Return the grid; or its array alone, where a steeper sample has fewer `slopes` left: there the grid plays no part."""
    axes = grid.shape[-1]
    left = how.most * axes - sum(how.orders[:axes])
    return grid if left >= slopes or not any(how.orders) else plain(grid)


def _along_axes(grad: Any, how: Sampler, term: Callable[[Any, Sampler], Any]) -> Any:
    """Add up what comes back along each axis of the grid, ``term(grad, how)``; where no weight has a slope, nothing does."""
    axes = [axis for axis in range(grad.shape[-1]) if how.orders[axis] < how.most]
    return reduce(add, [term(grad[..., axis][:, None], how.steeper(axis)) for axis in axes]) if axes else None


def _rows(axes: int) -> Callable[..., Any]:
    """Add the rows for images of so many axes: the sample, and its two slopes. Each one's derivatives are the others."""
    name, grad_fn = f"grid_sampler_{axes}d", f"GridSampler{axes}DBackward0"
    twice = grad_fn.replace("Backward", "BackwardBackward")  # in PyTorch one node for both slopes

    def sample(input: Any, grid: Any, how: Sampler) -> Any:
        return recorded(row)(input, _seen(grid, how, 1), how)

    def to_input(grad_output: Any, input: Any, grid: Any, how: Sampler) -> Any:
        size = plain(input) if any(how.orders) else input  # (PyTorch's node has an edge, through which nothing comes)
        return recorded(input_row)(grad_output, size, _seen(grid, how, 1), how)

    def to_grid(grad_output: Any, input: Any, grid: Any, how: Sampler) -> Any:
        return recorded(grid_row)(grad_output, input, _seen(grid, how, 2), how)

    row = general(
        "grid_sampler",
        grad_fn,
        "sample",
        _sample,
        "input grid",
        {
            "input": lambda grad, input, grid, how: to_input(grad, input, grid, how),
            "grid": lambda grad, input, grid, how: to_grid(grad, input, grid, how),
        },
        settings="how",
        expression="sampled(input, grid)",
        local={"input": "sampled_T(grad, grid)", "grid": "sampled_back(grad, input, grid)"},
    )
    input_row = general(
        f"{name}_backward",
        twice,
        "sample ∂",
        _to_input,
        "grad_output input grid",
        {
            "grad_output": lambda grad, grid, how: sample(grad, grid, how),
            "input": lambda grad: None,
            "grid": lambda grad, grad_output, grid, how: to_grid(grad_output, grad, grid, how),
        },
        settings="how",
        expression="sampled_T(grad_output, grid)",
        local={"grad_output": "sampled(grad, grid)", "input": "0", "grid": "sampled_back(grad_output, grad, grid)"},
    )
    grid_row = beside(
        f"{name}_backward_grid",
        twice,
        "grid ∂",
        _to_grid,
        "grad_output input grid",
        {
            "grad_output": lambda grad, input, grid, how: _along_axes(
                grad, how, lambda pull, steeper: pull * sample(input, grid, steeper)
            ),
            "input": lambda grad, grad_output, input, grid, how: _along_axes(
                grad, how, lambda pull, steeper: to_input(pull * grad_output, input, grid, steeper)
            ),
            "grid": lambda grad, grad_output, input, grid, how: _along_axes(
                grad, how, lambda pull, steeper: to_grid(pull * grad_output, input, grid, steeper)
            ),
        },
        settings="how",
        expression="sampled_back(grad_output, input, grid)",
        local={
            "grad_output": "sampled_twice_back(grad)",
            "input": "sampled_twice_back(grad)",
            "grid": "sampled_twice_back(grad)",
        },
    )
    return row


grid_sampler = {axes: _rows(axes) for axes in (2, 3)}


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
        "theta": lambda grad, theta_sym_sizes, base: (
            np.swapaxes(np.reshape(grad, (theta_sym_sizes[0], len(base), theta_sym_sizes[1])), 1, 2) @ base
        )
    },
    settings="base sizes",
    expression="affine_grid(theta)",
    local={"theta": "affine_grid_T(grad)"},
)
