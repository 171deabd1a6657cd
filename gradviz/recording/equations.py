"""The lines of a step: what it computed or sent, in symbols and in numbers, in parts that can be worked out and lit up.

A formula of the table of operations is printed with names, then with numbers, and then comes what it made:
``∂y/∂w = ∂y/∂(w·x) · x = 1 × 5 = 5``. Arrays of up to 4 by 4 stand there with their numbers, larger ones with their names and
shapes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from gradviz.engine.core.unbroadcast import summed_axes
from gradviz.engine.notation import GRADIENT, binding, is_factor, names_in
from gradviz.engine.numerals import Texts, shown
from gradviz.recording.applied import Applied, Operand
from gradviz.recording.formulas import Formula, Side, Term, term_of
from gradviz.recording.model import Equation, Part, Value
from gradviz.recording.values import is_whole
from gradviz.recording.words import axes_name, gradient_name

LONGEST_FORMULA = 40
"""So long may a formula be beside a shortened name of its result, which says less than it does."""

Relation = Literal["=", "≈", "+="]

_EACH = re.compile(rf"\b{GRADIENT}\[(\d+)\]")
"""The gradient of one of several results, as the table writes it."""


_LAID_OUT = re.compile(rf"{GRADIENT}|(each|per_matrix|per_channel)\({GRADIENT}(, .*)?\)")
"""The upstream gradient, perhaps with axes of length 1 for those along which it goes to each entry."""


def note(text: str) -> Equation:
    """Return a line that is no equation."""
    return Equation(text, "note")


def seed(output: str, of: Operand, value: Value) -> Equation:
    """Write with what the backward pass starts: ``∂y/∂y = 1``."""
    start = _gradient(output, of, value)
    ones = bool(value.data) and all(entry == 1 for entry in value.data or ())
    return _line("seed", "", start.symbolic(), ([(replace(start, symbol="ones" if ones else "").numeric(),)], "="))


def computed(applied: Applied) -> Equation:
    """Write what an operation computed: ``w·x = 2 · 5 = 10``."""
    formula, made = Formula.forward(applied), term_of(applied.results[0])
    symbols = formula.symbols()
    right = told(symbols, formula.used, replace(made, symbol=""), formula.compute, _numbers_of(formula))
    return named(made, symbols, right)


def named(made: Term, symbols: Side, right: Right) -> Equation:
    """Write what was computed, beside the name that it has: a result without a name is called by its formula."""
    text = _text(symbols)
    told = text == made.symbol or ("…" in made.symbol and len(text) > LONGEST_FORMULA)
    name = None if told else made.symbolic()
    return _line("forward", "", name, right)


def sent(
    applied: Applied,
    slot: str,
    output: str,
    upstream: Mapping[int, tuple[Operand, Value]],
    contribution: Value,
    *,
    partial: bool,
) -> Equation:
    """Write one product of the chain rule: ``∂y/∂w = ∂y/∂(w·x) · x = 1 × 5 = 5``.

    Parameters
    ----------
    applied, slot
        The operation and the argument that gets this contribution.
    output
        The name of what is differentiated.
    upstream
        What the operation made, and the gradients that arrived; by the number of the output.
    contribution
        What was sent on.
    partial
        True where the argument gets other contributions too, so that this is not all of its gradient.
    """
    place = applied.operation.inputs.index(slot)
    target, argument = applied.operands[place], f"{applied.id}_{place}"
    left, made = _gradient(output, target, contribution), Term("", contribution, argument, "contribution")
    above = {number: _gradient(output, of, value) for number, (of, value) in upstream.items()}
    written = applied.operation.local.get(slot, "")
    if applied.operation.many:
        written = _EACH.sub(rf"{GRADIENT}_\1", written)
    names = {f"{GRADIENT}_{number}" if applied.operation.many else GRADIENT: term for number, term in above.items()}
    if not written or (applied.operation.many and GRADIENT in names_in(written)):
        right = of_function(f"{applied.operation.name}′", list(above.values()), made)
    elif (factors := _factors(written)) and not applied.operation.many:
        right = _product(applied, argument, *factors, above[0], made)
    else:
        formula = Formula.backward(applied, written, names, contribution)
        right = told(formula.symbols(), formula.used, made, formula.compute, _numbers_of(formula))
    first = replace(left.symbolic(), value=None) if partial else left.symbolic()
    return _line("contribution", argument, first, right, partial=partial)


def contribution(argument: str, like: Equation, right: Right) -> Equation:
    """Write what was sent along an edge with the left side, and its sign, of another line."""
    return _line("contribution", argument, like.sides[0][0], right, partial=like.relations[0] == "+=")


def added(
    name: str,
    target: Operand,
    values: tuple[Value, Value, Value],
    argument: str = "",
    *,
    complete: bool = True,
    remark: str = "",
) -> Equation:
    """Write how contributions add up: ``∂z/∂x so far = 9 + 5 = 14``.

    Parameters
    ----------
    name
        What to call the sum.
    target
        Whose gradient it is.
    values
        What had arrived, what came, and the sum.
    argument
        Along which it came; nothing for what was there before.
    complete
        False where more is still to come.
    remark
        To be said after it.
    """
    before = Term("so far", values[0], target.id, "gradient")
    came = Term("this step", values[1], argument or target.id, "contribution" if argument else "gradient")
    total = Term(name if complete else f"{name} so far", values[2], target.id, "gradient")

    def numbers(first: Texts | None, second: Texts | None) -> Side:
        return before.numeric(first), Part(" + ", "sign"), *bracketed((came.numeric(second),))

    sides, relation = told((), [before, came], replace(total, symbol=""), np.add, numbers)
    return _line("sum", argument, total.symbolic(), ([side for side in sides if side], relation), remark=remark)


# --- right sides -----------------------------------------------------------------------------------------------------

Right = tuple[list[Side], Relation]
"""What stands to the right of a name: a formula with names, with numbers, what it makes; and the sign before that."""


def _numbers_of(formula: Formula) -> Callable[..., Side | None]:
    return lambda *texts: formula.numbers(dict(zip(formula.names, texts, strict=True)))


def _factors(written: str) -> tuple[str, str] | None:
    """Take a contribution apart into the upstream gradient, as it is to be multiplied, and the local derivative."""
    if is_factor(written):
        return GRADIENT, written
    tree = ast.parse(written, mode="eval").body
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult):
        first, second = ast.unparse(tree.left), ast.unparse(tree.right)
        if _LAID_OUT.fullmatch(first) and is_factor(second):
            return first, second
    return None


def _product(applied: Applied, argument: str, first: str, written: str, above: Term, made: Term) -> Right:
    """Write a gradient times a local derivative, entry by entry."""
    if first != GRADIENT:
        laid_out = Formula.backward(applied, first, {GRADIENT: above}, made.value).value
        above = above if laid_out is None or not above.shape else replace(above, value=laid_out)
    formula = Formula.backward(applied, written, {GRADIENT: above}, made.value)
    above, symbols, value = formula.terms[GRADIENT], formula.symbols(), formula.value
    if _text(symbols) == "1" and above.shape:
        return told((above.symbolic(),), [above], made, lambda one: one, lambda texts: (above.numeric(texts),))
    local = formula.terms.get(written) or (Term(_text(symbols), value, argument, "local") if value else None)
    entrywise = bool(above.shape) and any(term.shape for term in formula.used)
    names = (above.symbolic(), Part(" ⊙ " if entrywise else " · ", "sign"), *bracketed(symbols, tightly=entrywise))
    if local is None:
        return told(names, [above], made, lambda one: None, lambda texts: None)
    sign = Part(" ⊙ " if above.shape and local.shape else " · " if above.shape or local.shape else " × ", "sign")

    def numbers(first: Texts | None, second: Texts | None) -> Side:
        return above.numeric(first), sign, *bracketed((local.numeric(second),))

    return told(names, [above, local], made, np.multiply, numbers)


def of_function(name: str, terms: Sequence[Term], made: Term) -> Right:
    """Write what a function makes of some terms."""
    listed = [part for term in terms for part in (Part(", ", "sign"), term.symbolic())][1:]
    return [call(name, tuple(listed), made.value), (made.numeric(),)], "="


def in_words(symbols: Side, made: Term) -> Right:
    """Write what is not worked out part by part: with names, and what it makes."""
    return [(Part("", "symbol", made.value, covers=len(symbols)), *symbols), (made.numeric(),)], "="


def told(
    symbols: Side,
    terms: Sequence[Term],
    made: Term,
    compute: Callable[..., Any],
    numbers: Callable[..., Side | None],
) -> Right:
    """Write what is made of some terms.

    Parameters
    ----------
    symbols
        The same with names.
    terms, made
        What it is made of, and what is made: of a broadcast argument the sum over what it was stretched to.
    compute
        Makes it of arrays; ``None`` where that cannot be done.
    numbers
        Writes it with numbers, given the texts for each of the terms; ``None`` where nothing would be gained.
    """
    arrays, there = [term.array for term in terms], made.array
    with np.errstate(all="ignore"):
        found = None if any(array is None for array in arrays) else compute(*arrays)
    shape = made.shape if found is None else np.shape(found)
    # Only on the way back is an argument smaller because it was stretched.
    axes = summed_axes(shape, made.shape) if made.role == "contribution" and len(made.shape) <= len(shape) else ()

    def total(*arrays: Any) -> Any:
        found = compute(*arrays)
        if found is None:  # with numbers as they are printed it cannot be done
            return there
        return np.reshape(np.add.reduce(found, axes, keepdims=True), made.shape) if axes else found

    texts: list[Texts | None] = [term.texts() for term in (*terms, made)]
    relation: Relation = "="
    if found is not None and all(texts):
        right = shown(arrays, there, total, made.value.dtype)
        texts, relation = [*right.operands, right.result], "=" if right.relation == "=" else "≈"
    with_numbers = numbers(*texts[:-1])
    sides = [symbols, *([with_numbers] if with_numbers else [])]
    if with_numbers and all(text is None or text == term.symbol for text, term in zip(texts, terms, strict=False)):
        sides = [with_numbers]  # names with their shapes
    if axes:
        sides = [_summed(side, axes, len(shape), made.value) for side in sides]
    return [*sides, (made.numeric(texts[-1]),)], relation


def _summed(side: Side, axes: tuple[int, ...], dimensions: int, made: Value) -> Side:
    """Write that something is summed along axes."""
    over = axes_name(axes, dimensions)
    return call("Σ", side, made) if over == "all" else call(f"Σ {over}", side, made, " (")


def call(name: str, side: Side, made: Value, bracket: str = "(") -> Side:
    """Write a function of what stands in the brackets after it, and what it makes of that."""
    inside = (Part(bracket, "sign"), *side, Part(")", "sign"))
    return Part(name, "symbol", made, covers=len(inside)), *inside


# --- lines -----------------------------------------------------------------------------------------------------------


def _line(
    kind: Literal["forward", "seed", "contribution", "sum"],
    argument: str,
    left: Part | None,
    right: Right,
    *,
    partial: bool = False,
    remark: str = "",
) -> Equation:
    """Put sides beside each other, to the left of which there may be a name. What would stand there twice is left out."""
    sides, last = right
    signs: list[Relation] = ["="] * len(sides)
    signs[-1] = last
    if partial:
        signs[0] = "+="
    kept: list[tuple[Relation, Side]] = [] if left is None else [("=", (left,))]
    for sign, side in zip(signs, sides, strict=True):
        if kept and _text(side) == _text(kept[-1][1]):
            kept[-1] = kept[-1][0], side
        else:
            kept.append((sign, side))
    text = "".join([f" {sign} {_text(side)}" for sign, side in kept]).removeprefix(f" {kept[0][0]} ")
    written = tuple([tuple([_as_known(part) for part in side]) for _, side in kept])
    return Equation(text + remark, kind, argument, written, tuple([sign for sign, _ in kept[1:]]))


def _as_known(part: Part) -> Part:
    """Return a part without its value, if nobody knows what that is."""
    value = part.value
    return part if value is None or is_whole(value) or value.summary is not None else replace(part, value=None)


def _text(side: Side) -> str:
    return "".join([part.text for part in side])


def bracketed(side: Side, *, tightly: bool = False) -> Side:
    """Put a factor, or what is added, in brackets where it needs them."""
    text = _text(side)
    if text.startswith("∂") or (binding(text) >= binding("a²" if tightly else "a·b") and not text.startswith("−")):
        return side
    return (Part("(", "sign"), *side, Part(")", "sign"))


def _gradient(output: str, of: Operand, value: Value) -> Term:
    return Term(gradient_name(output, of.name), value, of.id, "gradient")


def renamed(line: Equation, ids: Mapping[str, str]) -> Equation:
    """Let a line speak of other tensors and edges, those that stand in the place of its own."""
    sides = tuple(
        tuple(replace(part, tensor=ids.get(part.tensor, part.tensor)) for part in side) for side in line.sides
    )
    return replace(line, argument=ids.get(line.argument, line.argument), sides=sides)
