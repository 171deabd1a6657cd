"""Formulas as a learner reads them.

The table of operations writes formulas in Python's own notation over the names of arguments: ``"2 * self"``, ``"grad @ other.T"``.
This module prints them in the usual signs, with other names or numbers in place of the arguments: ``2·x``, ``3·x²``, ``g · wᵀ``.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from gradviz.engine.numerals import number
from gradviz.engine.signs import CONSTANTS, SHORT, place_of, sign_of

_SUPERSCRIPTS = str.maketrans("0123456789-−+.()nxyabcijkmt", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻⁺·⁽⁾ⁿˣʸᵃᵇᶜⁱʲᵏᵐᵗ")
_RAISED = frozenset("^" + "".join(map(chr, _SUPERSCRIPTS.values()))) - {""}
_SUPERSCRIPT_READY = set("0123456789-−+()nxyabcijkmt")

# How tightly things bind: a term inside a tighter one needs brackets.
_CHOICE, _COMPARE, _SUM, _PRODUCT, _MINUS, _POWER, _ATOM = range(7)

_OPERATORS: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: (" + ", _SUM),
    ast.Sub: (" − ", _SUM),
    ast.Mult: ("·", _PRODUCT),
    ast.MatMult: (" @ ", _PRODUCT),
    ast.Div: ("/", _PRODUCT),
    ast.Mod: (" mod ", _PRODUCT),
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Gt: " > ",
    ast.Lt: " < ",
    ast.GtE: " ≥ ",
    ast.LtE: " ≤ ",
    ast.Eq: " = ",
    ast.NotEq: " ≠ ",
}

_WRITTEN_OUT = ("1", "2", "3")
"""Entry-by-entry powers that are written as products, or as 1 over them; others are raised."""

GRADIENT = "grad"
"""The upstream gradient's name, in a formula that is a whole contribution."""


def is_factor(text: str) -> bool:
    """Return True for a local derivative that the upstream gradient is multiplied with, entry by entry.

    Examples
    --------
    >>> is_factor("2 * self"), is_factor("grad @ other.T"), is_factor("")
    (True, False, False)
    """
    return bool(text) and GRADIENT not in names_in(text)


@lru_cache(maxsize=1024)
def names_in(text: str) -> frozenset[str]:
    """Return the names that stand in a formula."""
    return frozenset(node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name))


def without(node: ast.expr, absent: frozenset[str]) -> ast.expr:
    """Leave arguments that were not given out of a formula's sums, calls and comparisons."""

    def missing(part: ast.expr) -> bool:
        return isinstance(part, ast.Name) and part.id in absent

    class Pruned(ast.NodeTransformer):
        def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
            self.generic_visit(node)
            if isinstance(node.op, ast.Add | ast.Sub | ast.Mult) and (missing(node.left) or missing(node.right)):
                return node.right if missing(node.left) else node.left
            return node

        def visit_Compare(self, node: ast.Compare) -> ast.expr:
            operands = [node.left, *node.comparators]
            there = [place for place, operand in enumerate(operands) if not missing(operand)]
            if len(there) == len(operands):
                return node
            if len(there) < 2:
                return ast.Constant(True)
            signs = [node.ops[place - 1] for place in there[1:]]
            return ast.Compare(operands[there[0]], signs, [operands[place] for place in there[1:]])

        def visit_Call(self, node: ast.Call) -> ast.expr:
            self.generic_visit(node)
            if node.args and missing(node.args[0]):  # what it does it would do to that
                return node.args[0]
            arguments = [argument for argument in node.args if not missing(argument)]
            return ast.copy_location(ast.Call(node.func, arguments, node.keywords), node)

    return Pruned().visit(node) if absent & names_in(ast.unparse(node)) else node


def is_raised(text: str) -> bool:
    """Return True for what `superscript` has raised."""
    return text[:1] in _RAISED


def superscript(text: str) -> str:
    """Raise a short text: ``"−2"`` becomes ``"⁻²"``. What has no raised form is put after a caret."""
    if set(text) <= _SUPERSCRIPT_READY:
        return text.translate(_SUPERSCRIPTS)
    return f"^({text})" if binding(text) < _ATOM else f"^{text}"


