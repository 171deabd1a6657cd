"""What it takes to train a run on without Python: its steps as programs, its data, its rules, and its state at some moments.

All of it is read off the run; what cannot be repeated says so, by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradviz.recording.program import LEAF_NUMBERS, Missing
from gradviz.recording.program.model import MissingError
from gradviz.training.analysis.fit import Fit, fit_of
from gradviz.training.analysis.moments import moments_of, state_at
from gradviz.training.analysis.repeating import Traced, traced
from gradviz.training.analysis.rules import hand_rate
from gradviz.training.run import Run
from gradviz.training.run.log import Entry, array_of
from gradviz.training.run.model import BY_HAND, UNMOVED, Rule
from gradviz.training.run.recordings import Recordings

MOST_PROGRAMS = 4
"""So many structures may a run's steps have: the last batch of an epoch is often a smaller one."""

MOST_PLACES = 400_000
"""So many examples may all batches have together."""

CHECKED = 4
"""So many steps are looked at to see whether what moved the parameters was the gradient of the loss."""

Array = np.ndarray[Any, Any]
Group = tuple[tuple[int, ...], tuple[int, ...]]
"""Of a program's slots for data, those that have a row for each example, and the others."""


@dataclass(frozen=True)
class Batched:
    """The data of one of a step's slots.

    Attributes
    ----------
    slots
        Where the program has it.
    rows
        Which column of the examples stands there; ``None`` if it is an array of its own.
    """

    slots: tuple[int, ...]
    rows: int | None


@dataclass(frozen=True)
class Onward:
    """How a run goes on.

    Attributes
    ----------
    programs
        Of each structure: the program, by parameter the slots of its number and of its gradient, and the slots of its data.
    columns
        Of the examples: by column an array with a row for each.
    batches
        The examples of each batch that there was.
    arrays
        Other arrays that steps brought.
    kept
        The indices of the steps.
    program, batch, brought
        By step: which program, which batch (-1: none), and which arrays, in the order of the program's data.
    rules
        What has moved parameters.
    rule
        By step and parameter, which of them; -1 for none.
    adds
        By step and parameter, whether its gradient was added to that of the step before.
    moments
        The steps before which the state is known.
    states
        By moment and parameter: its numbers, and what the optimiser remembers.
    points, inputs, target
        Of the fit's data, as it is drawn: which example each is; by column, which power of the feature stands there; and
        the column of the targets. Empty where there is no fit.
    fit
        The data and the model's fit.
    """

    programs: tuple[Traced, ...]
    data: tuple[tuple[Batched, ...], ...]
    columns: tuple[Array, ...]
    batches: tuple[Array, ...]
    arrays: tuple[Array, ...]
    kept: Array
    program: Array
    batch: Array
    brought: tuple[tuple[int, ...], ...]
    rules: tuple[Rule, ...]
    rule: Array
    adds: Array
    moments: tuple[int, ...]
    states: tuple[tuple[tuple[Array, Mapping[str, Array]], ...], ...]
    points: Array = field(default_factory=lambda: np.zeros(0, np.int32))
    inputs: tuple[tuple[int, int], ...] = ()
    target: int | None = None
    fit: Fit | None = None


def onward_of(run: Run, runnable: Collection[str], recordings: Recordings | None = None) -> Onward | Missing:
    """Return how a run goes on, or what is missing for that.

    Parameters
    ----------
    run
        What was recorded.
    runnable
        The names of the operations that can be run.
    recordings
        Of steps of the run, if there are some.
    """
    try:
        return _Reading(run, runnable, recordings or Recordings(run)).onward()
    except MissingError as error:
        return error.missing


