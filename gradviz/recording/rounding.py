"""How numbers are to be printed, by what they were computed from.

A card shows a number without the equation that made it. Still they are to agree: what is exact in the equation is exact on the
card, and what is nothing but rounding error is not shown as if it meant something.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz.engine.core.unbroadcast import unbroadcast
from gradviz.engine.numerals import DIGITS, MOST_DIGITS, MOST_NUDGES, REACH, dust, epsilon, is_exact, shown

if TYPE_CHECKING:
    from gradviz.recording.applied import Applied

MOST_EXACT = 16
"""Entries that are written exactly, with more digits than others have, if there are no more than this."""

Printed = Mapping[str, Any]
"""The fields ``digits`` and ``dust`` of a `Value`."""

PLAIN: Printed = {"digits": DIGITS, "dust": ()}


def of_result(applied: Applied, place: int, result: Any) -> Printed:
    """Say how to print one of an operation's results, by its arguments."""
    if applied.part is not None:  # a part of it was changed in place
        return PLAIN
    return _printed(_given(applied), result, lambda *given: _computed(applied, _filled(applied, given))[place])


def of_contribution(applied: Applied, slot: str, upstream: Any, sent: Any) -> Printed:
    """Say how to print what an operation sent to an argument, by its arguments and the gradient that arrived."""
    if applied.part is not None:
        return PLAIN
    row, place = applied.operation, applied.operation.inputs.index(slot)

    def compute(gradient: Any, *given: Any) -> Any:
        operands = _filled(applied, given)
        results = operands[:1] if row.reduction else _computed(applied, operands)
        sent_back = np.asarray(row.rules[place](gradient, (*operands, *results, *applied.settings)))
        return unbroadcast(sent_back, np.shape(sent), sent_back.dtype)

    return _printed([upstream, *_given(applied)], sent, compute)


def of_sum(first: Any, second: Any, total: Any) -> Printed:
    """Say how to print a sum of gradients."""
    return _printed([first, second], total, operator.add)


def _given(applied: Applied) -> list[Any]:
    return [operand.array for operand in applied.operands if operand.id]


def _filled(applied: Applied, given: Sequence[Any]) -> tuple[Any, ...]:
    """Put arguments at their places, and ``None`` where there was none, such as a bias."""
    arrays = iter(given)
    return tuple(next(arrays) if operand.id else None for operand in applied.operands)


def _computed(applied: Applied, operands: Sequence[Any]) -> tuple[Any, ...]:
    row, settings = applied.operation, applied.settings
    if row.reduction:
        axes, *rest = settings
        axes = tuple(range(np.ndim(operands[0]))) if axes is None else axes
        reduced = row.forward(operands[0], axes, *rest[1:])
        return (np.reshape(reduced, applied.output_shape),)
    made = row.forward(*operands, *settings)
    return made if len(row.outputs) > 1 else (made,)


def _printed(operands: Sequence[Any], result: Any, compute: Callable[..., Any]) -> Printed:
    """Look closer at numbers that need it: few are small beside what they were computed from, or exact and long."""
    kind = result.dtype
    if kind.kind != "f" or not result.size or any(operand is None or not np.size(operand) for operand in operands):
        return PLAIN
    parts = [np.asarray(operand, np.float64) for operand in operands]
    entries, dtype, top = sum(part.size for part in parts), kind.name, max(float(np.abs(part).max()) for part in parts)
    made = np.abs(result)
    smallest = float(made) if not made.ndim else float(np.where(made > 0, made, np.inf).min())
    zeros: tuple[int, ...] = ()
    digits = DIGITS

    def again(*numbers: Any) -> Any:
        return compute(*(np.asarray(one, np.float64)[()] for one in numbers))

    try:
        if entries <= MOST_NUDGES and 0 < smallest < REACH * epsilon(dtype) * entries * max(1.0, top):
            with np.errstate(all="ignore"):
                zeros = dust(parts, result, again, dtype)
        if not zeros and result.size <= MOST_EXACT and _is_exactly_long([*operands, result], dtype):
            digits = shown(operands, result, again, dtype).digits
    except Exception:  # a row of the user's own may not like to be run once more, with other numbers
        return PLAIN
    return {"digits": digits, "dust": zeros}


def _is_exactly_long(numbers: Sequence[Any], dtype: str) -> bool:
    """Return True if the last of some numbers needs more digits than others to be exact, and all of them can be."""
    return all(is_exact(one, MOST_DIGITS, dtype) for one in reversed(numbers)) and not is_exact(
        numbers[-1], DIGITS, dtype
    )