def formula(
    expression: str,
    words: Mapping[str, str],
    order: Mapping[str, str] | None = None,
    *,
    arrays: Collection[str] = (),
    product: str = " @ ",
) -> str:
    """Print a formula in mathematical signs.

    Parameters
    ----------
    expression
        Python's notation over names.
    words
        What to write for each name: a variable's name, a number, or an expression that is bracketed where needed.
    order
        Other words, with which the formula has been printed before: this one is to have the same factors at the same places.
    arrays
        The names that have axes: what multiplies two of them entry by entry is written ``⊙``.
    product
        What to write for a product of matrices.

    Examples
    --------
    >>> formula("exponent * self ** (exponent - 1)", {"self": "x", "exponent": "2"})
    '2·x'
    >>> formula("self * other", {"self": "a + b", "other": "c"})
    '(a + b)·c'
    >>> formula("grad @ other.T", {"grad": "g", "other": "w"})
    'g @ wᵀ'
    >>> formula("self * other", {"self": "x", "other": "2"})
    '2·x'
    >>> formula("self * other", {"self": "3", "other": "2"}, {"self": "x", "other": "2"})
    '2 · 3'
    """
    return _text(pieces(expression, words, order, arrays=arrays, product=product))


class Piece(NamedTuple):
    """A piece of a printed formula.

    Attributes
    ----------
    text
        What is printed.
    of
        The part of the formula that it stands for: a name (perhaps transposed) or a number; of a raised exponent, the exponent; of
        what a call begins with, all of the call. ``None`` for a sign.
    covers
        How many of the pieces after it belong to that call.
    """

    text: str
    of: ast.expr | None = None
    covers: int = 0


def pieces(
    expression: str,
    words: Mapping[str, str],
    order: Mapping[str, str] | None = None,
    *,
    arrays: Collection[str] = (),
    product: str = " @ ",
    short: bool = False,
    entrywise: bool = False,
) -> tuple[Piece, ...]:
    """Print a formula as `formula` does, in pieces.

    Parameters
    ----------
    expression, words, order
        As for `formula`. A transposed name may have a word of its own: ``"self.T"``.
    arrays
        The names that have axes: what multiplies two of them entry by entry is written ``⊙``.
    product
        What to write for a product of matrices.
    short
        Whether to write only a letter for some functions.
    entrywise
        Whether to write a power of what has axes as one of its entries: ``W²`` of a matrix could be read as ``W @ W``.

    Examples
    --------
    >>> "".join(piece.text for piece in pieces("2 * self * other", {"self": "x", "other": "w"}, arrays=("self", "other")))
    '2·x⊙w'
    >>> "".join(piece.text for piece in pieces("self**2 + self**-2", {"self": "W"}, arrays=["self"], entrywise=True))
    'W ⊙ W + 1/(W ⊙ W)'
    """
    absent = frozenset([name for name, word in words.items() if word == "None"])
    order = words if order is None else order
    return _print(_parse(expression, absent), _Words(words, order, frozenset(arrays), product, short, entrywise))[0]


class _Words(NamedTuple):
    """What to write for each name, and what is written in the line that decides on the order of factors."""

    written: Mapping[str, str]
    order: Mapping[str, str]
    arrays: frozenset[str] = frozenset()
    product: str = " @ "
    short: bool = False
    entrywise: bool = False

    def in_order(self, node: ast.expr, text: str) -> str:
        """Return what a part of the formula is in the line that decides; here it is `text`."""
        if self.order is self.written:
            return text
        return _text(_print(node, self._replace(written=self.order))[0])

    def has_axes(self, node: ast.expr) -> bool:
        """Return True for a part of the formula that is no single number."""
        return any(isinstance(name, ast.Name) and name.id in self.arrays for name in ast.walk(node))


@lru_cache(maxsize=1024)
def _parse(expression: str, absent: frozenset[str]) -> ast.expr:
    return without(ast.parse(expression, mode="eval").body, absent)


@lru_cache(maxsize=4096)
def binding(text: str) -> int:
    """Return how tightly a written expression binds, judged by the signs outside its brackets."""
    depth = 0
    loosest = _ATOM
    for place, sign in enumerate(text):
        depth += (sign in "([{|") - (sign in ")]}")
        if depth:
            continue
        if sign in "+−-" and place and text[place - 1] not in "e·/^":
            loosest = min(loosest, _SUM)
        elif sign in "·/@⊙×÷":
            loosest = min(loosest, _PRODUCT)
        elif sign in "−-":
            loosest = min(loosest, _MINUS)
        elif sign == "^" or sign in "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿˣʸ":
            loosest = min(loosest, _POWER)
        elif sign in "<>=≤≥≠":
            loosest = min(loosest, _COMPARE)
        elif sign in "?[,":
            loosest = min(loosest, _CHOICE)
    return loosest


Printed = tuple[tuple[Piece, ...], int]
"""A formula in pieces, and how tightly it binds."""


def _text(pieces: Iterable[Piece]) -> str:
    return "".join([piece.text for piece in pieces])