class _Reading:
    """One reading of a run."""

    def __init__(self, run: Run, runnable: Collection[str], recordings: Recordings) -> None:
        self.run, self.runnable, self.recordings = run, runnable, recordings
        self.entries = list(run.log.entries)
        self._columns: list[list[Array]] = []
        self._examples: dict[tuple[bytes, ...], int] = {}
        self._batches: dict[tuple[bytes, ...], int] = {}
        self._rows: list[Array] = []
        self._arrays: dict[tuple[Any, ...], int] = {}
        self._whole: list[Array] = []

    def onward(self) -> Onward:
        run, entries = self.run, self.entries
        self._refuse()
        numbers = sorted({entry.program for entry in entries if entry.program is not None})
        fit = fit_of(run)
        groups = self._alike({number: self._group(number, fit) for number in numbers})
        plan = [self._brought(entry, groups) for entry in entries]
        if run.log.stride > 1 and len({(entry.program, *one) for entry, one in zip(entries, plan, strict=True)}) > 1:
            raise MissingError("thinned", str(run.log.stride))
        if sum(map(len, self._rows)) > MOST_PLACES:
            raise MissingError("long")
        size = sum(parameter.size for parameter in run.parameters)
        size += sum(array.size for column in self._columns for array in column) + sum(one.size for one in self._whole)
        if size > LEAF_NUMBERS:
            raise MissingError("large", f"{size:,}", f"{LEAF_NUMBERS:,}")
        programs = tuple(self._traced(number, groups[number]) for number in numbers)
        places = {number: at for at, number in enumerate(numbers)}
        rules, rule = self._rules()
        adds = np.array([[self._adds(entry, number) for number in range(len(run.parameters))] for entry in entries])
        moments = moments_of(run, adds)
        return Onward(
            programs,
            tuple(self._data(one, groups[number]) for number, one in zip(numbers, programs, strict=True)),
            tuple(np.stack(column) for column in self._columns),
            tuple(self._rows),
            tuple(self._whole),
            np.array([entry.index for entry in entries], np.int32),
            np.array([places[entry.program] for entry in entries if entry.program is not None], np.int32),
            np.array([batch for batch, _ in plan], np.int32),
            tuple(brought for _, brought in plan),
            tuple(rules),
            rule,
            adds,
            tuple(moments),
            tuple(state_at(run, place) for place in moments),
            **self._points(fit, groups, plan),
        )

    # --- what cannot be repeated -----------------------------------------------------------------------------------------

    def _refuse(self) -> None:
        entries, log = self.entries, self.run.log
        if not entries:
            raise MissingError("empty")
        if not self.run.finished:
            raise MissingError("running")
        if any(entry.program is None for entry in entries):
            raise MissingError("no graph")
        if not all(entry.complete for entry in entries):
            raise MissingError("not kept")
        if len({entry.program for entry in entries}) > MOST_PROGRAMS:
            raise MissingError("graph")
        if any(len(entry.evaluations) > 1 for entry in entries):
            raise MissingError("optimiser", entries[0].parameters[min(entries[0].parameters)].rule.name)
        for number in {entry.program for entry in entries}:
            assert number is not None
            mine = [entry for entry in entries if entry.program == number]
            program = log.programs[number]
            for slot, told in enumerate(program.slots):
                if told.kind == "number" and len({repr(entry.inputs[slot]) for entry in mine}) > 1:
                    raise MissingError("number")
            self._refuse_chance(program, mine)
            cut = {tensor.id: tensor.name for tensor in program.graph.tensors if tensor.cut}
            name = next((cut[told.tensor] for told in program.slots if told.tensor in cut), None)
            if name is not None:
                raise MissingError("cut", name)
            if any(
                entry.seed is not None and not np.array_equal(array_of(entry.seed), array_of(mine[0].seed))
                for entry in mine
            ):
                raise MissingError("number")

    def _refuse_chance(self, program: Any, entries: Sequence[Entry]) -> None:
        """Refuse masks of dropout: drawn in every step, of zeros and one other number, by which results are multiplied."""
        calls, modules = program.graph.calls, {module.path: module.class_name for module in program.graph.modules}
        for told, drawn in zip(program.instructions, program.graph.operations, strict=True):
            inside = modules.get(calls[drawn.call].module, "") if drawn.call is not None else ""
            slots = [place for at, place in told.arguments if at < 0 and program.slots[place].kind == "input"]
            if told.operation.name == "mul" and slots and len(slots) < len(told.arguments):
                masks = [np.asarray(array_of(entry.inputs[slots[0]])) for entry in entries[:3]]
                if "Dropout" in inside or (not program.slots[slots[0]].name and _drawn(masks)):
                    raise MissingError("dropout")
            if told.operation.symbol == "random" or "rrelu" in told.operation.name:
                raise MissingError("random", told.operation.name)

    # --- the data --------------------------------------------------------------------------------------------------------

    def _group(self, number: int, fit: Fit | None) -> Group:
        """Return the slots of a program that have a row for each example, and its other data."""
        program, owners = self.run.log.programs[number], self.run.owners[number]
        mine = [entry for entry in self.entries if entry.program == number]
        slots = [
            slot for slot, told in enumerate(program.slots)
            if told.kind in ("input", "setting") or (told.kind == "parameter" and slot not in owners)
        ]  # fmt: skip
        slots = [slot for slot in slots if mine[0].inputs[slot] is not None]
        shapes = {slot: np.shape(array_of(mine[0].inputs[slot])) for slot in slots}
        found = None if fit is None else fit.prediction(mine[0])
        if found is not None:
            rows = shapes.get(found.target, ())[:1]
        else:
            moving = [shapes[slot][0] for slot in slots if shapes[slot] and not _same(mine, slot)]
            rows = tuple(length for length, _ in Counter(moving).most_common(1))
        batched = tuple(slot for slot in slots if rows and shapes[slot][:1] == rows)
        return batched, tuple(slot for slot in slots if slot not in batched)

    def _alike(self, groups: dict[int, Group]) -> dict[int, Group]:
        """Let only programs whose examples are like those of the first have them: what a loop does in turn may have other data."""

        def looks(number: int) -> list[tuple[Any, str]]:
            inputs = next(entry for entry in self.entries if entry.program == number).inputs
            arrays = [np.asarray(array_of(inputs[slot])) for slot in groups[number][0]]
            return [(array.shape[1:], array.dtype.str) for array in arrays]

        first = looks(min(groups))
        return {
            number: group if looks(number) == first else ((), (*group[0], *group[1]))
            for number, group in groups.items()
        }

    def _brought(self, entry: Entry, groups: Mapping[int, Group]) -> tuple[int, tuple[int, ...]]:
        """Return which batch a step had, and which other arrays."""
        assert entry.program is not None
        batched, others = groups[entry.program]
        return self._batch([np.asarray(array_of(entry.inputs[slot])) for slot in batched]), tuple(
            self._array(np.asarray(array_of(entry.inputs[slot]))) for slot in others
        )

    def _batch(self, arrays: Sequence[Array]) -> int:
        if not arrays:
            return -1
        key = tuple(array.tobytes() for array in arrays)
        if key not in self._batches:
            if not self._columns:
                self._columns = [[] for _ in arrays]
            places = []
            for row in zip(*arrays, strict=True):
                example = tuple(np.asarray(part).tobytes() for part in row)
                if example not in self._examples:
                    self._examples[example] = len(self._examples)
                    for column, part in zip(self._columns, row, strict=True):
                        column.append(np.asarray(part))
                places.append(self._examples[example])
            self._batches[key] = len(self._rows)
            self._rows.append(np.array(places, np.int32))
        return self._batches[key]

    def _array(self, array: Array) -> int:
        key = (array.shape, array.dtype.str, array.tobytes())
        if key not in self._arrays:
            self._arrays[key] = len(self._whole)
            self._whole.append(array)
        return self._arrays[key]

    def _data(self, one: Traced, group: Group) -> tuple[Batched, ...]:
        batched, others = group
        return (
            *(Batched(one.data[slot], column) for column, slot in enumerate(batched)),
            *(Batched(one.data[slot], None) for slot in others),
        )

    def _points(self, fit: Fit | None, groups: Any, plan: Sequence[tuple[int, tuple[int, ...]]]) -> dict[str, Any]:
        """Return which example each point of the fit is, and where its numbers stand."""
        if fit is None:
            return {}
        epochs = self.run.log.epoch_of
        last = [
            place for place, entry in enumerate(self.entries) if epochs[entry.index] == epochs[self.entries[-1].index]
        ]
        entry = self.entries[-1]
        found = fit.prediction(entry)
        if found is None or any(plan[place][0] < 0 for place in last):
            return {"fit": fit}
        batched, _ = groups[entry.program]
        points = np.concatenate([self._rows[plan[place][0]] for place in last])
        if len(points) != len(fit.x) or found.target not in batched or not set(found.inputs) <= set(batched):
            return {"fit": fit}
        inputs = tuple((batched.index(slot), power) for slot, power in found.inputs.items())
        return {"fit": fit, "points": points, "inputs": inputs, "target": batched.index(found.target)}

    # --- the steps -------------------------------------------------------------------------------------------------------

    def _traced(self, number: int, group: Group) -> Traced:
        program, owners = self.run.log.programs[number], self.run.owners[number]
        mine = [entry for entry in self.entries if entry.program == number]
        slots = [*group[0], *group[1]]
        known = None if mine[0].earlier else self.recordings.known(mine[0])
        one = traced(program, mine[0], owners, slots, self.runnable, known)
        if any(not _same(mine, slot) for slot in slots if program.slots[slot].kind == "setting"):
            other = traced(program, mine[-1], owners, slots, self.runnable)
            odd = one.differs(other)
            if odd:
                raise MissingError("operation", odd)
            one = one.with_data_of(other)
        self._check(one, mine)
        return one

    def _check(self, one: Traced, entries: Sequence[Entry]) -> None:
        """See whether what moved the parameters is the gradient of the loss, or what a loop has made of it."""
        norms = [sum(float(part.gradient_norm or 0) for part in entry.parameters.values()) for entry in entries]
        largest = int(np.argmax(norms))
        places = {0, largest, len(entries) - 1} if len(entries) > CHECKED else set(range(len(entries)))
        for place in sorted(places):
            entry = entries[place]
            if any(array_of(kept) is not None and np.any(array_of(kept)) for kept in entry.earlier.values()):
                continue
            gradients = one.gradients_of(entry)
            for number, part in entry.parameters.items():
                kept = array_of(part.gradient)
                if part.rule.name == UNMOVED or kept is None or number not in gradients:
                    continue
                mine, its = np.asarray(gradients[number], np.float64), np.asarray(kept, np.float64)
                if np.isfinite(mine).all() and not np.allclose(
                    mine, its, rtol=1e-3, atol=1e-5 * float(np.abs(its).max(initial=0)) + 1e-12
                ):
                    raise MissingError("clipped", self.run.parameters[number].name)

    def _adds(self, entry: Entry, number: int) -> bool:
        assert entry.program is not None
        owners = self.run.owners[entry.program]
        kept = [array_of(kept) for slot, kept in entry.earlier.items() if owners.get(slot) == number]
        return any(one is not None and bool(np.any(one)) for one in kept)

    def _rules(self) -> tuple[list[Rule], Array]:
        """Return what has moved parameters, each once, and by step and parameter which it was."""
        known: dict[Any, int] = {}
        rules: list[Rule] = []
        found = np.full((len(self.entries), len(self.run.parameters)), -1, np.int32)
        rates: dict[int, Rule] = {}
        for place, entry in enumerate(self.entries):
            for number, part in entry.parameters.items():
                rule = part.rule
                if rule.name == UNMOVED:
                    continue
                if rule.name == BY_HAND:
                    rule = rates.get(number) or rates.setdefault(number, self._by_hand(number))
                key = (rule.name, repr(rule.settings))
                if key not in known:
                    known[key] = len(rules)
                    rules.append(rule)
                found[place, number] = known[key]
        if not rules:
            raise MissingError("unmoved")
        return rules, found

    def _by_hand(self, number: int) -> Rule:
        parts = [part for entry in self.entries if (part := entry.parameters.get(number)) is not None]
        parts = [part for part in parts if part.rule.name == BY_HAND and array_of(part.gradient) is not None]
        known = [(array_of(part.before), array_of(part.gradient), array_of(part.after)) for part in parts]
        known = [one for one in known if all(array is not None for array in one)]
        rate = hand_rate(*map(np.stack, zip(*known, strict=True))) if known else None
        if rate is None:
            raise MissingError("by hand", self.run.parameters[number].name)
        return Rule(BY_HAND, {"rate": rate})


def _same(entries: Sequence[Entry], slot: int) -> bool:
    """Say whether all steps bring the same."""
    first = entries[0].inputs[slot]
    return all(
        entry.inputs[slot] is first or np.array_equal(array_of(entry.inputs[slot]), array_of(first))
        for entry in entries
    )


def _drawn(masks: Sequence[Array]) -> bool:
    """Say whether arrays look like the masks of a dropout: zeros and one number above 1, in other places each time."""
    if not all(mask.dtype.kind == "f" and mask.ndim and mask.size > 1 for mask in masks):
        return False
    kept = {float(number) for mask in masks for number in np.unique(mask)} - {0.0}
    return (
        len(kept) == 1
        and kept.pop() > 1
        and (len(masks) < 2 or any(not np.array_equal(masks[0], mask) for mask in masks))
    )
