"""The loss over one or two entries of the parameters, computed on a grid by the run's own program."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradviz.training.log import Entry, Large
from gradviz.training.model import Parameter
from gradviz.training.program import Program
from gradviz.training.run import Run

Array = np.ndarray[Any, Any]
Named = str | tuple[str, tuple[int, ...]]
"""An entry of a parameter: ``"w"``, ``"lin.weight[0, 1]"`` or ``("lin.weight", (0, 1))``."""

SECONDS = 1.5
"""About how long a grid may take; where one evaluation takes long, the grid is coarser."""

ALONG_ONE, ALONG_TWO = 193, 49
"""Points along each axis, over one entry and over two, where there is time for them."""

SMALLEST = 13
"""Points of the coarsest grid, along each axis."""

COARSE = 7
"""Points, along each axis, of the grid that is used to look for the minimum."""

FURTHER = 3
"""How often a region is made larger because the minimum lies beyond its edge."""

ASPECT = 350 / 270
"""How much wider than high a surface over two entries is drawn."""

DIVERGED = 10.0
"""A run whose last loss is above this many times the first one diverges, and steps above it do not count for the region."""


@dataclass(frozen=True)
class Surface:
    """The loss over one or two entries of the parameters.

    Attributes
    ----------
    x, y
        The values along the axes; `y` is empty where there is one entry.
    loss
        Of shape ``(len(y), len(x))``, or ``(len(x),)``; NaN where it is not finite.
    path_x, path_y
        The run's way: the values before each kept step, and, one more, after the last.
    path_loss
        The losses of those steps, as they were recorded, each on its own data; NaN after the last.
    names
        Of the entries.
    sentence
        What is shown, in words.
    """

    x: Array
    y: Array
    loss: Array
    path_x: Array
    path_y: Array
    path_loss: Array
    names: tuple[str, ...]
    sentence: str

    def finer(self, times: int) -> Surface:
        """Return the surface on a grid so many times as fine, for contours without corners.

        In between it is bent as it is on both sides, the less of both: a parabola is met exactly, and where the surface has a
        kink or a cliff, a straight line does not swing beyond it. What is no number is taken to be as high as the highest.
        """
        missing = ~np.isfinite(self.loss)
        if missing.all() or (missing.any() and not self.y.size):  # a curve has a gap there
            return self
        with np.errstate(all="ignore"):
            loss = _between(np.where(missing, self.loss[~missing].max(), self.loss), times)
            loss = _between(loss.T, times).T if self.y.size else loss
        x, y = (np.linspace(at[0], at[-1], (len(at) - 1) * times + 1) if at.size else at for at in (self.x, self.y))
        return replace(self, x=x, y=y, loss=loss)


def _between(values: Array, times: int) -> Array:
    """Interpolate along the last axis: each stretch by the parabola that is bent as little as the surface at its two ends."""
    bent = np.zeros_like(values)
    bent[..., 1:-1] = np.diff(values, 2)
    bent[..., 0], bent[..., -1] = bent[..., 1], bent[..., -2]
    a, b = bent[..., :-1, None], bent[..., 1:, None]
    bend = np.where(np.sign(a) == np.sign(b), np.where(np.abs(a) < np.abs(b), a, b), 0)
    t = np.arange(times) / times
    made = values[..., :-1, None] * (1 - t) + values[..., 1:, None] * t - bend * t * (1 - t) / 2
    return np.concatenate([made.reshape(*values.shape[:-1], -1), values[..., -1:]], axis=-1)


Bounds = Sequence[tuple[float, float]]
"""For each entry, from where to where."""


def surface(
    run: Run,
    first: Named,
    second: Named | None = None,
    *,
    size: int | None = None,
    margin: float = 0.25,
    step: int = -1,
    bounds: Bounds | None = None,
    others: Sequence[Run] = (),
    whose: str = "",
) -> Surface:
    """Compute the loss over one or two entries of the parameters.

    The loss is that of one step: on its data, with all other entries as they were then.

    Parameters
    ----------
    run
        A recorded run.
    first, second
        The entries: ``"w"``, ``"lin.weight[0, 1]"``, ``("lin.weight", (0, 1))``.
    size
        How many points the grid has along each axis: by default 49, or 193 if there is only one. Where the whole grid would
        take longer than about 1.5 s there are fewer, but at least 13.
    margin
        How much room is left around the run's way, as a share of its extent.
    step
        Whose data is used; the nearest one that is kept. By default the last, or, of a run that diverges, the last before it
        does.
    bounds
        The region, ``((x0, x1), (y0, y1))``; by default it encloses the run's way, and the minimum if it lies close by.
    others
        Runs whose ways the region is to enclose too.
    whose
        What to call the run beside them.

    Returns
    -------
    Surface
        The axes, the losses and the run's way.

    Raises
    ------
    KeyError
        If no parameter has that name.
    IndexError
        If it has no such entry, or the run no such step.
    ValueError
        If the parameter is too large to be kept in full, both entries are the same, or no step can be computed again.

    Examples
    --------
    >>> import gradviz as torch
    >>> w = torch.tensor(2.0, requires_grad=True)
    >>> with torch.record() as run:
    ...     for epoch in range(3):
    ...         loss = (w - 1.0) ** 2
    ...         loss.backward()
    ...         w.data -= 0.25 * w.grad
    ...         w.grad = None
    >>> made = surface(run, "w", size=13, bounds=((0.0, 2.0),))
    >>> made.loss[[0, 6, 12]]
    array([1., 0., 1.])
    >>> made.sentence
    'The loss.'
    """
    if size is None:
        size = ALONG_ONE if second is None else ALONG_TWO
    if size < 2:
        raise ValueError(f"size is the number of points along each axis and must be at least 2, but got {size}")
    entries = [_Place(run, named) for named in ((first,) if second is None else (first, second))]
    if second is not None and entries[0].name == entries[1].name:
        raise ValueError(
            f"both entries are {entries[0].name}: choose another one, or leave the second out, for a curve"
        )
    moment = run.nearest(_last_in_reach(run) if step == -1 else run._index(None, step))
    landscape = _Landscape(run, moment, entries)
    paths, losses = _paths(run, entries)
    if bounds is None:
        ways = [(paths, losses)]
        for other in others:
            ways.append(_paths(other, [_Place(other, entry.name) for entry in entries]))
        near = [[path[_in_reach(np.append(lost, lost[-1]))] for path in way] for way, lost in ways]
        spans = [_span(np.concatenate(paths_of_one), margin) for paths_of_one in zip(*near, strict=True)]
        spans = _same_units(landscape.towards_the_minimum(_same_units(spans)))
    else:
        spans = [_given(low, high) for low, high in bounds]
        if len(spans) != len(entries):
            raise ValueError(f"bounds must have a pair (from, to) for each of the {len(entries)} entries: {bounds!r}")
    size = min(size, max(SMALLEST, landscape.affordable()))
    axes = [np.linspace(low, high, size) for low, high in spans]
    loss = landscape.over(axes)
    return Surface(
        axes[0],
        axes[1] if second is not None else np.empty(0),
        loss,
        paths[0],
        paths[1] if second is not None else np.empty(0),
        np.append(losses, np.nan),
        tuple(entry.name for entry in entries),
        landscape.sentence(others, whose),
    )


def way(run: Run, first: Named, second: Named | None = None) -> tuple[Array, Array]:
    """Return a run's way over one or two entries, as `Surface` has it: the values, or the values and the losses."""
    entries = [_Place(run, named) for named in ((first,) if second is None else (first, second))]
    paths, losses = _paths(run, entries)
    return (paths[0], np.append(losses, np.nan)) if second is None else (paths[0], paths[1])


