"""A graph that can be computed again: with the numbers of another step, or with others altogether.

While a loop runs, only what goes *into* each computation is copied. Everything else follows from it: the same operations,
run again on the same numbers, give the same results to the last bit, and with them the picture of any step, the loss
surface, and the model's predictions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from gradviz.engine.modes import enable_grad, no_grad
from gradviz.engine.node import Node
from gradviz.engine.operation import Operation
from gradviz.engine.scope import Call, ModuleTag
from gradviz.engine.tensor import Tensor, wrap
from gradviz.recording.engine import ENGINE
from gradviz.recording.model import Graph, RecordedOperation, Recording
from gradviz.recording.names import Names
from gradviz.recording.observe import record_named, structure_of
from gradviz.recording.told import Source, ToldOperation, places_of

SLOT = -1
"""In a reference ``(SLOT, n)``: not the result of an instruction, but what a step brings in slot n."""

Reference = tuple[int, int]
"""Where an argument comes from: the number of an instruction and which of its outputs; or `SLOT` and a number."""

Place = tuple[int, int | tuple[int, ...]]
"""Where a graph has the numbers that go into a slot: the number of the operation, and the place among its inputs, or a way into
its settings."""


Known = Mapping[int, list[Tensor]]
"""Results of instructions, by their numbers."""

NOTHING: Known = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FromSlot:
    """Among an operation's settings: an array that a step brings, such as the classes of a batch."""

    number: int


