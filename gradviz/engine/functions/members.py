"""What PyTorch's tensors have beside arithmetic: questions whose answer is always the same here, and old names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import creation, devices, dtypes, formats, inplace
from gradviz.engine.arguments import normal_axis
from gradviz.engine.creation import data as constructors
from gradviz.engine.creation.options import shape_of
from gradviz.engine.functions import reductions, scans
from gradviz.engine.operations import elementwise
from gradviz.engine.tensor import Tensor

__all__ = ["is_conj", "is_distributed", "is_inference", "is_neg", "is_signed", "nextafter"]

IN_PLACE = ["float_power", "nextafter"]

NOWHERE = (
    "is_cuda", "is_ipu", "is_maia", "is_meta", "is_mkldnn", "is_mps", "is_mtia", "is_nested", "is_quantized", "is_sparse",
    "is_sparse_csr", "is_vulkan", "is_xla", "is_xpu", "volatile",
)  # fmt: skip
"""What a tensor could be, and none here is."""


def is_conj(input: Tensor) -> bool:
    """Return False: there are no complex numbers here."""
    return False


def is_neg(input: Tensor) -> bool:
    """Return False: signs are turned around at once."""
    return False


def is_distributed(input: Tensor) -> bool:
    """Return False: every tensor is in this process."""
    return False


def is_inference(input: Tensor) -> bool:
    """Return True for a tensor made inside of ``inference_mode()``."""
    return input.is_inference()


def is_signed(input: Tensor) -> bool:
    """Return True if the dtype has negative numbers."""
    return input.array.dtype.kind in "fi"


def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """Return the next number of the dtype after `input` on the way to `other`. Its derivative is 0."""
    return elementwise.nextafter(input, other)


def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replace every entry by what a function of Python makes of it: slow, and for values without a gradient."""
    if self._requires_grad:
        raise RuntimeError("Can't call apply_() on Variable that requires grad. Use var.detach().apply_() instead.")
    return _rewrite(self, [callable(entry) for entry in self.array.ravel().tolist()])


