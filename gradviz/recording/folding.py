"""A recording with its products as they were written: one operation for each, in place of all that a library made of it.

The helpers of a product fold into its edges. An edge leads from the tensor itself, the step of the product delivers what the
steps of its helpers delivered, and its equations and links are those of the product as it was written.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, cast

from gradviz.recording import equations, factors, productwords
from gradviz.recording.crossentropy import cross_entropies
from gradviz.recording.derived import Derived, DerivedSteps
from gradviz.recording.frames import Steps
from gradviz.recording.later import Row, changed, later, replaced
from gradviz.recording.model import (
    Argument,
    Contribution,
    Frame,
    Graph,
    RecordedOperation,
    RecordedTensor,
    Recording,
    Value,
)
from gradviz.recording.outline import Numbers
from gradviz.recording.products import STANDS_FOR, Found, Product, originals_of, product_of, products_in


def as_written(recording: Recording) -> Recording:
    """Fold what only turns or reshapes the factors of a product, or its result, into it; and make cross-entropies one.

    Parameters
    ----------
    recording
        What was computed.

    Returns
    -------
    Recording
        With one operation for each of these; the same recording if there is nothing to fold.
    """
    if recording.written is None:
        written = _as_written(recording)
        object.__setattr__(
            recording, "written", () if written is recording else (written,)
        )  # a player asks three times
    return recording.written[0] if recording.written else recording


def _as_written(recording: Recording) -> Recording:
    originals = originals_of(recording)
    products = products_in(recording.graph, originals)
    return cross_entropies(_Folding(recording, products, originals).recording() if products else recording)


class _Folding:
    """The tables that map a recording's parts to those with products. What is in them is made when it is read.

    Attributes
    ----------
    products
        What was found.
    tensors, operations
        The numbers of those that stay; in the place of a product, which is that of the last of its operations, ``~number``.
    """

    def __init__(self, recording: Recording, found: Sequence[Found], originals: Mapping[str, RecordedTensor]) -> None:
        self.before, self.graph, self.outline = recording, recording.graph, recording.graph.outline
        self.originals, self.products = originals, found
        self._product_at = {number: which for which, one in enumerate(found) for number in one.operations}
        self._products = Row(len(found), lambda which: product_of(self.graph, found[which], originals))
        outline = self.outline
        hidden = {output for one in found for number in one.operations for output in outline.outputs[number]}
        hidden.difference_update([one.result for one in found])
        self.hidden = {outline.tensor_ids[tensor] for tensor in hidden}
        hidden.update(outline.tensor_places[id] for id, original in originals.items() if original.id != id)
        self.tensors = [tensor for tensor in range(len(outline.tensor_ids)) if tensor not in hidden]
        last = {one.operations[-1]: ~which for which, one in enumerate(found)}
        stay = (number for number in range(len(outline.ids)) if number not in self._product_at or number in last)
        self.operations = [last.get(number, number) for number in stay]

    def product_of(self, operation: str) -> Product | None:
        """Return the product to which an operation belongs, by its id."""
        which = self._product_at.get(self.outline.places.get(operation, -1))
        return None if which is None else cast("Product", self._products[which])

    @cached_property
    def edge_of(self) -> dict[str, str]:
        """By an edge that leaves a factor: that of the product."""
        return {factor.edge: factor.argument.id for product in self._products for factor in product.factors}

    @cached_property
    def values(self) -> dict[str, Value]:
        """What each tensor holds."""
        return {id: value for frame in self.before.frames for id, value in self._values(frame)}

    def recording(self) -> Recording:
        """Return the recording with products."""
        tensors = Row(len(self.tensors), lambda place: self._tensor(self.tensors[place]))
        operations = Row(len(self.operations), lambda place: self._operation(self.operations[place]))
        graph = replace(self.graph, tensors=cast("Any", tensors), operations=cast("Any", operations))
        if not self.originals:
            vars(graph)["outline"] = _Outline(graph, self)
        return self.before.of(graph, lambda: self._frames(graph))

    def _tensor(self, number: int) -> RecordedTensor:
        tensor, which = self.graph.tensors[number], self._product_at.get(self.outline.makers[number])
        tensor = self.originals.get(tensor.id, tensor)
        return tensor if which is None else replaced(tensor, producer=self.outline.ids[self.products[which].operation])

    def _operation(self, number: int) -> RecordedOperation:
        if number >= 0:
            return self.graph.operations[number]
        product: Product = self._products[~number]
        of = product.operation
        by_edge = {factor.argument.id: factor for factor in product.factors}
        entered = {each.outputs[0]: factor.tensor.id for factor in product.factors for each in factor.helpers}
        stands_for = ", ".join(each.grad_fn or each.name for each in product.operations)
        return replaced(
            of,
            symbol=productwords.symbol(product),
            inputs=tuple(
                later(
                    Argument,
                    (productwords.labels, product, argument),
                    (productwords.linked, product, by_edge[argument.id]),
                    id=argument.id,
                    slot=argument.slot,
                    tensor=by_edge[argument.id].tensor.id,
                )
                for argument in of.inputs
            ),
            outputs=(product.result.id,),
            attributes=((STANDS_FOR, stands_for),) if len(product.operations) > 1 else of.attributes,
            saved=tuple((name, entered.get(what) or self.original_of(what)) for name, what in of.saved),
        )

    def original_of(self, id: str) -> str:
        """Return the tensor in whose place a view stands; of any other itself."""
        original = self.originals.get(id)
        return id if original is None else original.id

    def _values(self, frame: Frame) -> tuple[tuple[str, Value], ...]:
        """Return the values that become known in a step: of a view those of the tensor itself, in its shape."""
        if not self.originals:
            return frame.values
        known: dict[str, Value] = {}
        for id, value in frame.values:
            original = self.originals.get(id)
            if original is None:
                known[id] = value
            else:
                known.setdefault(original.id, replace(value, shape=original.shape))
        return tuple(known.items())

    def _frames(self, graph: Graph) -> Iterable[Frame]:
        frames: Any = self.before.frames
        outline = graph.outline
        if not isinstance(frames, Steps) or not isinstance(outline, Derived):
            return self._told_of(range(len(frames)))
        back = tuple(self._told_of(range(len(frames) - len(frames.back), len(frames))))

        def of_product(which: int) -> Frame:
            return self._forward(self._products[which], frames[self.products[which].operations[-1] + 1])

        return DerivedSteps(outline, frames, back, of_product)

    def _told_of(self, steps: Iterable[int]) -> Iterator[Frame]:
        frames = self.before.frames
        told: set[int] = set()  # the places of steps that belong to one that has been told
        for place in steps:
            frame = frames[place]
            product = self.product_of(frame.current)
            if product is None:
                yield frame if frame.current else changed(frame, values=self._values(frame))
            elif frame.phase == "forward":
                if frame.current == product.operations[-1].id:
                    yield self._forward(product, frame)
            elif place not in told:
                places = self._places(product, place)
                told.update(places)
                yield self._backward(product, [frames[each] for each in places])

    def _places(self, product: Product, first: int) -> list[int]:
        """Return which steps from one on are a product's way back, in this pass."""
        left, places = {operation.id for operation in product.operations}, []
        for place in range(first, len(self.before.frames)):
            frame = self.before.frames[place]
            if not left or frame.phase == "forward":
                break
            if frame.current in left:
                left.discard(frame.current)
                places.append(place)
        return places

    def _forward(self, product: Product, frame: Frame) -> Frame:
        return later(
            Frame,
            (self._computed, product, frame),
            phase="forward",
            current=product.operation.id,
            title=product.result.name,
            reason="",
            values=frame.values,
            contributions=(),
            gradients=(),
        )

    def _computed(self, product: Product, frame: Frame) -> Mapping[str, Any]:
        return productwords.computed(product, ChainMap(dict(frame.values), self.values))

    def _backward(self, product: Product, frames: Sequence[Frame]) -> Frame:
        own = next((frame for frame in frames if frame.current == product.operation.id), frames[0])
        edges = {factor.edge: factor for factor in product.factors}
        sent = {
            contribution.argument: contribution
            for frame in frames
            for contribution in frame.contributions
            if contribution.argument in edges
        }
        gradients = {
            gradient.tensor: gradient
            for frame in frames
            for gradient in frame.gradients
            if gradient.tensor not in self.hidden
        }
        return later(
            Frame,
            (self._told, product, own, frames, sent),
            phase="backward",
            current=product.operation.id,
            title=own.title,
            values=(),
            contributions=tuple(
                Contribution(self.edge_of[edge], contribution.value, factors.stretched(product, edges[edge]))
                for edge, contribution in sent.items()
            ),
            gradients=tuple(gradients.values()),
        )

    def _told(
        self, product: Product, own: Frame, frames: Sequence[Frame], sent: Mapping[str, Contribution]
    ) -> Mapping[str, Any]:
        """Write the lines of a product's step: what it sends along each edge, and how that adds up."""
        lines = []
        edges = {factor.edge: factor for factor in product.factors}
        upstream = self._upstream(product, frames[0])
        for frame in frames:
            for line in frame.equation:
                if line.kind == "contribution":
                    factor = edges.get(line.argument)
                    if factor is not None and upstream is not None:
                        value = sent[factor.edge].value
                        lines.append(productwords.sent(product, factor, line, upstream, value, self.values))
                elif line.kind == "note" or line.argument in edges or not line.argument:
                    lines.append(equations.renamed(line, self.edge_of))
        # What is not in the picture is not spoken of.
        inner, named = self.graph.tensor(product.operation.outputs[0]).name, dict[str, str]()
        for factor in product.factors:
            named |= {self.graph.tensor(helper.outputs[0]).name: factor.tensor.name for helper in factor.helpers}
        arrived, mark, saved = own.reason.partition(" has arrived")
        for name in sorted(named, key=len, reverse=True):
            saved = saved.replace(name, named[name])
        reason = arrived.replace(inner, product.result.name) + mark + saved
        sentence = factors.way_back(product, sent) or own.sentence
        for name in sorted(named, key=len, reverse=True):
            sentence = sentence.replace(name, named[name])
        return {"sentence": sentence, "reason": reason, "equation": tuple(lines)}

    def _upstream(self, product: Product, first: Frame) -> Value | None:
        """Return the gradient that has arrived at a product's result; a damaged file may have none."""
        found = None
        for frame in self.before.frames:
            for gradient in frame.gradients:
                if gradient.tensor == product.result.id:
                    found = gradient.value
            if frame is first:
                break
        return found


class _Outline(Derived):
    """The columns of a graph with products: of each, but for what enters and leaves it, those of the operation that multiplies."""

    def __init__(self, graph: Graph, folding: _Folding) -> None:
        super().__init__(graph, folding.outline, folding.tensors, folding.operations)
        self._whole, self._found = folding.graph, folding.products

    def like(self, new: int) -> int:
        return self._found[new].operation

    @cached_property
    def symbols(self) -> Sequence[str]:
        return self.of_operations(
            self.before.symbols, lambda new: productwords.symbol_of(self._whole, self._found[new])
        )

    @cached_property
    def inputs(self) -> Sequence[Numbers]:
        found = self._found
        entering = self.of_operations(
            self.before.inputs, lambda new: tuple([tensor for tensor, _ in found[new].factors])
        )
        return self.renumbered(entering)

    @cached_property
    def outputs(self) -> Sequence[Numbers]:
        return self.renumbered(self.of_operations(self.before.outputs, lambda new: (self._found[new].result,)))
