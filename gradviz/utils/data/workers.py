"""What PyTorch's worker processes do, done in this process: in turn, and each with random numbers of its own.

Batches, their order and what was drawn for them are those of PyTorch; they are not made beside the training.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.engine.random import default_generator


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """What a data set may ask about the worker that loads from it.

    Attributes
    ----------
    id, num_workers
        Which of how many it is.
    seed
        Of its random numbers.
    dataset
        Its own copy of the data set. The tensors in it are shared.
    rng, worker_method
        As in PyTorch.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: Any = None
    worker_method: str | None = "multiprocessing"


_at_work: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Return the worker that loads just now, ``None`` outside of any."""
    return _at_work


class Worker:
    """One of several that load in turn.

    Parameters
    ----------
    number, count
        Which of how many it is.
    seed
        Drawn for all of them.
    dataset
        What it loads from.
    prepare
        Called once with the worker's number.
    """

    def __init__(self, number: int, count: int, seed: int, dataset: Any, prepare: Callable[[int], Any] | None) -> None:
        self.info = WorkerInfo(number, count, seed + number, copy.copy(dataset))
        before = _random_states()
        try:
            random.seed(seed + number)
            default_generator.manual_seed(seed + number)
            # PyTorch mixes these words by itself, as NumPy does.
            words = np.random.SeedSequence([number, seed & 0xFFFFFFFF, seed >> 32, 0])
            np.random.seed(words.generate_state(4))
            self._states = _random_states()
        finally:
            _set_random_states(before)
        if prepare is not None:
            with self.at_work():
                prepare(number)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let what is drawn in this block be drawn by this worker."""
        global _at_work
        outside, before = _at_work, _random_states()
        _at_work = self.info
        _set_random_states(self._states)
        try:
            yield
        finally:
            self._states = _random_states()
            _set_random_states(before)
            _at_work = outside


_END = object()


def in_turn(workers: list[Worker], batches_of: Callable[[Any], Iterator[Any]]) -> Iterator[Any]:
    """Let each worker go through its own copy of an iterable data set; take a batch of each in turn, while any has one."""
    sources = []
    for worker in workers:
        with worker.at_work():
            sources.append((worker, batches_of(worker.info.dataset)))
    while sources:
        for source in tuple(sources):
            with source[0].at_work():
                batch = next(source[1], _END)
            if batch is _END:
                sources.remove(source)
            else:
                yield batch


def _random_states() -> tuple[Any, Any, Any]:
    return random.getstate(), np.random.get_state(), default_generator.get_state()


def _set_random_states(states: tuple[Any, Any, Any]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])
    default_generator.set_state(states[2])
