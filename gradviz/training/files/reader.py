"""From what a file says of a run to the run: everything is checked here, so that nothing fails later in use.

Types and ranges are the document's; here is what its parts say of each other. In the end one step of each program is computed,
within bounds, because that alone shows that the others can be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from operator import itemgetter
from typing import Any

import numpy as np

from gradviz import optim
from gradviz.engine.backward import grad
from gradviz.engine.operation import BESIDE, FAMILIES, TABLE, Operation
from gradviz.engine.tensor import Tensor, wrap
from gradviz.recording import extent
from gradviz.recording.check import check_graph, shown
from gradviz.recording.guards import DamageError
from gradviz.recording.values import preview_shape
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
from gradviz.training.files.settings import DTYPES, unpack
from gradviz.training.run import Run
from gradviz.training.run.log import Entry, Large, Log, ParameterEntry, array_of
from gradviz.training.run.model import BY_HAND, Rule
from gradviz.training.run.program import SLOT, Instruction, Program

MOST_PARTS = 4096
"""Arguments or results of an operation that joins or takes apart."""

MOST_EPOCHS = 2**31 - 1

FEW, WINDOWS = 2**16, 128
"""What a step lays out while it is computed: so much, and so many times its largest tensor."""

TRIED, TRIED_FOR_EACH = 2**20, 4
"""A step is computed when it is loaded if it makes so many numbers, and so many more for each byte of the file."""


class Reader:
    """Makes a run of a document, and sees that everything in it fits together."""

    def __init__(self, saved: SavedRun, pools: Sequence[np.ndarray[Any, Any]], worth: int) -> None:
        self._saved, self._pools, self._worth = saved, pools, worth
        self._rows: dict[Reference, np.ndarray[Any, Any]] = {}
        self._large: list[Large] = []
        self._large = [self._one_large(large, f"run.large[{place}]") for place, large in enumerate(saved.large)]
        self._rules = [_rule(rule, f"run.rules[{place}]") for place, rule in enumerate(saved.rules)]

    def run(self) -> Run:
        """Return the run."""
        saved = self._saved
        losses, epoch_of = self._array(saved.losses, "run.losses"), self._array(saved.epoch_of, "run.epoch_of")
        if losses.dtype != np.float64 or epoch_of.dtype != np.int64 or losses.ndim != 1:
            raise DamageError("run.losses and run.epoch_of are not lists of numbers")
        if (
            losses.shape != epoch_of.shape
            or (np.diff(epoch_of, prepend=0) < 0).any()
            or (epoch_of.size and epoch_of[-1] > MOST_EPOCHS)
        ):
            raise DamageError("run.epoch_of does not count the epochs of run.losses")
        loss_of = self._array(saved.loss_of, "run.loss_of")
        if loss_of.dtype != np.int64 or loss_of.shape != losses.shape:
            raise DamageError("run.loss_of is no list of numbers, one for each step")
        if loss_of.size and not 0 <= loss_of.min() <= loss_of.max() < len(saved.loss_names):
            raise DamageError("run.loss_of mentions a loss that has no name")
        if len({parameter.name for parameter in saved.parameters}) < len(saved.parameters):
            raise DamageError("run.parameters has two of one name")
        programs = [self._program(one, f"run.programs[{place}]") for place, one in enumerate(saved.programs)]
        owners = [self._owners(one, f"run.programs[{place}]") for place, one in enumerate(saved.programs)]
        self._programs, self._owners_of, self._losses = programs, owners, losses.tolist()
        self._epoch_of = epoch_of.tolist()
        self._shapes = [_shapes_of(program) for program in programs]
        entries: list[Entry] = []
        for place, step in enumerate(saved.steps):
            where = f"run.steps[{place}]"
            if not (entries[-1].index if entries else -1) < step.index < len(losses):
                raise DamageError(f"{where} is step {step.index}, which is not after the one before, or is not there")
            entries.append(self._entry(step, where))
        self._try(programs, entries)
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
        known = {tensor.id for tensor in saved.graph.tensors}
        for slot in saved.slots:
            if slot.tensor not in known and (slot.tensor or slot.kind in ("parameter", "input")):
                raise DamageError(f"{where} has a slot for the tensor {shown(slot.tensor)}, which is not there")
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
            shapes = self._shapes[step.program]
            for kept, slot, shape in zip(inputs, slots, shapes, strict=True):
                if not _goes_into(kept, slot.kind, shape):
                    raise DamageError(f"{where} brings something else than {slot.name or 'an input'}, a {slot.kind}")
            for number, reference in step.earlier:
                if not 0 <= number < len(slots) or slots[number].kind != "parameter":
                    raise DamageError(f"{where}.earlier is about slot {number}, which is no parameter")
                earlier[number] = self._state(reference, where)
                if earlier[number].shape != shapes[number]:
                    raise DamageError(f"{where}.earlier has not the shape of {slots[number].name}")
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
            if not isinstance(found, np.ndarray | Large) or found.shape != of.shape or found.dtype.kind != "f":
                raise DamageError(f"{where} has something that has not the shape or the dtype of {of.name[:40]}")
            return found

        if part.after is None:
            raise DamageError(f"{where} does not tell what became of {of.name[:40]}")
        before, after = kept(part.before), kept(part.after)
        gradient = None if part.gradient is None else kept(part.gradient)
        if len({isinstance(found, Large) for found in (before, after, gradient) if found is not None}) > 1:
            raise DamageError(f"{where} has {of.name[:40]} in full in one place, and not in another")
        if isinstance(before, Large) and (
            part.update_norm is None or (gradient is not None and part.gradient_norm is None)
        ):
            raise DamageError(f"{where} does not tell how long the gradient and the update of {of.name[:40]} are")
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

    # --- what only shows when it is done --------------------------------------------------------------------------

    def _try(self, programs: Sequence[Program], entries: Sequence[Entry]) -> None:
        """Compute a few steps of each program, as far as what is in the file makes that no surprise."""
        left = TRIED + TRIED_FOR_EACH * self._worth
        by_program: dict[int, list[Entry]] = {}
        for entry in entries:
            if entry.program is not None and entry.complete:
                by_program.setdefault(entry.program, []).append(entry)
        for number, mine in by_program.items():
            program, where = programs[number], f"run.programs[{number}]"
            size = sum(math.prod(tensor.shape) for tensor in program.graph.tensors)
            for entry in _telling(mine, where):
                left -= size
                if left > 0:
                    try_step(program, entry, where)

    # --- arrays -------------------------------------------------------------------------------------------------

    def _kept(self, reference: Reference, where: str) -> Any:
        pool, row = reference
        if pool >= 0:
            return self._array(reference, where)
        things: Sequence[Any] = self._saved.numbers if pool == NUMBER else self._large if pool == LARGE else ()
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
        preview = self._array(saved.preview, where)
        if preview.shape != preview_shape(saved.shape) or preview.dtype.kind != "f":
            raise DamageError(f"{where} has a preview that is none")
        return Large.known(saved.shape, DTYPES[saved.dtype].numpy, (saved.summary, preview))


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


# --- helpers ---------------------------------------------------------------------------------------------------------


def _shapes_of(program: Program) -> list[tuple[int, ...] | None]:
    """Return the shape of what goes into each slot; ``None`` for a setting, of which the graph does not tell."""
    shapes = {tensor.id: tensor.shape for tensor in program.graph.tensors}
    return [None if slot.kind == "setting" else shapes.get(slot.tensor, ()) for slot in program.slots]


def _goes_into(kept: Any, kind: str, shape: tuple[int, ...] | None) -> bool:
    if kind == "setting":
        return isinstance(kept, np.ndarray | Large)
    if isinstance(kept, np.ndarray | Large):
        return kept.shape == shape
    return kind == "number"


def _rule(saved: SavedRule, where: str) -> Rule:
    """Return an update rule whose settings are such as its optimiser has."""
    settings = {name: unpack(value, where) for name, value in saved.settings}
    for name, default in _defaults(saved.name).items():
        # What is None is not written.
        if not _is_like(settings.get(name), default):
            raise DamageError(f"{where} is {saved.name}, but its {name} is not such as that has")
    return Rule(saved.name, settings)


@cache
def _defaults(name: str) -> Mapping[str, Any]:
    """Return the settings of an optimiser; none of one that is not known here."""
    found = getattr(optim, name, None)
    if not (isinstance(found, type) and issubclass(found, optim.Optimizer) and found is not optim.Optimizer):
        return {}
    return dict(found([wrap(np.zeros(1, np.float32))]).defaults)  # type: ignore[call-arg]


def _is_like(value: Any, default: Any) -> bool:
    """Say whether a setting may stand where another stood: a number for a number, two for two."""
    if isinstance(default, tuple):
        return isinstance(value, tuple) and len(value) == len(default) and all(map(_is_like, value, default))
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool) and abs(float(value)) < 2.0**63
    if default is None or isinstance(default, bool | str):
        return value is None or isinstance(value, bool | str) or number
    return number or (isinstance(value, float) and not math.isfinite(value))


def _telling(entries: Sequence[Entry], where: str) -> Iterator[Entry]:
    """Go through the steps that fail if any does: the first, and where a class or an index is the least and the largest."""
    first = entries[0]
    found = {first.index: first}
    for slot, kept in enumerate(first.inputs):
        arrays = {id(entry.inputs[slot]): (array_of(entry.inputs[slot]), entry) for entry in entries}
        like = array_of(kept)
        if not isinstance(like, np.ndarray):
            continue
        for array, _ in arrays.values():
            if array.shape != like.shape or array.dtype.kind != like.dtype.kind:
                raise DamageError(f"{where} is given arrays of different kinds")
        if like.dtype.kind in "iu" and like.size:
            ends = [(array.min(), array.max(), entry) for array, entry in arrays.values()]
            for entry in (min(ends, key=itemgetter(0))[2], max(ends, key=itemgetter(1))[2]):
                found[entry.index] = entry
    yield from found.values()


def try_step(program: Program, entry: Entry, where: str) -> None:
    """Compute a step, forwards and backwards, and see that it is what its graph says.

    Raises
    ------
    DamageError
        If it cannot be computed, or gives something else.
    """
    graph = program.graph
    try:
        with np.errstate(all="ignore"):
            slots, results = program.run(entry.numbers(), tracked=True, before=_within(program))
            for operation, told, made in zip(graph.operations, program.instructions, results, strict=True):
                node = made[0]._grad_fn
                if node is None or operation.name != told.operation.name:
                    raise ValueError(f"{operation.name} is another operation in the graph than in the instructions")
                # Of several results the graph has those that something uses.
                if not {graph.tensor(id).shape for id in operation.outputs} <= {result.shape for result in made}:
                    raise ValueError(f"{operation.name} does not make what the graph says")
            at, place = program.output
            output = results[at][place]
            seed = array_of(entry.seed)
            leaves = [slot for slot in slots if isinstance(slot, Tensor) and slot._requires_grad]
            grad(output, leaves, None if seed is None else wrap(np.array(seed)), allow_unused=True)
    except Exception as error:  # an operation raises what it likes for what no one has given it
        words = " ".join(str(error).split())[:200] or type(error).__name__
        raise DamageError(f"{where} cannot be computed: {words}") from None


def _within(program: Program) -> Callable[[Instruction, Sequence[Any], Sequence[Any]], None]:
    """Return what sees, before an operation of a program runs, that it makes no more than the graph says."""
    most = max((math.prod(tensor.shape) for tensor in program.graph.tensors), default=0)

    def check(told: Instruction, arguments: Sequence[Any], settings: Sequence[Any]) -> None:
        shapes = [
            tuple(np.shape(getattr(argument, "array", argument))) for argument in arguments if argument is not None
        ]
        if extent.result(told.operation, shapes, settings) > 2 * most + FEW:
            raise ValueError("its settings ask for far more numbers than the graph says")
        if extent.on_the_way(told.operation, shapes, settings) > WINDOWS * most + FEW:
            raise ValueError("its settings ask for far more numbers than the graph says")

    return check
