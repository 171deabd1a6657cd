"""Starting values for parameters, as PyTorch's ``torch.nn.init``, with its digits."""

from __future__ import annotations

import math

from gradviz.engine import inplace, random
from gradviz.engine.modes import no_grad
from gradviz.engine.tensor import Tensor


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Fill with random numbers, uniform between `a` and `b`."""
    return _fill(tensor, random.default_generator.uniform(a, b, tuple(tensor.shape), tensor.array.dtype))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Fill with random numbers from a normal distribution."""
    return _fill(tensor, random.default_generator.normal(tuple(tensor.shape), tensor.array.dtype, mean, std))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one number."""
    return _fill(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return _fill(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return _fill(tensor, 1.0)


def kaiming_uniform_(tensor: Tensor, a: float = 0.0) -> Tensor:
    """Fill with uniform numbers whose spread keeps the size of activations through a layer of (leaky) ReLUs.

    He et al., "Delving deep into rectifiers" (2015). `a` is the slope for negative inputs.
    """
    bound = math.sqrt(2.0 / (1 + a**2)) * math.sqrt(3.0 / fan_in(tensor))
    return uniform_(tensor, -bound, bound)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Fill with uniform numbers whose spread keeps the size of values and gradients: Glorot and Bengio (2010)."""
    receptive = math.prod(tensor.shape[2:])
    bound = gain * math.sqrt(6.0 / ((tensor.shape[0] + tensor.shape[1]) * receptive))
    return uniform_(tensor, -bound, bound)


def fan_in(tensor: Tensor) -> int:
    """Return how many inputs each output of a weight (out, in, ...) sees."""
    if tensor.ndim < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    return math.prod(tensor.shape[1:])


def _fill(tensor: Tensor, numbers: object) -> Tensor:
    with no_grad():
        inplace.write(tensor, numbers)
    return tensor
