"""Convolutions."""

from __future__ import annotations

from typing import Any

from gradviz.engine import dtypes
from gradviz.engine.functions.shapes import squeeze, unsqueeze
from gradviz.engine.tensor import Tensor
from gradviz.nn.operations import convolution
from gradviz.nn.operations.convolution import Geometry

__all__ = [
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
]  # fmt: skip

Numbers = int | tuple[int, ...]


def several(value: Any, count: int, name: str) -> tuple[int, ...]:
    """Read a setting: one number for every axis, or one for each."""
    numbers = tuple(int(number) for number in value) if isinstance(value, tuple | list) else (int(value),)
    if len(numbers) == 1:
        return numbers * count
    if len(numbers) != count:
        raise RuntimeError(
            f"expected {name} to be a single integer value or a list of {count} values to match the convolution "
            f"dimensions, but got {name}={list(numbers)}"
        )
    return numbers


def _check_axes(input: Tensor, weight: Tensor, count: int, name: str) -> None:
    if input.ndim not in (count + 1, count + 2):
        raise RuntimeError(
            f"Expected {count + 1}D (unbatched) or {count + 2}D (batched) input to {name}, but got input of size: "
            f"{list(input.shape)}"
        )
    if weight.ndim < 3:
        raise RuntimeError("weight should have at least three dimensions")
    if weight.ndim != count + 2:
        raise RuntimeError(
            f"Expected {count + 2}D weight for {name}, but got {weight.ndim}D weight of size {list(weight.shape)} instead"
        )


def _check(input: Tensor, weight: Tensor, bias: Tensor | None, count: int, channels: int) -> None:
    have = input.shape[-count - 1]
    if have != channels:
        raise RuntimeError(
            f"Given groups={channels // max(weight.shape[1], 1)}, weight of size {list(weight.shape)}, expected "
            f"input{[*input.shape] if input.ndim == count + 2 else [1, *input.shape]} to have {channels} channels, but got "
            f"{have} channels instead"
        )
    if weight.array.dtype != input.array.dtype:
        names = (dtypes.scalar_type_name(tensor.dtype) for tensor in (input, weight))
        raise RuntimeError("expected scalar type {} but found {}".format(*names))
    if bias is not None and bias.array.dtype != input.array.dtype:
        names = (dtypes.scalar_type_name(tensor.dtype).lower() for tensor in (input, bias))
        raise RuntimeError("Input type ({}) and bias type ({}) should be the same".format(*names))


def _convolve(
    name: str, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    count = int(name[-2])
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    _check_axes(input, weight, count, name)
    if weight.shape[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of size "
            f"[{list(weight.shape)}] instead"
        )
    _check(input, weight, bias, count, weight.shape[1] * groups)
    if bias is not None and bias.shape != (weight.shape[0],):
        raise RuntimeError(
            f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with {weight.shape[0]} elements, "
            f"but got bias of size {list(bias.shape)} instead"
        )
    strides, dilations = several(stride, count, "stride"), several(dilation, count, "dilation")
    if any(number <= 0 for number in strides):
        raise RuntimeError("non-positive stride is not supported")
    if any(number <= 0 for number in dilations):
        raise RuntimeError("dilation should be greater than zero")
    kernel = tuple(weight.shape[2:])
    single = input.ndim != count + 2
    if single:
        input = unsqueeze(input, 0)
    if isinstance(padding, str):
        input, pads = _named_padding(padding, input, kernel, strides, dilations)
    else:
        pads = several(padding, count, "padding")
    if any(number < 0 for number in pads):
        raise RuntimeError("negative padding is not supported")
    geometry = Geometry(strides, pads, dilations, groups)
    size = tuple(input.shape[-count:])
    if any(number <= 0 for number in geometry.outputs(size, kernel)):
        padded = tuple(n + 2 * p for n, p in zip(size, pads, strict=True))
        reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True))
        raise RuntimeError(
            f"Calculated padded input size per channel: {_crossed(padded)}. Kernel size: {_crossed(reach)}. Kernel size can't "
            "be greater than actual input size"
        )
    out = convolution.convolution(input, weight, bias, geometry)
    return squeeze(out, 0) if single else out


def _crossed(size: tuple[int, ...]) -> str:
    return "(" + " x ".join(map(str, size)) + ")"


