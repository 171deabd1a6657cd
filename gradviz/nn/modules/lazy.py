"""Lazy layers: the size of the input is read off the first one, and the layer becomes an ordinary one."""

from __future__ import annotations

from itertools import chain
from typing import Any

from gradviz.engine import creation, dtypes
from gradviz.engine.modes import no_grad
from gradviz.engine.tensor import Tensor
from gradviz.nn.module import Module
from gradviz.nn.modules.convolution import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
from gradviz.nn.modules.linear import Linear
from gradviz.nn.modules.normalization import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
)
from gradviz.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy

__all__ = [
    "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyConv1d", "LazyConv2d", "LazyConv3d",
    "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d", "LazyInstanceNorm1d", "LazyInstanceNorm2d",
    "LazyInstanceNorm3d", "LazyLinear",
]  # fmt: skip


class LazyModuleMixin(Module):
    """What makes a module lazy: before its first call it looks at the input, and sets itself up.

    A subclass makes `UninitializedParameter` s in ``__init__``, gives them a size in `initialize_parameters`, and names in
    `cls_to_become` the class that it is afterwards, if that is another.

    Examples
    --------
    >>> import gradviz as torch
    >>> class LazyScale(torch.nn.modules.lazy.LazyModuleMixin, torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = torch.nn.UninitializedParameter()
    ...
    ...     def initialize_parameters(self, x):
    ...         self.factor.materialize(x.shape[-1:])
    ...         torch.nn.init.ones_(self.factor)
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> LazyScale()(torch.ones(3))
    tensor([1., 1., 1.], grad_fn=<MulBackward0>)
    """

    cls_to_become: type[Module] | None = None
    _waits = True  # for the first input

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Set the module up at its first call; then run it."""
        if self._waits:
            self._infer_parameters(args, kwargs)
        return Module.__call__(self, *args, **kwargs)

    def _infer_parameters(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.initialize_parameters(*args, **kwargs)
        if self.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
        if self.cls_to_become is None:
            self._waits = False
        else:
            self.__class__ = self.cls_to_become  # type: ignore[assignment]

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give every parameter its size and its first numbers, from the arguments of the first call."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        """Return True if a parameter or buffer of this module's own has no size yet."""
        return any(is_lazy(tensor) for tensor in chain(self._parameters.values(), self._buffers.values()))


class _LazyLayer(LazyModuleMixin):
    """A layer of which one size is missing."""

    _missing: str  # the attribute that says it; 0 until it is known

    def reset_parameters(self) -> None:
        """Draw the starting values anew, if there are any yet."""
        if not self.has_uninitialized_params() and getattr(self, self._missing) != 0:
            super().reset_parameters()  # type: ignore[misc]

    def _size_in(self, input: Tensor) -> int:
        """Read the missing size off an input."""
        return input.shape[1]

    def _sizes(self) -> dict[str, tuple[int, ...]]:
        """Return the sizes of the parameters and buffers, now that all is known."""
        raise NotImplementedError

    def initialize_parameters(self, input: Tensor) -> None:
        """Take the missing size from the input."""
        if self.has_uninitialized_params():
            with no_grad():
                setattr(self, self._missing, self._size_in(input))
                for name, shape in self._sizes().items():
                    tensor = getattr(self, name)
                    if tensor is not None:
                        tensor.materialize(shape)
                self.reset_parameters()


class LazyLinear(_LazyLayer, Linear):
    """A `Linear` that takes `in_features` from its first input.

    Parameters
    ----------
    out_features
        Length of the last axis of the output.
    bias
        Whether to add a bias.

    Examples
    --------
    >>> import gradviz as torch
    >>> net = torch.nn.LazyLinear(3)
    >>> net
    LazyLinear(in_features=0, out_features=3, bias=True)
    >>> _ = net(torch.ones(1, 5))
    >>> net
    Linear(in_features=5, out_features=3, bias=True)
    """

    cls_to_become = Linear
    _missing = "in_features"

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def _size_in(self, input: Tensor) -> int:
        return input.shape[-1]

    def _sizes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.out_features, self.in_features), "bias": (self.out_features,)}

    def initialize_parameters(self, input: Tensor) -> None:
        """Take `in_features` from the input; a weight that was loaded has it already."""
        super().initialize_parameters(input)
        if self.in_features == 0:
            given, known = input.shape[-1], self.weight.shape[-1]
            if given != known:
                raise AssertionError(
                    f"The in_features inferred from input: {given} is not equal to in_features from self.weight: {known}"
                )
            self.in_features = given


class _LazyConvolution(_LazyLayer):
    """A convolution that takes `in_channels` from its first input; the parameters are those of the other class."""

    _missing = "in_channels"

    def _wait(self, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def _size_in(self, input: Tensor) -> int:
        single = self.axes + 1
        if input.ndim not in (single, single + 1):
            raise RuntimeError(
                f"Expected {single}D (unbatched) or {single + 1}D (batched) input to {type(self).__name__}, but got input "
                f"of size: {input.shape}"
            )
        return input.shape[input.ndim - single]

    def _sizes(self) -> dict[str, tuple[int, ...]]:
        if self.in_channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        channels = self.out_channels, self.in_channels // self.groups
        if self.transposed:
            channels = self.in_channels, self.out_channels // self.groups
        return {"weight": (*channels, *self.kernel_size), "bias": (self.out_channels,)}


class _LazyConv(_LazyConvolution):
    def __init__(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
        bias: bool = True, padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device, dtype)  # type: ignore[call-arg]
        self._wait(out_channels, bias, device, dtype)


class _LazyConvTranspose(_LazyConvolution):
    def __init__(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
        groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(  # type: ignore[call-arg]
            0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode, device, dtype
        )  # fmt: skip
        self._wait(out_channels, bias, device, dtype)


class _LazyNorm(_LazyLayer):
    """A normalisation that takes `num_features` from its first input; the parameters are those of the other class."""

    _missing = "num_features"

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)  # type: ignore[call-arg]
        self.affine, self.track_running_stats = affine, track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = creation.tensor(0, dtype=dtypes.int64)

    def _sizes(self) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (self.num_features,))


def _lazy(kind: type, plain: type[Module]) -> type[Any]:
    """Return the lazy form of a layer."""
    document = f"A `{plain.__name__}` that takes `{kind._missing}` from its first input."  # type: ignore[attr-defined]
    facts = {"cls_to_become": plain, "__doc__": document, "__module__": __name__}
    return type(f"Lazy{plain.__name__}", (kind, plain), facts)


LazyConv1d, LazyConv2d, LazyConv3d = (_lazy(_LazyConv, plain) for plain in (Conv1d, Conv2d, Conv3d))
LazyConvTranspose1d, LazyConvTranspose2d, LazyConvTranspose3d = (
    _lazy(_LazyConvTranspose, plain) for plain in (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)
)
LazyBatchNorm1d, LazyBatchNorm2d, LazyBatchNorm3d = (
    _lazy(_LazyNorm, plain) for plain in (BatchNorm1d, BatchNorm2d, BatchNorm3d)
)
LazyInstanceNorm1d, LazyInstanceNorm2d, LazyInstanceNorm3d = (
    _lazy(_LazyNorm, plain) for plain in (InstanceNorm1d, InstanceNorm2d, InstanceNorm3d)
)
