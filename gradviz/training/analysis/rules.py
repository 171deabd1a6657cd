"""The update rule of a recorded step: its lines, as the optimiser itself states them, and the numbers that stand in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from gradviz import optim
from gradviz.optim.rule import Rule as Text
from gradviz.optim.rule import Sheet
from gradviz.optim.terms import as_data, settings_as_data
from gradviz.optim.written import Line, Numbers, Token, Writing
from gradviz.training.run.model import BY_HAND, UNMOVED, Rule

__all__ = [
    "Line",
    "Token",
    "form_of",
    "hand_rate",
    "lines_of",
    "numbers_by_step",
    "numbers_of",
    "rows_by_form",
    "settings_of",
    "sheet_of",
    "terms_of",
    "written",
]

Array = np.ndarray[Any, Any]


def lines_of(rule: Rule) -> tuple[Line, ...]:
    """Return the lines of a rule: only what is at work with its settings, in the order in which it is computed.

    Rules that differ only in numbers have the same lines.

    Examples
    --------
    >>> from gradviz.training.run.model import Rule
    >>> for line in lines_of(Rule("SGD", {"lr": 0.01, "momentum": 0.9})):
    ...     print(line.symbol, "←", *(token.text for token in line.tokens))
    buffer ← momentum · buffer + grad
    w ← w − lr · buffer
    """
    return Writing(sheet_of(rule)).lines


def written(rule: Rule) -> dict[str, Any]:
    """Return the lines of a rule as plain JSON data, as a page prints them: with the optimiser's ``name``, and ``lines``."""
    lines = [{**asdict(line), "tokens": [[token.text, token.key] for token in line.tokens]} for line in lines_of(rule)]
    return {"name": rule.name, "lines": lines}


def terms_of(rule: Rule) -> dict[str, Any] | None:
    """Return a rule as terms that a page computes; ``None`` if it is not written out."""
    return as_data(sheet_of(rule))


def settings_of(rule: Rule) -> dict[str, Any]:
    """Return the settings of a rule that are numbers, as a page reads them."""
    return settings_as_data(rule.settings)


def form_of(rule: Rule) -> tuple[Any, ...]:
    """Return what rules with the same lines have in common: the optimiser, and which settings are at work."""
    return (rule.name, *((name, bool(value)) for name, value in rule.settings.items()))


def numbers_of(rule: Rule | Sequence[Rule], columns: Mapping[str, Array]) -> dict[str, Array]:
    """Return the numbers of every key in the lines of a rule.

    Parameters
    ----------
    rule
        Of all these steps; or, where a scheduler changes its numbers, one for each step, all of the same form.
    columns
        ``"before"``, ``"gradient"`` and ``"after"``, one row for each step; the optimiser's state after each step under its
        name (``"exp_avg"``, ``"step"``); and with ``".before"`` at the end the state before it. Where that is NaN or left out
        it is what the optimiser starts with, in its first step, and is else worked out backwards from the state after.

    Returns
    -------
    dict
        By key, arrays that broadcast against the steps, in float64.

    Examples
    --------
    >>> import numpy as np
    >>> from gradviz.training.run.model import Rule
    >>> rule = Rule("SGD", {"lr": 0.01})
    >>> columns = {"before": np.array([2.0]), "gradient": np.array([5.0]), "after": np.array([1.95])}
    >>> numbers_of(rule, columns)[lines_of(rule)[-1].key]
    array([1.95])
    """
    rules = [rule] if isinstance(rule, Rule) else rule
    sheet = sheet_of(rules[0])
    numbers = Numbers(sheet, [rule.settings for rule in rules], columns)
    with np.errstate(all="ignore"):  # training may diverge, and what is not known is NaN
        return {key: np.asarray(numbers.of(term), dtype=np.float64) for term, key in Writing(sheet).keys.items()}


