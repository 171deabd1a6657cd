"""The same training with several settings, in parallel."""

from __future__ import annotations

import itertools
import math
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from threading import Lock
from typing import Any, NamedTuple, TypeVar

import numpy as np

from gradviz.engine.random import manual_seed
from gradviz.engine.tensor import Tensor
from gradviz.recording import number_text
from gradviz.training.analysis.compare import RunComparison, compare
from gradviz.training.files.codec import dumps, loads
from gradviz.training.run import Run

Settings = Mapping[str, Any]
T = TypeVar("T")
MOST_RUNS = 10_000

LONG = 6
"""A number of more characters is shown rounded in a label, unless two would then look alike."""

_turn = Lock()
"""Threads of one process share the random numbers, and what is known of the module that runs: they train in turn."""


class Failure(NamedTuple):
    """A training that failed, in words: the exception itself may be of a class that another process cannot make."""

    words: str
    traceback: str

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Put an exception into words."""
        return cls(f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error)))


def sweep(
    train: Callable[..., Run],
    settings: Iterable[Settings] | Mapping[str, Iterable[Any]],
    executor: Executor | None = None,
    *,
    seed: int | None = 0,
) -> RunComparison:
    """Train with several settings, in parallel, and compare the runs.

    Parameters
    ----------
    train
        Trains once: it takes the settings as keyword arguments, records its loop with `gradviz.record`, and returns the run.
    settings
        A list of dictionaries, ``[{"lr": 0.1}, {"lr": 0.01, "momentum": 0.9}]``; or a dictionary of lists,
        ``{"lr": [0.1, 0.01], "momentum": [0.0, 0.9]}``, for all combinations. An array or a tensor will do for a list.
    executor
        Where to train: anything with the ``submit`` of `concurrent.futures.Executor`, such as a Dask client's
        ``client.get_executor()``. By default as many processes as there are processors (in a browser one training after the
        other). They need not have the code that
        calls this: a function from a notebook, and a ``lambda``, will do. Threads of one process train one after the other,
        because they share the random numbers.
    seed
        For `gradviz.manual_seed` before each training, so that all begin alike; ``None`` for none.

    Returns
    -------
    RunComparison
        The runs, in the order of the settings, labelled by what differs. Settings whose training failed are in its notes.

    Raises
    ------
    TypeError, ValueError
        If there are no settings, or they are of another kind.
    RuntimeError
        If all trainings failed; it says why.

    Examples
    --------
    >>> import gradviz as torch
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> def train(lr):
    ...     w = torch.tensor(2.0, requires_grad=True)
    ...     optimizer = torch.optim.SGD([w], lr=lr)
    ...     with torch.record() as run:
    ...         for epoch in range(3):
    ...             optimizer.zero_grad()
    ...             loss = (w - 1.0) ** 2
    ...             loss.backward()
    ...             optimizer.step()
    ...     return run
    >>> torch.sweep(train, {"lr": [0.1, 0.25]}, ThreadPoolExecutor(1))
    <RunComparison, last losses: lr=0.1: 0.4096, lr=0.25: 0.0625>
    """
    if not callable(train):
        raise TypeError(f"train must be a function that trains once and returns the run, but got {train!r:.80}")
    chosen = combinations(settings)
    if executor is not None:
        return _gathered(executor, train, chosen, seed)
    with _processes(len(chosen)) as processes:
        return _gathered(processes, train, chosen, seed)


def _processes(wanted: int) -> Executor:
    """Return as many processes as there are processors; where there can be none, in a browser, what trains one by one."""
    if sys.platform == "emscripten":
        return OneByOne()
    from loky import ProcessPoolExecutor

    processes: Executor = ProcessPoolExecutor(max_workers=min(wanted, os.cpu_count() or 1))
    return processes


class OneByOne(Executor):
    """Does what it is given at once, in this process.

    Examples
    --------
    >>> OneByOne().submit(max, 2, 3).result()
    3
    """

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Return a future that is done."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # as a process would, it hands the error to who asks for the result
            future.set_exception(error)
        return future


def combinations(settings: Any) -> list[dict[str, Any]]:
    """Return each setting as a dictionary.

    Examples
    --------
    >>> combinations({"lr": [0.1, 0.01], "momentum": [0.9]})
    [{'lr': 0.1, 'momentum': 0.9}, {'lr': 0.01, 'momentum': 0.9}]
    """
    if isinstance(settings, Mapping):
        lists = [_listed(name, values) for name, values in settings.items()]
        _see_to_the_number(math.prod(map(len, lists)) if lists else 0)
        return [dict(zip(settings, values, strict=True)) for values in itertools.product(*lists)]
    if not isinstance(settings, Iterable):
        raise TypeError(
            'settings must be a list of dictionaries, [{"lr": 0.1}], or a dictionary of lists, {"lr": [0.1, 0.01]}, but got '
            f"{settings!r:.80}"
        )
    made = list(settings)
    for setting in made:
        if not isinstance(setting, Mapping):
            raise TypeError(f'each setting must be a dictionary, as in {{"lr": 0.1}}, but got {setting!r:.80}')
    _see_to_the_number(0 if made == [{}] else len(made))
    return [dict(setting) for setting in made]


def _see_to_the_number(count: int) -> None:
    if not count:
        raise ValueError("there are no settings to train with")
    if count > MOST_RUNS:
        raise ValueError(f"these are {count:,} trainings; at most {MOST_RUNS:,} at once")


def _listed(name: str, values: Any) -> list[Any]:
    """Return the values of a setting; of an array they are plain numbers, as if they had been written."""
    listed = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(listed, str | bytes | Mapping) or not isinstance(listed, Iterable):
        raise TypeError(f"the values of {name!r} must be a list, as in {{{name!r}: [{values!r:.80}]}}")
    return list(listed)


def _gathered(executor: Executor, train: Callable[..., Run], chosen: list[dict[str, Any]], seed: int | None) -> Any:
    futures: list[Future[bytes | Failure]] = [executor.submit(train_once, train, setting, seed) for setting in chosen]
    runs: list[Run] = []
    labels: list[str] = []
    notes: list[str] = []
    failures: list[Failure] = []
    try:
        for label, future in zip(_labels(chosen), futures, strict=True):
            try:
                told = future.result()
            except Exception as error:  # what is to be trained cannot be sent, or the process has died
                told = Failure.of(error)
            if isinstance(told, Failure):  # one that fails must not take the others with it
                failures.append(told)
                notes.append(f"{label} failed: {told.words}")
            else:
                runs.append(loads(told))
                labels.append(label)
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    if not runs:
        failed = RuntimeError("all trainings failed. " + "; ".join(notes[:5]))
        failed.add_note(f"The first of them:\n{failures[0].traceback}")
        raise failed
    return compare(*runs, labels=labels, notes=notes)


def train_once(train: Callable[..., Run], setting: dict[str, Any], seed: int | None) -> bytes | Failure:
    """Train with one setting, and return the run as its file, which goes from one process to another as it is."""
    try:
        with _turn:
            return dumps(_trained(train, setting, seed))
    except (Exception, SystemExit) as error:  # an interrupt ends them all
        return Failure.of(error)


def _trained(train: Callable[..., Run], setting: dict[str, Any], seed: int | None) -> Run:
    if seed is not None:
        manual_seed(seed)
    run = train(**setting)
    if not isinstance(run, Run):
        raise TypeError(
            f"the function must return the run that gv.record() makes, but returned {type(run).__name__}: put the loop into "
            "`with gv.record() as run:`, and `return run`"
        )
    if not len(run):
        raise ValueError(run.notes[0] if run.notes else "nothing was recorded")
    return run


def _labels(chosen: list[dict[str, Any]]) -> list[str]:
    """Name the settings that differ."""
    names = list(dict.fromkeys(name for setting in chosen for name in setting))
    words: list[dict[str, str]] = [{} for _ in chosen]
    for name in names:
        having = [place for place, setting in enumerate(chosen) if name in setting]
        for place, text in zip(having, _texts([chosen[place][name] for place in having]), strict=True):
            words[place][name] = text
    differing = [name for name in names if len({told.get(name) for told in words}) > 1] or names
    return [", ".join(f"{name}={told[name]}" for name in differing if name in told) for told in words]


def _texts(values: list[Any]) -> list[str]:
    """Say values in a few letters, as long as those that differ can be told apart.

    Examples
    --------
    >>> _texts([0.1, 0.20000000298023224, dict])
    ['0.1', '0.2', 'dict']
    """
    plain = [value.item() if isinstance(value, Tensor) and value.numel() == 1 else value for value in values]
    exact = [getattr(value, "__name__", None) or " ".join(str(value).split()) for value in plain]
    short = [
        number_text(float(value)) if isinstance(value, float | np.floating) and len(text) > LONG else text
        for value, text in zip(plain, exact, strict=True)
    ]
    return short if len(set(short)) == len(set(exact)) else exact