@dataclass(frozen=True, slots=True)
class Slot:
    """Something that every step brings.

    Attributes
    ----------
    kind
        ``parameter`` (a leaf that collects a gradient), ``input`` (one that does not), ``number`` (written in the program)
        or ``setting`` (an array that is no tensor).
    tensor
        Its id in the graph; empty for a setting.
    name
        What the learner calls it; empty if nobody has named it.
    """

    kind: Literal["parameter", "input", "number", "setting"]
    tensor: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One operation of a program; its `run` is ``None`` if it cannot be computed again."""

    operation: Operation
    run: Any
    arguments: tuple[Reference, ...]
    settings: tuple[Any, ...]


@dataclass(frozen=True)
class Program:
    """A computation without its numbers.

    Attributes
    ----------
    graph
        For pictures.
    title
        The output and its expression.
    slots
        What a step brings, in order.
    instructions
        The operations, oldest first.
    output
        What ``backward()`` started from.
    """

    graph: Graph
    title: str
    slots: tuple[Slot, ...]
    instructions: tuple[Instruction, ...]
    output: Reference

    def run(
        self,
        given: Sequence[Any],
        *,
        tracked: bool = False,
        before: Callable[[Instruction, Sequence[Any], Sequence[Any]], None] | None = None,
        known: Known = NOTHING,
    ) -> tuple[list[Any], list[list[Tensor]]]:
        """Compute everything anew.

        Parameters
        ----------
        given
            An array for each slot.
        tracked
            Let the engine record it.
        before
            Is told of each operation before it runs, with its arguments and settings; what it raises stops the computation.
        known
            By the numbers of instructions their results, which are then not computed.

        Returns
        -------
        tuple
            What stood in each slot (tensors, numbers, arrays), and the results of each instruction.

        Raises
        ------
        ValueError
            If an operation fails on what it is given.
        """
        slots = [self._filled(slot, array, tracked) for slot, array in zip(self.slots, given, strict=True)]
        results: list[list[Tensor]] = []
        with enable_grad() if tracked else no_grad():
            for number, told in enumerate(self.instructions):
                if number in known:
                    results.append(known[number])
                    continue
                if told.run is None:
                    raise ValueError(f"{told.operation.name} cannot be computed again: gradviz has no formula for it")
                try:
                    arguments = [slots[place] if at == SLOT else results[at][place] for at, place in told.arguments]
                    settings = _put_back(told.settings, slots) if number in self._given_settings else told.settings
                    if before is not None:
                        before(told, arguments, settings)
                    made = told.run(*arguments, *settings)
                except Exception as error:  # a Function of the user's own, or a file that was changed
                    raise ValueError(f"{told.operation.name} cannot be computed again: {error}") from error
                results.append(list(made) if isinstance(made, tuple) else [made])
        return slots, results

    def _filled(self, slot: Slot, array: Any, tracked: bool) -> Any:
        if slot.kind == "number":
            return array.item() if isinstance(array, np.ndarray | np.generic) else array
        if slot.kind == "setting":
            return array
        tensor = wrap(np.array(array) if tracked else array)
        tensor._requires_grad = tracked and slot.kind == "parameter"
        return tensor

    @cached_property
    def _given_settings(self) -> dict[int, set[int]]:
        """The instructions among whose settings are arrays that a step brings, by their numbers, and from which slots."""
        found = {number: _slots_of(told.settings) for number, told in enumerate(self.instructions)}
        return {number: slots for number, slots in found.items() if slots}

    def fixed(self, given: Sequence[Any], varied: Collection[int], known: Known = NOTHING) -> dict[int, list[Tensor]]:
        """Compute what does not depend on the numbers in some slots: the results of instructions, by their numbers."""
        _, results = self.run(given, known=known)
        moving = {(SLOT, slot) for slot in varied}
        fixed: dict[int, list[Tensor]] = {}
        for number, told in enumerate(self.instructions):
            read = {*told.arguments, *((SLOT, slot) for slot in self._given_settings.get(number, ()))}
            if moving.isdisjoint(read):
                fixed[number] = results[number]
            else:
                moving.update((number, place) for place in range(len(results[number])))
        return fixed

    def loss(self, given: Sequence[Any], known: Known = NOTHING) -> float:
        """Return the output as one number (the sum of its entries) for other numbers in the slots; `known` as in `run`."""
        _, results = self.run(given, known=known)
        at, place = self.output
        return float(results[at][place].array.sum())

    def recorded(
        self, given: Sequence[Any], gradients: Mapping[int, Any], seed: Any = None, title: str = ""
    ) -> tuple[Recording, list[Any]]:
        """Compute everything anew, and the gradients; return what is recorded of it, and what stood in each slot.

        Parameters
        ----------
        given
            An array for each slot.
        gradients
            By slot: what stood in ``.grad`` before.
        seed
            What backpropagation starts with, for an output that is not a single number.
        title
            For the picture.
        """
        slots, results = self.run(given, tracked=True)
        for number, gradient in gradients.items():
            slots[number]._grad = wrap(np.array(gradient))
        names, calls = Names(ENGINE), _Calls(self.graph)
        # All keep their names: what computes them now was written by nobody who would know other ones.
        known = {tensor.id: tensor for tensor in self.graph.tensors}
        for slot, tensor in zip(self.slots, slots, strict=True):
            if isinstance(tensor, Tensor) and slot.tensor in known:
                names.leaves[id(tensor)] = known[slot.tensor].name
                if not known[slot.tensor].named:
                    names.composed.add(id(tensor))
        nodes = []
        for operation, made in zip(self.graph.operations, results, strict=True):
            node = made[0]._grad_fn
            if node is None:
                raise ValueError(f"{operation.name} cannot be computed again: no gradient flows through it")
            node.call = calls.of(operation)
            nodes.append(node)
            for tensor_id, place in zip(operation.outputs, _places(node, operation.outputs), strict=False):
                names.results[id(node), place] = known[tensor_id].name
                if not known[tensor_id].named:
                    names.composed.add((id(node), place))
        names.modules.update(calls.names)
        at, place = self.output
        output = results[at][place]
        start = None if seed is None else wrap(np.array(seed))
        made_anew = record_named((output,), names, gradient=start, backward=True, title=title or self.title)
        return made_anew.told(graph=self._with_sources(made_anew.graph)), slots

    def _with_sources(self, graph: Graph) -> Graph:
        """Say of each operation where the program was written, not where it was computed anew."""
        sources = {operation.id: operation.source for operation in self.graph.operations}
        operations = tuple(replace(op, source=sources.get(op.id)) for op in graph.operations)
        return replace(graph, operations=operations, code=self.graph.code)


def _places(node: Node, outputs: Sequence[str]) -> Sequence[int]:
    # Of many outputs the graph lists those that something uses; then their order is all that is known of them.
    return places_of(node) if len(outputs) == len(places_of(node)) else range(len(outputs))


class _Calls:
    """The module calls in which operations ran, made again from the graph's modules."""

    def __init__(self, graph: Graph) -> None:
        self.names: dict[int, str] = {}
        self._calls: list[Call] = []
        self._tags: dict[str, ModuleTag] = {}
        for module in graph.modules:  # outer ones come first
            tag = ModuleTag(module.class_name, module.label, True)
            self._tags[module.path] = tag
            self.names[id(tag)] = module.path
        for call in graph.calls:
            self._calls.append(Call(self._tags[call.module], None if call.outer is None else self._calls[call.outer]))

    def of(self, operation: RecordedOperation) -> Call | None:
        return None if operation.call is None else self._calls[operation.call]


