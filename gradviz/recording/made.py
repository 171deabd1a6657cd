"""The tensors and operations of a recording, made of columns when they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from gradviz.engine.operation import Operation
from gradviz.recording import linking, rounding, words
from gradviz.recording.applied import Applied, Operand
from gradviz.recording.later import Row, Write, maker
from gradviz.recording.model import Argument, Block, RecordedOperation, RecordedTensor, Role, Source, Value
from gradviz.recording.outline import Numbers, Outline
from gradviz.recording.wiring import ABSENT

_argument = maker(Argument, "id", "slot", "tensor")
_tensor = maker(RecordedTensor, *RecordedTensor.__slots__)
_operation = maker(RecordedOperation, *RecordedOperation.__slots__)

UNLABELLED: Write = dict, {"local": "", "local_number": ""}
UNLINKED: Write = dict, {"link": None}

NOT_GIVEN = Operand("", "None", True, np.asarray(None), None, ())
"""A bias that there is not: nothing to draw."""

NO_TARGETS: Mapping[str, Operand] = {}


@dataclass(slots=True, eq=False)
class Tensors:
    """What is known of the tensors of a graph: a column for each fact, see `RecordedTensor` and `Operand`.

    Attributes
    ----------
    makers, places
        The operation that made each, −1 for none; and which of its outputs it is.
    arrays, values
        A copy of its numbers, ``None`` where there are many or none; and of few its value, if that was made at once.
    forms, viewed, cuts
        What few have.
    """

    names: Sequence[str]
    named: Sequence[bool]
    makers: Sequence[int]
    places: Sequence[int]
    roles: list[Role] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    dtypes: list[str] = field(default_factory=list)
    arrays: list[Any] = field(default_factory=list)
    values: dict[int, Value | None] = field(default_factory=dict)
    forms: Mapping[int, str] = field(default_factory=dict)
    viewed: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    cuts: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Operations:
    """What is known of its operations: a column for each fact, see `RecordedOperation` and `Applied`.

    Attributes
    ----------
    rows
        The rows of the table.
    inputs, results, targets
        The numbers of tensors: see `gradviz.recording.wiring.Wiring`.
    settings, texts, parts
        What few have.
    flows
        For each argument whether a gradient goes to it.
    saved
        Of those that saved something: the names of that.
    """

    rows: Sequence[Operation]
    inputs: Sequence[Numbers]
    results: Sequence[Numbers]
    targets: Mapping[int, Sequence[tuple[str, int]]]
    texts: Mapping[int, tuple[tuple[str, str], ...]]
    output_shapes: Sequence[tuple[int, ...]]
    grad_fns: Sequence[str]
    symbols: Sequence[str]
    sequences: Sequence[int]
    modules: Sequence[str]
    calls: Sequence[int | None]
    sources: Sequence[Source | None]
    flows: Sequence[tuple[bool, ...]]
    saved: Mapping[int, Sequence[str]]
    settings: Mapping[int, tuple[Any, ...]]
    parts: Mapping[int, tuple[Any, ...]]


class Made(Outline):
    """A collected graph in columns (see `Outline` for what they are), and its parts.

    Parameters
    ----------
    of_tensors, of_operations
        The columns.
    numbers
        Whether any numbers are kept.
    """

    def __init__(self, of_tensors: Tensors, of_operations: Operations, *, numbers: bool) -> None:
        self._tensors, self._operations, self._numbers = of_tensors, of_operations, numbers
        self.operands = Row(len(of_tensors.makers), self._operand)
        self.applied = Row(len(of_operations.rows), self._applied)

    def tensors(self) -> Row:
        """Return the tensors."""
        return Row(len(self.operands), self._tensor)

    def operations(self) -> Row:
        """Return the operations."""
        return Row(len(self.applied), self._operation)

    # --- as they take part in what is said ------------------------------------------------------------------------

    def _operand(self, number: int) -> Operand:
        of, maker = self._tensors, self._tensors.makers[number]
        return Operand(
            f"t{number}",
            of.names[number],
            of.named[number],
            of.arrays[number],
            of.values.get(number),
            of.shapes[number],
            of.dtypes[number],
            of.roles[number],
            of.owners[number],
            number,
            None if maker == ABSENT else partial(self.applied.__getitem__, maker),
        )

    def _applied(self, number: int) -> Applied:
        of, operands, results = self._operations, self.operands, self._operations.results[number]
        places = tuple([self._tensors.places[result] for result in results])
        targets = of.targets.get(number)
        return Applied(
            f"o{number}",
            of.rows[number],
            of.settings.get(number, ()),
            of.texts.get(number, ()),
            tuple([NOT_GIVEN if tensor == ABSENT else operands[tensor] for tensor in of.inputs[number]]),
            tuple([operands[result] for result in results]),
            places[0],
            of.output_shapes[number],
            places,
            of.parts.get(number),
            {name: operands[tensor] for name, tensor in targets} if targets else NO_TARGETS,
        )

    def printed_by(self, tensor: int) -> Write | None:
        """Return what says how a result is to be printed, by what it was computed from."""
        maker = self._tensors.makers[tensor]
        return (_printed, self, tensor) if maker != ABSENT and self._operations.rows[maker].derivatives else None

    # --- as they are recorded -------------------------------------------------------------------------------------

    def _tensor(self, number: int) -> RecordedTensor:
        of, maker = self._tensors, self._tensors.makers[number]
        name, role, viewed = of.names[number], of.roles[number], of.viewed.get(number, ())
        producer = None if maker == ABSENT else f"o{maker}"
        wants = producer is not None or role == "parameter"
        kind = role, of.shapes[number], of.dtypes[number], wants, producer, of.owners[number]
        view = name if viewed else "", viewed, of.cuts.get(number, "")
        return _tensor(None, None, f"t{number}", name + of.forms.get(number, ""), of.named[number], *kind, *view)

    def _operation(self, number: int) -> RecordedOperation:
        of, id = self._operations, f"o{number}"
        row, flows, texts = of.rows[number], of.flows[number], of.texts.get(number, ())
        arguments = list[Argument]()
        for at, (slot, tensor) in enumerate(zip(row.inputs, of.inputs[number], strict=True)):
            if tensor == ABSENT:
                continue
            write = (_edge, self, number, slot) if flows[at] and row.local.get(slot) else UNLABELLED
            apart = (_link, self, number, slot) if self._numbers and row.differentiable[at] else UNLINKED
            arguments.append(_argument(write, apart, f"{id}_{at}", slot, f"t{tensor}"))
        for at, (slot, tensor) in enumerate(of.targets.get(number, ()), start=len(row.inputs)):
            arguments.append(Argument(f"{id}_{at}", slot, f"t{tensor}"))
        results = tuple([f"t{result}" for result in of.results[number]])
        saved: tuple[tuple[str, str], ...] = ()
        if number in of.saved:
            known = {**dict(texts), **{argument.slot: argument.tensor for argument in arguments}}
            saved = tuple([(name, known.get(name, results[0])) for name in of.saved[number]])
        about = row.name, of.grad_fns[number], of.symbols[number], tuple(arguments), results, of.sequences[number]
        where = of.modules[number], of.sources[number], row.sentence, of.calls[number]
        return _operation(None, None, id, *about, texts, saved, *where)

    # --- its columns ----------------------------------------------------------------------------------------------

    @cached_property
    def tensor_ids(self) -> Sequence[str]:  # noqa: D102
        return [f"t{number}" for number in range(len(self.operands))]

    @cached_property
    def roles(self) -> Sequence[str]:  # noqa: D102
        return self._tensors.roles

    @cached_property
    def named(self) -> Sequence[bool]:  # noqa: D102
        return self._tensors.named

    @cached_property
    def shapes(self) -> Sequence[tuple[int, ...]]:  # noqa: D102
        return self._tensors.shapes

    @cached_property
    def owners(self) -> Sequence[str]:  # noqa: D102
        return self._tensors.owners

    @cached_property
    def makers(self) -> Sequence[int]:  # noqa: D102
        return self._tensors.makers

    @cached_property
    def views(self) -> bool:  # noqa: D102
        return any(self._tensors.viewed.values())

    @cached_property
    def ids(self) -> Sequence[str]:  # noqa: D102
        return [f"o{number}" for number in range(len(self.applied))]

    @cached_property
    def names(self) -> Sequence[str]:  # noqa: D102
        return [row.name for row in self._operations.rows]

    @cached_property
    def symbols(self) -> Sequence[str]:  # noqa: D102
        return self._operations.symbols

    @cached_property
    def grad_fns(self) -> Sequence[str | None]:  # noqa: D102
        return self._operations.grad_fns

    @cached_property
    def sequences(self) -> Sequence[int]:  # noqa: D102
        return self._operations.sequences

    @cached_property
    def modules(self) -> Sequence[str]:  # noqa: D102
        return self._operations.modules

    @cached_property
    def calls(self) -> Sequence[int | None]:  # noqa: D102
        return self._operations.calls

    @cached_property
    def sources(self) -> Sequence[Source | None]:  # noqa: D102
        return self._operations.sources

    @cached_property
    def attributes(self) -> Sequence[tuple[tuple[str, str], ...]]:  # noqa: D102
        return [self._operations.texts.get(number, ()) for number in range(len(self.applied))]

    @cached_property
    def slots(self) -> Sequence[tuple[str, ...]]:  # noqa: D102
        of = self._operations
        found = [
            row.inputs
            if ABSENT not in given
            else tuple([s for s, t in zip(row.inputs, given, strict=True) if t != ABSENT])
            for row, given in zip(of.rows, of.inputs, strict=True)
        ]
        for number, targets in of.targets.items():
            found[number] += tuple([slot for slot, _ in targets])
        return found

    @cached_property
    def inputs(self) -> Sequence[Numbers]:  # noqa: D102
        of = self._operations
        found = [
            tensors if ABSENT not in tensors else tuple([t for t in tensors if t != ABSENT]) for tensors in of.inputs
        ]
        for number, targets in of.targets.items():
            found[number] += tuple([tensor for _, tensor in targets])
        return found

    @cached_property
    def outputs(self) -> Sequence[Numbers]:  # noqa: D102
        return self._operations.results

    @cached_property
    def blocks(self) -> Mapping[int, Block]:  # noqa: D102
        return {}


def _printed(made: Made, tensor: int, array: Any) -> Mapping[str, Any]:
    operand = made.operands[tensor]
    applied = operand.maker
    several = len(applied.operation.outputs) > 1
    return rounding.of_result(applied, applied.places[applied.results.index(operand)] if several else 0, array)


def _edge(made: Made, operation: int, slot: str) -> Mapping[str, Any]:
    return words.edge_words(made.applied[operation], slot)


def _link(made: Made, operation: int, slot: str) -> Mapping[str, Any]:
    return {"link": linking.link_of(made.applied[operation], slot, len(made.applied))}
