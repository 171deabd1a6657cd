"""Pooling, and other maps that treat each axis of an image by itself.

An average over windows, an interpolation, a reflection at the border: each makes every entry along an axis a weighted sum of
entries along it. That is a small matrix for each axis; and the way back is the same matrices, transposed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine.operation import general
from gradviz.engine.operations.formulas import plain
from gradviz.engine.operations.piecewise import straight
from gradviz.engine.operations.scattering import put_along
from gradviz.engine.tensor import Tensor

Matrices = tuple[np.ndarray, ...]


def along(self: np.ndarray, matrices: Matrices) -> np.ndarray:
    """Apply a matrix along each of the last axes.

    Only the entries with a weight are looked at: zero times what is not a number would not be zero.
    """
    for place, matrix in enumerate(matrices):
        axis = self.ndim - len(matrices) + place
        places, weights = _weighted(matrix)
        taken = np.take(self, places, axis)  # the entries of each sum stand along a new axis
        if places.shape[1] == 1 and (weights == 1).all():
            self = taken.squeeze(axis + 1)
        else:
            shape = (1,) * axis + weights.shape + (1,) * (self.ndim - axis - 1)
            parts = taken * weights.astype(self.dtype, copy=False).reshape(shape)
            if not weights.all():
                parts = np.where(weights.reshape(shape) == 0, 0, parts)
            self = np.add.reduce(parts, axis + 1)
    return np.ascontiguousarray(self)


def _weighted(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each row of a matrix the columns that are not 0, and their weights, filled up to one length."""
    used = matrix != 0
    longest = max(int(used.sum(1).max(initial=0)), 1)
    places = np.argsort(~used, axis=1, kind="stable")[:, :longest]
    weights = np.take_along_axis(matrix, places, 1)
    return np.where(weights != 0, places, places[:, :1]), weights


def _back(grad: Any, matrices: Matrices) -> Any:
    turned = tuple(matrix.T for matrix in matrices)
    return along(grad, turned) if isinstance(grad, np.ndarray) else along_axes(grad, turned)


def separable(name: str, grad_fn: str, symbol: str, *, saves: bool = False) -> Callable[..., Any]:
    """Add a row for a map that is a matrix along each axis; its function takes a tensor and the matrices.

    Its derivative needs nothing else, but for some PyTorch saves the tensor all the same (if `saves`): as with other
    straight lines, a second time back brings it a gradient of 0.
    """
    formula: Any = lambda grad, matrices: _back(grad, matrices)
    if saves:
        formula = straight(
            f"{name}_backward",
            grad_fn.replace("Backward", "BackwardBackward"),
            lambda grad_output, self, matrices: _back(grad_output, matrices),
            lambda grad, matrices: row(grad, matrices) if isinstance(grad, Tensor) else along(grad, matrices),
            local=f"{name}(grad)",
        )
    row: Any = general(
        name,
        grad_fn,
        symbol,
        along,
        "self",
        {"self": formula},
        settings="matrices",
        expression=f"{name}(self)",
        local={"self": f"{name}_T(grad)"},
    )
    return row


along_axes = separable(
    "along_axes",
    "AlongAxesBackward0",
    "weights",
)

avg_pool2d = separable("avg_pool2d", "AvgPool2DBackward0", "avg pool", saves=True)
avg_pool3d = separable("avg_pool3d", "AvgPool3DBackward0", "avg pool", saves=True)
adaptive_avg_pool2d = separable("adaptive_avg_pool2d", "AdaptiveAvgPool2DBackward0", "avg pool", saves=True)
adaptive_avg_pool3d = separable("adaptive_avg_pool3d", "AdaptiveAvgPool3DBackward0", "avg pool", saves=True)


def averages(
    size: int, kernel: int, stride: int, padding: int, ceil: bool, include_pad: bool, divide: bool
) -> np.ndarray:
    """Return the matrix that averages windows along an axis (or adds them up, if not to `divide`)."""
    count = pooled(size, kernel, stride, padding, 1, ceil)
    matrix = np.zeros((count, size))
    for row in range(count):
        start = row * stride - padding
        end = min(start + kernel, size + padding)
        entries = end - start
        start, end = max(start, 0), min(end, size)
        matrix[row, start:end] = 1 / (entries if include_pad else max(end - start, 1)) if divide else 1
    return matrix


