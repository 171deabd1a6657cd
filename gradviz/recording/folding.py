"""A recording with its products as they were written: one operation for each, in place of all that a library made of it.

The helpers of a product fold into its edges. An edge leads from the tensor itself, the step of the product delivers what the
steps of its helpers delivered, and its equations and links are those of the product as it was written.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np

from gradviz.recording import equations, factors, sentences, words
from gradviz.recording.crossentropy import cross_entropies
from gradviz.recording.formulas import Side, Term
from gradviz.recording.frames import Steps
from gradviz.recording.later import Row, changed, later, replaced
from gradviz.recording.model import (
    Argument,
    Block,
    Contribution,
    Equation,
    Frame,
    Graph,
    Link,
    Part,
    RecordedOperation,
    RecordedTensor,
    Recording,
    Source,
    Value,
)
from gradviz.recording.outline import Numbers, Outline
from gradviz.recording.products import PRODUCTS, STANDS_FOR, Factor, Found, Product, originals_of, product_of, products_in

T = TypeVar("T")

EINSUM = "einsum"
"""What stands for a product that is not one of matrices."""


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
    tensors, operations
        The numbers of those that stay: of a product its last operation.
    """

    def __init__(self, recording: Recording, found: Sequence[Found], originals: Mapping[str, RecordedTensor]) -> None:
        self.before, self.graph, self.outline = recording, recording.graph, recording.graph.outline
        self.originals = originals
        self._found = found
        self._found_at = {number: which for which, one in enumerate(found) for number in one.operations}
        self._products = Row(len(found), lambda which: product_of(self.graph, found[which], originals))
        outline = self.outline
        hidden = {output for one in found for number in one.operations for output in outline.outputs[number]}
        hidden.difference_update([one.result for one in found])
        self.hidden = {outline.tensor_ids[tensor] for tensor in hidden}
        hidden.update(outline.tensor_places[id] for id, original in originals.items() if original.id != id)
        self.tensors = [tensor for tensor in range(len(outline.tensor_ids)) if tensor not in hidden]
        inner = {number for one in found for number in one.operations[:-1]}
        self.operations = [number for number in range(len(outline.ids)) if number not in inner]

    def found(self, number: int) -> Found | None:
        """Return the product to which an operation belongs, by its number."""
        which = self._found_at.get(number)
        return None if which is None else self._found[which]

    def product(self, number: int) -> Product | None:
        """Return the same with all that is known of it."""
        which = self._found_at.get(number)
        return None if which is None else cast("Product", self._products[which])

    def product_of(self, operation: str) -> Product | None:
        """Return the product to which an operation belongs, by its id."""
        return self.product(self.outline.places.get(operation, -1))

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
        tensor, maker = self.graph.tensors[number], self.outline.makers[number]
        tensor, found = self.originals.get(tensor.id, tensor), self.found(maker)
        return tensor if found is None else replaced(tensor, producer=self.outline.ids[found.operation])

    def _operation(self, number: int) -> RecordedOperation:
        product = self.product(number)
        if product is None:
            return cast("RecordedOperation", self.graph.operations[number])
        of = product.operation
        by_edge = {factor.argument.id: factor for factor in product.factors}
        entered = {each.outputs[0]: factor.tensor.id for factor in product.factors for each in factor.helpers}
        stands_for = ", ".join(each.grad_fn or each.name for each in product.operations)
        return replaced(
            of,
            symbol=_symbol(product),
            inputs=tuple(
                later(
                    Argument,
                    (_labels, product, argument),
                    (_linked, product, by_edge[argument.id]),
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
        if isinstance(frames, Steps) and not self.originals:
            return _Steps(graph.outline, self, frames)
        return self._told_of(range(len(frames)))

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
                    yield self.forward(product, frame)
            elif place not in told:
                places = self._places(product, place)
                told.update(places)
                yield self._backward(product, [frames[each] for each in places])

    def back(self, steps: Steps) -> tuple[Frame, ...]:
        """Return the moments of the way back."""
        return tuple(self._told_of(range(len(steps) - len(steps.back), len(steps))))

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

    def forward(self, product: Product, frame: Frame) -> Frame:
        """Return the moment at which a product is there."""
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
        return _computed(product, ChainMap(dict(frame.values), self.values))

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
                        lines.append(_sent(product, factor, line, upstream, value, self.values))
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


class _Outline(Outline):
    """The columns of a graph with products, made of those of the graph that they were found in."""

    def __init__(self, graph: Graph, folding: _Folding) -> None:
        super().__init__(graph)
        self._whole, self._before, self._tensors = folding.graph, folding.outline, folding.tensors
        self._found = [folding.found(number) for number in folding.operations]
        # The operation that tells of each: of a product the one that multiplies.
        self._tells = [
            number if found is None else found.operation
            for number, found in zip(folding.operations, self._found, strict=True)
        ]
        self._number = dict(zip(self._tensors, range(len(self._tensors)), strict=True))
        self._operation = {number: place for place, number in enumerate(folding.operations)}

    def _of_tensors(self, column: Sequence[T]) -> Sequence[T]:
        return [column[number] for number in self._tensors]

    def _of_operations(self, column: Sequence[T]) -> Sequence[T]:
        return [column[number] for number in self._tells]

    @cached_property
    def tensor_ids(self) -> Sequence[str]:
        return self._of_tensors(self._before.tensor_ids)

    @cached_property
    def roles(self) -> Sequence[str]:
        return self._of_tensors(self._before.roles)

    @cached_property
    def named(self) -> Sequence[bool]:
        return self._of_tensors(self._before.named)

    @cached_property
    def shapes(self) -> Sequence[tuple[int, ...]]:
        return self._of_tensors(self._before.shapes)

    @cached_property
    def owners(self) -> Sequence[str]:
        return self._of_tensors(self._before.owners)

    @cached_property
    def makers(self) -> Sequence[int]:
        found = [-1] * len(self._tensors)
        for place, results in enumerate(self.outputs):
            for result in results:
                found[result] = place
        return found

    @cached_property
    def views(self) -> bool:
        return self._before.views

    @cached_property
    def ids(self) -> Sequence[str]:
        return self._of_operations(self._before.ids)

    @cached_property
    def names(self) -> Sequence[str]:
        return self._of_operations(self._before.names)

    @cached_property
    def symbols(self) -> Sequence[str]:
        symbols = self._before.symbols
        return [
            symbols[tells] if found is None else _symbol_of(self._whole, found)
            for tells, found in zip(self._tells, self._found, strict=True)
        ]

    @cached_property
    def grad_fns(self) -> Sequence[str | None]:
        return self._of_operations(self._before.grad_fns)

    @cached_property
    def sequences(self) -> Sequence[int]:
        return self._of_operations(self._before.sequences)

    @cached_property
    def modules(self) -> Sequence[str]:
        return self._of_operations(self._before.modules)

    @cached_property
    def calls(self) -> Sequence[int | None]:
        return self._of_operations(self._before.calls)

    @cached_property
    def sources(self) -> Sequence[Source | None]:
        return self._of_operations(self._before.sources)

    @cached_property
    def slots(self) -> Sequence[tuple[str, ...]]:
        return self._of_operations(self._before.slots)

    @cached_property
    def inputs(self) -> Sequence[Numbers]:
        number, inputs = self._number, self._before.inputs
        return [
            tuple([number[tensor] for tensor in (inputs[tells] if found is None else [at for at, _ in found.factors])])
            for tells, found in zip(self._tells, self._found, strict=True)
        ]

    @cached_property
    def outputs(self) -> Sequence[Numbers]:
        number, outputs = self._number, self._before.outputs
        return [
            tuple([number[tensor] for tensor in (outputs[tells] if found is None else (found.result,))])
            for tells, found in zip(self._tells, self._found, strict=True)
        ]

    @cached_property
    def blocks(self) -> Mapping[int, Block]:
        return {self._operation[number]: block for number, block in self._before.blocks.items()}


class _Steps(Steps):
    """The moments of a graph with products."""

    __slots__ = ("_before", "_folding")

    def __init__(self, outline: Outline, folding: _Folding, before: Steps) -> None:
        self._folding, self._before = folding, before
        super().__init__(outline, folding.back(before))

    def first(self, hidden: Collection[int]) -> Frame:
        tensors = self._folding.tensors
        return self._before.first({tensors[place] for place in hidden})

    def forward(self, number: int) -> Frame:
        operation = self._folding.operations[number]
        frame, product = self._before[operation + 1], self._folding.product(operation)
        return frame if product is None else self._folding.forward(product, frame)

    def value(self, tensor: int) -> Value | None:
        return self._before.value(self._folding.tensors[tensor])


# --- what it says ------------------------------------------------------------------------------------------------------


def _symbol(product: Product) -> str:
    """Write a product's sign, with the factors that it takes turned: ``@ Wᵀ``."""
    if not product.matrices:
        return EINSUM
    return _sign(product.left.turned, product.left.tensor, product.right.turned, product.right.tensor, product.added)


def _symbol_of(graph: Graph, found: Found) -> str:
    """Return the same of a product of which no more is known yet."""
    turned, outline = found.form.turned, graph.outline
    if turned is None:
        return EINSUM
    *slots, plus = PRODUCTS[outline.names[found.operation]]
    by_slot = dict(zip(outline.slots[found.operation], found.factors, strict=True))
    left, right = (graph.tensors[by_slot[slot][0]] for slot in slots)
    return _sign(turned[0], left, turned[1], right, by_slot.get(plus))


def _sign(left_turned: bool, left: RecordedTensor, right_turned: bool, right: RecordedTensor, added: Any) -> str:
    before = f"{_short(left)}ᵀ " if left_turned else ""
    after = f" {_short(right)}ᵀ" if right_turned else ""
    return f"{before}@{after}" + (" +" if added is not None else "")


def _short(tensor: RecordedTensor) -> str:
    """Write a factor in the few characters that there is room for."""
    name = tensor.name.rpartition(".")[2]
    return name if len(name) <= 8 and name.isalnum() else ""


def _text(factor: Factor, *, turned: bool) -> str:
    return _term(factor.tensor, {}).symbolic(transposed=turned).text


def _labels(product: Product, argument: Argument) -> Mapping[str, Any]:
    """Write what is said on the edge of a factor: what the gradient is multiplied with, and on which side."""
    left, right = product.left, product.right
    own = {"local": argument.local, "local_number": argument.local_number}
    if not argument.local:
        return own
    if product.added is not None and argument is product.added.argument:
        axes = factors.stretched(product, product.added)
        return {**own, "local": f"Σ {words.axes_name(axes, len(product.result.shape))}"} if axes else own
    if not product.matrices:
        other = right if argument is left.argument else left
        return {"local": f"{EINSUM}(g, {words.in_label(other.tensor.name)})", "local_number": ""}
    if argument is left.argument:
        factor = words.in_label(
            _text(right, turned=not right.turned) if not left.turned else _text(right, turned=right.turned)
        )
        label = f"{factor} · gᵀ" if left.turned else f"· {factor}"
    else:
        factor = words.in_label(
            _text(left, turned=not left.turned) if not right.turned else _text(left, turned=left.turned)
        )
        label = f"gᵀ · {factor}" if right.turned else f"{factor} ·"
    return {"local": label, "local_number": ""}


def _linked(product: Product, factor: Factor) -> Mapping[str, Any]:
    return {"link": _link(product, factor)}


def _link(product: Product, factor: Factor) -> Link:
    """Say which entries meet: of ``x @ Wᵀ`` the rows of x and those of W."""
    if factor is product.added:
        return Link(factor.letters, product.letters)
    other = product.right if factor is product.left else product.left
    return Link(factor.letters, product.letters, other.letters, other.tensor.id, text=other.tensor.name)


def _term(tensor: RecordedTensor, values: Mapping[str, Value]) -> Term:
    return Term(tensor.name, values.get(tensor.id) or Value(tensor.shape, tensor.dtype, None), tensor.id, "value")


def _side(*parts: Part, sign: str) -> Side:
    """Write a product of two factors, each in brackets where it needs them."""
    first, second = (equations.bracketed((part,)) for part in parts)
    return (*first, Part(sign, "sign"), *second)


def _computed(product: Product, values: Mapping[str, Value]) -> Mapping[str, Any]:
    """Write what a product computes: ``x @ Wᵀ + b``."""
    left, right, added = product.left, product.right, product.added
    terms = [_term(factor.tensor, values) for factor in (left, right, *([added] if added else []))]
    made = _term(product.result, values)
    more = [Part(" + ", "sign")] if added else []
    symbols = (
        *_side(terms[0].symbolic(transposed=left.turned), terms[1].symbolic(transposed=right.turned), sign=" @ "),
        *more,
        *(term.symbolic() for term in terms[2:]),
    )

    def compute(first: Any, second: Any, *rest: Any) -> Any:
        return sum(rest, _turned(first, left.turned) @ _turned(second, right.turned))

    def numbers(*texts: Any) -> Side:
        first, second = (
            terms[0].numeric(texts[0], transposed=left.turned),
            terms[1].numeric(texts[1], transposed=right.turned),
        )
        rest = [term.numeric(text) for term, text in zip(terms[2:], texts[2:], strict=True)]
        return (first, Part(" @ ", "sign"), second, *more, *rest)

    if product.matrices:
        told = equations.told(symbols, terms, replace(made, symbol=""), compute, numbers)
    else:
        told = equations.of_function(EINSUM, terms, replace(made, symbol=""))
        symbols = told[0][0]
    return {
        "sentence": sentences.computed(
            product.result.name, [term.symbol for term in terms], factors.way_forward(product)
        ),
        "equation": (equations.named(made, symbols, told),),
    }


def _sent(
    product: Product, factor: Factor, line: Equation, upstream: Value, value: Value, values: Mapping[str, Value]
) -> Equation:
    """Write what a product sends to a factor: ``∂L/∂W = gᵀ · x``, in the shape of the factor itself."""
    target, argument = factor.tensor, factor.argument.id
    start = line.sides[0][0].text.removesuffix(words.gradient_name("", target.name).removeprefix("∂"))
    above = Term(
        start + words.gradient_name("", product.result.name).removeprefix("∂"), upstream, product.result.id, "gradient"
    )
    made = Term("", value, argument, "contribution")
    if factor is product.added:
        right = equations.told((above.symbolic(),), [above], made, lambda one: one, lambda text: (above.numeric(text),))
        return equations.contribution(argument, line, right)
    other = product.right if factor is product.left else product.left
    term = _term(other.tensor, values)
    if not product.matrices:
        return equations.contribution(argument, line, equations.of_function(EINSUM, [above, term], made))
    # The other factor stands turned: it is, or the formula turns it, or both; and all of it once more for a factor that is.
    first = (factor is product.left) is not factor.turned  # whether the gradient comes first
    transposed = other.turned if factor.turned else not other.turned
    vectors = 1 in (len(product.left.tensor.shape), len(product.right.tensor.shape))
    transposed = transposed and len(term.shape) > 1
    outer = vectors and len(target.shape) > 1

    def both(gradient: Part, other_part: Part) -> Side:
        pair = (gradient, other_part) if first else (other_part, gradient)
        if outer:
            return equations.call("outer", (pair[0], Part(", ", "sign"), pair[1]), value)
        return _side(*pair, sign=" · ")

    def compute(gradient: Any, array: Any) -> Any:
        gradient, array = _matrices(product, np.asarray(gradient), np.asarray(array), factor is product.left)
        if factor is product.left:
            found = gradient @ _turned(_turned(array, other.turned), True)
        else:
            found = _turned(_turned(array, other.turned), True) @ gradient
        if len(target.shape) == 1:
            return found.squeeze(-2 if factor is product.left else -1)
        return _turned(found, factor.turned)

    def numbers(first_texts: Any, second_texts: Any) -> Side:
        return both(
            above.numeric(first_texts, transposed=factor.turned and not outer),
            term.numeric(second_texts, transposed=transposed),
        )

    symbols = both(above.symbolic(transposed=factor.turned and not outer), term.symbolic(transposed=transposed))
    if (
        vectors and len(product.left.tensor.shape) + len(product.right.tensor.shape) > 3
    ):  # a batch of vectors is a matrix
        return equations.contribution(argument, line, equations.in_words(symbols, made))
    return equations.contribution(argument, line, equations.told(symbols, [above, term], made, compute, numbers))


def _turned(array: Any, turned: bool) -> Any:
    return np.swapaxes(array, -1, -2) if turned else array


def _matrices(product: Product, gradient: Any, array: Any, left: bool) -> tuple[Any, Any]:
    """Give a vector that was a factor, and the gradient of what it made, the axis that they have in a product of matrices."""
    if len(product.right.tensor.shape) == 1:
        gradient = gradient[..., None]
        array = array[:, None] if left else array
    if len(product.left.tensor.shape) == 1:
        gradient = gradient[..., None, :]
        array = array if left else array[None, :]
    return gradient, array
