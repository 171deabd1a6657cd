"""A run's numbers as columns: one row for each step, in the form in which a browser reads them fastest."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.training.analysis.rules import Line, form_of, hand_rate, lines_of, numbers_of
from gradviz.training.run import Run
from gradviz.training.run.history import gradient_norm, update_norm
from gradviz.training.run.log import Entry, Large, ParameterEntry
from gradviz.training.run.model import BY_HAND, Parameter, Rule

ENTRIES_UP_TO = 64
"""Of a larger parameter not all entries are sent, but those that moved most."""

FEW = 16
"""How many of them."""

Array = np.ndarray[Any, Any]


def column(array: Any, kind: str = "float32") -> dict[str, Any]:
    """Return an array as JSON data: its type, its shape, and its bytes in base64, made for being compressed.

    Each row is written as its difference (exclusive or) to the row before, which changes little from step to step; and of all
    numbers first the lowest bytes, then the next, for those alike to stand together. Nothing is lost.
    """
    with np.errstate(over="ignore"):  # what is too large for float32 is infinite in the picture too
        array = np.asarray(array).astype(np.dtype(kind).newbyteorder("<"))
    bits = np.atleast_1d(array).view(f"<u{array.itemsize}")
    changes = bits.copy()
    changes[1:] ^= bits[:-1]
    planes = np.ascontiguousarray(changes).view(np.uint8).reshape(-1, array.itemsize).T
    return {"type": kind, "shape": list(array.shape), "data": base64.b64encode(planes.tobytes()).decode("ascii")}


def entries_of(run: Run, number: int, whole: bool = False) -> tuple[int, ...]:
    """Return which entries of a parameter are sent: all of a small one; of a larger one those that moved most, unless it is `whole`."""
    parameter = run.parameters[number]
    if whole or parameter.size <= ENTRIES_UP_TO:
        return tuple(range(parameter.size))
    parts = run.parameter(parameter.name).parts()
    if not parts or any(isinstance(part.before, Large) or isinstance(part.after, Large) for part in parts):
        return ()
    with np.errstate(all="ignore"):
        moved = np.abs(np.asarray(parts[-1].after) - np.asarray(parts[0].before)).ravel()
    most = np.argsort(-np.nan_to_num(moved), kind="stable")[:FEW]
    return tuple(int(place) for place in np.sort(most))


def entry_text(parameter: Parameter, entry: int) -> str:
    """Name an entry as Python indexes it: ``"[0, 1]"``; of a single number ``""``."""
    if not parameter.shape:
        return ""
    return f"[{', '.join(str(place) for place in np.unravel_index(entry, parameter.shape))}]"


def step_columns(run: Run, entries: Sequence[Entry], before: Entry | None, chosen: Sequence[Sequence[int]]) -> Any:
    """Return what the front end is told of some kept steps.

    Parameters
    ----------
    run
        The run they are of.
    entries
        The steps.
    before
        The kept step before the first of them: what an optimiser remembered when they began.
    chosen
        By parameter, which of its entries.
    """
    return {
        "kept": column([entry.index for entry in entries], "int32"),
        "parameters": [
            _parameter_columns(run.parameters[number], number, entries, before, places)
            for number, places in enumerate(chosen)
        ],
    }


def _parameter_columns(
    parameter: Parameter, number: int, entries: Sequence[Entry], before: Entry | None, places: Sequence[int]
) -> dict[str, Any]:
    parts = [entry.parameters.get(number) for entry in entries]
    told: dict[str, Any] = {
        "gradient_norm": column([_nan(None if part is None else gradient_norm(part)) for part in parts]),
        "update_norm": column([_nan(None if part is None else update_norm(part)) for part in parts]),
    }
    if parameter.size > len(places):
        told |= _statistics(parts)
    if not places:
        return told
    flat = list(places)

    def rows(name: str) -> Array:
        return np.stack([_picked(None if part is None else getattr(part, name), flat) for part in parts])

    if entries:
        values = {"before": rows("before"), "after": rows("after"), "gradient": rows("gradient")}
        told |= {"before": column(values["before"]), "after": _after(values), "gradient": column(values["gradient"])}
        told |= _rule_columns(
            values, parts, None if before is None else before.parameters.get(number), entries, before, flat
        )
    return told


def _after(values: dict[str, Array]) -> dict[str, Any]:
    """Return the values after each step: where they are those before the next one, those after the last step."""
    before, after = values["before"], values["after"]
    if np.array_equal(before[1:], after[:-1], equal_nan=True):
        return {"type": "next", "of": "before", "last": column(after[-1:])}
    return column(after)


def _nan(number: float | None) -> float:
    return float("nan") if number is None else float(number)


def _picked(kept: Any, flat: list[int]) -> Array:
    if kept is None or isinstance(kept, Large):
        return np.full(len(flat), np.nan)
    return np.asarray(kept, dtype=np.float64).ravel()[flat] if np.size(kept) > max(flat) else np.full(len(flat), np.nan)


def _statistics(parts: Sequence[ParameterEntry | None]) -> dict[str, Any]:
    """Return mean, spread, least and largest entry of a parameter and of its gradient, and a small picture of it."""
    numbers: list[list[float]] = []
    previews: list[Array] = []
    shape: tuple[int, ...] = ()
    for part in parts:
        row: list[float] = []
        for kept in (part and part.before, part and part.gradient):
            if kept is None:
                row += [np.nan] * 4
                continue
            large = kept if isinstance(kept, Large) else Large(kept, whole=False)
            value = large.value
            assert value.summary is not None
            row += [value.summary.mean, value.summary.sd, value.summary.min, value.summary.max]
            if kept is (part and part.before) and value.preview is not None:
                shape = value.preview.shape
                previews.append(np.array(value.preview.data, dtype=np.float32))
        numbers.append(row)
    told = {"statistics": column(numbers)}
    if len(previews) == len(parts) and len({preview.size for preview in previews}) == 1:
        told["preview"] = {**column(np.stack(previews)), "of": list(shape)}
    return told


# --- the update rule -------------------------------------------------------------------------------------------------


def _rule_columns(
    values: dict[str, Array],
    parts: Sequence[ParameterEntry | None],
    earlier: ParameterEntry | None,
    entries: Sequence[Entry],
    before: Entry | None,
    flat: list[int],
) -> dict[str, Any]:
    """Return the lines of the rules that were at work, which of them in which step, and the numbers that stand in them."""
    by_form: dict[Any, list[int]] = {}
    for row, part in enumerate(parts):
        if part is not None:
            by_form.setdefault(form_of(part.rule), []).append(row)
    columns = {**values, **_states(parts, earlier, entries, before, flat)}
    forms: list[tuple[str, tuple[Line, ...]]] = []
    form = np.full(len(parts), -1)
    numbers: dict[str, Array] = {}
    for at in by_form.values():
        given = {name: array[at] for name, array in columns.items()}
        rules = [part.rule for row in at if (part := parts[row]) is not None]
        if rules[0].name == BY_HAND:
            rate = hand_rate(given["before"], given["gradient"], given["after"])
            rules = [Rule(BY_HAND, {} if rate is None else {"rate": rate})]
        elif all(rule is rules[0] for rule in rules):
            rules = rules[:1]
        form[at] = len(forms)
        forms.append((rules[0].name, lines_of(rules[0])))
        with np.errstate(all="ignore"):
            for name, found in numbers_of(rules if len(rules) > 1 else rules[0], given).items():
                kept = numbers.setdefault(name, np.full((len(parts), len(flat)), np.nan))
                found = np.asarray(found, dtype=np.float64)
                kept[at] = found[:, None] if found.ndim == 1 and len(found) == len(at) else found
    return {
        "forms": [
            {
                "name": name,
                "lines": [
                    {
                        "symbol": line.symbol,
                        "key": line.key,
                        "tokens": [[token.text, token.key] for token in line.tokens],
                        "sentence": line.sentence,
                    }
                    for line in lines
                ],
            }
            for name, lines in forms
        ],
        "form": column(form, "int32"),
        "numbers": {name: _narrow(array, values) for name, array in numbers.items()},
    }


def _narrow(array: Array, values: dict[str, Array]) -> dict[str, Any]:
    """Return a column of numbers; one number where all are the same, one for each step where its entries have the same.

    Where they are those of a column that is there, the name of that.
    """
    one = array[:1, :1]
    if np.isfinite(one).all() and (array == one).all():
        return {"type": "constant", "value": float(one[0, 0])}
    if (array == array[:, :1]).all():
        return column(array[:, :1])
    for name, known in values.items():
        if np.array_equal(array, known, equal_nan=True):
            return {"type": "same", "of": name}
    return column(array)


def _states(
    parts: Sequence[ParameterEntry | None],
    earlier: ParameterEntry | None,
    entries: Sequence[Entry],
    before: Entry | None,
    flat: list[int],
) -> dict[str, Array]:
    """Return what the optimiser remembered after each step, and before it (NaN where that is not known)."""
    names = dict.fromkeys(name for part in (earlier, *parts) if part is not None for name in part.state)
    indices = [-2 if before is None else before.index, *(entry.index for entry in entries)]
    follows = np.diff(indices) == 1
    found: dict[str, Array] = {}
    for name in names:
        rows = [_state_row(part, name, flat) for part in (earlier, *parts)]
        after = np.stack(rows)
        found[name] = after[1:]
        found[f"{name}.before"] = np.where(follows[:, None], after[:-1], np.nan)
    return found


def _state_row(part: ParameterEntry | None, name: str, flat: list[int]) -> Array:
    kept = None if part is None else part.state.get(name)
    if kept is not None and not isinstance(kept, Large) and np.size(kept) == 1:
        return np.full(len(flat), float(np.ravel(kept)[0]))
    return _picked(kept, flat)