def _named_padding(
    name: str, input: Tensor, kernel: tuple[int, ...], strides: tuple[int, ...], dilations: tuple[int, ...]
) -> tuple[Tensor, tuple[int, ...]]:
    """Read ``padding="same"``: so much that the result is as large as the image; the odd one goes to the end."""
    if name == "valid":
        return input, (0,) * len(kernel)
    if name != "same":
        raise RuntimeError(f"Invalid padding string: '{name}'")
    if any(stride != 1 for stride in strides):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    total = [d * (k - 1) for k, d in zip(kernel, dilations, strict=True)]
    if all(number % 2 == 0 for number in total):
        return input, tuple(number // 2 for number in total)
    from gradviz.nn.functional.padding import pad

    extra = [side for number in reversed(total) for side in (0, number % 2)]
    return pad(input, extra), tuple(number // 2 for number in total)


def conv1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Numbers = 1, padding: Numbers | str = 0,
    dilation: Numbers = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Slide a kernel along a line: input (N, in, length), weight (out, in / groups, k); the batch may be left out."""
    return _convolve("conv1d", input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Numbers = 1, padding: Numbers | str = 0,
    dilation: Numbers = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Slide a kernel over an image.

    Parameters
    ----------
    input
        Of shape (N, in, height, width), or without N.
    weight
        The kernel, of shape (out, in / groups, kernel height, kernel width).
    bias
        Of shape (out).
    stride, dilation
        How far the kernel moves at each step, and how far apart its entries are; a number, or one for each axis.
    padding
        How many zeros stand around the image; or ``"same"`` or ``"valid"``.
    groups
        Into how many independent convolutions the channels are divided.

    Returns
    -------
    Tensor
        Of shape (N, out, height', width').

    Examples
    --------
    >>> import gradviz as torch
    >>> image, kernel = torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)
    >>> torch.nn.functional.conv2d(image, kernel)
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """
    return _convolve("conv2d", input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Numbers = 1, padding: Numbers | str = 0,
    dilation: Numbers = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Slide a kernel through a volume: input (N, in, depth, height, width), weight (out, in / groups, …)."""
    return _convolve("conv3d", input, weight, bias, stride, padding, dilation, groups)


def _transpose(
    name: str, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, output_padding: Any,
    groups: int, dilation: Any,
) -> Tensor:  # fmt: skip
    count = int(name[-2])
    _check_axes(input, weight, count, name)
    _check(input, weight, bias, count, weight.shape[0])
    geometry = Geometry(
        several(stride, count, "stride"),
        several(padding, count, "padding"),
        several(dilation, count, "dilation"),
        groups,
    )
    extra = several(output_padding, count, "output_padding")
    for more, step, apart in zip(extra, geometry.stride, geometry.dilation, strict=True):
        if more >= max(step, apart):
            raise RuntimeError(
                "output padding must be smaller than either stride or dilation, but got output_padding_height: "
                f"{extra[-2] if count > 1 else extra[0]} output_padding_width: {extra[-1]} stride_height: "
                f"{geometry.stride[-2] if count > 1 else geometry.stride[0]} stride_width: {geometry.stride[-1]} "
                f"dilation_height: {geometry.dilation[-2] if count > 1 else geometry.dilation[0]} dilation_width: "
                f"{geometry.dilation[-1]}"
            )
    axes = zip(
        input.shape[-count:], weight.shape[2:], geometry.stride, geometry.padding, geometry.dilation, extra, strict=True
    )
    size = tuple((n - 1) * s - 2 * p + d * (k - 1) + more + 1 for n, k, s, p, d, more in axes)
    if any(number <= 0 for number in size):
        raise RuntimeError(
            f"Given input size per channel: {_crossed(tuple(input.shape[-count:]))}. Calculated output size per channel: "
            f"{_crossed(size)}. Output size is too small"
        )
    batched = input if input.ndim == count + 2 else unsqueeze(input, 0)
    out = convolution.transposed(batched, weight, bias, size, geometry)
    return out if input.ndim == count + 2 else squeeze(out, 0)


def conv_transpose1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Numbers = 1, padding: Numbers = 0,
    output_padding: Numbers = 0, groups: int = 1, dilation: Numbers = 1,
) -> Tensor:  # fmt: skip
    """Do to a line forward what `conv1d` does backward; weight (in, out / groups, k)."""
    return _transpose("conv_transpose1d", input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Numbers = 1, padding: Numbers = 0,
    output_padding: Numbers = 0, groups: int = 1, dilation: Numbers = 1,
) -> Tensor:  # fmt: skip
    """Do to an image forward what `conv2d` does backward: with a stride it grows; weight (in, out / groups, …)."""
    return _transpose("conv_transpose2d", input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Numbers = 1, padding: Numbers = 0,
    output_padding: Numbers = 0, groups: int = 1, dilation: Numbers = 1,
) -> Tensor:  # fmt: skip
    """Do to a volume forward what `conv3d` does backward; weight (in, out / groups, …)."""
    return _transpose("conv_transpose3d", input, weight, bias, stride, padding, output_padding, groups, dilation)
