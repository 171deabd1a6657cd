"""Windows, and what else moves over an image: PyTorch has sizes, strides and modes, the table's rows geometries, matrices and places."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradviz.nn.functional.fractional import windows_at
from gradviz.nn.functional.pooling import several
from gradviz.nn.operations import gridding, padding, pooling
from gradviz.nn.operations.convolution import Geometry

Given = Any
"""What stands in a slot: a tensor as it was told of, a plain number, or ``None``."""

Arguments = Mapping[str, Given]
Shapes = Mapping[str, tuple[int, ...]]


def _geometry(arguments: Arguments, shapes: Shapes) -> Geometry:
    count = len(shapes["input"]) - 2
    strides, pads, apart = (
        several(tuple(arguments[name]), count, name, name) for name in ("stride", "padding", "dilation")
    )
    return Geometry(strides, pads, apart, arguments["groups"])


def _of_windows(arguments: Arguments, shapes: Shapes) -> Geometry:
    strides, pads, apart = (
        several(tuple(arguments[name]), 2, name, name) for name in ("stride", "padding", "dilation")
    )
    return Geometry(strides, pads, apart)


def _widened(arguments: Arguments, shapes: Shapes) -> tuple[int, ...]:
    geometry, kernel = _geometry(arguments, shapes), shapes["weight"][2:]
    more = several(tuple(arguments["output_padding"]), len(kernel), "output_padding", "output_padding")
    axes = zip(shapes["input"][2:], kernel, geometry.stride, geometry.padding, geometry.dilation, more, strict=True)
    return tuple([(n - 1) * s - 2 * p + d * (k - 1) + m + 1 for n, k, s, p, d, m in axes])


def _kernel(arguments: Arguments, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    kernel = several(tuple(arguments["kernel_size"]), count, "kernel_size", "kernel_size")
    return kernel, several(tuple(arguments["stride"]) or kernel, count, "stride", "stride")


def _averages(count: int) -> Callable[[Arguments, Shapes], Any]:
    def matrices(arguments: Arguments, shapes: Shapes) -> tuple[Any, ...]:
        kernel, strides = _kernel(arguments, count)
        pads = several(tuple(arguments["padding"]), count, "padding", "padding")
        divisor = arguments["divisor_override"]
        found = [
            pooling.averages(n, k, s, p, arguments["ceil_mode"], arguments["count_include_pad"], divisor is None)
            for n, k, s, p in zip(shapes["self"][-count:], kernel, strides, pads, strict=True)
        ]
        if divisor is not None:
            found[0] = found[0] / divisor
        return tuple(found)

    return matrices


def _windows(count: int) -> Callable[[Arguments, Shapes], Any]:
    def places(arguments: Arguments, shapes: Shapes) -> tuple[Any, ...]:
        kernel, strides = _kernel(arguments, count)
        pads, apart = (several(tuple(arguments[name]), count, name, name) for name in ("padding", "dilation"))
        return tuple(
            [
                pooling.windows(n, k, s, p, d, arguments["ceil_mode"])
                for n, k, s, p, d in zip(shapes["self"][-count:], kernel, strides, pads, apart, strict=True)
            ]
        )

    return places


def _stretches(make: Callable[[int, int], Any]) -> Callable[[Arguments, Shapes], Any]:
    def of_each_axis(arguments: Arguments, shapes: Shapes) -> tuple[Any, ...]:
        sizes = tuple(arguments["output_size"])
        return tuple([make(n, count) for n, count in zip(shapes["self"][-len(sizes) :], sizes, strict=True)])

    return of_each_axis


def _borders(mode: str, count: int) -> Callable[[Arguments, Shapes], Any]:
    def matrices(arguments: Arguments, shapes: Shapes) -> tuple[Any, ...]:
        sides = tuple(arguments["padding"])
        return tuple(
            [
                padding.border(n, sides[2 * place], sides[2 * place + 1], mode)
                for n, place in zip(shapes["self"][-count:], reversed(range(count)), strict=True)
            ]
        )

    return matrices


def _pads(arguments: Arguments, shapes: Shapes) -> tuple[tuple[int, int], ...]:
    sides, count = tuple(arguments["pad"]), len(shapes["self"])
    pairs = tuple([(sides[2 * place], sides[2 * place + 1]) for place in reversed(range(len(sides) // 2))])
    return ((0, 0),) * (count - len(pairs)) + pairs


def _resized(mode: str, count: int) -> Callable[[Arguments, Shapes], Any]:
    def matrices(arguments: Arguments, shapes: Shapes) -> tuple[Any, ...]:
        scales = _scales(arguments, count)
        corners = bool(arguments.get("align_corners"))
        sizes = tuple(arguments["output_size"])
        return tuple(
            [padding.resized(mode, n, o, s, corners) for n, o, s in zip(shapes["self"][2:], sizes, scales, strict=True)]
        )

    return matrices


def _scales(arguments: Arguments, count: int) -> tuple[float | None, ...]:
    if arguments.get("scale_factors") is not None:
        return tuple(arguments["scale_factors"])
    names = ("scales",) if count == 1 else ("scales_d", "scales_h", "scales_w")[-count:]
    return tuple([arguments.get(name) for name in names])


MODES, PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


def _sampler(arguments: Arguments, shapes: Shapes) -> gridding.Sampler:
    mode, outside = MODES[arguments["interpolation_mode"]], PADDINGS[arguments["padding_mode"]]
    return gridding.Sampler(mode, outside, arguments["align_corners"])


def _base(arguments: Arguments, shapes: Shapes) -> Any:
    return gridding.base_grid(tuple(arguments["size"])[2:], arguments["align_corners"], dtype_of(arguments["theta"]))


def dtype_of(argument: Given) -> np.dtype[Any]:
    """Return the dtype of a tensor among the arguments, as NumPy's."""
    return np.dtype(str(argument[1].dtype).removeprefix("torch."))


