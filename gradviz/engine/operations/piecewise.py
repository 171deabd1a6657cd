"""Derivatives of what is made of straight pieces: where x chooses the slope.

To choose is not to multiply, so `only` selects. And x chooses the slope, but does not change it: the derivative is linear in
the gradient and flat in x. Going back through it a second time brings x a gradient of 0, which is not the same as none; so
it is a row of the table itself (`straight`), recorded where it runs on tensors, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from gradviz.engine.core.operation import parameters
from gradviz.engine.operation import FAMILY, general
from gradviz.engine.tensor import Tensor

_WHOLE = {2: np.dtype(np.int16), 4: np.dtype(np.int32), 8: np.dtype(np.int64)}
"""Whole numbers of as many bytes as a floating-point number has."""


def only(mask: Any, grad: Any) -> Any:
    """Return a gradient where a mask holds, and 0 elsewhere: of arrays and, recorded, of tensors.

    A mask selects; it cannot multiply, since 0 × ∞ is nan. But the bits of a number can be multiplied, read as a whole
    number: by 1 they stay what they are, by 0 they are those of 0. On large arrays this is ten times as fast as `np.where`,
    which has to guess what comes next.
    """
    if isinstance(grad, Tensor):
        return np.where(mask, grad, 0)
    return (grad.view(_WHOLE[grad.dtype.itemsize]) * mask).view(grad.dtype)


def straight(
    name: str,
    grad_fn: str,
    derivative: Callable[..., Any],
    back: Callable[..., Any] | None = None,
    *,
    local: str = "1 if passed else 0",
) -> Callable[..., Any]:
    """Add the row of a derivative, and return it as a formula that runs on arrays and, recorded, on tensors.

    Parameters
    ----------
    name, grad_fn
        PyTorch's: ``"threshold_backward"``, ``"ThresholdBackwardBackward0"``.
    derivative
        Takes the gradient, then what chooses the slope (called ``self``), then settings.
    back
        How a gradient comes back to the gradient, with the same parameters. By default it takes the same way: each entry
        by itself.
    local
        What the gradient is multiplied with, in words.
    """

    @wraps(derivative)
    def formula(grad_output: Any, self: Any, *settings: Any) -> Any:
        if isinstance(grad_output, Tensor) or isinstance(self, Tensor):
            return recorded(grad_output, self, *settings)
        return derivative(grad_output, self, *settings)

    recorded = general(
        name,
        grad_fn,
        "slope",
        derivative,
        "grad_output self",
        {"grad_output": back or formula, "self": lambda grad, self: np.zeros_like(self)},
        settings=" ".join(parameters(derivative)[2:]),
        expression=f"{name}(grad_output, self)",
        local={"grad_output": local, "self": "0"},
    )
    FAMILY[grad_fn] = derivative.__module__
    return formula
