"""A rule that travels as terms, computed as a page computes it: in float64, and each line rounded to float32.

The page's own is ``player/frontend/src/training/onward/rule.js``. With this one Python knows what a page will show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradviz.optim.written import OPERATORS

Array = np.ndarray[Any, Any]
Kept = Mapping[str, Array]
"""What an optimiser remembers, by its names for it."""


class Repeating:
    """The lines of a rule up to the last that is remembered.

    Parameters
    ----------
    told
        The rule, as `gradviz.optim.terms.as_data` writes it.
    """

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._counts: bool = told["counts"]
        self._now: dict[str, Any] = {}
        self._kept: dict[str, Array] = {}
        self._results: list[Array] = []
        count = max((place + 1 for place, line in enumerate(told["lines"]) if line["keep"]), default=0)
        self._lines = [(self._of(line["term"]), line["whole"], line["keep"]) for line in told["lines"][:count]]
        self._starts = {one["state"]: (self._of(one["start"]), one["copies"]) for one in told["memories"]}

    def step(self, w: Array, grad: Array, settings: Mapping[str, Any], t: float, kept: Kept) -> dict[str, Array]:
        """Return what is remembered after a step.

        Parameters
        ----------
        w, grad
            The parameter before it, and its gradient.
        settings
            As `gradviz.optim.terms.settings_as_data` writes them.
        t
            The number of the step, counting from 1.
        kept
            What is remembered before it.
        """
        starts = {state: start for state, start in self._starts.items() if state not in kept}
        copies = {state: start for state, (start, whole) in starts.items() if whole}
        self._now = {
            "w": w,
            "grad": grad,
            "t": t,
            "settings": settings,
            "fresh": t == 1 if self._counts else bool(copies),
        }
        self._kept = {**kept, **{state: start() for state, (start, _) in starts.items() if state not in copies}}
        self._results = []
        after: dict[str, Array] = {}
        for line, whole, keep in self._lines:
            made = copies.get(keep, line)()
            if whole or keep:
                made = np.asarray(made, np.float32).astype(np.float64)
            self._results.append(made)
            if keep:
                after[keep] = made
        return after

    def _of(self, term: list[Any]) -> Callable[[], Any]:
        what, *parts = term
        if what == "number":
            return lambda: parts[0]
        if what == "setting":
            return lambda: self._setting(*parts)
        if what == "memory":
            return lambda: self._kept[parts[0]]
        if what == "line":
            return lambda: self._results[parts[0]]
        if not parts:
            return lambda: self._now[what]
        operands = [self._of(part) for part in parts]
        if what == "if":
            return lambda: np.where(*(operand() for operand in operands))
        operator = OPERATORS[what]
        return lambda: operator(*[operand() for operand in operands])

    def _setting(self, name: str, place: int | None, first: float | None) -> Any:
        if first is not None and self._now["fresh"]:
            return first
        value = self._now["settings"][name]
        return value if place is None else value[place]
