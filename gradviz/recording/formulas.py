"""Formulas of the table as they were applied: printed with names and with numbers, in parts that can be worked out."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np

from gradviz.engine import evaluating
from gradviz.engine.arguments import normal_axes
from gradviz.engine.notation import Piece, binding, is_raised, pieces
from gradviz.engine.numerals import Texts, number
from gradviz.recording.applied import Applied, Operand
from gradviz.recording.model import Part, Value
from gradviz.recording.values import entries_of, is_whole, kept
from gradviz.recording.words import axes_name, names_in_formulas, reduced_axes, shape_text

MOST_ROWS = 4
"""An array of up to so many rows and columns is written with its numbers."""

MOST_IN_A_ROW = 6
"""So is one of so many entries."""

MOST_ARRAYS = 4
"""A formula in which more arrays would have to be written with their numbers is left at its names."""

Side = tuple[Part, ...]
"""A side of an equation."""


@dataclass(frozen=True)
class Term:
    """Something that has numbers, as it takes part in a formula.

    Attributes
    ----------
    symbol
        What is printed for it.
    value
        Its numbers, in the shape in which it takes part: an axis that was reduced may be there with length 1.
    tensor, role
        Whose numbers they are, as in a `Part`.
    """

    symbol: str
    value: Value
    tensor: str = ""
    role: Literal["", "value", "gradient", "contribution", "local"] = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape in which it takes part."""
        return self.value.shape

    @cached_property
    def array(self) -> Any:
        """Its numbers as an array; ``None`` where they are not kept."""
        return array_of(self.value)

    @cached_property
    def fits(self) -> bool:
        """True where it can be written with its numbers: one matrix, however many axes of length 1 stand before it."""
        shape = self.shape
        few = all(0 < length <= MOST_ROWS for length in shape) or 0 < math.prod(shape) <= MOST_IN_A_ROW
        return few and math.prod(shape[:-2]) == 1 and is_whole(self.value)

    def part(self, text: str, *, transposed: bool = False) -> Part:
        """Return it as a part of an equation that is printed so."""
        kind: Literal["number", "array"] = "array" if self.shape or not self.fits else "number"
        return Part(text, kind, self.value, self.tensor, self.role, transposed)

    def symbolic(self, *, transposed: bool = False) -> Part:
        """Return its name as a part of an equation."""
        text = _turned(self.symbol) if transposed else self.symbol
        return Part(text, "symbol", self.value, self.tensor, self.role, transposed)

    def numeric(self, texts: Texts | None = None, *, transposed: bool = False) -> Part:
        """Return its numbers as a part of an equation; where they do not fit, its name and its shape.

        Parameters
        ----------
        texts
            Its numbers as they are to be printed; by default each for itself.
        transposed
            Whether to write it so.
        """
        texts = texts or self.texts()
        if texts is None:
            name, shape = _atom(self.symbol), self.shape
            if transposed:
                name, shape = _turned(self.symbol), (*shape[:-2], *shape[:-3:-1])
            text = f"{name} ({shape_text(shape)})".strip()
        elif isinstance(texts, str):
            text = texts
        else:
            entries = np.array(texts, object).reshape(self.shape)
            text = _array_text(entries.T if transposed else entries)
        return self.part(text, transposed=transposed)

    def texts(self) -> Texts | None:
        """Write its numbers, each for itself; ``None`` where they do not fit."""
        if not self.fits:
            return None
        texts = tuple([number(entry, dtype=self.value.dtype) for entry in self.value.data or ()])
        return texts if self.shape else texts[0]


def term_of(operand: Operand) -> Term:
    """Return a tensor as it takes part in a formula."""
    value = operand.value or Value(operand.shape, "float32", None)  # of a graph whose numbers nobody keeps
    return Term(operand.name, value, operand.id, "value")


def _arguments(of: Applied) -> dict[str, Term]:
    return {
        slot: term_of(operand) for slot, operand in zip(of.operation.inputs, of.operands, strict=True) if operand.id
    }


def _with_axes(term: Term, of: Applied) -> Term:
    """Return a term of a reduction's result with the axes that were reduced, at length 1."""
    axes = reduced_axes(of) if term.shape else ()
    shape = (
        tuple([1 if axis in axes else length for axis, length in enumerate(of.operands[0].shape)])
        if axes
        else term.shape
    )
    if shape == term.shape or math.prod(shape) != math.prod(term.shape) or term.value.data is None:
        return term
    return replace(term, value=replace(term.value, shape=shape))


