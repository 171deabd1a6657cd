"""The update rules of a run, as a page is told them: their lines, which was at work in which step, and the numbers in these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.player.training.columns import Array, column, narrow, rows_of
from gradviz.training.analysis.remembered import repeated
from gradviz.training.analysis.rules import form_of, hand_rate, numbers_by_step, settings_of, terms_of, written
from gradviz.training.run.log import Entry, ParameterEntry
from gradviz.training.run.model import BY_HAND, Rule

FEW = 800
"""So many numbers a page is rather told than computes them: it would have to be told how."""


VALUES = ("before", "after", "gradient")
"""The columns of a parameter that a page has."""


@dataclass(frozen=True)
class Moved:
    """What moved a parameter in each step.

    Attributes
    ----------
    rules
        ``None`` where nothing did.
    columns
        Its values, and what the optimiser remembered, as for `numbers_by_step`.
    """

    rules: Sequence[Rule | None]
    columns: Mapping[str, Array]

    @property
    def kind(self) -> Any:
        """What those have in common that are moved alike: the same rules, and as many steps."""
        counts = self.columns.get("step", np.zeros((1, 1)))[:, 0].tobytes()
        return tuple(map(id, self.rules)), tuple(self.columns), counts


def moved(
    values: Mapping[str, Array],
    parts: Sequence[ParameterEntry | None],
    earlier: ParameterEntry | None,
    entries: Sequence[Entry],
    before: Entry | None,
    flat: list[int],
) -> Moved:
    """Return what moved a parameter.

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
    """
    columns = {**values, **_states(parts, earlier, entries, before, flat)}
    return Moved(_rules(parts, columns), columns)


def rules_told(parameters: Sequence[Moved]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rules of some parameters as plain JSON data.

    Returns
    -------
    tuple
        The forms of rules, each once: its ``name``, and its ``lines`` as they are printed; where a page computes the numbers in
        these, also its ``rule`` as terms. And for each parameter ``form``: in each step the number of the rule's form, -1 where
        nothing moved it; and either ``numbers``, by their keys in the lines, or ``repeated``: ``settings`` that there were,
        ``setting``: in each step which of them, and what has to be known to compute the numbers. That are ``moments``: the
        steps before which the page is told what is remembered, with ``counts`` of the optimiser's steps until then, and
        ``memories``: of each its name, and its numbers in these.
    """
    forms = _Forms()
    told: list[dict[str, Any]] = [{} for _ in parameters]
    alike: dict[Any, list[int]] = {}
    for place, one in enumerate(parameters):
        alike.setdefault(one.kind, []).append(place)
    for places in alike.values():
        group = [parameters[place] for place in places]
        for place, of_one in zip(places, _told_together(group, forms), strict=True):
            told[place] = of_one
    return forms.told, told


def _told_together(group: Sequence[Moved], forms: _Forms) -> Iterator[dict[str, Any]]:
    """Tell of parameters that are moved alike: what is computed for the entries of one is computed for those of all."""
    rules = group[0].rules
    columns = {name: np.concatenate([one.columns[name] for one in group], axis=1) for name in group[0].columns}
    ends = np.cumsum([one.columns["before"].shape[1] for one in group])[:-1]
    known = {id(rule): rule for rule in rules if rule is not None}
    numbers_of_forms = {key: forms.number(rule) for key, rule in known.items()}
    form = column([numbers_of_forms.get(id(rule), -1) for rule in rules], "int32")
    numbers = numbers_by_step(rules, columns)
    size = sum(array.size for array in numbers.values() if not (array == array[:, :1]).all())
    again = repeated(rules, columns, numbers) if size > FEW else None
    if again is None or sum(array.size for array in again.memories.values()) >= size:
        for part, one in zip(_split(numbers, ends), group, strict=True):
            plain = {name: narrow(array, {name: one.columns[name] for name in VALUES}) for name, array in part.items()}
            yield {"form": form, "numbers": plain}
        return
    for rule in known.values():
        forms.explain(rule)
    places = {key: place for place, key in enumerate(known)}
    shared = {
        "settings": [settings_of(rule) for rule in known.values()],
        "setting": column([places.get(id(rule), -1) for rule in rules], "int32"),
        "moments": column(again.moments, "int32"),
        "counts": column(again.counts, "int32"),
    }
    for part in _split(again.memories, ends):
        memories = [[name, column(array)] for name, array in part.items()]
        yield {"form": form, "repeated": {**shared, "memories": memories}}


def _split(arrays: Mapping[str, Array], ends: Array) -> list[dict[str, Array]]:
    """Return arrays of the entries of several parameters as those of each."""
    parts: list[dict[str, Array]] = [{} for _ in range(len(ends) + 1)]
    for name, array in arrays.items():
        for part, own in zip(parts, np.split(array, ends, axis=1), strict=True):
            part[name] = own
    return parts


class _Forms:
    """The forms of rules that a page is told."""

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
        self.told[self.number(rule)].setdefault("rule", terms_of(rule))


def _rules(parts: Sequence[ParameterEntry | None], columns: Mapping[str, Array]) -> list[Rule | None]:
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
        after = rows_of([None if part is None else part.state.get(name) for part in (earlier, *parts)], flat)
        found[name] = after[1:]
        found[f"{name}.before"] = np.where(follows[:, None], after[:-1], np.nan)
    return found
