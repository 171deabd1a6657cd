"""What a person wrote as one product, as one operation: ``x @ W.T`` and not a transpose and a product.

A library takes several operations for it: it turns a weight, makes matrices of batches, and batches of what comes out. Here
these fold into the edges of the product: an edge leads from the tensor itself, the step of the product delivers what the steps
of its helpers delivered, and its equations are those of the product as it was written. The result is a recording again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from gradviz.engine.core.unbroadcast import summed_axes
from gradviz.recording import equations, sentences, words
from gradviz.recording.formulas import Side, Term
from gradviz.recording.later import changed, later
from gradviz.recording.links import ONE_BY_ONE
from gradviz.recording.model import (
    Argument,
    Contribution,
    Equation,
    Frame,
    Graph,
    Link,
    Operation,
    Part,
    Recording,
    Tensor,
    Value,
)

PRODUCTS = {
    "mm": ("self", "mat2", ""),
    "bmm": ("self", "mat2", ""),
    "mv": ("self", "vec", ""),
    "addmm": ("mat1", "mat2", "self"),
}
"""The factors of each product, and what is added to it."""

TURNED = "( )ᵀ"
"""The sign of an operation that exchanges the last two axes."""

BATCHES = "abcdefghlmnopqrstuvwxyz"
"""The letters of axes before the last two."""

RESHAPING = ("view", "reshape", "expand", "unsqueeze", "squeeze", "contiguous")
"""Operations that only arrange entries in another shape, or copy or repeat them."""

STANDS_FOR = "stands for"
"""The attribute of a folded operation that names those which it stands for."""


Users = Mapping[str, Sequence[Operation]]
"""By the id of a tensor: the operations that take it, once for each argument."""


@dataclass(frozen=True, slots=True)
class _Factor:
    """An argument of a product, with the helpers on the way to it."""

    argument: Argument
    tensor: Tensor
    helpers: tuple[Operation, ...] = ()
    """The one that the tensor enters comes first."""
    turned: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """As it takes part."""
        shape = self.tensor.shape
        return (*shape[:-2], *shape[:-3:-1]) if self.turned else shape

    @property
    def edge(self) -> str:
        """The id of the edge that leaves the tensor."""
        return self.helpers[0].inputs[0].id if self.helpers else self.argument.id


@dataclass(frozen=True, slots=True)
class _Product:
    """A product with its helpers."""

    operation: Operation
    left: _Factor
    right: _Factor
    added: _Factor | None
    after: tuple[Operation, ...]
    result: Tensor

    @property
    def factors(self) -> tuple[_Factor, ...]:
        return (self.left, self.right) if self.added is None else (self.added, self.left, self.right)

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All that it stands for, in the order in which they ran."""
        inside = [self.operation, *self.after, *(helper for factor in self.factors for helper in factor.helpers)]
        return tuple(sorted(inside, key=lambda operation: operation.sequence))


def as_written(recording: Recording) -> Recording:
    """Fold what only turns or reshapes the factors of a product, or its result, into the product.

    Parameters
    ----------
    recording
        What was computed.

    Returns
    -------
    Recording
        With one operation for each product; the same recording if there is nothing to fold.
    """
    originals = _originals(recording)
    products = _found(recording.graph, originals)
    return _Folding(recording, products, originals).recording() if products else recording


# --- what to fold ----------------------------------------------------------------------------------------------------


def _originals(recording: Recording) -> dict[str, Tensor]:
    """Return the tensors of which others are views, made outside of the graph to fit a product; by the id of the view."""
    graph, values = recording.graph, dict(recording.frames[0].values) if recording.frames else {}
    by_name = {(tensor.name, tensor.shape): tensor for tensor in graph.tensors}
    found: dict[str, Tensor] = {}
    for tensor in graph.tensors:
        value = values.get(tensor.id)
        if tensor.view_of and value is not None and value.data is not None:  # of a large one there is only an overview
            same = replace(tensor, name=tensor.view_of, shape=tensor.viewed, view_of="", viewed=())
            found[tensor.id] = by_name.setdefault((same.name, same.shape), same)
    return found


def _found(graph: Graph, originals: dict[str, Tensor]) -> list[_Product]:
    """Find the products; of `originals` only those are left in whose place no product takes a view."""
    users: dict[str, list[Operation]] = {}
    for operation, argument in graph.arguments():
        users.setdefault(argument.tensor, []).append(operation)
    while True:
        found = _products(graph, users, originals)
        inside = {product.operation.id for product in found}
        kept = [id for id in originals if any(user.id not in inside for user in users.get(id, ()))]
        if not kept:
            return found
        for id in kept:
            del originals[id]


