"""What a page needs to train a run on: its steps as programs, its data, its optimisers' rules as terms, its state at some moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradviz.catalogue import text
from gradviz.player.laboratory import runnable
from gradviz.player.training.columns import column
from gradviz.recording.program import Missing
from gradviz.recording.program.model import MissingError
from gradviz.training.analysis.choices import Rules
from gradviz.training.analysis.fit import Fit, given_for
from gradviz.training.analysis.onward import Onward, onward_of
from gradviz.training.analysis.repeating import Traced, predicting
from gradviz.training.run import Run
from gradviz.training.run.model import Rule
from gradviz.training.run.recordings import Recordings

USUAL = {"Adam": 0.01, "RMSprop": 0.01}
"""The learning rates that those begin with whose steps are not as long as the gradient."""

Array = np.ndarray[Any, Any]


def onward_payload(
    run: Run, points: int, computed: bool, recordings: Recordings | None = None
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return what a page says of training on, and what it loads when that is wanted.

    Parameters
    ----------
    run
        What was recorded.
    points
        Examples shown beside the model's fit, at most.
    computed
        Whether the page computes the fit itself, from a network's parameters.
    recordings
        Of steps of the run, if there are some.

    Returns
    -------
    tuple
        ``{"missing": sentence}`` and ``None``; or ``optimizer``, ``lr``, ``momentum`` and ``choices`` as they are offered, and the
        rest of it.
    """
    found = onward_of(run, runnable(), recordings)
    if isinstance(found, Missing):
        return {"missing": sentence(found)}, None
    try:
        rules = Rules(found.rules)
    except MissingError as error:
        return {"missing": sentence(error.missing)}, None
    first = found.rules[0]
    asked = {
        "optimizer": first.name,
        "choices": [
            {"label": label, "momentum": bool(rule.settings.get("momentum")), "lr": USUAL.get(rule.name)}
            for label, rule in rules.choices
        ],
        "recorded": {"lr": _rate(first), "momentum": first.settings.get("momentum") or None},
    }
    return asked, {**_told(found), **rules.told(), **_of_fit(run, found, points, computed)}


def sentence(missing: Missing) -> str:
    """Say why a run cannot be trained on in a page."""
    return text(missing.kind, "onward", **dict(zip(("name", "most"), missing.names, strict=False)))


def _rate(rule: Rule) -> float:
    return float(rule.settings["lr" if "lr" in rule.settings else "rate"])


# --- what a page loads ---------------------------------------------------------------------------------------------------


def _told(found: Onward) -> dict[str, Any]:
    counts = np.array([len(batch) for batch in found.batches], np.int32)
    return {
        "programs": [
            {
                **_program(one),
                "data": [{"slots": list(data.slots), "rows": data.rows} for data in brought],
            }
            for one, brought in zip(found.programs, found.data, strict=True)
        ],
        "columns": [_array(array) for array in found.columns],
        "batches": {
            "counts": column(counts, "int32"),
            "rows": _whole(np.concatenate([*found.batches, np.zeros(0, np.int32)])),
        },
        "arrays": [_array(array) for array in found.arrays],
        "kept": column(found.kept, "int32"),
        "program": _whole(found.program),
        "batch": _whole(found.batch),
        "brought": [_whole(part) for part in _columns(found.brought)],
        "rule": column(found.rule, "int32"),
        "adds": column(found.adds, "uint8"),
        "moments": [int(found.kept[place]) for place in found.moments],
        "states": _states(found),
    }


def _columns(rows: Sequence[Sequence[int]]) -> Array:
    """Return rows of different lengths as columns; where one is shorter there is a -1."""
    table = np.full((max(map(len, rows)), len(rows)), -1, np.int32)
    for place, row in enumerate(rows):
        table[: len(row), place] = row
    return table


def _program(one: Traced) -> dict[str, Any]:
    """Return a program without the numbers that are put in anyway."""
    given = {slot for slots in one.data.values() for slot in slots} | set(one.parameters.values())
    numbers = tuple(
        replace(numbers, array=np.zeros_like(numbers.array)) if numbers.slot in given else numbers
        for numbers in one.program.numbers
    )
    return {
        "program": replace(one.program, numbers=numbers).encoded(),
        "parameters": sorted(one.parameters.items()),
        "gradients": sorted(one.gradients.items()),
    }


def _states(found: Onward) -> dict[str, Any]:
    """Return the state at each moment: a row of all parameters, and a row of all that is remembered."""
    whole = "float64" if any(now.dtype == np.float64 for now, _ in found.states[0]) else "float32"
    names = list(
        dict.fromkeys(
            (number, name) for state in found.states for number, (_, memory) in enumerate(state) for name in memory
        )
    )
    sizes = {
        (number, name): next(state[number][1][name].size for state in found.states if name in state[number][1])
        for number, name in names
    }
    rows = [
        np.concatenate(
            [np.ravel(state[number][1].get(name, np.zeros(sizes[number, name]))) for number, name in names]
            or [np.zeros(0)]
        )
        for state in found.states
    ]
    return {
        "numbers": column(
            np.stack([np.concatenate([now.ravel() for now, _ in state]) for state in found.states]), whole
        ),
        "types": [now.dtype.name for now, _ in found.states[0]],
        "memories": [[number, name, sizes[number, name]] for number, name in names],
        "remembered": column(np.stack(rows), whole),
        "there": [[int(name in state[number][1]) for number, name in names] for state in found.states],
    }


def _array(array: Array) -> dict[str, Any]:
    kind = array.dtype.name if array.dtype.name in ("float32", "float64") else "int32"
    return {**column(array, kind), "dtype": array.dtype.name}


def _whole(numbers: Array) -> dict[str, Any]:
    """Return whole numbers as narrow as they are."""
    return column(numbers, "uint8" if numbers.size and numbers.min() >= 0 and numbers.max() < 256 else "int32")


def _of_fit(run: Run, found: Onward, points: int, computed: bool) -> dict[str, Any]:
    """Return which example each point of the fit is; and where the page cannot compute the fit from a network, a program for it."""
    fit = found.fit
    if fit is None:
        return {}
    told: dict[str, Any] = {}
    if len(found.points):
        told = {
            "points": _whole(found.points[:: -(-len(found.points) // points)]),
            "inputs": [list(one) for one in found.inputs],
            "target": found.target,
        }
    return told if computed else {**told, **_prediction(run, fit)}


def _prediction(run: Run, fit: Fit) -> dict[str, Any]:
    entry = run.log.entries[-1]
    where = fit.prediction(entry)
    if where is None or entry.program is None:
        return {}
    owners, program = run.owners[entry.program], run.log.programs[entry.program]
    one = predicting(program, entry, owners, where, given_for(entry, where, fit.grid), runnable())
    return {} if one is None else {"predicts": {**_program(one), "kind": where.kind}}
