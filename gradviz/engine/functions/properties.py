"""What a tensor is: its kind of numbers, and how they lie in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import dtypes
from gradviz.engine.arguments import array_of, normal_axis
from gradviz.engine.devices import check_device
from gradviz.engine.formats import channels_last, channels_last_3d
from gradviz.engine.tensor import Tensor

__all__ = [
    "can_cast", "finfo", "iinfo", "is_complex", "is_floating_point", "is_nonzero", "is_same_size", "promote_types",
    "result_type",
]  # fmt: skip

NOT_METHODS = ["can_cast", "finfo", "iinfo", "promote_types", "result_type"]
"""Functions that are not methods of tensors too."""

# --- kinds of numbers ----------------------------------------------------------------------------------------------------


def is_floating_point(input: Tensor) -> bool:
    """Return True for floating-point tensors: those that can require a gradient."""
    return input.array.dtype.kind == "f"


def is_complex(input: Tensor) -> bool:
    """Return False: there are no complex tensors here."""
    return False


def is_nonzero(input: Tensor) -> bool:
    """Return True if a tensor's only entry is not 0."""
    return bool(input)


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Return True if two tensors have the same shape."""
    return input.shape == other.shape


def _given(spec: Any) -> dtypes.dtype:
    if not isinstance(spec, dtypes.dtype):
        raise TypeError(f"expected a dtype such as torch.float32, not {type(spec).__name__}")
    return spec


def promote_types(type1: dtypes.dtype, type2: dtypes.dtype) -> dtypes.dtype:
    """Return the smallest dtype that holds the numbers of both."""
    return dtypes.from_numpy(dtypes.promote_types(_given(type1).numpy, _given(type2).numpy))


def result_type(tensor1: Any, tensor2: Any) -> dtypes.dtype:
    """Return the dtype of the sum of two tensors or numbers.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.result_type(torch.tensor([1, 2]), 1.5)
    torch.float32
    """
    return dtypes.from_numpy(dtypes.result_type(array_of(tensor1), array_of(tensor2)))


def can_cast(from_: dtypes.dtype, to: dtypes.dtype) -> bool:
    """Return True if numbers may be written in another dtype: not a fraction as an integer, nor a number as a bool."""
    return dtypes.category(_given(from_).numpy) <= dtypes.category(_given(to).numpy)


class finfo:  # noqa: N801 (PyTorch's name)
    """The limits of a floating-point dtype.

    Attributes
    ----------
    max, min
        The largest number and the smallest, which is the same with a minus sign.
    eps
        The distance from 1 to the next number.
    tiny, smallest_normal
        The smallest positive number with all its digits.
    resolution
        About how many decimals hold, as a power of ten.
    bits
        Bits per number.
    """

    def __init__(self, type: dtypes.dtype | None = None) -> None:
        kind = dtypes.get_default_dtype() if type is None else _given(type)
        if not kind.is_floating_point:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'"
            )
        limits = np.finfo(kind.numpy)
        self.dtype, self.bits = kind.name, limits.bits
        self.max, self.min, self.eps = float(limits.max), float(limits.min), float(limits.eps)
        self.tiny = self.smallest_normal = float(limits.tiny)
        self.resolution = float(f"1e-{limits.precision}")

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        limits = ", ".join(f"{name}={getattr(self, name):g}" for name in names)
        return f"finfo({limits}, dtype={self.dtype})"


class iinfo:  # noqa: N801 (PyTorch's name)
    """The limits of an integer dtype: its largest and smallest number, and bits per number."""

    def __init__(self, type: dtypes.dtype) -> None:
        kind = _given(type)
        if kind.numpy.kind not in "iu":
            raise TypeError("torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'")
        limits = np.iinfo(kind.numpy)
        self.dtype, self.bits, self.max, self.min = kind.name, limits.bits, int(limits.max), int(limits.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


def type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """Return PyTorch's name of the tensor's type, ``"torch.FloatTensor"``; given a dtype, convert to that."""
    if dtype is None:
        return dtypes.tensor_type_name(self.dtype)
    dtype = getattr(dtype, "dtype", dtype)  # of an old class of tensors, such as LongTensor
    if isinstance(dtype, str):
        names = {dtypes.tensor_type_name(kind): kind for kind in dtypes.ALL}
        if dtype not in names:
            raise ValueError(f"invalid type: '{dtype}'")
        dtype = names[dtype]
    return self.to(dtype)


# --- memory --------------------------------------------------------------------------------------------------------------


def stride(self: Tensor, dim: int | None = None) -> Any:
    """Return how many entries further in memory the next entry along each axis is."""
    array = self._writable()
    if array.flags.c_contiguous:  # then NumPy may say anything of axes of length 1
        steps, after = [], 1
        for length in reversed(array.shape):
            steps.append(after)
            after *= max(length, 1)
        strides = tuple(reversed(steps))
    else:
        strides = tuple(step // array.itemsize for step in array.strides)
    return strides if dim is None else strides[normal_axis(dim, array.ndim)]


def storage_offset(self: Tensor) -> int:
    """Return how many entries of its base's memory stand before a view's first."""
    if self._base is None:
        return 0
    return (data_ptr(self) - data_ptr(self._base)) // self._writable().itemsize


def data_ptr(self: Tensor) -> int:
    """Return the address of the first entry in memory."""
    return self._writable().__array_interface__["data"][0]


def is_contiguous(self: Tensor, memory_format: Any = None) -> bool:
    """Return True if the entries stand row by row in memory."""
    if memory_format in (channels_last, channels_last_3d):
        last = 4 if memory_format is channels_last else 5
        return self.ndim == last and bool(np.moveaxis(self._writable(), 1, -1).flags.c_contiguous)
    return bool(self._writable().flags.c_contiguous)


def cuda(self: Tensor, *device: Any, **how: Any) -> Tensor:
    """Say that there is no graphics card here."""
    check_device(device[0] if device and device[0] is not None else "cuda")
    return self


METHODS = {
    "type": type,
    "stride": stride,
    "storage_offset": storage_offset,
    "data_ptr": data_ptr,
    "is_contiguous": is_contiguous,
    "element_size": lambda self: self.array.itemsize,
    "nbytes": property(lambda self: self.array.nbytes, doc="How many bytes the entries take."),
    "is_signed": lambda self: self.array.dtype.kind in "fi",
    "cpu": lambda self, *, memory_format=None: self,
    "cuda": cuda,
}
"""Methods of tensors that are not functions too."""
