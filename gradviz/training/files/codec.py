"""Runs as files, and back: a ``.zip`` with what `gradviz.training.files.document` describes as JSON, and the arrays in an ``.npz``.

What a loop brought is written in full, to the last bit, and the operations by their names in the table, so that a loaded run
can compute every step again. Nothing in a file is run but operations of the table on arrays of the file.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gradviz.engine.operation import BESIDE, TABLE, Operation
from gradviz.recording.codec import RecordingError, check_version, encode, read
from gradviz.recording.files import write_file
from gradviz.recording.guards import AGAIN, Archive, DamageError, npy, packed, parse
from gradviz.training.files.document import (
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
from gradviz.training.files.reader import Reader
from gradviz.training.files.settings import DTYPES, NoWordsError, pack
from gradviz.training.run import Run
from gradviz.training.run.log import Entry, Large, ParameterEntry
from gradviz.training.run.model import Rule
from gradviz.training.run.program import Program

FORMAT = "gradviz.run"
VERSION = 2

RUN, ARRAYS = "run.json", "arrays.npz"
"""What stands in a file."""


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
    return read(body, SavedRun, VERSION, "run", lambda saved: Reader(saved, pools, archive.worth).run())


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


def _name_of(operation: Operation) -> tuple[str, tuple[Any, ...] | None] | None:
    """Return under which name an operation is found again, and which of a family it is."""
    # One of PyTorch's may have a node of another name than the row whose function computes it.
    operation = getattr(getattr(operation, "function", None), "operation", operation)
    if operation.member is not None:
        return operation.member
    if TABLE.get(operation.grad_fn) is operation:
        return operation.grad_fn, None
    return (operation.name, None) if BESIDE.get(operation.name) is operation else None
