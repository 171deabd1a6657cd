"""Parameters: the tensors a module learns."""

from __future__ import annotations

from typing import Any

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
    """

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        source = creation.zeros(0) if data is None else data if isinstance(data, Tensor) else creation.tensor(data)
        self.array = source.storage()
        self._grad_fn = None
        self._requires_grad = False
        self.requires_grad = requires_grad

    def __repr__(self) -> str:
        return printing.parameter_text(self.array, requires_grad=self._requires_grad)
