"""What stands around an image, how large it is, and how its pixels are arranged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gradviz.engine.functions.shapes import squeeze, unsqueeze
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor
from gradviz.nn.functional.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from gradviz.nn.operations import padding
from gradviz.nn.operations.convolution import Geometry

__all__ = [
    "channel_shuffle", "fold", "interpolate", "pad", "pixel_shuffle", "pixel_unshuffle", "unfold", "upsample",
    "upsample_bilinear", "upsample_nearest",
]  # fmt: skip


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Put numbers around a tensor.

    Parameters
    ----------
    input
        Any tensor; for the modes that copy, with a batch and channels in front.
    pad
        How many before and after the last axis, then the one before it, and so on; negative numbers cut off.
    mode
        ``"constant"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.
    value
        The constant; 0 unless told otherwise.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.nn.functional.pad(torch.ones(2), (1, 0))
    tensor([0., 1., 1.])
    """
    sides = tuple(int(number) for number in pad)
    if len(sides) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    axes = len(sides) // 2
    if axes > input.ndim:
        raise RuntimeError("Padding length should be less than or equal to two times the input dimension")
    pairs = tuple((sides[2 * place], sides[2 * place + 1]) for place in reversed(range(axes)))
    if mode == "constant":
        return padding.constant(input, ((0, 0),) * (input.ndim - axes) + pairs, 0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value is not None and value != 0:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if input.ndim not in (axes + 1, axes + 2) or axes > 3:
        raise NotImplementedError(f"Padding size {len(sides)} is not supported for {input.ndim}D input tensor.")
    sizes = tuple(input.shape[-axes:])
    for place, (size, (before, after)) in enumerate(zip(sizes, pairs, strict=True)):
        if mode == "reflect" and max(before, after) >= size:
            raise RuntimeError(
                "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding "
                f"({before}, {after}) at dimension {input.ndim - axes + place} of input {list(input.shape)}"
            )
        if mode == "circular" and max(before, after) > size:
            raise RuntimeError("Padding value causes wrapping around more than once.")
    matrices = tuple(padding.border(size, *pair, mode) for size, pair in zip(sizes, pairs, strict=True))
    row = (
        padding.circular
        if mode == "circular"
        else {"reflect": padding.reflection, "replicate": padding.replication}[mode][axes]
    )
    return row(input, matrices)


MODES = ("nearest", "linear", "bilinear", "bicubic", "trilinear", "area", "nearest-exact")


def interpolate(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Tensor:  # fmt: skip
    """Make an image (or a line, or a volume) larger or smaller.

    Parameters
    ----------
    input
        Of shape (N, C, ...) with one to three more axes.
    size, scale_factor
        The new size, or how many times larger; a number, or one for each axis.
    mode
        ``"nearest"``, ``"nearest-exact"``, ``"linear"`` (of a line), ``"bilinear"`` and ``"bicubic"`` (of an image),
        ``"trilinear"`` (of a volume) or ``"area"``.
    align_corners
        Whether the first and last pixels keep their places, and not the edges of the image.
    recompute_scale_factor
        Use the sizes' own ratio in place of a given `scale_factor`.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.nn.functional.interpolate(torch.arange(2.0).reshape(1, 1, 2), scale_factor=2)
    tensor([[[0., 0., 1., 1.]]])
    """
    count = input.ndim - 2
    if antialias:
        raise NotImplementedError("gradviz has no antialias=True; supported: interpolate without it")
    if mode not in MODES:
        raise NotImplementedError(f"gradviz has no interpolation mode {mode!r}; supported: {', '.join(MODES)}")
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear"
            )
    elif align_corners is None:
        align_corners = False
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    old = tuple(input.shape[2:])
    scales: tuple[float | None, ...] = (None,) * count
    if size is not None:
        new = tuple(size) if isinstance(size, tuple | list) else (int(size),) * count
        if len(new) != count:
            raise ValueError(
                f"Input and output must have the same number of spatial dimensions, but got input with spatial dimensions of "
                f"{list(old)} and output size of {size}. Please provide input tensor in (N, C, d1, d2, ...,dK) format "
                "and output size in (o1, o2, ...,oK) format."
            )
    else:
        scales = tuple(scale_factor) if isinstance(scale_factor, tuple | list) else (float(scale_factor),) * count
        if len(scales) != count:
            raise ValueError(
                f"Input and scale_factor must have the same number of spatial dimensions, but got input with spatial "
                f"dimensions of {list(old)} and scale_factor of shape {list(scales)}. Please provide input tensor in (N, C, "
                "d1, d2, ...,dK) format and scale_factor in (s1, s2, ...,sK) format."
            )
        new = tuple(math.floor(n * (s or 1)) for n, s in zip(old, scales, strict=True))
        if recompute_scale_factor:
            scales = (None,) * count
    if mode == "area":
        return (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[count - 1](input, new)
    if any(number <= 0 for number in (*old, *new)):
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input (H: {old[0]}, W: {old[-1]}) output (H: {new[0]}, "
            f"W: {new[-1]})"
        )
    needed = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}.get(mode, count)
    if count != needed or count not in (1, 2, 3):
        raise NotImplementedError(f"Got {input.ndim}D input, but {mode} mode needs {needed + 2}D input")
    kind = {"nearest": "Nearest{}D", "nearest-exact": "NearestExact{}D"}.get(mode, f"{mode.capitalize()}{{}}D").format(
        count
    )
    axes = zip(old, new, scales, strict=True)
    matrices = tuple([padding.resized(mode, *axis, bool(align_corners)) for axis in axes])
    return padding.upsample[kind](input, matrices)


def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:
    """Do as `interpolate`; PyTorch has deprecated this name."""
    warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """Do as `interpolate`; PyTorch has deprecated this name."""
    warn("`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.")
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """Do as `interpolate` with corners aligned; PyTorch has deprecated this name."""
    warn("`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


# --- windows as columns ------------------------------------------------------------------------------------------------


def _pair(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (int(value),) * 2


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Lay every window of an image (N, C, height, width) out as a column: (N, C · kernel entries, windows)."""
    from gradviz.nn.operations import padding as rows

    if input.ndim not in (3, 4):
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but "
            f"got: {list(input.shape)}"
        )
    geometry = Geometry(_pair(stride), _pair(padding), _pair(dilation))
    kernel = _pair(kernel_size)
    outputs = geometry.outputs(tuple(input.shape[-2:]), kernel)
    if any(number < 1 for number in outputs):
        raise RuntimeError(
            f"Given input with spatial size ({', '.join(map(str, input.shape[-2:]))}), kernel_size={kernel}, dilation="
            f"{geometry.dilation}, padding={geometry.padding}, calculated shape of the array of sliding blocks as {outputs}, "
            "but its components must be at least one."
        )
    batched = input if input.ndim == 4 else unsqueeze(input, 0)
    out = rows.unfold(batched, kernel, geometry)
    return out if input.ndim == 4 else squeeze(out, 0)


def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Add columns (N, C · kernel entries, windows) up into an image ``(N, C, *output_size)``: the other way of `unfold`."""
    from gradviz.nn.operations import padding as rows

    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, "
            f"but got: {list(input.shape)}"
        )
    size, kernel = _pair(output_size), _pair(kernel_size)
    geometry = Geometry(_pair(stride), _pair(padding), _pair(dilation))
    if input.shape[-2] % math.prod(kernel):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input.size(1)="
            f"{input.shape[-2]} and kernel_size={kernel}."
        )
    expected = math.prod(geometry.outputs(size, kernel))
    if input.shape[-1] != expected:
        raise RuntimeError(
            f"Given output_size={size}, kernel_size={kernel}, dilation={geometry.dilation}, padding={geometry.padding}, "
            f"stride={geometry.stride}, expected size of input's dimension 2 to match the calculated number of sliding blocks "
            f"{' * '.join(map(str, geometry.outputs(size, kernel)))} = {expected}, but got input.size(2)={input.shape[-1]}."
        )
    batched = input if input.ndim == 3 else unsqueeze(input, 0)
    out = rows.fold(batched, size, kernel, geometry)
    return out if input.ndim == 3 else squeeze(out, 0)


# --- pixels and channels -----------------------------------------------------------------------------------------------


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Make pixels of channels: (…, C·r², H, W) becomes (…, C, H·r, W·r)."""
    if input.ndim < 3:
        raise RuntimeError(
            f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    if upscale_factor <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {upscale_factor}")
    if input.shape[-3] % upscale_factor**2:
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
            f"input.size(-3)={input.shape[-3]} is not divisible by {upscale_factor**2}"
        )
    return padding.pixel_shuffle(input, upscale_factor)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Make channels of pixels: (…, C, H·r, W·r) becomes (…, C·r², H, W)."""
    if input.ndim < 3:
        raise RuntimeError(
            f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    if downscale_factor <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {downscale_factor}")
    for axis, name in ((-2, "height"), (-1, "width")):
        if input.shape[axis] % downscale_factor:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size({axis})="
                f"{input.shape[axis]} is not divisible by {downscale_factor}"
            )
    return padding.pixel_unshuffle(input, downscale_factor)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Deal the channels of (N, C, ...) out anew, as cards of `groups` packs."""
    if input.ndim < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if input.shape[1] % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {input.shape[1]} channels and {groups} groups."
        )
    return padding.channel_shuffle(input, groups)
