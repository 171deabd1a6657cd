"""A rule as plain data: its terms as nested lists, which a page computes as it computes what is printed of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradviz.optim.rule import Memory, Number, Quantity, Result, Setting, Sheet, Term
from gradviz.optim.written import Writing

NUMBERS = (bool, int, float, np.number, np.bool_)

UNTOLD = ("change", "told")
"""Quantities that are known only after the step."""


def as_data(sheet: Sheet) -> dict[str, Any] | None:
    """Return the lines of a rule as plain JSON data.

    Returns
    -------
    dict or None
        ``lines``: of each its ``term``, its ``symbol``, whether it is an array (``whole``) and what it is kept as (``keep``);
        ``memories``: of each its ``state``, whether it is an array, and the term that it begins with; ``counts``; and ``keys``, the
        term of each key in the lines as they are written. ``None`` if the rule is not written out.
    """
    known = {line: number for number, line in enumerate(sheet.lines)}
    if any(_untold(line.term) for line in sheet.lines):
        return None
    return {
        "lines": [
            {
                "term": _told(line.term, known),
                "symbol": line.symbol,
                "whole": line.whole,
                "keep": line.memory.state if line.memory else None,
            }
            for line in sheet.lines
        ],
        "memories": [
            {
                "state": memory.state,
                "whole": memory.whole,
                "start": _told(memory.start, known),
                "copies": memory.start.whole,
            }
            for memory in sheet.memories
        ],
        "counts": sheet.counts,
        "keys": {key: _told(quantity, known) for quantity, key in Writing(sheet).keys.items()},
    }


def settings_as_data(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that are numbers, or several, as a page reads them."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, NUMBERS):
            found[name] = float(value)
        elif isinstance(value, tuple | list) and all(isinstance(one, NUMBERS) for one in value):
            found[name] = [float(one) for one in value]
    return found


def _untold(term: Term) -> bool:
    return term.operator in UNTOLD or any(map(_untold, term.parts))


def _told(term: Term, known: dict[Result, int]) -> list[Any]:
    if isinstance(term, Number):
        return ["number", term.value]
    if isinstance(term, Setting):
        return ["setting", term.name, term.place, term.first]
    if isinstance(term, Memory):
        return ["memory", term.state, term.whole]
    if isinstance(term, Result):
        return ["line", known[term], term.whole]
    if isinstance(term, Quantity) and not term.parts:
        return [term.operator]
    if term.operator in ("abbreviation", "rounded", "average"):
        return _told(term.parts[0], known)
    return [term.operator, *(_told(part, known) for part in term.parts)]
