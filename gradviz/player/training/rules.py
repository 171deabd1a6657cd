"""The update rules of a run, as a page is told them: their lines, which was at work in which step, and the numbers in these."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from gradviz.optim.terms import as_data
from gradviz.player.training.columns import Array, column, narrow, picked
from gradviz.player.training.repeated import repeated
from gradviz.training.analysis.rules import form_of, hand_rate, numbers_by_step, sheet_of, written
from gradviz.training.run.log import Entry, Large, ParameterEntry
from gradviz.training.run.model import BY_HAND, Rule

FEW_LETTERS = 4_000
"""So many letters of numbers a page is rather told than computes them: it would have to be told how."""


class Forms:
    """The forms of a run's rules, each once: those with the same lines are one.

    Attributes
    ----------
    told
        Of each its ``name`` and ``lines`` as they are printed; where a page computes its numbers, also its ``rule`` as terms.
    """

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self._known: dict[Any, int] = {}

    def number(self, rule: Rule) -> int:
        """Return the number of a rule's form."""
        form = form_of(rule)
        if form not in self._known:
            self._known[form] = len(self.told)
            self.told.append(written(rule))
        return self._known[form]

    def explain(self, rule: Rule) -> None:
        """Tell the terms of a form, too."""
        self.told[self.number(rule)].setdefault("rule", as_data(sheet_of(rule)))


def rule_columns(
    values: dict[str, Array],
    parts: Sequence[ParameterEntry | None],
    earlier: ParameterEntry | None,
    entries: Sequence[Entry],
    before: Entry | None,
    flat: list[int],
    forms: Forms,
) -> dict[str, Any]:
    """Return what moved a parameter in each step, and the numbers that stand in its rule.

    Parameters
    ----------
    values
        The parameter's columns: ``before``, ``gradient`` and ``after``.
    parts, entries
        The steps: of each what is kept of the parameter, and all.
    earlier, before
        The same of the step before the first of them, if that is known.
    flat
        Which entries of the parameter.
    forms
        Takes the forms of the rules.

    Returns
    -------
    dict
        ``form``: in each step the number of the rule's form, -1 where nothing moved the parameter; and ``numbers`` by their keys
        in the lines, or what `repeated` says for a page to compute them.
    """
    columns = {**values, **_states(parts, earlier, entries, before, flat)}
    rules = _rules(parts, columns)
    known = {id(rule): rule for rule in rules if rule is not None}
    form_by_rule = {key: forms.number(rule) for key, rule in known.items()}
    form = np.array([form_by_rule.get(id(rule), -1) for rule in rules])
    numbers = numbers_by_step(rules, columns)
    told = {"form": column(form, "int32")}
    plain = {name: narrow(array, values) for name, array in numbers.items()}
    letters = _letters(plain.values())
    again = repeated(rules, columns, numbers) if letters > FEW_LETTERS else None
    if again is None or _letters(memory for _, memory in again["memories"]) >= letters:
        return {**told, "numbers": plain}
    for rule in known.values():
        forms.explain(rule)
    return {**told, "repeated": again}


def _letters(columns: Iterable[dict[str, Any]]) -> int:
    return sum(len(one.get("data", "")) for one in columns)


def _rules(parts: Sequence[ParameterEntry | None], columns: dict[str, Array]) -> list[Rule | None]:
    """Return the rule of each step; of a loop that moves a parameter itself, with the rate that all of these steps have."""
    rules = [None if part is None else part.rule for part in parts]
    at = [row for row, rule in enumerate(rules) if rule is not None and rule.name == BY_HAND]
    if at:
        rate = hand_rate(*(columns[name][at] for name in ("before", "gradient", "after")))
        mine = Rule(BY_HAND, {} if rate is None else {"rate": rate})
        for row in at:
            rules[row] = mine
    return rules


def _states(
    parts: Sequence[ParameterEntry | None],
    earlier: ParameterEntry | None,
    entries: Sequence[Entry],
    before: Entry | None,
    flat: list[int],
) -> dict[str, Array]:
    """Return what the optimiser remembered after each step, and before it (NaN where that is not known)."""
    names = dict.fromkeys(name for part in (earlier, *parts) if part is not None for name in part.state)
    indices = [-2 if before is None else before.index, *(entry.index for entry in entries)]
    follows = np.diff(indices) == 1
    found: dict[str, Array] = {}
    for name in names:
        rows = [_state_row(part, name, flat) for part in (earlier, *parts)]
        after = np.stack(rows)
        found[name] = after[1:]
        found[f"{name}.before"] = np.where(follows[:, None], after[:-1], np.nan)
    return found


def _state_row(part: ParameterEntry | None, name: str, flat: list[int]) -> Array:
    kept = None if part is None else part.state.get(name)
    if kept is not None and not isinstance(kept, Large) and np.size(kept) == 1:
        return np.full(len(flat), float(np.ravel(kept)[0]))
    return picked(kept, flat)
