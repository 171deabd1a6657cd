"""Activations: what bends a network, each entry by itself; and the softmax, in which entries compete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import distributions, dtypes, functions, random
from gradviz.engine import inplace as in_place
from gradviz.engine.arguments import normal_axis
from gradviz.engine.functions import reductions, sigmoid, tanh
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor, wrap
from gradviz.nn.operations import activations

__all__ = [
    "celu", "elu", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
    "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6", "rrelu", "selu", "sigmoid", "silu", "softmax",
    "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
    "celu_", "elu_", "hardtanh_", "leaky_relu_", "relu_", "rrelu_", "selu_", "threshold_",
]  # fmt: skip


def _run(row: Callable[..., Tensor], input: Tensor, inplace: bool, *settings: Any, kernel: str = "") -> Tensor:
    """Apply a row, in place if wanted; `kernel` is PyTorch's name for what exists only for floating-point numbers."""
    if kernel and input.array.dtype.kind != "f":
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtypes.scalar_type_name(input.dtype)}'")
    return in_place.change(input, row, *settings) if inplace else row(input, *settings)


# --- rectifiers ---------------------------------------------------------------------------------------------------------


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``max(x, 0)``.

    Examples
    --------
    >>> import gradviz as torch
    >>> relu(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return in_place.change(input, functions.relu) if inplace else functions.relu(input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``min(max(x, 0), 6)``."""
    return hardtanh(input, 0.0, 6.0, inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Return x where it is positive, and a small part of it elsewhere."""
    return _run(activations.leaky_relu, input, inplace, negative_slope, kernel="leaky_relu_cpu")


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Return x where it is positive, and `weight` times x elsewhere: a leaky ReLU that learns.

    Parameters
    ----------
    input
        ``(N, C, *)``, or of any other shape with a single weight.
    weight
        One number, or one for each of the C channels.
    """
    if weight.dtype != input.dtype:
        given, own = (dtypes.scalar_type_name(x.dtype) for x in (input, weight))
        raise RuntimeError(f"prelu: Type promoting not supported. Got {given} and {own}")
    if weight.numel() != 1:
        if not input.ndim:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = input.shape[1] if input.ndim > 1 else 1
        if channels != weight.numel():
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.numel()} and channel size = {channels}."
            )
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if input.ndim != weight.ndim:
        weight = weight.reshape([-1 if axis == 1 else 1 for axis in range(input.ndim)])
    return activations.prelu(input, weight)


def rrelu(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """Return x where it is positive; elsewhere x times a slope, drawn by lot in training, otherwise the middle one."""
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    negative = input.array <= 0 if training else ~(input.array > 0)
    noise = np.ones_like(input.array)
    if training:
        draws = random.default_generator.uniform(lower, upper, (int(np.count_nonzero(negative)),), np.dtype(np.float64))
        noise[negative] = draws
    else:
        noise[negative] = (lower + upper) / 2
    return _run(activations.rrelu, input, inplace, noise, lower, upper, training, kernel="leaky_relu_cpu")


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return x where it is positive, and ``alpha · (exp(x) − 1)`` elsewhere."""
    return _run(activations.elu, input, inplace, alpha, 1.0, kernel="elu_cpu")


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return the ELU scaled so that means and variances settle at 0 and 1.

    References
    ----------
    Klambauer et al., "Self-Normalizing Neural Networks" (2017).
    """
    return _run(activations.elu, input, inplace, 1.6732632423543772, 1.0507009873554805, kernel="elu_cpu")


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return x where it is positive, and ``alpha · (exp(x / alpha) − 1)`` elsewhere: an ELU without a kink at 0."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _run(activations.celu, input, inplace, alpha, kernel="elu_cpu")


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """Return x where it is larger than `threshold`, and `value` elsewhere."""
    if input.array.dtype.kind == "b":
        raise NotImplementedError("\"threshold_cpu\" not implemented for 'Bool'")
    return _run(activations.threshold, input, inplace, threshold, value)


# --- smooth ones --------------------------------------------------------------------------------------------------------


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Return x times the share of a normal distribution that lies below x.

    Parameters
    ----------
    input
        A tensor of any shape.
    approximate
        ``"none"``, or ``"tanh"`` for a formula without the error function.

    References
    ----------
    Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016).
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return _run(activations.gelu, input, False, approximate, kernel="GeluKernelImpl")


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``x · sigmoid(x)``, also called swish."""
    return _run(activations.silu, input, inplace, kernel="silu_cpu")


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``x · tanh(softplus(x))``."""
    return _run(activations.mish, input, inplace, kernel="mish_cpu")


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return ``log(1 + exp(beta·x)) / beta``, and x itself where ``beta·x`` is beyond the threshold."""
    return _run(activations.softplus, input, False, beta, threshold, kernel="softplus_cpu")


def logsigmoid(input: Tensor) -> Tensor:
    """Return the logarithm of the sigmoid, computed without overflow."""
    return _run(activations.log_sigmoid, input, False, kernel="log_sigmoid_cpu")


def softsign(input: Tensor) -> Tensor:
    """Return ``x / (1 + |x|)``."""
    return input / (functions.abs(input) + 1)


def tanhshrink(input: Tensor) -> Tensor:
    """Return ``x − tanh(x)``."""
    return input - functions.tanh(input)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Return one half of the entries along `dim`, multiplied by the sigmoid of the other: a gate.

    References
    ----------
    Dauphin et al., "Language Modeling with Gated Convolutional Networks" (2016).
    """
    if not input.ndim:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    axis = normal_axis(dim, input.ndim)
    if input.shape[axis] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {axis} is size {input.shape[axis]}")
    return _run(activations.glu, input, False, axis, kernel="glu_cpu")


# --- made of straight lines ---------------------------------------------------------------------------------------------


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """Return x, cut off at two limits."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    kind = input.array.dtype.kind
    if kind == "b":
        raise RuntimeError("Bool inputs not supported for hardtanh")
    if kind != "f":
        min_val, max_val = int(min_val), int(max_val)
    if kind == "u" and min_val < 0:
        raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    return _run(activations.hardtanh, input, inplace, min_val, max_val)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Return a sigmoid of three straight lines: 0 below −3, 1 above 3, ``x/6 + 1/2`` between."""
    return _run(activations.hardsigmoid, input, inplace, kernel="hardsigmoid_cpu")


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x times the `hardsigmoid` of x."""
    return _run(activations.hardswish, input, inplace, kernel="hardswish_cpu")


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return x where it is farther from 0 than `lambd`, and 0 elsewhere."""
    return _run(activations.hardshrink, input, False, lambd, kernel="hardshrink_cpu")


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return x moved towards 0 by `lambd`, and 0 where it is closer than that."""
    if input.array.dtype.kind == "f" and not 0 <= lambd <= np.finfo(input.array.dtype).max:
        raise RuntimeError(
            f"lambda must be in range [0, {np.finfo(input.array.dtype).max:g}] for input dtype "
            f"{dtypes.scalar_type_name(input.dtype)}, but found {lambd:g}"
        )
    return _run(activations.softshrink, input, False, lambd, kernel="softshrink_check")


# --- probabilities ------------------------------------------------------------------------------------------------------


def softmax(input: Tensor, dim: int | None = None, _stacklevel: Any = 3, dtype: Any = None) -> Tensor:
    """Turn scores along `dim` into probabilities: ``exp(x)`` over the sum of all of them.

    Parameters
    ----------
    input
        Scores.
    dim
        The axis along which the probabilities add up to 1.
    dtype
        What to convert to first.

    Examples
    --------
    >>> import gradviz as torch
    >>> softmax(torch.tensor([0.0, 1.0, 2.0]), dim=0)
    tensor([0.0900, 0.2447, 0.6652])
    """
    return reductions.softmax(input, _chosen("softmax", input, dim), _third(_stacklevel, dtype))


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: Any = 3, dtype: Any = None) -> Tensor:
    """Return the logarithm of the softmax, computed without overflow."""
    return reductions.log_softmax(input, _chosen("log_softmax", input, dim), _third(_stacklevel, dtype))


def softmin(input: Tensor, dim: int | None = None, _stacklevel: Any = 3, dtype: Any = None) -> Tensor:
    """Return the softmax of −x."""
    return reductions.softmax(-input, _chosen("softmin", input, dim), _third(_stacklevel, dtype))


def _third(stacklevel: Any, dtype: Any) -> Any:
    """Return the dtype: ``torch.softmax``, which is the same function, takes it third."""
    return stacklevel if isinstance(stacklevel, dtypes.dtype) else dtype


def _chosen(name: str, input: Tensor, dim: int | None) -> int:
    if dim is not None:
        return dim
    warn(f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.")
    return 0 if input.ndim in (0, 1, 3) else 1


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """Draw from the classes that `logits` are the scores of, softly, so that gradients flow.

    Parameters
    ----------
    logits
        ``(*, classes)``: logarithms of probabilities, up to a constant.
    tau
        The temperature: the lower, the closer to a choice of one.
    hard
        Whether to return the choice of one, with the gradient of the soft one.
    eps
        Has no effect, as in PyTorch.
    dim
        The axis of the classes.

    References
    ----------
    Jang, Gu and Poole, "Categorical Reparameterization with Gumbel-Softmax" (2016).
    """
    waiting = distributions.exponential(random.default_generator, tuple(logits.shape), logits.array.dtype)
    gumbels = -np.log(np.maximum(waiting, np.finfo(waiting.dtype).tiny))
    soft = softmax((logits + wrap(gumbels)) / tau, dim)
    if not hard:
        return soft
    axis = normal_axis(dim, logits.ndim)
    best = np.argmax(soft.array, axis=axis, keepdims=True)
    choice = np.zeros_like(soft.array)
    np.put_along_axis(choice, best, 1, axis)
    return wrap(choice) - soft.detach() + soft


def _in_place(name: str, activate: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def function(input: Tensor, *settings: Any, **by_name: Any) -> Tensor:
        return activate(input, *settings, **by_name, inplace=True)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Do as `{activate.__name__}` does, to the tensor itself."
    return function


celu_, elu_, hardtanh_, leaky_relu_, relu_, rrelu_, selu_, threshold_ = (
    _in_place(f"{activate.__name__}_", activate)
    for activate in (celu, elu, hardtanh, leaky_relu, relu, rrelu, selu, threshold)
)
