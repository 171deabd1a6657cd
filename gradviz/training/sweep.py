"""The same training with several settings, in parallel."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from gradviz.engine.random import manual_seed
from gradviz.training.codec import dumps, loads
from gradviz.training.compare import RunComparison, compare
from gradviz.training.run import Run

Settings = Mapping[str, Any]
MOST_RUNS = 10_000


def sweep(
    train: Callable[..., Run],
    settings: Sequence[Settings] | Mapping[str, Sequence[Any]],
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
        ``{"lr": [0.1, 0.01], "momentum": [0.0, 0.9]}``, for all combinations.
    executor
        Where to train: anything with the ``submit`` of `concurrent.futures.Executor`, such as a Dask client's
        ``client.get_executor()``. By default as many processes as there are processors. They need not have the code that
        calls this: a function from a notebook, and a ``lambda``, will do.
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
    from loky import ProcessPoolExecutor

    count = min(len(chosen), os.cpu_count() or 1)
    with ProcessPoolExecutor(max_workers=count) as processes:
        return _gathered(processes, train, chosen, seed)


def combinations(settings: Any) -> list[dict[str, Any]]:
    """Return each setting as a dictionary.

    Examples
    --------
    >>> combinations({"lr": [0.1, 0.01], "momentum": [0.9]})
    [{'lr': 0.1, 'momentum': 0.9}, {'lr': 0.01, 'momentum': 0.9}]
    """
    if isinstance(settings, Mapping):
        for name, values in settings.items():
            if isinstance(values, str) or not isinstance(values, Sequence):
                raise TypeError(f"the values of {name!r} must be a list, as in {{{name!r}: [{values!r}]}}")
        made = [dict(zip(settings, values, strict=True)) for values in itertools.product(*settings.values())]
    else:
        made = list(settings)
        for setting in made:
            if not isinstance(setting, Mapping):
                raise TypeError(f'each setting must be a dictionary, as in {{"lr": 0.1}}, but got {setting!r:.80}')
    if not made or made == [{}]:
        raise ValueError("there are no settings to train with")
    if len(made) > MOST_RUNS:
        raise ValueError(f"these are {len(made):,} trainings; at most {MOST_RUNS:,} at once")
    return [dict(setting) for setting in made]


def _gathered(executor: Executor, train: Callable[..., Run], chosen: list[dict[str, Any]], seed: int | None) -> Any:
    futures: list[Future[str]] = [executor.submit(train_once, train, setting, seed) for setting in chosen]
    runs: list[Run] = []
    labels: list[str] = []
    notes: list[str] = []
    failure: Exception | None = None
    try:
        for label, future in zip(_labels(chosen), futures, strict=True):
            try:
                runs.append(loads(future.result()))
                labels.append(label)
            except Exception as error:  # one that fails must not take the others with it
                failure = error
                notes.append(f"{label} failed: {type(error).__name__}: {error}")
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    if failure is not None and not runs:
        raise RuntimeError("all trainings failed. " + "; ".join(notes[:5])) from failure
    return compare(*runs, labels=labels, notes=notes)


def train_once(train: Callable[..., Run], setting: dict[str, Any], seed: int | None) -> str:
    """Train with one setting, and return the run as text, which goes from one process to another as it is."""
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
    return dumps(run)


def _labels(chosen: list[dict[str, Any]]) -> list[str]:
    """Name the settings that differ."""
    names = list(dict.fromkeys(name for setting in chosen for name in setting))
    told = {name: [str(setting.get(name, "")) for setting in chosen] for name in names}
    differing = [name for name in names if len(set(told[name])) > 1] or names
    return [", ".join(f"{name}={setting[name]}" for name in differing if name in setting) for setting in chosen]
