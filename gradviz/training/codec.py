"""Runs as files, and back: a ``.zip`` with what `gradviz.training.document` describes as JSON, and the arrays in an ``.npz``.

What a loop brought is written in full, to the last bit, and the operations by their names in the table, so that a loaded run
can compute every step again. Nothing in a file is run but operations of the table on arrays of the file.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from gradviz.engine.operation import BESIDE, FAMILIES, TABLE, Operation
from gradviz.recording.check import check_graph
from gradviz.recording.codec import RecordingError, check_version, encode, read
from gradviz.recording.files import write_file
from gradviz.recording.guards import AGAIN, Archive, DamageError, npy, packed, parse
from gradviz.training.document import (
    LARGE,
    NUMBER,
    Reference,
    SavedInstruction,
    SavedLarge,
    SavedPart,
    SavedProgram,
    SavedRule,
    SavedRun,
    SavedStep,
)
from gradviz.training.log import Entry, Large, Log, ParameterEntry
from gradviz.training.model import BY_HAND, Rule
from gradviz.training.program import SLOT, Instruction, Program
from gradviz.training.run import Run
from gradviz.training.settings import DTYPES, NoWordsError, pack, unpack

FORMAT = "gradviz.run"
VERSION = 2

RUN, ARRAYS = "run.json", "arrays.npz"
"""What stands in a file."""

MOST_PARTS = 4096
"""Arguments or results of an operation that joins or takes apart."""


def dumps(run: Run) -> bytes:
    """Write a run as the content of a ``.zip`` file; the same run always gives the same bytes."""
    writer = _Writer(run)
    body = {"format": FORMAT, "version": VERSION, **encode(writer.document())}
    text = json.dumps(body, allow_nan=False, separators=(",", ":"))
    arrays = packed((f"{number}.npy", npy(pool)) for number, pool in enumerate(writer.pools()))
    return packed([(RUN, text.encode()), (ARRAYS, arrays)])


def loads(data: bytes) -> Run:
    """Read a run from the content of a file.

    Raises
    ------
    RecordingError
        If it is not a run, is damaged, or was written by another version of gradviz.
    """
    try:
        archive = Archive(io.BytesIO(data), len(data))
    except DamageError as damage:
        raise RecordingError(f"this run is damaged: {damage}. {AGAIN}") from None
    return from_archive(archive)


def from_archive(archive: Archive) -> Run:
    """Do the same for a file that has been opened."""
    try:
        body = parse(archive.read(RUN), archive.worth)
        if not isinstance(body, dict) or body.get("format") != FORMAT:
            raise RecordingError(f'this is not a recorded run: its {RUN} does not say "format": "{FORMAT}"')
        check_version(body, VERSION, "run")
        # The arrays were packed before: what they unpack to is counted against the whole file too.
        inner = Archive(io.BytesIO(archive.read(ARRAYS)), archive.worth)
        pools = [inner.array(f"{number}.npy", DTYPES) for number in range(len(inner.names))]
    except DamageError as damage:
        raise RecordingError(f"this run is damaged: {damage}. {AGAIN}") from None
    return read(body, SavedRun, VERSION, "run", lambda saved: _Reader(saved, pools).run())


def save(run: Run, path: str | os.PathLike[str]) -> Path:
    """Write a run to a ``.zip`` file, whole or not at all."""
    return write_file(path, dumps(run))


# --- writing ----------------------------------------------------------------------------------------------------------


class _Writer:
    """Collects what a run refers to, each thing once."""

    def __init__(self, run: Run) -> None:
        self._run, self._log = run, run.log
        self._pools: dict[tuple[str, tuple[int, ...]], tuple[int, list[Any]]] = {}  # by dtype and shape
        self._numbers: list[Any] = []
        self._large: list[SavedLarge] = []
        self._rules: list[Rule] = []
        self._known: dict[int, Reference] = {}
        self._places: dict[int, int] = {}
        self._held: list[Any] = []  # an id is only good while its object lives

    def document(self) -> SavedRun:
        log = self._log
        programs = [self._program(*one) for one in zip(log.programs, self._run.owners, strict=True)]
        kept = {number: place for place, number in enumerate(n for n, made in enumerate(programs) if made is not None)}
        notes = list(log.notes)
        if len(kept) < len(programs):
            notes.append(
                "the graphs of steps with an autograd.Function of your own are not in the file, because it holds no code; "
                "losses and parameters are"
            )
        losses, epoch_of = self._array(self._run.losses), self._array(self._run.epoch_of)
        steps = tuple([self._step(entry, kept) for entry in log.entries])
        return SavedRun(
            producer=log.producer,
            losses=losses,
            loss_of=self._array(np.array(log.loss_of, dtype=np.int64)),
            loss_names=tuple(log.loss_names),
            epoch_of=epoch_of,
            title=log.title,
            budget=log.budget,
            epochs=log.epochs,
            stride=log.stride,
            whole_stride=log.whole_stride,
            notes=tuple(notes),
            parameters=tuple(log.parameters),
            rules=tuple(SavedRule(rule.name, tuple(_packed(rule))) for rule in self._rules),
            programs=tuple(made for made in programs if made is not None),
            steps=steps,
            large=tuple(self._large),
            numbers=tuple(self._numbers),
        )

    def pools(self) -> Iterator[np.ndarray[Any, Any]]:
        """Go through the arrays that the document refers to."""
        for (name, _), (_, arrays) in self._pools.items():
            yield np.stack([np.asarray(array) for array in arrays]).astype(np.dtype(name).newbyteorder("<"))

    def _program(self, program: Program, owners: dict[int, int]) -> SavedProgram | None:
        instructions = []
        for told in program.instructions:
            name = _name_of(told.operation)
            if name is None or told.run is not told.operation.function:
                return None
            try:
                settings = tuple(pack(setting) for setting in told.settings)
            except NoWordsError:
                return None
            instructions.append(SavedInstruction(name[0], told.arguments, settings, name[1]))
        return SavedProgram(
            program.graph, program.title, program.slots, tuple(instructions), program.output, tuple(owners.items())
        )

    def _step(self, entry: Entry, programs: dict[int, int]) -> SavedStep:
        program = None if entry.program is None else programs.get(entry.program)
        alone = entry.evaluations == [self._log.losses[entry.index]]
        return SavedStep(
            index=entry.index,
            program=program,
            inputs=() if program is None else tuple([self._reference(kept) for kept in entry.inputs]),
            parameters=tuple([self._part(owner, part) for owner, part in entry.parameters.items()]),
            evaluations=() if alone else tuple(entry.evaluations),
            earlier=() if program is None else tuple((slot, self._reference(a)) for slot, a in entry.earlier.items()),
            seed=None if program is None or entry.seed is None else self._reference(entry.seed),
        )

    def _part(self, owner: int, part: ParameterEntry) -> SavedPart:
        return SavedPart(
            parameter=owner,
            before=self._reference(part.before),
            after=None if part.after is None else self._reference(part.after),
            gradient=None if part.gradient is None else self._reference(part.gradient),
            rule=self._rule(part.rule),
            # Of small arrays they are computed when asked for.
            gradient_norm=part.gradient_norm if isinstance(part.gradient, Large) else None,
            update_norm=part.update_norm if isinstance(part.before, Large) else None,
            state=tuple([(name, self._reference(kept)) for name, kept in part.state.items()]),
        )

    def _rule(self, rule: Rule) -> int:
        place = self._places.get(id(rule))
        if place is None:
            place = self._places[id(rule)] = len(self._rules)
            self._rules.append(rule)
        return place

    def _reference(self, kept: Any) -> Reference:
        if isinstance(kept, Large):
            return self._once(kept, self._add_large)
        if isinstance(kept, np.ndarray | np.generic):
            return self._array(kept)
        self._numbers.append(kept)
        return NUMBER, len(self._numbers) - 1

    def _array(self, array: Any) -> Reference:
        return self._once(array, self._add_array)

    def _once(self, thing: Any, add: Any) -> Reference:
        known = self._known.get(id(thing))
        if known is None:
            known = self._known[id(thing)] = add(thing)
            self._held.append(thing)
        return known

    def _add_array(self, array: Any) -> Reference:
        key = array.dtype.name, array.shape
        number, pool = self._pools.setdefault(key, (len(self._pools), []))
        pool.append(array)
        return number, len(pool) - 1

    def _add_large(self, large: Large) -> Reference:
        if large.array is not None:
            made = SavedLarge(large.shape, large.dtype.name, self._array(large.array))
        else:
            summary, preview = large.facts
            made = SavedLarge(large.shape, large.dtype.name, None, summary, self._array(np.asarray(preview)))
        self._large.append(made)
        return LARGE, len(self._large) - 1


def _packed(rule: Rule) -> list[tuple[str, Any]]:
    packed = []
    for name, value in rule.settings.items():
        try:
            packed.append((name, pack(value)))
        except NoWordsError:  # of an optimiser of the user's own
            packed.append((name, str(value)))
    return packed


# --- reading ----------------------------------------------------------------------------------------------------------


class _Reader:
    """Makes a run of a document, and sees that everything in it fits together."""

    def __init__(self, saved: SavedRun, pools: Sequence[np.ndarray[Any, Any]]) -> None:
        self._saved, self._pools = saved, pools
        self._rows: dict[Reference, np.ndarray[Any, Any]] = {}
        self._large: list[Large] = []
        self._large = [self._one_large(large, f"run.large[{place}]") for place, large in enumerate(saved.large)]
        self._rules = [
            Rule(rule.name, {name: unpack(value, f"run.rules[{place}]") for name, value in rule.settings})
            for place, rule in enumerate(saved.rules)
        ]

    def run(self) -> Run:
        saved = self._saved
        losses, epoch_of = self._array(saved.losses, "run.losses"), self._array(saved.epoch_of, "run.epoch_of")
        if losses.dtype != np.float64 or epoch_of.dtype != np.int64 or losses.ndim != 1:
            raise DamageError("run.losses and run.epoch_of are not lists of numbers")
        if losses.shape != epoch_of.shape or (np.diff(epoch_of, prepend=0) < 0).any():
            raise DamageError("run.epoch_of does not count the epochs of run.losses")
        loss_of = self._array(saved.loss_of, "run.loss_of")
        if loss_of.dtype != np.int64 or loss_of.shape != losses.shape:
            raise DamageError("run.loss_of is no list of numbers, one for each step")
        if loss_of.size and not 0 <= loss_of.min() <= loss_of.max() < len(saved.loss_names):
            raise DamageError("run.loss_of mentions a loss that has no name")
        if saved.stride < 1 or saved.whole_stride < 1 or saved.budget < 0:
            raise DamageError("run.stride, run.whole_stride and run.budget are not counts")
        programs = [self._program(one, f"run.programs[{place}]") for place, one in enumerate(saved.programs)]
        owners = [self._owners(one, f"run.programs[{place}]") for place, one in enumerate(saved.programs)]
        self._programs, self._owners_of, self._losses = programs, owners, losses.tolist()
        self._epoch_of = epoch_of.tolist()
        entries: list[Entry] = []
        for place, step in enumerate(saved.steps):
            where = f"run.steps[{place}]"
            if not (entries[-1].index if entries else -1) < step.index < len(losses):
                raise DamageError(f"{where} is step {step.index}, which is not after the one before, or is not there")
            entries.append(self._entry(step, where))
        log = Log(
            budget=saved.budget,
            title=saved.title,
            producer=saved.producer,
            epochs=saved.epochs,
            programs=programs,
            parameters=list(saved.parameters),
            losses=self._losses,
            loss_names=list(saved.loss_names),
            loss_of=loss_of.tolist(),
            epoch_of=self._epoch_of,
            entries=entries,
            notes=list(saved.notes),
            stride=saved.stride,
            whole_stride=saved.whole_stride,
        )
        run = Run(log)
        run.owners = owners
        run.finished = True
        return run

    # --- programs -----------------------------------------------------------------------------------------------

    def _program(self, saved: SavedProgram, where: str) -> Program:
        check_graph(saved.graph, f"{where}.graph")
        if len(saved.instructions) != len(saved.graph.operations) or not saved.instructions:
            raise DamageError(f"{where} has {len(saved.instructions)} instructions, not one for each operation")
        instructions: list[Instruction] = []
        for place, told in enumerate(saved.instructions):
            here = f"{where}.instructions[{place}]"
            row = _operation(told, here)
            if len(told.arguments) != len(row.inputs) or len(told.settings) != len(row.settings):
                raise DamageError(f"{here} does not have the arguments and settings that {row.name} takes")
            for at, output in told.arguments:
                earlier = 0 <= output < len(saved.slots) if at == SLOT else 0 <= at < place and output >= 0
                if not earlier:
                    raise DamageError(f"{here} uses ({at}, {output}), which is not there")
            settings = tuple(unpack(setting, here, len(saved.slots)) for setting in told.settings)
            instructions.append(Instruction(row, row.function, told.arguments, settings))
        at, output = saved.output
        if not 0 <= at < len(instructions) or output < 0:
            raise DamageError(f"{where}.output is ({at}, {output}), which is not there")
        if not any(tensor.role == "output" for tensor in saved.graph.tensors):
            raise DamageError(f"{where}.graph has no output")
        for slot in saved.slots:
            if slot.kind not in ("parameter", "input", "number", "setting"):
                raise DamageError(f"{where} has a slot for {slot.kind[:40]!r}, which is not one")
        return Program(saved.graph, saved.title, saved.slots, tuple(instructions), saved.output)

    def _owners(self, saved: SavedProgram, where: str) -> dict[int, int]:
        owners = dict(saved.owners)
        for slot, owner in owners.items():
            there = 0 <= slot < len(saved.slots) and 0 <= owner < len(self._saved.parameters)
            if not there or saved.slots[slot].kind != "parameter":
                raise DamageError(f"{where}.owners has ({slot}, {owner}), which is not there")
        if sorted(owners) != [n for n, slot in enumerate(saved.slots) if slot.kind == "parameter"]:
            raise DamageError(f"{where}.owners does not say which parameter each slot takes")
        return owners

    # --- steps --------------------------------------------------------------------------------------------------

    def _entry(self, step: SavedStep, where: str) -> Entry:
        inputs, earlier = [self._kept(reference, where) for reference in step.inputs], {}
        if step.program is not None:
            if not 0 <= step.program < len(self._programs):
                raise DamageError(f"{where} has the program {step.program}, which is not there")
            slots = self._programs[step.program].slots
            if len(inputs) != len(slots):
                raise DamageError(f"{where} brings {len(inputs)} inputs for {len(slots)} slots")
            for kept, slot in zip(inputs, slots, strict=True):
                if slot.kind in ("parameter", "input") and not isinstance(kept, np.ndarray | Large):
                    raise DamageError(
                        f"{where} brings a number where the tensor {slot.name or 'of an input'} should be"
                    )
            for number, reference in step.earlier:
                if not 0 <= number < len(slots) or slots[number].kind != "parameter":
                    raise DamageError(f"{where}.earlier is about slot {number}, which is no parameter")
                earlier[number] = self._state(reference, where)
        parameters = {part.parameter: self._part(part, where) for part in step.parameters}
        if step.program is not None and not set(self._owners_of[step.program].values()) <= set(parameters):
            raise DamageError(f"{where} does not tell of every parameter that takes part")
        return Entry(
            index=step.index,
            program=step.program,
            inputs=inputs,
            parameters=parameters,
            evaluations=list(step.evaluations) or [self._losses[step.index]],
            earlier=earlier,
            seed=None if step.seed is None else self._state(step.seed, where),
        )

    def _part(self, part: SavedPart, where: str) -> ParameterEntry:
        if not 0 <= part.parameter < len(self._saved.parameters):
            raise DamageError(f"{where} is about parameter {part.parameter}, which is not there")
        if not 0 <= part.rule < max(len(self._rules), 1):
            raise DamageError(f"{where} has the rule {part.rule}, which is not there")
        of = self._saved.parameters[part.parameter]

        def kept(reference: Reference) -> Any:
            found = self._kept(reference, where)
            if not isinstance(found, np.ndarray | Large) or found.shape != of.shape:
                raise DamageError(f"{where} has something that has not the shape of {of.name[:40]}")
            return found

        if part.after is None:
            raise DamageError(f"{where} does not tell what became of {of.name[:40]}")
        before, after = kept(part.before), kept(part.after)
        gradient = None if part.gradient is None else kept(part.gradient)
        if len({isinstance(found, Large) for found in (before, after, gradient) if found is not None}) > 1:
            raise DamageError(f"{where} has {of.name[:40]} in full in one place, and not in another")
        return ParameterEntry(
            before=before,
            gradient=gradient,
            rule=self._rules[part.rule] if self._rules else Rule(BY_HAND),
            after=after,
            gradient_norm=part.gradient_norm,
            update_norm=part.update_norm,
            state={name: self._state(reference, where) for name, reference in part.state},
        )

    def _state(self, reference: Reference, where: str) -> Any:
        found = self._kept(reference, where)
        if not isinstance(found, np.ndarray | Large):
            raise DamageError(f"{where} has a state that is no array")
        return found

    # --- arrays -------------------------------------------------------------------------------------------------

    def _kept(self, reference: Reference, where: str) -> Any:
        pool, row = reference
        things: Sequence[Any] | None = {NUMBER: self._saved.numbers, LARGE: self._large}.get(pool)
        if things is None:
            return self._array(reference, where)
        if not 0 <= row < len(things):
            raise DamageError(f"{where} refers to ({pool}, {row}), which is not there")
        return things[row]

    def _array(self, reference: Reference, where: str) -> Any:
        found = self._rows.get(reference)
        if found is None:
            pool, row = reference
            if not 0 <= pool < len(self._pools) or not 0 <= row < len(self._pools[pool]):
                raise DamageError(f"{where} refers to ({pool}, {row}), which is not there")
            found = self._rows[reference] = self._pools[pool][row, ...]
        return found

    def _one_large(self, saved: SavedLarge, where: str) -> Large:
        if saved.array is not None:
            array = self._array(saved.array, where)
            if array.shape != saved.shape or array.dtype.name != saved.dtype:
                raise DamageError(f"{where} has another shape or dtype than its array")
            return Large(array, whole=True)
        if saved.summary is None or saved.preview is None or saved.dtype not in DTYPES:
            raise DamageError(f"{where} has neither an array nor a summary")
        return Large.known(saved.shape, DTYPES[saved.dtype].numpy, (saved.summary, self._array(saved.preview, where)))


def _name_of(operation: Operation) -> tuple[str, tuple[Any, ...] | None] | None:
    """Return under which name an operation is found again, and which of a family it is."""
    if operation.member is not None:
        return operation.member
    if TABLE.get(operation.grad_fn) is operation:
        return operation.grad_fn, None
    return (operation.name, None) if BESIDE.get(operation.name) is operation else None


def _operation(told: SavedInstruction, where: str) -> Operation:
    if told.member is None:
        found = TABLE.get(told.operation) or BESIDE.get(told.operation)
        if found is not None:
            return found
    elif told.operation in FAMILIES:
        counts = [which for which in told.member if isinstance(which, int)]
        if all(isinstance(which, int | str) for which in told.member) and all(0 <= n <= MOST_PARTS for n in counts):
            with suppress(TypeError, ValueError):
                return FAMILIES[told.operation](*told.member).operation
    raise DamageError(f"{where} is {told.operation[:40]!r}, which this gradviz does not have")