def written_down(
    source: Source, output: Any, operations: Sequence[ToldOperation], variables: Sequence[Mapping[str, Any]]
) -> tuple[Program, list[Place]]:
    """Write down how a graph was computed.

    Parameters
    ----------
    source
        The program that computed.
    output, operations
        The result, and the operations behind it, oldest first.
    variables
        Where names are looked for, the nearest scope first.

    Returns
    -------
    tuple
        The program; and for each slot where its numbers are found in another graph of the same structure.
    """
    graph, title, ids = structure_of(source, output, operations, variables)
    numbers = {operation: at for at, operation in enumerate(operations)}
    named = {tensor.id: tensor.name for tensor in graph.tensors if tensor.named}
    slots: list[Slot] = []
    places: list[Place] = []
    known: dict[int, int] = {}
    instructions = []

    def add(slot: Slot, at: int, place: int | tuple[int, ...]) -> int:
        slots.append(slot)
        places.append((at, place))
        return len(slots) - 1

    for at, told in enumerate(operations):
        arguments: list[Reference] = []
        for place, (argument, edge) in enumerate(zip(told.inputs, told.edges, strict=True)):
            if edge is not None and isinstance(edge[0], source.operation):
                arguments.append((numbers[edge[0]], edge[1]))
            elif source.is_tensor(argument):
                leaf = argument if edge is None else edge[0].variable
                if id(leaf) not in known:
                    id_ = ids[at][place]
                    kind: Literal["input", "parameter"] = "input" if edge is None else "parameter"
                    known[id(leaf)] = add(Slot(kind, id_, named.get(id_, "")), at, place)
                arguments.append((SLOT, known[id(leaf)]))
            else:
                arguments.append((SLOT, add(Slot("number", ids[at][place]), at, place)))

        def pulled(value: Any, way: tuple[int, ...], at: int = at) -> Any:
            if isinstance(value, np.ndarray):
                return FromSlot(add(Slot("setting"), at, way))
            if type(value) in (tuple, list):
                return type(value)(pulled(part, (*way, place)) for place, part in enumerate(value))
            return value

        settings = tuple(pulled(value, (place,)) for place, value in enumerate(told.settings))
        instructions.append(Instruction(told.operation, _runner(told), tuple(arguments), settings))
    made, place = source.made_by(output)
    return Program(graph, title, tuple(slots), tuple(instructions), (numbers[made], place)), places


def _runner(told: Any) -> Any:
    """Return what runs an operation again; ``None`` if nothing can."""
    own = getattr(type(told), "function", None)
    if own is None:
        row = told.operation
        # An opaque one has no function.
        return getattr(row, "function", None) if len(told.settings) == len(row.settings) else None
    takes = told.takes  # an autograd.Function of the user's

    def run(*given: Any) -> Any:
        count = sum(takes)
        tensors, others = iter(given[:count]), iter(given[count:])
        return own.apply(*(next(tensors) if is_tensor else next(others) for is_tensor in takes))

    return run


def _slots_of(value: Any) -> set[int]:
    if isinstance(value, FromSlot):
        return {value.number}
    return set().union(*map(_slots_of, value)) if type(value) in (tuple, list) else set()


def _put_back(value: Any, slots: Sequence[Any]) -> Any:
    if isinstance(value, FromSlot):
        return slots[value.number]
    if type(value) in (tuple, list):
        return type(value)(_put_back(part, slots) for part in value)
    return value
