"""The loss over one or two entries of the parameters, computed on a grid by the run's own program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.drawing.charts.relief import ASPECT, Relief
from gradviz.training.analysis.entries import Array, Named, Place, entry_name, paths_over
from gradviz.training.analysis.landscape import SECONDS, SMALLEST, Landscape
from gradviz.training.run import Run

ALONG_ONE, ALONG_TWO = 193, 49
"""Points along each axis, over one entry and over two, where there is time for them."""

DIVERGED = 10.0
"""A run whose last loss is above this many times the first one diverges, and steps above it do not count for the region."""


@dataclass(frozen=True)
class Surface(Relief):
    """The loss over one or two entries of the parameters, and the run's way over it.

    Attributes
    ----------
    x, y
        The values along the axes; `y` is empty where there is one entry.
    loss
        Of shape ``(len(y), len(x))``, or ``(len(x),)``; NaN where it is not finite.
    names
        Of the entries.
    sentence
        What is shown, in words.
    path_x, path_y
        The run's way: the values before each kept step, and, one more, after the last.
    path_loss
        The losses of those steps, as they were recorded, each on its own data; NaN after the last.
    """

    path_x: Array
    path_y: Array
    path_loss: Array


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
    seconds: float = SECONDS,
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
        take longer than `seconds` there are fewer, but at least 13.
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
    seconds
        About how long the grid may take.

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
    entries = [Place(run, named) for named in ((first,) if second is None else (first, second))]
    if second is not None and entries[0].name == entries[1].name:
        raise ValueError(
            f"both entries are {entries[0].name}: choose another one, or leave the second out, for a curve"
        )
    moment = run.nearest(_last_in_reach(run) if step == -1 else run._index(None, step))
    landscape = Landscape(run, moment, entries, seconds)
    paths, losses = paths_over(run, entries)
    if bounds is None:
        ways = [(paths, losses)]
        for other in others:
            ways.append(paths_over(other, [Place(other, entry.name) for entry in entries]))
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
        tuple(entry.name for entry in entries),
        landscape.sentence(others, whose),
        paths[0],
        paths[1] if second is not None else np.empty(0),
        np.append(losses, np.nan),
    )


def way(run: Run, first: Named, second: Named | None = None) -> tuple[Array, Array]:
    """Return a run's way over one or two entries, as `Surface` has it: the values, or the values and the losses."""
    entries = [Place(run, named) for named in ((first,) if second is None else (first, second))]
    paths, losses = paths_over(run, entries)
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
        moved += [(-far, number, entry_name(parameter, place)) for place, far in enumerate(extent)]
    if not moved:
        return None
    # Of those that moved most the earlier one comes first, as in the model.
    first, *others = sorted(sorted(range(len(moved)), key=lambda place: moved[place][0])[:2])
    return moved[first][2], moved[others[0]][2] if others else None


# --- the region -------------------------------------------------------------------------------------------------------


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
