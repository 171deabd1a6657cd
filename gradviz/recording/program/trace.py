"""A recorded computation, run once more on tensors of its own, forward and back, so that a `Tape` can be written of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradviz.engine.core.node import Gradients
from gradviz.engine.core.tensor import mode, wrap
from gradviz.engine.modes import enable_grad
from gradviz.engine.tensor import Tensor
from gradviz.recording.applied import Applied
from gradviz.recording.program.model import MissingError, Program
from gradviz.recording.program.tape import Tape
from gradviz.recording.replay import MOVES_WITH_ITS_CHANCE, Replay
from gradviz.recording.words import LOCAL_ENTRIES, is_factor

CHOOSERS = {
    "MaxBackward1": "extreme_backward",
    "MinBackward1": "extreme_backward",
    "AmaxBackward0": "extreme_backward",
    "AminBackward0": "extreme_backward",
    "ProdBackward0": "prod_backward",
    "ProdBackward1": "prod_backward",
}
"""Rows whose formulas look at the numbers themselves, to choose: their way back is an operation of its own."""


class Trace:
    """One run.

    Parameters
    ----------
    replay
        What was computed.
    leaves
        Other numbers for leaves, by their ids; those that are not given are as they were.

    Attributes
    ----------
    tensors, gradients
        What was computed, by the ids of tensors.
    """

    def __init__(self, replay: Replay, leaves: Mapping[str, Any]) -> None:
        self.replay, self.tape = replay, Tape()
        self.tensors: dict[str, Any] = {}
        self.arrays: dict[str, Any] = {}
        self.values: dict[str, int] = {}
        self.made: dict[str, Tensor] = {}
        for leaf in replay.leaves:
            array = leaves.get(leaf.id, leaf.array)
            if leaf.id in replay.numbers:
                self.tensors[leaf.id] = np.asarray(array).item()
                continue
            self._leaf(leaf.id, np.array(array))  # memory of its own
        with enable_grad(), np.errstate(all="ignore"):
            for applied in replay.applied:
                self._forward(applied)
            self.tape.write(self.made.values())
            self.values |= {id: self.tape.slot(tensor) for id, tensor in self.made.items()}
            self._back()

    def _leaf(self, id: str, array: np.ndarray[Any, Any]) -> None:
        if array.dtype.kind == "f":
            tensor = wrap(array)
            tensor._requires_grad = True  # everything is to be written down, whatever wants a gradient
            self.tensors[id], self.values[id] = tensor, self.tape.leaf(tensor, id)
        else:
            self.tensors[id], self.values[id] = wrap(array), self.tape.array(array, id)
        self.arrays[id] = array

    # --- forward -------------------------------------------------------------------------------------------------------

    def _forward(self, applied: Applied) -> None:
        row = applied.operation
        if row.grad_fn in MOVES_WITH_ITS_CHANCE or not row.derivatives or applied.part is not None:
            raise MissingError("operation", row.name)
        if any(isinstance(one, np.ndarray) and not one.size for one in applied.settings):
            raise MissingError("large", row.name)
        given = [self.tensors[operand.id] if operand.id else None for operand in applied.operands]
        settings = [
            self.arrays.get(applied.targets[name].id, value) if name in applied.targets else value
            for name, value in zip(row.settings, applied.settings, strict=True)
        ]
        made = row.function(*given, *settings)
        results = made if isinstance(made, tuple | list) else (made,)
        for operand, place in zip(applied.results, applied.places, strict=True):
            self.tensors[operand.id] = self.made[operand.id] = results[place]

    # --- back ----------------------------------------------------------------------------------------------------------

    def _back(self) -> None:
        replay, result = self.replay, self.made[self.replay.output]
        seed = np.ones_like(result.array) if replay.seed is None else np.asarray(replay.seed, result.array.dtype)
        start = wrap(np.array(seed))
        start._requires_grad = True
        self.tape.leaf(start)
        whole = result if not result.shape else (result * start).sum()
        kept: dict[str, Tensor] = {}
        sums: dict[str, Tensor] = {}
        if replay.flowed:
            sums[replay.output] = kept[f":{replay.output}"] = start
        left: dict[str, int] = {}
        applied_by = {applied.id: applied for applied in replay.applied}
        for id, flows in replay.flowed:
            for operand, flow in zip(applied_by[id].operands, flows, strict=True):
                left[operand.id] = left.get(operand.id, 0) + flow
        contributions: dict[str, Tensor] = {}
        locals: dict[str, Tensor] = {}
        for id, flows in replay.flowed:
            applied = applied_by[id]
            node = self.made[applied.results[0].id]._grad_fn
            assert node is not None
            sent = self._sent(applied, node, sums)
            for place, (operand, flow) in enumerate(zip(applied.operands, flows, strict=True)):
                gradient = sent[place]
                if not flow:
                    continue
                if gradient is None:
                    raise MissingError("operation", applied.operation.name)
                argument = f"{applied.id}_{place}"
                contributions[argument] = gradient
                known = sums.get(operand.id)
                sums[operand.id] = gradient if known is None else known + gradient
                left[operand.id] -= 1
                if not left[operand.id] and operand.id in replay.before:
                    kept[f"{applied.id}:{operand.id}"] = sums[operand.id] + wrap(np.array(replay.before[operand.id]))
                else:
                    kept[f"{applied.id}:{operand.id}"] = sums[operand.id]
                local = self._local(applied, place, node)
                if local is not None:
                    locals[argument] = local
        self.tape.write([whole, *kept.values(), *contributions.values(), *locals.values()])
        slot = self.tape.slot
        self.output = slot(whole)
        self.contributions = {key: slot(tensor) for key, tensor in contributions.items()}
        self.locals = {key: slot(tensor) for key, tensor in locals.items()}
        self.sums = {key: slot(tensor) for key, tensor in kept.items()}
        self.gradients = {
            key.partition(":")[2]: tensor for key, tensor in kept.items()
        }  # the last of each is all of it

    def _sent(self, applied: Applied, node: Any, sums: Mapping[str, Tensor]) -> list[Any]:
        """Run a node's formulas on the gradients that have arrived at its results."""
        row = applied.operation
        there = {place: sums.get(operand.id) for place, operand in zip(applied.places, applied.results, strict=True)}
        if row.grad_fn in CHOOSERS:
            upstream = there[0]
            assert upstream is not None
            (array,) = node.contributions(upstream.array)
            chosen = wrap(np.array(array))
            chosen._requires_grad = True
            settings = dict(zip(row.settings, applied.settings, strict=True))
            name, made = CHOOSERS[row.grad_fn], self.tensors[applied.results[0].id]
            given = self.tensors[applied.operands[0].id]
            about = {"grad": upstream, "self": given, "result": made, "dim": settings.get("dim")}
            self.tape.made_by_hand(chosen, name, about)
            return [chosen]
        sent: list[Any]
        if not node.many:
            sent = node.contributions(there[applied.first], True)
            return sent
        results = node.values[len(node.inputs) :][: len(row.outputs)]
        arrived = [there.get(place) for place in range(len(results))]
        gradients = Gradients(
            wrap(np.zeros_like(result)) if one is None else one for one, result in zip(arrived, results, strict=True)
        )
        gradients.arrived = tuple(one is not None for one in arrived)
        sent = node.contributions(gradients, True)
        return sent

    def _local(self, applied: Applied, place: int, node: Any) -> Tensor | None:
        """Run one of a node's formulas on a gradient of ones, where that is the local derivative entry by entry."""
        row = applied.operation
        if row.reduction or row.many or not is_factor(row, row.inputs[place]) or row.rules[place] is None:
            return None
        if math.prod(applied.output_shape) > LOCAL_ENTRIES or row.grad_fn in CHOOSERS:
            return None
        ones = wrap(np.ones(applied.output_shape, node.values[place].dtype))
        ones._requires_grad = True
        self.tape.leaf(ones)
        mode.formulas = True
        try:
            found = row.rules[place](ones, node.tensors())
        finally:
            mode.formulas = False
        return found if isinstance(found, Tensor) else None

    def program(self, cut: Mapping[str, str], twins: Mapping[str, tuple[str, ...]]) -> Program:
        """Return what was written down."""
        tape = self.tape
        return Program(
            tuple(tape.numbers),
            tuple(tape.steps),
            tape.size,
            self.output,
            self.values,
            self.contributions,
            self.locals,
            self.sums,
            cut,
            twins,
        )
