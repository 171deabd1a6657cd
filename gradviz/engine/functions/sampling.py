"""Methods that fill a tensor with random numbers, and draws that gradients flow through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine import distributions, dtypes, inplace, layout, random
from gradviz.engine.creation.random import source
from gradviz.engine.functions import repeating
from gradviz.engine.operations import sampling
from gradviz.engine.tensor import Tensor

__all__: list[str] = []


def _fill(self: Tensor, row: Any, draw: Callable[[random.Shape], Any]) -> Tensor:
    """Fill a tensor with numbers, which are drawn in the order in which its entries lie in memory."""
    numbers = layout.drawn(self.array, draw)
    return inplace.change(self, lambda old: row(old, numbers))


def uniform_(self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Any = None, **bounds: Any) -> Tensor:
    """Fill with random numbers, uniform between two bounds; ``from=`` and ``to=`` name them."""
    low = bounds.pop("from", from_)
    if bounds:
        raise TypeError(f"uniform_() got an unexpected keyword argument '{next(iter(bounds))}'")
    draw, kind = source(generator), self.array.dtype
    return _fill(self, sampling.uniform, lambda shape: draw.uniform(low, to, shape, kind))


def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with random numbers from a normal distribution."""
    numbers = distributions.normal(source(generator), self.array, mean, std)
    return inplace.change(self, lambda old: sampling.normal(old, numbers))


def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with random waiting times, for something that happens `lambd` times per unit of time on average."""
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
    _check_float("Exponential", self)
    draw, kind = source(generator), self.array.dtype
    return _fill(self, sampling.exponential, lambda shape: distributions.exponential(draw, shape, kind, lambd))


def cauchy_(self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with random numbers from a Cauchy distribution."""
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    _check_float("Cauchy", self)
    draw, kind = source(generator), self.array.dtype
    return _fill(self, sampling.cauchy, lambda shape: distributions.cauchy(draw, shape, kind, median, sigma))


def log_normal_(self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Tensor:
    """Fill with random numbers whose logarithms are normally distributed, with this mean and standard deviation."""
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    draw, kind = source(generator), self.array.dtype
    return _fill(self, sampling.log_normal, lambda shape: distributions.log_normal(draw, shape, kind, mean, std))


def _check_float(name: str, tensor: Tensor) -> None:
    if not tensor.is_floating_point():
        kind = dtypes.scalar_type_name(tensor.dtype)
        raise RuntimeError(
            f"{name} distribution is a continuous probability distribution. dtype must be a floating point but you "
            f"specified {kind}"
        )


def geometric_(self: Tensor, p: float, *, generator: Any = None) -> Tensor:
    """Fill with how many tosses it takes, each time anew, until something of probability `p` happens."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    draw, kind = source(generator), self.array.dtype
    return _fill(self, sampling.geometric, lambda shape: distributions.geometric(draw, shape, kind, p))


def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Fill with ones, each with probability `p` (a number, or a tensor with one for each entry), and zeros."""
    draw, kind = source(generator), self.array.dtype
    if isinstance(p, Tensor):
        wide = np.asarray(repeating.expand(p.detach(), tuple(self.shape)).array)
        numbers = np.empty(wide.shape, kind)
        order = layout.axes(wide.shape, self.array, wide)
        numbers.transpose(order)[...] = draw.bernoulli(wide.transpose(order))
        return inplace.change(self, sampling.bernoulli_of_tensor, p, numbers)
    return _fill(self, sampling.bernoulli_of_number, lambda shape: draw.bernoulli(p, shape).astype(kind))


def random_(self: Tensor, from_: int | None = None, to: int | None = None, *, generator: Any = None) -> Tensor:
    """Fill with random integers: from 0 up to what the dtype holds, up to a number, or between two."""
    draw, kind = source(generator), self.array.dtype
    if from_ is None and to is None:
        return _fill(self, sampling.random, lambda shape: distributions.integers(draw, shape, kind))
    row = sampling.random_below if to is None or from_ is None else sampling.random_between
    low, high = (0, from_) if to is None else (from_ or 0, to)
    return _fill(self, row, lambda shape: draw.integers(low or 0, high or 0, shape).astype(kind))


def standard_gamma(concentration: Tensor) -> Tensor:
    """Draw from gamma distributions of rate 1; gradients flow to the concentrations.

    Parameters
    ----------
    concentration
        Positive numbers of floating point, one for each draw.
    """
    return sampling.standard_gamma(concentration, distributions.gamma(source(None), np.asarray(concentration.array)))


def sample_dirichlet(concentration: Tensor) -> Tensor:
    """Draw shares that add up to 1 along the last axis; gradients flow to the concentrations.

    Parameters
    ----------
    concentration
        Positive numbers of floating point, one for each share.
    """
    return sampling.sample_dirichlet(concentration, distributions.dirichlet(source(None), concentration.array))


METHODS = {
    function.__name__: function
    for function in (uniform_, normal_, exponential_, cauchy_, log_normal_, geometric_, bernoulli_, random_)
}
"""Methods of tensors that are not functions too."""
