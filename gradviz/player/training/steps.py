"""What a page is told of a run's steps: of each parameter its values, gradients, and what moved it, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.player.training.columns import Array, column, picked
from gradviz.player.training.rules import Forms, rule_columns
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
    forms = Forms()
    parameters = [
        _parameter_columns(run.parameters[number], number, entries, before, places, forms)
        for number, places in enumerate(chosen)
    ]
    return {
        "kept": column([entry.index for entry in entries], "int32"),
        "parameters": parameters,
        "forms": forms.told,
    }


def _parameter_columns(
    parameter: Parameter,
    number: int,
    entries: Sequence[Entry],
    before: Entry | None,
    places: Sequence[int],
    forms: Forms,
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
        return np.stack([picked(None if part is None else getattr(part, name), flat) for part in parts])

    if entries:
        values = {"before": rows("before"), "after": rows("after"), "gradient": rows("gradient")}
        told |= {"before": column(values["before"]), "after": _after(values), "gradient": column(values["gradient"])}
        earlier = None if before is None else before.parameters.get(number)
        told |= rule_columns(values, parts, earlier, entries, before, flat, forms)
    return told


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
