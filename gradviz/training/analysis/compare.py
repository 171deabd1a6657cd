"""Several runs side by side: their losses on the same axes, their ways over one loss surface, and a table."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from gradviz.drawing import image_tag
from gradviz.drawing.charts import contours
from gradviz.drawing.charts import lines as charts
from gradviz.drawing.charts.contours import ContourChart, Way
from gradviz.drawing.charts.lines import Chart, Line
from gradviz.drawing.charts.paper import saved
from gradviz.drawing.shown import Shown
from gradviz.drawing.text import clean
from gradviz.recording import number_text
from gradviz.training.analysis.entries import Named
from gradviz.training.analysis.grids import Grid, grid_of, table, unique
from gradviz.training.analysis.rules import hand_rate
from gradviz.training.analysis.surface import far_above, surface, usual_pair, way
from gradviz.training.run import Run
from gradviz.training.run.model import BY_HAND

WIDTH = max(charts.WIDTH, contours.WIDTH)

CELL = "style='text-align: left; padding: 2px 14px 2px 0'"
"""How the table's cells stand, also where the page around them has its own idea of a table."""


@dataclass(frozen=True)
class Row:
    """What the table says of one run.

    Attributes
    ----------
    label
        The run's.
    steps
        How many there were.
    first, last, lowest
        Losses.
    lowest_at
        The step of the lowest.
    reached_at
        The first step with a loss as low as all that do not diverge come to; ``None`` if it does not get there.
    words
        What else is to be known: that it diverges, that an error ended it.
    """

    label: str
    steps: int
    first: float
    last: float
    lowest: float
    lowest_at: int | None
    reached_at: int | None
    words: str