def _joined(*parts: str | Piece | tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Put signs and pieces in a row."""
    found: list[Piece] = []
    for part in parts:
        if isinstance(part, str):
            found.append(Piece(part))
        elif isinstance(part, Piece):
            found.append(part)
        else:
            found += part
    return tuple(found)


def _enclosed(printed: Printed, needed: int) -> tuple[Piece, ...]:
    inner, strength = printed
    return _joined("(", inner, ")") if strength < needed else inner


def _print(node: ast.expr, words: _Words) -> Printed:
    """Print a part of a formula. Formulas are ours and a few levels deep."""
    match node:
        case ast.Name(id=name):
            text = words.written.get(name, "π" if name == "pi" else name)
            return (Piece(text, node),), _binding_of(text)
        case ast.Constant(value=value):
            return (Piece(number(value), node),), _ATOM
        case ast.Attribute(value=inner, attr="T"):
            return _print_transposed(node, inner, words)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            printed = _print(inner, words)
            if printed[0][0] == Piece("−") and printed[1] == _MINUS:
                rest = printed[0][1:]
                return rest, binding(_text(rest))
            return _joined("−", _enclosed(printed, _PRODUCT)), _MINUS
        case ast.BinOp(left=base, op=ast.Pow(), right=power):
            return _print_power(base, power, words)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _print_binary(left, sign, right, words)
        case ast.Compare(left=left, ops=signs, comparators=others) if all(type(sign) in _COMPARISONS for sign in signs):
            sides = [_enclosed(_print(side, words), _SUM) for side in (left, *others)]
            signed = [
                part for sign, side in zip(signs, sides[1:], strict=True) for part in (_COMPARISONS[type(sign)], side)
            ]
            return _joined(sides[0], *signed), _COMPARE
        case ast.IfExp(test=test, body=body, orelse=other):
            chosen = _decided(test, words.written)
            if chosen is not None:
                return _print(body if chosen else other, words)
            yes, when, no = (_print(part, words)[0] for part in (body, test, other))
            return _joined(yes, " if ", when, ", else ", no), _CHOICE
        case ast.Subscript(value=inner, slice=place):
            which = place.value if isinstance(place, ast.Constant) and isinstance(place.value, int) else "…"
            return (Piece(f"{_text(_enclosed(_print(inner, words), _ATOM))}[{which}]", node),), _ATOM
        case ast.Call(func=ast.Name(id=name)):
            return _print_call(name, node, words)
    raise ValueError(f"the notation has no way to write {ast.unparse(node)!r}")


def _decided(test: ast.expr, words: Mapping[str, str]) -> bool | None:
    """Return whether a condition on a setting holds; ``None`` for one on entries."""
    match test:
        case ast.Constant(value=bool(holds)):
            return holds
        case ast.Compare(ops=[ast.Is()]):  # what was not given has been left out
            return False
        case ast.Name(id=name) if words.get(name) in ("True", "False"):
            return words[name] == "True"
        case ast.Compare(left=ast.Name(id=name), ops=[ast.Eq()], comparators=[wanted]) if name in words:
            with suppress(ValueError):
                return words[name].replace("−", "-") == str(ast.literal_eval(wanted))
    return None


def _print_call(name: str, node: ast.Call, words: _Words) -> Printed:
    if name in CONSTANTS or (words.short and name in SHORT):
        return (Piece(CONSTANTS.get(name) or SHORT[name], node),), _ATOM
    given = {keyword.arg: _word_of(keyword.value, words) for keyword in node.keywords}
    if name in ("taken_one", "taken_stretch"):
        subject = _text(_enclosed(_print(node.args[0], words), _ATOM))
        return (Piece(f"{subject}[{place_of(given)}]", node),), _ATOM
    sign = sign_of(name, given)
    if sign == "ᵀ":
        return _print_transposed(node, node.args[0], words)
    written = [_print(argument, words) for argument in node.args]
    if sign in ("{}", "{1}") or (name == "maximum" and len(written) == 1):
        inner, strength = written[sign == "{1}"]
        return _call("", node, inner), strength
    if "{" not in sign:
        inside = [part for place, one in enumerate(written) for part in ((", ", one[0]) if place else (one[0],))]
        return _call(sign, node, "(", *inside, ")"), _ATOM
    first, *rest = sign.split("{}")
    parts = [_enclosed(one, _ATOM if "(" not in sign and "|" not in sign else 0) for one in written]
    found = _call(first, node, *(part for one, after in zip(parts, rest, strict=True) for part in (one, after) if part))
    return found, binding(_text(found))


def _call(start: str, node: ast.expr, *parts: str | Piece | tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Put a call's pieces in a row, of which the first stands for all."""
    inside = _joined(*parts)
    return Piece(start, node, len(inside)), *inside


def _word_of(node: ast.expr, words: _Words) -> str:
    return _text(_print(node, words)[0])


def _binding_of(word: str) -> int:
    """Return how tightly a word binds: a fraction of differentials stands for itself."""
    return _ATOM if word.startswith("∂") else binding(word)


def _print_transposed(node: ast.expr, inner: ast.expr, words: _Words) -> Printed:
    printed = _print(inner, words)
    if not isinstance(inner, ast.Name):
        return _call("", node, _enclosed(printed, _POWER), "ᵀ"), _POWER
    word = words.written.get(f"{inner.id}.T")
    if word is None:
        text = _text(_enclosed(printed, _POWER))
        if text.startswith("∂"):
            text = f"({text})"
        word = text[:-1] if text.endswith("ᵀ") else f"{text}ᵀ"  # turned back
    return (Piece(word, node),), binding(word)


def _print_power(base: ast.expr, power: ast.expr, words: _Words) -> Printed:
    exponent = _evaluated(_text(_print(power, words)[0]))
    printed = _print(base, words)
    if exponent == "1":
        return printed
    if exponent == "0":
        return (Piece("1", ast.BinOp(base, ast.Pow(), power)),), _ATOM
    factors = int(exponent.removeprefix("−")) if exponent.removeprefix("−") in _WRITTEN_OUT else 0
    if not (factors and words.entrywise and words.has_axes(base)):
        return _joined(_enclosed(printed, _ATOM), Piece(superscript(exponent), power)), _POWER
    factor = _enclosed(printed, _POWER)
    product = _joined(factor, *(part for _ in range(factors - 1) for part in (" ⊙ ", factor)))
    if not exponent.startswith("−"):
        return product, _PRODUCT
    sign = "/" if {"[", "∂"}.isdisjoint(_text(product)) else " / "
    below = product if factors == 1 else _joined("(", product, ")")
    return _joined(Piece("1", ast.Constant(1)), sign, below), _PRODUCT


def _print_binary(left: ast.expr, sign: ast.operator, right: ast.expr, words: _Words) -> Printed:
    symbol, strength = _OPERATORS[type(sign)]
    one, two = _print(left, words), _print(right, words)
    first, second = _text(one[0]), _text(two[0])
    # What the line that decides does: 1·x is x there, but 1 · 5 stays where w·x was written.
    before, after = words.in_order(left, first), words.in_order(right, second)
    if isinstance(sign, ast.Div) and after == "1":
        return one
    if isinstance(sign, ast.Mult) and "1" in (before, after):
        return two if before == "1" else one
    if isinstance(sign, ast.Mult) and _is_number(after) and not _is_number(before):
        # 5·x, however it was written; a minus sign in front would have to be bracketed, so it moves there too
        one, two = (two[0], binding(second)), one
        first, second = second, first
    # Minus and divided by are not associative: what stands to their right has to bind more tightly than they do.
    tighter = strength + 1 if isinstance(sign, ast.Sub | ast.Div | ast.MatMult) else strength
    if two[1] == _MINUS:
        tighter = _ATOM
    first_needed = strength + 1 if isinstance(sign, ast.MatMult) and one[1] == _PRODUCT else strength
    if isinstance(sign, ast.MatMult):
        symbol = words.product
    elif isinstance(sign, ast.Mult):
        if words.has_axes(left) and words.has_axes(right):
            symbol = "⊙"  # and no product of matrices beside it
            first_needed = _POWER if isinstance(left, ast.BinOp) and isinstance(left.op, ast.MatMult) else first_needed
            tighter = _POWER if isinstance(right, ast.BinOp) and isinstance(right.op, ast.MatMult) else tighter
        if _is_number(first.rpartition("·")[2].strip()) and _is_number(second):
            symbol = " · "
    if symbol in ("·", "⊙", "/") and not {"[", "∂"}.isdisjoint(first + second):
        symbol = f" {symbol} "
    return _joined(_enclosed(one, first_needed), symbol, _enclosed(two, tighter)), strength


def _is_number(text: str) -> bool:
    return text.replace("−", "").replace(".", "").isdigit()


def _evaluated(text: str) -> str:
    """Work out ``2 − 1`` in an exponent; leave ``n − 1`` as it is."""
    with suppress(ValueError):  # of any other text
        first, second = (float(part.replace("−", "-")) for part in text.split(" − "))
        return number(first - second)
    return text