def numbers_by_step(rules: Sequence[Rule | None], columns: Mapping[str, Array]) -> dict[str, Array]:
    """Return the numbers of every key in the lines of several rules.

    Parameters
    ----------
    rules
        One for each step; ``None`` where the parameter took no part.
    columns
        As for `numbers_of`, each with a row for each step and an entry for each of the parameter's.

    Returns
    -------
    dict
        By key, arrays of the same shape; NaN where a step's rule has no such key.
    """
    numbers: dict[str, Array] = {}
    for at in rows_by_form(rules):
        mine = [rule for row in at if (rule := rules[row]) is not None]
        if all(rule is mine[0] for rule in mine):
            mine = mine[:1]
        for key, found in numbers_of(mine, {name: array[at] for name, array in columns.items()}).items():
            numbers.setdefault(key, np.full(columns["before"].shape, np.nan))[at] = found
    return numbers


def rows_by_form(rules: Sequence[Rule | None]) -> list[list[int]]:
    """Return which of some steps have rules of the same form, as lists of their places."""
    forms = {id(rule): form_of(rule) for rule in rules if rule is not None}
    found: dict[Any, list[int]] = {}
    for row, rule in enumerate(rules):
        if rule is not None:
            found.setdefault(forms[id(rule)], []).append(row)
    return list(found.values())


def hand_rate(before: Array, gradient: Array, after: Array) -> float | None:
    """Return the learning rate with which a loop has moved a parameter itself.

    Parameters
    ----------
    before, gradient, after
        Of one step or of several, of the same shape.

    Returns
    -------
    float or None
        The shortest decimal number ``c`` with ``after == before − c · gradient``, up to rounding; ``None`` if there is none,
        or nothing moved.

    Examples
    --------
    >>> import numpy as np
    >>> hand_rate(np.array([2.0, 1.0]), np.array([5.0, -4.0]), np.array([1.95, 1.04]))
    0.01
    """
    arrays = [np.asarray(array, dtype=np.float64) for array in (before, gradient, after)]
    with np.errstate(all="ignore"):
        # Where a run diverges, and in a step without a gradient, there is nothing to compare.
        known = np.isfinite(arrays[0]) & np.isfinite(arrays[1]) & ~np.isinf(arrays[2])
        before, gradient, after = arrays = [array[known] for array in arrays]
        if np.isnan(after).any() or not (before != after).any():
            return None
        # Numbers of a float32 parameter, however they are stored here, are rounded as float32.
        narrow = all((array == array.astype(np.float32)).all() for array in arrays)
        kind = np.finfo(np.float32 if narrow else np.float64)
        moved = before - after
        rounding = float(kind.eps) * (np.abs(after) + np.abs(moved)) + float(kind.smallest_subnormal)
        if (np.abs(moved) > rounding)[gradient == 0].any():
            return None
        # Every entry says between which two numbers the rate must be.
        ends = np.stack([moved - rounding, moved + rounding])[:, gradient != 0] / gradient[gradient != 0]
        if not ends.size:
            return None
        low, high = float(ends.min(axis=0).max()), float(ends.max(axis=0).min())
        for digits in range(1, 18):
            rate = float(f"{(low + high) / 2:.{digits}g}")
            if low <= rate <= high and rate:
                return rate
    return None


# --- what moves a parameter -------------------------------------------------------------------------------------------


def sheet_of(rule: Rule) -> Sheet:
    """Return the rule as its optimiser states it."""
    text = OURS.get(rule.name, _other)
    if rule.name in optim.__all__:
        text = getattr(getattr(optim, rule.name), "_rule", text)
    sheet = Sheet(rule.settings)
    try:
        text(sheet)
    except (KeyError, TypeError, NotImplementedError):  # an optimiser of the user's, of the same name: other settings
        sheet = Sheet(rule.settings)
        _other(sheet)
    return sheet


def _by_hand(sheet: Sheet) -> None:
    if sheet.has("rate"):
        sheet.line("w", sheet.w - sheet.setting("rate") * sheet.grad, "The loop itself moves w against its gradient.")
    else:
        sheet.line("w", sheet.w + sheet.change("change"), "The loop itself changes w.")


def _unmoved(sheet: Sheet) -> None:
    sheet.line("w", sheet.w, "After this step w is what it was before.")


def _other(sheet: Sheet) -> None:
    sheet.line("w", sheet.w + sheet.change(), "What the optimiser adds to w. Its own rule is not written out here.")


OURS: dict[str, Text] = {BY_HAND: _by_hand, UNMOVED: _unmoved}
"""How what is no optimiser's doing is written."""
