"""What a page is told of a run's steps: of each parameter its values, gradients, and what moved it, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.player.training.columns import Array, column, rows_of
from gradviz.player.training.rules import Moved, moved, rules_told
from gradviz.training.run import Run
from gradviz.training.run.history import gradient_norm, update_norm
from gradviz.training.run.log import Entry, Large, ParameterEntry
from gradviz.training.run.model import Parameter

ENTRIES_UP_TO = 64
"""Of a larger parameter not all entries are sent, but those that moved most."""

FEW = 16
"""How many of them."""


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
    parameters: list[dict[str, Any]] = []
    followed: list[tuple[dict[str, Any], Moved]] = []
    for number, places in enumerate(chosen):
        parts = [entry.parameters.get(number) for entry in entries]
        parameters.append(_parameter_columns(run.parameters[number], parts, places))
        if places and entries:
            values = _values(parts, list(places))
            earlier = None if before is None else before.parameters.get(number)
            parameters[-1] |= {name: column(values[name]) for name in ("before", "gradient")} | {
                "after": _after(values)
            }
            followed.append((parameters[-1], moved(values, parts, earlier, entries, before, list(places))))
    forms, rules = rules_told([one for _, one in followed])
    for (told, _), of_it in zip(followed, rules, strict=True):
        told |= of_it
    return {
        "kept": column([entry.index for entry in entries], "int32"),
        "parameters": parameters,
        "forms": forms,
    }


def _parameter_columns(
    parameter: Parameter, parts: Sequence[ParameterEntry | None], places: Sequence[int]
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "gradient_norm": column([_nan(None if part is None else gradient_norm(part)) for part in parts]),
        "update_norm": column([_nan(None if part is None else update_norm(part)) for part in parts]),
    }
    return told | _statistics(parts) if parameter.size > len(places) else told


def _values(parts: Sequence[ParameterEntry | None], flat: list[int]) -> dict[str, Array]:
    return {
        name: rows_of([None if part is None else getattr(part, name) for part in parts], flat)
        for name in ("before", "after", "gradient")
    }


def _after(values: dict[str, Array]) -> dict[str, Any]:
    """Return the values after each step: where they are those before the next one, those after the last step."""
    before, after = values["before"], values["after"]
    if np.array_equal(before[1:], after[:-1], equal_nan=True):
        return {"type": "next", "of": "before", "last": column(after[-1:])}
    return column(after)


def _nan(number: float | None) -> float:
    return float("nan") if number is None else float(number)


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