def _products(graph: Graph, users: Users, originals: Mapping[str, Tensor]) -> list[_Product]:
    found: list[_Product] = []
    taken: set[str] = set()
    for operation in graph.operations:
        if operation.name in PRODUCTS and operation.id not in taken:
            product = _product(graph, users, originals, operation)
            if product is None or not _in_order(graph, users, product):
                continue
            if len(product.operations) > 1 or any(factor.argument.tensor in originals for factor in product.factors):
                found.append(product)
                taken.update(each.id for each in product.operations)
    return found


def _product(graph: Graph, users: Users, originals: Mapping[str, Tensor], operation: Operation) -> _Product | None:
    """Find the helpers of a product; ``None`` if it is not simply one of its factors."""
    settings = dict(operation.attributes)
    if settings.get("beta", "1") != "1" or settings.get("alpha", "1") != "1" or len(operation.outputs) != 1:
        return None
    by_slot = {argument.slot: argument for argument in operation.inputs}
    slots = PRODUCTS[operation.name]
    if any(slot and slot not in by_slot for slot in slots):
        return None
    left, right = (_factor(graph, users, originals, operation, by_slot[slot]) for slot in slots[:2])
    added = _Factor(by_slot[slots[2]], graph.tensor(by_slot[slots[2]].tensor)) if slots[2] else None
    after: list[Operation] = []
    result = graph.tensor(operation.outputs[0])
    while _is_inner(result, users) and _helps(users[result.id][0], operation):
        after.append(users[result.id][0])
        result = graph.tensor(after[-1].outputs[0])
    shape = _shape_of(left.shape, right.shape)
    if shape != result.shape:  # what entered has lost its own shape outside of the graph
        after, result = [], graph.tensor(operation.outputs[0])
    return _Product(operation, left, right, added, tuple(after), result) if shape == result.shape else None


def _factor(graph: Graph, users: Users, originals: Mapping[str, Tensor], of: Operation, argument: Argument) -> _Factor:
    tensor, helpers, turned = graph.tensor(argument.tensor), list[Operation](), False
    while tensor.producer is not None and _is_inner(tensor, users):
        helper, of_helper = (
            graph.operation(tensor.producer),
            graph.tensor(graph.operation(tensor.producer).inputs[0].tensor),
        )
        turns = _turns(helper, of_helper.shape)
        # First it is turned, then made fit: the other way round the last axes are not those of the tensor.
        if not turns and (any(each.symbol == TURNED for each in helpers) or not _helps(helper, of)):
            break
        helpers.insert(0, helper)
        tensor, turned = of_helper, turned ^ turns
    return _Factor(argument, tensor if helpers else originals.get(tensor.id, tensor), tuple(helpers), turned)


def _is_inner(tensor: Tensor, users: Users) -> bool:
    """Return True for a result that nobody has named, and that one operation uses, once."""
    return tensor.role == "intermediate" and not tensor.named and len(users.get(tensor.id, ())) == 1


def _helps(helper: Operation, product: Operation) -> bool:
    """Return True if an operation that only reshapes was made by the same words of the program as a product."""
    together = helper.source == product.source and helper.module == product.module
    return helper.name in RESHAPING and together and helper.source is not None