def array_of(value: Value) -> Any:
    """Return a value as an array; ``None`` where its numbers are not kept."""
    entries = entries_of(value)
    if entries is None:
        return None
    kind = value.dtype if value.dtype in _PLAIN else "float64"
    return np.array(entries, kind).reshape(value.shape)[()]


_PLAIN = ("float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool")


def _atom(text: str) -> str:
    """Put what is to be turned, or raised, in brackets where it needs them."""
    return f"({text})" if not text.startswith("∂") and binding(text) < binding("a") else text


def _turned(text: str) -> str:
    if text.startswith("∂"):
        return f"({text})ᵀ"
    return text[:-1] if text.endswith("ᵀ") else f"{_atom(text)}ᵀ"


def _array_text(entries: Any) -> str:
    """Write an array: ``[[1, −2], [4, 0.5]]``."""
    return f"[{', '.join([one if isinstance(one, str) else _array_text(one) for one in entries])}]"


@lru_cache(maxsize=1024)
def _names(expression: str) -> frozenset[str]:
    """Return the names in a formula that are no functions."""
    tree = ast.parse(expression, mode="eval")
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called)


@lru_cache(maxsize=1024)
def _with_result(formula: str, forward: str, output: str) -> str:
    """Call what an operation computes by the name of its result: ``1 − h²``, and not ``1 − tanh(x)²``.

    Examples
    --------
    >>> _with_result("1 - tanh(self) ** 2", "tanh(self)", "result")
    '1 - result ** 2'
    """
    computed = ast.dump(ast.parse(forward, mode="eval").body)

    class Named(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.expr:
            self.generic_visit(node)
            return ast.Name(output, ast.Load()) if ast.dump(node) == computed else node

    return ast.unparse(Named().visit(ast.parse(formula, mode="eval")))


@dataclass(frozen=True, eq=False)
class Formula:
    """A formula of the table, with what its names stand for.

    Attributes
    ----------
    of
        The operation, as it was applied.
    expression
        In Python's notation.
    terms
        Those of its names that are tensors, or follow from them.
    made
        What the operation made of it: what a function gives that is the operation itself, or its way back.
    product
        The sign of a matrix product.
    """

    of: Applied
    expression: str
    terms: dict[str, Term]
    made: Value
    product: str = " @ "

    @classmethod
    def forward(cls, of: Applied) -> Formula:
        """Return what an operation computes."""
        terms = _arguments(of)
        written = of.operation.expression or f"{of.operation.name}({', '.join(terms)})"
        return cls(of, written, terms, term_of(of.results[0]).value)

    @classmethod
    def backward(cls, of: Applied, expression: str, upstream: Mapping[str, Term], made: Value) -> Formula:
        """Return what an operation sends to an argument, or a local derivative; the gradients that arrived have names."""
        terms = _arguments(of)
        output = of.operation.outputs[of.first if of.operation.many else 0]
        terms[output] = _with_axes(term_of(of.results[0]), of)
        terms |= {name: _with_axes(term, of) for name, term in upstream.items()}
        if terms[output].array is not None and of.operation.expression and not of.operation.many:
            expression = _with_result(expression, of.operation.expression, output)
        return cls(of, expression, terms, made, " · ")

    def __post_init__(self) -> None:
        """Look up what the formula calls by a name of its own: how many entries a mean is over, the weights of classes."""
        settings = self.of.operation.settings
        for name in _names(self.expression) - self.terms.keys():
            known = name in self.values or name not in settings
            value = self._value_of(name) if known else None
            if value is None or (value.shape and self._words.get(name, name) != name):
                continue  # nothing is known of it, or it is the same number for all
            if value.shape:
                self.terms[name] = Term(name, value)
            elif name not in settings or "float" in value.dtype:
                self.terms[name] = Term(number(array_of(value)), value)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of tensors that it uses."""
        used = _names(self.expression)
        return tuple([name for name in self.terms if name in used])

    @property
    def _turns(self) -> bool:
        return ".T" in self.expression or "transpose" in self.expression

    @property
    def used(self) -> list[Term]:
        """What these stand for."""
        return [self.terms[name] for name in self.names]

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """What is known of its names, as arrays and settings."""
        arrays = {name: term.array for name, term in self.terms.items()}
        absent = {slot: None for slot in self.of.operation.inputs if slot not in arrays}
        settings = zip(self.of.operation.settings, self.of.settings, strict=False)
        return {**absent, **dict(settings), **{name: array for name, array in arrays.items() if array is not None}}

    def compute(self, *arrays: Any) -> Any:
        """Work it out with such numbers of its `names`; ``None`` where that cannot be done."""
        changed = dict(zip(self.names, arrays, strict=True))
        for name, array in changed.items():
            kind = self.terms[name].value.dtype
            if "float" not in kind:  # of places, classes and masks
                changed[name] = np.asarray(array, kind)[()]
        return self._worked_out(self.expression, changed)

    def _worked_out(self, expression: str, changed: Mapping[str, Any]) -> Any:
        values = {**self.values, **changed}
        try:
            return evaluating.evaluated(expression, self.of.operation, values, lambda *_, **__: array_of(self.made))
        except (ArithmeticError, AttributeError, LookupError, NameError, TypeError, ValueError):
            return None  # a number, or a setting, was not kept; or it has a word of a learner's own

    @cached_property
    def value(self) -> Value | None:
        """What it makes; ``None`` where that cannot be worked out."""
        return self._value_of(self.expression)

    def _value_of(self, expression: str) -> Value | None:
        found = self._worked_out(expression, {})
        return None if found is None else kept(np.asarray(found))[1]

    def symbols(self) -> Side:
        """Write it with names."""

        def write(term: Term, text: str, transposed: bool) -> Part:
            return replace(term.symbolic(), text=text, transposed=transposed)

        return self._parts(self._names, write)

    def numbers(self, texts: Mapping[str, Texts | None]) -> Side | None:
        """Write it with numbers: of each tensor those that `texts` has for it. ``None`` where there are none, or too many."""
        words = dict(self._names)
        for name in self.names:
            words[name] = self.terms[name].numeric(texts.get(name)).text
            if self._turns:
                words[f"{name}.T"] = self.terms[name].numeric(texts.get(name), transposed=True).text

        def write(term: Term, text: str, transposed: bool) -> Part:
            return term.part(text, transposed=transposed)

        side = self._parts(words, write)
        arrays = sum(part.kind == "array" for part in side)
        return side if arrays <= MOST_ARRAYS and any(part.role for part in side) else None

    @cached_property
    def _words(self) -> dict[str, str]:
        return names_in_formulas(self.of)

    @property
    def _names(self) -> dict[str, str]:
        return self._words | {name: term.symbol for name, term in self.terms.items()}

    def _parts(self, words: Mapping[str, str], write: Callable[[Term, str, bool], Part]) -> Side:
        arrays = [name for name, term in self.terms.items() if term.shape]
        printed = pieces(self.expression, words, self._names, arrays=arrays, product=self.product, entrywise=True)
        return tuple([self._part(piece, write) for piece in printed])

    def _part(self, piece: Piece, write: Callable[[Term, str, bool], Part]) -> Part:
        node, text = piece.of, piece.text
        if node is None:
            return Part(text, "sign")
        inner = _turned_name(node)
        name = inner or node
        term = self.terms.get(name.id) if isinstance(name, ast.Name) else None
        if term is not None and not is_raised(text) and (inner is None or len(term.shape) == 2):
            return write(term, text, inner is not None)
        value = self._value_of(ast.unparse(node))
        if text.startswith("Σ") and isinstance(node, ast.Call):
            text = self._sum_sign(node) or text
        if value is None:
            return Part(text, "symbol", covers=piece.covers)
        if is_raised(text):
            return Part(text, "sign", value)
        if text == "1" and value.shape and not isinstance(node, ast.Name):
            return Part("ones", "symbol", value)
        return Part(text, "number" if isinstance(node, ast.Constant) else "symbol", value, covers=piece.covers)

    def _sum_sign(self, node: ast.Call) -> str:
        """Write over what a sum along an axis of a matrix goes: ``Σ columns``, which leaves one number for each row."""
        along = [keyword.value for keyword in node.keywords if keyword.arg == "dim"]
        summed = self._worked_out(ast.unparse(node.args[0]), {}) if along else None
        axes = self._worked_out(ast.unparse(along[0]), {}) if along else None
        if summed is None or axes is None or np.ndim(summed) != 2:
            return ""
        axes = normal_axes(axes, 2)
        return "" if len(axes) != 1 else f"Σ {axes_name(axes, 2)} "


def _turned_name(node: ast.expr) -> ast.expr | None:
    """Return what is transposed, where that is a name alone."""
    if isinstance(node, ast.Attribute):
        return node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "transpose":
        return node.args[0]
    return None
