"""Starting values for parameters, as PyTorch's ``torch.nn.init``, with its digits.

A layer should neither blow up nor wipe out what goes through it. So the spread of a weight depends on how many inputs each
output sees (`fan_in`) and how many outputs each input reaches (`fan_out`).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz import absent
from gradviz.engine import distributions, inplace, layout, random
from gradviz.engine.modes import no_grad
from gradviz.engine.scope import warn
from gradviz.engine.tensor import Tensor

__all__ = [
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    return absent.attribute("nn.init", name, __all__)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with random numbers, uniform between `a` and `b`."""
    draw, array = _source(generator), tensor.array
    return _fill(tensor, layout.drawn(array, lambda shape: draw.uniform(a, b, shape, array.dtype)))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with random numbers from a normal distribution."""
    return _fill(tensor, distributions.normal(_source(generator), tensor.array, mean, std))


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Any = None
) -> Tensor:
    """Fill with random numbers from a normal distribution, cut off at `a` and `b`."""
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be incorrect.",
            stacklevel=2,
        )
    draw, array, kind = _source(generator), tensor.array, tensor.array.dtype
    inside = _normal_below((b - mean) / std) - _normal_below((a - mean) / std)
    if inside > 0.3:
        # Draw normal numbers, and those beyond the limits again.
        low, high = kind.type(a), kind.type(b)
        numbers = distributions.normal(draw, array, mean, std)
        again = layout.empty_like(array)
        while (wrong := (numbers < low) | (numbers > high)).any():
            numbers = np.where(wrong, distributions.normal(draw, again, mean, std), numbers)
    else:
        # Nearly all would lie beyond. Draw uniform numbers between the limits, and keep each with a chance that is as
        # high as the bell curve there.
        peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
        numbers, wrong = layout.empty_like(array), np.ones(array.shape, bool)
        while wrong.any():
            drawn = layout.drawn(array, lambda shape: draw.uniform(a, b, shape, kind))
            numbers = np.where(wrong, drawn, numbers)
            height = ((drawn - kind.type(mean)) / kind.type(std)) ** 2 * kind.type(-0.5) - kind.type(peak)
            with np.errstate(divide="ignore"):
                wrong &= np.log(layout.drawn(array, lambda shape: draw.random(shape, kind))) > height
    return _fill(tensor, numbers)


def _normal_below(x: float) -> float:
    """Return the probability that a normally distributed number is below x."""
    return (1 + math.erf(x / math.sqrt(2))) / 2


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one number."""
    return _fill(tensor, val, "fill_number")


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return _fill(tensor, 0.0, "fill_number")


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return _fill(tensor, 1.0, "fill_number")


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with ones on its diagonal and zeros elsewhere, so that a layer starts by passing its input on."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return _fill(tensor, np.eye(*tensor.shape, dtype=tensor.array.dtype))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill a convolution's weight so that it starts by passing on as many channels as possible.

    Parameters
    ----------
    tensor
        Of shape (out, in / groups, ...), with one to three axes for the window.
    groups
        How many groups the convolution works in.
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    numbers = np.zeros(tensor.shape, tensor.array.dtype)
    per_group = tensor.shape[0] // groups
    channel = np.arange(min(per_group, tensor.shape[1]))
    middle = tuple(length // 2 for length in tensor.shape[2:])
    for group in range(groups):
        where: Any = (group * per_group + channel, channel, *middle)
        numbers[where] = 1
    return _fill(tensor, numbers)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return by how much weights have to be larger, to make up for what an activation takes away.

    Parameters
    ----------
    nonlinearity
        ``"relu"``, ``"leaky_relu"``, ``"tanh"``, ``"selu"``, ``"sigmoid"``, ``"linear"``, or a convolution.
    param
        For ``"leaky_relu"``, its slope (0.01 unless told otherwise).

    Examples
    --------
    >>> calculate_gain("relu")
    1.4142135623730951
    """
    if nonlinearity == "leaky_relu":
        if param is not None and (isinstance(param, bool) or not isinstance(param, int | float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    convolutions = [f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3)]
    gains: dict[str, float] = dict.fromkeys(["linear", "sigmoid", *convolutions], 1)
    gains |= {"tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4}
    if nonlinearity not in gains:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    return gains[nonlinearity]


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with uniform numbers whose spread keeps the size of values and gradients: Glorot and Bengio (2010)."""
    bound = math.sqrt(3.0) * gain * math.sqrt(2.0 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with normal numbers whose spread keeps the size of values and gradients: Glorot and Bengio (2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(_fans(tensor))), generator)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    """Fill with uniform numbers whose spread keeps the size of activations through a layer of (leaky) ReLUs.

    Parameters
    ----------
    tensor
        A weight of shape (out, in, ...).
    a
        The slope of the ReLUs for negative inputs.
    mode
        ``"fan_in"`` to keep the size of the values, ``"fan_out"`` that of the gradients.
    nonlinearity
        The activation, as for `calculate_gain`.

    References
    ----------
    He et al., "Delving deep into rectifiers" (2015).
    """
    if tensor.numel() == 0:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=2)
        return tensor
    bound = math.sqrt(3.0) * _kaiming_spread(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    """Fill with normal numbers whose spread keeps the size of activations; see `kaiming_uniform_`."""
    if tensor.numel() == 0:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=2)
        return tensor
    return normal_(tensor, 0.0, _kaiming_spread(tensor, a, mode, nonlinearity), generator)