def _shape_of(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the shape of a product, as ``@`` has it; ``None`` where there is none."""
    (*batch, rows, inner), (*other, also, columns) = (left if len(left) > 1 else (1, *left)), _as_matrix(right)
    try:
        lead = np.broadcast_shapes(tuple(batch), tuple(other))
    except ValueError:
        return None
    if inner != also:
        return None
    return (*lead, *([rows] if len(left) > 1 else []), *([columns] if len(right) > 1 else []))


def _as_matrix(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if len(shape) > 1 else (*shape, 1)


def _turns(helper: Operation, shape: tuple[int, ...]) -> bool:
    """Return True if an operation exchanges the last two axes of a tensor of a shape."""
    if helper.symbol != TURNED:
        return False
    settings = dict(helper.attributes)
    last = {str(len(shape) - 2), str(len(shape) - 1)}
    return len(shape) == 2 or {settings.get("dim0"), settings.get("dim1")} == last


def _in_order(graph: Graph, users: Users, product: _Product) -> bool:
    """Return True if no other gradient reaches a factor between the step of the product and that of its helper."""
    inside = {operation.id for operation in product.operations}
    last = product.operations[-1].sequence
    return all(
        user.id in inside or not factor.helpers[0].sequence < user.sequence < last
        for factor in product.factors
        if factor.helpers
        for user in users[factor.tensor.id]
    )


# --- the folded recording ----------------------------------------------------------------------------------------------


class _Folding:
    """The tables that map a recording's parts to those with products."""

    def __init__(self, recording: Recording, products: Sequence[_Product], originals: Mapping[str, Tensor]) -> None:
        self.before, self.graph = recording, recording.graph
        self.product_of = {operation.id: product for product in products for operation in product.operations}
        self.edge_of = {factor.edge: factor.argument.id for product in products for factor in product.factors}
        self.hidden: set[str] = set()
        for product in products:
            made = {output for operation in product.operations for output in operation.outputs}
            self.hidden |= made - {product.result.id}
        self.originals = originals
        self.values: dict[str, Value] = {}
        for frame in recording.frames:
            self.values.update(self._values(frame))

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
        graph = Graph(tensors, tuple(operations), self.graph.modules, self.graph.code)
        return replace(self.before, graph=graph, frames=tuple(self._frames()))

    def _kept(self, tensor: Tensor) -> Tensor:
        tensor, product = self.originals.get(tensor.id, tensor), self.product_of.get(tensor.producer or "")
        return tensor if product is None else replace(tensor, producer=product.operation.id)

    def _operation(self, product: _Product) -> Operation:
        of = product.operation
        by_edge = {factor.argument.id: factor for factor in product.factors}
        entered = {id: original.id for id, original in self.originals.items()}
        entered |= {each.outputs[0]: factor.tensor.id for factor in product.factors for each in factor.helpers}
        stands_for = ", ".join(each.grad_fn or each.name for each in product.operations)
        return replace(
            of,
            symbol=_symbol(product),
            inputs=tuple(
                changed(
                    argument,
                    tensor=by_edge[argument.id].tensor.id,
                    link=_link(product, by_edge[argument.id]),
                    **_labels(product, argument),
                )
                for argument in of.inputs
            ),
            outputs=(product.result.id,),
            attributes=((STANDS_FOR, stands_for),) if len(product.operations) > 1 else of.attributes,
            saved=tuple((name, entered.get(what, what)) for name, what in of.saved),
        )

    def _values(self, frame: Frame) -> tuple[tuple[str, Value], ...]:
        """Return the values that become known in a step: of a view those of the tensor itself, in its shape."""
        known = dict(frame.values)
        for id, original in self.originals.items():
            if id in known:
                value = known.pop(id)
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

    def _places(self, product: _Product, first: int) -> list[int]:
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

    def _forward(self, product: _Product, frame: Frame) -> Frame:
        values = dict(self.values) | dict(frame.values)
        return later(
            Frame,
            partial(_computed, product, values),
            phase="forward",
            current=product.operation.id,
            title=product.result.name,
            reason="",
            values=frame.values,
            contributions=(),
            gradients=(),
        )

    def _backward(self, product: _Product, frames: Sequence[Frame]) -> Frame:
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
            partial(self._told, product, own, frames, sent),
            phase="backward",
            current=product.operation.id,
            title=own.title,
            sentence=own.sentence,
            values=(),
            contributions=tuple(
                Contribution(self.edge_of[edge], contribution.value, _axes(product, edges[edge]))
                for edge, contribution in sent.items()
            ),
            gradients=tuple(gradients.values()),
        )

    def _told(
        self, product: _Product, own: Frame, frames: Sequence[Frame], sent: Mapping[str, Contribution]
    ) -> Mapping[str, Any]:
        """Write the lines of a product's step: what it sends along each edge, and how that adds up."""
        lines = []
        edges = {factor.edge: factor for factor in product.factors}
        upstream = self._upstream(product, frames[0])
        for frame in frames:
            for line in frame.equation:
                if line.kind == "contribution":
                    factor = edges.get(line.argument)
                    if factor is not None:
                        value = sent[factor.edge].value
                        lines.append(_sent(product, factor, line, upstream, value, self.values))
                elif line.kind == "note" or line.argument in edges or not line.argument:
                    lines.append(self._renamed(line))
        # What is not in the picture is not spoken of.
        inner, named = self.graph.tensor(product.operation.outputs[0]).name, dict[str, str]()
        for factor in product.factors:
            named |= {self.graph.tensor(helper.outputs[0]).name: factor.tensor.name for helper in factor.helpers}
        arrived, mark, saved = own.reason.partition(" has arrived")
        for name in sorted(named, key=len, reverse=True):
            saved = saved.replace(name, named[name])
        reason = arrived.replace(inner, product.result.name) + mark + saved
        return {"reason": reason, "equation": tuple(lines)}

    def _upstream(self, product: _Product, first: Frame) -> Value:
        """Return the gradient that has arrived at a product's result."""
        for frame in self.before.frames:
            for gradient in frame.gradients:
                if gradient.tensor == product.result.id:
                    found = gradient.value
            if frame is first:
                break
        return found

    def _renamed(self, line: Equation) -> Equation:
        sides = tuple(
            tuple(replace(part, tensor=self.edge_of.get(part.tensor, part.tensor)) for part in side)
            for side in line.sides
        )
        return replace(line, argument=self.edge_of.get(line.argument, line.argument), sides=sides)


