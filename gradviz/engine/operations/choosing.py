"""Operations that choose between two numbers: the larger, the smaller, one within limits, one where a condition holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.engine.arguments import promoting
from gradviz.engine.layout import as_operands
from gradviz.engine.operation import binary, general
from gradviz.engine.operations.piecewise import only


def _halved_if(equal: Any, grad: Any) -> Any:
    return np.where(equal, grad / 2, grad)


maximum = binary(
    "maximum",
    "MaximumBackward0",
    "max",
    np.maximum,
    {
        "self": lambda grad, self, other: only(~(self < other), _halved_if(self == other, grad)),
        "other": lambda grad, self, other: only(~(other < self), _halved_if(self == other, grad)),
    },
    expression="maximum(self, other)",
    local={"self": "1 if self > other else 0", "other": "1 if other > self else 0"},
)
minimum = binary(
    "minimum",
    "MinimumBackward0",
    "min",
    np.minimum,
    {
        "self": lambda grad, self, other: only(~(self > other), _halved_if(self == other, grad)),
        "other": lambda grad, self, other: only(~(other > self), _halved_if(self == other, grad)),
    },
    expression="minimum(self, other)",
    local={"self": "1 if self < other else 0", "other": "1 if other < self else 0"},
)
fmax = binary(
    "fmax",
    "FmaxBackward0",
    "fmax",
    np.fmax,
    {
        "self": lambda grad, self, other: only((self >= other) | np.isnan(other), grad),
        "other": lambda grad, self, other: only(~((self >= other) | np.isnan(other)), grad),
    },
    expression="fmax(self, other)",
    local={"self": "1 if self >= other else 0", "other": "1 if other > self else 0"},
)
fmin = binary(
    "fmin",
    "FminBackward0",
    "fmin",
    np.fmin,
    {
        "self": lambda grad, self, other: only((self <= other) | np.isnan(other), grad),
        "other": lambda grad, self, other: only(~((self <= other) | np.isnan(other)), grad),
    },
    expression="fmin(self, other)",
    local={"self": "1 if self <= other else 0", "other": "1 if other < self else 0"},
)

# Cutting off comes with limits that are numbers, or tensors, which get the gradient of what was replaced by them.


def _clamp(self: Any, min: Any = None, max: Any = None) -> Any:
    out = self if min is None else np.maximum(self, min)
    out = out if max is None else np.minimum(out, max)
    return out.astype(self.dtype, copy=False)


def _inside(self: Any, min: Any, max: Any) -> Any:
    return (self >= (-np.inf if min is None else min)) & (self <= (np.inf if max is None else max))


clamp = general(
    "clamp",
    "ClampBackward1",
    "clamp",
    as_operands(_clamp),
    "self",
    {"self": lambda grad, self, min, max: only(_inside(self, min, max), grad)},
    settings="min max",
    expression="clamp(self)",
    local={"self": "1 if min <= self <= max else 0"},
)
clamp_tensor = general(
    "clamp",
    "ClampBackward0",
    "clamp",
    as_operands(promoting(3, _clamp)),
    "self min max",
    {
        "self": lambda grad, self, min, max: only(_inside(self, min, max), grad),
        "min": lambda grad, self, min, max: np.where(
            (self < min) if max is None else (self < min) & (min < max), grad, 0
        ),
        "max": lambda grad, self, min, max: np.where(
            (self > max) if min is None else (self > max) | (max < min), grad, 0
        ),
    },
    expression="clamp(self, min, max)",
    local={
        "self": "1 if min <= self <= max else 0",
        "min": "1 if self < min < max else 0",
        "max": "1 if maximum(self, min) > max else 0",
    },
)


def _one_limit(
    name: str,
    limit: str,
    symbol: str,
    names: tuple[str, str],
    cut: Callable[..., Any],
    keep: Any,
    signs: tuple[str, str],
) -> tuple[Any, Any]:
    """Add the rows that cut off on one side: by a number, and by a tensor."""
    words: dict[str, Any] = {"expression": f"clamp(self, {limit})"}
    local = {"self": f"1 if self {signs[0]} {limit} else 0", limit: f"1 if self {signs[1]} {limit} else 0"}
    by_number = general(
        name,
        names[0],
        symbol,
        as_operands(cut),
        "self",
        {"self": keep["self"]},
        settings=limit,
        local={"self": local["self"]},
        **words,
    )
    by_tensor = general(
        name,
        names[1],
        symbol,
        as_operands(promoting(2, cut)),
        f"self {limit}",
        keep,
        local=local,
        **words,
    )
    return by_number, by_tensor


clamp_min, clamp_min_tensor = _one_limit(
    "clamp_min",
    "min",
    "clamp ≥",
    ("ClampMinBackward0", "ClampMinBackward1"),
    lambda self, min: np.maximum(self, min),
    {
        "self": lambda grad, self, min: only(self >= min, grad),
        "min": lambda grad, self, min: only(self < min, grad),
    },
    (">=", "<"),
)
clamp_max, clamp_max_tensor = _one_limit(
    "clamp_max",
    "max",
    "clamp ≤",
    ("ClampMaxBackward0", "ClampMaxBackward1"),
    lambda self, max: np.minimum(self, max),
    {
        "self": lambda grad, self, max: only(self <= max, grad),
        "max": lambda grad, self, max: only(self > max, grad),
    },
    ("<=", ">"),
)
_where = promoting(2, lambda self, other, condition: np.where(condition, self, other))
where = general(
    "where",
    "WhereBackward0",
    "where",
    as_operands(lambda condition, self, other: _where(self, other, condition)),
    "condition self other",
    {
        "self": lambda grad, condition: only(condition, grad),
        "other": lambda grad, condition: only(~condition, grad),
    },
    expression="where(condition, self, other)",
    local={"self": "1 if condition else 0", "other": "0 if condition else 1"},
)
