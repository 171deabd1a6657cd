"""The numbers in a rule's lines, as a page computes them itself: from the gradients, and what the optimiser remembers at some moments.

Of Adam each step has ten numbers for each entry of a parameter, of which all but the entry and its gradient follow from the step
before. Here the rule is repeated as a page does it, and compared with what was recorded. Where they begin to differ, because
steps are missing or something else has changed what is remembered, the page is told anew what is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradviz.optim.repeating import Repeating
from gradviz.optim.written import Writing
from gradviz.training.analysis.rules import (
    Array,
    form_of,
    numbers_by_step,
    rows_by_form,
    settings_of,
    sheet_of,
    terms_of,
)
from gradviz.training.run.model import Rule

CLOSE = 2e-6
"""Of the largest that a number has lately been, what is remembered may be so much away from what was recorded: rounding makes that of
it in a hundred steps. Numbers that are computed from it may be twice as far away."""

LATELY = (1, 2, 4)
"""Shifts that reach back over eight steps: what stood there is rounded on, and so is a sum that it was a part of."""

Step = tuple[Repeating, Mapping[str, Any]]
"""A rule, and its settings."""

TINY = float(np.finfo(np.float32).tiny)

ROUNDS = 6
"""So often it is tried anew, with more that is told, to get what is computed of what is remembered right, too."""

AT_FIRST = 16
"""So many steps are repeated before they are compared with what was recorded; then twice as many, and so on."""


@dataclass(frozen=True)
class Told:
    """What has to be known of a run to compute all that is remembered.

    Attributes
    ----------
    moments
        The steps before which it is told.
    counts
        How many steps the optimiser had made then.
    memories
        By its names, what it remembered then.
    """

    moments: list[int]
    counts: Array
    memories: dict[str, Array]


def repeated(rules: Sequence[Rule | None], columns: Mapping[str, Array], numbers: Mapping[str, Array]) -> Told | None:
    """Return what a page needs to compute the numbers of some rules; ``None`` if it would not show what was recorded.

    Parameters
    ----------
    rules
        What moved a parameter in each step; ``None`` where it took no part.
    columns
        Of the parameter, and of what the optimiser remembered: as for `numbers_of`.
    numbers
        What was recorded, as `numbers_by_step` has it.
    """
    distinct = {id(rule): rule for rule in rules if rule is not None}
    settings = {key: settings_of(rule) for key, rule in distinct.items()}
    told = {form_of(rule): terms_of(rule) for rule in distinct.values()}
    if not all(np.isfinite(value).all() for each in settings.values() for value in each.values()):
        return None
    forms = {form: Repeating(one) for form, one in told.items() if one is not None}
    if len(forms) < len(told):
        return None
    steps = {key: (forms[form_of(rule)], settings[key]) for key, rule in distinct.items()}
    with np.errstate(all="ignore"):  # of a run that has diverged
        recorded = _recorded(rules, columns, numbers)
        moments = _moments(rules, [steps.get(id(rule)) for rule in rules], columns, numbers, recorded)
    if moments is None:
        return None
    before = {state: array[moments] for state, array in recorded.before.items()}
    return Told(moments, recorded.counts[moments] - 1, before)


@dataclass
class _Memory:
    """What an optimiser remembers of a parameter, with a row for each step.

    Attributes
    ----------
    counts
        How many steps it has made then.
    before, after
        By its names: what is remembered before the step, and after it.
    sizes
        How large that has been of late.
    moments
        The steps before which it was told what to remember.
    """

    shape: tuple[int, ...]
    counts: Array
    before: dict[str, Array] = field(default_factory=dict)
    after: dict[str, Array] = field(default_factory=dict)
    sizes: dict[str, Array] = field(default_factory=dict)
    moments: list[int] = field(default_factory=list)

    def known(self, row: int) -> dict[str, Array]:
        """Return what is remembered before a step."""
        return {state: array[row] for state, array in self.before.items()}

    def note(self, rows: Any, state: str, before: Any, after: Any) -> None:
        """Note what is remembered in some steps under a name."""
        for known, numbers in ((self.before, before), (self.after, after)):
            known.setdefault(state, np.full(self.shape, np.nan))[rows] = numbers

    def columns(self) -> dict[str, Array]:
        """Return it as columns, as for `numbers_of`."""
        counts = np.broadcast_to(self.counts[:, None], self.shape)
        return {"step": counts, **self.after, **{f"{state}.before": array for state, array in self.before.items()}}


def _recorded(rules: Sequence[Rule | None], columns: Mapping[str, Array], numbers: Mapping[str, Array]) -> _Memory:
    """Return what an optimiser remembered, and where it has not counted its steps how many there have been."""
    took_part = np.array([rule is not None for rule in rules])
    memory = _Memory(columns["before"].shape, np.cumsum(took_part).astype(np.float64))
    for rows in rows_by_form(rules):
        rule = rules[rows[0]]
        assert rule is not None
        sheet = sheet_of(rule)
        if sheet.counts and "step" in columns:
            memory.counts[rows] = columns["step"][rows, 0]
        keys = Writing(sheet).keys
        for one in sheet.memories:
            assert one.line is not None
            memory.note(rows, one.state, numbers[keys[one]][rows], numbers[keys[one.line]][rows])
    memory.sizes = {state: _lately(array) for state, array in memory.after.items()}
    return memory


def _moments(
    rules: Sequence[Rule | None],
    steps: Sequence[Step | None],
    columns: Mapping[str, Array],
    numbers: Mapping[str, Array],
    recorded: _Memory,
) -> list[int] | None:
    """Return before which steps it has to be told what is remembered, so that all numbers come out; ``None`` if they do not."""
    told: set[int] = set()
    for _ in range(ROUNDS):
        made = _followed(steps, columns, recorded, told)
        if made is None:
            return None
        apart = _apart(numbers_by_step(rules, {**columns, **made.columns()}), numbers)
        if not apart:
            return made.moments
        if apart <= set(made.moments):
            return None
        told |= apart
    return None


def _followed(
    steps: Sequence[Step | None], columns: Mapping[str, Array], recorded: _Memory, told: Collection[int]
) -> _Memory | None:
    """Return what is remembered if rules are repeated; ``None`` if a step does something else than its rule says.

    Parameters
    ----------
    steps
        Of each its rule, and the settings.
    columns, recorded
        What was recorded.
    told
        The steps before which it is told what is remembered, besides those where that is needed.
    """
    rows = [row for row, step in enumerate(steps) if step is not None]
    made = _Memory(recorded.shape, np.full(len(steps), np.nan))
    for state in recorded.after:
        made.note([], state, np.nan, np.nan)
    place, many, count = 0, AT_FIRST, 0.0
    kept: Mapping[str, Array] = {}
    while place < len(rows):
        block = rows[place : place + many]
        for row in block:
            step = steps[row]
            assert step is not None
            if row in told and row not in made.moments:
                made.moments.append(row)
            if row in made.moments:
                count, kept = recorded.counts[row] - 1, recorded.known(row)
            count += 1
            after = step[0].step(columns["before"][row], columns["gradient"][row], step[1], count, kept)
            made.counts[row] = count
            for state, numbers in after.items():
                made.note(row, state, kept.get(state, np.nan), numbers)
            kept = {**kept, **after}
        wrong = _first_apart(made, recorded, block)
        place += len(block) if wrong is None else wrong
        if wrong is None:
            many *= 2
            continue
        if block[wrong] in made.moments:
            return None
        made.moments = [*(row for row in made.moments if row < block[wrong]), block[wrong]]
        many = 1
    return made


def _first_apart(made: _Memory, recorded: _Memory, rows: list[int]) -> int | None:
    """Return which of some steps is the first after which something else was recorded."""
    right = made.counts[rows] == recorded.counts[rows]
    for state, its in recorded.after.items():
        right &= _near(made.after[state][rows], its[rows], recorded.sizes[state][rows], CLOSE).all(axis=1)
    return None if right.all() else int(np.argmin(right))


def _apart(mine: Mapping[str, Array], its: Mapping[str, Array]) -> set[int]:
    """Return the steps in which other numbers come out than were recorded."""
    right = np.ones(len(next(iter(its.values()))), bool)
    for key, array in its.items():
        right &= _near(mine[key], array, _lately(array), 2 * CLOSE).all(axis=1)
    return set(np.flatnonzero(~right).tolist())


def _near(mine: Array, its: Array, size: Array, close: float) -> Array:
    """Say which numbers are those that were recorded, but for rounding."""
    mine, its = mine.astype(np.float32).astype(np.float64), its.astype(np.float32).astype(np.float64)
    near: Array = (np.abs(mine - its) <= close * size + TINY) | (mine == its) | (np.isnan(mine) & np.isnan(its))
    return near


def _lately(array: Array) -> Array:
    """Return how large numbers have been of late, at most."""
    size: Array = np.abs(array)
    for shift in LATELY:
        size = np.fmax(size, np.concatenate([size[:1].repeat(min(shift, len(size)), axis=0), size[:-shift]]))
    return size
