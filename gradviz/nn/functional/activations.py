"""Activations."""

from __future__ import annotations

from typing import Any

from gradviz.engine import functions
from gradviz.engine.functions import relu, sigmoid, tanh
from gradviz.engine.operation import normal_axis
from gradviz.engine.operations import activations, losses
from gradviz.engine.tensor import Tensor

__all__ = [
    "elu", "hardtanh", "leaky_relu", "log_softmax", "logsigmoid", "mish", "relu", "relu6", "selu", "sigmoid",
    "silu", "softmax", "softmin", "softplus", "softsign", "tanh", "tanhshrink",
]  # fmt: skip


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Return x where it is positive, and a small part of it elsewhere."""
    return activations.leaky_relu(input, negative_slope)


def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Return x where it is positive, and ``alpha · (exp(x) − 1)`` elsewhere."""
    return activations.elu(input, alpha, 1.0)


def selu(input: Tensor) -> Tensor:
    """Return the ELU scaled so that means and variances settle at 0 and 1: Klambauer et al. (2017)."""
    return activations.elu(input, 1.6732632423543772, 1.0507009873554805)


def silu(input: Tensor) -> Tensor:
    """Return ``x · sigmoid(x)``."""
    return activations.silu(input)


def mish(input: Tensor) -> Tensor:
    """Return ``x · tanh(softplus(x))``."""
    return activations.mish(input)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return ``log(1 + exp(beta·x)) / beta``, and x itself beyond the threshold."""
    return activations.softplus(input, beta, threshold)


def logsigmoid(input: Tensor) -> Tensor:
    """Return the logarithm of the sigmoid, computed without overflow."""
    return activations.log_sigmoid(input)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """Return x, cut off at two limits."""
    return activations.hardtanh(input, min_val, max_val)


def relu6(input: Tensor) -> Tensor:
    """Return ``min(max(x, 0), 6)``."""
    return activations.hardtanh(input, 0.0, 6.0)


def softsign(input: Tensor) -> Tensor:
    """Return ``x / (1 + |x|)``."""
    return input / (functions.abs(input) + 1)


def tanhshrink(input: Tensor) -> Tensor:
    """Return ``x − tanh(x)``."""
    return input - functions.tanh(input)


def softmin(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return the softmax of −x."""
    return softmax(-input, dim, dtype)


def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Turn scores along `dim` into probabilities."""
    return losses.softmax(input if dtype is None else input.to(dtype), normal_axis(dim, input.ndim))


def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return the logarithm of the softmax, computed without overflow."""
    return losses.log_softmax(input if dtype is None else input.to(dtype), normal_axis(dim, input.ndim))