def at_random(count: int) -> Callable[[Any, Arguments, Shapes], Any]:
    """Return what works out where windows lie that were placed at random, in an image or a volume."""

    def places(chances: Any, arguments: Arguments, shapes: Shapes) -> tuple[Any, ...]:
        sizes = shapes["self"][-count:]
        return windows_at(chances, sizes, tuple(arguments["kernel_size"]), tuple(arguments["output_size"]))

    return places


WINDOWS: dict[tuple[str, str], Callable[[Arguments, Shapes], Any]] = {
    ("ConvolutionBackward0", "geometry"): _geometry,
    ("conv_transpose", "size"): _widened,
    ("AvgPool2DBackward0", "matrices"): _averages(2),
    ("AvgPool3DBackward0", "matrices"): _averages(3),
    ("AdaptiveAvgPool2DBackward0", "matrices"): _stretches(pooling.shares),
    ("AdaptiveAvgPool3DBackward0", "matrices"): _stretches(pooling.shares),
    ("AdaptiveMaxPool2DBackward0", "places"): _stretches(pooling.adaptive_windows),
    ("AdaptiveMaxPool3DBackward0", "places"): _stretches(pooling.adaptive_windows),
    ("MaxPool2DWithIndicesBackward0", "places"): _windows(2),
    ("MaxPool3DWithIndicesBackward0", "places"): _windows(3),
    ("MaxUnpool2DBackward0", "axes"): lambda arguments, shapes: 2,
    ("MaxUnpool3DBackward0", "axes"): lambda arguments, shapes: 3,
    ("Im2ColBackward0", "kernel"): lambda arguments, shapes: tuple(arguments["kernel_size"]),
    ("Im2ColBackward0", "geometry"): _of_windows,
    ("Col2ImBackward0", "size"): lambda arguments, shapes: tuple(arguments["output_size"]),
    ("Col2ImBackward0", "kernel"): lambda arguments, shapes: tuple(arguments["kernel_size"]),
    ("Col2ImBackward0", "geometry"): _of_windows,
    **{(f"ReflectionPad{n}DBackward0", "matrices"): _borders("reflect", n) for n in (1, 2, 3)},
    **{(f"ReplicationPad{n}DBackward0", "matrices"): _borders("replicate", n) for n in (1, 2, 3)},
    ("ConstantPadNdBackward0", "pads"): _pads,
    **{(f"UpsampleNearest{n}DBackward0", "matrices"): _resized("nearest", n) for n in (1, 2, 3)},
    **{(f"UpsampleNearestExact{n}DBackward0", "matrices"): _resized("nearest-exact", n) for n in (1, 2, 3)},
    ("UpsampleLinear1DBackward0", "matrices"): _resized("linear", 1),
    ("UpsampleBilinear2DBackward0", "matrices"): _resized("bilinear", 2),
    ("UpsampleBicubic2DBackward0", "matrices"): _resized("bicubic", 2),
    ("UpsampleTrilinear3DBackward0", "matrices"): _resized("trilinear", 3),
    ("GridSampler2DBackward0", "how"): _sampler,
    ("GridSampler3DBackward0", "how"): _sampler,
    ("AffineGridGeneratorBackward0", "base"): _base,
    ("AffineGridGeneratorBackward0", "sizes"): lambda arguments, shapes: tuple(arguments["size"])[2:],
}
"""By node, or row, and setting: what works it out."""