def usual_pair(run: Run) -> tuple[str, str | None] | None:
    """Return which entries tell most of a run: the two that moved most, of all that are kept in full.

    Returns
    -------
    tuple or None
        Two names for `surface`; the second is ``None`` where only one number is trained. ``None`` where no parameter is kept
        in full, or no step can be computed again.

    Examples
    --------
    >>> import gradviz as torch
    >>> w = torch.tensor([2.0, 1.0, 0.0], requires_grad=True)
    >>> with torch.record() as run:
    ...     (w**2).sum().backward()
    ...     w.data -= 0.25 * w.grad
    >>> usual_pair(run)
    ('w[0]', 'w[1]')
    """
    if not any(entry.complete for entry in run.log.entries):
        return None
    moment = run.nearest(len(run) - 1)
    assert moment.program is not None  # it can be computed again
    moved: list[tuple[float, int, str]] = []
    for number in run.owners[moment.program].values():
        parameter, history = run.parameters[number], run.parameter(run.parameters[number].name)
        if not parameter.size or not history.parts() or not history.full:
            continue
        with np.errstate(all="ignore"):
            values = history.values.astype(np.float64)
            extent = np.nan_to_num(np.ptp(values, axis=0), nan=0.0, posinf=0.0).ravel()
        moved += [(-far, number, _text(parameter, place)) for place, far in enumerate(extent)]
    if not moved:
        return None
    # Of those that moved most the earlier one comes first, as in the model.
    first, *others = sorted(sorted(range(len(moved)), key=lambda place: moved[place][0])[:2])
    return moved[first][2], moved[others[0]][2] if others else None


# --- entries ----------------------------------------------------------------------------------------------------------


class _Place:
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
        self.name = _text(parameter, int(np.ravel_multi_index(self.index, parameter.shape)) if self.index else 0)
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


