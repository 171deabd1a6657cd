"""Arithmetic with a plain number, as functions have it that are made of others; and sums in which one term has a factor.

What a person writes, ``x + 2``, is an operation of two arguments of which one is a number. Inside of a function PyTorch has
one of a single argument for it: ``AddBackward1``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from gradviz.engine.arguments import promoted, promoting
from gradviz.engine.layout import as_operands
from gradviz.engine.numerals import number
from gradviz.engine.operation import beside, general


def _with_number(compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Bring integers to the dtype that they have together with the number."""
    return lambda self, other: compute(*((self, other) if self.dtype.kind == "f" else promoted(self, other)))


add = general(
    "add",
    "AddBackward1",
    lambda other: f"+ {number(other)}",
    as_operands(_with_number(operator.add)),
    "self",
    {"self": lambda grad: grad},
    settings="other",
    expression="self + other",
    local={"self": "1"},
)
sub = general(
    "sub",
    "SubBackward1",
    lambda other: f"− {number(other)}",
    as_operands(_with_number(operator.sub)),
    "self",
    {"self": lambda grad: grad},
    settings="other",
    expression="self - other",
    local={"self": "1"},
)
mul = general(
    "mul",
    "MulBackward1",
    lambda other: f"× {number(other)}",
    as_operands(_with_number(operator.mul)),
    "self",
    {"self": lambda grad, other: grad * other},
    settings="other",
    expression="self * other",
    local={"self": "other"},
)
div = general(
    "div",
    "DivBackward1",
    lambda other: f"÷ {number(other)}",
    as_operands(_with_number(operator.truediv)),
    "self",
    {"self": lambda grad, other: grad / other},
    settings="other",
    expression="self / other",
    local={"self": "1 / other"},
)

# --- with a factor: alpha= ----------------------------------------------------------------------------------------------

add_scaled = beside(
    "add",
    "AddBackward0",
    lambda alpha: f"+ {number(alpha)}·",
    as_operands(promoting(2, lambda self, other, alpha: self + alpha * other)),
    "self other",
    {"self": lambda grad: grad, "other": lambda grad, alpha: grad * alpha},
    settings="alpha",
    expression="self + alpha * other",
    local={"self": "1", "other": "alpha"},
)
sub_scaled = beside(
    "sub",
    "SubBackward0",
    lambda alpha: f"− {number(alpha)}·",
    as_operands(promoting(2, lambda self, other, alpha: self - alpha * other)),
    "self other",
    {"self": lambda grad: grad, "other": lambda grad, alpha: -grad * alpha},
    settings="alpha",
    expression="self - alpha * other",
    local={"self": "1", "other": "-alpha"},
)
_difference = as_operands(promoting(2, lambda other, self, alpha: other - alpha * self))
rsub_scaled = beside(
    "rsub",
    "RsubBackward0",
    "rsub",
    lambda self, other, alpha: _difference(other, self, alpha),
    "self other",
    {"self": lambda grad, alpha: -grad * alpha, "other": lambda grad: grad},
    settings="alpha",
    expression="other - alpha * self",
    local={"self": "-alpha", "other": "1"},
)
rsub_scaled_from_number = beside(
    "rsub.Scalar",
    "RsubBackward1",
    lambda other, alpha: f"{number(other)} − {number(alpha)}·",
    as_operands(lambda self, other, alpha: other - alpha * self),
    "self",
    {"self": lambda grad, alpha: -grad * alpha},
    settings="other alpha",
    expression="other - alpha * self",
    local={"self": "-alpha"},
)
