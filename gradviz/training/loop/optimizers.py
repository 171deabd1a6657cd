"""Whose work a step is: what the optimisers say of themselves while a loop runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradviz.optim.optimizer import settings_of
from gradviz.training.loop.parameters import HAND, STILL, Parameters, Watched
from gradviz.training.loop.told import Library
from gradviz.training.run.log import RULE_OVERHEAD, Entry, Log, ParameterEntry, size_of, stored
from gradviz.training.run.model import Rule


@dataclass
class Stepping:
    """An optimiser that is making its step.

    Attributes
    ----------
    claimed
        The parts of steps that are its work, as far as is known: a closure opens a step of its own.
    opened
        The step that its closure has opened.
    """

    library: Library
    optimizer: Any
    claimed: list[tuple[ParameterEntry, Watched]] = field(default_factory=list)
    opened: Entry | None = None

    def unclaim(self) -> None:
        """What is open is not its work, but what its closure opens now."""
        for part, _ in self.claimed:
            part.rule = HAND if part.after is None else STILL
        self.claimed.clear()


class Optimizers:
    """The optimisers of a loop: those at work now, the innermost last, and the rules that they have had."""

    def __init__(self, log: Log, parameters: Parameters) -> None:
        self._log, self._parameters = log, parameters
        self._stepping: list[Stepping] = []
        self._rules: dict[tuple[int, int], Rule] = {}  # by optimiser and group, the one at work

    @property
    def at_work(self) -> Stepping | None:
        """The one that is making its step."""
        return self._stepping[-1] if self._stepping else None

    def starts(self, library: Library, optimizer: Any) -> None:
        """Note the settings, and the gradients as they are after clipping."""
        self._stepping.append(Stepping(library, optimizer))
        moved = {id(tensor) for group in optimizer.param_groups for tensor in group["params"]}
        self._parameters.together[id(optimizer)] = moved
        self._claim(self._stepping[-1])

    def ends(self, newest: Entry | None) -> None:
        """Note what an optimiser remembers now; a step that it opened itself, by calling a closure, is its own."""
        if not self._stepping:
            return
        stepping = self._stepping.pop()
        for outer in self._stepping:
            outer.opened = None  # what its closure has opened is this one's
        if stepping.opened is not None and stepping.opened is newest:
            self._claim(stepping)
        for part, watched in stepping.claimed:
            watched.by_optimizer = True
            state = stepping.library.remembered(stepping.optimizer, watched.tensor)
            if state:
                assert watched.entry is not None
                part.state = _kept_state(stepping.library, state)
                self._log.grow(watched.entry, sum(size_of(kept) for kept in part.state.values()))

    def _claim(self, stepping: Stepping) -> None:
        """Note that the newest gradients of an optimiser's parameters are those that it makes its step with."""
        watched_by_id = {id(watched.tensor): watched for watched in self._parameters}
        for number, group in enumerate(stepping.optimizer.param_groups):
            rule = None
            for tensor in group["params"]:
                watched = watched_by_id.get(id(tensor))
                part = None if watched is None else watched.part
                if watched is None or part is None or not (part.rule is HAND or part.rule is STILL):
                    continue
                if part.after is not None and part.after is not part.before:
                    continue  # of a step that is over, in which it was moved
                assert watched.entry is not None
                rule = rule or self._rule_of(stepping, number, watched.entry)
                part.rule = rule
                self._parameters.note_gradient(watched)
                stepping.claimed.append((part, watched))

    def _rule_of(self, stepping: Stepping, number: int, entry: Entry) -> Rule:
        """Return the rule of a group of parameters: the same object as long as its settings are the same."""
        optimizer, settings = stepping.optimizer, {}
        for name, value in settings_of(optimizer.param_groups[number]).items():
            if stepping.library.is_tensor(value) and value.numel() == 1:
                settings[name] = value.item()
            elif isinstance(value, int | float | str) or (isinstance(value, tuple) and _plain(value)):
                settings[name] = value
        name, key = type(optimizer).__name__, (id(optimizer), number)
        known = self._rules.get(key)
        if known is None or known.name != name or known.settings != settings:
            known = self._rules[key] = Rule(name, settings)
            self._log.grow(entry, RULE_OVERHEAD)
        return known


def _kept_state(library: Library, state: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what an optimiser remembers, where it is a number or a tensor; LBFGS keeps lists of tensors too."""
    kept: dict[str, Any] = {}
    for name, value in state.items():
        if library.is_tensor(value):
            kept[name] = stored(library.array(value))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            kept[name] = np.float64(value)
    return kept


def _plain(value: tuple[Any, ...]) -> bool:
    return all(isinstance(part, int | float | str) for part in value)
