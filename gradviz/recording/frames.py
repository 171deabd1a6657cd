"""The moments of a run: first everything is computed, then gradients go back, as a `Pass` has seen it.

Numbers are kept as they are now; what a moment says is written when it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from gradviz.engine.node import Node
from gradviz.recording import sentences, words
from gradviz.recording.collect import Collection
from gradviz.recording.later import later
from gradviz.recording.model import Contribution, Frame, Gradient, Value
from gradviz.recording.passes import Key, Pass
from gradviz.recording.words import Applied, Operand

Line = Callable[[], str]
"""Writes a line of an equation."""


def frames_of(collected: Collection, ran: Pass | None) -> Iterator[Frame]:
    """Go through the moments of a run.

    Parameters
    ----------
    collected
        What was computed.
    ran
        What the backward pass did, if there was one.
    """
    yield _first(collected)
    for node in collected.nodes:
        yield _forward(collected, node)
    if ran is not None:
        yield from _Backward(collected, ran).frames()


def _first(collected: Collection) -> Frame:
    start = [tensor.id for tensor in collected.graph.tensors if tensor.producer is None]
    values = {id: collected.operands[key].value for key, id in collected.ids.items()}
    cut_off = [collected.operands[key].name for key in collected.ids if key in collected.detached]
    return Frame("forward", "", "Start", sentences.start(cut_off), values=_known([(id, values[id]) for id in start]))


def _forward(collected: Collection, node: Node) -> Frame:
    results = collected.results[node]
    result = collected.operands[results[0]]
    return later(
        Frame,
        partial(_forward_words, collected.applied[node], result),
        phase="forward",
        current=collected.node_ids[node],
        title=result.name,
        reason="",
        values=_known([(collected.ids[key], collected.operands[key].value) for key in results]),
        contributions=(),
        gradients=(),
    )


def _forward_words(applied: Applied, result: Operand) -> Mapping[str, Any]:
    sources = [operand.name for operand in applied.operands if operand.value is not None]
    return {
        "sentence": sentences.computed(result.name, sources),
        "equation": (words.forward_equation(applied, result),),
    }


def _known(values: Iterable[tuple[str, Value | None]]) -> tuple[tuple[str, Value], ...]:
    return tuple([(id, value) for id, value in values if value is not None])


class _Backward:
    """Tells of the backward pass, adding up what arrives."""

    def __init__(self, collected: Collection, ran: Pass) -> None:
        self.of, self.ran = collected, ran
        self.root = collected.output_keys[0]
        self.seed = ran.arrived_at(self.root)
        self.ones = bool(np.all(np.asarray(self.seed) == 1))
        # A gradient other than 1 was given, or came from a result further on that is not in this picture.
        self.output = collected.operands[self.root].name if self.ones else "L"
        self.missing: dict[Key, int] = {}  # how many contributions are still to come
        self.so_far: dict[Key, Any] = {}

    def frames(self) -> Iterator[Frame]:
        yield self._seed_frame()
        for node in self.ran.order:
            for key, gradient in zip(self.of.arguments[node], self.ran.contributions[node], strict=True):
                if gradient is not None:
                    self.missing[key] = self.missing.get(key, 0) + 1
        self.partial = {key for key, count in self.missing.items() if count > 1}
        for node in self.ran.order:
            yield self._frame(node)

    def _seed_frame(self) -> Frame:
        root, seed = self.root, self.of.value(self.seed)
        sentence, equation = sentences.seeded(self.output, self.of.operands[root].name, seed, ones=self.ones)
        lines: list[Line] = []
        gradient = self._gradient(root, self.seed, True, lines)
        return Frame(
            "backward",
            self.of.ids[root],
            "Start of backward",
            sentence,
            equation=(equation, *(line() for line in lines)),
            gradients=(gradient,),
        )

    def _frame(self, node: Node) -> Frame:
        ran, id, applied = self.ran, self.of.node_ids[node], self.of.applied[node]
        row, name, key_of_result = node.operation, type(node).__name__, self.of.results[node][0]
        result = self.of.operands[key_of_result]
        upstream = ran.gradient_of(key_of_result)
        entered = ran.upstream[node][key_of_result[1]] if node.many else ran.upstream[node]
        lines: list[Line] = []
        contributions: list[Contribution] = []
        gradients: dict[Key, Gradient] = {}
        for place, (slot, key, gradient, sent) in enumerate(
            zip(row.inputs, self.of.arguments[node], ran.contributions[node], ran.sent(node), strict=True)
        ):
            if gradient is None:
                continue
            value = self.of.value(gradient)
            if sent is not None:
                lines.append(
                    partial(
                        words.backward_equation,
                        applied,
                        slot,
                        self.output,
                        result,
                        self.of.value(entered),
                        self.of.value(sent),
                        partial=key in self.partial,
                    )
                )
                if not contributions and not _same(upstream, entered):
                    lines.append(self._replaced(f"{name} had made {result.name}'s gradient", entered))
            if not _same(sent, gradient):
                lines.append(self._replaced(f"{name} made it", gradient))
            target = applied.operands[place]
            contributions.append(
                later(
                    Contribution,
                    partial(_local, applied, slot),
                    argument=f"{id}_{place}",
                    value=value,
                    summed_axes=words.summed_over(row, node.output_shape, target.shape),
                )
            )
            before = self.so_far.get(key)
            total = self.so_far[key] = gradient if before is None else before + gradient
            self.missing[key] -= 1
            if before is not None:
                given = words.gradient_name(self.output, target.name)
                lines.append(partial(sentences.summed, given, self.of.value(before), value, self.of.value(total)))
            gradients[key] = self._gradient(key, total, not self.missing[key], lines)
        return later(
            Frame,
            partial(_backward_words, result.name, applied, node.saved_names(), node.values is None, lines),
            phase="backward",
            current=id,
            title=name,
            sentence=row.sentence,
            values=(),
            contributions=tuple(contributions),
            gradients=tuple(gradients.values()),
        )

    def _gradient(self, key: Key, so_far: Any, complete: bool, lines: list[Line]) -> Gradient:
        """Return what a tensor has collected; once it is complete, what the engine itself made of it."""
        id, ran, value = self.of.ids[key], self.ran, self.of.value
        if not complete:
            return Gradient(id, value(so_far), complete)
        name, before = self.of.operands[key].name, None
        arrived = made = so_far
        if isinstance(key[0], Node):
            if key[0] in ran.upstream:
                arrived, made = ran.arrived_at(key), ran.gradient_of(key)
        elif (leaf := self.of.leaves[key]) in ran.total:  # else its last gradient came from outside of this picture
            arrived, made, before = ran.arrived[leaf], ran.total[leaf], ran.before[leaf]
        if not _same(so_far, arrived):
            lines.append(partial(sentences.more_arrived, name, None if arrived is None else value(arrived)))
        hooked = not _same(arrived, made)
        if hooked:
            lines.append(self._replaced(f"{name} made it", made))
        total = made
        if before is not None:
            total = before + made
            lines.append(partial(sentences.held, name, value(before), value(made), value(total)))
        return Gradient(
            id,
            value(total),
            complete,
            before=None if before is None else value(before),
            replaced=(value(arrived), value(made)) if hooked else None,
        )

    def _replaced(self, what: str, gradient: Any) -> Line:
        return partial(sentences.replaced, what, None if gradient is None else self.of.value(gradient))


def _backward_words(
    name: str, applied: Applied, saved: Sequence[str], freed: bool, lines: Sequence[Line]
) -> Mapping[str, Any]:
    return {
        "reason": sentences.passed_on(name, applied, saved, freed=freed),
        "equation": tuple(line() for line in lines),
    }


def _local(applied: Applied, slot: str) -> Mapping[str, Any]:
    return {"local": words.local_entries(applied, slot)}


def _same(first: Any, second: Any) -> bool:
    return first is second or (
        first is not None and second is not None and np.array_equal(first, second, equal_nan=True)
    )
