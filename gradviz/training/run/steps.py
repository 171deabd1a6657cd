"""The steps of a run, made into frozen facts when somebody looks at them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gradviz.recording.model import Recording, Value
from gradviz.training.run.history import gradient_norm, update_norm
from gradviz.training.run.log import Entry, Log, ParameterEntry, frozen
from gradviz.training.run.model import ParameterStep, Step

if TYPE_CHECKING:
    from gradviz.training.run.run import Run


class Steps(Sequence[Step]):
    """The kept steps of a run, made into frozen facts when asked for."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __len__(self) -> int:
        return len(self._run.log.entries)

    def __getitem__(self, place: Any) -> Any:
        found = self._run.log.entries[place]
        if isinstance(found, list):
            return [step_of(self._run, entry) for entry in found]
        return step_of(self._run, found)

    def __iter__(self) -> Iterator[Step]:
        return (step_of(self._run, entry) for entry in self._run.log.entries)


def step_of(run: Run, entry: Entry) -> Step:
    """Return a kept step as frozen facts."""
    log, index = run.log, entry.index
    parts = {log.parameters[owner].name: _frozen_part(part) for owner, part in entry.parameters.items()}
    return Step(index, log.epoch_of[index], log.losses[index], parts, tuple(entry.evaluations))


def _frozen_part(part: ParameterEntry) -> ParameterStep:
    return ParameterStep(
        frozen(part.before),
        frozen(part.before if part.after is None else part.after),
        None if part.gradient is None else frozen(part.gradient),
        gradient_norm(part),
        update_norm(part),
        part.rule,
        _frozen_state(part.state),
    )


def _frozen_state(state: Mapping[str, Any]) -> dict[str, Value]:
    return {name: frozen(kept) for name, kept in state.items()}


def updates_of(log: Log, entry: Entry, made: Recording) -> tuple[tuple[str, float], ...]:
    """Say by how much a step changed each parameter that took part in it, by its id in the step's recording."""
    ids = {tensor.name: tensor.id for tensor in made.graph.tensors if tensor.role == "parameter"}
    named = ((log.parameters[number].name, update_norm(part)) for number, part in entry.parameters.items())
    return tuple((ids[name], size) for name, size in named if name in ids and not math.isnan(size))
