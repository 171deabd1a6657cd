"""A step of a run as a program that can be run again, with other numbers: forward, and back to the parameters."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradviz.engine.tensor import Tensor, wrap
from gradviz.recording.engine import ENGINE
from gradviz.recording.model import Recording
from gradviz.recording.names import Names
from gradviz.recording.observe import record_named
from gradviz.recording.program import Missing, program_of
from gradviz.recording.program.model import SLOT, MissingError, Numbers, Program, Step
from gradviz.recording.program.tape import Tape
from gradviz.training.analysis.fit import Prediction
from gradviz.training.run.log import Entry, array_of
from gradviz.training.run.program import Program as Recorded
from gradviz.training.run.program import Slot

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Traced:
    """A step as a program.

    Attributes
    ----------
    program
        What is run, and no more than that: up to the loss and the gradients of the parameters.
    parameters, gradients
        By parameter of the run, the slot of its numbers, and that of its gradient.
    data
        By slot of the recorded program, the slots in which its array stands.
    """

    program: Program
    parameters: Mapping[int, int]
    gradients: Mapping[int, int]
    data: Mapping[int, tuple[int, ...]]
    recorded: Recorded
    owners: Mapping[int, int]

    def differs(self, other: Traced) -> str:
        """Return what is not the same in the program of another step, by name; ``""`` if it is the same but for what it is given."""
        given = {slot for one in (self, other) for slots in one.data.values() for slot in slots}
        given |= set(self.parameters.values())
        for mine, its in zip(self.program.steps, other.program.steps, strict=False):
            if mine != its:
                return mine.name
        same = len(self.program.steps) == len(other.program.steps)
        for one, two in zip(self.program.numbers, other.program.numbers, strict=False):
            if one.slot not in given and not np.array_equal(one.array, two.array):
                same = False
        return "" if same else self.program.steps[-1].name

    def with_data_of(self, other: Traced) -> Traced:
        """Return it with the places of data that are seen in another step only."""
        return replace(self, data={slot: places or other.data[slot] for slot, places in self.data.items()})

    def gradients_of(self, entry: Entry) -> dict[int, Array]:
        """Compute a step's gradients anew, by parameter."""
        seed = array_of(entry.seed)
        slots, results = self.recorded.run(entry.numbers(), tracked=True)
        at, place = self.recorded.output
        output = results[at][place]
        output.backward(None if seed is None else wrap(np.array(seed)))
        found: dict[int, Array] = {}
        for slot, number in self.owners.items():
            grad = slots[slot]._grad
            if grad is not None:
                found[number] = found.get(number, 0) + np.asarray(grad.array)
        return found


def traced(
    recorded: Recorded,
    entry: Entry,
    owners: Mapping[int, int],
    slots: Sequence[int],
    runnable: Collection[str],
    known: tuple[Recording, list[Any]] | None = None,
) -> Traced:
    """Trace a step.

    Parameters
    ----------
    recorded
        Its program.
    entry
        The step.
    owners
        By slot, which of the run's parameters goes in there.
    slots
        Where data goes in.
    runnable
        The names of the operations that can be run.
    known
        What was recorded of the step, and what stood in the slots, if it has been computed already.

    Raises
    ------
    MissingError
        If it cannot be run again.
    """
    given = entry.numbers()
    made, tensors = known or _again(recorded, entry)
    program = program_of(made, runnable)
    if isinstance(program, Missing):
        raise MissingError(program.kind, *program.names)
    again = made.again
    by_id = {numbers.tensor: numbers.slot for numbers in program.numbers if numbers.tensor}
    last = {key.partition(":")[2]: slot for key, slot in program.sums.items()}
    parameters: dict[int, int] = {}
    gradients: dict[int, int] = {}
    for slot, number in owners.items():
        id = again.id_of(tensors[slot])
        if id in by_id:
            if number in parameters:  # as two leaves
                raise MissingError("graph")
            parameters[number] = by_id[id]
            if id in last:
                gradients[number] = last[id]
    data = {}
    for slot in slots:
        told = recorded.slots[slot]
        id = again.id_of(tensors[slot]) if isinstance(tensors[slot], Tensor) else None
        data[slot] = (by_id[id],) if id in by_id else _constants(program, told, given[slot])
    wanted = {program.output, *gradients.values()}
    return Traced(_pruned(program, wanted), parameters, gradients, data, recorded, owners)


def _again(recorded: Recorded, entry: Entry) -> tuple[Recording, list[Any]]:
    """Compute a step, without its names; return what is recorded of it, and what stands in the slots."""
    try:
        tensors, results = recorded.run(entry.numbers(), tracked=True)
        at, place = recorded.output
        seed = array_of(entry.seed)
        start = None if seed is None else wrap(np.array(seed))
        return record_named((results[at][place],), Names(ENGINE), gradient=start, backward=True, title="step"), tensors
    except (ValueError, RuntimeError) as error:  # a function of the user's own, or what a file has not kept
        raise MissingError("operation", str(error).split(" cannot")[0][:60]) from error


def _constants(program: Program, told: Slot, array: Any) -> tuple[int, ...]:
    """Return the slots of constants that are an array which went in as a setting."""
    array = np.asarray(array)
    found = [numbers.slot for numbers in program.numbers if numbers.array is array]
    if not found and (array.dtype.kind != "f" or np.unique(array).size > 1):  # zeros and ones may be anybody's
        found = [
            numbers.slot
            for numbers in program.numbers
            if numbers.array.dtype == array.dtype and np.array_equal(numbers.array, array)
        ]
    if not found and told.kind != "setting":
        raise MissingError("operation", told.name or "an input that is not a tensor")
    return tuple(found)


def _pruned(program: Program, wanted: Collection[int]) -> Program:
    """Leave out what nobody asks for."""
    needed, steps = set(wanted), list[Step]()
    for step in reversed(program.steps):
        if needed.isdisjoint(step.made):
            continue
        steps.append(step)
        waiting = list(step.arguments.values())
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict) and SLOT in one:
                needed.add(one[SLOT])
            elif isinstance(one, list):
                waiting.extend(one)
    numbers = tuple(Numbers(one.slot, one.array) for one in program.numbers if one.slot in needed or one.tensor)
    return Program(numbers, tuple(reversed(steps)), program.size, program.output, {})


def predicting(
    recorded: Recorded,
    entry: Entry,
    owners: Mapping[int, int],
    found: Prediction,
    given: Mapping[int, Array],
    runnable: Collection[str],
) -> Traced | None:
    """Trace the prediction for other inputs than a step's; ``None`` if that cannot be done.

    Parameters
    ----------
    recorded, entry, owners, runnable
        As for `traced`.
    found
        Where the prediction is.
    given
        The inputs, by slot.
    """
    at, place = found.output
    part = replace(recorded, instructions=recorded.instructions[: at + 1], output=found.output)
    try:
        slots, results = part.run(
            [given.get(slot, number) for slot, number in enumerate(entry.numbers())], tracked=True
        )
        tape, parameters = Tape(), dict[int, int]()
        for slot, number in owners.items():
            parameters[number] = tape.leaf(slots[slot])
        made = results[at][place]
        tape.write([made])
        output = tape.slot(made)
    except (ValueError, RuntimeError, MissingError):
        return None
    if not {step.name for step in tape.steps} <= set(runnable):
        return None
    program = _pruned(
        Program(tuple(tape.numbers), tuple(tape.steps), tape.size, output, {}), {output, *parameters.values()}
    )
    return Traced(program, parameters, {}, {}, recorded, owners)
