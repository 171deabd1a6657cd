"""Gradient flow at a glance: how large each layer's gradient and update are beside its weights, over depth and over epochs."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gradviz.catalogue import text
from gradviz.drawing import image_tag
from gradviz.drawing.charts.heat import DARK, Strip, heat_strips, power_of_ten
from gradviz.drawing.charts.paper import saved
from gradviz.drawing.shown import Shown
from gradviz.engine.numerals import number
from gradviz.training.run.table import pandas_for_tables

SMALL, LARGE = 1e-4, 10.0
"""Below the first, beside the weights, a gradient vanishes; above the second it explodes."""

BESIDE = 1e-2
"""It vanishes only where another layer's is so much larger: where all are small, the run has arrived."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Flow(Shown):
    """How gradients flow through the layers. Evaluate it in a notebook cell to see it.

    Attributes
    ----------
    title
        What was looked at.
    layers
        The layers in the order of the computation: the first is nearest to the input.
    columns, across
        What the columns are called, and what they are: ``"epoch"``, ``"step"``, or nothing for a single pass.
    gradients
        By layer and column: ‖gradient‖, the length of the gradient of all of the layer's parameters together.
    ratios, updates
        The same beside ‖weights‖; and ‖what the steps added‖ beside it. nan where there was none.
    losses
        The loss by column.

    Examples
    --------
    >>> import gradviz as gv
    >>> model = gv.nn.Sequential(gv.nn.Linear(2, 3), gv.nn.Tanh(), gv.nn.Linear(3, 1))
    >>> loss = model(gv.ones(4, 2)).sum()
    >>> loss.backward()
    >>> gv.flow(loss).layers
    ('model.0', 'model.2')
    """

    title: str
    layers: tuple[str, ...]
    columns: tuple[str, ...]
    across: str
    gradients: Array
    ratios: Array
    updates: Array
    losses: tuple[float, ...]

    @cached_property
    def vanishing(self) -> Array:
        """By layer and column, whether the gradient vanishes."""
        with np.errstate(all="ignore"):
            largest = _largest(self.ratios)
            return np.isfinite(self.ratios) & (self.ratios < SMALL) & (self.ratios < BESIDE * largest)

    @cached_property
    def exploding(self) -> Array:
        """By layer and column, whether it explodes: longer than ten times the weights, or not finite."""
        with np.errstate(all="ignore"):
            return self.ratios > LARGE

    @cached_property
    def words(self) -> tuple[str, ...]:
        """What is to be seen, in sentences."""
        told = []
        for kind, where in (("vanishes", self.vanishing), ("explodes", self.exploding)):
            if where.any():
                told.append(self._told(kind, where))
        if not told:
            told.append(self._calm())
        return (*told, *filter(None, (self._overshot(), self._unmoved())))

    def _told(self, kind: str, where: Array) -> str:
        layers, when = self._layers(where), self._when(where)
        k = int(np.flatnonzero(where.any(0))[0])
        column = self.ratios[:, k]
        at = (
            int(np.nanargmin(np.where(where[:, k], column, np.nan)))
            if kind == "vanishes"
            else int(np.nanargmax(column))
        )
        other = int(np.nanargmax(column)) if kind == "vanishes" else int(np.nanargmin(column))
        with np.errstate(all="ignore"):
            times = column[other] / column[at] if kind == "vanishes" else column[at] / column[other]
        limit = power_of_ten(round(math.log10(SMALL))) if kind == "vanishes" else f"{LARGE:.0f}"
        key = f"flow {kind}" if math.isfinite(times) else f"flow {kind} altogether"
        return text(
            key, "why", layers=layers, when=when, limit=limit, layer=self.layers[at], other=self.layers[other],
            times=_times(float(times)) if math.isfinite(times) else "",
        )  # fmt: skip

    def _calm(self) -> str:
        known = self.ratios[np.isfinite(self.ratios) & (self.ratios > 0)]
        if not known.size:
            return text("flow nothing", "why")
        low, high = _short(float(known.min())), _short(float(known.max()))
        return text("flow even" if low == high else "flow calm", "why", low=low, high=high)

    @cached_property
    def overshooting(self) -> Array:
        """By layer and column, whether a step is longer than the weights that it moves."""
        with np.errstate(all="ignore"):
            return self.updates > 1

    def _overshot(self) -> str:
        where = self.overshooting
        if not where.any():
            return ""
        i, k = np.unravel_index(int(np.nanargmax(np.where(where, self.updates, np.nan))), where.shape)
        return text(
            "flow overshoots", "why", layers=self._layers(where), when=self._when(where), layer=self.layers[i],
            times=_times(float(self.updates[i, k])) if np.isfinite(self.updates[i, k]) else "∞",
        )  # fmt: skip

    def _layers(self, where: Array) -> str:
        return _stretches([self.layers[i] for i in np.flatnonzero(where.any(1))], self.layers)

    def _when(self, where: Array) -> str:
        if not self.across:
            return ""
        return f" ({self.across} {_stretches([self.columns[k] for k in np.flatnonzero(where.any(0))], self.columns)})"

    def _unmoved(self) -> str:
        """Say which layers never move, though they have a gradient."""
        if np.isnan(self.updates).all():
            return ""
        moves = np.nansum(self.updates, axis=1) > 0
        still = [
            name
            for name, moved, row in zip(self.layers, moves, self.ratios, strict=True)
            if not moved and np.nansum(row) > 0
        ]
        return text("flow unmoved", "why", layers=_stretches(still, self.layers)) if still else ""

    # --- numbers ------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, list[Any]]:
        """Return a table of all numbers: a row for each layer and column."""
        table: dict[str, list[Any]] = {
            "layer": [],
            self.across or "pass": [],
            "gradient": [],
            "ratio": [],
            "update": [],
        }
        for i, layer in enumerate(self.layers):
            for k, column in enumerate(self.columns):
                row = (layer, column, *(float(one[i, k]) for one in (self.gradients, self.ratios, self.updates)))
                for name, value in zip(table, row, strict=True):
                    table[name].append(value)
        return table

    def to_pandas(self) -> Any:
        """Return the table as a `pandas.DataFrame`.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        return pandas_for_tables().DataFrame(self.to_dict())

    # --- the picture ---------------------------------------------------------------------------------------------

    @cached_property
    def _drawn(self) -> tuple[str, float, float]:
        def strip(key: str, numbers: Array, marked: Array, word: str) -> Strip:
            upwards = slice(None, None, -1)  # the output on top, as the gradient goes down from there
            return Strip(
                text(key, "why"),
                tuple(tuple(map(float, row)) for row in numbers[upwards]),
                tuple(tuple(map(bool, row)) for row in marked[upwards]),
                word,
            )

        marked = self.exploding if self.exploding.any() else self.vanishing
        word = "exploding" if self.exploding.any() else "vanishing"
        strips = [strip("flow gradient", self.ratios, marked, word)]
        if not np.isnan(self.updates).all():
            strips.append(strip("flow update", self.updates, self.overshooting, "too long"))
        losses = [number(one, 2) for one in self.losses] if self.across else []
        return heat_strips(
            text("flow title", "why", name=self.title),
            " ".join(self.words),
            strips,
            self.layers[::-1],
            self.columns if self.across else ("",),
            self.across,
            losses,
            "loss" if losses else "",
        )

    def to_svg(self) -> str:
        """Return the picture as SVG text."""
        return self._drawn[0]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file.

        Parameters
        ----------
        path
            Ends in ``.svg``, ``.pdf`` or ``.png``; or in ``.csv``, for the numbers.

        Returns
        -------
        pathlib.Path
            The path.
        """
        svg, width, height = self._drawn
        plain = svg if Path(path).suffix.lower() == ".svg" else svg.replace(DARK, "")
        return saved(path, plain, (width, height), csv=self._csv)

    def _csv(self) -> str:
        table = self.to_dict()
        rows = zip(*table.values(), strict=True)
        return (
            "\n".join(
                [
                    ",".join(table),
                    *(",".join(f'"{one}"' if isinstance(one, str) else repr(one) for one in row) for row in rows),
                ]
            )
            + "\n"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show the picture."""
        svg = self.to_svg()
        return {"image/svg+xml": svg, "text/html": image_tag(svg, self.title), "text/plain": repr(self)}

    def __str__(self) -> str:
        return " ".join(self.words)

    def __repr__(self) -> str:
        passes = f", {len(self.columns)} columns ({self.across})" if self.across else ""
        return f"<Flow of {self.title!r}: layers {self.layers[0]} to {self.layers[-1]}{passes}. {self}>"


# --- words -------------------------------------------------------------------------------------------------------------


def _largest(ratios: Array) -> Array:
    return np.max(np.where(np.isfinite(ratios), ratios, 0), axis=0, keepdims=True)


def _stretches(names: Sequence[str], all_names: Sequence[str]) -> str:
    """Put names in a row; those that follow each other as a stretch: ``"1–4, 7"``."""
    places = [all_names.index(name) for name in names]
    told: list[list[int]] = []
    for place in places:
        if told and place == told[-1][-1] + 1:
            told[-1].append(place)
        else:
            told.append([place])
    return ", ".join(
        all_names[one[0]]
        if len(one) == 1
        else f"{all_names[one[0]]}{'–' if all_names[one[0]].isdigit() else ' to '}{all_names[one[-1]]}"
        for one in told
    )


def _times(factor: float) -> str:
    if factor >= 1e4:
        power = math.floor(math.log10(factor))
        return f"{factor / 10**power:.1f} · {power_of_ten(power)}"
    return f"{factor:.0f}" if factor >= 10 else f"{factor:.2g}"


def _short(value: float) -> str:
    return f"{value:.2g}".replace("-", "−") if 1e-3 <= value < 1e4 else _times_of_ten(value)


def _times_of_ten(value: float) -> str:
    power = math.floor(math.log10(value))
    return f"{value / 10**power:.1f} · {power_of_ten(power)}"
