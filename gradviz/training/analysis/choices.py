"""The rules of a run, and the optimisers that can take the recorded one's place: as terms that a page computes, and as it prints them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradviz import optim
from gradviz.engine.tensor import wrap
from gradviz.recording.program.model import MissingError
from gradviz.training.analysis.rules import form_of, settings_of, terms_of, written
from gradviz.training.run.model import Rule

OFFERED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("SGD", "SGD", {}),
    ("SGD, momentum", "SGD", {"momentum": 0.9}),
    ("SGD, Nesterov", "SGD", {"momentum": 0.9, "nesterov": True}),
    ("Adam", "Adam", {}),
    ("RMSprop", "RMSprop", {}),
)
"""The optimisers that can take the recorded one's place: how they are called, their classes, and their settings."""


class Rules:
    """The rules of a run and those that are offered in their place, each form once.

    Parameters
    ----------
    rules
        What has moved parameters; the first is the optimiser's that is spoken of.

    Attributes
    ----------
    rules, choices
        These; and those that are offered, each with what it is called.
    forms
        Of each form: the optimiser's ``name``, its ``lines`` as they are printed, and its ``rule`` as terms.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules, self.forms, self._known = list(rules), list[dict[str, Any]](), dict[Any, int]()
        decay = {name: rules[0].settings[name] for name in ("weight_decay", "maximize") if rules[0].settings.get(name)}
        self.choices = [(label, _offered(name, settings | decay)) for label, name, settings in OFFERED]
        self._form = [self._form_of(rule) for rule in (*self.rules, *(rule for _, rule in self.choices))]

    def _form_of(self, rule: Rule) -> int:
        form = form_of(rule)
        if form not in self._known:
            data = terms_of(rule)
            if data is None:
                raise MissingError("optimiser", rule.name)
            self._known[form] = len(self.forms)
            self.forms.append({**written(rule), "rule": data})
        return self._known[form]

    def told(self) -> dict[str, Any]:
        """Return them as plain JSON data."""
        count = len(self.rules)
        whole = [
            {"settings": settings_of(rule), "form": form}
            for rule, form in zip((*self.rules, *(rule for _, rule in self.choices)), self._form, strict=True)
        ]
        return {"forms": self.forms, "rules": whole[:count], "choices": whole[count:]}


def _offered(name: str, settings: Mapping[str, Any]) -> Rule:
    """Return an optimiser's rule with its own defaults, but for some settings."""
    made = getattr(optim, name)([wrap(np.zeros(1))], lr=0.01, **settings)
    group = made.param_groups[0]
    return Rule(name, {key: value for key, value in group.items() if key != "params"})
