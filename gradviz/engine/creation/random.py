"""Making tensors at random, and the seed from which the random numbers start."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.engine import distributions, dtypes, layout, random
from gradviz.engine.broadcast import broadcast_error
from gradviz.engine.creation.filled import like
from gradviz.engine.creation.options import check_options, creating, kind_of, leaf, shape_of
from gradviz.engine.operations import sampling
from gradviz.engine.tensor import Tensor, wrap

__all__ = [
    "bernoulli", "get_rng_state", "initial_seed", "manual_seed", "multinomial", "normal", "rand", "rand_like", "randint",
    "randint_like", "randn", "randn_like", "randperm", "seed", "set_rng_state",
]  # fmt: skip


def manual_seed(seed: int) -> random.Generator:
    """Start the random numbers anew; the same seed gives the digits PyTorch gives."""
    return random.manual_seed(seed)


def seed() -> int:
    """Start the random numbers anew from a seed nobody can know, and return it."""
    return random.default_generator.seed()


def initial_seed() -> int:
    """Return the seed the random numbers started from."""
    return random.default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """Return the state of the random numbers, to go back to with `set_rng_state`."""
    return wrap(random.default_generator.get_state())


def set_rng_state(new_state: Tensor) -> None:
    """Go back to a state of the random numbers that `get_rng_state` returned."""
    random.default_generator.set_state(new_state.numpy())


def source(generator: random.Generator | None) -> random.Generator:
    """Return the generator to draw from: the one given, or the default one."""
    return random.default_generator if generator is None else generator


@creating
def rand(*size: Any, generator: Any = None, dtype: Any = None) -> Any:
    """Make random numbers, uniform between 0 and 1."""
    return np.asarray(source(generator).random(shape_of(size, "rand"), kind_of(dtype)))


@creating
def randn(*size: Any, generator: Any = None, dtype: Any = None) -> Any:
    """Make random numbers from the normal distribution with mean 0 and standard deviation 1."""
    return np.asarray(source(generator).normal(shape_of(size, "randn"), kind_of(dtype)))


@creating
def randint(low: int, high: Any = None, size: Any = None, *, generator: Any = None, dtype: Any = None) -> Any:
    """Make random integers from low up to, not including, high: ``randint(10, (3,))`` or ``randint(1, 7, (3,))``."""
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    numbers = source(generator).integers(int(low), int(high), shape_of((tuple(size),), "randint"))
    return np.asarray(numbers).astype(kind_of(dtype or dtypes.int64))


@creating
def randperm(n: int, *, generator: Any = None, dtype: Any = dtypes.int64) -> Any:
    """Make the numbers 0 to n − 1 in random order."""
    return np.asarray(source(generator).permutation(n)).astype(kind_of(dtype), copy=False)


@creating
def rand_like(input: Tensor, *, generator: Any = None, dtype: Any = None, memory_format: Any = None) -> Any:
    """Make `rand` numbers of a tensor's shape and dtype."""
    made, draw = like(input, dtype, memory_format), source(generator)
    return layout.drawn(made, lambda shape: draw.random(shape, made.dtype))


@creating
def randn_like(input: Tensor, *, generator: Any = None, dtype: Any = None, memory_format: Any = None) -> Any:
    """Make `randn` numbers of a tensor's shape and dtype."""
    made, draw = like(input, dtype, memory_format), source(generator)
    return distributions.normal(draw, made)


@creating
def randint_like(
    input: Tensor,
    low: int,
    high: int | None = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    memory_format: Any = None,
) -> Any:
    """Make `randint` numbers of a tensor's shape and dtype: up to `low`, or from low up to high."""
    made, draw = like(input, dtype, memory_format), source(generator)
    first, end = (0, low) if high is None else (low, high)
    return layout.drawn(made, lambda shape: draw.integers(int(first), int(end), shape).astype(made.dtype))


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Make random numbers from normal distributions.

    Parameters
    ----------
    mean, std
        A number for all, or a tensor with one for each.
    size
        The shape, where both are numbers.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.normal(0.0, 1.0, (2, 3)).shape
    torch.Size([2, 3])
    """
    check_options(device, options)
    draw = source(generator)
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        numbers = draw.normal(shape_of((() if size is None else tuple(size),), "normal"), kind_of(dtype), mean, std)
        return leaf(np.asarray(numbers), requires_grad)
    if isinstance(std, Tensor):
        if (std.array < 0).any():
            raise RuntimeError("normal expects all elements of std >= 0.0")
        means = mean.array if isinstance(mean, Tensor) else mean
        kind = (mean if isinstance(mean, Tensor) else std).array.dtype
        try:
            shape = np.broadcast_shapes(np.shape(means), std.array.shape)
        except ValueError:
            raise broadcast_error(means, std.array) from None
        numbers = np.asarray(draw.normal(shape, kind) * std.array + np.asarray(means, kind)).astype(kind)
        if not isinstance(mean, Tensor):
            return sampling.normal_of_std(std, numbers)
        return sampling.normal_of_both(mean, std, numbers)
    kind = mean.array.dtype
    return sampling.normal_of_mean(mean, np.asarray(draw.normal(tuple(mean.shape), kind, 0.0, std) + mean.array))


def bernoulli(input: Tensor, p: float | None = None, *, generator: Any = None) -> Tensor:
    """Toss a coin for each entry, which gives the probability of a 1; or `p`, which gives it for all."""
    draw = source(generator)
    if p is not None:
        return sampling.bernoulli_of_number(input, draw.bernoulli(p, tuple(input.shape), input.array.dtype))
    numbers = np.asarray(draw.bernoulli(np.asarray(input.array))).astype(input.array.dtype)
    return sampling.bernoulli(input, numbers)


def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None) -> Tensor:
    """Draw places at random: the larger an entry, the more often its place. No gradient comes back.

    Parameters
    ----------
    input
        Weights, not negative, as a row or as several rows; they need not add up to 1.
    num_samples
        How many to draw from each row.
    replacement
        Whether a place may be drawn again.

    Examples
    --------
    >>> import gradviz as torch
    >>> torch.multinomial(torch.tensor([0.0, 1.0, 0.0]), 1)
    tensor([1])
    """
    weights = np.asarray(input.array)
    if weights.dtype.kind != "f":
        name = dtypes.scalar_type_name(input.dtype)
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {name}")
    if weights.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > weights.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    if not sampling.finite(weights):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not (weights.sum(-1) > 0).all():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    draw = source(generator)
    if not replacement or num_samples == 1:
        # The places of the largest weights, each divided by an exponential number of its own.
        waiting = layout.empty_like(weights)
        race = weights / layout.drawn(waiting, lambda shape: distributions.exponential(draw, shape, weights.dtype))
        return wrap(layout.rows(np.argsort(-race, axis=-1, kind="stable")[..., :num_samples]))
    ends = np.cumsum(weights, axis=-1)
    ends = ends / ends[..., -1:]
    ends[..., -1] = 1
    drawn = draw.random((*weights.shape[:-1], num_samples), np.dtype(np.float64))
    return wrap((ends[..., None, :] < drawn[..., None]).sum(-1))
