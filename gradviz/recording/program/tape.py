"""What ran on tensors, written down as steps: found from the results backwards, and told in the order in which it ran."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gradviz.engine.node import Node
from gradviz.engine.tensor import Tensor
from gradviz.recording.program.model import SLOT, MissingError, Numbers, Step, told

OTHER_NAMES = {"SafeSoftmaxBackward0": "safe_softmax"}
"""Rows that do something else than another of the same name."""


class Tape:
    """The steps and numbers of a program, as they become known.

    Attributes
    ----------
    steps, numbers
        What has been written down.
    size
        How many slots there are.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.numbers: list[Numbers] = []
        self.size = 0
        self._of_node: dict[tuple[Any, int], int] = {}
        self._of_tensor: dict[int, int] = {}
        self._of_memory: dict[tuple[int, int], tuple[int, tuple[int, ...]]] = {}
        self._alive: list[Any] = []  # so that no id, and no address, becomes another's

    # --- what is there from the beginning ----------------------------------------------------------------------------

    def leaf(self, tensor: Tensor, id: str = "") -> int:
        """Write down the numbers of a tensor that nothing made."""
        slot = self._number(tensor.array, id)
        self._of_tensor[id_of(tensor)] = slot
        self._alive.append(tensor)
        self._remember(tensor.array, slot)
        return slot

    def array(self, array: Any, id: str) -> int:
        """Write down the numbers of a leaf that operations read as a setting: an index, a target."""
        slot = self._number(array, id)
        self._remember(array, slot)
        return slot

    def _number(self, array: Any, id: str = "") -> int:
        _checked(array)
        slot = self._new()
        self.numbers.append(Numbers(slot, np.asarray(array), id))
        return slot

    # --- what ran ------------------------------------------------------------------------------------------------------

    def made_by_hand(self, tensor: Tensor, name: str, arguments: Mapping[str, Any]) -> None:
        """Write down a step of which no node knows, and what it made: a leaf as far as the graph is concerned."""
        self.write([one for one in arguments.values() if isinstance(one, Tensor)])
        slot = self._step(name, {key: self._argument(one) for key, one in arguments.items()}, 1)[0]
        self._of_tensor[id_of(tensor)] = slot
        self._alive.append(tensor)

    def write(self, tensors: Iterable[Tensor]) -> None:
        """Write down all that ran to make some tensors, as far as it is not known yet."""
        found: set[Node] = set()
        waiting: list[Any] = list(tensors)
        while waiting:
            tensor = waiting.pop()
            if not isinstance(tensor, Tensor) or id_of(tensor) in self._of_tensor:
                continue
            node = tensor._grad_fn
            if node is not None and node not in found and (node, tensor._output_nr) not in self._of_node:
                found.add(node)
                waiting.extend(node.inputs)
            if tensor._asked is not None:
                waiting.extend(tensor._asked[1])
        for node in sorted(found, key=lambda one: one.made):
            self._write(node)

    def slot(self, tensor: Tensor) -> int:
        """Return where a tensor stands; what ran to make it has been written down."""
        known = self._known(tensor)
        return self._number(tensor.array) if known is None else known

    def _write(self, node: Node) -> None:
        row = node.operation
        if row.grad_fn == "CopySlices":
            raise MissingError("operation", "a change in place of a part")
        given = zip(row.inputs, node.inputs, strict=True)
        arguments = {name: self._argument(one) for name, one in given if one is not None}
        arguments |= {name: self._argument(one) for name, one in zip(row.settings, node.settings, strict=True)}
        slots = self._step(OTHER_NAMES.get(row.grad_fn, row.name), arguments, len(row.outputs))
        assert node.values is not None
        outputs = node.values[len(row.inputs) :][: len(row.outputs)]
        for place, (slot, array) in enumerate(zip(slots, outputs, strict=True)):
            _checked(array)
            self._of_node[node, place] = slot
            if place or row.many:
                self._remember(array, slot)
        self._alive.append(node)

    def _step(self, name: str, arguments: dict[str, Any], results: int) -> list[int]:
        slots = [self._new() for _ in range(results)]
        self.steps.append(Step(name, arguments, tuple(slots)))
        return slots

    def _new(self) -> int:
        self.size += 1
        return self.size - 1

    # --- arguments -----------------------------------------------------------------------------------------------------

    def _argument(self, given: Any) -> Any:
        if isinstance(given, Tensor):
            return {SLOT: self.slot(given)}
        if isinstance(given, np.ndarray):
            return {SLOT: self._of_array(given)}
        if isinstance(given, tuple | list):
            return [self._argument(one) for one in given]
        return told(given)

    def _known(self, tensor: Tensor) -> int | None:
        if tensor._grad_fn is not None:
            known = self._of_node.get((tensor._grad_fn, tensor._output_nr))
            if known is None and tensor._grad_fn.operation.outputs == ("result",):
                raise AssertionError("what made it is written down first")
            return known
        known = self._of_tensor.get(id_of(tensor))
        if known is None and tensor._asked is not None:
            name, about = tensor._asked
            self.made_by_hand(tensor, name, dict(zip(("self", "other"), about, strict=False)))
            return self._of_tensor[id_of(tensor)]
        if known is None and isinstance(tensor.array, np.ndarray):
            return self._in_memory(tensor.array)
        return known

    def _of_array(self, array: np.ndarray[Any, Any]) -> int:
        known = self._in_memory(array)
        return self._number(array) if known is None else known

    def _remember(self, array: Any, slot: int) -> None:
        """Note where numbers stand in memory: a formula may read them as an array, in another shape."""
        if isinstance(array, np.ndarray) and array.size and array.flags.c_contiguous:
            self._of_memory[_place(array), array.size] = slot, array.shape
            self._alive.append(array)

    def _in_memory(self, array: np.ndarray[Any, Any]) -> int | None:
        if not array.size or not array.flags.c_contiguous:
            return None
        known = self._of_memory.get((_place(array), array.size))
        if known is None:
            return None
        slot, shape = known
        if shape == array.shape:
            return slot
        return self._step("reshape", {"self": {SLOT: slot}, "size": list(array.shape)}, 1)[0]


HALF = ("float16", "bfloat16")


def _checked(array: Any) -> None:
    """Refuse numbers that a page cannot round as they were."""
    dtype = np.asarray(array).dtype
    if dtype.itemsize == 2 and dtype.name in HALF:
        raise MissingError("dtype", dtype.name)


def id_of(tensor: Any) -> int:
    """Return by what a tensor is known, while it is kept alive."""
    return id(tensor)


def _place(array: np.ndarray[Any, Any]) -> int:
    return int(array.__array_interface__["data"][0])