@dataclass(frozen=True)
class RunComparison(Shown):
    """Several runs. Evaluate it in a notebook cell to see them.

    Attributes
    ----------
    runs, labels
        What is compared.
    notes
        What is to be known of all of them, such as runs that failed.

    Examples
    --------
    >>> import gradviz as torch
    >>> def run(lr):
    ...     w = torch.tensor(2.0, requires_grad=True)
    ...     player = torch.train(lambda: (w - 1.0) ** 2, torch.optim.SGD([w], lr=lr), epochs=3)
    ...     player.train()
    ...     return player.run
    >>> both = torch.compare(run(0.1), run(0.3))
    >>> len(both.runs)
    2
    """

    runs: tuple[Run, ...]
    labels: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def chart(self, *, log: bool | None = None) -> Chart:
        """Draw the losses on the same axes.

        Parameters
        ----------
        log
            A logarithmic scale; by default where the losses span a factor of 100 or more.
        """
        lines = [
            Line(name, tuple(run.log.losses), style=style)
            for name, run, style in zip(self.labels, self.runs, self._styles, strict=True)
        ]
        title = self.title if " = " in self.title else f"Loss: {self.title}"  # an equation says itself what it is
        return charts.chart(lines, title=title, across=self.across, log=log)

    def paths(
        self, first: Named | None = None, second: Named | None = None, *, size: int | None = None
    ) -> ContourChart:
        """Draw the runs' ways over the loss surface of one or two entries of the parameters.

        The surface is that of the first run. The other runs are on the same one if they have the same model and data.

        Parameters
        ----------
        first, second
            The entries: ``"w"``, ``"lin.weight[0, 1]"``; by default the two that move most in the first run.
        size
            How many points the grid has along each axis; by default as many as there is time for.

        Raises
        ------
        KeyError, IndexError
            If the runs have no such parameter, or it no such entry.
        ValueError
            If the runs do not train the same parameters, the loss cannot be computed again, or the entries are not kept.
        """
        for label, run in zip(self.labels, self.runs, strict=True):
            if run.parameters != self.runs[0].parameters:
                raise ValueError(
                    f"{label} trains other parameters than {self.labels[0]}, so their ways are not on one surface"
                )
        if first is None:
            pair = usual_pair(self.runs[0])
            if pair is None:
                raise ValueError("no parameter of the first run is kept in full, so there is no surface to draw")
            first, second = pair
        whose = self.labels[0] if len(self.runs) > 1 else ""
        told = surface(self.runs[0], first, second, size=size, others=self.runs[1:], whose=whose)
        ways = [
            Way(label, *way(run, first, second), style)
            for label, run, style in zip(self.labels, self.runs, self._styles, strict=True)
        ]
        return ContourChart(told, tuple(ways))

    @property
    def title(self) -> str:
        """What the runs have in common, or how many there are."""
        titles = {run.title for run in self.runs}
        return titles.pop() if len(titles) == 1 else f"{len(self.runs)} runs"

    @property
    def across(self) -> str:
        """What the losses are drawn over: ``"epoch"``, or ``"step"`` where an epoch of one has several."""
        return "epoch" if all(run.across == "epoch" for run in self.runs) else "step"

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The table."""
        goal = self.goal
        return tuple(_row(label, run, goal) for label, run in zip(self.labels, self.runs, strict=True))

    @cached_property
    def grid(self) -> Grid | None:
        """The two settings in which the runs differ, if it is two: a line has its colour from the first, its dashes from the second."""
        return grid_of(self.labels)

    @property
    def _styles(self) -> Sequence[tuple[int, int] | None]:
        """Which colour and which dashes each run has, in all pictures."""
        return self.grid.places if self.grid is not None else (None,) * len(self.runs)

    def best_first(self) -> RunComparison:
        """Return the same runs in the order of their last losses, those that diverge last."""
        rows = self.rows

        def rank(place: int) -> tuple[bool, float]:
            return diverges(self.runs[place]), rows[place].last if math.isfinite(rows[place].last) else math.inf

        order = sorted(range(len(self.runs)), key=rank)
        runs, labels = ([given[place] for place in order] for given in (self.runs, self.labels))
        return RunComparison(tuple(runs), tuple(labels), self.notes)  # type: ignore[arg-type]

    @property
    def goal(self) -> float | None:
        """The lowest loss that all runs come to that do not diverge."""
        reached = [min(_finite(run)) for run in self.runs if _finite(run) and not diverges(run)]
        return max(reached, default=None)

    @property
    def svg(self) -> str:
        """The losses, and below them the ways, if there is a surface, as SVG text."""
        return self._picture[0]

    @property
    def height(self) -> float:
        """Of the picture, in pixels."""
        return self._picture[1]

    @cached_property
    def _pictures(self) -> list[tuple[str, float]]:
        pictures = [(self.chart().svg, charts.HEIGHT)]
        # Of different models, or where nothing can be computed again, the losses tell what there is to tell.
        with suppress(KeyError, IndexError, ValueError):
            pictures.append((self.paths().svg, contours.HEIGHT))
        return pictures

    @cached_property
    def _picture(self) -> tuple[str, float]:
        if len(self._pictures) == 1:
            return self._pictures[0]
        inner, height = [], 0.0
        for picture, high in self._pictures:
            inner.append(picture.replace("<svg ", f'<svg y="{height:.0f}" ', 1))
            height += high
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {WIDTH:.0f} {height:.0f}">{"".join(inner)}</svg>'
        ), height

    @property
    def html(self) -> str:
        """The table as HTML, the run with the smallest last loss first; of two settings a second one, of their combinations."""
        heads = ["run", f"{self.across}s", "first loss", "last loss", "lowest loss"]
        goal = self.goal
        if goal is not None and len(self.runs) > 1:
            heads.append(f"down to {number_text(goal)} at {self.across}")
        lines = []
        for row in self.best_first().rows:
            lowest = number_text(row.lowest) + (f" at {row.lowest_at:,}" if row.lowest_at is not None else "")
            cells = [row.label, f"{row.steps:,}", number_text(row.first), number_text(row.last), lowest]
            if len(heads) > len(cells):
                cells.append("not reached" if row.reached_at is None else f"{row.reached_at:,}")
            lines.append([*cells, row.words])
        if any(row.words for row in self.rows):
            heads.append("remarks")
        body = "".join(
            "<tr>"
            + "".join(
                f"<th scope='row' {CELL}>{escape(clean(cell))}</th>"
                if place == 0
                else f"<td {CELL}>{escape(clean(cell))}</td>"
                for place, cell in enumerate(line[: len(heads)])
            )
            + "</tr>"
            for line in lines
        )
        head = "".join(f"<th scope='col' {CELL}>{escape(name)}</th>" for name in heads)
        notes = "".join(f"<p>{escape(clean(note))}</p>" for note in self.notes)
        combined = ""
        if self.grid is not None:
            combined = table(self.grid, [row.last for row in self.rows], [diverges(run) for run in self.runs])
        return f"{combined}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the comparison to a file.

        Parameters
        ----------
        path
            ``.svg``, ``.pdf``, ``.png``: the pictures. ``.html``: a page with the pictures and the table.

        Raises
        ------
        ValueError
            For another ending.
        OSError
            If the file cannot be written; an older one stays as it was.
        """
        return saved(path, self.svg, (WIDTH, self.height), html=lambda: _page(self))

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return the runs as plain arrays, by label: see `Run.to_dict`."""
        return {label: run.to_dict() for label, run in zip(self.labels, self.runs, strict=True)}

    def __len__(self) -> int:
        return len(self.runs)

    def __repr__(self) -> str:
        told = [f"{row.label}: {number_text(row.last)}{' (diverges)' * ('diverges' in row.words)}" for row in self.rows]
        return f"<RunComparison, last losses: {', '.join(told)}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        picture = image_tag(self.svg, self.chart().title)
        return {"text/html": f"{picture}{self.html}", "text/plain": repr(self)}


def compare(
    *runs: Run | Mapping[str, Run], labels: Sequence[str] | None = None, notes: Sequence[str] = ()
) -> RunComparison:
    """Compare training runs: losses on the same axes, ways over the same surface, a table.

    Parameters
    ----------
    *runs
        Runs that `gradviz.record` has made; or one dictionary of them, by label.
    labels
        What to call them; by default what differs: ``"lr=0.1"``, ``"Adam"``.
    notes
        What else is to be said.

    Returns
    -------
    RunComparison
        Shows itself in Jupyter; ``.chart()`` and ``.paths("w", "b")`` are its pictures, ``.rows`` its table,
        ``.save("rates.html")`` writes a file.

    Raises
    ------
    TypeError
        If there is no run, or something else than runs.
    ValueError
        If a run is empty, or the labels are not as many as the runs.

    Examples
    --------
    >>> import gradviz as torch
    >>> def train(rate):
    ...     w = torch.tensor(2.0, requires_grad=True)
    ...     optimizer = torch.optim.SGD([w], lr=rate)
    ...     with torch.record() as run:
    ...         for epoch in range(3):
    ...             optimizer.zero_grad()
    ...             loss = (w - 1.0) ** 2
    ...             loss.backward()
    ...             optimizer.step()
    ...     return run
    >>> torch.compare(train(0.1), train(0.25))
    <RunComparison, last losses: lr=0.1: 0.4096, lr=0.25: 0.0625>
    """
    given: list[Any] = list(runs)
    if len(given) == 1 and isinstance(given[0], Mapping):
        labels, given = list(given[0]), list(given[0].values())
    if not given:
        raise TypeError("nothing to compare: pass the runs, as in gv.compare(run_a, run_b)")
    for place, run in enumerate(given):
        if not isinstance(run, Run):
            raise TypeError(
                f"argument {place + 1} is a {type(run).__name__}, not a run: with gv.record() as run makes one"
            )
        if not len(run):
            raise ValueError(f"run {place + 1} is empty: nothing was recorded in it")
    if labels is None:
        labels = labels_of(given)
    elif len(labels) != len(given):
        raise ValueError(f"{len(labels)} labels for {len(given)} runs")
    return RunComparison(tuple(given), tuple(unique([str(label) for label in labels])), tuple(notes))


def diverges(run: Run) -> bool:
    """Say whether a run ends far above where it began, or at no number at all."""
    return bool(far_above(run.losses)[-1])


# --- labels -----------------------------------------------------------------------------------------------------------


def labels_of(runs: Sequence[Run]) -> list[str]:
    """Say of each run what it does not have in common with the others."""
    facts = [_settings(run) for run in runs]
    names = list(dict.fromkeys(name for fact in facts for name in fact))
    # What only one optimiser has, the other's name tells.
    differing = [name for name in names if len({fact.get(name, "") for fact in facts if name in fact}) > 1]
    told = [[_setting(name, fact[name]) for name in differing if name in fact] for fact in facts]
    if all(told):
        return [", ".join(words) for words in told]
    titles = [run.title for run in runs]
    if len(set(titles)) == len(runs):
        return titles
    return [f"run {place + 1}" for place in range(len(runs))]


def _setting(name: str, value: str) -> str:
    return value if name == "" else f"{name}={value}"


def _settings(run: Run) -> dict[str, str]:
    """Return the name of a run's first update rule under ``""``, and its settings in words."""
    for entry in run.log.entries:
        for part in entry.parameters.values():
            if part.rule.name != BY_HAND:
                words = {name: _words(value) for name, value in part.rule.settings.items()}
                return {"": part.rule.name, **words}
            if part.gradient is not None and part.after is not None and hasattr(part.before, "tobytes"):
                rate = hand_rate(part.before, part.gradient, part.after)  # type: ignore[arg-type]
                return {"": BY_HAND} | ({} if rate is None else {"lr": _words(rate)})
    return {}