def map_(self: Tensor, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replace every entry by what a function of Python makes of it and of the other tensor's entry."""
    if self._requires_grad or tensor._requires_grad:
        raise TypeError("Can't call map_() on Variable that requires grad. Use var.detach().map_() instead.")
    others = np.broadcast_to(tensor.array, self.shape).ravel().tolist()
    return _rewrite(self, [callable(x, y) for x, y in zip(self.array.ravel().tolist(), others, strict=True)])


def _rewrite(self: Tensor, entries: list[Any]) -> Tensor:
    inplace.write(self, np.array(entries, self.array.dtype).reshape(self.shape), counted=False)  # as in PyTorch
    return self


def fill_diagonal_(self: Tensor, fill_value: float, wrap: bool = False) -> Tensor:
    """Make every entry of the diagonal the same number.

    Parameters
    ----------
    fill_value
        The number.
    wrap
        In a tall matrix, begin anew after as many rows as there are columns, and one more.
    """
    if self.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.ndim > 2 and len(set(self.shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    inplace.refuse(self)
    step = sum(math.prod(self.shape[axis + 1 :]) for axis in range(self.ndim))
    end = None if wrap or self.ndim > 2 else self.shape[1] ** 2
    mask = np.zeros(self.numel(), bool)
    mask[:end:step] = True
    return self.masked_fill_(creation.from_numpy(mask.reshape(self.shape)), fill_value)


def new(self: Tensor, *data: Any) -> Tensor:
    """Make a tensor of this one's dtype, from numbers or of some sizes, as in old code; today: `new_tensor`."""
    return constructors.legacy(data, self.dtype)


def resize_(self: Tensor, *size: Any, memory_format: Any = None) -> Tensor:
    """Give the tensor itself another size: entries that stay keep their values."""
    return inplace.resize(self, shape_of(size, "resize_"))


def resize_as_(self: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """Give the tensor itself the size of another."""
    return inplace.resize(self, tuple(the_template.shape))


def sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """Add up along axes until the shape is `size`: what undoes a broadcast.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.ones(2, 3).sum_to_size(1, 3)
    tensor([[2., 2., 2.]])
    """
    wanted = shape_of(size, "sum_to_size")
    more = self.ndim - len(wanted)
    if more < 0 or any(n not in (1, m) for n, m in zip(wanted, self.shape[max(more, 0) :], strict=False)):
        raise RuntimeError(f"size {{{list(wanted)}}} is not expandable to size {{{list(self.shape)}}}.")
    axes = [*range(more), *(more + axis for axis, n in enumerate(wanted) if n == 1 != self.shape[more + axis])]
    return reductions.sum(self, axes, keepdim=True).reshape(wanted) if axes else self


def set_(self: Tensor, source: Tensor | None = None) -> Tensor:
    """Make this tensor look at another one's memory."""
    source = creation.zeros(0, dtype=self.dtype) if source is None else source
    if source.dtype != self.dtype:
        names = [dtypes.scalar_type_name(each.dtype).lower() for each in (source, self)]
        raise RuntimeError("Could not set tensor of type {} to a tensor of type {}".format(*names))
    return inplace.reshape(self, lambda before: source.detach())


def _no_pin(self: Tensor, device: Any = None) -> Tensor:
    raise RuntimeError(devices.NO_ACCELERATOR)


def _in_place(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda self, *args, **how: inplace.change(self, lambda old, *rest: function(old, *rest, **how), *args)


def _running(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    in_place = _in_place(function)

    def method(self: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
        if self.array.dtype.kind != "b":
            return in_place(self, dim, dtype=dtype)
        normal_axis(dim, self.ndim)
        if self.array.size and self.ndim:
            raise NotImplementedError(f"\"{function.__name__}_out_cpu\" not implemented for 'Bool'")
        return self

    return method


def _sparse_only(name: str, kind: str) -> Callable[[Tensor], Any]:
    def method(self: Tensor) -> Any:
        raise RuntimeError(f"{name} expected sparse {kind}tensor layout but got Strided")

    return method


METHODS = {
    "apply_": apply_,
    "bernoulli": creation.bernoulli,
    "conj_physical_": lambda self: self,
    "cumprod_": _running(scans.cumprod),
    "cumsum_": _running(scans.cumsum),
    "dim_order": lambda self: tuple(np.argsort([-step for step in self.stride()], kind="stable").tolist()),
    "fill_diagonal_": fill_diagonal_,
    "get_device": lambda self: -1,
    "is_coalesced": _sparse_only("is_coalesced", "coordinate "),
    "indices": _sparse_only("indices", "coordinate "),
    "values": _sparse_only("values", ""),
    "is_pinned": lambda self, device=None: False,
    "is_set_to": lambda self, tensor: self.data_ptr() == tensor.data_ptr() and self.shape == tensor.shape,
    "is_shared": lambda self: False,
    "map_": map_,
    "multinomial": creation.multinomial,
    "ndimension": lambda self: self.ndim,
    "new": new,
    "pin_memory": _no_pin,
    "resize_": resize_,
    "resize_as_": resize_as_,
    "set_": set_,
    "share_memory_": lambda self: self,
    "sum_to_size": sum_to_size,
    "to_dense": lambda self, dtype=None, masked_grad=None: self if dtype is None else self.to(dtype),
    "is_cpu": property(lambda self: True, doc="True: there is no other device."),
    "layout": property(lambda self: formats.strided, doc="How it is kept: ``torch.strided``."),
    "name": property(lambda self: None, doc="``None``: a picture finds a tensor's name in the program."),
    "grad_dtype": property(lambda self: self.dtype, doc="The dtype of its gradient: its own."),
    **{name: property(lambda self: False, doc="False: no tensor here is.") for name in NOWHERE},
}
"""Methods and attributes of tensors that are not functions too."""
