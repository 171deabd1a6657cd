"""A recording with its products as they were written: one operation for each, in place of all that a library made of it.

The helpers of a product fold into its edges. An edge leads from the tensor itself, the step of the product delivers what the
steps of its helpers delivered, and its equations and links are those of the product as it was written.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from gradviz.recording import equations, factors, sentences, words
from gradviz.recording.crossentropy import cross_entropies
from gradviz.recording.formulas import Side, Term
from gradviz.recording.later import changed, later, replaced
from gradviz.recording.model import (
    Argument,
    Contribution,
    Equation,
    Frame,
    Link,
    Part,
    RecordedOperation,
    RecordedTensor,
    Recording,
    Value,
)
from gradviz.recording.products import STANDS_FOR, Factor, Product, originals_of, products_in

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
    """The tables that map a recording's parts to those with products."""

    def __init__(
        self, recording: Recording, products: Sequence[Product], originals: Mapping[str, RecordedTensor]
    ) -> None:
        self.before, self.graph = recording, recording.graph
        self.product_of = {operation.id: product for product in products for operation in product.operations}
        self.edge_of = {factor.edge: factor.argument.id for product in products for factor in product.factors}
        self.hidden: set[str] = set()
        for product in products:
            made = {output for operation in product.operations for output in operation.outputs}
            self.hidden |= made - {product.result.id}
        self.originals = originals

    @cached_property
    def values(self) -> dict[str, Value]:
        """What each tensor holds."""
        return {id: value for frame in self.before.frames for id, value in self._values(frame)}

    def recording(self) -> Recording:
        """Return the recording with products."""
        operations = []
        for operation in self.graph.operations:
            product = self.product_of.get(operation.id)
            if product is None:
                operations.append(operation)
            elif operation is product.operations[-1]:
                operations.append(self._operation(product))
        tensors = tuple(
            self._kept(tensor)
            for tensor in self.graph.tensors
            if tensor.id not in self.hidden and self.originals.get(tensor.id, tensor).id == tensor.id
        )
        graph = replace(self.graph, tensors=tensors, operations=tuple(operations))
        return self.before.of(graph, self._frames)

    def _kept(self, tensor: RecordedTensor) -> RecordedTensor:
        tensor, product = self.originals.get(tensor.id, tensor), self.product_of.get(tensor.producer or "")
        return tensor if product is None else replaced(tensor, producer=product.operation.id)

    def _operation(self, product: Product) -> RecordedOperation:
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

    def _frames(self) -> Iterator[Frame]:
        frames = self.before.frames
        told: set[int] = set()  # the places of steps that belong to one that has been told
        for place, frame in enumerate(frames):
            product = self.product_of.get(frame.current)
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


# --- what it says ------------------------------------------------------------------------------------------------------


def _symbol(product: Product) -> str:
    """Write a product's sign, with the factors that it takes turned: ``@ Wᵀ``."""
    if not product.matrices:
        return EINSUM
    left = f"{_short(product.left)}ᵀ " if product.left.turned else ""
    right = f" {_short(product.right)}ᵀ" if product.right.turned else ""
    plus = " +" if product.added is not None else ""
    return f"{left}@{right}{plus}"


def _short(factor: Factor) -> str:
    """Write a factor in the few characters that there is room for."""
    name = factor.tensor.name.rpartition(".")[2]
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
