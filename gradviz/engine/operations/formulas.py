"""What rows, and their formulas of derivatives, are written with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine.operation import beside
from gradviz.engine.tensor import Tensor, wrap


def recorded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a formula use another row: its forward where arrays are given, and on tensors the row itself, recorded."""
    operation = function.operation  # type: ignore[attr-defined]
    count = len(operation.inputs)

    def either(*arguments: Any) -> Any:
        inputs, settings = arguments[:count], arguments[count:]
        if not any(isinstance(argument, Tensor) for argument in inputs):
            return operation.forward(*inputs, *settings)
        return function(*(x if isinstance(x, Tensor) else wrap(np.asarray(x)) for x in inputs), *settings)

    return either


def plain(value: Any) -> Any:
    """Return the array in a tensor, and an array as it is: for what a formula reads but does not differentiate."""
    return value.array if isinstance(value, Tensor) else value


def zeros_for(grad: Any, sizes: tuple[int, ...] = ()) -> np.ndarray:
    """Return zeros of some sizes in a gradient's dtype, for the entries that were left out."""
    return np.zeros(sizes, plain(grad).dtype)


def at_axis(dim: int, part: Any) -> tuple[Any, ...]:
    """Return an index that takes a part along one axis, and all of those before it."""
    return (*(slice(None),) * dim, part)


def on_both(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a formula use a row that NumPy has no function for: computed on arrays, recorded on tensors."""
    forward = function.operation.forward  # type: ignore[attr-defined]

    def of(x: Any, *others: Any) -> Any:
        return forward(x, *others) if isinstance(x, np.ndarray | np.generic) else function(x, *others)

    return of


def not_differentiable(
    name: str,
    symbol: str,
    forward: Any,
    inputs: str,
    settings: str = "",
    *,
    grad_fn: str = "NotImplemented",
    **words: Any,
) -> Any:
    """Make an operation that PyTorch records, and whose derivative it does not have: going back through it is an error.

    A few of these have a `grad_fn` of their own in PyTorch, and an error of their own.
    """

    def refuse(grad: Any) -> Any:
        if grad_fn == "NotImplemented":
            raise RuntimeError(f"derivative for aten::{name} is not implemented")
        raise NotImplementedError(f"the derivative for '{name}' is not implemented.")

    return beside(
        name,
        grad_fn,
        symbol,
        forward,
        inputs,
        dict.fromkeys(inputs.split(), refuse),
        settings=settings,
        expression=f"{name}({', '.join(inputs.split())})",
        local={},
        **words,
    )
