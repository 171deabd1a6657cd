"""Parameters and buffers: the tensors a module learns, and those it only keeps; and those whose size is not known yet."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import creation, dtypes, printing
from gradviz.engine.cut import cut
from gradviz.engine.memory import counter_of
from gradviz.engine.size import Size
from gradviz.engine.tensor import Tensor, wrap

NO_SHAPE = (
    "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in `load_state_dict` when "
    "trying to load an uninitialized parameter into an initialized one. Call `forward` to initialize the parameters before "
    "accessing their attributes."
)
NO_NUMBERS = (
    "Attempted to use an uninitialized parameter in an operation. This error happens when you are using a `LazyModule` or "
    "explicitly manipulating `torch.nn.parameter.{}` objects. When using LazyModules Call `forward` with a dummy batch to "
    "initialize the parameters before calling torch functions"
)


class Parameter(Tensor):
    """A tensor that a module counts among its parameters; it requires a gradient unless told otherwise.

    Parameters
    ----------
    data
        A tensor; its memory is shared.
    requires_grad
        Whether gradients are computed for it.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.nn.Parameter(torch.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    def __new__(cls, *args: Any, **settings: Any) -> Parameter:
        """Leave the making to ``__init__``."""
        return object.__new__(cls)

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        source = creation.zeros(0) if data is None else data if isinstance(data, Tensor) else creation.tensor(data)
        self.array, self._counter = source._writable(), counter_of(source)  # one memory, one count of its changes
        self._grad_fn = None
        self._requires_grad = False
        self.requires_grad = requires_grad
        if source._requires_grad or source._cut is not None:
            cut(self, "parameter", source, "nn.Parameter")

    def __repr__(self) -> str:
        return printing.parameter_text(self.array, requires_grad=self._requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        """Copy the numbers, and leave the gradient behind, as PyTorch does."""
        copy = type(self)(creation.from_numpy(np.array(self.array)), self._requires_grad)
        memo[id(self)] = copy
        return copy


class Buffer(Tensor):
    """A tensor that becomes one of a module's buffers where it is assigned to an attribute.

    Parameters
    ----------
    data
        A tensor; its memory is shared.
    persistent
        Whether it belongs to the module's ``state_dict``.

    Examples
    --------
    >>> import gradviz as torch
    >>> module = torch.nn.Module()
    >>> module.step = torch.nn.Buffer(torch.zeros(1))
    >>> list(module.state_dict())
    ['step']
    """

    def __new__(cls, *args: Any, **settings: Any) -> Buffer:
        """Leave the making to ``__init__``."""
        return object.__new__(cls)

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        source = creation.zeros(0) if data is None else data if isinstance(data, Tensor) else creation.tensor(data)
        self.array = source._writable()
        self._grad_fn = None
        self._requires_grad = source._requires_grad
        self.persistent = persistent


class UninitializedTensorMixin(Tensor):
    """A tensor that has a dtype and no numbers yet. `materialize` gives it a size, and it becomes an ordinary one.

    It stays the same object: an optimizer that was given it before trains it afterwards.
    """

    cls_to_become: type[Tensor]

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        self._grad_fn, self._requires_grad = None, requires_grad
        self._kind = creation.empty(0, dtype=dtype, device=device).array.dtype

    @property
    def array(self) -> Any:
        """There are no numbers, so whatever asks for them has come too early."""
        raise ValueError(NO_NUMBERS.format(type(self).__name__))

    @array.setter
    def array(self, value: Any) -> None:
        raise ValueError(NO_NUMBERS.format(type(self).__name__))

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary parameter or tensor, whose numbers are still to be set.

        Parameters
        ----------
        shape
            Its size.
        device
            ``"cpu"``; there is no other.
        dtype
            The kind of number, if it is not to be the one it was made with.
        """
        kind = vars(self).pop("_kind")
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        self.array = creation.empty(tuple(shape), dtype=kind if dtype is None else dtype, device=device)._writable()

    @property
    def data(self) -> Tensor:
        """An empty tensor of the same dtype: what converts a module converts this."""
        return wrap(np.empty(0, self._kind))

    @data.setter
    def data(self, value: Tensor) -> None:
        self._kind = value.array.dtype

    @property
    def dtype(self) -> dtypes.dtype:
        """The kind of number it will hold."""
        return dtypes.from_numpy(self._kind)

    def is_floating_point(self) -> bool:
        """Return True if it will hold floating-point numbers."""
        return self._kind.kind == "f"

    def to(self, dtype: Any) -> Any:
        """Return one of another dtype."""
        return type(self)(self._requires_grad, dtype=dtype)

    @property
    def shape(self) -> Size:
        """Nothing yet."""
        raise RuntimeError(NO_SHAPE)

    def size(self, dim: int | None = None) -> Any:
        """Return the size of `data`: it is empty."""
        return self.data.size(dim)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Refuse, as PyTorch does: freeze the layer after its first input."""
        return self.array

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self._requires_grad, None, self.dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        copy = type(self)(self._requires_grad, dtype=self._kind)
        memo[id(self)] = copy
        return copy


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose size is not known yet.

    Parameters
    ----------
    requires_grad
        Whether gradients will be computed for it.
    device
        ``"cpu"``; there is no other.
    dtype
        The kind of number it will hold.

    Examples
    --------
    >>> import gradviz as torch
    >>> w = torch.nn.UninitializedParameter()
    >>> w
    <UninitializedParameter>
    >>> w.materialize((2, 3))
    >>> w.shape
    torch.Size([2, 3])
    """

    cls_to_become = Parameter


class UninitializedBuffer(UninitializedTensorMixin, Buffer):
    """A buffer whose size is not known yet.

    Parameters
    ----------
    requires_grad
        Whether gradients will be computed for it.
    device
        ``"cpu"``; there is no other.
    dtype
        The kind of number it will hold.
    persistent
        Whether it belongs to the module's ``state_dict``.
    """

    cls_to_become = Tensor

    def __init__(
        self, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> None:
        super().__init__(requires_grad, device, dtype)
        self.persistent = persistent


def is_lazy(param: Any) -> bool:
    """Return True for a parameter or buffer whose size is not known yet."""
    return isinstance(param, UninitializedTensorMixin)
