"""Functions of neural networks, as PyTorch's ``torch.nn.functional``."""

from __future__ import annotations

import warnings
from typing import Any

from gradviz.engine import dtypes, functions
from gradviz.engine.operations import activations, losses
from gradviz.engine.tensor import Tensor

relu, sigmoid, tanh = functions.relu, functions.sigmoid, functions.tanh


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


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiply by a weight (out, in) and add a bias (out): ``input @ weight.T + bias``, input of shape (..., in)."""
    if bias is None:
        return functions.matmul(input, weight.t())
    if input.ndim == 2:
        return functions.addmm(bias, input, weight.t())
    rows = functions.reshape(input, (-1, input.shape[-1]))
    return functions.view(functions.addmm(bias, rows, weight.t()), (*input.shape[:-1], weight.shape[0]))


def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Turn scores along `dim` into probabilities."""
    return losses.softmax(input if dtype is None else input.to(dtype), functions.normal_axis(dim, input.ndim))


def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return the logarithm of the softmax, computed without overflow."""
    return losses.log_softmax(input if dtype is None else input.to(dtype), functions.normal_axis(dim, input.ndim))


def _reduction(name: str) -> int:
    if name not in losses.REDUCTIONS:
        raise ValueError(f"{name} is not a valid value for reduction")
    return losses.REDUCTIONS[name]


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the mean squared difference.

    Parameters
    ----------
    input, target
        Tensors of one shape.
    reduction
        ``"mean"``, ``"sum"`` or ``"none"``.
    """
    if target.shape != input.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will "
            "likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
            UserWarning,
            stacklevel=2,
        )
        shape = functions.broadcast_shape(input, target)
        input, target = functions.expand(input, shape), functions.expand(target, shape)
    return losses.mse_loss(input, target, _reduction(reduction))


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the mean absolute difference."""
    distance = functions.abs(input - target)
    how = _reduction(reduction)
    return distance if how == 0 else distance.mean() if how == 1 else distance.sum()


def binary_cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the cross-entropy of probabilities between 0 and 1 and targets 0 or 1 of the same shape."""
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. "
            "Please ensure they have the same size."
        )
    if ((input.array < 0) | (input.array > 1)).any():
        raise RuntimeError("all elements of input should be between 0 and 1")
    return losses.binary_cross_entropy(input, target, _reduction(reduction))


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the cross-entropy of ``sigmoid(input)`` and targets between 0 and 1 of the same shape."""
    if target.shape != input.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    return losses.binary_cross_entropy_with_logits(input, target, _reduction(reduction))


def nll_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the mean negative log-probability of the right classes: input (N, C), target (N) of class numbers."""
    if target.array.dtype.kind not in "iu":
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {dtypes.scalar_type_name(target.dtype)}")
    return losses.nll_loss(input, target.array, _reduction(reduction))


def cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the cross-entropy of scores (N, C) and class numbers (N)."""
    return nll_loss(log_softmax(input, 1), target, reduction)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Turn class numbers into rows with a single 1."""
    import numpy as np

    from gradviz.engine.tensor import wrap

    count = int(tensor.array.max()) + 1 if num_classes < 0 else num_classes
    return wrap((tensor.array[..., None] == np.arange(count)).astype(np.int64))


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"gradviz has no nn.functional.{name}; there are: "
        + ", ".join(sorted(k for k in globals() if k.islower() and k[0] != "_"))
    )
