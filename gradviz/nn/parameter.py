"""Parameters and buffers: the tensors a module learns, and those it only keeps."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import creation, printing
from gradviz.engine.tensor import Tensor


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
        self.array = source.storage()
        self._grad_fn = None
        self._requires_grad = False
        self.requires_grad = requires_grad

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
        self.array = source.storage()
        self._grad_fn = None
        self._requires_grad = source._requires_grad
        self.persistent = persistent
