"""Single entries of the parameters, as a user names them, and a run's way over them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.training.run import Run
from gradviz.training.run.log import Large
from gradviz.training.run.model import Parameter

Array = np.ndarray[Any, Any]
Named = str | tuple[str, tuple[int, ...]]
"""An entry of a parameter: ``"w"``, ``"lin.weight[0, 1]"`` or ``("lin.weight", (0, 1))``."""


class Place:
    """One entry of a parameter, as the user names it."""

    def __init__(self, run: Run, named: Named) -> None:
        parameter, index = _found(run, named)
        self.number = run.parameters.index(parameter)
        if len(index) != len(parameter.shape):
            raise IndexError(
                f"{named!r}: {parameter.name} has the shape {parameter.shape}, so an entry of it has "
                f"{len(parameter.shape)} indices, but got {len(index)}: {_example(parameter)}"
            )
        for axis, (at, length) in enumerate(zip(index, parameter.shape, strict=True)):
            if not -length <= at < length:
                raise IndexError(
                    f"{named!r}: index {at} is out of range, because {parameter.name} has the shape {parameter.shape}, "
                    f"{length} along dimension {axis}"
                )
        self.index = tuple(at % length for at, length in zip(index, parameter.shape, strict=True))
        self.name = entry_name(parameter, int(np.ravel_multi_index(self.index, parameter.shape)) if self.index else 0)
        history = run.parameter(parameter.name)
        if not history.full:
            raise ValueError(
                f"the entries of {parameter.name} are not kept one by one: it has {parameter.size:,} of them. Choose one of "
                "a smaller parameter"
            )


def _found(run: Run, named: Named) -> tuple[Parameter, tuple[int, ...]]:
    """Return the parameter and the index that are meant. A name may have brackets of its own: ``"weights[0]"``."""
    name, index = (named, None) if isinstance(named, str) else (named[0], tuple(int(at) for at in named[1]))
    known = {parameter.name: parameter for parameter in run.parameters}
    if name not in known and index is None:
        match = re.fullmatch(r"(.*)\[\s*(-?\d{1,9}(?:\s*,\s*-?\d{1,9})*)\s*,?\s*\]", name, re.DOTALL)
        if match and match[1] in known:
            name, index = match[1], tuple(int(at) for at in match[2].split(","))
    if name not in known:
        have = ", ".join(known) or "none, because nothing was recorded"
        raise KeyError(f"there is no parameter called {name!r} in this run; there is: {have}")
    parameter = known[name]
    if index is None:  # of a single number no index is needed
        index = (0,) * len(parameter.shape) if parameter.size == 1 else ()
    return parameter, index


def entry_name(parameter: Parameter, place: int) -> str:
    """Return what an entry is called."""
    if not parameter.shape:
        return parameter.name
    index = np.unravel_index(place, parameter.shape)
    return f"{parameter.name}[{', '.join(str(at) for at in index)}]"


def _example(parameter: Parameter) -> str:
    return f"write {entry_name(parameter, 0)!r}, for instance" if parameter.size else "it has no entries"


def paths_over(run: Run, entries: Sequence[Place]) -> tuple[list[Array], Array]:
    """Return the values of each entry before every step in which all took part, and after the last; and the losses."""
    steps = [kept for kept in run.log.entries if all(entry.number in kept.parameters for entry in entries)]
    if not steps:
        raise ValueError(f"{' and '.join(entry.name for entry in entries)} took part in no step together")
    paths = []
    for entry in entries:
        parts = [kept.parameters[entry.number] for kept in steps]
        values = [part.before for part in parts] + [parts[-1].before if parts[-1].after is None else parts[-1].after]
        paths.append(np.array([_at(value, entry.index) for value in values]))
    return paths, np.array([run.log.losses[kept.index] for kept in steps])


def _at(array: Any, index: tuple[int, ...]) -> float:
    assert not isinstance(array, Large)  # `Place` has seen to it
    return float(array[index])
