"""Which row of the table of operations tells of one that another program ran; and a row of words alone for what it has not."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradviz.catalogue import text
from gradviz.engine.core.tensor import wrap
from gradviz.engine.modes import no_grad
from gradviz.engine.operation import FAMILIES, Operation, table
from gradviz.recording.byhand import BuiltOperation, BuiltTensor
from gradviz.recording.model import FULL_VALUE_LIMIT
from gradviz.recording.told import Unknown

DEFAULTS = {"dim": None, "keepdim": False}
"""Of reductions of which nothing else is said: of all entries."""

CLOSE = 1e-2
"""So far, relative to the largest entry, a result may be from what the table makes of the same arguments."""


@dataclass(frozen=True)
class Words:
    """What is said of an operation that the table does not have.

    Attributes
    ----------
    symbol
        What its disc shows, at most a few characters; by default its name.
    expression
        The operation as one would write it, in Python's notation over the names of its arguments: ``"x * sigmoid(x)"``.
    local
        The local derivative for each argument in the same notation: what the upstream gradient is multiplied with; or, where it
        is no plain product, the whole contribution, with the upstream gradient called ``grad``.
    sentence
        How it passes the gradient on.
    """

    symbol: str = ""
    expression: str = ""
    local: Mapping[str, str] = field(default_factory=dict)
    sentence: str = ""


Found = tuple[Operation, list[Any], dict[str, Any]]
"""A row of the table, its arguments in order, and its settings by name."""


def row_of(
    name: str, slots: tuple[str, ...] | None, arguments: list[Any], settings: Mapping[str, Any], results: int
) -> Found | None:
    """Find an operation in the table; ``None`` if it has none of this name."""
    known = [_of_a_family(name, len(arguments), results)] if name in FAMILIES else []
    known = known or [row for key, row in table().items() if name in (key, row.name)]
    if not known:
        return None
    found = []
    for row in known:
        ordered = arguments if slots is None else [dict(zip(slots, arguments, strict=True)).get(s) for s in row.inputs]
        if len(ordered) != len(row.inputs) or (slots is not None and not set(slots) <= set(row.inputs)):
            continue
        sizes = {f"{slot}_sym_sizes": np.shape(_array(one)) for slot, one in zip(row.inputs, ordered, strict=True)}
        values = {**DEFAULTS, **sizes, **settings}
        if set(settings) <= set(row.settings) <= set(values) and len(row.outputs) == results:
            found.append((row, ordered, {setting: values[setting] for setting in row.settings}))
    if not found:
        ways = "; or ".join(
            ", ".join(row.inputs) + (f", with the settings {', '.join(row.settings)}" if row.settings else "")
            for row in known
        )
        raise ValueError(
            f"{name} of the table takes {ways}. If this is another operation, give it words of its own: words=Words()"
        )
    # Of two that differ in name alone one is of all entries, and the other along an axis.
    return max(found, key=lambda one: one[0].grad_fn) if settings.get("dim") is not None else found[0]


def _of_a_family(name: str, inputs: int, results: int) -> Operation:
    """Make a row for as many arguments, or results, as there are."""
    if name == "split":
        which: tuple[Any, ...] = results, "SplitWithSizesBackward0"
    else:
        which = (results if name == "unbind" else inputs,)
    found: Operation = FAMILIES[name](*which).operation
    return found


def _array(one: Any) -> Any:
    return one.numbers if isinstance(one, BuiltTensor) else () if one is None else one


def row_of_words(name: str, slots: tuple[str, ...], words: Words, results: int) -> Operation:
    """Make a row of words alone."""
    short = re.sub(r"\W", "_", name)
    short = f"{short}_" if keyword.iskeyword(short) else short if short.isidentifier() else f"_{short}"
    local = {slot: words.local.get(slot, f"{short}_back(grad)") for slot in slots}
    if unknown := [slot for slot in words.local if slot not in slots]:
        raise ValueError(f"there are words for {unknown[0]!r}, but the arguments of {name} are {', '.join(slots)}")
    expression = words.expression or f"{short}({', '.join(slots)})"
    for written in (expression, *local.values()):
        try:
            ast.parse(written, mode="eval")
        except SyntaxError:
            raise ValueError(f"the words of {name} are no formula in Python's notation: {written!r:.60}") from None
    if bad := [slot for slot in slots if not slot.isidentifier() or keyword.iskeyword(slot) or slot == "grad"]:
        raise ValueError(f"an argument of {name} is called {bad[0]!r}, which cannot stand in a formula")
    return Operation(
        name,
        None,  # type: ignore[arg-type]  # nothing runs it
        slots,
        {},
        (),
        grad_fn=f"{name} backward",
        symbol=words.symbol or name,
        expression=expression,
        local=local,
        sentence=words.sentence or text("own formula", name=name),
        outputs=("result",) if results == 1 else tuple(f"result{place}" for place in range(results)),
        many=results > 1,
    )


def check(made: BuiltOperation, results: Sequence[Any]) -> None:
    """See that the table's operation makes of these arguments what the program has made of them."""
    row, arrays = made.operation, [_array(one) if one is not None else None for one in made.inputs]
    if any(isinstance(one, Unknown) or np.size(one) > FULL_VALUE_LIMIT for one in (*arrays, *results)):
        return
    given = [
        wrap(array) if isinstance(one, BuiltTensor) else one for one, array in zip(made.inputs, arrays, strict=True)
    ]
    about = f"{row.name} of the table, of {', '.join(str(list(np.shape(one))) for one in arrays if one is not None)},"
    other = "If this is another operation, give it words of its own: words=Words()"
    try:
        with no_grad(), np.errstate(all="ignore"):
            found = row.function(*given, *made.settings)
    except Exception as error:
        raise ValueError(f"{about} cannot be computed: {error}. {other}") from None
    for one, result in zip(as_tuple(found), results, strict=True):
        array = np.asarray(one.array)
        if array.shape != np.shape(result):
            raise ValueError(f"{about} makes the shape {list(array.shape)}, not {list(np.shape(result))}. {other}")
        most = np.max(np.abs(array), initial=0, where=np.isfinite(array)) if array.dtype.kind == "f" else 0
        if not np.allclose(array, result, CLOSE, CLOSE * most, equal_nan=True):
            raise ValueError(f"{about} makes other numbers of these than {_short(result)}. {other}")


def _short(result: Any) -> str:
    written = " ".join(str(np.asarray(result)).split())
    return written if len(written) <= 40 else written[:39] + "…"


def as_tuple(result: Any) -> tuple[Any, ...]:
    """Return the results of an operation: several come as a tuple."""
    return result if isinstance(result, tuple) else (result,)
