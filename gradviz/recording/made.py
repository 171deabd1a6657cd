"""The tensors and operations of a recording, made of what was collected when they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from gradviz.recording import linking, words
from gradviz.recording.applied import Applied, Operand
from gradviz.recording.later import Row, Write, maker
from gradviz.recording.model import Argument, Block, RecordedOperation, RecordedTensor, Source
from gradviz.recording.outline import Numbers, Outline

_argument = maker(Argument, "id", "slot", "tensor")
_tensor = maker(RecordedTensor, *RecordedTensor.__slots__)
_operation = maker(RecordedOperation, *RecordedOperation.__slots__)

UNLABELLED: Write = dict, {"local": "", "local_number": ""}
UNLINKED: Write = dict, {"link": None}


class Ran(NamedTuple):
    """What is known of one operation beside how it was applied: see `RecordedOperation`.

    Attributes
    ----------
    flows
        For each argument whether a gradient goes to it.
    saved
        The names of what it saved.
    """

    grad_fn: str
    symbol: str
    sequence: int
    module: str
    call: int | None
    source: Source | None
    flows: tuple[bool, ...]
    saved: Sequence[str]


class Extra(NamedTuple):
    """What few tensors have: see `RecordedTensor`."""

    form: str = ""
    viewed: tuple[int, ...] = ()
    cut: str = ""


PLAIN = Extra()


class Made(Outline):
    """A collected graph in columns (see `Outline` for what they are), and its parts.

    Parameters
    ----------
    operands, extras
        The tensors in order; and of some of them what most have not, by their ids.
    applied, ran
        The operations in order, and what else is known of each.
    numbers
        Whether any numbers are kept.
    """

    def __init__(
        self,
        operands: Sequence[Operand],
        extras: Mapping[str, Extra],
        applied: Sequence[Applied],
        ran: Sequence[Ran],
        *,
        numbers: bool,
    ) -> None:
        self._operands, self._extras, self._applied, self._ran, self._numbers = operands, extras, applied, ran, numbers

    def tensors(self) -> Row:
        """Return the tensors."""
        return Row(len(self._operands), self._tensor)

    def operations(self) -> Row:
        """Return the operations."""
        return Row(len(self._applied), self._operation)

    def _tensor(self, place: int) -> RecordedTensor:
        of = self._operands[place]
        extra = self._extras.get(of.id, PLAIN)
        producer = None if of.maker is None else of.maker.id
        kind = of.role, of.shape, of.dtype, producer is not None or of.role == "parameter", producer, of.module
        view = of.name if extra.viewed else "", extra.viewed, extra.cut
        return _tensor(None, None, of.id, of.name + extra.form, of.named, *kind, *view)

    def _operation(self, place: int) -> RecordedOperation:
        applied, ran = self._applied[place], self._ran[place]
        row, id, arguments = applied.operation, applied.id, list[Argument]()
        for at, (slot, operand) in enumerate(zip(row.inputs, applied.operands, strict=True)):
            if not operand.id:
                continue
            write = (words.edge_words, applied, slot) if ran.flows[at] and row.local.get(slot) else UNLABELLED
            linked = self._numbers and row.differentiable[at]
            apart = (_link, applied, slot, len(self._applied)) if linked else UNLINKED
            arguments.append(_argument(write, apart, f"{id}_{at}", slot, operand.id))
        for at, (slot, operand) in enumerate(applied.targets.items(), start=len(row.inputs)):
            arguments.append(Argument(f"{id}_{at}", slot, operand.id))
        results = tuple([result.id for result in applied.results])
        saved: tuple[tuple[str, str], ...] = ()
        if ran.saved:
            known = {**dict(applied.texts), **{argument.slot: argument.tensor for argument in arguments}}
            saved = tuple([(name, known.get(name, results[0])) for name in ran.saved])
        about = row.name, ran.grad_fn, ran.symbol, tuple(arguments), results, ran.sequence, applied.texts, saved
        return _operation(None, None, id, *about, ran.module, ran.source, row.sentence, ran.call)

    # --- its columns ----------------------------------------------------------------------------------------------

    @cached_property
    def tensor_ids(self) -> Sequence[str]:  # noqa: D102
        return [operand.id for operand in self._operands]

    @cached_property
    def roles(self) -> Sequence[str]:  # noqa: D102
        return [operand.role for operand in self._operands]

    @cached_property
    def named(self) -> Sequence[bool]:  # noqa: D102
        return [operand.named for operand in self._operands]

    @cached_property
    def shapes(self) -> Sequence[tuple[int, ...]]:  # noqa: D102
        return [operand.shape for operand in self._operands]

    @cached_property
    def owners(self) -> Sequence[str]:  # noqa: D102
        return [operand.module for operand in self._operands]

    @cached_property
    def makers(self) -> Sequence[int]:  # noqa: D102
        found = [-1] * len(self._operands)
        for place, results in enumerate(self.outputs):
            for result in results:
                found[result] = place
        return found

    @cached_property
    def views(self) -> bool:  # noqa: D102
        return any(extra.viewed for extra in self._extras.values())

    @cached_property
    def ids(self) -> Sequence[str]:  # noqa: D102
        return [applied.id for applied in self._applied]

    @cached_property
    def names(self) -> Sequence[str]:  # noqa: D102
        return [applied.operation.name for applied in self._applied]

    @cached_property
    def symbols(self) -> Sequence[str]:  # noqa: D102
        return [ran.symbol for ran in self._ran]

    @cached_property
    def modules(self) -> Sequence[str]:  # noqa: D102
        return [ran.module for ran in self._ran]

    @cached_property
    def calls(self) -> Sequence[int | None]:  # noqa: D102
        return [ran.call for ran in self._ran]

    @cached_property
    def lines(self) -> Sequence[int]:  # noqa: D102
        return [0 if ran.source is None else ran.source.line for ran in self._ran]

    @cached_property
    def inputs(self) -> Sequence[Numbers]:  # noqa: D102
        return [
            tuple([one.number for one in applied.operands if one.id])
            + tuple([one.number for one in applied.targets.values()] if applied.targets else ())
            for applied in self._applied
        ]

    @cached_property
    def outputs(self) -> Sequence[Numbers]:  # noqa: D102
        return [tuple([result.number for result in applied.results]) for applied in self._applied]

    @cached_property
    def blocks(self) -> Mapping[int, Block]:  # noqa: D102
        return {}


def _link(applied: Applied, slot: str, operations: int) -> Mapping[str, Any]:
    return {"link": linking.link_of(applied, slot, operations)}
