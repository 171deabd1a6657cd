"""The moments of a run at which all that a step begins with is known: its parameters, and what its optimiser remembers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradviz.recording.program.model import MissingError
from gradviz.training.run import Run
from gradviz.training.run.log import Large, ParameterEntry, array_of

MOMENTS, MOMENT_NUMBERS = 12, 3_000
"""At so many moments the state of a run is kept, if it is no more than so many numbers; the steps between are computed again."""

Array = np.ndarray[Any, Any]
State = tuple[tuple[Array, Mapping[str, Array]], ...]
"""By parameter: its numbers, and what the optimiser remembers of it."""


def moments_of(run: Run, adds: Array) -> list[int]:
    """Return the steps, by their places among those that are kept, before which all is known: the first, and others evenly.

    Parameters
    ----------
    run
        What was recorded.
    adds
        By step and parameter, whether its gradient was added to that of the step before.

    Raises
    ------
    MissingError
        If the state at the beginning is not known.
    """
    entries = run.log.entries
    follows = [not place or entries[place - 1].index == entry.index - 1 for place, entry in enumerate(entries)]
    fits = [
        place for place in range(len(entries)) if follows[place] and not adds[place].any() and _is_known(run, place)
    ]
    if not fits or fits[0] > 1:
        raise MissingError("start")
    one = sum(array.size + sum(kept.size for kept in memory.values()) for array, memory in state_at(run, fits[-1]))
    most = int(np.clip(MOMENT_NUMBERS // max(one, 1), 1, MOMENTS))
    if len(fits) <= most:
        return fits
    return [fits[at] for at in np.unique(np.linspace(0, len(fits) - 1, most + 1).astype(int))[:-1]]


def _is_known(run: Run, place: int) -> bool:
    try:
        state_at(run, place)
    except LookupError:
        return False
    return True


def state_at(run: Run, place: int) -> State:
    """Return each parameter before a step, and what the optimiser remembers of it.

    Parameters
    ----------
    run
        What was recorded.
    place
        Of the step, among those that are kept.

    Raises
    ------
    LookupError
        If that is not known.
    """
    count = len(run.log.entries)
    found = []
    for number in range(len(run.parameters)):
        after = next(_parts(run, number, range(place, count)), None)
        before = next(_parts(run, number, range(place - 1, -1, -1)), None)
        if after is None and before is None:
            raise LookupError
        now = after.before if after is not None else before.after if before is not None else None
        if before is None and after is not None and _steps(after) > 1:  # it had been at work before the run began
            raise LookupError
        memory = {} if before is None else before.state
        found.append((_full(now), {name: _full(kept) for name, kept in memory.items()}))
    return tuple(found)


def _parts(run: Run, number: int, places: range) -> Iterator[ParameterEntry]:
    entries = run.log.entries
    return (part for place in places if (part := entries[place].parameters.get(number)) is not None)


def _steps(part: ParameterEntry) -> float:
    """Return how many steps the optimiser has made, as far as it counts them."""
    count = array_of(part.state.get("step"))
    return 0.0 if count is None else float(np.ravel(count)[0])


def _full(kept: Any) -> Array:
    array = array_of(kept)
    if array is None or (isinstance(kept, Large) and kept.array is None):
        raise LookupError
    return np.asarray(array)
