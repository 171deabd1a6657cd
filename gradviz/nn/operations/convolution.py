"""Convolutions, as one matrix product over windows.

Lay every window that the kernel sees as a column beside the others (*im2col*), and a convolution is a matrix product; its
two gradients are the same product read from its other sides. All three are rows of the table, and the derivatives of
each are the other two: so convolutions can be differentiated as often as one likes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import gt
from typing import Any

import numpy as np

from gradviz.engine.operation import beside, general


@dataclass(frozen=True)
class Geometry:
    """How a kernel moves: one number per axis of the image.

    Attributes
    ----------
    stride, padding, dilation
        How far it moves at each step; how many zeros stand around the image; how far apart its entries are.
    groups
        Into how many independent convolutions the channels are divided.
    """

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1

    def outputs(self, image: tuple[int, ...], kernel: tuple[int, ...]) -> tuple[int, ...]:
        """Return the size of the result, for an image and a kernel of these sizes (without channels)."""
        axes = zip(image, kernel, self.stride, self.padding, self.dilation, strict=True)
        return tuple((size + 2 * p - d * (k - 1) - 1) // s + 1 for size, k, s, p, d in axes)

    def __str__(self) -> str:
        parts = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        said = [
            f"{name} {'×'.join(map(str, value))}" for name, value in parts.items() if set(value) != {name != "padding"}
        ]
        return ", ".join([*said, *([f"{self.groups} groups"] if self.groups > 1 else [])]) or "stride 1"


def columns(
    image: np.ndarray, kernel: tuple[int, ...], geometry: Geometry, outputs: tuple[int, ...] | None = None
) -> np.ndarray:
    """Return all windows that a kernel sees, as columns.

    Parameters
    ----------
    image
        Of shape (N, C, *image).
    kernel
        Its size, without channels.
    outputs
        How many windows there are along each axis; by default all.

    Returns
    -------
    numpy.ndarray
        Of shape (groups, C / groups · kernel entries, N · outputs).
    """
    batch, channels, *size = image.shape
    most = geometry.outputs(tuple(size), kernel)
    if outputs is not None and any(map(gt, outputs, most)):  # a view of them would leave the image
        raise ValueError(f"{outputs} windows do not fit into an image of {tuple(size)}")
    outputs = outputs or most
    if any(geometry.padding):
        image = _with_border(image, geometry.padding)
    steps = image.strides
    # Every window is a view: moving by a stride along the outputs, by a dilation inside.
    windows = np.lib.stride_tricks.as_strided(
        image,
        (channels, *kernel, batch, *outputs),
        (
            steps[1],
            *(step * d for step, d in zip(steps[2:], geometry.dilation, strict=True)),
            steps[0],
            *(step * s for step, s in zip(steps[2:], geometry.stride, strict=True)),
        ),
        writeable=False,
    )
    return windows.reshape(geometry.groups, channels // geometry.groups * math.prod(kernel), batch * math.prod(outputs))


def _with_border(image: np.ndarray, padding: tuple[int, ...]) -> np.ndarray:
    """Put zeros around an image (`np.pad` takes several times as long)."""
    wide = np.zeros(
        (*image.shape[:2], *(n + 2 * p for n, p in zip(image.shape[2:], padding, strict=True))), image.dtype
    )
    wide[(slice(None), slice(None), *(slice(p, p + n) for n, p in zip(image.shape[2:], padding, strict=True)))] = image
    return wide


def image_of(
    columns: np.ndarray,
    shape: tuple[int, ...],
    kernel: tuple[int, ...],
    geometry: Geometry,
    outputs: tuple[int, ...] | None = None,
) -> np.ndarray:
    """Add columns back to where their entries stand in an image of shape (N, C, *image): what `columns` does, transposed."""
    batch, channels, *size = shape
    outputs = outputs or geometry.outputs(tuple(size), kernel)
    padded = np.zeros(
        (channels, batch, *(n + 2 * p for n, p in zip(size, geometry.padding, strict=True))), columns.dtype
    )
    windows = columns.reshape(channels, *kernel, batch, *outputs)
    for entry in np.ndindex(*kernel):  # a kernel has few entries; each adds a whole image at once
        steps = zip(entry, geometry.dilation, geometry.stride, outputs, strict=True)
        place = tuple(slice(e * d, e * d + s * (n - 1) + 1, s) for e, d, s, n in steps)
        padded[(slice(None), slice(None), *place)] += windows[(slice(None), *entry)]
    inner = tuple(slice(p, p + n) for n, p in zip(size, geometry.padding, strict=True))
    return np.ascontiguousarray(np.moveaxis(padded[(slice(None), slice(None), *inner)], 0, 1))


def _grouped(weight: np.ndarray, groups: int) -> np.ndarray:
    """Write a kernel of shape (out, in / groups, *kernel) as a matrix for each group."""
    return weight.reshape(groups, weight.shape[0] // groups, -1)


def _channels_first(grad: np.ndarray, groups: int) -> np.ndarray:
    """Write (N, out, *outputs) as (groups, out / groups, N · outputs)."""
    return np.moveaxis(grad, 1, 0).reshape(groups, grad.shape[1] // groups, grad.size // max(grad.shape[1], 1))


def _forward(input: np.ndarray, weight: np.ndarray, geometry: Geometry) -> np.ndarray:
    kernel = weight.shape[2:]
    outputs = geometry.outputs(input.shape[2:], kernel)
    product = _grouped(weight, geometry.groups) @ columns(input, kernel, geometry)
    result = product.reshape(weight.shape[0], input.shape[0], *outputs)
    return np.ascontiguousarray(np.moveaxis(result, 0, 1))


def _to_input(grad: np.ndarray, weight: np.ndarray, size: tuple[int, ...], geometry: Geometry) -> np.ndarray:
    shape = (grad.shape[0], weight.shape[1] * geometry.groups, *size)
    product = np.swapaxes(_grouped(weight, geometry.groups), 1, 2) @ _channels_first(grad, geometry.groups)
    return image_of(product, shape, weight.shape[2:], geometry, grad.shape[2:])


def _to_weight(grad: np.ndarray, input: np.ndarray, kernel: tuple[int, ...], geometry: Geometry) -> np.ndarray:
    groups = geometry.groups
    product = _channels_first(grad, groups) @ np.swapaxes(columns(input, kernel, geometry, grad.shape[2:]), 1, 2)
    return product.reshape(grad.shape[1], input.shape[1] // groups, *kernel)


def _are_arrays(*values: Any) -> bool:
    return all(isinstance(value, np.ndarray) for value in values)


def forward(input: Any, weight: Any, geometry: Geometry) -> Any:
    """Convolve arrays, or tensors, recorded."""
    return _forward(input, weight, geometry) if _are_arrays(input, weight) else convolve(input, weight, geometry)


def to_input(grad: Any, weight: Any, size: tuple[int, ...], geometry: Geometry) -> Any:
    """Send a gradient from the result back to the image: a transposed convolution."""
    if _are_arrays(grad, weight):
        return _to_input(grad, weight, size, geometry)
    return to_image(grad, weight, size, geometry)


def to_weight(grad: Any, input: Any, kernel: tuple[int, ...], geometry: Geometry) -> Any:
    """Send a gradient from the result back to the kernel."""
    return (
        _to_weight(grad, input, kernel, geometry)
        if _are_arrays(grad, input)
        else to_kernel(grad, input, kernel, geometry)
    )


def _size(tensor: Any) -> tuple[int, ...]:
    return tuple(tensor.shape[2:])


def _cropped(result: Any, size: tuple[int, ...]) -> Any:
    """Leave out windows that were not used: an ``output_padding`` makes room for more than there were."""
    if tuple(result.shape[2:]) == size:
        return result
    return result[(slice(None), slice(None), *(slice(n) for n in size))]


def _over_positions(grad: Any) -> Any:
    return np.sum(grad, axis=(0, *range(2, len(grad.shape))))


def _with_bias(result: np.ndarray, bias: Any) -> np.ndarray:
    return result if bias is None else result + bias.reshape(-1, *(1,) * (result.ndim - 2))


_LOCAL = {
    "input": "conv_T(grad, weight)",
    "weight": "windows_product(input, grad)",
    "bias": "sum_positions(grad)",
}

convolution = general(
    "convolution",
    "ConvolutionBackward0",
    "conv",
    lambda input, weight, bias, geometry: _with_bias(_forward(input, weight, geometry), bias),
    "input weight bias",
    {
        "input": lambda grad, weight, input, geometry: to_input(grad, weight, _size(input), geometry),
        "weight": lambda grad, input, weight, geometry: to_weight(grad, input, _size(weight), geometry),
        "bias": lambda grad: _over_positions(grad),
    },
    settings="geometry",
    expression="conv(input, weight, bias)",
    local=_LOCAL,
)
# PyTorch has one name for both, so this row stands beside the table.
transposed = beside(
    "conv_transpose",
    "ConvolutionBackward0",
    "convᵀ",
    lambda input, weight, bias, size, geometry: _with_bias(_to_input(input, weight, size, geometry), bias),
    "input weight bias",
    {
        "input": lambda grad, weight, input, geometry: _cropped(forward(grad, weight, geometry), _size(input)),
        "weight": lambda grad, input, weight, geometry: to_weight(input, grad, _size(weight), geometry),
        "bias": lambda grad: _over_positions(grad),
    },
    settings="size geometry",
    expression="conv_transpose(input, weight, bias)",
    local={
        "input": "conv(grad, weight)",
        "weight": "windows_product(grad, input)",
        "bias": "sum_positions(grad)",
    },
)

# The derivatives, for derivatives of derivatives.
convolve = general(
    "convolution",
    "ConvolutionBackwardBackward0",
    "conv",
    _forward,
    "input weight",
    {
        "input": lambda grad, weight, input, geometry: to_input(grad, weight, _size(input), geometry),
        "weight": lambda grad, input, weight, geometry: to_weight(grad, input, _size(weight), geometry),
    },
    settings="geometry",
    expression="conv(input, weight)",
    local={name: _LOCAL[name] for name in ("input", "weight")},
)
to_image = general(
    "convolution_backward",
    "ConvolutionBackwardBackward1",
    "convᵀ",
    _to_input,
    "grad_output weight",
    {
        "grad_output": lambda grad, weight, grad_output, geometry: _cropped(
            forward(grad, weight, geometry), _size(grad_output)
        ),
        "weight": lambda grad, grad_output, weight, geometry: to_weight(grad_output, grad, _size(weight), geometry),
    },
    settings="size geometry",
    expression="conv_transpose(grad_output, weight)",
    local={"grad_output": "conv(grad, weight)", "weight": "windows_product(grad, grad_output)"},
)
to_kernel = general(
    "convolution_backward",
    "ConvolutionBackwardBackward2",
    "windows @",
    _to_weight,
    "grad_output input",
    {
        "grad_output": lambda grad, input, grad_output, geometry: _cropped(
            forward(input, grad, geometry), _size(grad_output)
        ),
        "input": lambda grad, grad_output, input, geometry: to_input(grad_output, grad, _size(input), geometry),
    },
    settings="kernel geometry",
    expression="windows_product(input, grad_output)",
    local={"grad_output": "conv(input, grad)", "input": "conv_T(grad_output, grad)"},
)