def _kaiming_spread(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    modes = ["fan_in", "fan_out"]
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode.lower()} not supported, please use one of {modes}")
    fan = _fans(tensor)[modes.index(mode.lower())]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Fill a matrix so that its rows (or columns, if there are fewer) are orthogonal and of length `gain`.

    Axes behind the first count as one. The digits are those of LAPACK's QR decomposition, which differ between machines
    in the last place.

    References
    ----------
    Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks" (2013).
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    rows, columns = tensor.shape[0], tensor.numel() // tensor.shape[0]
    drawn = _source(generator).normal((rows, columns), tensor.array.dtype)
    q, r = np.linalg.qr(drawn.T if rows < columns else drawn)
    q *= np.sign(np.diag(r))  # QR may turn vectors around; to be uniform among all orthogonal matrices they must not be
    tensor.detach().view(rows, columns)  # PyTorch writes through this view, and refuses a tensor that has none
    return _fill(tensor, ((q.T if rows < columns else q) * gain).reshape(tensor.shape))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Fill a matrix with normal numbers, and set a share of each column to zero.

    References
    ----------
    Martens, "Deep learning via Hessian-free optimization" (2010).
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    normal_(tensor, 0, std, generator)
    numbers = np.array(tensor.array)
    for column in range(columns):
        numbers[random.default_generator.permutation(rows)[:zeros], column] = 0
    return _fill(tensor, numbers)


def _fans(tensor: Tensor) -> tuple[int, int]:
    """Return how many inputs each output of a weight (out, in, ...) sees, and how many outputs each input reaches."""
    if tensor.ndim < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    window = math.prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


def fan_in(tensor: Tensor) -> int:
    """Return how many inputs each output of a weight (out, in, ...) sees."""
    return _fans(tensor)[0]


def _source(generator: Any) -> random.Generator:
    return random.default_generator if generator is None else generator


def _fill(tensor: Tensor, numbers: object, operation: str = "copy") -> Tensor:
    with no_grad():
        inplace.write(tensor, numbers, operation=operation)
    return tensor


def _old(fill: Callable[..., Tensor]) -> Callable[..., Tensor]:
    name = fill.__name__.removesuffix("_")

    def function(*args: Any, **settings: Any) -> Tensor:
        warn(f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`.", FutureWarning)
        return fill(*args, **settings)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Do as `{name}_` does, whose name it was once."
    return function


constant, dirac, eye, kaiming_normal, kaiming_uniform, normal, orthogonal, sparse, uniform, xavier_normal, xavier_uniform = (
    _old(fill)
    for fill in (
        constant_, dirac_, eye_, kaiming_normal_, kaiming_uniform_, normal_, orthogonal_, sparse_, uniform_, xavier_normal_,
        xavier_uniform_,
    )
)  # fmt: skip
