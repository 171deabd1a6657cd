"""A graph in numbers: which tensors enter each operation, and which come out of it.

Operations are numbered in the order in which they ran, tensors in the order in which they take part. All that is said of a graph
afterwards (names, numbers, words) stands in columns, one place for each: of a long computation few are ever looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from gradviz.recording.told import Identity, Key, Source, ToldOperation, places_of

ABSENT = -1
"""The number of an argument that was not given: a bias that there is not."""

PLAIN_NUMBERS = frozenset((float, int, bool))
"""What a plain number is an object of."""


class Kind(IntEnum):
    """What a tensor of a graph is for the program: a result, a leaf that collects a gradient or none, or no tensor of its."""

    RESULT, LEARNED, GIVEN, NUMBER, ARRAY = range(5)


RESULT, LEARNED, GIVEN, NUMBER, ARRAY = Kind


class Wiring:
    """How the tensors and operations of a graph hang together.

    Parameters
    ----------
    source
        The program that computed.
    outputs, nodes
        The results, and the operations behind them, oldest first.

    Attributes
    ----------
    inputs
        By operation: the numbers of its arguments, or `ABSENT`.
    targets
        By operation, if it is such a loss: what it compares with, each with the name of its setting.
    leafless
        By operation: whether it takes nothing but results and plain numbers.
    results
        By operation: the numbers of those of its results that are drawn.
    kinds
        By tensor: its `Kind`.
    holders
        By tensor: the program's tensor, or the number.
    at, slots
        By tensor: the operation that made it, and which of its outputs it is; of others the one that took it first, and in which
        slot: past the row's inputs for what is compared with.
    alike
        Views of the same numbers in the same shape, for which the first of them stands: each with its number.
    """

    def __init__(self, source: Source, outputs: Sequence[Any], nodes: Sequence[ToldOperation]) -> None:
        self.source, self.nodes = source, nodes
        self._number_of_node = {node: number for number, node in enumerate(nodes)}
        self.inputs: list[tuple[int, ...]] = []
        self.targets: dict[int, tuple[tuple[str, int], ...]] = {}
        self.leafless = bytearray(b"\1") * len(nodes)
        self.results: list[tuple[int, ...]] = []
        self.kinds: list[Kind] = []
        self.holders: list[Any] = []
        self.at: list[int] = []
        self.slots: list[int] = []
        self.alike: list[tuple[Any, int]] = []
        self._leaves: dict[int, int] = {}  # by the ``id`` of the program's tensor
        self._first: list[int] = []  # by operation: the number of its result, or of its first output, used or not
        self._views: dict[Any, Any] = {}
        self._many: dict[
            int, dict[int, int]
        ] = {}  # of operations with several results: the number of each that is used
        output_keys = [source.made_by(tensor) for tensor in outputs]
        used = self._used_of_many(output_keys)
        for number, node in enumerate(nodes):
            self.inputs.append(self._arguments(number, node))
            if targets := source.targets_of(node):
                self.targets[number] = tuple([(slot, self._target(tensor, number)) for slot, tensor in targets])
                self.leafless[number] = 0
            self.results.append(self._results(number, node, used))
        self.outputs = [self._result_of(key) for key in output_keys]
        for number, tensor in zip(self.outputs, outputs, strict=True):
            if self.holders[number] is None:
                self.holders[number] = tensor

    def _used_of_many(self, output_keys: Sequence[Key]) -> set[Key]:
        """Return those results that something uses, of operations that have several."""
        if not any(node.many for node in self.nodes):
            return set()
        made = self._number_of_node
        edges = (edge for node in self.nodes for edge in node.edges if edge is not None)
        return {edge for edge in edges if edge[0] in made and edge[0].many} | set(output_keys)

    def _arguments(self, number: int, node: ToldOperation) -> tuple[int, ...]:
        """Return the numbers of an operation's arguments; those are entered that are new."""
        given, of_node, holders, found = node.inputs, self._number_of_node, self.holders, list[int]()
        for slot, edge in enumerate(node.edges):
            argument = given[slot]
            if edge is None:
                if type(argument) in PLAIN_NUMBERS:
                    found.append(self._enter(argument, NUMBER, number, slot))
                    continue
                found.append(self._entered(argument, number, slot))
            elif (made := of_node.get(edge[0])) is not None:
                tensor = self._many[made][edge[1]] if made in self._many else self._first[made]
                if holders[tensor] is None:
                    holders[tensor] = argument
                found.append(tensor)
                continue
            else:
                found.append(self._leaf(edge[0].variable, LEARNED, number, slot))
            self.leafless[number] = 0
        return tuple(found)

    def _entered(self, argument: Any, number: int, slot: int) -> int:
        """Enter an argument to which no gradient goes, and that is no plain number."""
        if self.source.is_tensor(argument):
            return self._leaf(self._first_alike(argument), GIVEN, number, slot)
        return ABSENT if argument is None else self._enter(argument, ARRAY, number, slot)

    def _target(self, tensor: Any, number: int) -> int:
        """Return the number of what a loss compares with: a result of the graph, or a leaf."""
        made = self._result_of(self.source.made_by(tensor))
        if made != ABSENT:
            return made
        return self._leaf(self._first_alike(tensor), GIVEN, number, len(self.inputs[number]))

    def _results(self, number: int, node: ToldOperation, used: set[Key]) -> tuple[int, ...]:
        self._first.append(len(self.kinds))
        if not node.many:
            return (self._enter(None, RESULT, number, 0),)
        # Of many results only those are drawn that something uses.
        made = {place: self._enter(None, RESULT, number, place) for place in places_of(node) if (node, place) in used}
        self._many[number] = made
        return tuple(made.values())

    def _result_of(self, key: Key) -> int:
        number = self._number_of_node.get(key[0], ABSENT)
        if number == ABSENT or number >= len(self.results):
            return ABSENT
        return self._many[number].get(key[1], ABSENT) if number in self._many else self._first[number]

    def _leaf(self, leaf: Any, kind: Kind, number: int, slot: int) -> int:
        known = self._leaves.get(id(leaf))
        if known is None:
            known = self._leaves[id(leaf)] = self._enter(leaf, kind, number, slot)
        return known

    def _first_alike(self, leaf: Any) -> Any:
        """Return the first view of the same numbers in the same shape: a library makes one for each product with them."""
        view = self.source.view_of(leaf)
        first = leaf if view is None else self._views.setdefault(view, leaf)
        if first is not leaf and id(leaf) not in self._leaves:
            self._leaves[id(leaf)] = self._leaves[id(first)]
            self.alike.append((leaf, self._leaves[id(first)]))
        return first

    def _enter(self, holder: Any, kind: Kind, number: int, slot: int) -> int:
        self.kinds.append(kind)
        self.holders.append(holder)
        self.at.append(number)
        self.slots.append(slot)
        return len(self.kinds) - 1

    # --- what else may be asked ---------------------------------------------------------------------------------

    def number_of(self, key: Key) -> int:
        """Return the number of a result or a leaf; `ABSENT` for what does not take part."""
        return self._leaves.get(key[1], ABSENT) if key[0] == "leaf" else self._result_of(key)

    def operation_number(self, node: ToldOperation) -> int:
        """Return the number of an operation."""
        return self._number_of_node[node]

    def identity(self, tensor: int) -> Identity:
        """Return by what a tensor of the program's is known to those who look for its name; of a number nothing that is."""
        if self.kinds[tensor] is RESULT:
            return id(self.nodes[self.at[tensor]]), self.slots[tensor]
        return id(self.holders[tensor])

    def slot_of(self, tensor: int) -> str:
        """Return the name of the slot in which a leaf or a number was taken first."""
        number, slot = self.at[tensor], self.slots[tensor]
        inputs = self.nodes[number].operation.inputs
        return inputs[slot] if slot < len(inputs) else next(name for name, it in self.targets[number] if it == tensor)

    def is_tensor(self, tensor: int) -> bool:
        """Return True for what is no plain number: a result, a leaf, or an array."""
        kind = self.kinds[tensor]
        return kind < NUMBER or (kind == ARRAY and isinstance(self.holders[tensor], np.ndarray))

    def outside(self, operations: Sequence[int]) -> list[int]:
        """Return the tensors that enter some operations, in the order in which they are used."""
        inside, kinds, at = frozenset(operations), self.kinds, self.at
        found: dict[int, None] = {}
        for number in operations:
            for tensor in self._all_inputs(number):
                if (
                    tensor != ABSENT
                    and self.is_tensor(tensor)
                    and not (kinds[tensor] is RESULT and at[tensor] in inside)
                ):
                    found[tensor] = None
        return list(found)

    def taken(self, operations: Sequence[int]) -> list[int]:
        """Return the same in the order of arguments: first what the last operation takes, and what its arguments were made of.

        The order in which they are used is another where one of them has to be brought into shape first.
        """
        outside = self.outside(operations)
        if len(operations) == 1 or len(outside) == 1:
            return outside
        left, found = set(outside), dict[int, None]()
        waiting = [*reversed(self._all_inputs(operations[-1]))]
        seen = set[int]()
        while waiting:
            tensor = waiting.pop()
            if tensor in left:
                found[tensor] = None
            elif tensor != ABSENT and self.kinds[tensor] is RESULT and tensor not in seen:
                seen.add(tensor)
                waiting.extend(reversed(self._all_inputs(self.at[tensor])))
        return [*found, *(tensor for tensor in outside if tensor not in found)]

    def _all_inputs(self, number: int) -> tuple[int, ...]:
        return self.inputs[number] + tuple([tensor for _, tensor in self.targets.get(number, ())])
