"""The moments of a run: first everything is computed, then gradients go back, as a `Pass` has seen it.

Numbers are kept as they are now; what a moment says is written when it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from gradviz.catalogue import text
from gradviz.recording import equations, rounding, sentences, words
from gradviz.recording.applied import Applied, Operand
from gradviz.recording.collect import Collection as Collected
from gradviz.recording.later import Row, changed, maker
from gradviz.recording.model import Contribution, Equation, Frame, Gradient, Value
from gradviz.recording.outline import Outline
from gradviz.recording.pixels import Room
from gradviz.recording.told import Key, Pass, Printed, ToldOperation, places_of
from gradviz.recording.wiring import ABSENT

Line = Callable[[], Equation]
"""Writes a line of an equation."""


_forward_frame = maker(Frame, "phase", "current", "title", "reason", "values", "contributions", "gradients")
_backward_frame = maker(Frame, "phase", "current", "title", "values", "contributions", "gradients")
_contribution = maker(Contribution, "argument", "value", "summed_axes")
_collected = maker(Gradient, *Gradient.__slots__)


class Steps(Row):
    """The moments of a run. Those of the way forward, one for each operation, are made when they are read.

    Parameters
    ----------
    outline
        Of the graph.
    back
        The moments of the backward pass.

    Attributes
    ----------
    back
        The same.
    """

    __slots__ = ("back", "outline")

    def __init__(self, outline: Outline, back: Sequence[Frame]) -> None:
        self.outline, self.back = outline, back
        super().__init__(1 + len(outline.ids) + len(back), self._frame)

    def _frame(self, place: int) -> Frame:
        if not place:
            return self.first(())
        forward = len(self.outline.ids)
        return self.forward(place - 1) if place <= forward else self.back[place - 1 - forward]

    def first(self, hidden: Collection[int]) -> Frame:
        """Return the moment at which the leaves are there, without some of them."""
        raise NotImplementedError

    def forward(self, number: int) -> Frame:
        """Return the moment at which an operation has run."""
        raise NotImplementedError

    def value(self, tensor: int) -> Value | None:
        """Return what a tensor holds, by its number; ``None`` if it is not known."""
        raise NotImplementedError

    def without(self, hidden: Collection[int], needed: Collection[int]) -> Iterator[Frame]:
        """Go through the moments without what some tensors hold, and without those of the way forward that tell nothing else.

        Parameters
        ----------
        hidden
            The numbers of the tensors.
        needed
            The numbers of operations whose moments are not left out.
        """
        yield self.first(hidden)
        for place, results in enumerate(self.outline.outputs):
            if place in needed or not all(map(hidden.__contains__, results)):
                yield self[place + 1]
        yield from self.back


class CollectedSteps(Steps):
    """The moments of what was collected.

    Parameters
    ----------
    collected
        What was computed.
    back
        The moments of the backward pass.
    """

    __slots__ = ("_cut_off", "_of", "_pictured")

    def __init__(self, collected: Collected, back: Sequence[Frame]) -> None:
        self._of, self._pictured = collected.made, collected.pictured
        self._cut_off = [self._of.operands[number].name for number in collected.detached]
        super().__init__(self._of, back)

    def first(self, hidden: Collection[int]) -> Frame:  # noqa: D102
        leaves = [n for n, maker in enumerate(self._of.makers) if maker == ABSENT and n not in hidden]
        return Frame("forward", "", text("start title"), sentences.start(self._cut_off), values=self._values(leaves))

    def forward(self, number: int) -> Frame:  # noqa: D102
        applied, results = self._of.applied[number], self._of.outputs[number]
        seen = applied.id, applied.results[0].name, "", self._values(results)
        return _forward_frame((_forward_words, applied), None, "forward", *seen, (), ())

    def value(self, tensor: int) -> Value | None:  # noqa: D102
        one: Operand = self._of.operands[tensor]
        value, image = one.value, self._pictured.get(one.id)
        return value if value is None or image is None else changed(value, image=image)

    def _values(self, tensors: Iterable[int]) -> tuple[tuple[str, Value], ...]:
        ids = self._of.tensor_ids
        return tuple([(ids[tensor], value) for tensor in tensors if (value := self.value(tensor)) is not None])


def frames_of(collected: Collected, ran: Pass | None) -> Steps:
    """Return the moments of a run.

    Parameters
    ----------
    collected
        What was computed.
    ran
        What the backward pass did, if there was one.
    """
    if ran is None:
        return CollectedSteps(collected, ())
    return CollectedSteps(
        collected, tuple(_Backward(collected, ran).frames() if ran.was_seen else _left(collected, ran))
    )


def _left(collected: Collected, ran: Pass) -> Iterator[Frame]:
    """Show what a backward pass left in the leaves, of which no more is known."""
    found = []
    for leaf, total in ran.total.items():
        operand, value = collected.operand(("leaf", id(leaf))), collected.source.kept(total)[1]
        if operand is not None and value is not None:
            found.append(Gradient(operand.id, value, complete=True))
    if found:
        root = collected.made.operands[collected.wiring.outputs[0]].id
        yield Frame("backward", root, text("left title"), text("left"), gradients=tuple(found))


def _forward_words(applied: Applied) -> Mapping[str, Any]:
    return {"sentence": sentences.forward(applied), "equation": (equations.computed(applied),)}


class _Backward:
    """Tells of the backward pass, adding up what arrives."""

    def __init__(self, collected: Collected, ran: Pass) -> None:
        self.of, self.ran, self.source = collected, ran, collected.source
        self.root, self.root_key = collected.made.operands[collected.wiring.outputs[0]], collected.output_keys[0]
        self.seed = ran.arrived_at(self.root_key)
        self.ones = self.source.all_ones(self.seed)
        # A gradient other than 1 was given, or came from a result further on that is not in this picture.
        self.output = self.root.name if self.ones else "L"
        self.missing: dict[Operand, int] = {}  # how many contributions are still to come
        self.so_far: dict[Operand, Any] = {}
        self.news = True  # whether nobody has been told yet why a gradient can be passed on
        self.saved_news = True  # and what happens to what was saved
        self._known: dict[int, tuple[Any, Value]] = {}
        self.room = Room()

    def value(self, array: Any, printed: Printed | None = None) -> Value:
        """Return what stands in an array, once for all who have it, and how it is `printed` by what it was computed from."""
        known = self._known.get(id(array))
        if known is None:
            # With the array, or its id may become another's.
            found = self.source.kept(array, printed)[1]
            assert found is not None  # gradients are known: they were seen
            known = self._known[id(array)] = array, found
        return known[1]

    def frames(self) -> Iterator[Frame]:
        yield self._seed_frame()
        for node in self.ran.order:
            for operand, gradient in zip(self.of.applied(node).operands, self.ran.contributions[node], strict=True):
                if gradient is not None:
                    self.missing[operand] = self.missing.get(operand, 0) + 1
        self.counts = dict(self.missing)
        self.partial = {operand for operand, count in self.counts.items() if count > 1}
        for node in self.ran.order:
            yield self._frame(node)

    def _seed_frame(self) -> Frame:
        root, lines = self.root, list[Line]()
        seed = self.value(self.seed)
        gradient = self._gradient(root, self.root_key, self.seed, True, lines)
        return Frame(
            "backward",
            root.id,
            text("backward title"),
            sentences.seeded(root.name, seed, ones=self.ones),
            equation=(equations.seed(self.output, root, seed), *(line() for line in lines)),
            gradients=(gradient,),
        )

    def _frame(self, node: ToldOperation) -> Frame:
        ran, applied, value = self.ran, self.of.applied(node), self.value
        row, name, result, key = node.operation, self.source.name_of(node), applied.results[0], (node, applied.first)
        upstream = ran.gradient_of(key)
        entered = ran.upstream[node][applied.first] if node.many else ran.upstream[node]
        arrived = self._arrived(node)
        lines: list[Line] = []
        slots: list[str] = []
        contributions: list[Contribution] = []
        gradients: dict[str, Gradient] = {}
        for place, (target, edge, gradient, sent) in enumerate(
            zip(applied.operands, node.edges, ran.contributions[node], ran.sent(node), strict=True)
        ):
            if gradient is None or edge is None:
                continue
            slot = row.inputs[place]
            slots.append(slot)
            if sent is not None:
                if row.derivatives and not node.many:
                    value(sent, (rounding.of_contribution, applied, slot, entered))
                about_it = applied, slot, self.output, arrived, value(sent)
                lines.append(partial(equations.sent, *about_it, partial=target in self.partial))
                if not contributions and not self.source.same(upstream, entered):
                    lines.append(self._replaced(text("hook had made it", name=name, result=result.name), entered))
            if not self.source.same(sent, gradient):
                lines.append(self._replaced(text("hook made it", name=name), gradient))
            contributions.append(
                _contribution(
                    (_local, applied, slot),
                    None,
                    f"{applied.id}_{place}",
                    value(gradient),
                    words.summed_over(row, slot, node.output_shape, target.shape),
                )
            )
            before = self.so_far.get(target)
            total = self.so_far[target] = gradient if before is None else before + gradient
            self.missing[target] -= 1
            if before is not None:
                value(total, (rounding.of_sum, before, gradient))
                name_of_sum = words.gradient_name(self.output, target.name)
                sums, edge_id = (value(before), value(gradient), value(total)), f"{applied.id}_{place}"
                complete = not self.missing[target]
                lines.append(partial(equations.added, name_of_sum, target, sums, edge_id, complete=complete))
            gradients[target.id] = self._gradient(target, edge, total, not self.missing[target], lines)
        saved = node.saved_names()
        about = (
            saved,
            self.source.is_freed(node),
            self.counts.get(result, 0),
            self.news,
            self.saved_news,
        )
        self.news, self.saved_news = False, self.saved_news and not saved
        write = (_backward_words, applied, tuple(slots), about, lines)
        seen = tuple(contributions), tuple(gradients.values())
        return _backward_frame(write, None, "backward", applied.id, name, (), *seen)

    def _gradient(self, of: Operand, edge: Key, so_far: Any, complete: bool, lines: list[Line]) -> Gradient:
        """Return what a tensor has collected; once it is complete, what the engine itself made of it."""
        id, name, ran, value = of.id, of.name, self.ran, self.value
        if not complete:
            return _collected(None, None, id, self._pictured(id, so_far), complete)
        before = None
        arrived = made = so_far
        if isinstance(edge[0], self.source.operation):
            if edge[0] in ran.upstream:
                arrived, made = ran.arrived_at(edge), ran.gradient_of(edge)
        elif (leaf := edge[0].variable) in ran.total:  # else its last gradient came from outside of this picture
            arrived, made, before = ran.arrived[leaf], ran.total[leaf], ran.before[leaf]
        if not self.source.same(so_far, arrived):
            lines.append(_note(sentences.more_arrived, name, None if arrived is None else value(arrived)))
        hooked = not self.source.same(arrived, made)
        if hooked:
            lines.append(self._replaced(text("hook made it", name=name), made))
        total = made
        if before is not None:
            total = before + made
            sums = (value(before), value(made), value(total))
            lines.append(partial(equations.added, f"{name}.grad", of, sums, remark=sentences.HELD))
        held, replaced = None if before is None else value(before), (value(arrived), value(made)) if hooked else None
        return _collected(None, None, id, self._pictured(id, total), complete, held, replaced)

    def _pictured(self, id: str, gradient: Any) -> Value:
        """Return a gradient with what is kept of it for its picture, if it is large."""
        value = self.value(gradient)
        pixels = self.room.take(self.of.graph.tensor(id), self.source, gradient)
        return value if pixels is None else changed(value, image=pixels)

    def _replaced(self, what: str, gradient: Any) -> Line:
        return _note(sentences.replaced, what, None if gradient is None else self.value(gradient))

    def _arrived(self, node: ToldOperation) -> dict[int, tuple[Operand, Value]]:
        """Return the results of an operation that a gradient has arrived at, each with that."""
        upstream = self.ran.upstream[node] if node.many else [self.ran.upstream[node]]
        found = ((place, self.of.operand((node, place)), upstream[place]) for place in places_of(node))
        return {
            place: (of, self.value(gradient))
            for place, of, gradient in found
            if of is not None and gradient is not None
        }


def _note(write: Callable[..., str], *about: Any) -> Line:
    return lambda: equations.note(write(*about))


def _backward_words(
    applied: Applied, slots: Sequence[str], about: Sequence[Any], lines: Sequence[Line]
) -> Mapping[str, Any]:
    return {
        "sentence": sentences.sends(applied, slots),
        "reason": sentences.passed_on(applied, *about),
        "equation": tuple(line() for line in lines),
    }


def _local(applied: Applied, slot: str) -> Mapping[str, Any]:
    return {"local": words.local_entries(applied, slot)}
