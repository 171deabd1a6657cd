"""The loss of one step as a function of some entries, by the run's own program."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from gradviz.catalogue import text
from gradviz.training.analysis.entries import Array, Place
from gradviz.training.run import Run
from gradviz.training.run.log import Entry, Large
from gradviz.training.run.program import Known, Program

SECONDS = 1.5
"""About how long a grid may take; where one evaluation takes long, the grid is coarser."""

SMALLEST = 13
"""Points of the coarsest grid, along each axis."""

COARSE = 7
"""Points, along each axis, of the grid that is used to look for the minimum."""

FURTHER = 3
"""How often a region is made larger because the minimum lies beyond its edge."""


class Landscape:
    """The loss of one step as a function of some entries."""

    def __init__(self, run: Run, moment: Entry, entries: Sequence[Place]) -> None:
        assert moment.program is not None  # it can be computed again
        self._run, self._moment = run, moment
        self._program, self._owners = run.log.programs[moment.program], run.owners[moment.program]
        self._given = [np.array(array) if isinstance(array, np.ndarray) else array for array in moment.numbers()]
        self._slots = self._program.slots
        slots = {owner: slot for slot, owner in self._owners.items()}
        self._places = []
        for entry in entries:
            if entry.number not in slots:
                raise ValueError(f"{entry.name} took no part in step {moment.index}, whose loss is shown")
            self._places.append((self._given[slots[entry.number]], entry.index))
        self._varied = [slots[entry.number] for entry in entries]
        with np.errstate(all="ignore"):
            self._fixed = self._program.fixed(self._given, self._varied)
        here = [float(array[index]) for array, index in self._places]
        self._again, self._seconds = float("nan"), float("inf")
        for _ in range(2):  # the first time takes longer
            start = time.perf_counter()
            self._again = self.at(here)
            self._seconds = min(self._seconds, time.perf_counter() - start)

    def at(self, values: Sequence[float]) -> float:
        """Return the loss, NaN where it is not finite."""
        for place, value in zip(self._places, values, strict=True):
            _put(place, value)
        return self._loss(self._fixed)

    def _loss(self, fixed: Known) -> float:
        with np.errstate(all="ignore"):
            loss = self._program.loss(self._given, fixed)
        return loss if np.isfinite(loss) else float("nan")

    def over(self, axes: Sequence[Array]) -> Array:
        """Return the loss on a grid, one row for each value of the second axis."""
        if len(axes) == 1:
            return np.array([self.at((x,)) for x in axes[0]])
        # Along each line only what depends on one of the two is computed: on the one that comes in later.
        with np.errstate(all="ignore"):
            left = [len(self._program.fixed(self._given, [slot], self._fixed)) for slot in self._varied]
        inner = int(left[1] > left[0])
        lines = []
        for value in axes[1 - inner]:
            _put(self._places[1 - inner], value)
            with np.errstate(all="ignore"):
                fixed = self._program.fixed(self._given, [self._varied[inner]], self._fixed)
            line = []
            for other in axes[inner]:
                _put(self._places[inner], other)
                line.append(self._loss(fixed))
            lines.append(line)
        loss = np.array(lines)
        return loss.T if inner else loss

    def affordable(self) -> int:
        """Return how many points a grid can have along each axis."""
        points = SECONDS / max(self._seconds, 1e-6)
        return int(points ** (1 / len(self._places)))

    def towards_the_minimum(self, spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """Make a region larger towards the side where its lowest point lies, while that is on the edge."""
        if self.affordable() < SMALLEST + FURTHER * COARSE:
            return spans
        for _ in range(FURTHER):
            loss = self.over([np.linspace(low, high, COARSE) for low, high in spans])
            if np.isnan(loss).all() or np.nanmin(loss) == np.nanmax(loss):
                return spans
            lowest = np.unravel_index(np.nanargmin(loss), loss.shape)[::-1]  # its first axis is y
            if all(0 < at < COARSE - 1 for at in lowest):
                return spans
            spans = [
                (low - (high - low) / 2 * (at == 0), high + (high - low) / 2 * (at == COARSE - 1))
                for (low, high), at in zip(spans, lowest, strict=True)
            ]
        return spans

    def sentence(self, others: Sequence[Run], whose: str) -> str:
        """Say what loss it is."""
        say = partial(text, section="training", whose=whose, across=self._run.across)
        moment = say("moment of run" if whose else "moment", index=self._moment.index)
        mentioned = False  # whether the moment has been told
        alone, together = (self._all_alike(runs) for runs in ([self._run], [self._run, *others]))
        if not any(slot.kind in ("input", "setting") for slot in self._slots):
            told = say("loss" if together or not whose else "loss of run")
        elif together:
            told = say("loss on this data")
        elif alone and whose:
            told = say("loss of run on its data")
        else:
            told, mentioned = say("loss on data of", moment=moment), True
        if sum(self._run.parameters[number].size for number in self._owners.values()) > len(self._places):
            told = say("others as then" if mentioned else "others as in", loss=told, moment=moment)
            mentioned = True
        told = f"{told}."
        if any(self._is_mask(at) for at in range(len(self._slots))):
            told = f"{told} {say('mask', moment=say('that moment') if mentioned else moment)}"
        recorded = self._run.log.losses[self._moment.index]
        if np.isfinite(recorded) and not np.isclose(self._again, recorded, rtol=1e-5, atol=1e-12):
            told = f"{told} {say('not recorded')}"
        return told

    def _is_mask(self, at: int) -> bool:
        slot = self._slots[at]
        return slot.kind == "input" and not slot.name and _is_mask(self._given[at])

    def _all_alike(self, runs: Sequence[Run]) -> bool:
        """Say whether all steps of some runs compute the same from the same data, masks aside."""
        places = [at for at, slot in enumerate(self._slots) if slot.kind != "parameter" and not self._is_mask(at)]
        here, told = [self._moment.inputs[at] for at in places], _told(self._program)
        alike = set(map(id, here))  # what has been looked at
        for run in runs:
            if any(_told(program) != told for program in run.log.programs):
                return False
            for entry in run.log.entries:
                if entry.program is None:
                    return False
                for mine, at in zip(here, places, strict=True):
                    other = entry.inputs[at]
                    if id(other) not in alike and not _same(mine, other):
                        return False
                    alike.add(id(other))
        return True


def _told(program: Program) -> list[Any]:
    """Return what a program computes, to be compared with another's."""
    return [(told.operation.name, told.arguments, repr(told.settings)) for told in program.instructions]


def _same(one: Any, other: Any) -> bool:
    one, other = (kept.array if isinstance(kept, Large) else kept for kept in (one, other))
    return one is not None and other is not None and np.array_equal(one, other)


def _is_mask(array: Any) -> bool:
    """Say whether an array is 0 in some places, and in all others the same number above 1: what dropout multiplies with."""
    kept = array[array != 0]
    return 0 < kept.size < array.size and bool((kept == kept.flat[0]).all()) and float(kept.flat[0]) > 1


def _put(place: tuple[Array, tuple[int, ...]], value: float) -> None:
    """Set an entry of an array."""
    array, index = place
    array[index] = value
