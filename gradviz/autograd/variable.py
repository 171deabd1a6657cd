"""PyTorch's ``Variable``, from the years when a tensor that wants a gradient was a thing of its own."""

from __future__ import annotations

import warnings
from typing import Any

from gradviz.engine import mixed
from gradviz.engine.creation import tensor
from gradviz.engine.tensor import Tensor

__all__ = ["Variable"]


class _Tensors(type):
    def __instancecheck__(cls, other: Any) -> bool:
        return isinstance(other, Tensor)


class Variable(metaclass=_Tensors):
    """Make a leaf that shares a tensor's numbers; today one writes ``tensor.requires_grad_()``.

    Parameters
    ----------
    data
        A tensor. Every tensor is a ``Variable``.
    requires_grad
        Whether the leaf wants a gradient.
    volatile
        Without effect, and warned about.

    Examples
    --------
    >>> import gradviz as torch
    >>> from gradviz.autograd import Variable
    >>> Variable(torch.ones(2), requires_grad=True)
    tensor([1., 1.], requires_grad=True)
    """

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: bool = False) -> Tensor:  # type: ignore[misc]
        """Return a tensor: there are no objects of this class."""
        if data is None:
            data = tensor([])
        if not isinstance(data, Tensor):
            words = f"Variable data has to be a tensor, but got {type(data).__name__}"
            raise TypeError(mixed.explained(words, data))
        if volatile:
            warnings.warn(
                "volatile was removed and now has no effect. Use `with torch.no_grad():` instead.", stacklevel=2
            )
        return data.detach().requires_grad_(requires_grad)