# --- what it says ------------------------------------------------------------------------------------------------------


def _symbol(product: _Product) -> str:
    """Write a product's sign, with the factors that it takes turned: ``@ Wᵀ``."""
    left = f"{_short(product.left)}ᵀ " if product.left.turned else ""
    right = f" {_short(product.right)}ᵀ" if product.right.turned else ""
    plus = " +" if product.added is not None else ""
    return f"{left}@{right}{plus}"


def _short(factor: _Factor) -> str:
    """Write a factor in the few characters that there is room for."""
    name = factor.tensor.name.rpartition(".")[2]
    return name if len(name) <= 8 and name.isalnum() else ""


def _text(factor: _Factor, *, turned: bool) -> str:
    return _term(factor.tensor, {}).symbolic(transposed=turned).text


def _labels(product: _Product, argument: Argument) -> dict[str, str]:
    """Write the local derivative on an edge: what the gradient is multiplied with, and on which side."""
    left, right = product.left, product.right
    if not argument.local:
        return {}
    if product.added is not None and argument is product.added.argument:
        axes = _axes(product, product.added)
        return {"local": f"Σ {words.axes_name(axes, len(product.result.shape))}"} if axes else {}
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


def _link(product: _Product, factor: _Factor) -> Link:
    """Say which entries meet: of ``x @ Wᵀ`` the rows of x and those of W."""
    left, right, lead = product.left, product.right, len(product.result.shape)
    result = "i" * (len(left.tensor.shape) > 1) + "j" * (len(right.tensor.shape) > 1)
    result = BATCHES[: lead - len(result)] + result

    def letters(of: _Factor, own: str) -> str:
        shape = of.tensor.shape
        own = own if len(shape) > 1 else "k"
        batch = _stretched(BATCHES[: lead - len(result.lstrip(BATCHES))], product.result.shape, shape[: -len(own)])
        return batch + (own[::-1] if of.turned else own)

    if factor is product.added:
        return Link(_stretched(result, product.result.shape, factor.tensor.shape), result)
    other = right if factor is left else left
    own, others = letters(left, "ik"), letters(right, "kj")
    if factor is right:
        own, others = others, own
    return Link(own, result, others, other.tensor.id, text=other.tensor.name)


def _stretched(letters: str, made: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """Return the letters of the last axes, with dots for those that were stretched."""
    if not shape:
        return ""
    pairs = zip(letters[-len(shape) :], made[len(letters) - len(shape) : len(letters)], shape, strict=True)
    return "".join([ONE_BY_ONE if length == 1 != size else letter for letter, size, length in pairs])


def _axes(product: _Product, factor: _Factor) -> tuple[int, ...]:
    """Return the axes of the result along which what is added was stretched."""
    if factor is not product.added:
        return ()
    return summed_axes(product.result.shape, factor.tensor.shape)


def _term(tensor: Tensor, values: Mapping[str, Value]) -> Term:
    return Term(tensor.name, values.get(tensor.id) or Value(tensor.shape, tensor.dtype, None), tensor.id, "value")


def _side(*parts: Part, sign: str) -> Side:
    """Write a product of two factors, each in brackets where it needs them."""
    first, second = (equations.bracketed((part,)) for part in parts)
    return (*first, Part(sign, "sign"), *second)


def _computed(product: _Product, values: Mapping[str, Value]) -> Mapping[str, Any]:
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

    sources = [term.symbol for term in terms]
    return {
        "sentence": sentences.computed(product.result.name, sources),
        "equation": (equations.named(symbols, terms, made, compute, numbers),),
    }


def _sent(
    product: _Product, factor: _Factor, line: Equation, upstream: Value, value: Value, values: Mapping[str, Value]
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


def _matrices(product: _Product, gradient: Any, array: Any, left: bool) -> tuple[Any, Any]:
    """Give a vector that was a factor, and the gradient of what it made, the axis that they have in a product of matrices."""
    if len(product.right.tensor.shape) == 1:
        gradient = gradient[..., None]
        array = array[:, None] if left else array
    if len(product.left.tensor.shape) == 1:
        gradient = gradient[..., None, :]
        array = array if left else array[None, :]
    return gradient, array
