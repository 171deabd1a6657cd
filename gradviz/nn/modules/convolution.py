"""Convolutional layers."""

from __future__ import annotations

import math
from typing import Any

from gradviz.engine import creation
from gradviz.engine.tensor import Tensor
from gradviz.nn import functional as F  # noqa: N812 (everybody's name for it)
from gradviz.nn import init
from gradviz.nn.functional.convolution import several
from gradviz.nn.module import Module
from gradviz.nn.parameter import Parameter

__all__ = [
    "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d",
]  # fmt: skip

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What all of them share: the kernel, the bias, and how the kernel moves."""

    axes = 0
    transposed = False

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
        output_padding: Any, groups: int, bias: bool, padding_mode: str, dtype: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string '{padding}', should be one of ['same', 'valid']")
        if padding_mode not in PADDING_MODES:
            raise ValueError(f"padding_mode must be one of {set(PADDING_MODES)}, but got padding_mode='{padding_mode}'")
        self.in_channels, self.out_channels, self.groups, self.padding_mode = (
            in_channels,
            out_channels,
            groups,
            padding_mode,
        )
        self.kernel_size = several(kernel_size, self.axes, "kernel_size")
        self.stride, self.dilation = several(stride, self.axes, "stride"), several(dilation, self.axes, "dilation")
        self.padding: Any = padding if isinstance(padding, str) else several(padding, self.axes, "padding")
        if padding == "same" and any(step != 1 for step in self.stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
        self.output_padding = several(output_padding, self.axes, "output_padding")
        channels = (in_channels, out_channels // groups) if self.transposed else (out_channels, in_channels // groups)
        self.weight = Parameter(creation.empty(*channels, *self.kernel_size, dtype=dtype))
        if bias:
            self.bias = Parameter(creation.empty(out_channels, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the starting values anew: uniform, the narrower the more entries a window has."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            entries = math.prod(self.weight.shape[1:])
            if entries:
                bound = 1 / math.sqrt(entries)
                init.uniform_(self.bias, -bound, bound)

    def _padded(self, input: Tensor) -> tuple[Tensor, Any]:
        """Pad in a mode that is not zeros; then nothing is left for the convolution to pad."""
        if self.padding_mode == "zeros":
            return input, self.padding
        if isinstance(self.padding, str):
            total = [
                d * (k - 1) * (self.padding == "same") for d, k in zip(self.dilation, self.kernel_size, strict=True)
            ]
            sides = [side for number in reversed(total) for side in (number // 2, number - number // 2)]
        else:
            sides = [side for number in reversed(self.padding) for side in (number, number)]
        return F.pad(input, sides, self.padding_mode), 0

    def extra_repr(self) -> str:
        """Return what is not as usual."""
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        if self.padding != (0,) * self.axes:
            parts.append(f"padding={self.padding}")
        if self.dilation != (1,) * self.axes:
            parts.append(f"dilation={self.dilation}")
        if self.output_padding != (0,) * self.axes:
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class _Conv(_ConvNd):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode, dtype
        )

    def forward(self, input: Tensor) -> Tensor:
        """Convolve (N, in_channels, ...), or an input without N."""
        convolve = (F.conv1d, F.conv2d, F.conv3d)[self.axes - 1]
        padded, padding = self._padded(input)
        return convolve(padded, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_Conv):
    """A kernel that slides along a line: (N, in_channels, length). Parameters as of `Conv2d`."""

    axes = 1


class Conv2d(_Conv):
    """A kernel that slides over an image: (N, in_channels, height, width).

    Parameters
    ----------
    in_channels, out_channels
        How many numbers a pixel has before and after.
    kernel_size, stride, dilation
        Numbers, or one for each axis: how large the kernel is, how far it moves, how far apart its entries are.
    padding
        How much stands around the image; or ``"same"`` or ``"valid"``.
    groups
        Into how many independent convolutions the channels are divided.
    bias
        Whether to add a bias.
    padding_mode
        What stands around: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.

    Attributes
    ----------
    weight
        Of shape ``(out_channels, in_channels / groups, *kernel_size)``.
    bias
        Of shape (out_channels), or ``None``.
    """

    axes = 2


class Conv3d(_Conv):
    """A kernel that slides through a volume: (N, in_channels, depth, height, width). Parameters as of `Conv2d`."""

    axes = 3


class _ConvTransposeNd(_ConvNd):
    transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias, padding_mode,
            dtype,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """Do to (N, in_channels, ...) what a convolution does backward; `output_size` chooses among the possible sizes."""
        convolve = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[self.axes - 1]
        extra = self.output_padding if output_size is None else self._extra(input, output_size)
        return convolve(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _extra(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """How much the result has to be larger than the smallest possible."""
        wanted = tuple(output_size)
        if len(wanted) == input.ndim:
            wanted = wanted[-self.axes :]
        if len(wanted) != self.axes:
            raise ValueError(
                f"ConvTranspose{self.axes}D: for {input.ndim}D input, output_size must have {self.axes} or {self.axes + 2} "
                f"elements (got {len(wanted)})"
            )
        axes = zip(input.shape[-self.axes :], self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        least = tuple((n - 1) * s - 2 * int(p) + d * (k - 1) + 1 for n, k, s, p, d in axes)
        most = tuple(size + step - 1 for size, step in zip(least, self.stride, strict=True))
        if any(not low <= size <= high for low, size, high in zip(least, wanted, most, strict=True)):
            raise ValueError(
                f"requested an output size of {list(wanted)}, but valid sizes range from {list(least)} to {list(most)} (for "
                f"an input of {tuple(input.shape[-self.axes :])})"
            )
        return tuple(size - low for low, size in zip(least, wanted, strict=True))


class ConvTranspose1d(_ConvTransposeNd):
    """A convolution of a line, the other way round. Parameters as of `ConvTranspose2d`."""

    axes = 1


class ConvTranspose2d(_ConvTransposeNd):
    """A convolution of an image, the other way round: with a stride the image grows.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, groups, bias, dilation
        As of `Conv2d`.
    output_padding
        How much larger the result is than the smallest possible.
    """

    axes = 2


class ConvTranspose3d(_ConvTransposeNd):
    """A convolution of a volume, the other way round. Parameters as of `ConvTranspose2d`."""

    axes = 3
