"""`DataLoader`: a data set in batches."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from gradviz.engine.random import Generator
from gradviz.engine.tensor import Tensor, wrap
from gradviz.utils.data.collate import default_collate, default_convert
from gradviz.utils.data.datasets import IterableDataset, Subset, TensorDataset
from gradviz.utils.data.samplers import BatchSampler, RandomSampler, SequentialSampler, draw_seed
from gradviz.utils.data.workers import Worker, in_turn

_FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


class DataLoader:
    """Go through a data set in batches, in a new random order each time if asked to.

    Parameters
    ----------
    dataset
        What has a length and items, such as a list or a `Dataset`; or an `IterableDataset`.
    batch_size
        How many items go into a batch; ``None`` for items as they are.
    shuffle
        Whether to take them in random order.
    sampler, batch_sampler
        What yields the numbers of the items to take, or lists of such.
    num_workers
        How many load in turn, each with random numbers of its own, as PyTorch's processes do; here all are this process.
    collate_fn
        Makes a batch of a list of items; `default_collate` if not given.
    pin_memory, pin_memory_device
        For graphics processors. Without effect.
    drop_last
        Leave out the last batch if it is smaller.
    worker_init_fn, persistent_workers
        What each of them does first; whether they stay for the next epoch.
    timeout, multiprocessing_context, prefetch_factor, in_order
        For worker processes. Without effect.
    generator
        What the order is drawn from; by default what ``manual_seed`` seeds.

    Examples
    --------
    >>> import gradviz as torch
    >>> from gradviz.utils.data import DataLoader
    >>> torch.manual_seed(0)  # doctest: +ELLIPSIS
    <...Generator object at ...>
    >>> for batch in DataLoader(range(5), batch_size=2, shuffle=True):
    ...     print(batch)
    tensor([1, 4])
    tensor([2, 3])
    tensor([0])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context)
        iterable = isinstance(dataset, IterableDataset)
        if iterable:
            for name, value in (("shuffle", shuffle or None), ("sampler", sampler), ("batch_sampler", batch_sampler)):
                if value is not None:
                    raise ValueError(
                        f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}"
                    )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        if sampler is None and not iterable:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None:
            # The items of an iterable data set have no numbers; they are counted off all the same.
            batch_sampler = BatchSampler(() if sampler is None else sampler, batch_size, drop_last)
        self.dataset = dataset
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        self.collate_fn = collate_fn or (default_convert if batch_sampler is None else default_collate)
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self._workers: list[Worker] = []
        self._made = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and getattr(self, "_made", False):
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    def __iter__(self) -> Iterator[Any]:
        if self.pin_memory:
            warnings.warn(
                "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory won't be "
                "used.",
                stacklevel=2,
            )
        iterable = isinstance(self.dataset, IterableDataset)
        if self._workers:  # persistent ones, and this is not their first epoch
            return self._by_workers(self._workers, iterable)
        numbers = iter(()) if iterable else self._numbers()
        seed = draw_seed(self.generator)  # of PyTorch's workers, and drawn even if there are none
        if not self.num_workers:
            return self._in_lists(iter(self.dataset)) if iterable else (self._batch(self.dataset, n) for n in numbers)
        workers = [
            Worker(number, self.num_workers, seed, self.dataset, self.worker_init_fn)
            for number in range(self.num_workers)
        ]
        if self.persistent_workers:
            self._workers = workers
        return self._by_workers(workers, iterable)

    def _numbers(self) -> Iterator[Any]:
        """Say which items are wanted: one, or those of a batch."""
        return iter(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]

    def _by_workers(self, workers: list[Worker], iterable: bool) -> Iterator[Any]:
        """Let workers load: batches in turn, or each all that its copy of an iterable data set has."""
        if iterable:
            yield from in_turn(workers, lambda dataset: self._in_lists(iter(dataset)))
            return
        for place, wanted in enumerate(self._numbers()):
            worker = workers[place % len(workers)]
            with worker.at_work():
                batch = self._batch(worker.info.dataset, wanted)
            yield batch

    def _batch(self, dataset: Any, wanted: Any) -> Any:
        """Load what a sampler asks for."""
        if self.batch_sampler is None:
            return self.collate_fn(dataset[wanted])
        if (rows := self._rows(dataset, wanted)) is not None:
            return rows
        several = getattr(dataset, "__getitems__", None)
        return self.collate_fn(several(wanted) if several is not None else [dataset[number] for number in wanted])

    def _rows(self, dataset: Any, numbers: Any) -> list[Tensor] | None:
        """Return a batch of a `TensorDataset`, or a part of one, all rows at once: the same tensors, much sooner."""
        while type(dataset) is Subset:
            numbers = [dataset.indices[number] for number in numbers]
            dataset = dataset.dataset
        if type(dataset) is not TensorDataset or self.collate_fn is not default_collate:
            return None
        places = np.asarray(numbers)
        if places.ndim != 1 or places.dtype.kind != "i" or any(tensor.requires_grad for tensor in dataset.tensors):
            return None
        try:
            return [wrap(tensor.array[places]) for tensor in dataset.tensors]
        except IndexError:  # one row at a time, it will be clear which
            return None

    def _in_lists(self, items: Iterator[Any]) -> Iterator[Any]:
        """Load what comes."""
        if self.batch_size is None:
            yield from map(self.collate_fn, items)
            return
        while batch := list(islice(items, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield self.collate_fn(batch)

    def __len__(self) -> int:
        if not isinstance(self.dataset, IterableDataset):
            return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]
        length = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool, context: Any
) -> None:
    if num_workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers:
        return
    if prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing.let num_workers > 0 to enable "
            "multiprocessing, otherwise set prefetch_factor to None."
        )
    if persistent_workers:
        raise ValueError("persistent_workers option needs num_workers > 0")
    if context is not None:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got num_workers=0"
        )
