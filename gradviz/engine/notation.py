"""Formulas as a learner reads them.

The table of operations writes formulas in Python's own notation over the names of arguments: ``"2 * self"``,
``"exponent * self ** (exponent - 1)"``, ``"grad @ other.T"``. This module prints such a formula in the usual
mathematical signs, with other names or with numbers in place of the arguments: ``2·x``, ``3·x²``, ``g · wᵀ``.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

_SUPERSCRIPTS = str.maketrans("0123456789-−+.()nxyabcijkmt", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻⁺·⁽⁾ⁿˣʸᵃᵇᶜⁱʲᵏᵐᵗ")
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
_FUNCTIONS = {
    "sqrt": "√",
    "sigmoid": "σ",
    "sum": "Σ",
    "prod": "Π",
    "gelu_slope": "gelu′",
    "convolve": "conv",
    "convolve_back": "convᵀ",
}


def number(value: object, digits: int = 4) -> str:
    """Write a number as a learner would: few significant digits, a real minus sign, no trailing zeros.

    Examples
    --------
    >>> number(2.0), number(-0.012345), number(1e-7), number(123456.0)
    ('2', '−0.01235', '1e−7', '1.235e5')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if value != value:
        return "nan"
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "−∞"
    if float(value).is_integer() and abs(value) < 10**5:
        text = str(int(value))
    else:
        whole_digits = len(str(int(abs(value)))) if abs(value) < 10**5 else 0
        text = f"{value:.{max(digits, whole_digits)}g}"
        if "e" in text:
            mantissa, exponent = text.split("e")
            text = f"{mantissa}e{int(exponent)}"
    return "0" if text == "-0" else text.replace("-", "−")


def superscript(text: str) -> str:
    """Raise a short text: ``"−2"`` becomes ``"⁻²"``. What has no raised form is put after a caret."""
    if set(text) <= _SUPERSCRIPT_READY:
        return text.translate(_SUPERSCRIPTS)
    return "^" + _in_brackets(text, binding(text), _ATOM)


def formula(expression: str, words: Mapping[str, str], order: Mapping[str, str] | None = None) -> str:
    """Print a formula in mathematical signs.

    Parameters
    ----------
    expression
        Python's notation over names.
    words
        What to write for each name: a variable's name, a number, or an expression that is bracketed where needed.
    order
        Other words, with which the formula has been printed before: this one is to have the same factors at the same places.

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
    return _print(_parse(expression), _Words(words, words if order is None else order))[0]


class _Words(NamedTuple):
    """What to write for each name, and what is written in the line that decides on the order of factors."""

    written: Mapping[str, str]
    order: Mapping[str, str]

    def in_order(self, node: ast.expr, text: str) -> str:
        """Return what a part of the formula is in the line that decides; here it is `text`."""
        return text if self.order is self.written else _print(node, _Words(self.order, self.order))[0]


@lru_cache(maxsize=1024)
def _parse(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


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
        elif sign in "·/@\1×÷":  # \1 stands for an @ that is to stay one
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


def _in_brackets(text: str, strength: int, needed: int) -> str:
    return f"({text})" if strength < needed else text


def _print(node: ast.expr, words: _Words) -> tuple[str, int]:
    """Return the text of a formula and how tightly it binds. Formulas are ours and a few levels deep."""
    match node:
        case ast.Name(id=name):
            text = words.written.get(name, "π" if name == "pi" else name)
            return text, binding(text)
        case ast.Constant(value=value):
            return number(value), _ATOM
        case ast.Attribute(value=inner, attr="T"):
            text, strength = _print(inner, words)
            if text.endswith("ᵀ") and strength >= _POWER:
                return text[:-1], binding(text[:-1])  # turned back
            return _in_brackets(text, strength, _POWER) + "ᵀ", _POWER
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            text, strength = _print(inner, words)
            if text.startswith("−") and strength == _MINUS:
                return text[1:], binding(text[1:])
            return "−" + _in_brackets(text, strength, _PRODUCT), _MINUS
        case ast.BinOp(left=base, op=ast.Pow(), right=power):
            return _print_power(base, power, words)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _print_binary(left, sign, right, words)
        case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _COMPARISONS:
            sides = (_in_brackets(*_print(side, words), _SUM) for side in (left, right))
            return _COMPARISONS[type(sign)].join(sides), _COMPARE
        case ast.IfExp(test=test, body=body, orelse=other):
            yes, when, no = (_print(part, words)[0] for part in (body, test, other))
            return f"{yes} if {when}, else {no}", _CHOICE
        case ast.Subscript(value=inner):
            return _in_brackets(*_print(inner, words), _ATOM) + "[…]", _ATOM
        case ast.Call(func=ast.Name(id="abs"), args=[inner]):
            return f"|{_print(inner, words)[0]}|", _ATOM
        case ast.Call(func=ast.Name(id=name), args=arguments):
            written = ", ".join(_print(argument, words)[0] for argument in arguments)
            return f"{_FUNCTIONS.get(name, name)}({written})", _ATOM
    raise ValueError(f"the notation has no way to write {ast.unparse(node)!r}")


def _print_power(base: ast.expr, power: ast.expr, words: _Words) -> tuple[str, int]:
    exponent = _evaluated(_print(power, words)[0])
    text, strength = _print(base, words)
    if exponent == "1":
        return text, strength
    if exponent == "0":
        return "1", _ATOM
    return _in_brackets(text, strength, _ATOM) + superscript(exponent), _POWER


def _print_binary(left: ast.expr, sign: ast.operator, right: ast.expr, words: _Words) -> tuple[str, int]:
    symbol, strength = _OPERATORS[type(sign)]
    first, first_strength = _print(left, words)
    second, second_strength = _print(right, words)
    # What the line that decides does: 1·x is x there, but 1 · 5 stays where w·x was written.
    before, after = words.in_order(left, first), words.in_order(right, second)
    if isinstance(sign, ast.Div) and after == "1":
        return first, first_strength
    if isinstance(sign, ast.Mult) and "1" in (before, after):
        return (second, second_strength) if before == "1" else (first, first_strength)
    if isinstance(sign, ast.Mult) and _is_number(after) and not _is_number(before):
        # 5·x, however it was written; a minus sign in front would have to be bracketed, so it moves there too
        first, first_strength, second, second_strength = second, binding(second), first, first_strength
    # Minus and divided by are not associative: what stands to their right has to bind more tightly than they do.
    tighter = strength + 1 if isinstance(sign, ast.Sub | ast.Div | ast.MatMult) else strength
    if second_strength == _MINUS:
        tighter = _ATOM
    first_needed = strength + 1 if isinstance(sign, ast.MatMult) and first_strength == _PRODUCT else strength
    if isinstance(sign, ast.Mult) and _is_number(first.rpartition("·")[2].strip()) and _is_number(second):
        symbol = " · "
    return (
        _in_brackets(first, first_strength, first_needed) + symbol + _in_brackets(second, second_strength, tighter),
        strength,
    )


def _is_number(text: str) -> bool:
    return text.replace("−", "").replace(".", "").isdigit()


def _evaluated(text: str) -> str:
    """Work out ``2 − 1`` in an exponent; leave ``n − 1`` as it is."""
    parts = text.split(" − ")
    if len(parts) == 2:
        try:
            return number(float(parts[0].replace("−", "-")) - float(parts[1].replace("−", "-")))
        except ValueError:
            pass
    return text