def shares(size: int, count: int) -> np.ndarray:
    """Return the matrix that averages an axis in `count` stretches, as equal as can be; they may overlap by one."""
    matrix = np.zeros((count, size))
    for row, (start, end) in enumerate(stretches(size, count)):
        matrix[row, start:end] = 1 / (end - start)
    return matrix


def stretches(size: int, count: int) -> list[tuple[int, int]]:
    """Return where each of `count` stretches of an axis begins and ends."""
    return [(row * size // count, -(-(row + 1) * size // count)) for row in range(count)]


def pooled(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> int:
    """Return how many windows there are along an axis."""
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (-(-room // stride) if ceil else room // stride) + 1
    # A window that would begin in the padding at the end sees nothing.
    return count - 1 if ceil and (count - 1) * stride >= size + padding else count


# --- the largest in a window -----------------------------------------------------------------------------------------


def windows(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> np.ndarray:
    """Return the places that each window sees along an axis, of shape (windows, kernel); −1 for those outside."""
    starts = np.arange(pooled(size, kernel, stride, padding, dilation, ceil)) * stride - padding
    places = starts[:, None] + np.arange(kernel) * dilation
    return np.where((places >= 0) & (places < size), places, -1)


def adaptive_windows(size: int, count: int) -> np.ndarray:
    """Return the places that each of `count` stretches sees; −1 where it is shorter than the longest."""
    ends = stretches(size, count)
    longest = max(end - start for start, end in ends)
    return np.array([[*range(start, end), *[-1] * (longest - (end - start))] for start, end in ends])


def _largest(self: np.ndarray, places: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest entry of each window, and where it was, counted through the image row by row."""
    count, size = len(places), self.shape[self.ndim - len(places) :]
    lead = self.shape[: self.ndim - count]
    # The places of all windows of all axes together: (windows of axis 1, windows of axis 2, ..., kernel entries).
    flat: np.ndarray = np.zeros((1,) * (2 * count), np.int64)
    inside: np.ndarray = np.ones((1,) * (2 * count), bool)
    for axis, (seen, length) in enumerate(zip(places, size, strict=True)):
        shape = [1] * (2 * count)
        shape[axis], shape[count + axis] = seen.shape
        spread = seen.reshape(shape)
        flat = flat * length + np.maximum(spread, 0)
        inside = inside & (spread >= 0)
    outputs = tuple(len(seen) for seen in places)
    kernel = tuple(seen.shape[1] for seen in places)
    flat, inside = (
        np.broadcast_to(part, (*outputs, *kernel)).reshape(*outputs, math.prod(kernel)) for part in (flat, inside)
    )
    # One entry of all windows after the other: there are few of them, and many windows.
    image = self.reshape(*lead, math.prod(size))
    first = np.argmax(inside, -1)[..., None]  # that is not padding
    indices = np.broadcast_to(np.take_along_axis(flat, first, -1)[..., 0], (*lead, *outputs)).copy()
    values = np.take_along_axis(image, indices.reshape(*lead, math.prod(outputs)), -1).reshape(indices.shape)
    unsure = self.dtype.kind == "f" and bool(np.isnan(image).any())
    for entry in range(math.prod(kernel)):
        places_of_entry = flat[..., entry]
        found = image[..., places_of_entry]
        larger = found > values
        if unsure:  # the last wins of those that are not numbers
            larger |= np.isnan(found)
        if not inside[..., entry].all():
            larger &= inside[..., entry]
        np.copyto(values, found, where=larger)
        np.copyto(indices, places_of_entry, where=larger)
    return values, indices


def _back_to_winner(grad_output: Any, self: Any, indices: np.ndarray, places: tuple[np.ndarray, ...]) -> Any:
    sizes = np.shape(self)
    lead = sizes[: len(sizes) - len(places)]
    image, windows = math.prod(sizes[len(lead) :]), math.prod(indices.shape[len(lead) :])
    shape = (*lead, windows)  # counted, since of an empty batch -1 could be anything
    if isinstance(grad_output, np.ndarray) and all(map(_apart, places)):  # no entry won twice: nothing to add up
        flat = np.zeros(math.prod(sizes), grad_output.dtype)
        starts = np.arange(math.prod(lead))[:, None] * image
        flat[(indices.reshape(math.prod(lead), windows) + starts).ravel()] = grad_output.ravel() + 0.0  # (not −0)
        return flat.reshape(sizes)
    flat = put_along(np.reshape(grad_output, shape), indices.reshape(shape), len(lead), (*lead, image))
    return np.reshape(flat, sizes)


def _apart(seen: np.ndarray) -> bool:
    """Say whether no place along an axis is seen by two windows."""
    inside = seen[seen >= 0]
    return seen.ndim == 2 and len(np.unique(inside)) == len(inside)


def _largest_of_each(self: np.ndarray, places: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the same where every channel has windows of its own: `places` have one more axis, for the channels."""
    lead = self.shape[: self.ndim - len(places)]
    shape = (math.prod(lead), *(seen.shape[1] for seen in places))
    values, indices = np.empty(shape, self.dtype), np.empty(shape, np.int64)
    for channel, entries in enumerate(self.reshape(-1, *self.shape[len(lead) :])):
        values[channel], indices[channel] = _largest(entries, tuple(seen[channel] for seen in places))
    return values.reshape(*lead, *shape[1:]), indices.reshape(*lead, *shape[1:])


def _max_pool(name: str, grad_fn: str) -> Callable[..., Any]:
    back = straight(
        f"{name}_backward",
        grad_fn.replace("Backward", "BackwardBackward"),
        _back_to_winner,
        lambda grad, indices, places: _from_there(grad, indices, len(places)),
        local="taken(grad)",
    )
    return general(
        name,
        grad_fn,
        "max pool",
        lambda self, places: _largest(self, places) if places[0].ndim == 2 else _largest_of_each(self, places),
        "self",
        {"self": lambda grad, self, result1, places: back(grad, self, plain(result1), places)},
        settings="places",
        outputs="result result1",
        expression=f"{name}(self)",
        local={"self": "put(grad)"},
    )


max_pool2d = _max_pool("max_pool2d", "MaxPool2DWithIndicesBackward0")
max_pool3d = _max_pool("max_pool3d", "MaxPool3DWithIndicesBackward0")
adaptive_max_pool2d = _max_pool("adaptive_max_pool2d", "AdaptiveMaxPool2DBackward0")
adaptive_max_pool3d = _max_pool("adaptive_max_pool3d", "AdaptiveMaxPool3DBackward0")
fractional_max_pool2d = _max_pool("fractional_max_pool2d", "FractionalMaxPool2DBackward0")
fractional_max_pool3d = _max_pool("fractional_max_pool3d", "FractionalMaxPool3DBackward0")


def _unpool(self: np.ndarray, indices: np.ndarray, axes: int, size: tuple[int, ...]) -> np.ndarray:
    lead = self.shape[: self.ndim - axes]
    flat = np.zeros((*lead, math.prod(size)), self.dtype)
    np.put_along_axis(flat, indices.reshape(*lead, -1), self.reshape(*lead, -1), -1)
    return flat.reshape(*lead, *size)


def _from_there(grad: Any, indices: np.ndarray, axes: int) -> Any:
    shape = indices.shape
    lead = shape[: len(shape) - axes]
    flat = np.reshape(grad, (*lead, -1))
    places = indices.reshape(*lead, -1)
    if isinstance(flat, np.ndarray):
        return np.take_along_axis(flat, places, -1).reshape(shape)
    from gradviz.engine.operations.scattering import gather

    return np.reshape(gather(flat, len(lead), places, tuple(flat.shape)), shape)


def _max_unpool(name: str, grad_fn: str) -> Callable[..., Any]:
    return general(
        name,
        grad_fn,
        "unpool",
        _unpool,
        "self",
        {"self": lambda grad, indices, axes: _from_there(grad, indices, axes)},
        settings="indices axes size",
        tensors="indices",
        expression=f"{name}(self)",
        local={"self": "taken(grad)"},
    )


max_unpool2d = _max_unpool("max_unpool2d", "MaxUnpool2DBackward0")
max_unpool3d = _max_unpool("max_unpool3d", "MaxUnpool3DBackward0")