def _words(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_words, value))})"
    return number_text(value) if isinstance(value, int | float) else str(value)


# --- the table --------------------------------------------------------------------------------------------------------


def _finite(run: Run) -> list[float]:
    return [loss for loss in run.log.losses if math.isfinite(loss)]


def _row(label: str, run: Run, goal: float | None) -> Row:
    losses, finite = run.log.losses, _finite(run)
    lowest = min(finite) if finite else math.nan
    words = []
    if diverges(run):
        lost = next((step for step, loss in enumerate(losses) if not math.isfinite(loss)), None)
        when = "" if lost is None else f": {number_text(losses[lost])} from {run.across} {lost} on"
        words.append(f"diverges{when}")
    words += [note for note in run.notes if note.startswith("stopped")]
    return Row(
        label=label,
        steps=len(losses),
        first=losses[0],
        last=losses[-1],
        lowest=lowest,
        lowest_at=losses.index(lowest) if finite else None,
        reached_at=None if goal is None else next((step for step, loss in enumerate(losses) if loss <= goal), None),
        words="; ".join(words),
    )


_STYLE = (
    "body{box-sizing:border-box;display:flex;flex-direction:column;height:100vh;min-height:30rem;margin:0 auto;"
    "max-width:80rem;padding:.5rem 1rem;background:#fff;color:#1f2328;font:16px/1.5 system-ui,Helvetica,Arial,"
    "sans-serif}h1{font-size:1.2rem;overflow-wrap:anywhere;margin:.2rem 0}main{display:flex;flex-wrap:wrap;align-items:flex-start}"
    "main>svg{flex:1 1 min(100%,30rem);min-width:0;max-width:40rem;height:auto}div{flex:1 1 0;min-height:8rem;overflow:auto}"
    "@media(max-width:62rem){main>svg{max-height:max(12rem,calc((100vh - 13rem)/2))}body{font-size:14px}}"
    "@media print{body{display:block;height:auto}}"
    "table{border-collapse:collapse}th,td{padding:.3rem .8rem .3rem 0;border-bottom:1px solid #d0d7de;"
    "font-variant-numeric:tabular-nums}@media(prefers-color-scheme:dark){body{background:#010409;color:#e6edf3}"
    "th,td{border-color:#3d444d}}"
)


def _page(told: RunComparison) -> str:
    title = escape(clean(told.title if len(told.runs) == 1 else f"{len(told.runs)} runs compared: {told.title}"))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"><meta name=\"viewport\" "
        'content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f'<title>{title}</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head>\n'
        f"<body><h1>{title}</h1><main>{''.join(one for one, _ in told._pictures)}</main><div>{told.html}</div></body></html>\n"
    )