def _text(parameter: Parameter, place: int) -> str:
    if not parameter.shape:
        return parameter.name
    index = np.unravel_index(place, parameter.shape)
    return f"{parameter.name}[{', '.join(str(at) for at in index)}]"


def _example(parameter: Parameter) -> str:
    return f"write {_text(parameter, 0)!r}, for instance" if parameter.size else "it has no entries"


# --- the run's way ----------------------------------------------------------------------------------------------------


def _paths(run: Run, entries: Sequence[_Place]) -> tuple[list[Array], Array]:
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


def far_above(losses: Array) -> Array:
    """Say of each loss whether it is far above the first one (that is not 0), or no number."""
    told = losses[np.isfinite(losses) & (losses != 0)]
    first = abs(told[0]) if told.size else 0.0
    return ~(losses <= DIVERGED * first)  # so of NaN, too


def _in_reach(losses: Array) -> Array:
    """Say of each step whether it counts for where to look: of a run that diverges those before it does."""
    far = far_above(losses)
    return np.isfinite(losses) & ~(far & far[-1]) | (np.arange(len(losses)) == 0)


def _last_in_reach(run: Run) -> int:
    return int(np.flatnonzero(_in_reach(run.losses))[-1]) if len(run) else -1


def _at(array: Any, index: tuple[int, ...]) -> float:
    assert not isinstance(array, Large)  # `_Place` has seen to it
    return float(array[index])


def _span(path: Array, margin: float) -> tuple[float, float]:
    """Return from where to where an axis goes, to enclose a path."""
    path = path[np.isfinite(path)]
    if not path.size:
        return -1.0, 1.0
    low, high = float(path.min()), float(path.max())
    extent = high - low
    if extent <= 1e-6 * max(abs(low), abs(high)):  # it has not moved
        extent = max(abs(low), 1.0) / 2
    return low - margin * extent, high + margin * extent


def _same_units(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Widen one axis, so that a unit is as long along both: then the gradient stands upright on the contours."""
    if len(spans) == 1:
        return list(spans)
    (left, right), (bottom, top) = spans
    wide = max((ASPECT * (top - bottom) - (right - left)) / 2, 0.0)
    high = max(((right - left) / ASPECT - (top - bottom)) / 2, 0.0)
    return [(left - wide, right + wide), (bottom - high, top + high)]


def _given(low: Any, high: Any) -> tuple[float, float]:
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"bounds go from a smaller number to a larger one, but got ({low}, {high})")
    return float(low), float(high)


# --- the loss ---------------------------------------------------------------------------------------------------------


class _Landscape:
    """The loss of one step as a function of some entries."""

    def __init__(self, run: Run, moment: Entry, entries: Sequence[_Place]) -> None:
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
        here = [float(array[index]) for array, index in self._places]
        self._again, self._seconds = float("nan"), float("inf")
        for _ in range(2):  # the first time takes longer
            start = time.perf_counter()
            self._again = self.at(here)
            self._seconds = min(self._seconds, time.perf_counter() - start)

    def at(self, values: Sequence[float]) -> float:
        """Return the loss, NaN where it is not finite."""
        with np.errstate(all="ignore"):
            for (array, index), value in zip(self._places, values, strict=True):
                array[index] = value
            loss = self._program.loss(self._given)
        return loss if np.isfinite(loss) else float("nan")

    def over(self, axes: Sequence[Array]) -> Array:
        """Return the loss on a grid, one row for each value of the second axis."""
        if len(axes) == 1:
            return np.array([self.at((x,)) for x in axes[0]])
        return np.array([[self.at((x, y)) for x in axes[0]] for y in axes[1]])

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
        of = f" of {whose}" if whose else ""
        moment = f"{self._run.across} {self._moment.index}{of}"
        known = f"that {self._run.across}"  # what to call the moment once it has been told
        told, mentioned = "The loss", False
        alone, together = (self._all_alike(runs) for runs in ([self._run], [self._run, *others]))
        if not any(slot.kind in ("input", "setting") for slot in self._slots):
            told += "" if together else of
        elif together:
            told += " on this data"
        elif alone and whose:
            told += f"{of} on its data"
        else:
            told, mentioned = f"{told} on the data of {moment}", True
        if sum(self._run.parameters[number].size for number in self._owners.values()) > len(self._places):
            told, mentioned = (
                f"{told}, with all other entries as they were {'then' if mentioned else f'in {moment}'}",
                True,
            )
        told += "."
        if any(self._is_mask(at) for at in range(len(self._slots))):
            told += f" A mask, as dropout makes it, is the one of {known if mentioned else moment}."
        recorded = self._run.log.losses[self._moment.index]
        if np.isfinite(recorded) and not np.isclose(self._again, recorded, rtol=1e-5, atol=1e-12):
            told += " It is not the loss that was recorded: something random, or kept outside the graph, is part of it."
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
