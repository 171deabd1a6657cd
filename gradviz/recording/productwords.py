"""What is said of a product as it was written: its sign, its edges, what it computes, and what it sends back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradviz.recording import equations, factors, sentences, words
from gradviz.recording.formulas import Side, Term
from gradviz.recording.model import Argument, Equation, Graph, Link, Part, RecordedTensor, Value
from gradviz.recording.products import PRODUCTS, Factor, Found, Product

EINSUM = "einsum"
"""What stands for a product that is not one of matrices."""


def symbol(product: Product) -> str:
    """Write a product's sign, with the factors that it takes turned: ``@ Wᵀ``."""
    if not product.matrices:
        return EINSUM
    return _sign(product.left.turned, product.left.tensor, product.right.turned, product.right.tensor, product.added)


def symbol_of(graph: Graph, found: Found) -> str:
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


def labels(product: Product, argument: Argument) -> Mapping[str, Any]:
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


def linked(product: Product, factor: Factor) -> Mapping[str, Any]:
    """Write the link of an edge."""
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


def computed(product: Product, values: Mapping[str, Value]) -> Mapping[str, Any]:
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


def sent(
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
