"""What the distributions share: parameters of one shape, and probabilities as logits and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz.engine import creation, dtypes, functions
from gradviz.engine.modes import enable_grad
from gradviz.engine.tensor import Tensor
from gradviz.nn import functional as F  # noqa: N812 (everybody's name for it)

__all__ = ["broadcast_all", "clamp_probs", "lazy_property", "logits_to_probs", "probs_to_logits"]


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Return tensors of one shape: numbers become tensors, and all are stretched to fit each other.

    Parameters
    ----------
    *values
        Tensors and Python numbers. A number takes the dtype of the first tensor.

    Raises
    ------
    ValueError
        If one is neither.
    """
    if not all(isinstance(value, Tensor | int | float) for value in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__."
        )
    dtype = next((value.dtype for value in values if isinstance(value, Tensor)), dtypes.get_default_dtype())
    tensors = [value if isinstance(value, Tensor) else creation.tensor(value, dtype=dtype) for value in values]
    return tuple(functions.broadcast_tensors(*tensors))


def standard_normal(shape: Any, dtype: dtypes.dtype) -> Tensor:
    """Draw numbers with mean 0 and deviation 1."""
    return creation.empty(tuple(shape), dtype=dtype).normal_()


def sum_rightmost(value: Any, dim: int) -> Any:
    """Add up over so many of the last axes."""
    return value if dim == 0 else value.reshape((*value.shape[:-dim], -1)).sum(-1)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Return probabilities for scores: of yes and no each by itself, or of classes along the last axis."""
    return functions.sigmoid(logits) if is_binary else F.softmax(logits, dim=-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Keep probabilities away from 0 and 1 by the smallest step of their dtype."""
    eps = functions.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Return scores for probabilities: log-odds where `is_binary`, else logarithms."""
    clamped = clamp_probs(probs)
    return clamped.log() - (-clamped).log1p() if is_binary else clamped.log()


class lazy_property:  # noqa: N801 (PyTorch's name)
    """A property that is computed when it is first read, and kept; always with gradients."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped, self.__doc__ = wrapped, wrapped.__doc__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        vars(instance)[self.wrapped.__name__] = value
        return value
