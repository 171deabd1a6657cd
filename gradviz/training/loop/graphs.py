"""The different graphs of a run, and what goes into them in a step."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from gradviz.recording.model import FULL_VALUE_LIMIT
from gradviz.recording.names import let_go
from gradviz.recording.told import RefusedError
from gradviz.training.loop.parameters import Parameters
from gradviz.training.loop.plan import Plan
from gradviz.training.loop.surroundings import Surroundings
from gradviz.training.loop.told import Passed
from gradviz.training.run import Run
from gradviz.training.run.log import Entry, in_full, size_of

MOST_PROGRAMS = 32
"""Different graphs that are kept of one run."""


class Graphs:
    """The graphs of a run, by what those of the same structure have in common.

    Of a graph only copies of what went into it are kept: the rest follows from its program.
    """

    def __init__(self, run: Run, parameters: Parameters, surroundings: Surroundings) -> None:
        self._run, self._parameters, self._surroundings = run, parameters, surroundings
        # Of the same structure there may be several, of other parameters: a layer that is computed in the place of another.
        self._plans: dict[Hashable, list[Plan | None]] = {}
        self._data = 0  # bytes of what goes into the computation and is the same in every step

    def find(self, signature: Hashable, passed: Passed) -> tuple[bool, Plan | None]:
        """Return whether a graph is known, and its plan; ``None`` for one too many."""
        for plan in self._plans.get(signature, ()):
            if plan is None or all(
                self._parameters.may_be(owner, passed.leaf(plan.places[slot])) for slot, owner in plan.owners.items()
            ):
                return True, plan
        return False, None

    def learn(self, signature: Hashable, passed: Passed) -> None:
        """Make a graph of a new structure known."""
        log = self._run.log
        if len(log.programs) >= MOST_PROGRAMS:
            log.note(
                f"more than {MOST_PROGRAMS}",
                f"more than {MOST_PROGRAMS} different graphs were computed: of the others the losses and the parameters are "
                "kept, but no graph. (Batches of different sizes have different graphs; and one that grows from step to step "
                "means that something of the step before is still in it: detach() it, or update under no_grad().)",
            )
            self._plans.setdefault(signature, []).append(None)
            return
        frames, scopes = self._surroundings.all_variables()
        try:
            program, places = passed.program(scopes)
        except RefusedError as error:
            log.note(str(error), f"{error}. Of these steps the losses are kept, but no graph")
            self._plans.setdefault(signature, []).append(None)
            return
        finally:
            for frame in frames:
                let_go(frame)
        plan = Plan(len(log.programs), program, places, {})
        tensors = {tensor.id: tensor for tensor in program.graph.tensors}
        for slot, told in enumerate(program.slots):
            if told.kind == "parameter":
                taken, tensor = set(plan.owners.values()), tensors[told.tensor]
                plan.owners[slot] = self._parameters.owner(
                    passed.library, passed.leaf(places[slot]), tensor.name, taken, named=tensor.named
                )
        log.title = log.title or program.title
        self._plans.setdefault(signature, []).append(plan)
        why = passed.lost(program, places)
        if why:
            plan.number = None
            log.note(why, f"{why}: of its steps the losses, the parameters and what moved them are kept, but no graph")
            return
        log.programs.append(program)
        self._run.owners.append(plan.owners)

    def keep_inputs(self, entry: Entry, plan: Plan, passed: Passed) -> None:
        """Keep what went into the computation; what has not changed since the last step is not copied again."""
        for slot, place in enumerate(plan.places):
            owner = plan.owners.get(slot)
            if owner is not None:
                entry.inputs.append(entry.parameters[owner].before)
                self._parameters.note_earlier(owner, slot, passed.earlier(place), entry)
                continue
            if plan.number is None:
                continue
            array = passed.found(place)
            if not isinstance(array, np.ndarray | np.generic):
                entry.inputs.append(array)
            elif plan.same(slot, array, passed):
                entry.inputs.append(plan.last[slot])
            elif plan.last[slot] is None:
                # Data that is there in every step is kept once, for good: it is not part of what is thinned.
                plan.last[slot] = np.array(array)
                entry.inputs.append(plan.last[slot])
                self._note_data(array.nbytes)
            else:
                entry.inputs.append(in_full(array))
                entry.size += size_of(entry.inputs[-1])
                if array.size <= FULL_VALUE_LIMIT:
                    plan.last[slot] = entry.inputs[-1]
        upstream = passed.started_with
        if upstream is not None:
            entry.seed = in_full(upstream)
            entry.size += size_of(entry.seed)

    def _note_data(self, size: int) -> None:
        self._data += size
        log = self._run.log
        if self._data > log.budget:
            log.note(
                "the data takes",
                f"the data takes {self._data / 2**20:.3g} MB: it is kept once, beside the budget of "
                f"{log.budget / 2**20:.3g} MB for what the steps do with it",
            )
