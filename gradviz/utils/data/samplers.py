"""Samplers: in which order to take the items of a data set, and which go into a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from gradviz.engine import creation, dtypes, random

Index = TypeVar("Index", covariant=True)


class Sampler(Generic[Index]):
    """Base class: a subclass yields the numbers of items in ``__iter__``."""

    def __iter__(self) -> Iterator[Index]:
        raise NotImplementedError(f"{type(self).__name__} does not say in __iter__ which items to take")


class SequentialSampler(Sampler[int]):
    """Take items in order.

    Parameters
    ----------
    data_source
        The data set.
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Take items in random order.

    Parameters
    ----------
    data_source
        The data set.
    replacement
        Whether an item can come more than once.
    num_samples
        How many to take; by default as many as there are.
    generator
        What to draw from; by default a new one, seeded by what ``manual_seed`` seeds.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: random.Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={self.num_samples}")

    @property
    def num_samples(self) -> int:
        """How many items are taken."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        generator = self.generator or random.Generator().manual_seed(draw_seed())
        size, count = len(self.data_source), self.num_samples
        if self.replacement:
            for start in range(0, count, 32):  # in PyTorch's portions
                yield from generator.integers(0, size, (min(32, count - start),)).tolist()
        else:
            for start in range(0, count + 1, size):
                yield from generator.permutation(size).tolist()[: count - start]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """Take some items in random order.

    Parameters
    ----------
    indices
        The numbers of the items.
    generator
        What to draw from; by default what ``manual_seed`` seeds.
    """

    def __init__(self, indices: Sequence[int], generator: random.Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        order = (self.generator or random.default_generator).permutation(len(self.indices))
        for place in order.tolist():
            yield self.indices[place]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Take items at random, some more often than others: to make up for rare classes.

    Parameters
    ----------
    weights
        One for each item; they need not add up to 1.
    num_samples
        How many to take.
    replacement
        Whether an item can come more than once.
    generator
        What to draw from; by default what ``manual_seed`` seeds.
    """

    def __init__(
        self,
        weights: Any,
        num_samples: int,
        replacement: bool = True,
        generator: random.Generator | None = None,
    ) -> None:
        _check_positive("num_samples", num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        self.weights = creation.as_tensor(weights, dtype=dtypes.float64)
        if self.weights.ndim != 1:
            raise ValueError(
                "weights should be a 1d sequence but given weights have shape " + str(tuple(self.weights.shape))
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        weights = self.weights.array
        generator = self.generator or random.default_generator
        draw = _with_replacement if self.replacement and self.num_samples > 1 else _without_replacement
        yield from draw(weights, self.num_samples, generator).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Put what another sampler yields into lists of `batch_size`.

    Parameters
    ----------
    sampler
        The other.
    batch_size
        How many items go into a batch.
    drop_last
        Leave out the last batch if it is smaller.

    Examples
    --------
    >>> from gradviz.utils.data import BatchSampler
    >>> list(BatchSampler(range(7), batch_size=3, drop_last=False))
    [[0, 1, 2], [3, 4, 5], [6]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        _check_positive("batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        items = iter(self.sampler)
        while batch := list(islice(items, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        size = len(self.sampler)  # type: ignore[arg-type]
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)


def _with_replacement(weights: np.ndarray, count: int, generator: random.Generator) -> np.ndarray:
    """Draw numbers of items: lay the weights end to end, and see where a random number falls."""
    if not (weights >= 0).all():
        raise RuntimeError("invalid multinomial distribution (encountering probability entry < 0)")
    if np.isinf(weights).any():
        raise RuntimeError("invalid multinomial distribution (encountering probability entry = infinity or NaN)")
    _check_any(weights)
    ends = np.cumsum(weights)
    return np.searchsorted(ends / ends[-1], generator.random((count,), weights.dtype))


def _without_replacement(weights: np.ndarray, count: int, generator: random.Generator) -> np.ndarray:
    """Draw numbers of items in a race: the larger a weight, the shorter the time it takes. The first ones win."""
    if count > len(weights):
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    _check_any(weights)
    time = -np.log1p(-generator.random(weights.shape, weights.dtype))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.argsort(-(weights / time), kind="stable")[:count]


def _check_any(weights: np.ndarray) -> None:
    if not weights.any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")


def draw_seed(generator: random.Generator | None = None) -> int:
    """Draw a seed for another generator, from 63 random bits."""
    return int((generator or random.default_generator)._double_words(1)[0]) & (2**63 - 1)


def _check_positive(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")
