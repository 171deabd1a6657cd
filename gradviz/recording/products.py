"""Products as a person wrote them, found in what a library made of them: ``x @ W.T`` and not a transpose and a product.

A library takes several operations for one product: it turns a weight, makes matrices of batches, and batches of what comes out.
Which of them belong to it is told by the words of the program: what the same words made, and what only turns a factor.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from gradviz.recording.meeting import Form, Way, form_of, is_turn
from gradviz.recording.model import Argument, Graph, RecordedOperation, RecordedTensor, Recording, Source
from gradviz.recording.tracking import Move

STANDS_FOR = "stands for"
"""The attribute of a folded operation that names those which it stands for."""

PRODUCTS = {
    "mm": ("self", "mat2", ""),
    "bmm": ("self", "mat2", ""),
    "mv": ("self", "vec", ""),
    "addmm": ("mat1", "mat2", "self"),
}
"""The factors of each product, and what is added to it."""

RESHAPING = ("view", "reshape", "expand", "unsqueeze", "squeeze", "contiguous")
"""Operations that only arrange entries in another shape, or copy or repeat them."""

TURNING = ("t", "T", "transpose", "permute")
"""Operations that only change the order of axes."""

Users = Mapping[int, Sequence[int]]
"""By the number of a tensor: those of the operations that take it, once for each argument."""


@dataclass(frozen=True, slots=True)
class Factor:
    """An argument of a product, with the helpers on the way to it.

    Attributes
    ----------
    argument
        As the product has it.
    tensor
        What is on the other side of the helpers.
    helpers
        The one that the tensor enters comes first.
    letters
        Of the tensor's axes: the same for those that meet.
    turned
        Whether the last two axes change places.
    """

    argument: Argument
    tensor: RecordedTensor
    helpers: tuple[RecordedOperation, ...] = ()
    letters: str = ""
    turned: bool = False

    @property
    def edge(self) -> str:
        """The id of the edge that leaves the tensor."""
        return self.helpers[0].inputs[0].id if self.helpers else self.argument.id


@dataclass(frozen=True, slots=True)
class Product:
    """A product with its helpers.

    Attributes
    ----------
    operation
        The one that multiplies.
    left, right, added
        Its factors, and what is added to it.
    operations
        All that it stands for, in the order in which they ran: it and its helpers.
    result, letters
        What comes out, and the letters of its axes.
    matrices
        Whether it is one of matrices, or of batches of them; else its letters say how the factors meet.
    """

    operation: RecordedOperation
    left: Factor
    right: Factor
    added: Factor | None
    operations: tuple[RecordedOperation, ...]
    result: RecordedTensor
    letters: str
    matrices: bool

    @property
    def factors(self) -> tuple[Factor, ...]:
        """All that enters it."""
        return (self.left, self.right) if self.added is None else (self.added, self.left, self.right)


def originals_of(recording: Recording) -> dict[str, RecordedTensor]:
    """Return the tensors of which others are views, made outside of the graph to fit a product; by the id of the view."""
    graph = recording.graph
    if not graph.outline.views:
        return {}
    values = dict(recording.frames[0].values) if recording.frames else {}
    by_name = {(tensor.name, tensor.shape): tensor for tensor in graph.tensors}
    found: dict[str, RecordedTensor] = {}
    for tensor in graph.tensors:
        value = values.get(tensor.id)
        # Of a large one there is only an overview, which cannot be put into another shape.
        same_size = math.prod(tensor.viewed) == math.prod(tensor.shape)
        if tensor.view_of and same_size and value is not None and value.data is not None:
            same = replace(tensor, name=tensor.view_of, shape=tensor.viewed, view_of="", viewed=())
            found[tensor.id] = by_name.setdefault((same.name, same.shape), same)
    return found


@dataclass(frozen=True, slots=True)
class Found:
    """A product by the numbers of what belongs to it: see `Graph.outline`, and `product_of`.

    Attributes
    ----------
    operation
        The one that multiplies.
    factors
        Of all that enters it, in the order of its arguments: the number of the tensor, and the helpers on the way.
    after
        The helpers of the result.
    operations
        All that it stands for, in the order in which they ran.
    result
        What comes out.
    form
        How the axes meet.
    """

    operation: int
    factors: tuple[tuple[int, tuple[int, ...]], ...]
    after: tuple[int, ...]
    operations: tuple[int, ...]
    result: int
    form: Form


def products_in(graph: Graph, originals: dict[str, RecordedTensor]) -> list[Found]:
    """Find the products that stand for more than one operation, or take a view of a tensor.

    Parameters
    ----------
    graph
        Of a recording.
    originals
        From `originals_of`. Those are taken out whose views are needed by something else too.
    """
    outline = graph.outline
    if PRODUCTS.keys().isdisjoint(outline.names):
        return []
    users: dict[int, list[int]] = {}
    for number, inputs in enumerate(outline.inputs):
        for tensor in inputs:
            users.setdefault(tensor, []).append(number)
    while True:
        views = {outline.tensor_places[id]: original for id, original in originals.items()}
        found = _Search(graph, users, views).products()
        inside = {product.operation for product in found}
        needed = [view for view in views if not inside.issuperset(users.get(view, ()))]
        if not needed:
            return found
        for view in needed:
            del originals[outline.tensor_ids[view]]


def product_of(graph: Graph, found: Found, originals: Mapping[str, RecordedTensor]) -> Product:
    """Return a product that was found, with all that is known of its parts."""
    operations, form, of = graph.operations, found.form, graph.operations[found.operation]
    *slots, plus = PRODUCTS[of.name]
    by_slot = {argument.slot: (argument, *way) for argument, way in zip(of.inputs, found.factors, strict=True)}

    def factor(slot: str, letters: str, turned: bool = False) -> Factor:
        argument, tensor, helpers = by_slot[slot]
        entering = graph.tensors[tensor]
        original = entering if helpers else originals.get(entering.id, entering)
        return Factor(argument, original, tuple([operations[helper] for helper in helpers]), letters, turned)

    turned = form.turned or (False, False)
    return Product(
        of,
        factor(slots[0], form.left, turned[0]),
        factor(slots[1], form.right, turned[1]),
        factor(plus, form.added) if plus in by_slot else None,
        tuple([operations[each] for each in found.operations]),
        graph.tensors[found.result],
        form.result,
        form.turned is not None,
    )


class _Search:
    def __init__(self, graph: Graph, users: Users, views: Mapping[int, RecordedTensor]) -> None:
        self.graph, self.outline, self.users, self.views = graph, graph.outline, users, views
        # A model has many products, and few kinds of them.
        self._form, self._turns = cache(form_of), cache(is_turn)
        self._summed: dict[int, bool] = {}  # by the ``id`` of a place in the program

    def products(self) -> list[Found]:
        """Return them in the order in which they were computed."""
        found = []
        for number, name in enumerate(self.outline.names):
            product = self._product(number, name) if name in PRODUCTS else None
            if product is not None and self._is_whole(product):
                views = any(tensor in self.views for tensor in self.outline.inputs[number])
                if views or len(product.operations) > 1:
                    found.append(product)
        return found

    def _product(self, number: int, name: str) -> Found | None:
        """Find the helpers of a product; ``None`` if it is not simply one of its factors."""
        outline, (*slots, plus) = self.outline, PRODUCTS[name]
        settings = dict(outline.attributes[number]) if outline.attributes[number] else {}
        by_slot = dict(zip(outline.slots[number], outline.inputs[number], strict=True))
        given = all(slot in by_slot for slot in (*slots, plus) if slot)
        if not given or settings.get("beta", "1") != "1" or settings.get("alpha", "1") != "1":
            return None
        summed = self._is_summed(outline.sources[number])
        (left, right), made = (by_slot[slot] for slot in slots), outline.outputs[number][0]
        first, second = self._before(number, left, summed), self._before(number, right, summed)
        last, added = self._after(number, summed), by_slot.get(plus)
        form = self._form(
            self._way(left, first),
            self._way(right, second),
            None if added is None else outline.shapes[added],
            outline.shapes[made],
            self._moves(last),
            summed,
        )
        if form is None:
            return None
        helpers = {
            slots[0]: first[len(first) - form.helpers[0] :],
            slots[1]: second[len(second) - form.helpers[1] :],
        }
        last = last[: form.helpers[2]]
        return Found(
            number,
            tuple([self._entering(tensor, helpers.get(slot, ())) for slot, tensor in by_slot.items()]),
            last,
            tuple(sorted((number, *helpers[slots[0]], *helpers[slots[1]], *last))),
            outline.outputs[last[-1]][0] if last else made,
            form,
        )

    def _is_summed(self, source: Source | None) -> bool:
        known = self._summed.get(id(source))
        if known is None:
            known = self._summed[id(source)] = "einsum(" in _text(self.graph, source)
        return known

    def _entering(self, tensor: int, helpers: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
        """Return the tensor on the other side of the helpers of a factor, and these."""
        return (self.outline.inputs[helpers[0]][0], helpers) if helpers else (tensor, ())

    def _way(self, tensor: int, helpers: Sequence[int]) -> Way:
        shape = self.outline.shapes[tensor]
        return self.views[tensor].shape if tensor in self.views else shape, shape, self._moves(helpers)

    def _moves(self, helpers: Sequence[int]) -> tuple[Move, ...]:
        return tuple([self._move(helper) for helper in helpers]) if helpers else ()

    def _move(self, helper: int) -> Move:
        outline = self.outline
        before, result = outline.inputs[helper][0], outline.outputs[helper][0]
        return Move(outline.names[helper], outline.attributes[helper], outline.shapes[before], outline.shapes[result])

    def _before(self, product: int, tensor: int, summed: bool) -> tuple[int, ...]:
        """Go back through the helpers of a factor."""
        outline, helpers = self.outline, tuple[int, ...]()
        while (helper := outline.makers[tensor]) >= 0 and self._is_inner(tensor):
            turns = outline.names[helper] in TURNING and self._turns(self._move(helper))
            if not (turns or self._helps(helper, product, summed)):
                break
            helpers = (helper, *helpers)
            tensor = outline.inputs[helper][0]
        return helpers

    def _after(self, product: int, summed: bool) -> tuple[int, ...]:
        """Go on through the helpers of the result."""
        result, helpers = self.outline.outputs[product][0], tuple[int, ...]()
        while self._is_inner(result) and self._helps(self.users[result][0], product, summed):
            helpers = (*helpers, self.users[result][0])
            result = self.outline.outputs[helpers[-1]][0]
        return helpers

    def _is_inner(self, tensor: int) -> bool:
        """Return True for a result that nobody has named, and that one operation uses, once."""
        outline = self.outline
        return (
            outline.roles[tensor] == "intermediate"
            and not outline.named[tensor]
            and len(self.users.get(tensor, ())) == 1
        )

    def _helps(self, helper: int, product: int, summed: bool) -> bool:
        """Return True if an operation that only moves entries was made by the same words of the program as a product."""
        outline = self.outline
        if outline.names[helper] not in (RESHAPING + TURNING if summed else RESHAPING):
            return False
        words = outline.sources[helper]
        return (
            words is not None
            and words == outline.sources[product]
            and outline.modules[helper] == outline.modules[product]
        )

    def _is_whole(self, product: Found) -> bool:
        """Return True if no other gradient reaches a factor between the step of the product and that of its helper."""
        inside, last = product.operations, product.operations[-1]
        for tensor, helpers in product.factors:
            if helpers:
                users = self.users[tensor]  # in order: a weight may be used at each of thousands of steps
                between = users[bisect_right(users, helpers[0]) : bisect_left(users, last)]
                if any(user not in inside for user in between):
                    return False
        return True


def _text(graph: Graph, source: Source | None) -> str:
    """Return the line in which an operation begins, from where it begins."""
    for code in graph.code if source is not None else ():
        if source is not None and code.file == source.file and 0 <= source.line - code.first_line < len(code.lines):
            return code.lines[source.line - code.first_line][source.column or 0 :]
    return ""
